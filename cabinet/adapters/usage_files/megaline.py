"""The Megaline data set: a folder with the usage of 500 subscribers in 2018, used for trials and benchmarks.

The records have a date, no time of day and no other party: they are placed at noon of the operator's day, outgoing, in
the zone `home`. Identifiers repeat between the files, so the kind is put before them: `call:1000_93`.

Units. A duration has two decimals of a minute: 0.01 min is 0.6 s, and seconds are rounded up, which changes no bill,
because a call is billed by whole minutes and ceil(ceil(60·d) / 60) = ceil(d). Megabytes have two decimals: 0.01 MB is
10 485.76 bytes, and bytes are rounded down. The number of gigabytes that a month is billed for stays exact: the
true sum of a month is a whole number of 0.01 MB, so it is either a whole number of gigabytes, where rounding down
cannot add one, or over it by 10 485 bytes at least, and each session loses less than one byte of them: it would take
ten thousand sessions a month to lose a block.

The users are contract customers: the number is made from `user_id`, periods begin on the first of the month, and the
credit limit is large, because the set holds no payments. `churn_date` is checked but not applied: the set itself
has 7 015 records after it, and they are billed. `megaline_plans.csv` is not read: the two plans ship as
the catalogue `cabinet/catalogues/megaline.yaml`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from cabinet.adapters.usage_files import Contract, Rejection, UnreadableFile, UsageRow
from cabinet.adapters.usage_files.lines import Table
from cabinet.domain.allowances import UsageKind
from cabinet.domain.rating import Direction

CATALOGUE = Path(__file__).parents[2] / "catalogues" / "megaline.yaml"
CREDIT_LIMIT_KOPECKS = 1_000_000_00
PLAN_CODES = ("surf", "ultimate")

_USERS = ("user_id", "first_name", "last_name", "age", "city", "reg_date", "tariff", "churn_date")
_USER_ID = re.compile(r"[1-9][0-9]{0,8}")
_RECORD_ID = re.compile(r"[0-9]{1,9}_[0-9]{1,12}")
_HUNDREDTHS = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")
_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class _Malformed(Exception):
    pass


class Megaline:
    """The folder `path` with the files of the set; `time_zone` is the operator's.

    Raises:
        UnreadableFile: a file is missing or is no such file, or a line of the users is wrong.
    """

    catalogue_path: Path | None = CATALOGUE

    def __init__(self, path: Path, time_zone: ZoneInfo) -> None:
        if not path.is_dir():
            raise UnreadableFile(path=path, reason="not a folder; expected the folder with the megaline_*.csv files")
        self._moments: dict[str, datetime] = {}
        self._time_zone = time_zone
        calls = Table(path / "megaline_calls.csv", ("id", "user_id", "call_date", "duration"))
        messages = Table(path / "megaline_messages.csv", ("id", "user_id", "message_date"))
        internet = Table(path / "megaline_internet.csv", ("id", "user_id", "session_date", "mb_used"))
        self._parts: list[tuple[Table, str, UsageKind, Callable[[str], int]]] = [
            (calls, "call:", UsageKind.VOICE, _seconds),
            (messages, "message:", UsageKind.SMS, _one),
            (internet, "internet:", UsageKind.DATA, _bytes),
        ]
        self.contracts: Sequence[Contract] = list(self._contracts(Table(path / "megaline_users.csv", _USERS)))

    @property
    def total_bytes(self) -> int:
        """Size of the three files of records."""
        return sum(table.total_bytes for table, *_ in self._parts)

    @property
    def read_bytes(self) -> int:
        """How much of them has been read, about."""
        return sum(table.read_bytes for table, *_ in self._parts)

    def rows(self) -> Iterator[UsageRow | Rejection]:
        """Calls, then messages, then data sessions, in the order of the files."""
        msisdns = {contract.account_number: contract.msisdn for contract in self.contracts}
        outgoing, moments = str(Direction.OUT), self._moments
        for table, prefix, usage_kind, quantity_of in self._parts:
            source, kind = table.path.name, str(usage_kind)
            for line, fields in table.rows():
                if isinstance(fields, str):
                    yield Rejection(source, line, fields)
                    continue
                record_id, user_id, day = fields[0], fields[1], fields[2]
                try:
                    if not _RECORD_ID.fullmatch(record_id):
                        raise _Malformed(f"id must look like 1000_93, not {record_id[:40]!r}")
                    msisdn = msisdns.get(user_id)
                    if msisdn is None:
                        raise _Malformed(f"there is no user {user_id[:40]!r} in megaline_users.csv")
                    started_at = moments.get(day) or self._noon(day)
                    quantity = quantity_of(fields[-1])
                except _Malformed as fault:
                    yield Rejection(source, line, str(fault))
                else:
                    yield UsageRow(
                        prefix + record_id, msisdn, kind, outgoing, started_at, quantity, "home", "", source, line
                    )

    def _contracts(self, users: Table) -> Iterator[Contract]:
        seen: set[str] = set()
        for line, fields in users.rows():
            try:
                if isinstance(fields, str):
                    raise _Malformed(fields)
                user_id, first_name, last_name, _, _, registered_on, plan_code, churned_on = fields
                if not _USER_ID.fullmatch(user_id):
                    raise _Malformed(f"user_id must be a whole number, not {user_id[:40]!r}")
                if user_id in seen:
                    raise _Malformed(f"user {user_id} stands twice")
                if plan_code not in PLAN_CODES:
                    raise _Malformed(f"tariff must be {' or '.join(PLAN_CODES)}, not {plan_code[:40]!r}")
                if churned_on:
                    _day(churned_on)
                activated_at = datetime.combine(_day(registered_on), time.min, self._time_zone).astimezone(UTC)
            except _Malformed as fault:
                raise UnreadableFile(path=users.path, reason=f"line {line}: {fault}") from None
            seen.add(user_id)
            yield Contract(
                account_number=user_id,
                msisdn=f"79{int(user_id):09}",
                name=f"{first_name} {last_name}".strip()[:100],
                plan_code=plan_code,
                anchor_day=1,
                credit_limit_kopecks=CREDIT_LIMIT_KOPECKS,
                activated_at=activated_at,
            )

    def _noon(self, text: str) -> datetime:
        moment = datetime.combine(_day(text), time(12), self._time_zone).astimezone(UTC)
        self._moments[text] = moment
        return moment


def _day(text: str) -> date:
    found = _DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day, month, year = found.groups()
        made = date(int(year), int(month), int(day))
        if made.year < 2000:
            raise ValueError
    except ValueError:
        raise _Malformed(f"a date must be day/month/year as 27/12/2018, not {text[:40]!r}") from None
    return made


def _hundredths(text: str) -> int:
    found = _HUNDREDTHS.fullmatch(text)
    if found is None:
        if text.startswith(("-", "−")):
            raise _Malformed(f"a negative amount: {text[:40]}")
        raise _Malformed(f"an amount must be a number with at most two decimals, not {text[:40]!r}")
    whole, decimals = found.groups()
    return int(whole) * 100 + int((decimals or "").ljust(2, "0"))


def _seconds(minutes: str) -> int:
    """Rounded up; see the module."""
    return -(-_hundredths(minutes) * 3 // 5)


def _bytes(megabytes: str) -> int:
    """Rounded down; see the module."""
    return _hundredths(megabytes) * 2**20 // 100


def _one(_: str) -> int:
    """A row of messages is a message."""
    return 1
