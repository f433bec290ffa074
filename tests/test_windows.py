"""Intervals against sets of single days: nothing lost, doubled or outside what was asked for."""

import json
import math
import os
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salesnav_source.days.windows import ONE_DAY, Ask, Coverage, Days, Window, cut, into, plan_windows, without_delayed

FROM, TO = date(2023, 11, 1), date(2025, 3, 31)


def days_of(windows: Days | list[Window]) -> set[date]:
    return {window.first + timedelta(days=n) for window in windows for n in range(window.days)}


days = st.dates(FROM, TO)
lookbacks = st.integers(0, 10)


@st.composite
def windows(draw: st.DrawFn, longest: int = 200) -> Window:
    first = draw(days)
    return Window(first, first + timedelta(days=draw(st.integers(0, longest - 1))))


day_sets = st.lists(windows(40), max_size=8).map(Days.of)


@st.composite
def coverages(draw: st.DrawFn) -> Coverage:
    """Returns the coverage that some readings on some days have left."""
    coverage = Coverage()
    for window in draw(st.lists(windows(40), max_size=6)):
        read_on = window.last + timedelta(days=draw(st.integers(1, 20)))
        coverage = coverage.with_window(window, read_on, draw(lookbacks))
    return coverage


@pytest.mark.parametrize(
    ("window", "count"),
    [
        pytest.param(Window(date(2024, 2, 28), date(2024, 3, 1)), 3, id="leap-day"),
        pytest.param(Window(date(2023, 2, 28), date(2023, 3, 1)), 2, id="no-leap-day"),
        pytest.param(Window(date(1900, 2, 28), date(1900, 3, 1)), 2, id="1900-is-no-leap-year"),
        pytest.param(Window(date(2024, 12, 31), date(2025, 1, 1)), 2, id="new-year"),
        pytest.param(Window(date(2024, 1, 1), date(2024, 12, 31)), 366, id="leap-year"),
        pytest.param(Window(date(2024, 5, 5), date(2024, 5, 5)), 1, id="one-day"),
    ],
)
def test_days_of_a_window_are_counted(window: Window, count: int) -> None:
    assert window.days == count


@pytest.fixture(params=["UTC", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        pytest.param(Window(date(1970, 1, 1), date(1970, 1, 1)), 0, 86_399_999, id="epoch"),
        pytest.param(Window(date(2026, 3, 8), date(2026, 3, 8)), 1772928000000, 1773014399999, id="new-york-spring"),
        pytest.param(Window(date(2026, 11, 1), date(2026, 11, 1)), 1793491200000, 1793577599999, id="new-york-autumn"),
        pytest.param(Window(date(2024, 2, 29), date(2024, 3, 1)), 1709164800000, 1709337599999, id="leap-day"),
        pytest.param(Window(date(2024, 12, 31), date(2025, 1, 1)), 1735603200000, 1735775999999, id="new-year"),
    ],
)
def test_a_window_is_whole_utc_days_in_any_time_zone(zone: str, window: Window, start: int, end: int) -> None:
    assert (window.start_ms, window.end_ms) == (start, end)


@given(windows())
def test_milliseconds_are_those_of_utc(window: Window) -> None:
    first = datetime(window.first.year, window.first.month, window.first.day, tzinfo=timezone.utc)
    assert window.start_ms == (first - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
    assert window.end_ms - window.start_ms == window.days * 86_400_000 - 1


@given(windows())
def test_ninety_days_stay_within_linkedins_limit(window: Window) -> None:
    for piece in cut(window):
        assert piece.end_ms - piece.start_ms < 90 * 86_400_000


@given(windows().filter(lambda window: window.days > 1))
def test_halves_part_a_window(window: Window) -> None:
    older, newer = window.halves()
    assert days_of([older]) | days_of([newer]) == days_of([window])
    assert older.last < newer.first
    assert abs(older.days - newer.days) <= 1


def test_a_single_day_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="2024-02-29 is a single day"):
        Window(date(2024, 2, 29), date(2024, 2, 29)).halves()


