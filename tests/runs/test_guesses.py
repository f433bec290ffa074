"""Guesses about LinkedIn that are wrong: the run sees it, loads what is right, and says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from salesnav_source.days.windows import Days, Window
from salesnav_source.run.text import render
from salesnav_source.sandbox import parse_fault

from .house import DAY, NAMES, ONE, TWO, House, house

pytestmark = pytest.mark.long(
    "each is two whole runs; one stands for each guess that a run mends",
    but=(
        "end-at-midnight-midnight after its last day",
        "test_an_empty_file_takes_no_loaded_rows_away",
        "unknown-day-header",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, activities=1.0) as made:
        yield made


@pytest.mark.parametrize(
    ("fault", "form"),
    [
        ("end-at-midnight", "midnight after its last day"),
        ("end-at-last-second", "last second of its last day"),
    ],
)
def test_another_end_of_an_interval_is_found_and_remembered(home: House, fault: str, form: str) -> None:
    home.sandbox.add_fault(parse_fault(f"{fault}:always"))
    report = home.sync()
    assert report.exit_code == 0, render(report)
    home.assert_truth()
    assert [note for note in report.notes if form in note and "interval_end" in note]
    home.clock.next_day()
    seen = len(home.posts())
    report = home.sync(start_date=str(home.first_day))
    assert report.exit_code == 0
    assert len(home.posts()) - seen == report.jobs_created == len(NAMES) * 2
    assert not [note for note in report.notes if "interval_end" in note]


def test_a_form_that_is_set_is_the_only_one_that_is_sent(home: House) -> None:
    home.sandbox.add_fault(parse_fault("end-at-midnight:always"))
    assert home.sync(interval_end="next_midnight").exit_code == 0
    home.assert_truth()
    assert len(home.posts()) == len(NAMES) * 2


def test_days_that_reach_too_far_back_are_not_available_and_the_newer_ones_are_loaded(tmp_path: Path) -> None:
    with house(tmp_path, activities=0.5, days=200) as home:
        home.sandbox.add_fault(parse_fault("retention=60:always"))
        report = home.sync()
        assert report.exit_code == 0, render(report)
        given = Days.of(coverage.loaded.windows[0] for coverage in report.coverage.values())
        assert len(given.windows) == 1 and 59 <= len(given) <= 61
        home.assert_truth(given.windows)
        lanes = len(NAMES) * 2
        assert report.jobs_created <= lanes * 8
        # each of three windows may be refused in three forms of its end before the search begins
        assert len(home.posts()) <= lanes * (3 * 3 + 8)
        missing = {one.outcome for one in report.not_loaded}
        assert missing == {"not_available"}
        assert "Not available:" in render(report)
        rows = home.rows("SELECT DISTINCT status FROM salesnav.export_jobs WHERE error IS NOT NULL")
        assert rows == [("NOT_AVAILABLE",)]
        seen = len(home.posts())
        again = home.sync()
        assert home.posts()[seen:] == []
        assert {one.outcome for one in again.not_loaded} == {"not_available"}
        home.clock.next_day(8)
        home.sync(start_date=str(home.first_day))
        assert any(first <= given.windows[0].first for _, _, first, _ in home.posts()[seen:])


def test_an_empty_file_takes_no_loaded_rows_away(home: House) -> None:
    home.sync()
    before = home.rows("SELECT count(*) FROM salesnav.activities")
    home.clock.next_day()
    home.sandbox.add_fault(parse_fault("look-back-empty:always"))
    report = home.sync(start_date=str(home.first_day))
    assert report.exit_code == 3
    assert any("has no row, and the warehouse has rows" in one.reason for one in report.failed)
    assert home.rows(f"SELECT count(*) FROM salesnav.activities WHERE activity_date < '{home.yesterday}'") == before
    accepted = home.sync(start_date=str(home.first_day), full_refresh=True)
    assert not [one for one in accepted.failed if "has no row" in one.reason]


def test_a_later_page_of_contracts_that_is_refused_loses_no_other_contract(home: House) -> None:
    home.sandbox.add_fault(parse_fault("page-two-refused:always"))
    report = home.sync(contracts=[ONE, TWO])
    assert report.exit_code == 0
    home.assert_truth()


@pytest.mark.parametrize(
    "fault",
    [
        "unknown-day-header",
        "seat-created-at",
        "day-first-dates",
        "slash-dates",
        "day-first-slash-dates",
        "quoted-empty",
        "gzip-twice",
        "ssi-camel-names",
    ],
)
def test_files_of_another_form_are_read_rightly(home: House, fault: str) -> None:
    home.sandbox.add_fault(parse_fault(f"{fault}:always"))
    report = home.sync()
    assert report.exit_code == 0, render(report)
    home.assert_truth()
    assert home.rows("SELECT count(*) FROM salesnav.seats WHERE email = ''") == [(0,)]
    assert home.first_day + 9 * DAY == home.yesterday and Window(home.first_day, home.yesterday).days == 10
