"""What happened is told once, in the transaction of what happened, by the ways that the subscriber has chosen."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from cabinet import clock, ledger
from cabinet.config import ROOT
from cabinet.domain import catalogue
from cabinet.domain.allowances import UsageKind
from cabinet.domain.errors import NotFound
from cabinet.models.notices import Notice, NoticeKind
from cabinet.models.outbox import Channel, OutboxMessage
from cabinet.services import audit, billing, bundles, channels, notices, orders, subscribers, tariffs
from cabinet.services.notices import Event
from tests.conftest import NOON, both_engines

DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)  # 23 November in Moscow: Anna's fee is due


def given_anna(session: Session, kopecks: int = 0, anchor_day: int = 23, number: int = 1) -> int:
    """Pays 650 ₽ on the 23rd; her plan begins today, at midnight."""
    tariffs.store_catalogue(session, catalogue.load(ROOT / "cabinet" / "catalogues" / "demo.yaml"), now=MIDNIGHT)
    subscriber_id = subscribers.create(
        session,
        account_number=f"96000000{number}",
        msisdn=f"7916000000{number}",
        name="Анна",
        region="moskva",
        plan_code="svoboda",
        anchor_day=anchor_day,
        activated_at=MIDNIGHT,
        now=MIDNIGHT,
    )
    if kopecks:
        given_money(session, subscriber_id, kopecks, MIDNIGHT)
    return subscriber_id


def given_money(session: Session, subscriber_id: int, kopecks: int, now: datetime) -> None:
    billing.record_payment(
        session,
        subscriber_id,
        kopecks,
        reference=f"money:{subscriber_id}:{now}",
        happened_at=now,
        now=now,
        source="card",
    )


def given_email(session: Session, subscriber_id: int, address: str = "anna@example.ru") -> None:
    channels.ask_email(session, subscriber_id, address, now=NOON)
    assert channels.confirm_email(session, subscriber_id, last_token(session), now=NOON)


def last_token(session: Session) -> str:
    letter = session.exec(select(OutboxMessage).where(OutboxMessage.kind == "email").order_by(OutboxMessage.id)).all()[
        -1
    ]
    found = re.search(r"token=(\S+)", letter.body)
    assert found
    return found[1]


def told(session: Session) -> list[tuple[NoticeKind, dict[str, Any]]]:
    return [(row.kind, row.facts) for row in session.exec(select(Notice).order_by(Notice.id))]


def kinds(session: Session) -> list[NoticeKind]:
    return [kind for kind, _ in told(session)]


def messages(session: Session, channel: Channel = Channel.SMS) -> list[str]:
    query = select(OutboxMessage).where(OutboxMessage.channel == channel, OutboxMessage.kind != "email")
    return [row.body for row in session.exec(query.order_by(OutboxMessage.id))]


def an_event(subscriber_id: int, kind: NoticeKind = NoticeKind.FEE, **changed: Any) -> Event:
    facts = {"reference": "event:1", "happened_at": NOON, "facts": {"kopecks": 650_00}} | changed
    return Event(subscriber_id, kind, **facts)


@both_engines
def test_what_happened_is_told_once_whatever_is_tried_again(session):
    anna = given_anna(session)
    for _ in range(2):
        notices.tell(session, [an_event(anna, NoticeKind.SUSPENDED)], now=NOON)
    assert told(session) == [(NoticeKind.SUSPENDED, {"kopecks": 650_00})]
    assert messages(session) == ["Не хватило 650 ₽ на плату: связь приостановлена. Пополните счёт."]


@both_engines
def test_two_in_one_call_with_one_reference_are_one(session):
    anna = given_anna(session)
    notices.tell(session, [an_event(anna), an_event(anna)], now=NOON)
    assert kinds(session) == [NoticeKind.FEE]


def test_every_sms_fits_into_one_message():
    at = {"at": NOON.isoformat()}
    large = {"kopecks": 1_234_56, "lacking_kopecks": 1_234_56, "percent": 20}
    for kind in (NoticeKind.SUSPENDED, NoticeKind.RESTORED, NoticeKind.LOW_BALANCE):
        assert len(notices.sentence(kind, large | at, "ru")) <= 70, kind
    for kind in (NoticeKind.ALLOWANCE_LOW, NoticeKind.ALLOWANCE_OUT):
        for what in UsageKind:
            assert len(notices.sentence(kind, large | {"usage": what}, "ru")) <= 70
    for kind in (NoticeKind.CAP_NEAR, NoticeKind.CAP_REACHED):
        assert len(notices.sentence(kind, {"limit_kopecks": 100_000_00, "percent": 99}, "ru")) <= 70


def test_yesterday_is_told_in_the_cabinet_alone_and_last_month_not_at_all(session):
    anna = given_anna(session)
    given_email(session, anna)
    yesterday = an_event(anna, NoticeKind.SUSPENDED, reference="event:2", happened_at=NOON - DAY)
    long_ago = an_event(anna, NoticeKind.SUSPENDED, reference="event:3", happened_at=NOON - 31 * DAY)
    notices.tell(session, [yesterday, long_ago], now=NOON)
    assert kinds(session) == [NoticeKind.EMAIL_SET, NoticeKind.SUSPENDED]
    assert notices.count_unread(session, anna) == 1  # what is old is not new to anybody
    assert messages(session) == []


# --- events ----------------------------------------------------------------------------------------------------------


@both_engines
def test_a_fee_is_told_when_it_is_charged(session):
    anna = given_anna(session, 700_00)
    assert told(session) == [(NoticeKind.FEE, {"kopecks": 650_00, "name": "Свобода"})]
    assert messages(session) == []
    assert ledger.balance(session, anna).main == 50_00


@both_engines
def test_lacking_money_is_told_once_and_the_return_of_service_too(session):
    anna = given_anna(session)
    ids = billing.list_due(session, NOON, 10)
    billing.charge_fees_until(session, ids, NOON, now=NOON)
    given_money(session, anna, 100_00, NOON)
    given_money(session, anna, 600_00, NOON + timedelta(minutes=1))
    assert kinds(session) == [NoticeKind.SUSPENDED, NoticeKind.RESTORED]
    assert messages(session) == [
        "Не хватило 650 ₽ на плату: связь приостановлена. Пополните счёт.",
        "Плату 650 ₽ списали, связь снова работает.",
    ]


def test_an_order_and_its_undoing_are_told(session):
    anna = given_anna(session, 2_000_00)
    quote = bundles.quote_bundle(
        session, anna, next(iter(bundles.list_bundles(session, anna, now=NOON).cards)).code, now=NOON
    )
    order = orders.confirm(session, anna, quote.id, now=NOON)
    orders.undo(session, anna, order.id, now=NOON)
    assert kinds(session)[1:] == [NoticeKind.ORDER, NoticeKind.ORDER_UNDONE]


# --- fees to come ----------------------------------------------------------------------------------------------------


@both_engines
@pytest.mark.parametrize(("before", "is_told"), [(3 * DAY, True), (3 * DAY + timedelta(minutes=1), False)])
def test_who_lacks_money_for_a_coming_fee_is_told_three_days_before(session, before, is_told):
    given_anna(session, 700_00)
    fee_at = datetime(2026, 12, 22, 21, 0, tzinfo=UTC)
    notices.warn_of_fees(session, now=fee_at - before)
    assert (NoticeKind.LOW_BALANCE in kinds(session)) is is_told
    if is_told:
        assert told(session)[-1][1] == {"kopecks": 650_00, "lacking_kopecks": 600_00, "at": fee_at.isoformat()}
        assert messages(session) == ["23.12 спишем 650 ₽. Не хватает 600 ₽: пополните счёт."]


@both_engines
def test_it_is_told_once_three_days_before_and_once_a_day_before(session):
    given_anna(session, 700_00)
    fee_at = datetime(2026, 12, 22, 21, 0, tzinfo=UTC)
    for hours in (80, 72, 71, 50, 24, 23, 1, 0):
        notices.warn_of_fees(session, now=fee_at - timedelta(hours=hours))
    references = session.exec(select(Notice.reference).where(Notice.kind == NoticeKind.LOW_BALANCE)).all()
    assert [reference.rpartition(":")[2] for reference in references] == ["3", "1"]


def test_who_has_the_money_is_not_told(session):
    given_anna(session, 1_300_00)
    notices.warn_of_fees(session, now=datetime(2026, 12, 22, 9, 0, tzinfo=UTC))
    assert NoticeKind.LOW_BALANCE not in kinds(session)


@both_engines
def test_many_with_one_fee_day_are_looked_at_in_turns_and_nobody_is_left_out(session):
    for number in range(1, 6):
        given_anna(session, 700_00, number=number)
    now = datetime(2026, 12, 20, 9, 0, tzinfo=UTC)
    looked_at = [notices.warn_of_fees(session, now=now, limit=2) for _ in range(5)]
    assert looked_at == [2, 2, 1, 0, 0]
    assert kinds(session).count(NoticeKind.LOW_BALANCE) == 5


# --- packages --------------------------------------------------------------------------------------------------------


def given_used(session: Session, subscriber_id: int, percent: int) -> None:
    """So much of the month's minutes is used."""
    from cabinet.models.usage import Allowance

    for row in session.exec(select(Allowance).where(Allowance.subscriber_id == subscriber_id)):
        row.remaining = row.granted * (100 - percent) // 100 if row.kind is UsageKind.VOICE else row.granted
        session.add(row)
    session.flush()
    notices.tell_of_allowances(session, {subscriber_id}, now=NOON)


