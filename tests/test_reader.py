"""A file as the reader gives it back: types, rejected and repeated rows, lines, and damage of every kind."""

import csv
import gzip
import io
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source import reader
from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.reader import ReadResult, read_batches, read_export, read_rejected
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, SEATS, Export

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2024, 3, 30)
HEADER = b"activityId,activityType,createdAt,seatId,memberIdentityKey\n"
OUTCOMES_HEADER = b"activityId,activityType,createdAt,seatId,memberIdentityKey\n"
GOOD = b"a-1,SAVED_LEAD,02-29-2024 23:59:59,123456789,-77\n"
BLOCK_SIZES = [1, 7, 64, 4 << 20]


class Read:
    """A file read, all of it in memory."""

    def __init__(
        self, content: bytes, export: Export = ACTIVITIES, expected_rows: int | None = None, path: Path | None = None
    ) -> None:
        with TemporaryDirectory() as folder:
            source, target = Path(folder, "file.csv"), Path(folder, "file.arrow")
            source.write_bytes(content)
            try:
                self.result = read_export(source, target, export, FIRST_DAY, LAST_DAY, expected_rows)
            finally:
                self.left = sorted(path.name for path in Path(folder).iterdir())
            batches = list(read_batches(target))
            self.schema = batches[0].schema
            self.rows: list[dict[str, Any]] = [row for batch in batches for row in batch.to_pylist()]
            self.rejected: list[dict[str, Any]] = [row for batch in read_rejected(target) for row in batch.to_pylist()]

    def column(self, name: str) -> list[Any]:
        """Returns the values of a column."""
        return [row[name] for row in self.rows]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Rows in total, loaded, rejected, repeated."""
        result = self.result
        return result.rows, result.rows_loaded, result.rows_rejected, result.rows_repeated


def refused(content: bytes, export: Export = ACTIVITIES, expected_rows: int | None = None) -> Exception:
    """Returns the error that reading raises, having checked that it leaves nothing behind."""
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "file.csv"), Path(folder, "file.arrow")
        source.write_bytes(content)
        with pytest.raises((ReadError, IncompleteFileError)) as caught:
            read_export(source, target, export, FIRST_DAY, LAST_DAY, expected_rows)
        assert [path.name for path in Path(folder).iterdir()] == ["file.csv"]
        return caught.value


@pytest.fixture(params=BLOCK_SIZES, ids=lambda size: f"blocks-of-{size}")
def block_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A size of blocks, set."""
    monkeypatch.setattr(reader, "_BLOCK_BYTES", request.param)
    return int(request.param)


def test_types_the_columns_of_activities() -> None:
    read = Read(HEADER + GOOD)
    assert read.schema == pa.schema(
        [
            pa.field("activity_id", pa.string(), False),
            pa.field("activity_type", pa.string(), False),
            pa.field("created_at", pa.timestamp("us", "UTC"), False),
            pa.field("activity_date", pa.date32(), False),
            pa.field("seat_id", pa.int64(), False),
            pa.field("member_identity_key", pa.string(), True),
        ]
    )
    assert read.rows == [
        {
            "activity_id": "a-1",
            "activity_type": "SAVED_LEAD",
            "created_at": datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone.utc),
            "activity_date": date(2024, 2, 29),
            "seat_id": 123456789,
            "member_identity_key": "-77",
        }
    ]
    assert read.result == ReadResult(1, 1, 0, 0, 0, True, ())
    assert read.left == ["file.arrow", "file.csv"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r"), id="cr"),
        pytest.param(lambda raw: raw.rstrip(b"\n"), id="no-final-newline"),
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw, id="byte-order-mark"),
        pytest.param(lambda raw: b'\xef\xbb\xbf"activityId"' + raw[10:], id="byte-order-mark-and-quote"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\n\n\r\n"), id="blank-lines"),
        pytest.param(lambda raw: b"\n\r\n" + raw, id="blank-lines-first"),
        pytest.param(lambda raw: raw + b"\n\n\r\n\n", id="blank-lines-last"),
        pytest.param(gzip.compress, id="gzip"),
        pytest.param(lambda raw: gzip.compress(raw[:30]) + gzip.compress(raw[30:]), id="gzip-of-two-members"),
        pytest.param(lambda raw: raw.replace(b"activityId", b"ACTIVITY_ID"), id="header-in-capitals"),
        pytest.param(lambda raw: raw.replace(b"seatId", b'"Seat Id"'), id="header-quoted"),
        pytest.param(lambda raw: raw.replace(b"SAVED_LEAD", b'"SAVED_LEAD"'), id="quoted"),
    ],
)
def test_reads_the_same_however_it_is_written(change: Callable[[bytes], bytes], block_size: int) -> None:
    plain = HEADER + GOOD + GOOD.replace(b"a-1", b"a-2")
    assert Read(change(plain), expected_rows=2).rows == Read(plain).rows


