"""Texts as they are written, and the numbers, days and times they stand for."""

from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.schema import SEATS

from .helpers import GOOD, HEADER, Read, outcomes


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
