"""Rows that are rejected, whole and with reason and line, and days outside those asked for."""

import pytest

from salesnav_source.schema import ACTIVITY_OUTCOMES, SEATS

from .helpers import GOOD, HEADER, LAST_DAY, Read, outcomes


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
        (b"a\xff,T,01-01-2024 00:00:00,5,", "activity_id is not valid UTF-8"),
        (b"\xff", "the row has 1 fields, the header has 5"),
        (b"a,T\0,01-01-2024 00:00:00,5,", "activity_type is not valid UTF-8"),
        (b"a,T,01-01-2024 00:00:00,\xff,", "seat_id is not an integer of 64 bits: \ufffd"),
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
    assert read.left == ["file.csv", "file.parquet", "file.parquet.rejected"]


def test_shortens_long_values_in_reasons() -> None:
    read = Read(HEADER + b"a,T,01-01-2024 00:00:00," + b"x" * 1000 + b",\n" + GOOD)
    assert read.rejected[0]["reason"].endswith(": " + "x" * 99 + "…")
    assert len(read.rejected[0]["row"]) > 1000


def test_stamps_seats_without_a_day_with_the_last_day() -> None:
    read = Read(b"seatId,ssi\n1,50\n2,60\n", SEATS)
    assert read.column("snapshot_date") == [LAST_DAY, LAST_DAY]
    assert not read.result.has_day_column
    assert read.result.rows_outside == 0


def test_counts_outcomes_outside_the_days_or_undated() -> None:
    read = outcomes("12-31-2023 23:59:59", "01-01-2024 00:00:00", "03-30-2024 23:59:59", "03-31-2024 00:00:00", "")
    assert read.result.rows_loaded == 5
    assert (read.result.rows_outside, read.result.rows_undated) == (2, 1)


def test_outcomes_without_a_time_are_all_undated() -> None:
    read = Read(b"activityId,outcomeType\n1,A\n2,B\n", ACTIVITY_OUTCOMES)
    assert read.column("created_at") == [None, None]
    assert (read.result.rows_outside, read.result.rows_undated) == (0, 2)
    assert not read.result.has_day_column
