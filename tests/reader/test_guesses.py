"""What the reader does where LinkedIn's files are otherwise than guessed."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salesnav_source.exceptions import ReadError
from salesnav_source.schema import ACTIVITIES, SEATS
from salesnav_source.settings.privacy import PersonalData

from .helpers import FIRST_DAY, HEADER, LAST_DAY, OUTCOMES_HEADER, Read, outcomes, refused

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(10)]
MONTH_FIRST, DAY_FIRST = "%m-%d-%Y", "%d-%m-%Y"


def seats(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Returns a file of seats with these rows."""
    rows = list(rows)
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def summaries(header: str, form: str = MONTH_FIRST, number: int = 3, days: Iterable[date] = DAYS, **more: Any) -> bytes:
    """Returns a file of seats with a row per seat and day, the day under a header, and more columns by the day."""
    return seats(
        {
            "seatId": seat,
            header: day.strftime(form),
            "ssi": 10 * seat + day.day,
            **{name: value(seat, day) for name, value in more.items()},
        }
        for day in days
        for seat in range(1, number + 1)
    )


def assert_all_days(read: Read) -> None:
    found = {(row["seat_id"], row["snapshot_date"], row["ssi"]) for row in read.rows}
    assert found == {(seat, day, 10 * seat + day.day) for day in DAYS for seat in (1, 2, 3)}
    assert not read.rejected and read.result.has_day_column


def state_of(read: Read, header: str) -> tuple[str, str]:
    return next((one.column_name, one.state) for one in read.result.headers if one.header == header)


@pytest.mark.parametrize("form", [MONTH_FIRST, DAY_FIRST, "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y 00:00:00", "%Y%m%d"])
@pytest.mark.parametrize("header", ["calendarDate", "x"])
def test_the_day_is_found_by_its_values(header: str, form: str, block_size: int) -> None:
    read = Read(summaries(header, form), SEATS)
    assert_all_days(read)
    assert read.result.note is not None and f"snapshot_date is read from {header}" in read.result.note
    assert state_of(read, header) == ("snapshot_date", "declared")


def test_a_known_header_that_holds_other_days_is_not_the_day() -> None:
    made = lambda seat, day: "02-03-2020 10:00:00"  # noqa: E731
    read = Read(summaries("calendarDate", createdAt=made), SEATS)
    assert_all_days(read)
    assert read.result.note is not None and "createdAt does not have the days asked for" in read.result.note
    assert state_of(read, "createdAt") == ("createdAt", "kept")
    assert {row["createdAt"] for row in read.rows} == {"02-03-2020 10:00:00"}


def test_a_known_header_with_days_that_do_not_tell_rows_apart_is_not_the_day() -> None:
    read = Read(
        summaries("calendarDate", date=lambda seat, day: DAYS[seat].strftime(MONTH_FIRST)), SEATS, max_rejected=0.1
    )
    assert_all_days(read)


def test_a_header_that_was_the_day_before_is_it_again_in_a_window_of_one_day() -> None:
    content = summaries("calendarDate", days=[LAST_DAY])
    read = Read(content, SEATS, known_columns={"calendarDate": "snapshot_date"})
    assert state_of(read, "calendarDate") == ("snapshot_date", "declared")
    assert read.result.note is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "no column has days asked for"),
        ({"day2": lambda seat, day: (day + timedelta(days=60)).strftime(MONTH_FIRST)}, "more than one column"),
        (
            {"madeOn": lambda seat, day: DAYS[seat].strftime(MONTH_FIRST)},
            "madeOn has days asked for, but the same one",
        ),
    ],
    ids=["none", "two", "not-unique"],
)
def test_a_file_without_a_plain_day_is_refused_by_name(more: Mapping[str, Any], told: str) -> None:
    header, form = ("calendarDate", MONTH_FIRST) if "day2" in more else ("week", "week %W")
    error = refused(summaries(header, form, **more), SEATS)
    assert isinstance(error, ReadError)
    assert f"seats for {FIRST_DAY} to {LAST_DAY} does not show the day of its rows" in str(error)
    assert told in str(error) and f"{header} (like '" in str(error)
    assert "01-05-2024" not in str(error) and "week 0" not in str(error)


