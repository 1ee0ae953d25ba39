"""Messages out of the outbox to an SMS centre on this machine, by SMPP: `python -m benchmarks.messages`.

The centre is the tests' own (Net::SMPP, in a process of its own), the sender a process as the worker is one: it claims,
sends and marks until the outbox is empty. The clock runs from the first message that the centre takes to the last.
"""

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime

from sqlalchemy import Engine, insert, text

from benchmarks.expenses import database
from benchmarks.report import Budget, Table, figure
from cabinet import db
from cabinet.config import ROOT
from cabinet.models.base import metadata
from cabinet.models.outbox import OutboxState
from cabinet.schema import migrate
from tests.peers.smsc import SmsCentre

MESSAGES, QUICK_MESSAGES = 10_000, 1_000
NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
WINDOWS = (10, 50)
SENDERS = (1, 2)
ENGINES = ("sqlite", "postgres")
BUDGET = Budget("≥ 500 SMS/s", 500, at_least=True)

_SENDER = """
from datetime import UTC, datetime
from cabinet.adapters.sms import gateway
from cabinet.services import outbox

moment = datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC)
made = gateway()
while outbox.send_due(made, now=lambda: moment):
    pass
made.close()
"""


def main(*, is_quick: bool, engines: tuple[str, ...] = ENGINES) -> list[Table]:
    """Sends with each window and number of senders on each engine."""
    count = QUICK_MESSAGES if is_quick else MESSAGES
    table = Table(
        f"The outbox: {figure(count)} SMS to a local SMS centre by SMPP",
        ("database", "senders", "window", "budget", "SMS/s", "CPU of the senders, s", "verdict"),
    )
    for name in engines:
        with database(name) as url:
            engine = db.make_engine(url)
            migrate(engine)
            for senders in SENDERS:
                for window in WINDOWS:
                    speed, cpu_seconds = _measure(engine, url, count, senders, window)
                    row = (name, str(senders), str(window), BUDGET.text, figure(speed), figure(cpu_seconds))
                    table.add(*row, BUDGET.verdict(speed))
            engine.dispose()
    table.notes.append(f"load of the machine when it ended: {os.getloadavg()[0]:.1f}")
    return [table]


def _measure(engine: Engine, url: str, count: int, senders: int, window: int) -> tuple[float, float]:
    _fill(engine, count)
    before = os.times()
    with SmsCentre() as centre:
        environment = os.environ | {
            "CABINET_DATABASE_URL": url,
            "CABINET_SMS_GATEWAY": "smpp",
            "CABINET_SMS_HOST": "127.0.0.1",
            "CABINET_SMS_PORT": str(centre.port),
            "CABINET_SMS_WINDOW": str(window),
        }
        command = [sys.executable, "-c", _SENDER]
        started = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(senders)]
        codes = [process.wait() for process in started]
        if any(codes):
            raise SystemExit("a sender failed")
        after = os.times()
        times = [event["at"] for event in centre.events("message")]
        repeated = centre.count("repeated")
    if len(times) != count or repeated:
        raise SystemExit(f"{len(times)} messages of {count} arrived, {repeated} of them twice")
    cpu_seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return count / (max(times) - min(times)), cpu_seconds


def _fill(engine: Engine, count: int) -> None:
    rows = [
        {
            "reference": f"receipt:{number}",
            "kind": "receipt",
            "channel": "sms",
            "recipient": f"79{number:09}",
            "subject": "",
            "body": "Пополнение 500 ₽. Баланс 1 024,50 ₽. Чек 1-42 — в «Расходах».",
            "priority": 3,
            "state": OutboxState.WAITING,
            "attempts": 0,
            "created_at": NOON,
            "send_after": NOON,
        }
        for number in range(count)
    ]
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM outbox_message"))
        connection.execute(insert(metadata.tables["outbox_message"]), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--engines", default=",".join(ENGINES), help="sqlite, postgres or both")
    chosen = parser.parse_args()
    for measured in main(is_quick=chosen.quick, engines=tuple(chosen.engines.split(","))):
        measured.print()
