"""The native format: one CSV file, described in docs/usage-files.md."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cabinet.adapters.usage_files import Contract, Rejection, UsageRow
from cabinet.adapters.usage_files.lines import Table
from cabinet.domain.allowances import UsageKind
from cabinet.domain.rating import Direction

COLUMNS = ("record_id", "msisdn", "kind", "direction", "started_at", "quantity", "zone", "peer")

LARGEST_QUANTITY = {UsageKind.VOICE: 7 * 86_400, UsageKind.SMS: 1_000, UsageKind.DATA: 2**43}
_EARLIEST_YEAR = 2000
_KINDS = {str(kind): str(kind) for kind in UsageKind}
_DIRECTIONS = {str(direction): str(direction) for direction in Direction}
_RECORD_ID = re.compile(r"[!-~]{1,64}")
_MSISDN = re.compile(r"7[0-9]{10}")
_ZONE = re.compile(r"[a-z][a-z0-9_]{0,23}")
_LONGEST_PEER = 32


class CabinetCsv:
    """A file with the columns `COLUMNS`.

    Raises:
        UnreadableFile: see `Table`.
    """

    catalogue_path: Path | None = None
    contracts: Sequence[Contract] = ()

    def __init__(self, path: Path) -> None:
        self._table = Table(path, COLUMNS)
        self._source = path.name

    @property
    def total_bytes(self) -> int:
        """Size of the file."""
        return self._table.total_bytes

    @property
    def read_bytes(self) -> int:
        """How much of it has been read, about."""
        return self._table.read_bytes

    def rows(self) -> Iterator[UsageRow | Rejection]:
        """Every row, in the order of the file."""
        source = self._source
        for line, fields in self._table.rows():
            if isinstance(fields, str):
                yield Rejection(source, line, fields)
                continue
            try:
                yield _row(fields, source, line)
            except _Malformed as fault:
                yield Rejection(source, line, str(fault))


class _Malformed(Exception):
    pass


def _row(fields: list[str], source: str, line: int) -> UsageRow:
    record_id, msisdn, kind, direction, started_at, quantity, zone, peer = fields
    if not _RECORD_ID.fullmatch(record_id):
        raise _Malformed("record_id must be 1 to 64 visible Latin characters without spaces")
    if not _MSISDN.fullmatch(msisdn):
        raise _Malformed(f"msisdn must be 11 digits as 79161234567, not {_shown(msisdn)}")
    if kind not in _KINDS:
        raise _Malformed(f"kind must be {', '.join(_KINDS)}, not {_shown(kind)}")
    if direction not in _DIRECTIONS:
        raise _Malformed(f"direction must be {', '.join(_DIRECTIONS)}, not {_shown(direction)}")
    if not (quantity.isascii() and quantity.isdigit()):
        if quantity.startswith(("-", "−")):
            raise _Malformed(f"quantity is negative: {_shown(quantity)}")
        raise _Malformed(f"quantity must be a whole number of seconds, messages or bytes, not {_shown(quantity)}")
    if len(quantity) > 18 or int(quantity) > LARGEST_QUANTITY[UsageKind(kind)]:
        raise _Malformed(f"quantity is too large for one record: {_shown(quantity)}")
    if not _ZONE.fullmatch(zone):
        raise _Malformed(f"zone must be a code of the catalogue as home, not {_shown(zone)}")
    if len(peer) > _LONGEST_PEER or not peer.isprintable():
        raise _Malformed(f"peer must be at most {_LONGEST_PEER} printable characters")
    return UsageRow(record_id, msisdn, kind, direction, _moment(started_at), int(quantity), zone, peer, source, line)


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Malformed(
            f"started_at must be a time as 2026-11-23T12:00:00+03:00 (year, month, day), not {_shown(text)}"
        ) from None
    if moment.tzinfo is None:
        raise _Malformed(f"started_at has no offset from UTC: {_shown(text)}; write 2026-11-23T12:00:00+03:00")
    if moment.year < _EARLIEST_YEAR:
        raise _Malformed(f"started_at is before the year {_EARLIEST_YEAR}: {_shown(text)}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _Malformed(f"started_at is no time at all: {_shown(text)}") from None


def _shown(text: str) -> str:
    """What stood there, short enough for a report and without control characters."""
    return (
        ascii(text)
        if len(text) <= 40 and not text.isprintable()
        else repr(text if len(text) <= 40 else text[:40] + "…")
    )
