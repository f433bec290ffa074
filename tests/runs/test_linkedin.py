"""LinkedIn as it is: lanes, answers that nobody documented, outages, lists that are cut short, contracts that are lost."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.days.windows import Window
from salesnav_source.run.context import LoadLimits
from salesnav_source.run.text import render
from salesnav_source.sandbox import ContractSpec, faults
from salesnav_source.sandbox.faults import Fault

from .house import NAMES, ONE, SHUT, TWO, House, assert_protocol, house

pytestmark = pytest.mark.long(
    "each is a whole run or two, 2 s of CPU; how a run decides is tested in tests/jobs",
    but=(
        "test_no_contract_waits_for_the_history_of_another",
        "row-count-null",
        "CANCELLED",
        "503-in-mid-run",
        "body",
        "without-name",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def whole(home: House) -> list[Window]:
    return [Window(home.first_day, home.yesterday)]


def by_lane(home: House) -> dict[tuple[str, str], list[Any]]:
    lanes: dict[tuple[str, str], list[Any]] = {}
    for job in home.sandbox.jobs:
        lanes.setdefault((job.contract, job.export), []).append(job)
    return lanes


# lanes


def test_a_backfill_whose_queue_is_longer_than_a_job_may_take(tmp_path: Path) -> None:
    with house(tmp_path, days=800, activities=0.05, job_seconds=(50.0, 70.0), contracts=(ONE,)) as home:
        report = home.sync(jumps=True, job_timeout=150.0, queue_timeout=150.0, poll_max_interval=5.0)
        assert not report.not_loaded
        home.assert_truth()
        lanes = by_lane(home)
        assert {len(jobs) for jobs in lanes.values()} == {9}
        for jobs in lanes.values():
            for n, job in enumerate(sorted(jobs, key=lambda job: job.created_at)):
                waiting = [one for one in jobs if one.created_at <= job.created_at and one.ends_at > job.created_at]
                assert len(waiting) <= 2, n
        assert_protocol(home.sandbox)


def test_no_contract_waits_for_the_history_of_another(tmp_path: Path) -> None:
    with house(tmp_path, days=500, activities=0.05, job_seconds=(0.2, 0.3)) as home:
        assert not home.sync(max_concurrent_jobs=6).not_loaded
        first = {(asked[0], asked[1]) for asked in home.posts()[:6]}
        assert len(first) == 6


def test_a_run_for_one_export_or_contract_leaves_the_jobs_of_others_in_flight(tmp_path: Path) -> None:
    with house(tmp_path, job_seconds=(2000.0, 2500.0)) as home:
        given: dict[str, Any] = {"jumps": True, "poll_max_interval": 60.0}
        home.sync(**given, job_timeout=300.0, queue_timeout=300.0)
        assert len(home.sandbox.jobs) == 6
        given |= {"job_timeout": 3600.0, "queue_timeout": 3600.0}
        home.sync(**given, exports=["seats"])
        home.sync(**given, contracts=[ONE])
        assert not home.sync(**given).not_loaded
        assert len(home.sandbox.jobs) == 6
        home.assert_truth()


# answers that nobody documented, all of them from the first job to the last

ANSWERS: dict[str, Callable[[], Fault]] = {
    "row-count-null": faults.null_row_count,
    "row-count-as-text": faults.text_row_count,
    "row-count-left-out": lambda: faults.omit("rowCount").where(times=None),
    "downloadURL": faults.upper_case_url,
    "statuses-in-lower-case": faults.lower_case_status,
    "id-in-a-header": faults.bare_created,
    "young-jobs-not-found": lambda: faults.young_job_not_found(1.0),
    "cookies": faults.cookies,
    "a-single-401": faults.stray_unauthorized,
    "a-single-401-later": lambda: faults.stray_unauthorized().where(after=9),
    "files-not-ready": lambda: faults.not_ready("1").where(times=3),
    "redirected-to-maintenance": lambda: faults.respond(302, headers={"Location": "https://x.linkedin.com/"}).where(
        times=3
    ),
    "in-conflict": lambda: faults.respond(409, "create").where(times=2),
    "failed": lambda: faults.failed().where(times=2),
    "cancelled": lambda: faults.cancelled().where(times=2),
    "failed-newly": lambda: faults.failed_newly().where(times=2),
    "failed-in-lower-case": lambda: faults.failed_job("failed_due_to_weather").where(times=2),
}
COUNTLESS = {"row-count-null", "row-count-left-out"}
ANEW = {"failed", "cancelled", "failed-newly", "failed-in-lower-case"}


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_nobody_documented_cost_nothing(home: House, answer: str) -> None:
    home.sandbox.add_fault(ANSWERS[answer]())
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6 + (2 if answer in ANEW else 0)
    assert ("uncounted" in render(report)) == (answer in COUNTLESS)


@pytest.mark.parametrize("name", [faults.text_id, faults.huge_id])
def test_a_job_id_that_rows_cannot_bear_is_told_and_no_more_jobs_are_made(
    home: House, name: Callable[[], Fault]
) -> None:
    home.sandbox.add_fault(name().where(export="seats", contract=ONE))
    report = home.sync()
    assert [(window.export, window.contract) for window in report.failed] == [("seats", ONE)]
    assert "which is not a 64-bit number" in report.failed[0].reason
    home.assert_truth(missing={("seats", ONE): whole(home)})
    assert len(home.sandbox.jobs) == 6


@pytest.mark.parametrize("status", ["CANCELLED", "FAILED_DUE_TO_SHARD_REBALANCING"])
def test_a_job_that_always_fails_ends_soon_and_is_tried_by_the_next_run(home: House, status: str) -> None:
    home.sandbox.add_fault(faults.failed_job(status).where(export="seats", contract=ONE, times=None))
    report = home.sync(job_timeout=3600.0, queue_timeout=3600.0)
    assert [(window.export, window.contract) for window in report.failed] == [("seats", ONE)]
    assert status in report.failed[0].reason
    home.assert_truth(missing={("seats", ONE): whole(home)})
    tried = Counter((job.export, job.contract) for job in home.sandbox.jobs)["seats", ONE]
    assert 2 <= tried <= 9
    home.sandbox.clear_faults()
    assert not home.sync().not_loaded
    home.assert_truth()


# outages

OUTAGES: dict[str, Callable[[float], Fault]] = {
    "503": faults.outage,
    "502": lambda seconds: faults.outage(seconds, 502),
    "a-maintenance-page": faults.maintenance,
    "a-maintenance-page-with-200": faults.maintenance_200,
    "429-without-retry-after": faults.throttled_for,
}


@pytest.mark.parametrize("when", ["from-the-first-call", "in-mid-run"])
@pytest.mark.parametrize("outage", OUTAGES)
def test_five_minutes_without_linkedin_are_waited_for(tmp_path: Path, outage: str, when: str) -> None:
    with house(tmp_path, job_seconds=(0.1, 0.3)) as home:
        later = 0 if when == "from-the-first-call" else 8
        home.sandbox.add_fault(OUTAGES[outage](300.0).where(after=later))
        report = home.sync(jumps=True, outage_timeout=600.0, job_timeout=3600.0, queue_timeout=3600.0)
        assert not report.not_loaded
        home.assert_truth()
        assert len(home.sandbox.jobs) == 6


@pytest.mark.parametrize("outage", ["503", "429-without-retry-after"])
def test_an_outage_that_lasts_is_given_up_once_for_all_and_its_jobs_are_taken_up(tmp_path: Path, outage: str) -> None:
    with house(tmp_path, job_seconds=(0.1, 0.3)) as home:
        home.sandbox.add_fault(OUTAGES[outage](3600.0).where(after=8))
        report = home.sync(jumps=True, outage_timeout=600.0, job_timeout=3600.0, queue_timeout=3600.0)
        assert report.not_loaded
        made = len(home.sandbox.jobs)
        home.sandbox.clear_faults()
        assert not home.sync().not_loaded
        home.assert_truth()
        assert len(home.sandbox.jobs) == 6 >= made


# downloads

SLOW: dict[str, Callable[[], Fault]] = {
    "trickles": lambda: faults.trickle(20.0),
    "stands-still": lambda: faults.stalled_download(200),
    "first-byte-never-comes": lambda: faults.late_first_byte(3600.0),
}


@pytest.mark.parametrize("slow", SLOW)
def test_a_file_that_hardly_comes_holds_up_no_other_and_fails_alone(
    home: House, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salesnav_source.linkedin.bounds.STANDSTILL_SECONDS", 3.0)
    monkeypatch.setattr("salesnav_source.linkedin.transport.FIRST_BYTE_TIMEOUT", 3.0)
    monkeypatch.setattr("salesnav_source.linkedin.transport.READ_TIMEOUT", 3.0)
    home.sandbox.add_fault(SLOW[slow]().where(export="activities", contract=ONE, times=None))
    report = home.sync(limits=LoadLimits(rows=1.0))
    assert [(window.export, window.contract) for window in report.failed] == [("activities", ONE)]
    home.assert_truth(missing={("activities", ONE): whole(home)})
    home.sandbox.clear_faults()
    assert not home.sync().not_loaded
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6


@pytest.mark.parametrize("late", [faults.late_first_byte, faults.late_answer])
def test_a_first_byte_that_takes_longer_than_any_later_one_may_is_waited_for(
    home: House, late: Callable[[float], Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salesnav_source.linkedin.bounds.STANDSTILL_SECONDS", 2.0)
    monkeypatch.setattr("salesnav_source.linkedin.transport.READ_TIMEOUT", 2.0)
    home.sandbox.add_fault(late(5.0).where(export="activities"))
    assert not home.sync().not_loaded
    home.assert_truth()
    assert len(home.calls("download")) == 6


# files without rows


@pytest.mark.parametrize("how", ["body", "line", "mark", "gzip", "204", "404"])
def test_a_quiet_week_is_loaded_and_never_asked_for_again(tmp_path: Path, how: Any) -> None:
    with house(tmp_path, mix={"PROFILE_VIEWED": 1}) as home:  # no InMail, no outcome
        home.sandbox.add_fault(faults.empty_file(how))
        report = home.sync()
        assert not report.not_loaded
        home.assert_truth()
        assert len(home.sandbox.jobs) == 6
        assert home.rows("SELECT count(*) FROM salesnav.activity_outcomes") == [(0,)]
        home.sync()
        assert len(home.sandbox.jobs) == 6


# data that LinkedIn has late


def test_weeks_without_data_cost_few_jobs_and_few_lines(tmp_path: Path) -> None:
    with house(tmp_path, days=60, activities=0.3) as home:
        home.sandbox.add_fault(faults.delayed_weeks(21))
        report = home.sync()
        assert not report.failed
        late = Window(home.day(21), home.yesterday)
        for window in report.not_loaded:
            assert late.first <= window.window.first
        assert len(home.posts()) <= 6 * 12
        assert len([line for line in render(report).splitlines() if "Open" in line or "open" in line]) <= 8
        home.assert_truth([Window(home.first_day, home.day(22))])
        home.sandbox.clear_faults()
        assert not home.sync().not_loaded
        home.assert_truth()


# the list of contracts

MANY = tuple(ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", None, seats=1) for n in range(1, 26))
LISTS: dict[str, Callable[[], Fault]] = {
    "a-short-page-and-a-link": lambda: faults.short_page((3,), 10),
    "a-short-page-and-a-total": lambda: faults.short_page_total((3,), 10),
    "an-empty-page-and-a-link": lambda: faults.short_page(tuple(range(10, 20)), 10),
    "an-empty-page-and-a-total": lambda: faults.short_page_total(tuple(range(10, 20)), 10),
    "links-without-end": faults.endless_links,
}


@pytest.mark.parametrize("page", LISTS)
def test_all_contracts_are_loaded_however_the_list_is_cut(tmp_path: Path, page: str) -> None:
    names = [spec.urn for spec in MANY]
    with house(tmp_path, days=2, specs=MANY, contracts=names, job_seconds=(0.0, 0.0)) as home:
        home.sandbox.add_fault(LISTS[page]())
        report = home.sync(contracts=None, exports=["seats"])
        assert not report.not_loaded
        home.assert_truth(exports=["seats"])
        assert len(home.calls("contracts")) <= 6


ENTRIES: dict[str, Callable[[], Fault]] = {
    "without-name": faults.entry_without_name,
    "without-access": faults.entry_without_access,
    "without-urn": faults.entry_without_contract,
    "name-is-null": faults.null_name,
    "access-as-text": lambda: faults.entry(1, hasReportingAccess="yes"),
    "urn-is-a-number": lambda: faults.entry(1, contract=2),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_cannot_be_read_costs_that_contract_alone(home: House, entry: str) -> None:
    home.sandbox.add_fault(ENTRIES[entry]())
    report = home.sync(contracts=None)
    assert not report.not_loaded
    (note,) = report.notes
    assert note.startswith("LinkedIn lists ") and "is left out" in note
    for export in NAMES:
        rows = home.rows(f"SELECT contract, count(*) FROM salesnav.{export} GROUP BY contract")
        assert rows == [(ONE, sum(1 for _ in home.world.rows(export, ONE, home.first_day, home.yesterday)))]
    assert home.rows("SELECT contract, name FROM salesnav.contracts ORDER BY 1") == [(ONE, "One"), (SHUT, "Three")]


def test_a_description_that_is_no_text_costs_nothing(home: House) -> None:
    home.sandbox.add_fault(faults.odd_description())
    assert not home.sync(contracts=None).not_loaded


@pytest.mark.parametrize("how", [faults.lost_access, faults.unlisted_contract])
def test_a_contract_that_is_lost_fails_until_it_is_back_or_taken_out(home: House, how: Callable[[str], Fault]) -> None:
    assert not home.sync(contracts=None).not_loaded
    home.sandbox.add_fault(how(TWO))
    for _ in range(2):
        home.clock.next_day()
        report = home.sync(contracts=None)
        assert {window.contract for window in report.failed} == {TWO}
        assert TWO in render(report) and "Two" in render(report)
        assert "contracts" in render(report)
    assert not home.sync(contracts=[ONE]).not_loaded
    home.sandbox.clear_faults()
    assert not home.sync(contracts=None).not_loaded
    home.assert_truth()
