"""kill -9 of a sender between sending and marking: nothing is lost, and nobody gets it twice."""

import os
import subprocess
import sys

import pytest
from sqlmodel import select

from cabinet import db
from cabinet.config import ROOT, settings
from cabinet.models.outbox import OutboxMessage, OutboxState
from cabinet.services import outbox
from tests.conftest import NOON, both_engines
from tests.peers.smsc import SmsCentre
from tests.waiting import wait_until

pytestmark = [pytest.mark.gateways, both_engines]

MESSAGES = 30

# A sender as the worker is one, at a moment of its own; it dies where it would mark what has gone.
SENDER = """
import os, signal, sys
from datetime import datetime, timedelta
from cabinet.adapters.sms import gateway
from cabinet.services import outbox

moment = datetime.fromisoformat(sys.argv[1])
if sys.argv[2] == "dies":
    outbox._mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
made = gateway()
for _ in range(int(sys.argv[3])):
    outbox.send_due(made, now=lambda: moment)
made.close()
"""


def sender(centre: SmsCentre, moment, how: str = "lives", rounds: int = 3) -> subprocess.Popen:
    environment = os.environ | {
        "CABINET_DATABASE_URL": settings().database_url,
        "CABINET_SMS_GATEWAY": "smpp",
        "CABINET_SMS_HOST": "127.0.0.1",
        "CABINET_SMS_PORT": str(centre.port),
    }
    return subprocess.Popen(
        [sys.executable, "-c", SENDER, moment.isoformat(), how, str(rounds)], cwd=ROOT, env=environment
    )


def given_messages() -> None:
    with db.transaction() as session:
        for number in range(MESSAGES):
            outbox.queue_sms(
                session,
                reference=f"receipt:{number}",
                kind="receipt",
                recipient=f"7916{number:07}",
                body=f"Пополнение № {number}",
                now=NOON,
            )


def states() -> set[tuple[OutboxState, str]]:
    with db.reading() as session:
        return {(row.state, row.body) for row in session.exec(select(OutboxMessage))}


def expected() -> list[tuple[str, str]]:
    return [(f"7916{number:07}", f"Пополнение № {number}") for number in range(MESSAGES)]


def test_a_sender_killed_after_sending_is_replaced_and_each_message_arrives_once(database):
    given_messages()
    with SmsCentre() as centre:
        assert sender(centre, NOON, "dies").wait(30) == -9
        assert centre.count("message") == MESSAGES
        assert {state for state, _ in states()} == {OutboxState.WAITING}

        later = NOON + outbox.CLAIMED_FOR[outbox.Channel.SMS]
        assert sender(centre, later).wait(30) == 0

        assert states() == {(OutboxState.SENT, "")}
        assert centre.texts == expected()
        assert centre.count("repeated") == MESSAGES


def test_a_sender_killed_while_the_centre_does_not_answer_loses_nothing(database):
    given_messages()
    with SmsCentre() as centre:
        centre.behave("hang")
        hanging = sender(centre, NOON)
        wait_until(lambda: centre.count("ignored") == 10, what="a window of messages has gone unanswered")
        hanging.kill()
        hanging.wait()
        centre.behave("ok")

        assert sender(centre, NOON + outbox.CLAIMED_FOR[outbox.Channel.SMS]).wait(30) == 0

        assert states() == {(OutboxState.SENT, "")}
        assert centre.texts == expected()


def test_senders_of_several_processes_share_the_work(database):
    given_messages()
    with SmsCentre() as centre:
        processes = [sender(centre, NOON) for _ in range(3)]
        assert [process.wait(30) for process in processes] == [0, 0, 0]

        assert states() == {(OutboxState.SENT, "")}
        assert sorted(centre.texts) == expected()
        assert centre.count("repeated") == 0
