"""Logs: one line an event, readable or JSON, and never a secret in them.

What must not be written is taken out where records are *made*, so it holds for every logger and handler, Reflex's,
Granian's and Socket.IO's too: one-time codes, passwords, cookies, tokens, `Authorization`; telephone numbers keep the
operator's code and the last digits (`+7916***4567`).

Reflex 0.10.1 prints the arguments of events in these places; they are cut off (`_ARGUMENTS`):
an argument that does not fit its annotation, an event without a registered handler, an event that cannot be read or
comes without a token. Exceptions keep their trace with the same things taken out.
"""

import logging
import re
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from cabinet import db
from cabinet.config import settings

HIDDEN = "***"

_CONFIDENTIAL = (
    r"pass(?:word|wd|code)?|парол[ья]|secret(?:_key)?|api_?key|token|otp|pin|totp|code|код|captcha|answer"
    r"|cookie|set-cookie|authorization|sid|pre|device|__host-\w+"
)
_SECRET_KEY = re.compile(rf"(?:[\w-]*[_-])?(?:{_CONFIDENTIAL})", re.IGNORECASE)
_HARMLESS_KEYS = frozenset({"status_code", "exit_code", "error_code", "plan_code", "country_code"})

_ARGUMENTS = (
    re.compile(r"(Event data: ).*", re.DOTALL),
    re.compile(r"(Failed to deserialize event data: ).*", re.DOTALL),
    re.compile(r"(Event data must be a dictionary, but received ).*", re.DOTALL),
    re.compile(r"(Error processing event queue entry for ).*?(?= \[txid=|$)", re.DOTALL),
    re.compile(r"(No registered handler found for event: ).*", re.DOTALL),
    re.compile(r"(with value ').*(?=' and type hint)", re.DOTALL),
    re.compile(r"(Received an invalid enum value \().*?(?=\) for type)", re.DOTALL),
    re.compile(r"(Received a string value \().*?(?=\) but expected)", re.DOTALL),
)
_HEADER_LINE = re.compile(
    r"(?im)\b((?:set-)?cookie|authorization)(['\"]?\s*[:=]\s*)(?:b?'[^']*'|b?\"[^\"]*\"|[^\r\n,}]+)"
)
_NAMED = re.compile(
    rf"(?i)(?<![\w-])((?:[\w-]*[_-])?(?:{_CONFIDENTIAL}))(['\"]?\s*[=:]\s*)"
    r"(?:b?'(?:[^'\\]|\\.)*'|b?\"(?:[^\"\\]|\\.)*\"|[^\s,;&)}\]'\"]+)"
)
# Words have a length here: without one, text that repeats «парол» costs the cube of its length, and a stranger's
# address or a page's complaint is such text.
_CODE_AFTER = re.compile(
    r"(?i)((?:\bcode|\bкод|\botp|\bpin|парол)\w{0,16}\W{0,3}(?:\w{1,24}\W{1,3}){0,3}?|#)\d{6}(?!\d)"
)
_CODE_BEFORE = re.compile(r"(?i)(?<!\d)\d{6}(?=\W{1,4}(?:\w{1,24}\W{1,3}){0,2}?(?:code|код|otp|парол))")
_CODE_IN_PATH = re.compile(r"(?<=/)\d{6}(?![^/?\s])")  # nobody should put a code there, so somebody will
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}")
_RANDOM = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])")
_MSISDN = re.compile(r"(?<![\w.])(?:\+?7|8)[\s(-]{0,2}(9\d\d)[\s)-]{0,2}\d{3}[\s-]?(\d{2})[\s-]?(\d{2})(?![\w])")
_TEN_DIGITS = re.compile(r"(?<![\w.+-])(9\d\d)\d{3}(\d{4})(?![\w.])")


def configure(stream: TextIO | None = None) -> None:
    """Sends every logger of the process through one handler (on stderr unless told). Safe to call again."""
    logging.setLogRecordFactory(_RedactedRecord)
    logging.raiseExceptions = False  # a handler that fails would print the trace past all this
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            _with_fault,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _with_trace],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last_steps()],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level.upper())
    for name in ("reflex", "_granian", "granian.access", "uvicorn", "uvicorn.access", "socketio", "engineio"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # They tell every packet at INFO, and the handshake with its headers.
    for name in ("socketio.server", "engineio.server", "httpx", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Each socket's error while Redis is away, which `redis_client` has told.
    logging.getLogger("reflex.utils.token_manager").setLevel(logging.CRITICAL)


def redact(text: str) -> str:
    """The text without codes, passwords, cookies and tokens, telephone numbers shortened."""
    for pattern in _ARGUMENTS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    text = _HEADER_LINE.sub(rf"\1\2{HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _NAMED.sub(_hide_named, text)
    text = _CODE_AFTER.sub(rf"\1{HIDDEN}", text)
    text = _CODE_BEFORE.sub(HIDDEN, text)
    text = _CODE_IN_PATH.sub(HIDDEN, text)
    text = _RANDOM.sub(HIDDEN, text)
    text = _MSISDN.sub(rf"+7\1{HIDDEN}\2\3", text)
    return _TEN_DIGITS.sub(rf"+7\1{HIDDEN}\2", text)


def redact_value(value: Any) -> Any:
    """The same for a value of a structured event, whatever it is made of."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        text = redact(str(value))
        return value if text == str(value) else text
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_field(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item) for item in value]
    return redact(str(value))


def redact_field(name: str, value: Any) -> Any:
    """A value that stands under a name: nothing at all when the name is that of a secret."""
    if name not in _HARMLESS_KEYS and _SECRET_KEY.fullmatch(name) and not isinstance(value, bool | None):
        return HIDDEN
    return redact_value(value)


def _hide_named(match: re.Match[str]) -> str:
    if match[1].lower() in _HARMLESS_KEYS:
        return match[0]
    return f"{match[1]}{match[2]}{HIDDEN}"


class _RedactedRecord(logging.LogRecord):
    """A log record that is clean before any handler sees it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.msg, Mapping):  # structlog's event
            self.msg = {key: redact_field(key, item) for key, item in self.msg.items()}
        else:
            self.msg, self.args = redact(_message(self)), None
        if self.exc_info and self.exc_info[0] is not None:
            # Formatters print `exc_text` instead of formatting `exc_info` anew.
            self.exc_text, self.exc_info = redact(_trace(self.exc_info)), None


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a logging call with wrong arguments must not stop the program
        return str(record.msg)


def _with_fault(logger: Any, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """The trace of a fault; of a database that is away a line: there is nothing to be found in a trace."""
    given = event.get("exc_info")
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else sys.exc_info()[1]
    if given and db.is_away(error):
        return {**{key: value for key, value in event.items() if key != "exc_info"}, "why": db.explain(error)}
    return structlog.processors.format_exc_info(logger, method, event)


def _trace(
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
) -> str:
    if db.is_away(exc_info[1]):
        return db.explain(exc_info[1])
    return logging.Formatter().formatException(exc_info)


def _with_trace(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """The trace of another library's record, already redacted, as the field that renderers print last."""
    if event["_record"].exc_text:
        event["exception"] = event["_record"].exc_text
    return event


def _last_steps() -> list[structlog.types.Processor]:
    if settings().log_json:
        return [structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