def test_finds_columns_in_any_order() -> None:
    read = Read(b"seatId,createdAt,memberIdentityKey,activityType,activityId\n5,01-01-2024 00:00:00,,SAVED_LEAD,x\n")
    assert read.column("activity_id") == ["x"]
    assert read.column("member_identity_key") == [None]


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), HEADER + b"\n\r\n"], ids=["lf", "bare", "blank-lines"])
def test_header_only_is_an_empty_table(content: bytes) -> None:
    read = Read(content, expected_rows=0)
    assert read.counts == (0, 0, 0, 0)
    assert read.schema.names[:2] == ["activity_id", "activity_type"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ('""', ""),
        ("NA", "NA"),
        ("null", "null"),
        (" x ", " x "),
        ('"a,b"', "a,b"),
        ('"a\nb\r\nc"', "a\nb\r\nc"),
        ('"say ""so"""', 'say "so"'),
        ("5'10\" tall", "5'10\" tall"),
        ("Zoë 😀", "Zoë 😀"),
        ("\ufeffx", "\ufeffx"),
        ("0123", "0123"),
    ],
    ids=[
        "empty",
        "quoted-empty",
        "NA",
        "null",
        "spaces",
        "comma",
        "lines",
        "quotes",
        "inch",
        "unicode",
        "mark",
        "zero",
    ],
)
def test_takes_text_to_the_letter(written: str, value: str | None, block_size: int) -> None:
    row = f"a-1,SAVED_LEAD,01-01-2024 00:00:00,5,{written}\n"
    assert Read(HEADER + row.encode()).column("member_identity_key") == [value]


def test_keeps_a_byte_order_mark_that_begins_a_row() -> None:
    assert Read(HEADER + b"\xef\xbb\xbf" + GOOD).column("activity_id") == ["\ufeffa-1"]


def seats(column: str, written: str) -> Read:
    """Returns a file of seats, with one column besides its key."""
    return Read(f"seatId,snapshotDate,{column}\n1,01-02-2024,{written}\n".encode(), SEATS)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        (" 42 ", 42),
        ("12.0", 12),
        ("12.", 12),
        ("-7.000", -7),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "7", 7),
        ("", None),
        ('""', None),
        ('"12"', 12),
    ],
)
def test_reads_integers(written: str, value: int | None) -> None:
    assert seats("totalConnections", written).column("total_connections") == [value]


@pytest.mark.parametrize(
    "written", ["x", "1.5", "0x1F", "1e3", "9223372036854775808", "9" * 5000, "1 2", "١", "--1", "NaN", "+", " ", "1_0"]
)
def test_rejects_what_is_no_integer(written: str) -> None:
    read = seats("totalConnections", written)
    assert read.counts == (1, 0, 1, 0)
    assert read.rejected[0]["reason"].startswith("total_connections is not an integer of 64 bits: " + written[:50])
    assert len(read.rejected[0]["reason"]) < 200


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("67.25", 67.25),
        ("67", 67.0),
        ("-1.5E+2", -150.0),
        (".5", 0.5),
        ("5.", 5.0),
        (" 1 ", 1.0),
        ("", None),
        ('""', None),
    ]
    + [(repr(value), value) for value in (0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789012345.678)],
)
def test_reads_numbers(written: str, value: float | None) -> None:
    assert seats("ssi", written).column("ssi") == [value]


@pytest.mark.parametrize(
    "written", ["nan", "NaN", "inf", "-Infinity", "1e999", "x", "1.2.3", '"1,5"', "0x1p3", "e5", "."]
)
def test_rejects_what_is_no_number(written: str) -> None:
    assert seats("ssi", written).counts == (1, 0, 1, 0)


