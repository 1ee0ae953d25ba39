"""The outbox: once promised, sent in the end; never too late, never twice, never left lying about."""

from datetime import timedelta

from sqlmodel import select

from cabinet import db
from cabinet.adapters.sms import SmsRefused, gateway
from cabinet.adapters.sms.demo import DemoPhone
from cabinet.models.demo import DemoSms
from cabinet.models.outbox import OutboxMessage, OutboxState
from cabinet.services import notices
from tests.conftest import NOON, both_engines
from tests.services.test_sign_in_races import at_once

ANNA = "79160000001"
SECOND = timedelta(seconds=1)


class Gateway:
    """A gateway of a test: remembers, and does what it is told."""

    def __init__(self, *faults: Exception | None) -> None:
        self.faults = list(faults)
        self.sent: list[tuple[str, str, str]] = []

    def send(self, recipient: str, text: str, reference: str) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            raise fault
        self.sent.append((recipient, text, reference))


def given_sms(reference: str = "code:1", **fields) -> None:
    with db.transaction() as session:
        notices.queue_sms(
            session,
            **{"reference": reference, "kind": "code", "recipient": ANNA, "body": "123456", "now": NOON} | fields,
        )


def rows() -> list[OutboxMessage]:
    with db.reading() as session:
        return list(session.exec(select(OutboxMessage).order_by(OutboxMessage.id)).all())


def send(to: Gateway, now=NOON) -> int:
    return notices.send_due(to, now=lambda: now)


def test_a_message_is_sent_once_and_its_text_wiped(database):
    given_sms()
    phone = Gateway()
    assert [send(phone), send(phone)] == [1, 0]
    assert phone.sent == [(ANNA, "123456", "code:1")]
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


def test_codes_leave_before_everything_else(database):
    given_sms("news:1", priority=5)
    given_sms("code:1", priority=0)
    send(phone := Gateway())
    assert [reference for _, _, reference in phone.sent] == ["code:1", "news:1"]


def test_a_failing_gateway_is_asked_again_after_growing_pauses_and_given_up(database):
    given_sms()
    phone = Gateway(*[ConnectionError("no route")] * 6)
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


def test_what_the_gateway_refuses_is_not_tried_again(database):
    given_sms()
    send(Gateway(SmsRefused("blacklisted")))
    assert rows()[0].state is OutboxState.FAILED


def test_one_bad_message_does_not_stop_the_others(database):
    given_sms("code:1")
    given_sms("code:2")
    phone = Gateway(TimeoutError())
    assert send(phone) == 1
    assert [row.state for row in rows()] == [OutboxState.WAITING, OutboxState.SENT]


def test_a_sender_that_died_is_replaced_after_a_minute(database):
    given_sms()
    with db.transaction() as session:
        assert len(notices.claim(session, now=NOON)) == 1
    assert send(phone := Gateway(), NOON + 59 * SECOND) == 0
    assert send(phone, NOON + 60 * SECOND) == 1


@both_engines
def test_many_senders_send_each_message_once(database):
    for number in range(12):
        given_sms(f"code:{number}")
    phone = Gateway()
    assert sum(at_once(4, lambda _: send(phone))) == 12
    assert len({reference for _, _, reference in phone.sent}) == len(phone.sent) == 12


def test_the_demo_phone_keeps_a_message_once(database):
    for _ in range(2):
        DemoPhone().send(ANNA, "123456", "code:1")
    with db.reading() as session:
        kept = session.exec(select(DemoSms)).one()
    assert (kept.recipient, kept.text) == (ANNA, "123456")
    assert isinstance(gateway(), DemoPhone)


def test_neither_text_nor_number_is_in_the_log(database, caplog):
    given_sms(body="987654 — код")
    send(Gateway(ConnectionError("79160000001 987654")))
    assert "987654" not in caplog.text
    assert ANNA not in caplog.text
