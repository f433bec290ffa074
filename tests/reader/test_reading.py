"""A file from end to end: its types, its counts, and the errors that leave nothing behind."""

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.linkedin.reader import HeaderColumn, ReadResult, files, read_export
from salesnav_source.schema import ACTIVITIES

from .helpers import A1, FIRST_DAY, GOOD, HEADER, LAST_DAY, Read, refused


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
    names = ("activity_id", "activity_type", "created_at", "seat_id", "member_identity_key")
    spelled = ("activityId", "activityType", "createdAt", "seatId", "memberIdentityKey")
    headers = tuple(HeaderColumn(header, name, "declared") for header, name in zip(spelled, names, strict=True))
    assert read.result == ReadResult(1, 1, 0, 0, 0, 0, True, (), 0, names, headers=headers)
    assert read.left == ["file.csv", "file.parquet"]


@pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "plain"])
def test_adds_what_the_file_does_not_bring_where_the_table_has_it(compressed: bool) -> None:
    constants = {"export_job_id": 7, "contract": "urn:li:contract:1", "_dlt_load_id": "1.5"}
    header = HEADER.replace(b"seatId", b"device,seatId")
    read = Read(header + GOOD.replace(b"123456789", b"phone,5") * 2, constants=constants, compressed=compressed)
    assert read.schema.names == [
        "contract", "activity_id", "activity_type", "created_at", "activity_date", "seat_id", "member_identity_key",
        "export_job_id", "_dlt_load_id", "device",
    ]  # fmt: skip
    assert {name: read.schema.field(name).type for name in constants} == {
        "contract": pa.string(),
        "export_job_id": pa.int64(),
        "_dlt_load_id": pa.string(),
    }
    assert not any(read.schema.field(name).nullable for name in constants)
    assert [{name: row[name] for name in constants} for row in read.rows] == [constants]


def test_row_groups_are_of_the_size_that_duckdb_stores(block_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROW_GROUP_ROWS", 4)
    rows = b"".join(GOOD.replace(b"a-1", b"a-%d" % number) for number in range(10))
    read = Read(HEADER + rows)
    assert read.row_groups == [4, 4, 2]
    assert read.column("activity_id") == [f"a-{number}" for number in range(10)]


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
        pytest.param(lambda raw: gzip.compress(gzip.compress(raw)), id="gzip-twice"),
        pytest.param(lambda raw: gzip.compress(gzip.compress(gzip.compress(raw))), id="gzip-thrice"),
        pytest.param(lambda raw: raw.decode().encode("utf-16"), id="utf-16"),
        pytest.param(lambda raw: b"\xfe\xff" + raw.decode().encode("utf-16-be"), id="utf-16-big-endian"),
        pytest.param(lambda raw: gzip.compress(raw.decode().encode("utf-16")), id="utf-16-in-gzip"),
        pytest.param(lambda raw: gzip.compress(raw[:30]) + gzip.compress(raw[30:]), id="gzip-of-two-members"),
        pytest.param(lambda raw: raw.replace(b"activityId", b"ACTIVITY_ID"), id="header-in-capitals"),
        pytest.param(lambda raw: raw.replace(b"seatId", b'"Seat Id"'), id="header-quoted"),
        pytest.param(lambda raw: raw.replace(b"SAVED_LEAD", b'"SAVED_LEAD"'), id="quoted"),
    ],
)
def test_reads_the_same_however_it_is_written(change: Callable[[bytes], bytes], block_size: int) -> None:
    plain = HEADER + GOOD + GOOD.replace(b"a-1", b"a-2")
    assert Read(change(plain), expected_rows=2).rows == Read(plain).rows


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), HEADER + b"\n\r\n"], ids=["lf", "bare", "blank-lines"])
def test_header_only_is_an_empty_table(content: bytes) -> None:
    read = Read(content, expected_rows=0)
    assert read.counts == (0, 0, 0, 0)
    assert read.schema.names[:2] == ["activity_id", "activity_type"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\r\n\n",
        b"\xef\xbb\xbf",
        b"<!DOCTYPE html>\n<html>",
        b'  <html lang="en">',
        b'{"message": "no"}',
        b'[{"activityId": "no"}]',
        (HEADER + GOOD).decode().encode("utf-16")[:-1],
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
        "json-list",
        "utf-16-cut",
        "gzip-start",
        "gzip-cut",
        "gzip-empty",
        "gzip-damaged",
    ],
)
def test_what_is_no_csv_is_incomplete(content: bytes) -> None:
    assert isinstance(refused(content), IncompleteFileError)


@pytest.mark.parametrize("expected_rows", [0, 3])
def test_another_number_of_rows_is_incomplete(expected_rows: int) -> None:
    error = refused(HEADER + GOOD + b"bad\n", expected_rows=expected_rows)
    assert isinstance(error, IncompleteFileError)
    assert "has 2 rows" in str(error)
    assert f"announced {expected_rows}" in str(error)


def test_other_errors_leave_nothing_behind_either(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_export(tmp_path / "none", tmp_path / "target", ACTIVITIES, FIRST_DAY, LAST_DAY, None, {})
    assert not list(tmp_path.iterdir())


def zipped(name: str) -> bytes:
    """Returns a zip archive with a file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, HEADER + GOOD)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (zipped("activities.csv"), "a zip archive"),
        (gzip.compress(zipped("activities.csv")), "a zip archive"),
        (gzip.compress(bz2.compress(HEADER + GOOD)), "compressed by bzip2"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(HEADER)))), "compressed more than 3 times"),
        (zipped("[Content_Types].xml"), "an Excel workbook (xlsx)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook (xls)"),
        (b"PAR1\x15\x04", "a Parquet file"),
        ((HEADER + GOOD).replace(b",", b";"), "separated by semicolons"),
        ((HEADER + GOOD).replace(b",", b"\t"), "separated by tabs"),
        ((HEADER + GOOD).decode().encode("utf-16-le"), "UTF-16 without a byte order mark"),
    ],
    ids=[
        "zip",
        "zip-in-gzip",
        "bzip2-in-gzip",
        "gzip-four-times",
        "xlsx",
        "xls",
        "parquet",
        "semicolons",
        "tabs",
        "utf-16-without-mark",
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(content: bytes, told: str) -> None:
    error = refused(content)
    assert isinstance(error, ReadError)
    assert told in str(error)


def test_a_utf_16_file_loses_only_the_row_with_half_a_character(block_size: int) -> None:
    content = (HEADER + A1 + GOOD).decode().replace("SAVED", "\ud83d").encode("utf-16", "surrogatepass")
    read = Read(content + "b,😀,01-01-2024 00:00:00,5,\n".encode("utf-16-le"))
    assert [row["reason"] for row in read.rejected] == ["activity_type is not valid UTF-8"]
    assert read.column("activity_type") == ["T", "😀"]
