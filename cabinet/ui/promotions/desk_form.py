"""The form of a promotion: what staff typed becomes terms, and terms become what stands in its fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from cabinet.domain.allowances import UsageKind
from cabinet.domain.money import InvalidAmount, parse_kopecks
from cabinet.domain.promotions import (
    Condition,
    Discount,
    DiscountOn,
    Fact,
    Money,
    Package,
    Terms,
    TermsWrong,
)

NUMBERS = (
    (Fact.TENURE_DAYS, "С нами, дней"),
    (Fact.DATA_GB, "Интернет за 30 дней, ГБ"),
    (Fact.VOICE_MINUTES, "Звонки за 30 дней, минут"),
    (Fact.SMS, "SMS за 30 дней"),
    (Fact.SPENT_ROUBLES, "Расходы за 30 дней, ₽"),
    (Fact.BALANCE_ROUBLES, "Баланс сейчас, ₽"),
    (Fact.TOP_UPS, "Пополнений за 90 дней"),
)
UNITS = {UsageKind.DATA: 2**30, UsageKind.VOICE: 60, UsageKind.SMS: 1}
LONGEST_FIELD = 4_000
_LARGEST = 10**9


@dataclass
class FormView:
    """What stands in the fields. `picked` are the names of the ticked boxes: `plan:start`, `region:moskva`."""

    code: str = ""
    title: str = ""
    teaser: str = ""
    rules: str = ""
    title_en: str = ""
    teaser_en: str = ""
    rules_en: str = ""
    icon: str = "offer"
    starts_on: str = ""
    last_on: str = ""
    places: str = ""
    needs_code: bool = False
    roubles: str = ""
    package_kind: str = "data"
    package_amount: str = ""
    package_days: str = "30"
    discount_size: str = ""
    discount_unit: str = "percent"
    discount_on: str = "plan:"
    discount_periods: str = "3"
    has_option: str = ""
    has_no_option: str = ""
    picked: list[str] = field(default_factory=list)
    bounds: dict[str, str] = field(default_factory=dict)


def terms_of(form: Mapping[str, Any], zone: tzinfo) -> Terms:
    """The terms as they were typed; `check_terms` has still to look at them.

    Raises:
        TermsWrong: a field is not what it has to be.
    """
    starts_on, last_on = _date(form, "starts_on"), _date(form, "last_on")
    if starts_on is None:
        raise TermsWrong("С какого дня действует акция?")
    return Terms(
        title=_text(form, "title"),
        teaser=_text(form, "teaser"),
        rules=_text(form, "rules"),
        icon=_text(form, "icon") or "offer",
        rewards=tuple(_rewards(form)),
        starts_at=_midnight(starts_on, zone),
        ends_at=_midnight(last_on + timedelta(days=1), zone) if last_on else None,
        conditions=tuple(_conditions(form)),
        needs_code=bool(form.get("needs_code")),
        places=_number(form, "places"),
    )


def english_of(form: Mapping[str, Any], terms: Terms) -> dict[str, str]:
    """What was typed as the English of the words of these terms.

    Raises:
        TermsWrong: a field is not what it has to be.
    """
    return {getattr(terms, name): _text(form, f"{name}_en") for name in ("rules", "teaser", "title")}


def form_of(code: str, terms: Terms, english: Mapping[str, str], zone: tzinfo) -> FormView:
    """What stands in the fields for these terms and the English words that are known."""
    view = FormView(
        code=code,
        title=terms.title,
        teaser=terms.teaser,
        rules=terms.rules,
        title_en=english.get(terms.title, ""),
        teaser_en=english.get(terms.teaser, ""),
        rules_en=english.get(terms.rules, ""),
        icon=terms.icon,
        starts_on=terms.starts_at.astimezone(zone).date().isoformat(),
        last_on=(terms.ends_at.astimezone(zone).date() - timedelta(days=1)).isoformat() if terms.ends_at else "",
        places="" if terms.places is None else str(terms.places),
        needs_code=terms.needs_code,
    )
    for reward in terms.rewards:
        if isinstance(reward, Money):
            view.roubles = _roubles(reward.kopecks)
        elif isinstance(reward, Package):
            view.package_kind, view.package_days = reward.kind.value, str(reward.days)
            view.package_amount = str(reward.amount // UNITS[reward.kind])
        else:
            view.discount_size = str(reward.percent) if reward.percent else _roubles(reward.kopecks)
            view.discount_unit = "percent" if reward.percent else "roubles"
            view.discount_on, view.discount_periods = f"{reward.on}:{reward.code}", str(reward.periods)
    for condition in terms.conditions:
        if condition.fact in (Fact.PLAN, Fact.REGION):
            view.picked += [f"{condition.fact}:{code}" for code in condition.one_of]
        elif condition.fact is Fact.OPTION:
            view.has_option, view.has_no_option = "".join(condition.one_of[:1]), "".join(condition.none_of[:1])
        else:
            for end, value in (("least", condition.at_least), ("most", condition.at_most)):
                if value is not None:
                    view.bounds[f"{condition.fact}-{end}"] = str(value)
    return view


def _rewards(form: Mapping[str, Any]) -> list[Money | Package | Discount]:
    rewards: list[Money | Package | Discount] = []
    if roubles := _text(form, "roubles"):
        rewards.append(Money(_kopecks(roubles)))
    if amount := _number(form, "package_amount"):
        try:
            kind = UsageKind(_text(form, "package_kind"))
        except ValueError:
            raise TermsWrong("Пакет: чего в нём?") from None
        rewards.append(Package(kind, amount * UNITS[kind], _number(form, "package_days") or 0))
    if size := _text(form, "discount_size"):
        on, _, code = _text(form, "discount_on").partition(":")
        if on not in set(DiscountOn):
            raise TermsWrong("Скидка: на что?")
        is_percent = _text(form, "discount_unit") == "percent"
        rewards.append(
            Discount(
                on=DiscountOn(on),
                periods=_number(form, "discount_periods") or 0,
                percent=(_number(form, "discount_size") or 0) if is_percent else 0,
                kopecks=0 if is_percent else _kopecks(size),
                code=code,
            )
        )
    return rewards


def _conditions(form: Mapping[str, Any]) -> list[Condition]:
    conditions = []
    for fact in (Fact.PLAN, Fact.REGION):
        picked = sorted(name.removeprefix(f"{fact}:") for name in form if str(name).startswith(f"{fact}:"))
        if picked:
            conditions.append(Condition(fact, one_of=tuple(picked)))
    has, has_no = _text(form, "has_option"), _text(form, "has_no_option")
    if has or has_no:
        conditions.append(Condition(Fact.OPTION, one_of=(has,) if has else (), none_of=(has_no,) if has_no else ()))
    for fact, _ in NUMBERS:
        least, most = _number(form, f"{fact}-least"), _number(form, f"{fact}-most")
        if least is not None or most is not None:
            conditions.append(Condition(fact, at_least=least, at_most=most))
    return conditions


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_FIELD:
        raise TermsWrong("Слишком длинный текст.")
    return "".join(char for char in value if char.isprintable() or char == "\n").strip()


def _number(form: Mapping[str, Any], name: str) -> int | None:
    text = _text(form, name)
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10 or abs(int(text)) > _LARGEST:
        raise TermsWrong(f"«{text[:20]}» — не целое число.")
    return int(text)


def _kopecks(text: str) -> int:
    try:
        return parse_kopecks(text)
    except InvalidAmount:
        raise TermsWrong(f"«{text[:20]}» — не сумма денег.") from None


def _date(form: Mapping[str, Any], name: str) -> date | None:
    text = _text(form, name)
    if not text:
        return None
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise TermsWrong(f"«{text[:20]}» — не дата.") from None
    if not 2000 <= on.year <= 2100:
        raise TermsWrong(f"«{text[:20]}» — не дата.")
    return on


def _midnight(on: date, zone: tzinfo) -> datetime:
    return datetime.combine(on, time.min, zone)


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100}" + (f",{kopecks % 100:02}" if kopecks % 100 else "")


@dataclass(frozen=True)
class Series:
    """Promo codes that are asked for: `word` is the one code, or there are `count` random ones."""

    name: str
    count: int
    uses_each: int
    word: str
    last_on: date | None


def series_of(form: Mapping[str, Any]) -> Series:
    """What was typed.

    Raises:
        TermsWrong: a field is not what it has to be.
    """
    word = _text(form, "word")
    return Series(
        name=_text(form, "series_name"),
        count=1 if word else _number(form, "count") or 0,
        uses_each=_number(form, "uses_each") or 1,
        word=word,
        last_on=_date(form, "series_last_on"),
    )