@given(st.lists(windows(60), max_size=10))
def test_days_are_those_of_their_windows(given_windows: list[Window]) -> None:
    joined = Days.of(given_windows)
    assert days_of(joined) == days_of(given_windows)
    assert len(joined) == len(days_of(given_windows))
    assert bool(joined) is bool(given_windows)
    for older, newer in pairwise(joined.windows):
        assert older.last + ONE_DAY < newer.first, "windows touch"


@given(st.sets(st.dates(FROM, FROM + timedelta(days=60)), max_size=40))
def test_days_of_single_days(single: set[date]) -> None:
    assert days_of(Days.of_days(single)) == single


@given(day_sets, day_sets)
def test_algebra_of_days_is_that_of_sets(one: Days, other: Days) -> None:
    assert days_of(one | other) == days_of(one) | days_of(other)
    assert days_of(one - other) == days_of(one) - days_of(other)
    assert days_of(one & other) == days_of(one) & days_of(other)
    assert (one | other) - other == one - other
    assert one | other == other | one
    assert (one - other) | (one & other) == one


@given(day_sets, windows(10))
def test_containing_a_window_is_containing_its_days(own: Days, window: Window) -> None:
    assert own.contains(window) == (days_of([window]) <= days_of(own))


@given(windows(), windows())
def test_a_window_contains_another_by_its_days(one: Window, other: Window) -> None:
    assert one.contains(other) == (days_of([other]) <= days_of([one]))


@pytest.mark.parametrize(
    ("given_days", "text"),
    [
        pytest.param(Days(), "none", id="none"),
        pytest.param(Days((Window(date(2024, 2, 29), date(2024, 2, 29)),)), "2024-02-29", id="day"),
        pytest.param(
            Days.of([Window(date(2024, 1, 1), date(2024, 1, 2)), Window(date(2024, 1, 4), date(2024, 1, 4))]),
            "2024-01-01 to 2024-01-02, 2024-01-04",
            id="days",
        ),
    ],
)
def test_days_are_printed_for_people(given_days: Days, text: str) -> None:
    assert str(given_days) == text


@given(windows(700), st.integers(1, 120))
def test_cutting_leaves_no_gap_and_no_overlap(window: Window, max_days: int) -> None:
    pieces = cut(window, max_days)
    assert sum(piece.days for piece in pieces) == window.days
    assert days_of(pieces) == days_of([window])
    assert all(1 <= piece.days <= max_days for piece in pieces)
    assert all(newer.first == older.last + ONE_DAY for newer, older in pairwise(pieces))
    assert len(pieces) == math.ceil(window.days / max_days)


def test_ninety_days_are_cut_by_default() -> None:
    pieces = cut(Window(date(2024, 1, 1), date(2024, 12, 31)))
    assert [piece.days for piece in pieces] == [90, 90, 90, 90, 6]
    assert pieces[0].last == date(2024, 12, 31)


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(Window(date(1, 1, 1), date(1, 3, 1)), id="first-days"),
        pytest.param(Window(date(1, 1, 1), date(1, 3, 31)), id="first-ninety-days"),
        pytest.param(Window(date(1, 1, 1), date(1, 7, 1)), id="first-half-year"),
    ],
)
def test_cutting_goes_back_to_the_first_day_there_is(window: Window) -> None:
    assert days_of(cut(window)) == days_of([window])


@given(day_sets, coverages(), days, lookbacks, st.lists(windows(90), max_size=6))
def test_a_plan_asks_for_what_is_missing_and_nothing_else(
    wanted: Days, coverage: Coverage, today: date, lookback: int, in_flight: list[Window]
) -> None:
    planned = plan_windows(wanted, coverage, today, lookback, in_flight)
    possible = {day for day in days_of(wanted) if day < today}
    due = days_of(coverage.to_read_again(today, lookback))
    assert days_of(planned) == (possible - days_of(coverage.loaded)) | (possible & due)
    assert sum(window.days for window in planned) == len(days_of(planned)), "windows overlap"
    assert all(1 <= window.days <= 90 for window in planned)
    assert planned == sorted(planned, key=lambda window: window.last, reverse=True)


