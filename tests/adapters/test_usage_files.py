"""Readers of usage files: what is well-formed, and what is said about what is not."""

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cabinet.adapters.usage_files import Rejection, UnreadableFile, UsageRow
from cabinet.adapters.usage_files.formats import UsageFormat, open_usage_file

HEADER = "record_id,msisdn,kind,direction,started_at,quantity,zone,peer"
GOOD = "c-1,79160000001,voice,out,2026-11-23T12:00:00+03:00,61,home,79161112233"
MOSCOW = ZoneInfo("Europe/Moscow")


def read(path: Path, usage_format: UsageFormat = UsageFormat.CABINET) -> list[UsageRow | Rejection]:
    return list(open_usage_file(path, usage_format, MOSCOW).rows())


def file_of(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def why_refused(path: Path, usage_format: UsageFormat = UsageFormat.CABINET) -> str:
    with pytest.raises(UnreadableFile) as refusal:
        open_usage_file(path, usage_format, MOSCOW)
    return str(refusal.value)


# --- the native format -----------------------------------------------------------------------------------------------


def test_a_good_row_is_read_as_it_is_meant(tmp_path):
    [row] = read(file_of(tmp_path, GOOD))

    assert row == UsageRow(
        record_id="c-1",
        msisdn="79160000001",
        kind="voice",
        direction="out",
        started_at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
        quantity=61,
        zone="home",
        peer="79161112233",
        source="usage.csv",
        line=2,
    )


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("record_id", "", "record_id must be"),
        ("record_id", "x" * 65, "record_id must be"),
        ("record_id", "a b", "record_id must be"),
        ("msisdn", "9160000001", "msisdn must be 11 digits"),
        ("msisdn", "７９１６０００００００１", "msisdn must be 11 digits"),
        ("kind", "fax", "kind must be voice, sms, data, not 'fax'"),
        ("direction", "both", "direction must be out, in"),
        ("started_at", "23.11.2026 12:00", "year, month, day"),
        ("started_at", "23/11/2026", "year, month, day"),
        ("started_at", "2026-23-11T12:00:00+03:00", "year, month, day"),
        ("started_at", "2026-11-23T12:00:00", "has no offset from UTC"),
        ("started_at", "1926-11-23T12:00:00+03:00", "before the year 2000"),
        ("started_at", "9999-12-31T23:59:59-12:00", "no time at all"),
        ("quantity", "-5", "quantity is negative: '-5'"),
        ("quantity", "1.5", "whole number of seconds, messages or bytes"),
        ("quantity", "٣", "whole number"),
        ("quantity", "", "whole number"),
        ("quantity", "604801", "too large for one record"),
        ("quantity", "9" * 5000, "too large for one record"),
        ("zone", "Дом", "zone must be a code"),
        ("zone", "z" * 25, "zone must be a code"),
        ("peer", "7" * 33, "peer must be at most 32"),
        ("peer", "a\x1b[31m", "peer must be at most 32 printable"),
        ("peer", "a\0b", "NUL byte"),
    ],
)
def test_a_bad_value_is_named_with_its_line_and_hurts_no_other_row(tmp_path, column, value, said):
    fields = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {column: value}

    before, rejected, after = read(file_of(tmp_path, GOOD, ",".join(fields.values()), GOOD))

    assert isinstance(before, UsageRow)
    assert isinstance(after, UsageRow)
    assert isinstance(rejected, Rejection)
    assert (rejected.source, rejected.line) == ("usage.csv", 3)
    assert said in rejected.reason
    assert len(rejected.reason) < 200


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c-1,79160000001", "2 fields instead of 8"),
        (GOOD + ",more", "9 fields instead of 8"),
        ('"c-1,79160000001,voice,out', "quotation mark"),
        ("x" * 1_000_000, "longer than 8192 characters"),
    ],
)
def test_a_line_that_is_no_row_swallows_no_other(tmp_path, line, said):
    rejected, after = read(file_of(tmp_path, line, GOOD))

    assert isinstance(rejected, Rejection)
    assert said in rejected.reason
    assert isinstance(after, UsageRow)
    assert after.line == 3


def test_quoted_fields_other_orders_of_columns_empty_lines_and_windows_line_ends_are_understood(tmp_path):
    path = tmp_path / "usage.csv"
    columns = HEADER.split(",")
    header, values = ",".join(reversed(columns)), ",".join(f'"{value}"' for value in reversed(GOOD.split(",")))
    path.write_bytes(f"\ufeff{header}\r\n\r\n{values}\r\n".encode())

    [row] = read(path)

    assert isinstance(row, UsageRow)
    assert (row.record_id, row.quantity, row.line) == ("c-1", 61, 3)


