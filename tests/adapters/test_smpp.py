"""SMS by SMPP 3.4 to somebody else's SMS centre, started here, with everything that may go wrong on the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cabinet import clock
from cabinet.adapters import pauses
from cabinet.adapters.sending import Answer, Message, Receipt, Verdict
from cabinet.adapters.sms import smpp
from cabinet.adapters.sms.smpp import SmppGateway, split
from cabinet.config import Settings
from tests.peers.smsc import SmsCentre, text_of
from tests.waiting import wait_until

pytestmark = pytest.mark.gateways

ANNA = "79160000001"
CODE = Message("code:1", ANNA, "123456 — код для входа")
LONG = "Ваш тариф с 1 декабря: «Свобода», 650 ₽ в месяц. 😀 " * 4


@pytest.fixture(scope="module")
def started() -> Iterator[SmsCentre]:
    with SmsCentre() as centre:
        yield centre


@pytest.fixture
def centre(started: SmsCentre) -> SmsCentre:
    """A centre that has seen nothing."""
    started.behave("ok")
    started.stop()
    started.start()
    return started


@pytest.fixture
def gateway(centre: SmsCentre, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmppGateway]:
    """Bound to the centre, with pauses that are not worth waiting for."""
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(pauses, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(smpp, "LONGEST_SECONDS", 0.05)
    made = a_gateway(centre)
    yield made
    made.close()


def a_gateway(centre: SmsCentre, **chosen) -> SmppGateway:
    return SmppGateway(
        Settings(
            **{
                "sms_gateway": "smpp",
                "sms_host": "127.0.0.1",
                "sms_port": centre.port,
                "sms_user": "cabinet",
                "sms_password": "secret",
                "sms_timeout_seconds": 1,
            }
            | chosen
        )
    )


def send(gateway: SmppGateway, *messages: Message) -> list[Answer]:
    """As soon as the gateway has room."""
    wait_until(gateway.room, what="the gateway has room")
    return list(gateway.send(messages))


def verdicts(answers: list[Answer]) -> dict[str, Verdict]:
    return {answer.reference: answer.verdict for answer in answers}


def many(count: int) -> list[Message]:
    return [Message(f"code:{number}", f"7916{number:07}", f"{number:06} — код") for number in range(count)]


def test_a_message_arrives_as_it_was_written(centre, gateway):
    [answer] = send(gateway, CODE)
    [bind], [event] = centre.events("bind"), centre.events("message")
    assert answer == Answer("code:1", Verdict.SENT, event["id"])
    assert (bind["command"], bind["user"], bind["password"]) == (9, "cabinet", "secret")  # 9: bind_transceiver
    assert (event["to"], text_of(event), event["coding"], event["receipt"]) == (ANNA, CODE.text, 8, 1)
    assert (event["from"], event["from_type"]) == ("CABINET", 5)  # 5: letters


def test_a_number_as_the_sender_is_sent_as_a_number(centre):
    gateway = a_gateway(centre, sms_sender="79160000000")
    send(gateway, CODE)
    assert [(event["from"], event["from_type"]) for event in centre.events("message")] == [("79160000000", 1)]
    gateway.close()


def test_a_code_may_not_be_delivered_after_its_end(centre, gateway):
    send(gateway, Message("code:1", ANNA, "123456", expires_at=clock.now() + timedelta(minutes=15, milliseconds=900)))
    assert centre.events("message")[0]["validity"] == "000000001500000R"


@pytest.mark.parametrize("way", ["udh", "sar", "payload"])
def test_a_long_text_arrives_whole(centre, way):
    gateway = a_gateway(centre, sms_concatenation=way)
    assert verdicts(send(gateway, Message("news:1", ANNA, LONG))) == {"news:1": Verdict.SENT}
    events = centre.events("message")
    assert "".join(map(text_of, events)) == LONG
    assert len(events) == {"udh": 4, "sar": 4, "payload": 1}[way]
    if way == "sar":
        assert [event["sar"][1:] for event in events] == [["04", f"{part:02}"] for part in (1, 2, 3, 4)]
        assert len({event["sar"][0] for event in events}) == 1
    if way == "udh":
        headers = [event["text"][:12] for event in events]
        assert [header[:6] + header[8:] for header in headers] == [f"05000304{part:02}" for part in (1, 2, 3, 4)]
        assert len({header[6:8] for header in headers}) == 1
    gateway.close()


def test_no_letter_is_cut_in_two():
    parts = split("а" * 66 + "😀" + "б" * 70, 70, 67)
    assert [part.decode("utf-16-be") for part in parts] == ["а" * 66, "😀" + "б" * 65, "б" * 5]


def test_many_are_under_way_at_once_and_each_is_answered(centre, gateway):
    answers = send(gateway, *many(200))
    assert len(answers) == len({answer.gateway_id for answer in answers}) == 200
    assert {answer.verdict for answer in answers} == {Verdict.SENT}
    assert centre.texts == [(message.recipient, message.text) for message in many(200)]


def test_what_is_sent_again_is_known_to_the_centre_by_its_reference(centre, gateway):
    first, again = send(gateway, CODE), send(gateway, CODE)
    assert first == again
    assert [centre.count("message"), centre.count("repeated")] == [1, 1]


def test_a_centre_that_wants_no_references_gets_none(centre):
    gateway = a_gateway(centre, sms_send_reference=False)
    send(gateway, CODE)
    assert centre.events("message")[0]["reference"] is None
    gateway.close()


def test_receipts_say_what_arrived(centre, gateway):
    centre.behave("receipts")
    answers = send(gateway, Message("code:1", ANNA, "1"), Message("code:2", "79160000009", "2"))
    receipts: list[Receipt] = []

    def both() -> bool:
        gateway.room()
        receipts.extend(gateway.receipts())
        return len(receipts) == 2

    wait_until(both, what="two receipts")
    assert receipts == [Receipt(answers[0].gateway_id, True), Receipt(answers[1].gateway_id, False)]
    wait_until(lambda: centre.count("receipt taken") == 2, what="the receipts are confirmed")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (0x0B, Verdict.REFUSED),  # wrong number
        (0x01, Verdict.REFUSED),  # wrong length
        (0x65, Verdict.REFUSED),
        (0x08, Verdict.FAILED),  # system error
        (0x45, Verdict.FAILED),
        (0xFF, Verdict.FAILED),
        (0x14, Verdict.LEFT),  # queue full
        (0x58, Verdict.LEFT),  # throttled
        (0x0A, Verdict.LEFT),  # wrong sender: ours, not the message's fault
        (0x404, Verdict.FAILED),  # its own
    ],
)
def test_a_refusal_is_final_or_not(centre, gateway, status, verdict):
    centre.behave(f"refuse {status}")
    assert verdicts(send(gateway, CODE)) == {"code:1": verdict}
    centre.behave("ok")
    assert verdicts(send(gateway, CODE)) == {"code:1": Verdict.SENT}


def test_who_is_told_to_be_slower_is(centre, gateway):
    centre.behave("rate 5")
    waiting = {message.reference: message for message in many(12)}
    while waiting:
        for answer in send(gateway, *waiting.values()):
            assert answer.verdict in (Verdict.SENT, Verdict.LEFT)
            if answer.verdict is Verdict.SENT:
                del waiting[answer.reference]
    assert sorted(centre.texts) == sorted((message.recipient, message.text) for message in many(12))
    assert centre.count("throttled") > 0


def test_a_rate_of_the_settings_is_never_exceeded(centre, monkeypatch):
    seconds = [1000.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: seconds[0])
    gateway = a_gateway(centre, sms_rate=5)
    assert gateway.room() == 5
    answers = list(gateway.send(many(7)))
    assert [answer.verdict for answer in answers] == [Verdict.SENT] * 5 + [Verdict.LEFT] * 2
    assert gateway.room() == 0
    seconds[0] += 0.5
    assert gateway.room() == 2
    seconds[0] += 60
    assert gateway.room() == 5
    gateway.close()


def test_a_part_is_a_message_for_the_rate(centre, monkeypatch):
    monkeypatch.setattr(pauses.time, "monotonic", lambda: 1000.0)
    gateway = a_gateway(centre, sms_rate=4)
    assert verdicts(list(gateway.send([Message("news:1", ANNA, LONG), CODE]))) == {
        "news:1": Verdict.SENT,
        "code:1": Verdict.LEFT,
    }
    gateway.close()


def test_a_centre_that_does_not_answer_leaves_its_window_in_doubt_and_the_rest_untouched(centre, gateway):
    centre.behave("hang")
    answers = send(gateway, *many(15))
    assert [answer.verdict for answer in answers] == [Verdict.FAILED] * 10 + [Verdict.LEFT] * 5
    assert {answer.reason for answer in answers} == {"no answer"}
    centre.behave("ok")
    assert {answer.verdict for answer in send(gateway, *many(15))} == {Verdict.SENT}
    assert centre.count("bind") == 2


def test_a_line_that_is_dropped_after_taking_leaves_one_message_in_doubt_and_none_twice(centre, gateway):
    centre.behave("drop")
    first = send(gateway, *many(3))
    assert Verdict.SENT not in verdicts(first).values()
    centre.behave("ok")
    assert {answer.verdict for answer in send(gateway, *many(3))} == {Verdict.SENT}
    assert sorted(centre.texts) == sorted((message.recipient, message.text) for message in many(3))


def test_what_was_answered_before_the_line_dropped_is_sent(centre, gateway, monkeypatch):
    monkeypatch.setattr(gateway, "_settings", gateway._settings.model_copy(update={"sms_window": 1}))
    wait_until(gateway.room)
    answers = gateway.send(many(3))
    first = next(answers)
    centre.behave("drop")
    rest = list(answers)
    assert [first.verdict, *(answer.verdict for answer in rest)] == [Verdict.SENT, Verdict.FAILED, Verdict.LEFT]


def test_without_a_centre_nothing_is_taken_and_it_is_found_when_it_is_back(centre, gateway):
    centre.stop()
    assert gateway.room() == 0
    assert {answer.verdict for answer in gateway.send([CODE])} == {Verdict.LEFT}
    centre.start()
    assert verdicts(send(gateway, CODE)) == {"code:1": Verdict.SENT}


@pytest.mark.parametrize("mode", ["closed", "mute"])
def test_a_centre_that_does_not_let_us_in_gets_nothing(centre, gateway, mode):
    centre.behave(mode)
    assert gateway.room() == 0
    centre.behave("ok")
    assert verdicts(send(gateway, CODE)) == {"code:1": Verdict.SENT}


def test_a_quiet_line_is_asked_whether_it_lives(centre, gateway, monkeypatch):
    gateway.room()
    monkeypatch.setattr(smpp, "ENQUIRE_SECONDS", 0)
    wait_until(lambda: gateway.room() and centre.count("enquired"), what="the centre was asked")
    centre.behave("hang")
    monkeypatch.setattr(gateway, "_timeout", 0)
    wait_until(lambda: not gateway.room(), what="the line is known to be dead")
    centre.behave("ok")
    monkeypatch.setattr(gateway, "_timeout", 1.0)
    assert verdicts(send(gateway, CODE)) == {"code:1": Verdict.SENT}


def test_pauses_grow_until_something_succeeds(monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: seconds[0])
    pause, lengths = pauses.Pause(), []
    for _ in range(7):
        began = seconds[0]
        pause.begin()
        while pause.is_on:
            seconds[0] += 0.5
        lengths.append(seconds[0] - began)
    assert lengths == [1, 2, 4, 8, 16, 30, 30]
    pause.forget()
    pause.begin(at_least=10)
    seconds[0] += 9.9
    assert pause.is_on


def test_nothing_of_a_message_is_in_the_log(centre, gateway, caplog):
    caplog.set_level("DEBUG")
    send(gateway, CODE)
    centre.behave("refuse 8")
    send(gateway, CODE)
    for secret in ("123456", ANNA, "31003200330034", "secret"):
        assert secret not in caplog.text
