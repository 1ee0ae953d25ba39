"""Nothing secret is ever written, whoever writes it: proved with real log calls through the real set-up."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from cabinet import logs
from cabinet.config import settings


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def written(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Configures the logs as a server does; gives what has been written so far."""
    factory, root = logging.getLogRecordFactory(), logging.getLogger()
    level = root.level
    monkeypatch.setenv("CABINET_LOG_LEVEL", "DEBUG")
    settings.cache_clear()
    logs.configure(stream)
    yield stream.getvalue
    logging.setLogRecordFactory(factory)
    logging.raiseExceptions = True
    root.handlers.clear()  # pytest puts its own on anew for every phase of a test
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "logger",
    [
        "cabinet.http",
        "reflex.app",
        "reflex_base.event.processor.event_processor",
        "socketio.server",
        "_granian",
        "uvicorn",
    ],
)
def test_no_logger_writes_a_code(written: Callable[[], str], logger: str) -> None:
    logging.getLogger(logger).error("wrong code %s for +7 916 123-45-67", 123456)

    assert "wrong code *** for +7916***4567" in written()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123456 — ваш код для входа", "*** — ваш код для входа"),
        ("Ваш код: 123456, никому", "Ваш код: ***, никому"),
        ("@lk.example.ru #123456", "@lk.example.ru #***"),
        ("Код из SMS 123456", "Код из SMS ***"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: ***"),
        ("Cookie: sid=abc; pre=def", "Cookie: ***"),
        ("{'cookie': 'sid=abc; pre=def', 'host': 'lk'}", "{'cookie': ***, 'host': 'lk'}"),
        ("sid=Zx9 other", "sid=*** other"),
        ("{'password': 'two words, one comma', 'n': 1}", "{'password': ***, 'n': 1}"),
        ('{"password": "quote \\" inside"}', '{"password": ***}'),
        ("GET /_event?EIO=4&token=11-22&transport=websocket", "GET /_event?EIO=4&token=***&transport=websocket"),
        ("to 79161234567", "to +7916***4567"),
        ("to 8 (916) 123-45-67 now", "to +7916***4567 now"),
        ("to 9161234567", "to +7916***4567"),
        ("new token aB3" + "x" * 40, "new token ***"),
        ("GET /nope/788475 404", "GET /nope/*** 404"),
    ],
)
def test_takes_out_what_is_secret(text: str, expected: str) -> None:
    assert logs.redact(text) == expected


@pytest.mark.parametrize("word", ["парол", "code", "код", "token_", "a-", "9", "123456 ", "код a ", "cookie=", "aA1-"])
def test_what_a_stranger_writes_cannot_make_the_search_slow(word: str) -> None:
    """Half a million characters: a search that costs more than its length would not come back."""
    logs.redact(word * (500_000 // len(word)))


@pytest.mark.parametrize(
    "text",
    [
        "order 123456 confirmed",
        "import: 318611 records in 15.9 s",
        "reflex___state____update_vars_internal_state.update_vars_internal",
        "balance 1 234 567 kopecks of account 100000017",
        "2026-11-23T09:00:00.123456Z",
        "status_code=200 error_code=code_expired",
    ],
)
def test_leaves_the_rest_as_it_is(text: str) -> None:
    assert logs.redact(text) == text


def test_structured_fields_are_redacted_by_name_and_by_value(written: Callable[[], str]) -> None:
    structlog.get_logger("cabinet.test").info(
        "sms", to="79161234567", code="123456", details={"password": "secret words", "rows": [79161234567, 12]}
    )

    line = written()
    assert "123456" not in line
    assert "secret words" not in line
    assert "1234567" not in line
    assert "+7916***4567" in line


def test_a_trace_keeps_its_place_and_loses_its_secrets(written: Callable[[], str]) -> None:
    try:
        raise ValueError("password='open sesame' of 79161234567")
    except ValueError:
        logging.getLogger("cabinet.test").exception("failed")
        structlog.get_logger("cabinet.test").exception("failed too")

    text = written()
    assert text.count("ValueError: password=*** of +7916***4567") == 2
    assert text.count("test_logs.py") == 2
    assert "sesame" not in text


def test_json_is_one_object_a_line(
    written: Callable[[], str], stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CABINET_LOG_JSON", "true")
    settings.cache_clear()
    logs.configure(stream)
    try:
        raise ValueError("код 123456")
    except ValueError:
        structlog.get_logger("cabinet.test").exception("failed", to="79161234567")
    logging.getLogger("reflex").warning("plain\nline")

    first, second = (json.loads(line) for line in written().splitlines())
    assert first["event"] == "failed"
    assert first["to"] == "+7916***4567"
    assert "код ***" in first["exception"]
    assert second["event"] == "plain\nline"


SECRET_EVENT = {"name": "state.sign_in", "payload": {"password": "open sesame", "n": 123456}}


@pytest.mark.parametrize(
    "text",
    [
        f"Received event from session x with no associated token. This may indicate a bug. Event data: {SECRET_EVENT}",
        f"Received event data as a string. Event data: {SECRET_EVENT}",
        f"Failed to deserialize event data: {SECRET_EVENT}.",
        f"Event data must be a dictionary, but received {SECRET_EVENT} of type <class 'list'>.",
        f"Error processing event queue entry for Event(name='a', payload={SECRET_EVENT}) [txid=abc]:",
        "Error transforming event payload for handler S.h: Error transforming event argument 'n' with value "
        f"'{SECRET_EVENT}' and type hint '<class 'int'>'",
    ],
)
def test_what_reflex_prints_of_an_event_is_cut_off(written: Callable[[], str], text: str) -> None:
    logging.getLogger("reflex.app").warning(text)

    line = written()
    assert "sesame" not in line
    assert "123456" not in line
    assert "***" in line
