"""Texts as they are written, and the numbers, days and times they stand for."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.schema import FORMS, SEATS, is_no_value

from .helpers import GOOD, HEADER, Read, outcomes


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ('""', None),
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
        ("-7.0000", -7),
        ("0.000", 0),
        ("1234.000", 1234),
        ("1.234", 1234),
        ('"1,234.000"', 1234),
        ('"1.234,0"', 1234),
        ("1.234.567", 1234567),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "7", 7),
        ('"+1,234"', 1234),
        ('"-1,234,567.0"', -1234567),
        ("1 234", 1234),
        ("1'234", 1234),
        ("1\u00a0234", 1234),
        ("", None),
        ('""', None),
        ('"12"', 12),
    ],
)
def test_reads_integers(written: str, value: int | None) -> None:
    assert seats("totalConnections", written).column("total_connections") == [value]


@pytest.mark.parametrize(
    "written",
    [
        "x",
        "1.5",
        "0x1F",
        "1e3",
        "9223372036854775808",
        "9" * 5000,
        "1 2",
        "١",
        "--1",
        "+",
        "1_0",
        '"1,23"',
        '"12,34,567"',
    ]
    + ['"1,234 567"', '"1,234.5"'],
)
def test_what_is_no_integer_costs_the_value(written: str) -> None:
    read = seats("totalConnections", written)
    written = written.strip('"')
    assert read.counts == (1, 1, 0, 0)
    assert read.result.values_rejected == 1
    assert read.column("total_connections") == [None]
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
        ('"1,234.5"', 1234.5),
        ('"1,234,567"', 1234567.0),
        ('"1.234,5"', 1234.5),
        ('"1,5"', 1.5),
        ('"67,250"', 67.25),
        ("67.250", 67.25),
        ("1.000", 1.0),
        (" 1 ", 1.0),
        ("", None),
        ('""', None),
    ]
    + [(repr(value), value) for value in (0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789012345.678)],
)
def test_reads_numbers(written: str, value: float | None) -> None:
    assert seats("ssi", written).column("ssi") == [value]


@pytest.mark.parametrize("written", ["inf", "-Infinity", "1e999", "x", "1.2.3", '"1,2,3"', "0x1p3", "e5", ".", "67%"])
def test_what_is_no_number_costs_the_value(written: str) -> None:
    read = seats("ssi", written)
    assert read.counts == (1, 1, 0, 0)
    assert read.column("ssi") == [None]
    (rejected,) = read.rejected
    told = f"ssi is not a number: {written.strip(chr(34))} (the row is loaded without this value)"
    assert rejected == {"line_number": 2, "reason": told, "row": f"1,01-02-2024,{written}"}


@pytest.mark.parametrize("column", ["ssi", "totalConnections"])
@pytest.mark.parametrize(
    "written", ["N/A", "n/a", "NA", "null", "NULL", "None", "NaN", "-", "--", "–", " ", "\\N", '""', ""]
)
def test_what_stands_for_no_value_is_null(column: str, written: str) -> None:
    read = seats(column, written)
    assert read.counts == (1, 1, 0, 0)
    assert not read.rejected
    assert read.rows[0][SEATS.match([column])[0].name] is None
    assert outcomes(written).column("created_at") == [None]


def test_what_stands_for_no_value_is_empty_where_there_must_be_one() -> None:
    read = Read(HEADER + b"a,T,N/A,5,\nb,T,01-01-2024 00:00:00,-,\n" + GOOD)
    assert [row["reason"] for row in read.rejected] == ["created_at is empty", "seat_id is empty"]


@pytest.mark.parametrize(
    "written",
    [
        "01-02-2024",
        "2024-01-02",
        "01-02-2024 00:00:00",
        "2024-01-02 23:59:59",
        "2024-01-02T10:00:00",
        "2024-01-02T10:00:00.123Z",
        "2024-01-02T23:30:00-05:00",
        "2024/01/02",
        " 01-02-2024 ",
        "1704186000000",
        "1/2/2024",
        "01.02.2024",
        "2024-1-2",
        "20240102",
        "1/2/2024, 1:00 PM",
    ],
)
def test_reads_days(written: str) -> None:
    read = Read(f'seatId,date\n1,"{written}"\n'.encode(), SEATS)
    assert read.column("snapshot_date") == [date(2024, 1, 2)]
    assert read.result.has_day_column


@pytest.mark.parametrize(
    "written",
    ["02-30-2024", "13-01-2024", "02-29-2023", "2024-13-2", "01/02-2024", "0000-01-01", "x", "2024-01-02x", "20240230"],
)
def test_rejects_what_is_no_day(written: str) -> None:
    assert Read(f"seatId,date\n1,{written}\n2,01-31-2024\n".encode(), SEATS).counts == (2, 1, 1, 0)


ZONES = st.sampled_from([("", 0), ("Z", 0), ("+00:00", 0), ("-08:00", -480), ("+0530", 330), ("+14", 840), (" UTC", 0)])


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%m-%d-%Y", "%Y/%m/%d"]),
    st.sampled_from("T "),
    st.sampled_from([".", ","]),
    st.integers(0, 9),
    ZONES,
)
def test_reads_times_in_every_form(
    time: datetime, day: str, between: str, point: str, digits: int, zone: tuple[str, int]
) -> None:
    fraction = f"{time.microsecond:06}000"[:digits]
    date_text = time.strftime(day.replace("%Y", f"{time.year:04}"))
    written = f"{date_text}{between}{time:%H:%M:%S}{point if digits else ''}{fraction}{zone[0]}"
    kept = time.replace(microsecond=int(fraction[:6].ljust(6, "0")), tzinfo=timezone(timedelta(minutes=zone[1])))
    usual = "01-31-2024 00:00:00"
    assert outcomes(usual, f'"{written}"').column("created_at")[1] == kept.astimezone(timezone.utc)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2024-02-29T10:00Z", datetime(2024, 2, 29, 10)),
        ("02-29-2024 10:00", datetime(2024, 2, 29, 10)),
        ("1709200800123", datetime(2024, 2, 29, 10, 0, 0, 123000)),
        (" 02-29-2024 10:00:00 ", datetime(2024, 2, 29, 10)),
        ("2/29/2024, 10:00:00 AM", datetime(2024, 2, 29, 10)),
        ("2/29/2024 10:00 pm", datetime(2024, 2, 29, 22)),
        ("29.02.2024 10:00:00", datetime(2024, 2, 29, 10)),
        ("2024.2.29 9:00", datetime(2024, 2, 29, 9)),
        ("02-29-2024", datetime(2024, 2, 29)),
        ("2024-02-29", datetime(2024, 2, 29)),
    ],
)
def test_reads_times_in_other_forms(written: str, value: datetime) -> None:
    assert outcomes(f'"{written}"').column("created_at") == [value.replace(tzinfo=timezone.utc)]


@given(st.text(max_size=30) | st.from_regex(r"[0-9/:.TZ+ -]{1,30}", fullmatch=True))
def test_whatever_is_written_is_read_or_costs_the_value(written: str) -> None:
    text = written.replace('"', "").replace("\0", "").encode("utf-8", "ignore").decode()
    read = Read(f'seatId,date,ssi,totalConnections,mail\n1,01-02-2024,"{text}","{text}",\n'.encode(), SEATS)
    assert read.result.rows_loaded == 1
    assert read.result.values_rejected == len(read.rejected)
    assert not (is_no_value(text) and read.rejected)


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(lambda time: time.replace(microsecond=0))
)
def test_reads_every_time(time: datetime) -> None:
    written = f"{time:%m-%d-}{time.year:04}{time: %H:%M:%S}"
    read = outcomes("01-31-2024 00:00:00", written, "")
    assert read.column("created_at")[1:] == [time.replace(tzinfo=timezone.utc), None]


def is_time(text: str) -> bool:
    """True if a text is a time, as Python sees it."""
    try:
        text = text.strip().replace("T", " ")
        time = datetime.strptime(text, "%m-%d-%Y %H:%M:%S")
        # %Y gives years before 1000 fewer figures
        return f"{time:%m-%d}-{time.year:04d}{time: %H:%M:%S}" == text.zfill(19)
    except ValueError:
        return False


@given(st.integers(0, 18), st.sampled_from([chr(code) for code in range(32, 127) if chr(code) not in ',"']))
def test_judges_a_time_with_a_changed_character_as_python_does(place: int, character: str) -> None:
    good = "02-28-2024 19:19:19"
    written = good[:place] + character + good[place + 1 :]
    read = outcomes(good, written)
    other_form = written[-3:-2] != ":" or written[-2:].strip() != written[-2:]
    assert other_form or read.result.values_rejected == 1 - is_time(written)


@pytest.mark.parametrize(
    "written",
    ["02-29-2023 00:00:00", "02-29-1900 00:00:00", "00-10-2024 00:00:00", "04-31-2024 00:00:00", "01-00-2024 00:00:00"]
    + ["01-01-2024 24:00:00", "01-01-2024 00:60:00", "01-01-2024 00:00:60", "01-01-0000 00:00:00", "1-1-24 00:00:00"]
    + ["2024-02-30 00:00:00", "é1-01-2024 00:00:0", "02/03-2024 10:00:00", "1709200800", "01-02-2024 13:00 PM"]
    + ["2024-01-01T00:00:00+25:00", "2024-01-01T00:00:00+05:60", "0001-01-01T00:00:00+01:00", "2024-01-01T24:00:00Z"],
)
def test_what_is_no_time_costs_the_value(written: str) -> None:
    forms = " or ".join(form.name for form in FORMS["timestamp"])
    read = outcomes(written)
    assert read.column("created_at") == [None]
    assert read.rejected == [
        {
            "line_number": 2,
            "reason": f"created_at is not a time of the form {forms}: {written} (the row is loaded without this value)",
            "row": f"a-0,X,{written},,",
        }
    ]
