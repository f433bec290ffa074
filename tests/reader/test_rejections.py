"""How much of a file may be rejected, and what within a file is no row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.linkedin.reader.rows import means_nobody
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, SEATS, Export

from .helpers import A1, GOOD, HEADER, OUTCOMES_HEADER, Read, refused

SEATS_HEADER = b"seatId,date,ssi,totalConnections\n"


def activities(good: int, bad: int, fault: bytes = b"a,T,29 of 02 2024 10:00,5,\n") -> bytes:
    """Returns a file with good rows and bad ones."""
    rows = [GOOD.replace(b"a-1", b"g-%d" % number) for number in range(good)]
    return HEADER + b"".join(rows) + fault * bad


@pytest.mark.parametrize(
    ("good", "bad", "most", "fails"),
    [
        (90, 10, 0.1, False),
        (89, 11, 0.1, True),
        (1, 1, 0.1, False),
        (3, 2, 0.1, False),
        (2, 2, 0.1, True),
        (1, 9, 0.1, True),
        (1, 9, 0.9, False),
        (1, 10, 0.1, True),
        (0, 1, 0.1, True),
        (0, 1, 1.0, True),
        (1, 100, 1.0, False),
        (1000, 9, 0.0, False),
        (1000, 10, 0.0, True),
    ],
)
def test_a_file_of_which_too_much_is_rejected_has_another_form(good: int, bad: int, most: float, fails: bool) -> None:
    content = activities(good, bad)
    if not fails:
        assert Read(content, max_rejected=most).counts == (good + bad, good, bad, 0)
        return
    error = refused(content, max_rejected=most)
    assert isinstance(error, ReadError)
    assert f"{bad} of {good + bad:,} rows cannot be loaded" in str(error)
    told = f"line {good + 2}: created_at is not a time of the form MM-DD-YYYY HH:MM:SS"
    assert told in str(error) and "like '99 a 99 9999 99:99'" in str(error)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (b"a,T,01-01-2024 00:00:00,,\n", "seat_id is empty"),
        (b"a,T,01-01-2024 00:00:00,x,\n", "seat_id is not an integer of 64 bits, like 'a'"),
        (b"a,T,01-01-2024 00:00:00,5\n", "the row has 4 fields, the header has 5"),
        (b"a,T\xff,01-01-2024 00:00:00,5,\n", "activity_type is not valid UTF-8"),
    ],
)
def test_the_most_frequent_cause_is_told(fault: bytes, told: str) -> None:
    content = activities(20, 20, fault) + b"a,T,x,5,\n" * 10
    assert f"line 22: {told}" in str(refused(content, max_rejected=0.1))


def test_rows_of_other_days_can_be_read() -> None:
    content = HEADER + b"a,T,01-01-2023 00:00:00,5,\n"
    assert Read(content).counts == (1, 0, 1, 0)
    assert isinstance(refused(content + b"a,T,01-01-2023 00:00:00,5,\n", max_rejected=0.1), ReadError)


def test_rows_that_contradict_each_other_can_be_read() -> None:
    rows = b"".join(b"a-%d,T,01-01-2024 00:00:00,5,%d\n" % (number // 2, number) for number in range(40))
    assert Read(HEADER + rows, max_rejected=0.1).counts == (40, 20, 20, 0)


def test_ids_that_a_spreadsheet_has_rounded_are_none(block_size: int) -> None:
    rows = b"".join(b"6.%dE+18,T,01-01-2024 00:00:00,5,key\n" % (10000 + number) for number in range(40))
    told = str(refused(HEADER + rows, max_rejected=0.1))
    assert "40 of 40 rows cannot be loaded" in told and "activity_id is a number that a spreadsheet has rounded" in told
    keys = b"".join(b"a-%d,T,01-01-2024 00:00:00,5,-1.2E+%02d\n" % (number, number) for number in range(8))
    read = Read(HEADER + keys)
    assert (read.counts, read.result.values_rejected) == ((8, 8, 0, 0), 8)


def test_rows_that_nearly_all_have_one_key_are_not_versions_of_one_row() -> None:
    rows = b"".join(b"one,T,01-01-2024 00:00:00,5,%d\n" % number for number in range(40))
    told = str(refused(HEADER + rows, max_rejected=0.1))
    assert "39 of 40 rows have the activity_id of another row, and other values" in told
    assert Read(HEADER + rows, max_rejected=1.0).counts == (40, 1, 39, 0)


@pytest.mark.parametrize(("bad", "fails"), [(9, False), (10, False), (11, True)])
def test_a_column_that_cannot_be_read_is_another_form(bad: int, fails: bool) -> None:
    rows = [b"%d,01-02-2024,67.5,%s\n" % (n, b"many" if n < bad else b"N/A") for n in range(100)]
    content = SEATS_HEADER + b"".join(rows)
    if fails:
        told = str(refused(content, SEATS, max_rejected=0.1))
        assert "11 values of total_connections in 100 rows cannot be read" in told
        assert "line 2: total_connections is not an integer of 64 bits, like 'a'" in told
    else:
        read = Read(content, SEATS, max_rejected=0.1)
        assert (read.counts, read.result.values_rejected) == ((100, 100, 0, 0), bad)


def test_each_value_that_cannot_be_read_is_kept_with_its_row(block_size: int) -> None:
    rows = b"1,01-02-2024,high,many\n2,01-02-2024,5,5\n,01-02-2024,x,1\n3,01-02-2024,1.5,1.5\n3,01-02-2024,1.5,2.5\n"
    read = Read(SEATS_HEADER + rows, SEATS)
    assert read.counts == (5, 3, 1, 1)
    assert [(row["line_number"], row["reason"].split(" (")[0]) for row in read.rejected] == [
        (2, "ssi is not a number: high"),
        (2, "total_connections is not an integer of 64 bits: many"),
        (4, "seat_id is empty"),
        (5, "total_connections is not an integer of 64 bits: 1.5"),
    ]
    assert {row["row"] for row in read.rejected if row["line_number"] == 2} == {"1,01-02-2024,high,many"}
    assert read.result.values_rejected == 3
    assert read.column("total_connections") == [None, 5, None]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
@pytest.mark.parametrize("expected", [None, 2, 3, 4])
@pytest.mark.parametrize("header", [HEADER, HEADER.replace(b"seatId", b'"seat\nid"')], ids=["one-line", "two-lines"])
def test_a_header_that_is_repeated_is_no_row(header: bytes, expected: int | None, mark: bytes, block_size: int) -> None:
    read = Read(header + GOOD + mark + header + A1 + mark + header, expected_rows=expected)
    assert read.counts == (2, 2, 0, 0)
    assert not read.rejected and read.result.note is None


@pytest.mark.parametrize("expected", [1, 5])
def test_a_header_that_is_repeated_hides_no_missing_row(expected: int) -> None:
    assert isinstance(refused(HEADER + GOOD + HEADER + A1 + HEADER, expected_rows=expected), IncompleteFileError)


JUNK = {
    "footer": (b"Total rows: 2\n", "the row has 1 fields, the header has 5"),
    "sum": (b"Total,,,2,\n", "activity_type is empty"),
    "delimiters": (b",,,,\n", "activity_id is empty"),
    "other-order": (b"seatId,activityId,activityType,createdAt,memberIdentityKey\n", "the row is another header"),
    "other-spelling": (
        b"Activity ID,Activity Type,Created At,Seat ID,Member Identity Key\n",
        "the row is another header",
    ),
    "longer": (HEADER[:-1] + b",device\n", "the row has 6 fields, the header has 5"),
}


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("expected", [2, 3, None])
def test_what_is_no_row_is_rejected_and_fails_nothing(junk: str, expected: int | None, block_size: int) -> None:
    text, reason = JUNK[junk]
    read = Read(HEADER + GOOD + text + A1, expected_rows=expected)
    assert read.rejected == [{"line_number": 3, "reason": reason, "row": text.decode().strip()}]
    assert read.counts == (3, 2, 1, 0)
    if expected == 2:
        assert read.result.note is not None
        assert "3 rows, but LinkedIn announced 2" in read.result.note and f"line 3: {reason}" in read.result.note
    else:
        assert read.result.note is None


@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_row_hides_no_missing_one(junk: str) -> None:
    content = HEADER + GOOD + JUNK[junk][0] + A1
    assert isinstance(refused(content, expected_rows=4), IncompleteFileError)
    assert isinstance(refused(content, expected_rows=1), IncompleteFileError)


def test_more_rows_than_announced_are_no_junk_because_they_are_of_other_days() -> None:
    assert isinstance(refused(HEADER + GOOD + A1.replace(b"2024", b"2023"), expected_rows=1), IncompleteFileError)


def test_a_day_without_rows_may_have_a_footer() -> None:
    assert Read(HEADER + b"Total rows: 0\n", expected_rows=0).counts == (1, 0, 1, 0)


def test_footers_are_no_rows_of_which_too_many_cannot_be_read() -> None:
    assert Read(HEADER + GOOD + b"Total rows: 1\nEnd\n", expected_rows=1, max_rejected=0.1).counts == (3, 1, 2, 0)


@pytest.mark.parametrize(("bad", "fails"), [(1, False), (2, True)])
def test_a_column_of_a_small_file_that_cannot_be_read_is_another_form(bad: int, fails: bool) -> None:
    rows = [b"%d,01-02-2024,%s,1\n" % (n, b"high" if n < bad else b"67.5") for n in range(3)]
    content = SEATS_HEADER + b"".join(rows)
    if fails:
        assert "2 values of ssi in 3 rows cannot be read" in str(refused(content, SEATS, max_rejected=0.1))
    else:
        assert Read(content, SEATS, max_rejected=0.1).result.values_rejected == bad


def test_another_header_is_no_outcome() -> None:
    read = Read(OUTCOMES_HEADER + b"a,X,,,\nActivity ID,Activity Type,Created At,Seat ID,Key\n", ACTIVITY_OUTCOMES)
    assert read.column("activity_id") == ["a"]
    assert [row["reason"] for row in read.rejected] == ["the row is another header"]


@pytest.mark.parametrize(
    ("export", "header", "found", "extra"),
    [
        (
            ACTIVITIES,
            b"activityId,activityType,createdAt,seatId,device",
            "activity_id activity_type created_at seat_id",
            "device",
        ),
        (SEATS, b"seatId,ssi,Team", "seat_id ssi", "Team"),
    ],
)
def test_tells_which_columns_the_file_has(export: Export, header: bytes, found: str, extra: str) -> None:
    result = Read(header + b"\n", export).result
    assert (sorted(result.columns), result.extra_columns) == (sorted(found.split()), (extra,))


@given(st.lists(st.sampled_from([GOOD, A1, HEADER, b"Total\n", b",,,,\n", b"\n"]), max_size=12), st.integers(0, 12))
def test_a_count_is_right_if_what_may_be_no_row_makes_the_difference(rows: list[bytes], expected: int) -> None:
    content = HEADER + b"".join(rows)
    real = rows.count(GOOD) + rows.count(A1)
    odd, headers = rows.count(b"Total\n") + rows.count(b",,,,\n"), rows.count(HEADER)
    if real <= expected <= real + odd + headers and (real or not odd or not expected):
        read = Read(content, expected_rows=expected)
        assert read.result.rows == real + odd
        assert (read.result.note is None) == (expected >= real + odd)
    else:
        assert isinstance(refused(content, expected_rows=expected), IncompleteFileError | ReadError)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2024/02/29 10:00", True),
        ("2024-02-29T10:00:00Z", True),
        ("29 February 2024 3:00 PM", True),
        ("1.234,5", True),
        ("Ann 5", False),
        ("Marta 2024", False),
        ("ann@example.com1", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_a_message_shows_numbers_and_moments_alone(value: str, shown: bool) -> None:
    assert means_nobody(value) == shown


def test_a_page_instead_of_a_file_is_told_without_what_may_be_signed() -> None:
    page = b"<html><title>We will be back</title><a href='/f?sig=SECRET1'>http://x/y?sig=SECRET2</a> SECRET3=</html>\n"
    told = str(refused(page))
    assert "a page of HTML or XML" in told and "We will be back" in told
    assert "SECRET" not in told