@pytest.mark.parametrize(
    "written",
    [
        "01-02-2024",
        "2024-01-02",
        "01-02-2024 00:00:00",
        "2024-01-02 23:59:59",
        "2024-01-02T10:00:00",
        "2024-01-02T10:00:00.123Z",
    ],
)
def test_reads_days(written: str) -> None:
    read = Read(f"seatId,date\n1,{written}\n".encode(), SEATS)
    assert read.column("snapshot_date") == [date(2024, 1, 2)]
    assert read.result.has_day_column


@pytest.mark.parametrize(
    "written", ["02-30-2024", "13-01-2024", "02-29-2023", "2024-1-2", "01/02/2024", "0000-01-01", "x", " 01-02-2024"]
)
def test_rejects_what_is_no_day(written: str) -> None:
    assert Read(f"seatId,date\n1,{written}\n".encode(), SEATS).counts == (1, 0, 1, 0)


def test_stamps_seats_without_a_day_with_the_last_day() -> None:
    read = Read(b"seatId,ssi\n1,50\n2,60\n", SEATS)
    assert read.column("snapshot_date") == [LAST_DAY, LAST_DAY]
    assert not read.result.has_day_column
    assert read.result.rows_outside == 0


OUTCOME = "a-{},X,{},,\n"


def outcomes(*times: str) -> Read:
    """Returns a file of outcomes at these times."""
    rows = "".join(OUTCOME.format(number, time) for number, time in enumerate(times))
    return Read(OUTCOMES_HEADER + rows.encode(), ACTIVITY_OUTCOMES)


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(lambda time: time.replace(microsecond=0))
)
def test_reads_every_time(time: datetime) -> None:
    written = f"{time:%m-%d-}{time.year:04}{time: %H:%M:%S}"
    assert outcomes(written, "").column("created_at") == [time.replace(tzinfo=timezone.utc), None]


def is_time(text: str) -> bool:
    """Tells whether a text is a time, as Python sees it."""
    try:
        return f"{datetime.strptime(text, '%m-%d-%Y %H:%M:%S'):%m-%d-%Y %H:%M:%S}" == text
    except ValueError:
        return False


@given(st.integers(0, 18), st.sampled_from([chr(code) for code in range(32, 127) if chr(code) not in ',"']))
def test_judges_a_time_with_a_changed_character_as_python_does(place: int, character: str) -> None:
    good = "02-28-2024 19:19:19"
    written = good[:place] + character + good[place + 1 :]
    assert outcomes(good, written).result.rows_loaded == 1 + is_time(written)