@given(day_sets, coverages(), days, lookbacks, windows(90))
def test_a_job_in_flight_is_kept_where_all_its_days_are_missing(
    wanted: Days, coverage: Coverage, today: date, lookback: int, job: Window
) -> None:
    missing = days_of(plan_windows(wanted, coverage, today, lookback))
    assert (job in plan_windows(wanted, coverage, today, lookback, [job])) or not days_of([job]) <= missing


@given(windows(400), st.data())
def test_jobs_in_flight_of_one_run_are_all_kept_by_the_next(wanted: Window, data: st.DataObject) -> None:
    planned = plan_windows(Days((wanted,)), Coverage(), wanted.last + ONE_DAY, 3)
    halved = [half for window in planned for half in (window.halves() if window.days > 1 else [window])]
    in_flight = data.draw(st.lists(st.sampled_from(halved), unique=True))
    again = plan_windows(Days((wanted,)), Coverage(), wanted.last + ONE_DAY, 3, in_flight)
    assert set(in_flight) <= set(again)


@given(day_sets, coverages(), days, lookbacks)
def test_a_plan_that_was_loaded_leaves_nothing_for_the_day(
    wanted: Days, coverage: Coverage, today: date, lookback: int
) -> None:
    assert plan_windows(wanted, coverage, today, lookback) == plan_windows(wanted, coverage, today, lookback)
    for window in plan_windows(wanted, coverage, today, lookback):
        coverage = coverage.with_window(window, today, lookback)
    assert plan_windows(wanted, coverage, today, lookback) == []


@given(st.dates(date(2024, 1, 1), date(2024, 12, 31)), lookbacks)
@example(date(2024, 2, 29), 3)
@example(date(2024, 12, 31), 3)
def test_the_next_day_asks_for_yesterday_and_the_days_before(today: date, lookback: int) -> None:
    wanted = Window(date(2023, 6, 1), date(2026, 1, 1))
    coverage = Coverage()
    for window in plan_windows(Days((wanted,)), coverage, today, lookback):
        coverage = coverage.with_window(window, today, lookback)
    tomorrow = plan_windows(Days((wanted,)), coverage, today + ONE_DAY, lookback)
    assert days_of(tomorrow) == {today - timedelta(days=n) for n in range(lookback + 1)}
    assert len(tomorrow) == 1


@given(st.integers(0, 7), st.integers(1, 60), st.integers(0, 2**32))
def test_a_long_pause_reads_what_was_unsettled_once_more(lookback: int, pause: int, seed: int) -> None:
    wanted, today = Days((Window(date(2024, 1, 1), date(2026, 1, 1)),)), date(2024, 7, 1)
    coverage = Coverage().with_window(Window(date(2024, 1, 1), today - ONE_DAY), today, lookback)
    later = today + timedelta(days=pause)
    planned = days_of(plan_windows(wanted, coverage, later, lookback))
    assert min(planned) == today - timedelta(days=lookback)
    assert max(planned) == later - ONE_DAY
    assert len(planned) == lookback + pause


@given(windows(300), lookbacks, st.integers(1, 200))
def test_an_earlier_start_asks_only_for_what_is_new(loaded: Window, lookback: int, earlier: int) -> None:
    today = loaded.last + ONE_DAY
    coverage = Coverage().with_window(loaded, today, lookback)
    start = loaded.first - timedelta(days=earlier)
    planned = plan_windows(Days((Window(start, loaded.last),)), coverage, today, lookback)
    assert days_of(planned) == days_of([Window(start, loaded.first - ONE_DAY)])


def run_daily(lookback: int, fails: list[bool]) -> tuple[Coverage, date, list[int]]:
    """Runs once a day from the start of 2024 for as long as `fails` tells which windows fail, then twice without."""
    coverage, today, sizes = Coverage(), date(2024, 1, 10), []
    chances = iter([*fails])
    clean = 0
    while clean < 2:
        wanted = Days((Window(date(2024, 1, 1), today - ONE_DAY),))
        for window in plan_windows(wanted, coverage, today, lookback):
            failed = next(chances, None)
            if not failed:
                coverage = coverage.with_window(window, today, lookback)
        clean += next(chances, None) is None
        sizes.append(len(json.dumps(coverage.to_state())))
        today += ONE_DAY
    return coverage, today, sizes


