"""Which days of which file are loaded: each day once, from one file, whatever the order."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.days.windows import Days, Window
from salesnav_source.run.handed.files import GivenFile
from salesnav_source.run.handed.looking import Look
from salesnav_source.run.handed.planning import FilePlan, GivenDays, Lane, plan_files

TODAY = dt.date(2026, 3, 11)
LANE = Lane("urn:li:contract:1", "activities")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that was written long after all days."""
    path = tmp_path_factory.mktemp("files") / "file.csv"
    path.write_text("x")
    return path


def day(back: int) -> dt.date:
    return TODAY - dt.timedelta(days=back)


def look(path: Path, name: str, first: int, last: int, version: int = 0) -> Look:
    """Returns what a file shows of some days back; files of one version have the same rows of a day."""
    window = Window(day(first), day(last))
    digests = {day(back): 1000 * version + back for back in range(last, first + 1)}
    return Look(GivenFile(path, name), f"{name} {version}".encode(), 5, window, True, digests)


def planned(plan: FilePlan) -> list[dt.date]:
    """Returns the days that are loaded, each as often as it is."""
    return sorted(
        dt.date.fromordinal(number)
        for task in plan.tasks
        for window in task.days
        for number in range(window.first.toordinal(), window.last.toordinal() + 1)
    )


SPANS = st.tuples(st.integers(1, 30), st.integers(0, 9)).map(lambda one: (one[0] + one[1], one[0]))
FILES = st.lists(st.tuples(SPANS, st.integers(0, 1)), max_size=6)
LOADED = st.lists(SPANS, max_size=3).map(lambda spans: Days.of(Window(day(first), day(last)) for first, last in spans))


def looks(written: Path, files: Sequence[tuple[tuple[int, int], int]]) -> list[Look]:
    return [look(written, f"{n}.csv", *span, version) for n, (span, version) in enumerate(files)]


@given(FILES, LOADED)
def test_no_loaded_day_is_replaced_and_none_is_loaded_twice(
    written: Path, files: list[tuple[tuple[int, int], int]], loaded: Days
) -> None:
    found = looks(written, files)
    plan = plan_files(LANE, found, GivenDays(), loaded, TODAY)
    days = planned(plan)
    assert len(days) == len(set(days))
    assert not Days.of_days(days) & loaded
    refused = {one.file for one in plan.failed}
    whole = Days.of(one.window for one in found if one.window and one.file.short_name not in refused)
    assert Days.of_days(days) == whole - loaded
    again = plan_files(LANE, found, GivenDays(), loaded | Days.of_days(days), TODAY)
    assert not again.tasks and again.failed == plan.failed


@given(FILES, LOADED)
def test_a_full_refresh_loads_all_days_from_the_last_file_that_has_them(
    written: Path, files: list[tuple[tuple[int, int], int]], loaded: Days
) -> None:
    found = looks(written, files)
    plan = plan_files(LANE, found, GivenDays(), loaded, TODAY, full_refresh=True)
    days = planned(plan)
    assert len(days) == len(set(days)) and not plan.failed
    assert Days.of_days(days) == Days.of(one.window for one in found if one.window)
    for task in plan.tasks:
        assert task.handed is not None
        later = found[[one.file.short_name for one in found].index(task.handed.name) + 1 :]
        assert not task.days & Days.of(one.window for one in later if one.window)


@given(st.lists(SPANS, min_size=2, max_size=5), SPANS)
def test_days_given_are_all_covered_and_no_others(
    written: Path, spans: list[tuple[int, int]], given_days: tuple[int, int]
) -> None:
    first, last = day(given_days[0]), day(given_days[1])
    found = looks(written, [(span, 0) for span in spans])
    days = planned(plan_files(LANE, found, GivenDays(first, last), Days(), TODAY))
    inside = any(one.window and one.window.first <= last and one.window.last >= first for one in found)
    expected = Days((Window(first, last),)) if inside else Days()
    assert Days.of_days(days) == expected and len(days) == len(set(days))


def test_a_file_that_cannot_be_read_leaves_the_days_between_open(written: Path) -> None:
    found = looks(written, [((20, 18), 0), ((10, 8), 0)])
    plan = plan_files(LANE, found, GivenDays(day(25), day(5)), Days(), TODAY, all_read=False)
    assert Days.of_days(planned(plan)) == Days.of([Window(day(20), day(18)), Window(day(10), day(8))])


def test_files_with_other_rows_of_a_day_are_both_left_out(written: Path) -> None:
    found = [look(written, "a.csv", 9, 5, 0), look(written, "b.csv", 6, 3, 1), look(written, "c.csv", 2, 1, 1)]
    plan = plan_files(LANE, found, GivenDays(), Days(), TODAY)
    assert sorted(one.file or "" for one in plan.failed) == ["a.csv in file.csv", "b.csv in file.csv"]
    assert planned(plan) == [day(2), day(1)]


def test_the_last_day_of_a_file_made_on_it_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x")
    made = dt.datetime.combine(day(3), dt.time(12), dt.timezone.utc).timestamp()
    os.utime(path, (made, made))
    plan = plan_files(LANE, [look(path, "a.csv", 5, 3)], GivenDays(), Days(), TODAY)
    assert planned(plan) == [day(5), day(4)]
    assert [one.window for one in plan.open] == [Window(day(3), day(3))]
    (task,) = plan.tasks
    assert task.handed is not None and task.handed.made_on == day(3)