def test_two_columns_with_the_same_days_are_one_as_good_as_the_other() -> None:
    assert_all_days(Read(summaries("calendarDate", dayStart=lambda seat, day: f"{day}T00:00:00Z"), SEATS))


def test_a_day_that_some_rows_lack_is_not_the_day() -> None:
    content = summaries("calendarDate").replace(b"01-02-2024", b"")
    assert isinstance(refused(content, SEATS), ReadError)


@pytest.mark.parametrize("rows", [0, 1])
def test_files_of_next_to_no_rows_need_no_day(rows: int) -> None:
    content = b"seatId,calendarDate,ssi\n" + b"1,01-05-2024,5\n" * rows
    read = Read(content, SEATS)
    assert read.column("snapshot_date") == [LAST_DAY] * rows
    assert (read.result.note is None) == (rows == 0)


def test_seats_without_a_day_that_stand_once_bear_the_last_day() -> None:
    rows = [{"seatId": seat, "createdAt": "02-03-2020", "ssi": seat} for seat in range(1, 9)]
    rows[3]["createdAt"] = "01-02-2024"
    read = Read(seats(rows), SEATS)
    assert read.column("snapshot_date") == [LAST_DAY] * 8
    assert not read.result.has_day_column and not read.rejected
    assert read.result.note is not None and "createdAt does not have the days asked for" in read.result.note


def test_a_plain_header_with_other_days_fails_the_window() -> None:
    content = summaries("snapshotDate", days=[date(2023, 5, 1), date(2023, 5, 2)])
    assert isinstance(refused(content, SEATS, max_rejected=0.1), ReadError)


def test_the_day_is_found_also_where_its_column_is_not_loaded() -> None:
    read = Read(summaries("calendarDate", team=lambda seat, day: "x"), SEATS, personal_data=PersonalData("drop"))
    assert_all_days(read)
    assert state_of(read, "team") == ("team", "left_out")


def test_of_an_erased_seat_the_day_is_found_without_its_rows() -> None:
    read = Read(summaries("calendarDate", number=4), SEATS, erased_seats=frozenset({4}))
    assert_all_days(read)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(DAYS), st.integers(0, 3)), max_size=12),
    header=st.sampled_from(["calendarDate", "createdAt", "date"]),
    form=st.sampled_from([MONTH_FIRST, "%Y-%m-%d", "%Y/%m/%d"]),
)
def test_no_day_is_ever_made_up(rows: list[tuple[int, date, int]], header: str, form: str) -> None:
    lines = "".join(f"{seat},{day.strftime(form)},{ssi}\n" for seat, day, ssi in rows)
    content = f"seatId,{header},ssi\n{lines}".encode()
    try:
        read = Read(content, SEATS, max_rejected=0.1)
    except ReadError:
        # only where a day has two summaries of a seat
        assert len({(seat, day) for seat, day, _ in rows}) < len(set(rows))
        return
    seen = set(rows)
    if read.result.has_day_column:
        assert {(row["seat_id"], row["snapshot_date"], row["ssi"]) for row in read.rows} <= seen
    else:
        assert len({(seat, ssi) for seat, _, ssi in rows}) == len({seat for seat, _, _ in rows})
        assert {row["snapshot_date"] for row in read.rows} <= {LAST_DAY}


def activities(times: Iterable[str]) -> bytes:
    """Returns a file of activities at these times."""
    return HEADER + "".join(f"a-{number},T,{time},5,\n" for number, time in enumerate(times)).encode()


@pytest.mark.parametrize("mark", ["-", "/", "."])
@pytest.mark.parametrize("clock", [" %H:%M:%S", "", " %I:%M %p"])
@pytest.mark.parametrize("order", ["%m{0}%d{0}%Y", "%d{0}%m{0}%Y"])
def test_the_days_asked_for_show_the_order(order: str, mark: str, clock: str, block_size: int) -> None:
    times = [datetime(2024, 1, 1 + number, tzinfo=timezone.utc) for number in range(12)]
    read = Read(activities(time.strftime(order.format(mark) + clock) for time in times))
    assert read.column("created_at") == times
    assert not read.rejected
    note = read.result.note or ""
    assert ("day before the month" in note) == order.startswith("%d")
    assert ("no time of day" in note) == (not clock)