@pytest.mark.parametrize(
    "written",
    ["02-29-2023 00:00:00", "02-29-1900 00:00:00", "00-10-2024 00:00:00", "04-31-2024 00:00:00", "01-00-2024 00:00:00"]
    + ["01-01-2024 24:00:00", "01-01-2024 00:60:00", "01-01-2024 00:00:60", "01-01-0000 00:00:00", "1-1-2024 00:00:00"]
    + ["2024-01-01 00:00:00", "01-01-2024", " 01-01-2024 00:00:00", "01-01-2024 00:00:00 ", "é1-01-2024 00:00:0"],
)
def test_rejects_what_is_no_time(written: str) -> None:
    assert outcomes(written).rejected == [
        {
            "line_number": 2,
            "reason": f"created_at is not a time of the form MM-DD-YYYY HH:MM:SS: {written}",
            "row": f"a-0,X,{written},,",
        }
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b",T,01-01-2024 00:00:00,5,", "activity_id is empty"),
        (b'"",T,01-01-2024 00:00:00,5,', "activity_id is empty"),
        (b"a,,01-01-2024 00:00:00,5,", "activity_type is empty"),
        (b"a,T,,5,", "created_at is empty"),
        (b"a,T,01-01-2024 00:00:00,,", "seat_id is empty"),
        (b"a,T,01-01-2024 00:00:00,x,", "seat_id is not an integer of 64 bits: x"),
        (b"a,T,01-01-2024 00:00:00,5", "the row has 4 fields, the header has 5"),
        (b"a,T,01-01-2024 00:00:00,5,6,7", "the row has 6 fields, the header has 5"),
        (b" ", "the row has 1 fields, the header has 5"),
        (b"a,T,01-01-2024 00:00:00,5,\xff", "the row is not valid UTF-8"),
        (b"\xff", "the row is not valid UTF-8"),
        (b"a,T,01-01-2024 00:00:00,5,\0", "the row has a NUL byte in it"),
        (b"a,T,12-31-2023 23:59:59,5,", "outside the days asked for"),
        (b"a,T,03-31-2024 00:00:00,5,", "outside the days asked for"),
        (b'a,T,01-01-2024 00:00:00,5,"x"y', "a quote in the row is not closed, or has text after it"),
        (b'a,T,01-01-2024 00:00:00,5,"x', "a quote in the row is not closed, or has text after it"),
    ],
)
def test_rejects_a_row_whole_with_reason_and_line(row: bytes, reason: str, block_size: int) -> None:
    quoted = b'a-0,"SAVED\n\nLEAD",01-01-2024 00:00:00,5,\r\n\n'
    read = Read(HEADER + quoted + row + b"\n" + GOOD, expected_rows=3)
    text = row.decode("utf-8", "replace").replace("\0", "\ufffd")
    assert read.rejected == [{"line_number": 6, "reason": reason, "row": text}]
    assert read.column("activity_id") == ["a-0", "a-1"]
    assert read.left == ["file.arrow", "file.arrow.rejected", "file.csv"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_counts_lines_with_every_line_end(line_end: bytes, before: int, block_size: int) -> None:
    content = HEADER + GOOD * before + b"bad\n"
    assert Read(content.replace(b"\n", line_end)).rejected[0]["line_number"] == 2 + before


def test_shortens_long_values_in_reasons() -> None:
    read = Read(HEADER + b"a,T,01-01-2024 00:00:00," + b"x" * 1000 + b",\n")
    assert read.rejected[0]["reason"].endswith(": " + "x" * 99 + "…")
    assert len(read.rejected[0]["row"]) > 1000


def test_counts_outcomes_outside_the_days_or_undated() -> None:
    read = outcomes("12-31-2023 23:59:59", "01-01-2024 00:00:00", "03-30-2024 23:59:59", "03-31-2024 00:00:00", "")
    assert read.result.rows_loaded == 5
    assert read.result.rows_outside == 3


def test_outcomes_without_a_time_are_all_undated() -> None:
    read = Read(b"activityId,outcomeType\n1,A\n2,B\n", ACTIVITY_OUTCOMES)
    assert read.column("created_at") == [None, None]
    assert read.result.rows_outside == 2
    assert not read.result.has_day_column


@pytest.mark.parametrize(
    ("header", "export", "column"),
    [
        (b"activityType,createdAt,seatId", ACTIVITIES, "activity_id"),
        (b"activityId,activityType,createdAt", ACTIVITIES, "seat_id"),
        (b"activityId,activityType,seatId", ACTIVITIES, "created_at"),
        (b"activityId,createdAt", ACTIVITY_OUTCOMES, "activity_type"),
        (b"snapshotDate,ssi", SEATS, "seat_id"),
    ],
)
def test_a_missing_key_column_is_an_error_that_helps(header: bytes, export: Export, column: str) -> None:
    error = refused(header + b"\n1,2\n", export)
    assert isinstance(error, ReadError)
    assert column in str(error)
    assert export.column(column).spellings[0] in str(error)
    assert header.decode().replace(",", ", ") in str(error)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Region,region", ("Region", "region_2")),
        ("Region,Region,Region", ("Region", "Region_2", "Region_3")),
        ("Region,Region_2,Region", ("Region", "Region_2", "Region_3")),
        (",x, ", ("column_3", "x", "column_5")),
        ("---,a+,ax", ("column_3", "a+", "ax_2")),
        ("SEATID,Contract,exportJobId,_dlt_load_id", ("SEATID_2", "Contract_2", "exportJobId_2", "_dlt_load_id_2")),
        ('"two, words"', ("two, words",)),
    ],
    ids=["case", "repeated", "suffix-taken", "blank", "symbols", "declared", "quoted"],
)
def test_keeps_undocumented_columns_under_unique_names(header: str, names: tuple[str, ...]) -> None:
    read = Read(f"seatId,snapshotDate,{header}\n1,01-01-2024{',v' * len(names)}\n".encode(), SEATS)
    assert read.result.extra_columns == names
    assert [read.rows[0][name] for name in names] == ["v"] * len(names)
    assert read.schema.names[-len(names) :] == list(names)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\r\n\n",
        b"\xef\xbb\xbf",
        b"<!DOCTYPE html>\n<html>",
        b'  <html lang="en">',
        b'{"message": "no"}',
        b"\x1f\x8b",
    ]
    + [gzip.compress(HEADER + GOOD)[:-9], gzip.compress(b""), gzip.compress(HEADER)[:20] + b"xx" * 20],
    ids=[
        "empty",
        "blank",
        "mark",
        "html",
        "spaced-html",
        "json",
        "gzip-start",
        "gzip-cut",
        "gzip-empty",
        "gzip-damaged",
    ],
)
def test_what_is_no_csv_is_incomplete(content: bytes) -> None:
    assert isinstance(refused(content), IncompleteFileError)