@both_engines
def test_a_package_is_told_of_at_eighty_and_at_a_hundred_percent_once_each(session):
    anna = given_anna(session, 700_00)
    for percent in (79, 80, 90, 100, 100):
        given_used(session, anna, percent)
    assert told(session)[1:] == [
        (NoticeKind.ALLOWANCE_LOW, {"usage": "voice", "percent": 20}),
        (NoticeKind.ALLOWANCE_OUT, {"usage": "voice", "percent": 0}),
    ]
    assert messages(session) == [
        "Минуты в пакете заканчиваются: осталось 20 %.",
        "Минуты в пакете закончились.",
    ]


# --- ways ------------------------------------------------------------------------------------------------------------


@both_engines
def test_a_way_that_was_turned_off_is_not_used(session):
    anna = given_anna(session)
    given_email(session, anna)
    channels.choose(session, anna, "money", sms=False)
    notices.tell(session, [an_event(anna, NoticeKind.SUSPENDED)], now=NOON)
    assert messages(session) == []
    assert [text.split("\n")[0] for text in messages(session, Channel.EMAIL)][-1].startswith("Не хватило 650 ₽")
    channels.choose(session, anna, "money", email=False)
    notices.tell(session, [an_event(anna, NoticeKind.SUSPENDED, reference="event:2")], now=NOON)
    assert len(messages(session, Channel.EMAIL)) == 2  # the confirmed address and the first event


