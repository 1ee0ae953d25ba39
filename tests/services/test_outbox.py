"""The outbox: once promised, sent in the end; never too late, never twice, never left lying about."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from cabinet import db
from cabinet.adapters.sending import Answer, Message, Receipt, Verdict
from cabinet.adapters.sms import gateway
from cabinet.adapters.sms.demo import DemoPhone
from cabinet.config import settings
from cabinet.models.demo import DemoSms
from cabinet.models.outbox import Channel, OutboxMessage, OutboxState
from cabinet.services import outbox
from tests.conftest import NOON, both_engines
from tests.services.test_sign_in_races import at_once

ANNA = "79160000001"
SECOND = timedelta(seconds=1)


class Gateway:
    """A gateway of a test: remembers what it sent, answers as it is told, in order, and then with «sent»."""

    def __init__(self, *verdicts: Verdict | Exception, room: int = 20) -> None:
        self.verdicts = list(verdicts)
        self.free = room
        self.sent: list[Message] = []
        self.said: list[Receipt] = []

    def room(self) -> int:
        return self.free

    def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        for message in messages:
            verdict = self.verdicts.pop(0) if self.verdicts else Verdict.SENT
            if isinstance(verdict, Exception):
                raise verdict
            if verdict is Verdict.SENT:
                self.sent.append(message)
            yield Answer(message.reference, verdict, f"id-{message.reference}")

    def receipts(self) -> list[Receipt]:
        said, self.said = self.said, []
        return said

    @property
    def references(self) -> list[str]:
        return [message.reference for message in self.sent]


def given_sms(reference: str = "code:1", **fields) -> None:
    with db.transaction() as session:
        outbox.queue_sms(
            session,
            **{"reference": reference, "kind": "code", "recipient": ANNA, "body": "123456", "now": NOON} | fields,
        )


def rows() -> list[OutboxMessage]:
    with db.reading() as session:
        return list(session.exec(select(OutboxMessage).order_by(OutboxMessage.id)).all())


def send(to: Gateway, now=NOON, channel: Channel = Channel.SMS) -> int:
    return outbox.send_due(to, channel, now=lambda: now)


def test_a_message_is_sent_once_and_its_text_wiped(database):
    given_sms()
    phone = Gateway()
    assert [send(phone), send(phone)] == [1, 0]
    assert [(message.recipient, message.text, message.reference) for message in phone.sent] == [
        (ANNA, "123456", "code:1")
    ]
    assert [(row.state, row.body, row.sent_at) for row in rows()] == [(OutboxState.SENT, "", NOON)]


def test_what_is_withheld_is_never_sent_and_holds_no_text(database):
    given_sms(is_withheld=True)
    assert send(phone := Gateway(), NOON + timedelta(days=1)) == 0
    assert phone.sent == []
    assert rows()[0].body == ""


def test_an_expired_code_is_not_sent(database):
    given_sms(expires_at=NOON + timedelta(minutes=15))
    assert send(phone := Gateway(), NOON + timedelta(minutes=15)) == 0
    assert phone.sent == []
    assert [(row.state, row.body) for row in rows()] == [(OutboxState.EXPIRED, "")]


def test_news_of_yesterday_is_not_sent(database):
    given_sms("receipt:1", kind="receipt")
    assert send(Gateway(), NOON + timedelta(days=1)) == 0
    assert rows()[0].state is OutboxState.EXPIRED


@both_engines
def test_codes_overtake_a_long_row_of_advertisements(database):
    for number in range(30):
        given_sms(f"advert:{number:02}", kind="advert")
    phone = Gateway(room=10)
    send(phone)
    given_sms("code:1", now=NOON + SECOND)
    send(phone, NOON + SECOND)
    assert phone.references[9:12] == ["advert:09", "code:1", "advert:10"]


def test_each_kind_has_its_place_in_the_row(database):
    kinds = ["advert", "trial", "unheard-of", "receipt", "password", "code"]
    for kind in kinds:
        given_sms(f"{kind}:1", kind=kind)
    send(phone := Gateway())
    assert phone.references == [
        f"{kind}:1" for kind in ["code", "password", "receipt", "trial", "unheard-of", "advert"]
    ]


@pytest.mark.parametrize(
    ("said_at", "leaves_at"),
    [
        (datetime(2026, 11, 23, 17, 59, tzinfo=UTC), datetime(2026, 11, 23, 17, 59, tzinfo=UTC)),  # 20:59 in Moscow
        (datetime(2026, 11, 23, 18, 0, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),  # 21:00 → 9:00
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),  # 2:30 → 9:00
        (datetime(2026, 11, 24, 6, 0, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),
    ],
)
def test_what_can_wait_waits_for_the_operators_morning(database, said_at, leaves_at):
    given_sms("advert:1", kind="advert", now=said_at)
    given_sms("code:1", now=said_at)
    assert [row.send_after for row in rows()] == [leaves_at, said_at]


def test_what_would_be_too_late_in_the_morning_does_not_wait(database):
    night = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    given_sms("trial:1", kind="trial", expires_at=night + timedelta(hours=2), now=night)
    assert rows()[0].send_after == night


def test_without_quiet_hours_nothing_waits(database, monkeypatch):
    monkeypatch.setenv("CABINET_QUIET_FROM_HOUR", "9")
    monkeypatch.setenv("CABINET_QUIET_UNTIL_HOUR", "9")
    settings.cache_clear()
    night = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    given_sms("advert:1", kind="advert", now=night)
    assert rows()[0].send_after == night


def test_a_failing_gateway_is_asked_again_after_growing_pauses_and_given_up(database):
    given_sms()
    phone = Gateway(*[Verdict.FAILED] * 6)
    moment, pauses = NOON, []
    for _ in range(6):
        assert send(phone, moment) == 0
        row = rows()[0]
        if row.state is OutboxState.WAITING:
            pauses.append((row.send_after - moment).total_seconds())
            assert send(phone, row.send_after - SECOND) == 0
            moment = row.send_after
    assert pauses == [5, 15, 60, 300, 1800]
    assert (rows()[0].state, rows()[0].body) == (OutboxState.FAILED, "")


def test_what_the_gateway_leaves_is_not_counted_as_tried(database):
    given_sms()
    for _ in range(20):
        send(Gateway(Verdict.LEFT))
    assert (rows()[0].state, rows()[0].attempts) == (OutboxState.WAITING, 0)
    assert send(Gateway()) == 1


def test_a_gateway_without_room_gets_nothing(database):
    given_sms()
    assert send(phone := Gateway(room=0)) == 0
    assert phone.sent == []
    assert rows()[0].attempts == 0


def test_a_gateway_gets_no_more_than_it_has_room_for(database):
    for number in range(5):
        given_sms(f"code:{number}")
    assert [send(phone := Gateway(room=2)), len(phone.sent)] == [2, 2]


def test_what_the_gateway_refuses_is_not_tried_again(database):
    given_sms()
    send(Gateway(Verdict.REFUSED))
    assert rows()[0].state is OutboxState.FAILED


def test_one_bad_message_does_not_stop_the_others(database):
    given_sms("code:1")
    given_sms("code:2")
    phone = Gateway(Verdict.FAILED)
    assert send(phone) == 1
    assert [row.state for row in rows()] == [OutboxState.WAITING, OutboxState.SENT]


def test_what_was_answered_before_a_fault_is_marked_and_the_rest_tried_again(database):
    given_sms("code:1")
    given_sms("code:2")
    assert send(Gateway(Verdict.SENT, ConnectionError("79160000001"))) == 1
    assert [(row.state, row.attempts) for row in rows()] == [(OutboxState.SENT, 1), (OutboxState.WAITING, 1)]


def test_a_sender_that_died_is_replaced_after_a_minute(database):
    given_sms()
    with db.transaction() as session:
        assert len(outbox.claim(session, 20, now=NOON)) == 1
    assert send(phone := Gateway(), NOON + 59 * SECOND) == 0
    assert send(phone, NOON + 60 * SECOND) == 1


def test_a_sender_that_comes_too_late_does_not_put_off_what_another_has_taken(database):
    given_sms()

    class Frozen(Gateway):
        def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
            with db.transaction() as session:
                assert len(outbox.claim(session, 20, now=NOON + 60 * SECOND)) == 1
            yield Answer(messages[0].reference, Verdict.LEFT)

    send(Frozen())
    assert rows()[0].send_after == NOON + 120 * SECOND


@both_engines
def test_many_senders_send_each_message_once(database):
    for number in range(30):
        given_sms(f"code:{number}")
    phone = Gateway(room=3)
    assert sum(sum(at_once(4, lambda _: send(phone))) for _ in range(10)) == 30
    assert len(set(phone.references)) == len(phone.references) == 30


@both_engines
def test_a_receipt_says_whether_the_message_arrived(database):
    for reference in ("code:1", "code:2", "code:3"):
        given_sms(reference)
    send(phone := Gateway())
    phone.said = [Receipt("id-code:1", True), Receipt("id-code:2", False), Receipt("id-of-another", True)]
    send(phone)
    assert [row.state for row in rows()] == [OutboxState.DELIVERED, OutboxState.UNDELIVERED, OutboxState.SENT]


def test_letters_and_sms_go_their_own_ways(database):
    given_sms()
    with db.transaction() as session:
        outbox.queue_email(
            session,
            reference="sign-in:1:email",
            kind="sign-in",
            recipient="anna@example.ru",
            subject="Новый вход",
            body="Это были вы?",
            now=NOON,
        )
    send(post := Gateway(), channel=Channel.EMAIL)
    assert [(letter.recipient, letter.subject, letter.text) for letter in post.sent] == [
        ("anna@example.ru", "Новый вход", "Это были вы?")
    ]
    assert [(row.state, row.subject) for row in rows()] == [(OutboxState.WAITING, ""), (OutboxState.SENT, "")]


def test_the_demo_phone_keeps_a_message_once(database):
    for _ in range(2):
        assert [answer.verdict for answer in DemoPhone().send([Message("code:1", ANNA, "123456")])] == [Verdict.SENT]
    with db.reading() as session:
        kept = session.exec(select(DemoSms)).one()
    assert (kept.recipient, kept.text) == (ANNA, "123456")
    assert isinstance(gateway(), DemoPhone)


def test_neither_text_nor_number_is_in_the_log(database, caplog):
    given_sms(body="987654 — код")
    send(Gateway(ConnectionError("79160000001 987654")))
    assert "987654" not in caplog.text
    assert ANNA not in caplog.text


@both_engines
def test_what_waits_for_the_morning_is_not_read_to_find_what_is_due(database):
    """The plan uses the index of what waits, down to the moment."""
    from sqlalchemy import text

    explain = "EXPLAIN QUERY PLAN" if database.dialect.name == "sqlite" else "EXPLAIN"
    query = (
        f"{explain} SELECT id FROM outbox_message WHERE state = 'waiting' AND channel = 'sms' AND priority = 4"
        " AND send_after <= '2026-11-23 09:00:00' ORDER BY send_after LIMIT 20"
    )
    with database.begin() as connection:
        if database.dialect.name != "sqlite":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(str(row) for row in connection.execute(text(query)))
    assert "ix_outbox_message_due" in plan
    assert "SORT" not in plan.upper().replace("B-TREE", "")
