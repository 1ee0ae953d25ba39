"""A subscriber's money and tariff in words for the desk: the same on the card and beside a ticket."""

from cabinet import clock
from cabinet.locales import Language, name_in, translate
from cabinet.services.overview import Overview
from cabinet.ui import formats

_STATUSES = {"active": "работает", "blocked": "заблокирован", "closed": "договор закрыт"}


def standing(figures: Overview, status: str, language: Language) -> list[tuple[str, str]]:
    """Names and values; `status` is the number's own. What is zero and usually so is left out."""
    facts: list[tuple[str, str]] = []

    def fact(name: str, value: str) -> None:
        facts.append((translate(name, language), value))

    fact("Баланс", formats.money(figures.main_kopecks, language))
    if figures.bonus_kopecks:
        fact("Бонусы", formats.money(figures.bonus_kopecks, language))
    if figures.debt_kopecks:
        fact("Долг за связь", formats.money(figures.debt_kopecks, language))
    if figures.credit_limit_kopecks:
        fact("Кредитный лимит", formats.money(figures.credit_limit_kopecks, language))
    fact("Связь", translate("приостановлен" if figures.is_suspended else _STATUSES[status], language))
    fact("Тариф", name_in(figures.plan_name, language))
    if figures.next_charge is not None:
        charge = figures.next_charge
        on = formats.day(clock.local(charge.at).date(), clock.local(figures.as_of).date(), language)
        fact("Следующая плата", f"{on}, {formats.money(charge.amount_kopecks, language)}")
    left = [
        translate("безлимит", language) if one.is_unlimited else formats.quantity(one.kind, one.remaining, language)
        for one in figures.allowances
        if not one.scope_name
    ]
    if left:
        fact("Осталось", " · ".join(left))
    return facts