def test_security_goes_by_email_whatever_is_chosen(session):
    anna = given_anna(session)
    given_email(session, anna)
    facts = {"device": "Android, Chrome", "address": "10.0.0.1"}
    notices.tell(session, [an_event(anna, NoticeKind.SIGN_IN, facts=facts)], now=NOON)
    assert messages(session, Channel.EMAIL)[-1].startswith("Вошли с нового устройства: Android, Chrome, 10.0.0.1.")
    for way in ({"sms": True}, {"email": False}):
        with pytest.raises(NotFound):
            channels.choose(session, anna, "security", **way)


@pytest.mark.parametrize("topic", ["", "everything", "MONEY", "money; --"])
def test_there_are_no_other_topics(session, topic):
    with pytest.raises(NotFound):
        channels.choose(session, given_anna(session), topic, sms=True)


# --- e-mail ----------------------------------------------------------------------------------------------------------


@both_engines
def test_an_address_is_used_only_after_its_link_was_opened(session):
    anna, boris = given_anna(session), given_anna(session, number=2)
    channels.ask_email(session, anna, " anna@example.ru ", now=NOON)
    token = last_token(session)
    found = channels.get_channels(session, anna)
    assert (found.email, found.waiting) == ("", "anna@example.ru")
    assert not channels.confirm_email(session, boris, token, now=NOON)
    assert not channels.confirm_email(session, anna, token + "x", now=NOON)
    assert channels.confirm_email(session, anna, token, now=NOON)
    assert not channels.confirm_email(session, anna, token, now=NOON)
    found = channels.get_channels(session, anna)
    assert (found.email, found.waiting) == ("anna@example.ru", "")