@given(st.lists(st.dates(FIRST_DAY, LAST_DAY), min_size=1), st.booleans())
def test_days_are_read_as_written_unless_nothing_shows_the_order(days: list[date], day_first: bool) -> None:
    read = Read(activities(day.strftime(DAY_FIRST if day_first else MONTH_FIRST) + " 10:00:00" for day in days))
    assert not read.rejected
    turned = [day.day <= 12 and FIRST_DAY <= date(day.year, day.day, day.month) <= LAST_DAY for day in days]
    if not day_first or not all(turned):
        assert read.column("activity_date") == days
    ambiguous = all(turned) and any(day.day != day.month for day in days)
    assert ("nothing shows whether created_at" in (read.result.note or "")) == ambiguous


def test_a_stray_row_does_not_turn_the_order() -> None:
    times = [f"01-{day:02}-2024 10:00:00" for day in range(1, 12)]
    read = Read(activities([*times, "06-01-2024 10:00:00"]), max_rejected=0.1)
    assert read.counts == (12, 11, 1, 0)
    assert read.result.note is None
    assert (read.result.rows_before, read.result.rows_after) == (0, 1)


def test_a_file_of_no_order_is_refused() -> None:
    error = refused(activities(f"05-{day:02}-2025 10:00:00" for day in range(1, 9)), max_rejected=0.1)
    assert "Both orders of month and day were tried" in str(error)
    assert f"{FIRST_DAY} to {LAST_DAY}" in str(error)


@pytest.mark.parametrize(
    ("written", "days", "told"),
    [
        (["05-01-2024", "03-01-2024"], [(1, 5), (1, 3)], "day before the month"),
        (["13-02-2025", "05-06-2025"], [(2, 13), (6, 5)], "day before the month"),
        (["02-13-2025", "05-06-2025"], [(2, 13), (5, 6)], None),
        (["05-06-2025"], [(5, 6)], "nothing shows whether created_at"),
        (["02-03-2024"], [(2, 3)], "nothing shows whether created_at"),
        (["05-05-2025"], [(5, 5)], None),
        ([], [], None),
    ],
    ids=["inside", "beyond-twelve", "documented", "open", "both-inside", "alike", "none"],
)
def test_outcomes_show_their_order_wherever_they_lie(
    written: list[str], days: list[tuple[int, int]], told: str | None
) -> None:
    read = outcomes(*(f"{day} 10:00:00" for day in written))
    assert [(time.month, time.day) for time in read.column("created_at")] == days
    assert read.result.note is None if told is None else told in (read.result.note or "")


CONNECTIONS = "seatId,date,totalConnections\n"


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["1.000"], [None]),
        (["1,000"], [None]),
        (["1.000", "512", "0"], [None, 512, 0]),
        (["1.000", "1.234"], [1000, 1234]),
        (["1,000", "1,234"], [1000, 1234]),
        (["1.000", "12.0"], [1, 12]),
        (["1.000", "1234.000"], [1, 1234]),
        (["1.000", "0.000"], [1, 0]),
        (["1,000", "7,5"], [1, None]),
        (["1.000", "1.234.567"], [1000, 1234567]),
        (["1.000", "1,234.0"], [1, 1234]),
        (["1.000", "1,234"], [1, 1234]),
        (["1,000", "1.234"], [1, 1234]),
        (["1.000", "1.234", "12.5"], [None, None, None]),
        (["1 000", "1'000"], [1000, 1000]),
    ],
)
def test_a_mark_is_read_only_if_the_file_shows_what_it_is(
    written: list[str], values: list[int | None], block_size: int
) -> None:
    rows = "".join(f'{number},01-02-2024,"{text}"\n' for number, text in enumerate(written))
    read = Read((CONNECTIONS + rows).encode(), SEATS)
    assert read.column("total_connections") == values
    assert read.result.values_rejected == values.count(None)
    open_ones = [text for text, value in zip(written, values) if text in ("1.000", "1,000") and value is None]
    assert ("nothing shows whether 1" in (read.result.note or "")) == bool(open_ones)


