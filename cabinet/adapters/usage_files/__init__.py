"""Files of usage records from the network: what every reader gives, whatever its format.

A reader streams: it keeps one line in memory, checks the form of a row and says in clear words what is wrong with it.
What the row means (is the number ours, is the record new, what does it cost) is for `services/usage.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from cabinet.domain.errors import CabinetError


class UsageRow(NamedTuple):
    """A well-formed record. `quantity` in seconds, messages or bytes; `started_at` is aware UTC."""

    record_id: str
    msisdn: str
    kind: str
    direction: str
    started_at: datetime
    quantity: int
    zone: str
    peer: str
    source: str = ""
    line: int = 0


class Rejection(NamedTuple):
    """A row that was not taken, and why; for the operator's staff."""

    source: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Contract:
    """A subscriber that a usage file brings with it."""

    account_number: str
    msisdn: str
    name: str
    plan_code: str
    anchor_day: int
    credit_limit_kopecks: int
    activated_at: datetime


class UsageFile(Protocol):
    """Usage records at some path."""

    @property
    def total_bytes(self) -> int:
        """How long it is, for a progress bar."""
        ...

    @property
    def read_bytes(self) -> int:
        """How much of it has been read, about; grows while `rows()` is being read."""
        ...

    @property
    def catalogue_path(self) -> Path | None:
        """The catalogue with the plans of `contracts`; most formats bring neither."""
        ...

    @property
    def contracts(self) -> Sequence[Contract]:
        """Subscribers to be created where they are missing."""
        ...

    def rows(self) -> Iterator[UsageRow | Rejection]:
        """Every row of the file in its order, from the start."""
        ...


class UnreadableFile(CabinetError):
    """The file as a whole is not what it was said to be. For the operator's staff."""

    message = "{path}: {reason}"