@pytest.mark.parametrize("expected_rows", [0, 1, 3])
def test_another_number_of_rows_is_incomplete(expected_rows: int) -> None:
    error = refused(HEADER + GOOD + b"bad\n", expected_rows=expected_rows)
    assert isinstance(error, IncompleteFileError)
    assert "holds 2 rows" in str(error)
    assert f"announced {expected_rows}" in str(error)


def test_other_errors_leave_nothing_behind_either(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_export(tmp_path / "none", tmp_path / "target", ACTIVITIES, FIRST_DAY, LAST_DAY, None)
    assert not list(tmp_path.iterdir())


A1, A2, B1 = (b"a,T,01-01-2024 00:00:00,5,%s\n" % member for member in (b"1", b"2", b"3"))
B1 = B1.replace(b"a", b"b", 1)


@pytest.mark.parametrize(
    ("rows", "members", "rejected", "repeated"),
    [
        ([A1, B1, A1], ["1", "3"], [], 1),
        ([A1, A1, A1], ["1"], [], 2),
        ([A1, B1, A2], ["3", "2"], [(2, 4)], 0),
        ([A1, A1, A2], ["2"], [(2, 4)], 1),
        ([A1, A2, A1], ["1"], [(2, 3), (3, 4)], 0),
        ([A1, b"\n", A2, b"bad\n", A2], ["2"], [(2, 4), (5, 0)], 1),
    ],
    ids=["equal", "thrice", "other-values", "equal-then-other", "back-again", "among-bad-rows"],
)
@pytest.mark.parametrize("colliding", [False, True], ids=["hashes-differ", "hashes-collide"])
def test_repeated_keys(
    rows: list[bytes],
    members: list[str],
    rejected: list[tuple[int, int]],
    repeated: int,
    colliding: bool,
    block_size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if colliding:
        monkeypatch.setattr(reader, "_HASH_FACTOR", np.uint64(0))
    read = Read(HEADER + b"".join(rows))
    assert read.column("member_identity_key") == members
    assert read.result.rows_repeated == repeated
    assert [row["line_number"] for row in read.rejected] == [line for line, _ in rejected]
    for row, (_, again) in zip(read.rejected, rejected, strict=True):
        assert not again or row["reason"] == f"its key occurs again with other values on line {again}"


def test_outcomes_of_one_activity_differ_by_type() -> None:
    read = Read(OUTCOMES_HEADER + b"a,X,,,\na,Y,,,\nb,X,,,\n", ACTIVITY_OUTCOMES)
    assert read.counts == (3, 3, 0, 0)


def test_seats_repeat_by_value_not_by_spelling() -> None:
    read = Read(b"seatId,date,ssi\n1,01-02-2024,5\n1.0,2024-01-02,5.0\n1,01-03-2024,5\n", SEATS)
    assert read.counts == (3, 2, 0, 1)


def test_reads_fields_of_megabytes(block_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK_BYTES", max(block_size, 1 << 19))
    long = b"x\n" * (3 << 20)
    row = b'a-0,T,01-01-2024 00:00:00,5,"' + long + b'"\n'
    read = Read(HEADER + row + GOOD + b"bad\n")
    assert read.column("member_identity_key") == [long.decode(), "-77"]
    assert read.rejected[0]["line_number"] == 4 + (3 << 20)


def test_long_keys_are_told_apart() -> None:
    ids = [b"k" * 3000 + b"%d" % number for number in (1, 2, 1)] + [b"", b"k"]
    rows = b"".join(b"%s,T,01-01-2024 00:00:00,5,\n" % id_ for id_ in ids)
    assert Read(HEADER + rows).counts == (5, 3, 1, 1)


def test_a_quote_never_closed_costs_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(reader, "_MAX_ROW_BYTES", 500)
    rows = [b"a-%d,T,01-01-2024 00:00:00,5,\n" % number for number in range(100)]
    rows[3] = b'a-3,"T,01-01-2024 00:00:00,5,\n'
    read = Read(HEADER + b"".join(rows))
    assert read.counts == (100, 99, 1, 0)
    assert read.rejected[0]["line_number"] == 5


def test_a_line_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(reader, "_MAX_ROW_BYTES", 500)
    assert isinstance(refused(HEADER + GOOD + b"x" * 1000), ReadError)


PIECES = [
    HEADER.strip(),
    GOOD,
    A1,
    A2,
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b'""',
    b",",
    b"x",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"5",
]


def read_with_blocks_of(size: int, content: bytes, export: Export) -> Any:
    """Returns all that reading gives, or the type of its error."""
    usual = reader._BLOCK_BYTES
    reader._BLOCK_BYTES = size
    try:
        read = Read(content, export)
    except (ReadError, IncompleteFileError) as error:
        return type(error)
    finally:
        reader._BLOCK_BYTES = usual
    result = read.result
    assert result.rows == result.rows_loaded + result.rows_rejected + result.rows_repeated
    assert result.rows_loaded == len(read.rows)
    assert result.rows_rejected == len(read.rejected)
    return read.rows, read.rejected, read.counts


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200) | st.lists(st.sampled_from(PIECES) | st.binary(max_size=2), max_size=40).map(b"".join),
    st.booleans(),
)
def test_any_bytes_read_the_same_in_any_blocks(content: bytes, with_header: bool) -> None:
    content = HEADER + content if with_header else content
    whole = read_with_blocks_of(4 << 20, content, ACTIVITIES)
    for size in (1, 13, 90):
        assert read_with_blocks_of(size, content, ACTIVITIES) == whole


TEXTS = st.text(
    st.sampled_from("ab,\"\n\r'é😀 ") | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.integers(-(2**63), 2**63 - 1), TEXTS), max_size=30),
    # with other line ends, minimal quoting leaves a carriage return bare
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n"), (csv.QUOTE_NONNUMERIC, "\n")]),
    faults=st.dictionaries(st.integers(0, 29), st.sampled_from(["width", "seat", "day"])),
    size=st.sampled_from([5, 100, 4 << 20]),
)
def test_gives_back_what_was_written(
    rows: list[tuple[str, int, str]], style: tuple[int, str], faults: dict[int, str], size: int
) -> None:
    quoting, line_end = style
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerow(["activityId", "activityType", "createdAt", "seatId", "memberIdentityKey"])
    good, bad = [], []
    for number, (kind, seat, member) in enumerate(rows):
        line = lines_of(file.getvalue()) + 1
        fault = faults.get(number)
        day = "06-01-2024 00:00:00" if fault == "day" else "01-01-2024 00:00:00"
        values = [f"{number}", f"T{kind}", day, "x" if fault == "seat" else seat, member]
        writer.writerow(values + ["more"] if fault == "width" else values)
        if fault:
            bad.append(line)
        else:
            null = quoting == csv.QUOTE_MINIMAL and not member
            good.append((f"{number}", f"T{kind}", seat, None if null else member))
    content = file.getvalue().encode()
    loaded, rejected, counts = read_with_blocks_of(size, content, ACTIVITIES)
    found = [(row["activity_id"], row["activity_type"], row["seat_id"], row["member_identity_key"]) for row in loaded]
    assert found == good
    assert [row["line_number"] for row in rejected] == bad
    assert counts == (len(rows), len(good), len(bad), 0)
    assert all(row["row"] in file.getvalue() for row in rejected)


def lines_of(text: str) -> int:
    """Returns how many lines of a text have ended."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
