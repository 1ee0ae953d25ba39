"""Which formats there are."""

from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from cabinet.adapters.usage_files import UsageFile
from cabinet.adapters.usage_files.cabinet_csv import CabinetCsv
from cabinet.adapters.usage_files.megaline import Megaline


class UsageFormat(StrEnum):
    """`cabinet` is the native CSV; `megaline` a folder with that data set."""

    CABINET = "cabinet"
    MEGALINE = "megaline"


def open_usage_file(path: Path, usage_format: UsageFormat, time_zone: ZoneInfo) -> UsageFile:
    """The reader of that format, its header checked. `time_zone`: whose days dates without an offset mean.

    Raises:
        UnreadableFile: the path holds nothing of that format.
    """
    match usage_format:
        case UsageFormat.CABINET:
            return CabinetCsv(path)
        case UsageFormat.MEGALINE:
            return Megaline(path, time_zone)
