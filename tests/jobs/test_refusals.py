"""Refused creations: the form of `endAt`, days that are too far back, and what is refused for any other reason."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source.days import reach
from salesnav_source.days.windows import ONE_DAY, Days, Window, cut
from salesnav_source.exceptions import RequestRefusedError, UnavailableError
from salesnav_source.jobs.runner import ExportRunner
from salesnav_source.jobs.task import JobAttempt, Task
from tests.fakes import EPOCH, OTHER_URN, TODAY, URN, Asked, Bench, make_policy, single_days, window_of

YESTERDAY = TODAY - ONE_DAY
REFUSED = RequestRefusedError("LinkedIn refused POST /salesAnalyticsExportJobs (HTTP 400).", 400)


def lane(windows: list[Window], contract: str = URN, export: str = "activities") -> list[Task]:
    return [Task(contract, export, window) for window in windows]


def history(days: int) -> list[Window]:
    return cut(Window(TODAY - timedelta(days=days), YESTERDAY))


def refusing(when: Callable[[Asked], bool]) -> Callable[[Asked], Any]:
    return lambda asked: REFUSED if asked.kind == "create" and when(asked) else None


def bench_of(folder: Path, when: Callable[[Asked], bool], **policy: Any) -> Bench:
    return Bench(folder, script=refusing(when), policy=make_policy(**policy))


def results(bench: Bench, outcome: str) -> Days:
    return Days.of(one.window for one in bench.runner.not_loaded if one.outcome == outcome)


@pytest.mark.parametrize("form", ["last_millisecond", "next_midnight", "last_second"])
@pytest.mark.parametrize("contracts", [1, 40], ids=["one-lane", "many-lanes"])
def test_the_form_that_linkedin_takes_is_found_and_kept(tmp_path: Path, form: str, contracts: int) -> None:
    bench = bench_of(tmp_path, lambda asked: asked.interval_end != form)
    tasks = [task for n in range(contracts) for task in lane(single_days(3), f"urn:li:contract:{n}")]
    assert len(bench.run(tasks)) == 3 * contracts
    assert bench.runner.interval_end == form
    assert bench.runner.not_loaded == []
    refused = [asked for asked in bench.linkedin.calls("create") if asked.interval_end != form]
    assert len(refused) <= 2 * (8 + 16)
    assert bool(bench.runner.notes) == (form != "last_millisecond")
    assert all("interval_end" in note for note in bench.runner.notes)


def test_a_remembered_form_is_tried_first(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, lambda asked: asked.interval_end != "next_midnight")
    bench.runner = ExportRunner(
        bench.client, bench.journal, bench.policy, bench.spool, bench.timer, interval_end="next_midnight"
    )
    assert len(bench.run(lane(single_days(3)))) == 3
    assert len(bench.linkedin.calls("create")) == 3
    assert bench.runner.notes == []


def test_a_form_that_is_set_is_the_only_one(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, lambda asked: asked.interval_end != "next_midnight", interval_end="last_second")
    assert bench.run(lane(single_days(3))) == []
    assert {asked.interval_end for asked in bench.linkedin.calls("create")} == {"last_second"}
    assert len(bench.failed()) == 3


def test_one_refused_window_changes_no_form(tmp_path: Path) -> None:
    victim = single_days(1)[0]
    bench = bench_of(tmp_path, lambda asked: asked.window == victim and asked.contract == URN)
    assert len(bench.run(lane(single_days(4)) + lane(single_days(4), OTHER_URN))) == 7
    assert {asked.interval_end for asked in bench.linkedin.calls("create")} == {"last_millisecond"}
    assert list(bench.failed()) == [(URN, "activities", victim)]


@pytest.mark.parametrize("windows", [history(400), single_days(5), history(1)], ids=["year", "days", "one-day"])
def test_a_lane_that_is_refused_as_a_whole_has_failed(tmp_path: Path, windows: list[Window]) -> None:
    bench = bench_of(tmp_path, lambda asked: asked.contract == URN)
    received = bench.run(lane(windows) + lane(single_days(2), OTHER_URN))
    assert {task.contract for task in received} == {OTHER_URN}
    assert results(bench, "failed") == Days.of(windows)
    assert results(bench, "not_available") == Days()
    assert all("HTTP 400" in reason for reason in bench.failed().values())
    assert len([one for one in bench.linkedin.calls("create") if one.contract == URN]) <= len(windows) + 8


@pytest.mark.parametrize("days", [1, 2, 30, 89, 90, 91, 180, 356, 400])
@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside-another-lane"])
def test_days_that_linkedin_gives_are_loaded_and_those_before_are_not_available(
    tmp_path: Path, days: int, others: bool
) -> None:
    edge = TODAY - timedelta(days=days)
    bench = bench_of(tmp_path, lambda asked: asked.window.first < edge)
    received = bench.run(lane(history(400)) + (lane(single_days(2), OTHER_URN) if others and days > 1 else []))
    given_days = Days((Window(edge, YESTERDAY),))
    assert Days.of(task.window for task in received) == given_days
    assert results(bench, "failed") == Days()
    assert results(bench, "not_available") == Days.of(history(400)) - given_days
    assert bench.runner.finished and bench.runner.ended == bench.runner.planned
    refused = [one for one in bench.linkedin.calls("create") if one.window.first < edge]
    assert len(refused) <= 8 + 2 * 8, "more is asked for than it takes to find the first day and to try each form"
    rows = [row for row in bench.journal.take_records("b") if row["status"] == "NOT_AVAILABLE"]
    told = Days.of(
        Window(date.fromisoformat(row["window_start"]), date.fromisoformat(row["window_end"])) for row in rows
    )
    assert told == results(bench, "not_available")
    assert all(row["job_id"] is None and "so far back" in row["error"] for row in rows)


def test_a_search_takes_at_most_eight_jobs_a_lane(tmp_path: Path) -> None:
    edge = TODAY - timedelta(days=90 + 44)
    bench = bench_of(tmp_path, lambda asked: asked.window.first < edge)
    bench.run(lane(history(1000)))
    assert len(bench.linkedin.calls("create")) <= 1 + 8


def test_old_days_that_were_asked_for_again_are_not_available_again(tmp_path: Path) -> None:
    edge = TODAY - timedelta(days=100)
    bench = bench_of(tmp_path, lambda asked: asked.window.first < edge)
    old = Window(TODAY - timedelta(days=180), edge - ONE_DAY)
    received = bench.run(lane([window_of(1), old]))
    assert [task.window for task in received] == [window_of(1)]
    assert results(bench, "not_available") == Days((old,))


def test_an_adopted_job_shows_that_linkedin_takes_newer_days(tmp_path: Path) -> None:
    edge = TODAY - timedelta(days=100)
    bench = bench_of(tmp_path, lambda asked: asked.window.first < edge)
    bench.linkedin.create_job("exportActivityData", URN, window_of(1))
    job = JobAttempt(1, bench.journal.ask(URN, "activities", window_of(1), EPOCH), EPOCH)
    old = Window(TODAY - timedelta(days=180), edge - ONE_DAY)
    bench.run([Task(URN, "activities", window_of(1), stage="poll", job=job, jobs=1), *lane([old])])
    assert results(bench, "not_available") == Days((old,))


@settings(max_examples=60, deadline=None)
@given(
    days=st.integers(2, 300),
    given_days=st.integers(0, 300),
    failing=st.sets(st.integers(1, 12), max_size=5),
    seed=st.integers(0, 5),
)
def test_no_day_is_lost_or_doubled_in_a_search(
    tmp_path_factory: pytest.TempPathFactory, days: int, given_days: int, failing: set[int], seed: int
) -> None:
    edge = TODAY - timedelta(days=given_days)
    created = 0

    def script(asked: Asked) -> Any:
        nonlocal created
        if asked.kind != "create":
            return "FAILED_DUE_TO_DATA_DELAY" if asked.kind == "poll" and seed == 3 and asked.window.days > 20 else None
        created += 1
        if created in failing:
            return (
                UnavailableError("It failed (HTTP 503).", 503) if seed else RequestRefusedError("No (HTTP 403).", 403)
            )
        return REFUSED if asked.window.first < edge else None

    bench = Bench(tmp_path_factory.mktemp("bench"), script=script)
    received = bench.run(lane(history(days)))
    ended = [task.window for task in received] + [one.window for one in bench.runner.not_loaded]
    assert sum(window.days for window in ended) == days
    assert Days.of(ended) == Days.of(history(days))
    assert bench.runner.ended == bench.runner.planned


@given(st.integers(1, 90), st.integers(0, 90))
def test_halving_finds_the_first_day_in_at_most_seven_probes(days: int, given_days: int) -> None:
    window = window_of(days)
    edge = window.last + ONE_DAY - timedelta(days=min(given_days, days - 1))
    probe, probes, came = reach.begin(window), 0, []
    missing = window
    while probe is not None:
        probes += 1
        if probe.window.first >= edge:
            came.append(probe.window)
            missing, probe = probe.missing, reach.after_creation(probe)
        else:
            missing, probe = Window(probe.first, probe.window.first), reach.after_refusal(probe)
    assert probes <= 7
    assert Days.of(came) == Days.of([window]) - Days.of([Window(window.first, edge - ONE_DAY)])
    assert sum(one.days for one in came) + missing.days == days or days == 1


@pytest.mark.parametrize("holds", [True, False], ids=["rows-are-loaded", "none-are"])
@pytest.mark.parametrize("kind", ["no-file", "bare-header", "uncounted"])
def test_a_file_without_rows_replaces_no_rows(tmp_path: Path, holds: bool, kind: str) -> None:
    bench = Bench(tmp_path)
    day, other = single_days(2)
    answer, header = bench.linkedin.job, b"activityId,activityType,createdAt,seatId,memberIdentityKey\n"

    def job(job_id: int, contract: str) -> Any:
        found = answer(job_id, contract)
        if bench.linkedin.jobs[job_id].window != day or found.status != "COMPLETED":
            return found
        count = None if kind == "uncounted" else 0
        return type(found)(found.id, found.status, None if kind == "no-file" else found.download_url, count)

    download = bench.linkedin.download

    def empty(url: str, target: Any) -> int:
        if bench.linkedin.jobs[int(url.rpartition("-")[2])].window != day:
            return download(url, target)
        with target.open("wb") as file:
            file.write(header)
        return len(header)

    bench.linkedin.job, bench.linkedin.download = job, empty  # type: ignore[method-assign]
    bench.runner = ExportRunner(
        bench.client,
        bench.journal,
        bench.policy,
        bench.spool,
        bench.timer,
        holds_rows=lambda contract, export, window: holds,
    )
    received = bench.run(lane([day, other]))
    assert {task.window for task in received} == ({other} if holds else {day, other})
    assert list(bench.failed()) == ([(URN, "activities", day)] if holds else [])
    assert all("guess" in reason and "--full-refresh" in reason for reason in bench.failed().values())
    if holds:
        assert [job.window for job in bench.journal.in_flight()] == [other], "the next run gets a new file"
        (row,) = bench.journal.take_records("b")
        assert row["status"] == "COMPLETED" and "guess" in row["error"]
