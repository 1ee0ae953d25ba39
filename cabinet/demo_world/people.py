# ruff: noqa: S311  chance here makes a story, not secrets
"""Who the made-up operator's subscribers are, and when each of them brings money. Pure: a seed decides all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from random import Random

from cabinet.demo_world import offers, usage
from cabinet.demo_world.usage import Habits, Profile
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Catalogue, Plan
from cabinet.domain.effects import OrderKind
from cabinet.domain.periods import PeriodUnit, period_containing
from cabinet.domain.support import TicketCategory

ANNA = "79160000001"
BORIS = "79160000002"
VERA = "79160000003"
NAMED = (ANNA, BORIS, VERA)
ANNAS_CAP_KOPECKS = 150_000
ANNAS_CAP_SINCE = timedelta(days=50)

BASE_SIZE = 200
HISTORY_DAYS = 183
GIGABYTE = 2**30

_NAMES = (
    *("Александр", "Алексей", "Алина", "Анастасия", "Андрей", "Анна", "Антон", "Артём", "Валентина", "Василий"),
    *("Виктор", "Галина", "Денис", "Дмитрий", "Евгений", "Екатерина", "Елена", "Иван", "Игорь", "Ирина", "Кирилл"),
    *("Ксения", "Лариса", "Максим", "Марина", "Мария", "Михаил", "Надежда", "Наталья", "Николай", "Ольга", "Павел"),
    *("Полина", "Роман", "Светлана", "Сергей", "Татьяна", "Фёдор", "Юлия"),
)
_POPULARITY = {"svoboda": 72, "legkiy": 40, "maksimum": 20, "dialog": 18, "vershina": 4, "den": 8, "sekunda": 4}
_ORDINARY_POPULARITY = 10


@dataclass(frozen=True, slots=True)
class Purse:
    """How a person pays: keeps `margin_kopecks` besides the fee, brings whole `step_kopecks`.

    After `late_from` they pay only `LATE_BY` after the fee was refused.
    """

    margin_kopecks: int
    step_kopecks: int
    late_from: datetime | None = None


LATE_BY = timedelta(days=4)
_STEPS = (5_000, 10_000, 10_000, 50_000)


@dataclass(frozen=True, slots=True)
class Wish:
    """A service or package that a person orders at that moment; no two of one person are of the same moment."""

    at: datetime
    kind: OrderKind
    code: str


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up subscriber. `settings` are those of the plan; the first fee is asked at `activated_at`."""

    msisdn: str
    name: str
    region: str
    plan_code: str
    settings: Mapping[str, str]
    anchor_day: int
    activated_at: datetime
    profile: Profile
    habits: Habits
    purse: Purse
    wishes: tuple[Wish, ...] = ()

    @property
    def account_number(self) -> str:
        """The contract's number: made of the phone number, so that it is the same every time."""
        return f"9{self.msisdn[3:]}"


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a person knows before deciding to pay: money and the next fee. `debt_kopecks` is what is owed."""

    balance_kopecks: int
    debt_kopecks: int
    fee_kopecks: int
    period: PeriodUnit
    next_fee_at: datetime | None


def cast(seed: int, made_at: datetime, catalogue: Catalogue, tz: tzinfo) -> list[Person]:
    """Everybody, the three named ones first. `made_at` is the moment at which their situation is as described."""
    chance = Random(f"numbers:{seed}")
    base = tuple(f"79162{number:06d}" for number in sorted(chance.sample(range(10**6), BASE_SIZE)))
    began_at = made_at - timedelta(days=HISTORY_DAYS)
    people = _named(seed, made_at, began_at, catalogue, base, tz)
    people += [_ordinary(seed, msisdn, began_at, catalogue, base, tz) for msisdn in base]
    return people


def _named(
    seed: int, made_at: datetime, began_at: datetime, catalogue: Catalogue, base: tuple[str, ...], tz: tzinfo
) -> list[Person]:
    """Анна has her fee in a week and money for it, services and packages; Борис in three and not enough; Вера came two
    months ago."""
    region = catalogue.default_region
    monthly = [
        plan
        for plan in catalogue.plans.values()
        if plan.is_sold_in(region) and plan.period == PeriodUnit.MONTH and plan.fee_for(region) > 0
    ]
    favourite = next((plan for plan in monthly if plan.code == "svoboda"), monthly[0])
    modest = next((plan for plan in monthly if plan.code == "legkiy"), monthly[-1])

    def someone(
        msisdn: str, name: str, plan: Plan, fee_in: int, since: datetime, life: Profile, purse: Purse
    ) -> Person:
        anchor = (made_at + timedelta(days=fee_in)).astimezone(tz).day
        start = period_containing(since, anchor, plan.period, tz).start
        circle = usage.habits(seed, msisdn, base, far_friend=usage.IN_KAZAKHSTAN)
        return Person(msisdn, name, region, plan.code, {}, anchor, start, life, circle, purse)

    late_from = made_at - timedelta(days=10)
    recently = made_at - timedelta(days=61)
    return [
        replace(
            someone(ANNA, "Анна", favourite, 7, began_at, usage.ANNA, Purse(120_000, 50_000)),
            wishes=_annas_wishes(made_at, catalogue),
        ),
        someone(BORIS, "Борис", modest, 3, began_at, usage.TALKER, Purse(12_000, 10_000, late_from)),
        someone(VERA, "Вера", modest, 20, recently, usage.QUIET, Purse(30_000, 10_000)),
    ]


def _annas_wishes(made_at: datetime, catalogue: Catalogue) -> tuple[Wish, ...]:
    """What of this the operator sells: something free, something paid, a trial that will ask, packages gone and not."""
    asked: tuple[tuple[int, OrderKind, str], ...] = (
        (100, OrderKind.OPTION_ON, "antispam"),
        (72, OrderKind.OPTION_ON, "voicemail"),
        (38, OrderKind.BUNDLE, "gb_5"),
        (20, OrderKind.OPTION_ON, "music"),
        (4, OrderKind.BUNDLE, "min_60"),
    )
    sold = catalogue.bundles.keys() | catalogue.options.keys()
    joined = [code for code, _ in offers.promotions(made_at, catalogue) if code == offers.JOINED_BY_ANNA]
    asked += tuple((12, OrderKind.PROMOTION, code) for code in joined)
    sold |= set(joined)
    return tuple(Wish(made_at - timedelta(days=days), kind, code) for days, kind, code in asked if code in sold)


def _ordinary(
    seed: int, msisdn: str, began_at: datetime, catalogue: Catalogue, base: tuple[str, ...], tz: tzinfo
) -> Person:
    chance = Random(f"person:{seed}:{msisdn}")
    plan = chance.choices(
        list(catalogue.plans.values()),
        weights=[_POPULARITY.get(code, _ORDINARY_POPULARITY) for code in catalogue.plans],
    )[0]
    regions = [region for region in catalogue.regions if plan.is_sold_in(region)]
    home = catalogue.default_region
    region = home if home in regions and chance.random() < 0.6 else chance.choice(regions)
    settings = {setting.code: chance.choice(setting.steps).code for setting in plan.settings}
    since = began_at + timedelta(days=chance.randrange(150) if chance.random() < 0.35 else 0)
    # The contract begins on the day of its own anchor, so that every period is whole.
    starts_on = (since + timedelta(days=1 + chance.randrange(28))).astimezone(tz).date()
    return Person(
        msisdn=msisdn,
        name=chance.choice(_NAMES),
        region=region,
        plan_code=plan.code,
        settings=settings,
        anchor_day=starts_on.day,
        activated_at=datetime.combine(starts_on, time.min, tz).astimezone(UTC),
        profile=_profile(chance, plan, settings),
        habits=usage.habits(seed, msisdn, base),
        purse=Purse(chance.randrange(5_000, 30_000), chance.choice(_STEPS)),
    )


def _profile(chance: Random, plan: Plan, settings: Mapping[str, str]) -> Profile:
    """People choose the plan that suits their life, more or less."""
    given = {grant.kind: grant.amount for grant in plan.grants_for(settings) if not grant.scope}
    data = given.get(UsageKind.DATA, 0)
    has_much_data = data is None or data >= 25 * GIGABYTE
    if plan.for_devices:
        return usage.LAPTOP if has_much_data else usage.DEVICE
    if data == 0:
        return usage.CALLER
    if has_much_data or plan.period == PeriodUnit.DAY:
        return chance.choice((usage.HEAVY, usage.HEAVY, usage.TALKER, usage.TRAVELLER, usage.QUIET))
    return chance.choice((usage.QUIET, usage.QUIET, usage.TALKER))


def payment_due(purse: Purse, wallet: Wallet, now: datetime, next_chance_at: datetime) -> int:
    """Kopecks that the person brings now, 0 for nothing; the next chance to pay is at `next_chance_at`."""
    if wallet.next_fee_at is None:
        return 0
    if purse.late_from is not None and now >= purse.late_from and now < wallet.next_fee_at + LATE_BY:
        return 0
    horizon = next_chance_at + timedelta(days=1)
    if wallet.period == PeriodUnit.DAY:
        fees = max((horizon - wallet.next_fee_at).days + 1, 0)
        target = wallet.fee_kopecks * max(fees, 7)  # who pays by the day brings money for a week
    else:
        fees = 1 if wallet.next_fee_at <= horizon else 0
        target = wallet.fee_kopecks
    free = wallet.balance_kopecks - wallet.debt_kopecks
    if free >= wallet.fee_kopecks * fees + (purse.margin_kopecks if fees else 2_000):
        return 0
    missing = (target if fees else 0) + purse.margin_kopecks - free
    return -(-missing // purse.step_kopecks) * purse.step_kopecks


def next_errand(after: datetime, tz: tzinfo) -> datetime:
    """When people next see to their money: every third day, at an hour of its own."""
    day = after.astimezone(tz).date()
    while True:
        number = day.toordinal()
        if number % 3 == 0:
            moment = datetime.combine(day, time(9 + number * 7 % 13, number * 11 % 60), tz).astimezone(UTC)
            if moment > after:
                return moment
        day += timedelta(days=1)


# --- what Анна asks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Talk:
    """A question, so long ago, and what was answered; without an answer it waits."""

    ago: timedelta
    category: TicketCategory
    question: str
    answer: str = ""
    answered_after: timedelta = timedelta()


TALKS = (
    Talk(
        timedelta(days=3, hours=4),
        TicketCategory.INTERNET,
        "Не раздаётся интернет. Телефон видит сеть, а ноутбук через него никуда не выходит.",
        "Анна, здравствуйте! Раздача входит в ваш тариф. Выключите и включите точку доступа и проверьте, что в ней "
        "выбран диапазон 2,4 ГГц: старые ноутбуки другого не видят. Не поможет — напишите модель телефона.",
        timedelta(hours=1, minutes=52),
    ),
    Talk(
        timedelta(minutes=40),
        TicketCategory.MONEY,
        "Почему звонок в Казахстан стоил отдельно? У меня ещё есть минуты в пакете.",
    ),
)
TEMPLATES = (
    ("Звонки за границу", "{name}, здравствуйте! Минуты пакета действуют на звонки по России. Звонок был за границу."),
    (
        "Перезагрузка",
        "{name}, здравствуйте! Включите и выключите режим «В самолёте»: телефон подключится к сети заново.",
    ),
)
