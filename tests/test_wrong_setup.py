"""A production set-up that is wrong says what is wrong, in a line, and never how it found out."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest
import structlog
from sqlalchemy.exc import OperationalError

from cabinet import db
from cabinet.config import ROOT, UnsafeSettings, list_doubtful, settings
from tests.servers import RedisServer, free_port
from tests.test_logs import stream, written  # noqa: F401  fixtures
from tests.waiting import wait_until

GOOD = {
    "CABINET_ENV": "production",
    "CABINET_SECRET_KEY": "a secret of our own, long enough for keys",
    "CABINET_PUBLIC_URL": "https://lk.example.ru",
    "CABINET_TRUSTED_PROXY_HOPS": "1",
    "CABINET_SMS_GATEWAY": "smpp",
    "CABINET_SMS_HOST": "127.0.0.1",
    "CABINET_SMS_PORT": "9",
    "CABINET_PAYMENTS_GATEWAY": "yookassa",
    "CABINET_PAYMENTS_SHOP": "100500",
    "CABINET_PAYMENTS_SECRET": "live_secret",
    "CABINET_PAYMENTS_VAT_CODE": "1",
    "CABINET_PAYMENTS_URL": "https://127.0.0.1:9/v3",
}


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def use(**changes: str) -> None:
        for name, value in (GOOD | changes).items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    return use


def test_a_good_set_up_leaves_nothing_to_say(production):
    production()

    assert settings().env == "production"
    assert list_doubtful() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CABINET_SECRET_KEY", "demo-secret-for-local-use-only"),
        ("CABINET_PUBLIC_URL", "http://lk.example.ru"),
        ("CABINET_SMS_GATEWAY", "demo"),
        ("CABINET_SMS_HOST", ""),
        ("CABINET_PAYMENTS_GATEWAY", "sandbox"),
        ("CABINET_PAYMENTS_SECRET", "test_secret"),
        ("CABINET_PAYMENTS_URL", "http://127.0.0.1:9/v3"),
        ("CABINET_REDIS_URL", "redis://redis.internal:6379/0"),
        ("CABINET_REDIS_URL", "http://:hush@redis.internal"),
        ("CABINET_DATABASE_URL", "mysql://cabinet:hush@db.internal/cabinet"),
    ],
)
def test_each_unsafe_value_is_named_without_being_told(production, name, value):
    production(**{name: value})

    with pytest.raises(UnsafeSettings) as fault:
        settings()

    assert name in str(fault.value)
    assert "hush" not in str(fault.value)


def test_what_is_hardly_meant_is_told_and_allowed(production):
    production(CABINET_TRUSTED_PROXY_HOPS="0", CABINET_REDIS_URL="redis://:hush@127.0.0.1/0")

    assert [line.split()[0] for line in list_doubtful()] == ["CABINET_TRUSTED_PROXY_HOPS", "CABINET_REDIS_URL"]


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> OperationalError:
    """What a PostgreSQL that is not there does to whoever asks it."""
    monkeypatch.setenv("CABINET_DATABASE_URL", f"postgresql+psycopg://cabinet:hush@127.0.0.1:{free_port()}/cabinet")
    settings.cache_clear()
    db.engine.cache_clear()
    with pytest.raises(OperationalError) as caught:
        db.engine().connect()
    return caught.value


def test_a_database_that_is_away_is_one_line_of_the_log(written, outage):  # noqa: F811
    try:
        raise outage
    except OperationalError:
        structlog.get_logger("cabinet.worker").exception("job failed", job="outbox")

    (line,) = written().splitlines()
    assert "Is the server running, and is CABINET_DATABASE_URL right?" in line
    assert "hush" not in line


def test_a_fault_of_the_program_still_has_its_trace(written):  # noqa: F811
    try:
        raise ValueError("wrong")
    except ValueError:
        structlog.get_logger("cabinet.worker").exception("job failed", job="outbox")

    assert "Traceback" in written()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


SERVE = """
from cabinet import db, schema, serve
serve.prepare_environment()
(serve.WEB_DIR / "build" / "client").mkdir(parents=True)
schema.migrate(db.engine())
serve.serve()
"""


def test_a_wrong_password_of_redis_and_gateways_out_of_reach_are_a_line_each_and_in_readyz(redis, tmp_path):
    port = free_port()
    environment = GOOD | {
        "CABINET_DATABASE_URL": f"sqlite:///{tmp_path / 'cabinet.db'}",
        "CABINET_REDIS_URL": redis.url.replace(redis.password, "hush"),
        "CABINET_PORT": str(port),
        "CABINET_HOST": "127.0.0.1",
        "CABINET_WORKER_INSIDE": "false",
        "REFLEX_WEB_WORKDIR": str(tmp_path / "web"),
        "PATH": "/usr/bin:/bin",
    }
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", SERVE], cwd=ROOT, env=environment, stdout=output, stderr=output
        ) as server,
    ):
        try:
            wait_until(lambda: _answers(port), seconds=120, what="it serves")
            for _ in range(3):
                answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
        finally:
            server.terminate()

    assert answer.status_code == 503
    ill = {part: what for part, what in answer.json().items() if part in ("redis", "sms", "payments", "database")}
    assert ill == {
        "database": "ok",
        "redis": "refuses the password",
        "sms": "cannot be reached",
        "payments": "cannot be reached",
    }
    told = log.read_text()
    assert told.count("Redis is away") == 1
    assert told.count("a part is ill") == 2
    assert "Traceback" not in told
    assert "hush" not in told


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False