def test_another_encoding_is_rejected_by_the_line(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_bytes(f"{HEADER}\n".encode() + GOOD.replace("79161112233", "Мама").encode("cp1251") + b"\n")

    [rejected] = read(path)

    assert isinstance(rejected, Rejection)
    assert rejected.reason == "not valid UTF-8"


def test_wrong_columns_are_named(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("record_id,msisdn,kind,direction,start,quantity,zone,peer\n")

    said = why_refused(path)

    assert "missing: started_at; unknown: 'start'" in said
    assert HEADER in said


def test_a_column_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text(f"{HEADER},peer\n")

    assert "a column stands twice" in why_refused(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"\x7fELF\x02\x01\x01\x00" * 100, "binary data"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 50, "wrong columns"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (b"x" * 10_000_000, "wrong columns"),
    ],
)
def test_what_is_no_csv_file_is_refused_whole(tmp_path, content, said):
    path = tmp_path / "usage.csv"
    path.write_bytes(content)

    refusal = why_refused(path)

    assert said in refusal
    assert str(path) in refusal
    assert len(refusal) < 1_000


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path):
    assert "No such file" in why_refused(tmp_path / "nothing.csv")
    assert "cannot be read" in why_refused(tmp_path)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "usage.csv"
    with path.open("w") as file:
        file.write(HEADER + "\n")
        file.writelines(f"{GOOD}\n" for _ in range(50_000))

    tracemalloc.start()
    rows = sum(1 for _ in open_usage_file(path, UsageFormat.CABINET, MOSCOW).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert rows == 50_000
    assert peak < 1_000_000


# --- megaline --------------------------------------------------------------------------------------------------------

SMALL_SET = {
    "users": [
        "user_id,first_name,last_name,age,city,reg_date,tariff,churn_date",
        '1000,Anna,Bauer,45,"Atlanta, GA",24/12/2018,ultimate,',
        "1001,Ivan,Petrov,28,Perm,13/08/2018,surf,30/12/2018",
    ],
    "calls": ["id,user_id,call_date,duration", "1000_93,1000,27/12/2018,8.52"],
    "messages": ["id,user_id,message_date", "1000_93,1000,27/12/2018"],
    "internet": ["id,user_id,session_date,mb_used", "1000_93,1000,27/12/2018,89.86"],
}


@pytest.fixture
def megaline(tmp_path: Path) -> Path:
    for name, lines in SMALL_SET.items():
        (tmp_path / f"megaline_{name}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def replace_last_line(folder: Path, name: str, line: str) -> None:
    (folder / f"megaline_{name}.csv").write_text("\n".join([*SMALL_SET[name][:-1], line]) + "\n")


def test_megaline_rows_become_records_at_noon_with_the_kind_before_their_id(megaline):
    call, message, session = read(megaline, UsageFormat.MEGALINE)

    noon = datetime(2018, 12, 27, 9, 0, tzinfo=UTC)
    assert call[:7] == ("call:1000_93", "79000001000", "voice", "out", noon, 512, "home")  # 8.52 min = 511.2 s
    assert message[:7] == ("message:1000_93", "79000001000", "sms", "out", noon, 1, "home")
    assert session[:7] == ("internet:1000_93", "79000001000", "data", "out", noon, 94_225_039, "home")  # 94225039.36


def test_megaline_users_are_contract_customers_from_the_day_they_registered(megaline):
    first, second = open_usage_file(megaline, UsageFormat.MEGALINE, MOSCOW).contracts

    assert (first.account_number, first.msisdn, first.name) == ("1000", "79000001000", "Anna Bauer")
    assert (first.plan_code, first.anchor_day) == ("ultimate", 1)
    assert second.activated_at == datetime(2018, 8, 12, 21, 0, tzinfo=UTC)  # midnight of 13 August in Moscow


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("calls", "1000_93,1000,12/27/2018,8.52", "day/month/year as 27/12/2018, not '12/27/2018'"),
        ("calls", "1000_93,1000,2018-12-27,8.52", "day/month/year"),
        ("calls", "1000_93,1000,27/12/2018,-8.52", "a negative amount: -8.52"),
        ("calls", "1000_93,1000,27/12/2018,8.525", "at most two decimals"),
        ("calls", "1000_93,1000,27/12/2018,1e3", "at most two decimals"),
        ("calls", "1000_93,1999,27/12/2018,8.52", "no user '1999'"),
        ("internet", "93,1000,27/12/2018,8.52", "id must look like 1000_93"),
        ("messages", "1000_93,1000", "2 fields instead of 3"),
    ],
)
def test_a_bad_megaline_row_is_rejected_with_its_file_and_line(megaline, name, line, said):
    replace_last_line(megaline, name, line)

    [rejected] = [item for item in read(megaline, UsageFormat.MEGALINE) if isinstance(item, Rejection)]

    assert (rejected.source, rejected.line) == (f"megaline_{name}.csv", 2)
    assert said in rejected.reason


def test_a_bad_user_refuses_the_whole_set(megaline):
    replace_last_line(megaline, "users", "1001,Ivan,Petrov,28,Perm,2018-08-13,surf,")

    assert "line 3: a date must be day/month/year" in why_refused(megaline, UsageFormat.MEGALINE)


def test_a_megaline_set_is_a_folder_with_all_its_files(megaline):
    assert "not a folder" in why_refused(megaline / "megaline_calls.csv", UsageFormat.MEGALINE)
    (megaline / "megaline_calls.csv").unlink()
    assert "megaline_calls.csv: cannot be read" in why_refused(megaline, UsageFormat.MEGALINE)
