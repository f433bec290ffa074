"""What a caller learns of a run: each commit as it happens, and at its end an exit code, a message and a record."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import dlt
import pytest

from salesnav_source import Commit, Outcome, sync, try_sync
from salesnav_source.days.windows import Window
from salesnav_source.jobs.results import WindowResult
from salesnav_source.run.context import LoadLimits
from salesnav_source.run.lock import PipelineLock
from salesnav_source.run.orchestration import name_windows
from salesnav_source.run.text import render
from salesnav_source.sandbox import faults

from .house import SHUT, TWO, House, Timer, assert_no_day_asked_twice, house

pytestmark = pytest.mark.long(
    "each is a whole run or two",
    but=(
        "test_an_outcome_of_an_incomplete_run_names_what_failed_and_may_be_tried_again",
        "token",
        "test_a_bug_is_passed_on",
        "test_reasons_that_an_orchestrator_shows_hold_no_secret_and_no_command",
    ),
)

STEPS = LoadLimits(rows=1, seconds=0.0)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None) as made:
        yield made


def in_steps(home: House, on_commit: Callable[[Commit], object]) -> Any:
    settings = home.settings(max_concurrent_jobs=1)
    return sync(home.pipeline(), settings, limits=STEPS, clock=Timer(home.clock), on_commit=on_commit)


def rows_of(pipeline: dlt.Pipeline, load_id: str, table: str) -> int:
    with pipeline.sql_client() as client:
        found = client.execute_sql(f"SELECT count(*) FROM salesnav.{table} WHERE _dlt_load_id = %s", load_id)
    assert found is not None
    return int(found[0][0])


def test_reasons_that_an_orchestrator_shows_hold_no_secret_and_no_command() -> None:
    reason = "the driver says: postgresql://u:S3cretWord@h/d \x1b[31m\u202e\n::error::x"
    failed = WindowResult(TWO, "seats", Window(date(2026, 1, 1), date(2026, 1, 2)), "failed", reason)
    said = name_windows([failed], "Could not be loaded:", {})
    assert "S3cretWord" not in said and not {"\x1b", "\u202e"} & set(said)
    assert said.splitlines()[0] == "Could not be loaded:" and said.splitlines()[-1] == ": :error::x"


def test_each_commit_is_told_once_the_rows_are_there(home: House) -> None:
    commits: list[Commit] = []

    def told(commit: Commit) -> None:
        commits.append(commit)
        for one in commit.windows:
            assert one.rows == rows_of(home.pipeline(), commit.load_id, one.export)

    report = in_steps(home, told)
    assert len(commits) > 1
    assert [one for commit in commits for one in commit.windows] == report.loaded
    assert {(one.contract, one.window) for one in report.loaded} == {
        (contract, Window(home.first_day, home.yesterday)) for contract in home.contracts
    }
    assert {one.job_id for one in report.loaded} == {job.id for job in home.sandbox.jobs}
    home.assert_truth()
    commits.clear()
    in_steps(home, told)
    assert commits == []


def test_a_caller_that_fails_at_a_commit_ends_the_run_and_loses_nothing(home: House) -> None:
    def told(commit: Commit) -> None:
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        in_steps(home, told)
    assert home.rows("SELECT count(*) FROM salesnav._dlt_loads WHERE status = 0") == [(1,)]
    home.sync()
    home.assert_truth()
    assert_no_day_asked_twice(home.posts())


def test_what_the_warehouse_did_not_take_is_no_commit(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_FAILED_JOBS", "false")
    home.sync(end_date=str(home.day(8)))
    alter(home, "ALTER TABLE salesnav.seats ALTER ssi_engage TYPE INTEGER[] USING NULL")
    commits: list[Commit] = []
    settings = home.settings(end_date=str(home.day(6)))
    sync(home.pipeline(), settings, clock=Timer(home.clock), on_commit=commits.append)
    assert {one.export for commit in commits for one in commit.windows} == {"activities", "activity_outcomes"}


def alter(home: House, statement: str) -> None:
    with home.pipeline().sql_client() as client:
        client.execute_sql(statement)


def attempt(home: House, **settings: Any) -> Outcome:
    given = {
        "credentials": home.sandbox.access_token,
        "base_url": home.sandbox.base_url,
        "contracts": list(home.contracts),
        "start_date": str(home.first_day),
        "poll_interval": 0.02,
        "poll_max_interval": 0.2,
        "outage_timeout": 1.0,
    }
    return try_sync(home.pipeline, {**given, **settings})


def test_an_outcome_of_a_complete_run(home: House) -> None:
    outcome = attempt(home)
    assert (outcome.exit_code, outcome.message, outcome.may_retry) == (0, "Complete.", False)
    assert outcome.report is not None and len(outcome.report.loaded) == 6
    assert (outcome.record["exit_code"], outcome.record["windows_loaded"], outcome.record["jobs_created"]) == (0, 6, 6)
    assert outcome.record["pipeline"] == "house" and outcome.record["dataset"] == "salesnav"
    home.assert_truth()


def test_an_outcome_of_an_incomplete_run_names_what_failed_and_may_be_tried_again(home: House) -> None:
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=None))
    outcome = attempt(home)
    assert (outcome.exit_code, outcome.may_retry) == (3, True)
    window = Window(home.first_day, home.yesterday)
    reason = "LinkedIn had an internal error (tried 3 jobs)"
    assert f"seats of Two ({TWO}), {window}: {reason}" in outcome.message
    assert [one["contract"] for one in outcome.record["windows"] if one["outcome"] == "failed"] == [TWO]
    assert outcome.report is not None and f"  seats of Two ({TWO}), {window}: {reason}" in render(outcome.report)
    assert (outcome.record["windows_loaded"], outcome.record["windows_failed"]) == (5, 1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"credentials": "dead"}, "Get a new token"),
        ({"start_date": "yesterday"}, "is not a day; write it as YYYY-MM-DD"),
        ({"contracts": [SHUT]}, "No contract can be exported"),
        ({"end_date": "2020-01-01", "start_date": "2020-01-02"}, "no day is left to load"),
    ],
    ids=["token", "day", "contract", "days"],
)
def test_what_is_refused_is_told_and_trying_again_is_in_vain(home: House, settings: dict[str, Any], says: str) -> None:
    outcome = attempt(home, **settings)
    assert (outcome.exit_code, outcome.may_retry, outcome.report) == (2, False, None)
    assert says in outcome.message and outcome.record["message"] == outcome.message
    assert outcome.record["result"] == "refused"
    assert not home.sandbox.jobs


def test_a_pipeline_at_work_elsewhere_is_tried_again(home: House) -> None:
    with ThreadPoolExecutor(1) as other:
        lock = other.submit(PipelineLock, str(home.folder / home.machine), "house").result()
        other.submit(lock.acquire).result()
        try:
            outcome = attempt(home)
        finally:
            other.submit(lock.release).result()
    assert (outcome.exit_code, outcome.may_retry) == (2, True)
    assert "at work" in outcome.message


def test_a_warehouse_that_cannot_be_opened_is_tried_again(home: House) -> None:
    home.database.write_text("not a database")
    outcome = attempt(home)
    assert (outcome.exit_code, outcome.may_retry) == (2, True)
    assert "not a valid DuckDB database file" in outcome.message
    assert not home.sandbox.jobs


def test_linkedin_out_of_reach_is_tried_again(home: House) -> None:
    home.sandbox.add_fault(faults.unavailable(call="contracts").where(times=None))
    outcome = attempt(home)
    assert (outcome.exit_code, outcome.may_retry) == (2, True)
    assert "The contracts could not be listed" in outcome.message


def test_a_bug_is_passed_on(home: House) -> None:
    def broken() -> dlt.Pipeline:
        raise ZeroDivisionError("the caller's own")

    with pytest.raises(ZeroDivisionError):
        try_sync(broken, {"credentials": home.sandbox.access_token, "base_url": home.sandbox.base_url})
