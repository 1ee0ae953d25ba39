"""SMS by HTTP: to a real Kannel, and to a gateway that does what a test tells it."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from cabinet import clock
from cabinet.adapters import pauses
from cabinet.adapters.sending import Message, Verdict
from cabinet.adapters.sms import http
from cabinet.adapters.sms.http import HttpGateway
from cabinet.config import Settings
from tests.peers.kannel import PASSWORD, USER, Kannel
from tests.peers.smsc import SmsCentre, text_of
from tests.waiting import wait_until

ANNA = "79160000001"
TEXT = "123456 — код. Никому & нигде? #1 «100 %» +7"
CODE = Message("code:1", ANNA, TEXT)


class Told(ThreadingHTTPServer):
    """A gateway of a test: remembers queries and answers what it is told, after the others with 202."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.queries: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.may_answer = threading.Event()
        self.may_answer.set()


class _Handler(BaseHTTPRequestHandler):
    server: Told

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, strict_parsing=True)
        self.server.queries.append({name: values[0] for name, values in query.items()})
        self.server.may_answer.wait(10)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 202)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def told() -> Iterator[Told]:
    with Told() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()


def a_gateway(port: int, **chosen) -> HttpGateway:
    address = (
        f"http://127.0.0.1:{port}/send?u={{user}}&p={{password}}&to={{to}}&t={{text}}&id={{reference}}&m={{minutes}}"
    )
    chosen = {"sms_user": "anna", "sms_password": "p&q=1", "sms_url": address, "sms_timeout_seconds": 1} | chosen
    return HttpGateway(Settings(sms_gateway="http", **chosen))


def verdicts(gateway: HttpGateway, *messages: Message) -> list[Verdict]:
    return [answer.verdict for answer in gateway.send(messages)]


def test_every_letter_arrives_in_the_address(told):
    ends_at = clock.now() + timedelta(minutes=15, seconds=5)
    gateway = a_gateway(told.server_port)
    assert verdicts(gateway, Message("code:1", ANNA, TEXT, expires_at=ends_at)) == [Verdict.SENT]
    assert told.queries == [{"u": "anna", "p": "p&q=1", "to": ANNA, "t": TEXT, "id": "code:1", "m": "15"}]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.SENT),
        (202, Verdict.SENT),
        (302, Verdict.LEFT),
        (400, Verdict.REFUSED),
        (401, Verdict.LEFT),
        (403, Verdict.LEFT),
        (404, Verdict.LEFT),
        (429, Verdict.LEFT),
        (500, Verdict.FAILED),
        (502, Verdict.FAILED),
        (503, Verdict.LEFT),
    ],
)
def test_an_answer_is_final_or_not(told, status, verdict):
    told.answers = [status]
    assert verdicts(a_gateway(told.server_port), CODE) == [verdict]


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_gateway_that_wants_no_more_is_left_alone_for_a_while(told, status, monkeypatch):
    seconds = [1000.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: seconds[0])
    gateway = a_gateway(told.server_port)
    told.answers, told.headers = [status], {"Retry-After": "7"}
    verdicts(gateway, CODE)
    assert gateway.room() == 0
    seconds[0] += 31
    assert gateway.room() > 0


def test_retry_after_is_kept_to(told, monkeypatch):
    seconds = [1000.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: seconds[0])
    gateway = a_gateway(told.server_port)
    told.answers, told.headers = [503], {"Retry-After": "120"}
    verdicts(gateway, CODE)
    seconds[0] += 119
    assert gateway.room() == 0
    seconds[0] += 1
    assert gateway.room() > 0


def test_a_gateway_that_does_not_answer_leaves_the_message_in_doubt(told):
    told.may_answer.clear()
    gateway = a_gateway(told.server_port)
    assert verdicts(gateway, CODE) == [Verdict.FAILED]
    assert gateway.room() == 0


def test_without_a_gateway_the_message_is_left(told):
    told.shutdown()
    told.server_close()
    assert verdicts(a_gateway(told.server_port), CODE) == [Verdict.LEFT]


def test_so_many_at_once_as_the_window_allows(told):
    told.may_answer.clear()
    gateway = a_gateway(told.server_port, sms_window=3, sms_timeout_seconds=10)
    assert gateway.room() == 3 * http.ROUNDS
    answered: list[Verdict] = []
    messages = [Message(f"code:{number}", ANNA, "1") for number in range(6)]
    sender = threading.Thread(target=lambda: answered.extend(verdicts(gateway, *messages)))
    sender.start()
    wait_until(lambda: len(told.queries) == 3, what="three are asked")
    told.may_answer.set()
    sender.join()
    assert answered == [Verdict.SENT] * 6


def test_neither_text_nor_password_is_in_the_log(told, caplog):
    caplog.set_level("DEBUG", "cabinet")
    told.answers = [500]
    verdicts(a_gateway(told.server_port), CODE)
    verdicts(a_gateway(1), CODE)
    assert "123456" not in caplog.text
    assert "p&q" not in caplog.text


@pytest.fixture(scope="module")
def kannel() -> Iterator[tuple[Kannel, SmsCentre]]:
    with SmsCentre() as centre, Kannel(centre) as started:
        yield started, centre


def through(kannel: Kannel) -> Callable[..., list[Verdict]]:
    def send(*messages: Message, password: str = PASSWORD) -> list[Verdict]:
        chosen = {"sms_url": kannel.template, "sms_user": USER, "sms_password": password, "sms_timeout_seconds": 10}
        return verdicts(a_gateway(0, **chosen), *messages)

    return send


@pytest.mark.gateways
def test_a_message_arrives_through_kannel_as_it_was_written(kannel):
    started, centre = kannel
    seen = centre.count("message")
    assert through(started)(CODE) == [Verdict.SENT]
    wait_until(lambda: centre.count("message") > seen, what="Kannel hands it on")
    event = centre.events("message")[-1]
    assert (event["to"], text_of(event), event["coding"], event["from"]) == (ANNA, TEXT, 8, "CABINET")


@pytest.mark.gateways
def test_a_long_text_arrives_through_kannel_whole(kannel):
    started, centre = kannel
    seen = centre.count("message")
    text = "Ваш тариф с 1 декабря: «Свобода», 650 ₽ в месяц. " * 4
    assert through(started)(Message("news:1", ANNA, text.strip())) == [Verdict.SENT]
    wait_until(lambda: centre.count("message") == seen + 3, what="three parts")
    assert "".join(map(text_of, centre.events("message")[seen:])) == text.strip()


@pytest.mark.gateways
def test_kannel_refuses_a_wrong_password_and_the_message_stays_ours(kannel):
    assert through(kannel[0])(CODE, password="wrong") == [Verdict.LEFT]


@pytest.mark.gateways
def test_many_go_through_kannel(kannel):
    started, centre = kannel
    seen = centre.count("message")
    messages = [Message(f"code:{number}", f"7916{number:07}", f"{number:06} — код") for number in range(40)]
    assert through(started)(*messages) == [Verdict.SENT] * 40
    wait_until(lambda: centre.count("message") == seen + 40, what="all are handed on")
    assert sorted(centre.texts[seen:]) == [(message.recipient, message.text) for message in messages]
