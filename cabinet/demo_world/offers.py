"""The made-up operator's promotions: of each kind one, some for Анна and some for Борис."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Catalogue
from cabinet.domain.promotions import Condition, Discount, DiscountOn, Fact, Money, Package, Terms

PROMO_CODE = "KABINET100"
PAST_CODE = "OSEN25"  # its series has ended: what is typed too late is told so
BY_CODE = "welcome"
JOINED_BY_ANNA = "travel_half"
_GIGABYTE = 2**30

ENGLISH = {
    "«Свобода» дешевле на 20 % — три месяца": "“Freedom” 20 % cheaper for three months",
    "Вы с нами больше трёх месяцев. Спасибо — вот скидка на тариф.": (
        "You have been with us for over three months. Thank you: here is a discount on the tariff."
    ),
    "Скидка действует на три ближайшие платы за тариф, на какой бы вы ни перешли.\n"
    "Если номер приостановлен, скидка ждёт следующей платы.\n"
    "Из двух скидок на одну плату действует бо́льшая, другая сохраняется.": (
        "The discount is for the next three fees of the tariff, whichever you move to.\n"
        "While the number is suspended, the discount waits for the next fee.\n"
        "Of two discounts on one fee the larger applies, and the other one is kept."
    ),
    "100 ₽ на счёт, чтобы хватило": "100 ₽ to your account, to make it do",
    "На счёте немного, а плата близко. Добавим.": "There is little on the account, and the fee is near. We add some.",
    "Деньги тратятся как обычные. Вывести их нельзя.\nОдин раз на номер.": (
        "The money is spent like any other. It cannot be withdrawn.\nOnce for each number."
    ),
    "5 ГБ на месяц в подарок": "5 GB for a month as a present",
    "Тем, кто много в интернете.": "For those who are online a lot.",
    "Пакет тратится, когда закончится пакет тарифа, и действует 30 дней.": (
        "The package is used when that of the tariff has run out, and lasts 30 days."
    ),
    "Кино — вдвое дешевле два месяца": "Films at half the price for two months",
    "Подключите подписку, когда захотите: скидка подождёт.": "Switch the subscription on when you like: it waits.",
    "Скидка действует на первые две платы за подписку.\nСаму подписку вы подключаете отдельно.": (
        "The discount is for the first two fees of the subscription.\nYou switch the subscription itself on separately."
    ),
    "Интернет в поездке — вдвое дешевле": "Internet on a trip at half the price",
    "Первые пять дней за границей.": "The first five days abroad.",
    "Скидка действует на пять плат за услугу.": "The discount is for five fees of the service.",
    "100 ₽ по промокоду": "100 ₽ for a promo code",
    "За то, что заглянули.": "For having looked in.",
    "Один раз на номер.": "Once for each number.",
}
"""Of the promotions below, by the Russian words."""


def promotions(made_at: datetime, catalogue: Catalogue) -> Iterator[tuple[str, Terms]]:
    """With their codes; those on a tariff or a service that is not in the catalogue are left out."""
    began_at, month = made_at - timedelta(days=30), made_at + timedelta(days=30)
    if "svoboda" in catalogue.plans:
        yield (
            "svoboda_20",
            Terms(
                title="«Свобода» дешевле на 20 % — три месяца",
                teaser="Вы с нами больше трёх месяцев. Спасибо — вот скидка на тариф.",
                rules="Скидка действует на три ближайшие платы за тариф, на какой бы вы ни перешли.\n"
                "Если номер приостановлен, скидка ждёт следующей платы.\n"
                "Из двух скидок на одну плату действует бо́льшая, другая сохраняется.",
                icon="offer",
                rewards=(Discount(DiscountOn.PLAN, 3, percent=20),),
                starts_at=began_at,
                ends_at=made_at + timedelta(days=14),
                conditions=(
                    Condition(Fact.PLAN, one_of=("svoboda",)),
                    Condition(Fact.TENURE_DAYS, at_least=90),
                ),
            ),
        )
    yield (
        "till_fee",
        Terms(
            title="100 ₽ на счёт, чтобы хватило",
            teaser="На счёте немного, а плата близко. Добавим.",
            rules="Деньги тратятся как обычные. Вывести их нельзя.\nОдин раз на номер.",
            icon="gift",
            rewards=(Money(10_000),),
            starts_at=began_at,
            ends_at=month,
            conditions=(
                Condition(Fact.BALANCE_ROUBLES, at_most=400),
                Condition(Fact.TENURE_DAYS, at_least=60),
            ),
            places=1_000,
        ),
    )
    yield (
        "month_gb",
        Terms(
            title="5 ГБ на месяц в подарок",
            teaser="Тем, кто много в интернете.",
            rules="Пакет тратится, когда закончится пакет тарифа, и действует 30 дней.",
            icon="wifi",
            rewards=(Package(UsageKind.DATA, 5 * _GIGABYTE, 30),),
            starts_at=began_at,
            ends_at=month,
            conditions=(Condition(Fact.DATA_GB, at_least=5),),
        ),
    )
    if "cinema" in catalogue.options:
        yield (
            "cinema_half",
            Terms(
                title="Кино — вдвое дешевле два месяца",
                teaser="Подключите подписку, когда захотите: скидка подождёт.",
                rules="Скидка действует на первые две платы за подписку.\nСаму подписку вы подключаете отдельно.",
                icon="music",
                rewards=(Discount(DiscountOn.OPTION, 2, percent=50, code="cinema"),),
                starts_at=began_at,
                ends_at=None,
            ),
        )
    if "travel_internet" in catalogue.options:
        yield (
            JOINED_BY_ANNA,
            Terms(
                title="Интернет в поездке — вдвое дешевле",
                teaser="Первые пять дней за границей.",
                rules="Скидка действует на пять плат за услугу.",
                icon="plane",
                rewards=(Discount(DiscountOn.OPTION, 5, percent=50, code="travel_internet"),),
                starts_at=began_at,
                ends_at=made_at + timedelta(days=45),
            ),
        )
    yield (
        BY_CODE,
        Terms(
            title="100 ₽ по промокоду",
            teaser="За то, что заглянули.",
            rules="Один раз на номер.",
            icon="gift",
            rewards=(Money(10_000),),
            starts_at=began_at,
            ends_at=None,
            needs_code=True,
        ),
    )