@given(st.lists(st.integers(0, 10**7), max_size=20), st.sampled_from(",.' "))
def test_no_number_is_ever_read_as_another(numbers: list[int], mark: str) -> None:
    rows = "".join(f'{row},01-02-2024,"{f"{number:,}".replace(",", mark)}"\n' for row, number in enumerate(numbers))
    read = Read((CONNECTIONS + rows).encode(), SEATS)
    for value, number in zip(read.column("total_connections"), numbers):
        assert value == number or (value is None and number >= 1000 and number % 1000 == 0)
    assert read.result.values_rejected == read.column("total_connections").count(None)


def test_numbers_with_a_fraction_are_read_by_their_range() -> None:
    rows = b'1,01-02-2024,"67,250"\n2,01-02-2024,67.250\n3,01-02-2024,"5,5"\n'
    assert Read(b"seatId,date,ssi\n" + rows, SEATS).column("ssi") == [67.25, 67.25, 5.5]


@pytest.mark.parametrize("mark", [b"\xe9", b"\xff\xfe", b"\0"])
def test_a_letter_that_is_no_text_costs_the_value(mark: bytes, block_size: int) -> None:
    content = b"seatId,date,firstName,email,ssi,Team\n1,01-02-2024,Jos!,a@b.c,5,x\n2,01-02-2024,Zo!,z@!,!,y!\n"
    read = Read(content.replace(b"!", mark), SEATS)
    assert [name.rstrip("\ufffd") for name in read.column("first_name")] == ["Jos", "Zo"]
    assert all(name.endswith("\ufffd") for name in read.column("first_name"))
    assert [read.column(name) for name in ("email", "ssi", "Team")] == [["a@b.c", None], [5, None], ["x", None]]
    assert read.counts == (2, 2, 0, 0)
    assert (read.result.values_mended, read.result.values_rejected) == (2, 3)
    assert read.result.note is not None and "2 names have bytes that are not UTF-8" in read.result.note


def test_a_replacement_mark_that_stands_in_the_file_is_text() -> None:
    read = Read("seatId,date,email\n1,01-31-2024,a\ufffdb\n".encode(), SEATS)
    assert read.column("email") == ["a\ufffdb"]
    assert read.result.note is None


def test_empty_fields_are_null_quoted_or_not() -> None:
    read = Read(
        OUTCOMES_HEADER.replace(b"memberIdentityKey", b"memberIdentityKey,x") + b'a,T,01-02-2024 1:00,5,"",""\n'
    )
    assert (read.column("member_identity_key"), read.column("x")) == ([None], [None])


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("PROFESSIONAL_BRAND", "ssi_brand"),
        ("prof_brand", "ssi_brand"),
        ("FIND_RIGHT_PEOPLE", "ssi_find"),
        ("INSIGHT_ENGAGEMENT", "ssi_engage"),
        ("insightEngagementScore", "ssi_engage"),
        ("STRONG_RELATIONSHIP", "ssi_build"),
        ("strongRelationshipSsi", "ssi_build"),
        ("relationship", "ssi_build"),
        ("overall", "ssi"),
    ],
)
def test_ssi_is_found_under_the_names_that_linkedin_uses_elsewhere(header: str, column: str) -> None:
    assert Read(f"seatId,date,{header}\n1,01-02-2024,13.118002\n".encode(), SEATS).column(column) == [13.118002]


@given(st.lists(st.sampled_from(DAYS), min_size=1, max_size=5), st.integers(1, 3))
def test_documented_files_leave_no_note(days: list[date], number: int) -> None:
    assume(any(day.day not in (1, 2, 3) for day in days))
    read = Read(summaries("date", days=sorted(set(days)), number=number), SEATS)
    assert read.result.note is None
    read = Read(activities(f"01-{day.day:02}-2024 00:00:00" for day in days), ACTIVITIES)
    assert read.result.note is None