def test_a_link_lives_for_a_day(session):
    anna = given_anna(session)
    channels.ask_email(session, anna, "anna@example.ru", now=NOON)
    assert not channels.confirm_email(session, anna, last_token(session), now=NOON + DAY)


def test_the_old_address_stays_until_the_new_one_is_confirmed(session):
    anna = given_anna(session)
    given_email(session, anna)
    channels.ask_email(session, anna, "new@example.ru", now=NOON)
    assert channels.get_channels(session, anna).email == "anna@example.ru"
    channels.remove_email(session, anna, now=NOON)
    assert channels.get_channels(session, anna).email == ""


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@",
        "@example.ru",
        "anna@example",
        "a b@example.ru",
        "анна@пример.рф",
        "a@b.ru\r\nBcc: x@y.ru",
        "a" * 120 + "@example.ru",
        "a@-x.ru",
        "<a@b.ru>",
    ],
)
def test_what_is_no_address_is_refused(session, address):
    with pytest.raises(channels.WrongAddress):
        channels.ask_email(session, given_anna(session), address, now=NOON)


def test_nobody_is_flooded_with_letters(session):
    anna = given_anna(session)
    for _ in range(channels.LETTERS_PER_HOUR):
        channels.ask_email(session, anna, "other@example.ru", now=NOON)
    with pytest.raises(channels.TooManyLetters):
        channels.ask_email(session, anna, "other@example.ru", now=NOON)
    channels.ask_email(session, anna, "other@example.ru", now=NOON + timedelta(hours=1))


# --- reading ---------------------------------------------------------------------------------------------------------


@both_engines
def test_notices_are_read_by_whom_they_are_for_newest_first(session):
    anna, boris = given_anna(session), given_anna(session, number=2)
    for number in range(5):
        notices.tell(session, [an_event(anna, reference=f"event:{number}", facts={"kopecks": number})], now=NOON)
    assert notices.count_unread(session, anna) == 5
    page = notices.list_notices(session, anna, before=None, limit=3)
    assert [one.facts["kopecks"] for one in page] == [4, 3, 2]
    rest = notices.list_notices(session, anna, before=page[-1].id, limit=3)
    assert [one.facts["kopecks"] for one in rest] == [1, 0]
    notices.mark_read(session, boris, page[0].id, now=NOON)
    assert notices.count_unread(session, anna) == 5
    notices.mark_read(session, anna, page[1].id, now=NOON)
    assert notices.count_unread(session, anna) == 1
    assert notices.list_notices(session, boris, before=None, limit=3) == []


@both_engines
def test_a_promise_without_its_message_is_found_by_the_audit(session):
    anna = given_anna(session)
    now = clock.now()
    given_email(session, anna)
    notices.tell(session, [an_event(anna, NoticeKind.SUSPENDED, happened_at=now)], now=now)
    assert audit.run_audit(session).is_sound
    for row in session.exec(select(OutboxMessage).where(OutboxMessage.kind == "notice")):
        session.delete(row)
    session.flush()
    faults = {(fault.account, fault.what.split()[0]) for fault in audit.run_audit(session).faults}
    assert faults == {(f"subscriber:{anna}", "notice")}


def test_unread_notices_are_counted_by_one_look_into_an_index(session):
    from sqlalchemy import text

    plan = session.execute(
        text("EXPLAIN QUERY PLAN SELECT id FROM notice WHERE subscriber_id = 1 AND read_at IS NULL LIMIT 100")
    ).all()
    assert "ix_notice_unread" in str(plan)
