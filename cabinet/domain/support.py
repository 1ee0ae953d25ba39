"""Questions of subscribers: what they are about, how they stand, and the clock of the promised answer.

The clock runs from a question to its answer and stands only while the subscriber is asked something.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum

TERM = timedelta(hours=24)
"""A full answer is promised within it."""
LATE_TERM = timedelta(hours=4)
"""What is promised once the first promise is broken."""
REOPEN_FOR = timedelta(days=14)
LONGEST_TEXT = 2_000
LONGEST_ANSWER = 4_000
LONGEST_WORD = 500
LONGEST_SUBJECT = 70
MOST_FILES = 5
UPLOADED = ("png", "jpg", "jpeg", "webp", "gif", "pdf", "mp4", "mov", "webm")
"""What may be attached, by the end of its name."""

_SENTENCE = re.compile(r"(.+?[.!?…])(?=\s|$)")


class TicketCategory(StrEnum):
    """What a question is about."""

    MONEY = "money"
    INTERNET = "internet"
    CALLS = "calls"
    TARIFF = "tariff"
    SIGN_IN = "sign_in"
    OTHER = "other"


class TicketState(StrEnum):
    """Whose turn it is."""

    WAITING = "waiting"  # ours: the clock runs
    ASKED = "asked"  # the subscriber's, who was asked something: the clock stands
    ANSWERED = "answered"
    CLOSED = "closed"  # solved: the subscriber has said so, or staff


class MessageKind(StrEnum):
    """What a line of a conversation is."""

    QUESTION = "question"
    NOT_SOLVED = "not_solved"  # the subscriber's: the answer did not help
    ANSWER = "answer"
    ASK = "ask"
    NOTE = "note"  # of staff for staff

    @property
    def is_staff(self) -> bool:
        """Whether a member of the staff has written it."""
        return self in (MessageKind.ANSWER, MessageKind.ASK, MessageKind.NOTE)


def waited(due_at: datetime, now: datetime) -> timedelta:
    """How long the clock of a promise has run."""
    return TERM - (due_at - now)


def subject_of(text: str) -> str:
    """A question in a line: its first sentence, cut between words where that is long."""
    line = " ".join(text.split())
    found = _SENTENCE.match(line)
    line = found[1].rstrip(".") if found else line
    if len(line) <= LONGEST_SUBJECT:
        return line
    cut = line[:LONGEST_SUBJECT]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut[20:] else cut}…"
