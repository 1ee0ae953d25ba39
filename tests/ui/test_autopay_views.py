"""Autopay in words. A thin space (U+202F) is written `_` here, a no-break space `~`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cabinet.domain.autopay import AutopayKind, AutopayState, PauseReason, Terms
from cabinet.domain.payments import PaymentKind
from cabinet.services.autopay import Autopay, Rule, Upcoming
from cabinet.services.top_ups import Method
from cabinet.ui.autopay import views
from tests.conftest import NOON

FEE_AT = datetime(2026, 11, 25, 21, tzinfo=UTC)  # Thursday, 26 November in Moscow
AFTER = datetime(2026, 12, 25, 21, tzinfo=UTC)
CARD = Method(7, PaymentKind.CARD, "··4821", "09/28")
ACCOUNT = Method(8, PaymentKind.SBP, "··1234", "")
BY_FEE = Terms(AutopayKind.FEE, 100_000)
BELOW_100 = Terms(AutopayKind.THRESHOLD, 100_000, threshold_kopecks=10_000, amount_kopecks=30_000)
ON_5 = Terms(AutopayKind.DAY, 100_000, amount_kopecks=30_000, day=5)
DAY = timedelta(days=1)


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


def found(**facts: object) -> Autopay:
    usual = {"rule": None, "methods": (CARD, ACCOUNT), "main_kopecks": 31_250, "fees_at": (FEE_AT, AFTER)}
    return Autopay(**(usual | {"fee_kopecks": 65_000, "spent_kopecks": 0, "needs_code": False} | facts))


def rule(terms: Terms = BY_FEE, **facts: object) -> Rule:
    usual = {"state": AutopayState.ACTIVE, "pause_reason": None, "method": CARD, "is_paying": False, "retry_at": None}
    return Rule(1, terms, **(usual | {"upcoming": Upcoming(FEE_AT - DAY, 34_000)} | facts))


@pytest.mark.parametrize(
    ("terms", "upcoming", "title", "text"),
    [
        (BY_FEE, Upcoming(FEE_AT - DAY, 34_000), "Первое списание — ср, 25~ноября", "Около 340_₽ с карты ··4821. "),
        (BY_FEE, Upcoming(FEE_AT - DAY, 0), "Проверим баланс — ср, 25~ноября", "На плату хватает: "),
        (
            BELOW_100,
            Upcoming(None, 30_000),
            "Сейчас на балансе 312,50_₽",
            "Спишем 300_₽ с карты ··4821, когда станет м",
        ),
        (
            BELOW_100,
            Upcoming(NOON, 30_000),
            "Сейчас на балансе 312,50_₽",
            "Это меньше 100_₽: 300_₽ с карты ··4821 спиш",
        ),
        (ON_5, Upcoming(NOON + 12 * DAY, 30_000), "Первое списание — сб, 5~декабря", "300_₽ с карты ··4821. "),
        (BY_FEE, Upcoming(FEE_AT, 134_000, is_beyond=True), "Лимит месяца не пустит платёж", "Нужно 1_340_₽, а за"),
        (BY_FEE, None, "Платы по датам у вашего тарифа нет", "Выберите"),
    ],
)
def test_the_first_payment_is_told_before_anything_is_saved(
    terms: Terms, upcoming: Upcoming | None, title: str, text: str
):
    note = views.preview_view(found(), terms, upcoming, CARD, NOON, "ru")

    assert seen(note.title) == title
    assert seen(note.text).startswith(text)


def test_an_account_is_no_card():
    note = views.preview_view(found(), BY_FEE, Upcoming(FEE_AT, 34_000), ACCOUNT, NOON, "ru")

    assert "со счёта ··1234" in note.text
    assert [seen(one.text) for one in views.method_views(found(), "ru")] == ["··4821, до 09/28", "Счёт ··1234, СБП"]


@pytest.mark.parametrize(
    ("fees_at", "hint"),
    [
        ((FEE_AT, AFTER), "25-го числа, ровно столько, сколько не хватает"),
        ((FEE_AT, FEE_AT + DAY), "За день до неё, ровно столько, сколько не хватает"),  # a fee a day
        ((datetime(2026, 11, 30, 21, tzinfo=UTC), datetime(2026, 12, 31, 21, tzinfo=UTC)), "За день до неё, ровно "),
        ((), "У вашего тарифа нет платы по датам"),
    ],
)
def test_the_day_before_the_fee_is_named_where_it_is_the_same_each_month(fees_at: tuple, hint: str):
    assert views.hints(found(fees_at=fees_at), None, None, NOON, "ru").fee.startswith(hint)


@pytest.mark.parametrize(
    ("terms", "facts", "coming"),
    [
        (BY_FEE, {}, "ср, 25~ноября, около 340_₽"),
        (BY_FEE, {"upcoming": Upcoming(FEE_AT - DAY, 0)}, "ср, 25~ноября, если не хватит"),
        (BY_FEE, {"is_paying": True}, "идёт сейчас"),
        (BY_FEE, {"retry_at": NOON + timedelta(hours=4)}, "сегодня, 16:00"),
        (BELOW_100, {"upcoming": Upcoming(None, 30_000)}, "когда меньше 100_₽"),
    ],
)
def test_a_rule_says_what_comes_next(terms: Terms, facts: dict, coming: str):
    view = views.rule_view(found(rule=rule(terms, **facts)), NOON, "ru")

    assert {fact.name: seen(fact.value) for fact in view.facts}["Следующее списание"] == coming
    assert view.is_active


@pytest.mark.parametrize("reason", PauseReason)
def test_a_pause_says_why_and_what_to_do(reason: PauseReason):
    method = None if reason is PauseReason.METHOD_GONE else CARD
    paused = rule(state=AutopayState.PAUSED, pause_reason=reason, method=method, upcoming=None)

    view = views.rule_view(found(rule=paused), NOON, "ru")

    assert view.title == "Автоплатёж на паузе"
    assert view.note.text
    assert view.can_resume is (method is not None)


def test_the_fields_begin_with_the_rule_or_with_what_is_usual():
    usual = views.draft_of(found())
    assert (usual.kind, usual.ceiling, usual.method) == ("fee", "1000", "7")
    assert views.draft_of(found(fee_kopecks=120_100)).ceiling == "1500"  # a ceiling that lets the fee through
    assert views.draft_of(found(fees_at=())).kind == "threshold"

    kept = views.draft_of(found(rule=rule(replace(BELOW_100, threshold_kopecks=10_050), method=ACCOUNT)))

    assert (kept.kind, kept.threshold, kept.threshold_amount, kept.method) == ("threshold", "100,50", "300", "8")