@pytest.mark.parametrize("lookback", [0, 1, 3, 10])
def test_a_year_of_daily_runs_leaves_a_small_state(lookback: int) -> None:
    coverage, today, sizes = run_daily(lookback, [False] * 800)
    assert (today - date(2024, 1, 10)).days > 365
    assert coverage.loaded == Days((Window(date(2024, 1, 1), today - 2 * ONE_DAY),))
    assert len(coverage.unsettled) <= max(lookback, 1)
    assert max(sizes) < 100 + 40 * max(lookback, 1)


@given(st.integers(0, 5), st.lists(st.booleans(), max_size=250))
def test_failures_leave_no_trace_once_they_are_filled(lookback: int, fails: list[bool]) -> None:
    coverage, today, _ = run_daily(lookback, fails)
    assert coverage.loaded == Days((Window(date(2024, 1, 1), today - 2 * ONE_DAY),))
    assert len(coverage.unsettled) <= max(lookback, 1)


@given(st.integers(0, 5), st.lists(st.booleans(), max_size=100))
def test_a_day_is_never_asked_for_twice_on_one_day(lookback: int, fails: list[bool]) -> None:
    coverage, today = Coverage(), date(2024, 3, 1)
    wanted = Days((Window(date(2024, 1, 1), today),))
    chances = iter(fails)
    loaded: set[date] = set()
    for _ in range(5):
        for window in plan_windows(wanted, coverage, today, lookback):
            assert not days_of([window]) & loaded
            if not next(chances, False):
                coverage = coverage.with_window(window, today, lookback)
                loaded |= days_of([window])
    assert loaded == days_of(coverage.loaded)


def test_late_rows_are_read_for_as_long_as_the_lookback_lasts() -> None:
    day, coverage = date(2024, 2, 28), Coverage()
    wanted = Days((Window(day, date(2024, 12, 31)),))
    read_on = []
    for today in (day + timedelta(days=n) for n in range(0, 12)):
        for window in plan_windows(wanted, coverage, today, 3):
            if window.first <= day <= window.last:
                read_on.append(today)
            coverage = coverage.with_window(window, today, 3)
    assert read_on == [day + timedelta(days=n) for n in (1, 2, 3, 4)]


@given(coverages())
def test_coverage_survives_the_state(coverage: Coverage) -> None:
    assert Coverage.from_state(json.loads(json.dumps(coverage.to_state()))) == coverage


def test_no_state_is_no_coverage() -> None:
    assert Coverage.from_state({}) == Coverage()


def follow(window: Window, delayed: int) -> tuple[list[Window], list[Window], int]:
    """Returns what is loaded and what stays open, and how many windows were asked for, if the newest days are delayed."""
    frontier = window.last - timedelta(days=delayed)
    ask: Ask | None = Ask(window, 1, None)
    loaded, opened, asked = [], [], 0
    while ask:
        asked += 1
        assert asked <= 4 * window.days, "asks without end"
        if ask.window.last <= frontier:
            loaded.append(ask.window)
            ask = into(ask.beyond) if ask.beyond else None
            continue
        answer = without_delayed(*ask)
        ask = answer.ask
        opened += answer.open
    return loaded, opened, asked


@given(windows(90), st.integers(0, 100))
def test_a_delay_loads_all_that_there_is(window: Window, delayed: int) -> None:
    delayed = min(delayed, window.days)
    loaded, opened, _ = follow(window, delayed)
    assert sum(piece.days for piece in loaded + opened) == window.days, "days are asked for twice"
    assert days_of(opened) == {window.last - timedelta(days=n) for n in range(delayed)}
    assert days_of(loaded) == days_of([window]) - days_of(opened)


@pytest.mark.parametrize("delayed", [1, 2, 3, 7, 14, 30, 60, 89, 90])
def test_a_long_delay_costs_few_jobs(delayed: int) -> None:
    window = Window(date(2024, 1, 1), date(2024, 3, 30))
    _, _, asked = follow(window, delayed)
    assert asked <= 2 + 3 * math.ceil(math.log2(delayed + 1))
