"""Lines of a text file whose contents nobody has checked: never more than one line in memory, whatever it holds."""

import csv
from collections.abc import Iterator
from pathlib import Path

from cabinet.adapters.usage_files import UnreadableFile

LONGEST_LINE = 8_192  # characters; an honest row has about a hundred
_OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Table:
    """A CSV file with a header line.

    The columns may stand in any order, but they must be exactly the `expected` ones: a column too many is as likely
    a mistake of the exporting side as a column too few.

    Raises:
        UnreadableFile: there is no such file, it is empty, binary, in another encoding, or has other columns.
    """

    def __init__(self, path: Path, expected: tuple[str, ...]) -> None:
        self.path = path
        self.expected = expected
        self.read_bytes = 0
        try:
            self.total_bytes = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(4096)
        except OSError as error:
            raise UnreadableFile(path=path, reason=f"cannot be read ({error.strerror})") from None
        if not head.strip():
            raise UnreadableFile(path=path, reason="the file is empty")
        if head[:2] in _OTHER_ENCODINGS:
            raise UnreadableFile(path=path, reason="the file is in UTF-16, save it as UTF-8")
        if b"\0" in head.partition(b"\n")[0]:
            raise UnreadableFile(path=path, reason="not a CSV file: it holds binary data")
        self.order = self._order()

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """(line number, fields in the expected order), or (line number, what is wrong with the line) in words."""
        width = len(self.expected)
        order = self.order
        self.read_bytes = 0
        with self.path.open(encoding="utf-8-sig", errors="replace") as file:
            number = 0
            while text := file.readline(LONGEST_LINE):
                number += 1
                self.read_bytes += len(text)
                if len(text) == LONGEST_LINE and text[-1] != "\n":
                    yield number, f"longer than {LONGEST_LINE} characters"
                    while (rest := file.readline(LONGEST_LINE)) and rest[-1] != "\n":
                        self.read_bytes += len(rest)
                    continue
                if number == 1:
                    continue
                if '"' in text:
                    try:
                        fields = next(csv.reader([text], strict=True))
                    except (csv.Error, StopIteration):
                        yield number, "a quotation mark is not closed, or stands inside a field"
                        continue
                else:
                    fields = text.rstrip("\n").split(",")
                if len(fields) != width:
                    if not text.isspace():
                        yield number, f"{len(fields)} fields instead of {width}"
                elif "\ufffd" in text:
                    yield number, "not valid UTF-8"
                elif "\0" in text:
                    yield number, "holds a NUL byte"
                else:
                    yield number, fields if order is None else [fields[index] for index in order]

    def _order(self) -> list[int] | None:
        """Where each expected column stands; None: exactly in the expected order."""
        with self.path.open(encoding="utf-8-sig", errors="replace") as file:
            header = [name.strip().strip('"').lower() for name in file.readline(LONGEST_LINE).split(",")]
        missing = [name for name in self.expected if name not in header]
        unknown = [name for name in header if name not in self.expected]
        faults = []
        if missing:
            faults.append(f"missing: {', '.join(missing)}")
        if unknown:
            faults.append(f"unknown: {', '.join(repr(name[:40]) for name in unknown[:10])}")
        if len(set(header)) < len(header):
            faults.append("a column stands twice")
        if faults:
            reason = f"wrong columns ({'; '.join(faults)}); expected {','.join(self.expected)}"
            raise UnreadableFile(path=self.path, reason=reason)
        order = [header.index(name) for name in self.expected]
        return None if order == list(range(len(order))) else order
