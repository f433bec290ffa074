"""Runs that are killed, stopped or doubled: the next run goes on from them, and ends in the truth."""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from salesnav_source import salesnav
from salesnav_source.cli import execution
from salesnav_source.run.result import RunReport
from salesnav_source.sandbox import faults
from salesnav_source.sandbox.transforms import short_row

from .house import PATIENCE, House, Process, assert_no_day_asked_twice, finish, house, kill, wait_until

pytestmark = pytest.mark.long(
    "each is a run in a process of its own that is ended, and two more, 5 s of CPU; one stands for each phase",
    but=(
        "after-the-post",
        "15-143",
        "2-130",
        "create-hangs",
        "while-importing-2-130",
        "while-ending-15-143",
        "ended-by-the-event",
        "failed-for-it",
    ),
)

PIPELINE = "salesnav_to_duckdb"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None) as made:
        # so that the test's own runs go on with what the script has left
        made.machine = "data/pipelines"
        yield made


def journal(home: House) -> list[tuple[int | None, str, str]]:
    path = home.folder / home.machine / f"{PIPELINE}.salesnav.sqlite"
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT job_id, contract, export FROM jobs").fetchall()


def polled(home: House) -> int:
    """Returns how many jobs were asked after, which have all been noted by then."""
    return len({request.path for request in home.calls("poll")})


LANES = 6
"""Contracts times exports: in each, one job may be created while a run is killed, and is unknown afterwards."""


def go_on(home: House, most_jobs: int = 6) -> None:
    """Runs once more: the tables are the truth, and hardly a job was made twice."""
    home.sandbox.clear_faults()
    report = home.sync(pipeline=home.pipeline(PIPELINE))
    assert not report.not_loaded
    home.assert_truth()
    assert 6 <= len(home.sandbox.jobs) <= most_jobs
    assert_once(home)
    seen = len(home.sandbox.requests)
    home.sync(pipeline=home.pipeline(PIPELINE))
    assert [request.call for request in home.sandbox.requests[seen:]] == ["contracts"]
    home.assert_truth()


def end_jobs(home: House) -> None:
    """Ends all jobs, as hours that pass would. A clock that is turned may pass midnight, and there is a day more to load."""
    for job in home.sandbox.jobs:
        job.starts_at -= 4000


def assert_once(home: House) -> None:
    """export_jobs tells of each loaded job once; rejected_rows holds what it says."""
    loaded = home.rows("SELECT job_id FROM salesnav.export_jobs WHERE error IS NULL")
    assert len(loaded) == len(set(loaded)) == 6
    assert {job for (job,) in loaded} <= {job.id for job in home.sandbox.jobs}
    told = home.rows("SELECT coalesce(sum(rows_rejected), 0) FROM salesnav.export_jobs")
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == told


STEPS = {
    "before-the-post": """
        from salesnav_source.linkedin.client import Client
        Client.create_job = die
    """,
    "after-the-post": """
        from salesnav_source.jobs.journal import Journal
        Journal.created = die
    """,
    "when-the-id-is-noted": """
        from salesnav_source.jobs.journal import Journal
        good = Journal.created
        Journal.created = lambda *args: (good(*args), die())
    """,
    "while-polling": """
        from salesnav_source.linkedin.client import Client
        Client.job = die
    """,
    "before-the-download": """
        from salesnav_source.linkedin.client import Client
        Client.download = die
    """,
    "while-reading": """
        import salesnav_source.jobs.fetch
        salesnav_source.jobs.fetch.read_export = die
    """,
    "while-extracting": """
        from salesnav_source.run.bookkeeping import Books
        good = Books.loaded
        Books.loaded = lambda *args: (good(*args), die())
    """,
    "at-the-end-of-the-extract": """
        from dlt.extract.extract import Extract
        Extract.commit_packages = die
    """,
    "after-the-extract": """
        from dlt.extract.extract import Extract
        good = Extract.commit_packages
        Extract.commit_packages = lambda *args: (good(*args), die())
    """,
    "before-the-load": """
        from dlt.load.load import Load
        Load.load_single_package = die
    """,
    "in-the-midst-of-the-load": """
        from dlt.load.load import Load
        Load.create_followup_jobs = die
    """,
    "before-the-load-is-noted": """
        from dlt.load.load import Load
        Load.complete_package = die
    """,
    "when-the-load-is-noted": """
        from dlt.load.load import Load
        good = Load.complete_package
        Load.complete_package = lambda *args, **kwargs: (good(*args, **kwargs), die())
    """,
    "after-the-load": """
        from salesnav_source.jobs.journal import Journal
        good = Journal.settle
        Journal.settle = lambda journal, name, outcomes, keep: die() if outcomes else good(journal, name, outcomes, keep)
    """,
    "before-the-report": """
        import salesnav_source.cli.execution
        salesnav_source.cli.execution.render = die
    """,
}


AFTER_ALL_JOBS = list(STEPS)[list(STEPS).index("at-the-end-of-the-extract") :]


@pytest.mark.parametrize("step", STEPS)
def test_sigkill_at_a_step(home: House, step: str) -> None:
    process = Process(home).start(patch=STEPS[step])
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    created = len(home.sandbox.jobs)
    assert created >= 1 or step == "before-the-post"
    # a POST may be in flight while jobs are made; afterwards none is
    most_jobs = 6 if created == 6 and step in AFTER_ALL_JOBS else 6 + LANES
    go_on(home, most_jobs)
    assert len(home.posts()) - len(home.sandbox.jobs) <= LANES


def test_sigkill_right_after_the_extract_of_a_later_run_asks_for_nothing_again(home: House) -> None:
    process = Process(home)
    assert process.run("--end-date", str(home.day(4))).returncode == 0
    killed = process.start(patch=STEPS["after-the-extract"])
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    assert len(home.sandbox.jobs) == 12
    home.sync(pipeline=home.pipeline(PIPELINE))
    home.assert_truth()
    assert len(home.sandbox.jobs) == 12
    assert_no_day_asked_twice(home.posts())


def test_a_plan_after_a_kill_drops_nothing(home: House) -> None:
    killed = Process(home).start(patch=STEPS["before-the-load"])
    killed.communicate(timeout=PATIENCE)
    assert Process(home).run("--plan").returncode == 0
    home.sync(pipeline=home.pipeline(PIPELINE))
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6


def test_sigkill_while_posts_are_in_flight_costs_at_most_one_job_a_lane(home: House) -> None:
    home.sandbox.add_fault(faults.hang(30, "create").where(after=2, times=None))
    process = Process(home).start()
    wait_until(lambda: len(home.sandbox.jobs) >= 3)
    time.sleep(0.3)
    kill(process)
    assert 3 <= len(home.sandbox.jobs) <= LANES
    go_on(home, 6 + LANES)


def test_sigkill_while_jobs_run_and_the_next_run_adopts_them(tmp_path: Path) -> None:
    with house(tmp_path, day=None, job_seconds=(60, 61)) as home:
        home.machine = "data/pipelines"
        process = Process(home).start()
        wait_until(lambda: polled(home) == 6)
        kill(process)
        assert {job for job, _, _ in journal(home)} == {job.id for job in home.sandbox.jobs}
        end_jobs(home)
        go_on(home)
        assert_no_day_asked_twice(home.posts())


def test_sigkill_in_mid_download(home: House) -> None:
    home.sandbox.add_fault(faults.slow_download(300).where(times=None))
    process = Process(home).start()
    wait_until(lambda: len(home.calls("download")) >= 2 and polled(home) == 6)
    kill(process)
    go_on(home)


@pytest.mark.parametrize(
    ("table", "kind"),
    [("activities", "parquet"), ("activities", "sql"), ("export_jobs", "parquet"), ("rejected_rows", "parquet")],
)
def test_sigkill_between_a_commit_of_the_destination_and_the_note_of_it_doubles_nothing(
    home: House, table: str, kind: str
) -> None:
    home.sandbox.add_fault(faults.content(short_row(2, fields=3)).where(export="activities", times=None))
    process = Process(home).start(
        patch=f"""
        from dlt.common.storages.load_package import PackageStorage
        good = PackageStorage.save_pending_transition
        def save(self, load_id, file_name, *args, **kwargs):
            if file_name.startswith({table + "."!r}) and file_name.endswith(".{kind}"):
                die()
            good(self, load_id, file_name, *args, **kwargs)
        PackageStorage.save_pending_transition = save
        """
    )
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    home.sync(pipeline=home.pipeline(PIPELINE))
    assert len(home.sandbox.jobs) == len(home.posts()) == 6
    assert_once(home)
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(2,)]
    home.assert_truth(exports=["activity_outcomes", "seats"])
    lost = sum(job.row_count for job in home.sandbox.jobs if job.export == "activities") - 2
    assert home.rows("SELECT count(*), count(DISTINCT activity_id) FROM salesnav.activities") == [(lost, lost)]


def test_a_bare_run_after_a_kill_right_after_the_extract_loses_nothing(home: House) -> None:
    process = Process(home)
    assert process.run("--end-date", str(home.day(4))).returncode == 0
    process.start(patch=STEPS["after-the-extract"]).communicate(timeout=PATIENCE)
    for _ in range(2):
        home.pipeline(PIPELINE).run(
            salesnav(
                credentials=home.sandbox.access_token,
                base_url=home.sandbox.base_url,
                contracts=list(home.contracts),
                start_date=str(home.first_day),
                poll_interval=0.02,
            )
        )
    home.assert_truth()
    assert len(home.sandbox.jobs) == 12


@pytest.mark.parametrize("seed", [2])
def test_sigkill_at_random_moments_again_and_again(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    with house(tmp_path, day=None, job_seconds=(0.0, 0.6)) as home:
        home.machine = "data/pipelines"
        kills = 0
        for _ in range(4):
            seen = len(home.sandbox.requests)
            process = Process(home).start()
            # only when it has come so far as to ask for the contracts does it have anything to lose
            wait_until(
                lambda seen=seen, process=process: len(home.sandbox.requests) > seen or process.poll() is not None
            )
            time.sleep(moments.uniform(0.0, 1.6))
            kills += process.poll() is None
            process.kill()
            process.communicate()
        go_on(home, 6 + kills)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_while_polling_stops_at_once_and_keeps_the_jobs(tmp_path: Path, number: int, code: int) -> None:
    with house(tmp_path, day=None, job_seconds=(3600, 3601)) as home:
        home.machine = "data/pipelines"
        process = Process(home).start()
        wait_until(lambda: polled(home) == 6)
        process.send_signal(number)
        ended = finish(process)
        assert all(job.ends_at > home.clock() for job in home.sandbox.jobs)
        assert ended.returncode == code
        assert "Stopped. Jobs in flight are kept; a new run goes on from them." in ended.stderr
        assert len(journal(home)) == len(home.sandbox.jobs) == 6
        end_jobs(home)
        go_on(home)


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("contracts", faults.unavailable(503, "contracts")),
        ("contracts", faults.hang(3600, "contracts")),
        ("create", faults.hang(3600, "create")),
        ("download", faults.stalled_download(200)),
        ("poll", faults.throttle("3000", "poll")),
    ],
    ids=["contracts-fail", "contracts-hang", "create-hangs", "slow-download", "throttled"],
)
def test_sigterm_while_waiting_does_not_wait_for_the_end(home: House, call: str, fault: faults.Fault) -> None:
    home.sandbox.add_fault(fault.where(times=None))
    process = Process(home).start(
        SOURCES__SALESNAV__POLL_INTERVAL="1",
        SOURCES__SALESNAV__POLL_MAX_INTERVAL="60",
        SOURCES__SALESNAV__OUTAGE_TIMEOUT="3600",
    )
    wait_until(lambda: home.calls(call))
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert finish(process).returncode == 143
    go_on(home, 6 + LANES)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_during_the_load_stops_within_seconds_and_loses_nothing(home: House, number: int, code: int) -> None:
    process = Process(home).start(
        patch="""
        from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
        good = DuckDbCopyJob.run
        def slow(job):
            print("LOADING", flush=True)
            time.sleep(1.0)
            good(job)
        DuckDbCopyJob.run = slow
        """
    )
    assert process.stdout is not None
    while "LOADING" not in process.stdout.readline():
        pass
    process.send_signal(number)
    assert finish(process).returncode == code
    go_on(home)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("late", ["the-last-job", "the-note-of-the-load"])
def test_a_signal_late_in_a_load_begins_no_other_load(home: House, number: int, code: int, late: str) -> None:
    name = {"the-last-job": "complete_jobs", "the-note-of-the-load": "complete_package"}[late]
    process = Process(home).start(
        patch=f"""
        import salesnav_source.run.sync
        from salesnav_source.run.context import LoadLimits
        salesnav_source.run.sync.CHECKPOINT = LoadLimits(rows=1, seconds=60.0)
        salesnav_source.run.sync.sync.__defaults__ = tuple(
            LoadLimits(rows=1, seconds=60.0) if isinstance(one, LoadLimits) else one
            for one in salesnav_source.run.sync.sync.__defaults__
        )
        from dlt.load.load import Load
        good = Load.{name}
        def slow(*args, **kwargs):
            answer = good(*args, **kwargs)
            if {name!r} == "complete_package":
                print("LOADED", flush=True)
                time.sleep(0.5)
            elif not answer[0] and answer[1]:
                print("LOADED", flush=True)
                time.sleep(0.5)
            return answer
        Load.{name} = slow
        """
    )
    assert process.stdout is not None
    while "LOADED" not in process.stdout.readline():
        pass
    process.send_signal(number)
    ended = finish(process)
    assert ended.returncode == code
    assert ended.stdout.count("LOADED") <= 1
    go_on(home)


def test_two_runs_of_one_pipeline_at_once(tmp_path: Path) -> None:
    with house(tmp_path, day=None, job_seconds=(3600, 3601)) as home:
        home.machine = "data/pipelines"
        script = Process(home)
        first = script.start()
        wait_until(lambda: len(home.sandbox.jobs) == 6)
        seen = len(home.posts())
        second = script.run()
        assert second.returncode == 2
        assert f"Another run of pipeline {PIPELINE} is at work" in second.stderr
        assert len(home.posts()) == seen
        assert len(home.calls("contracts")) == 1
        end_jobs(home)
        assert finish(first).returncode == 0
        go_on(home)


def test_a_killed_run_leaves_no_lock(home: House) -> None:
    process = Process(home).start(patch=STEPS["while-polling"])
    process.communicate(timeout=PATIENCE)
    ended = Process(home).run()
    assert ended.returncode == 0
    assert "Complete." in ended.stdout
    go_on(home, 6 + LANES)


SIGNALLED = """
import atexit, os, signal, sys, types
import salesnav_source.cli as cli
stop = lambda *_: os.kill(os.getpid(), {number})
{when}
sys.exit(cli.main(["load", "duckdb"]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize(
    ("when", "stopped"),
    [
        pytest.param("cli.import_module = stop", True, id="while-importing"),
        pytest.param(
            "add = lambda parser: parser.add_argument('destination');"
            " cli.import_module = lambda name: types.SimpleNamespace(run=lambda options: 3, add_options=add);"
            " atexit.register(stop)",
            False,
            id="while-ending",
        ),
    ],
)
def test_a_signal_before_and_after_the_work_leaves_no_stack_trace(
    number: int, code: int, when: str, stopped: bool
) -> None:
    program = SIGNALLED.format(number=int(number), when=when)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == (code if stopped else 3)
    assert ended.stderr == ("Stopped.\n" if stopped else "")


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(KeyboardInterrupt(), id="ended-by-the-event"),
        pytest.param(RuntimeError("for want of what was broken off"), id="failed-for-it"),
    ],
)
def test_a_signal_that_a_callback_swallows_has_its_exit_code(late: BaseException, tmp_path: Path) -> None:
    """Python drops what is raised in a finalizer; the event that the signal sets ends the run then, with no number."""

    def work(report: RunReport, stop_events: list[threading.Event]) -> int:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        raise late

    options = argparse.Namespace(pipeline="one", report_json=str(tmp_path / "report.json"))
    assert execution.run_reported(options, work, "Stopped.") == 143
    assert json.loads((tmp_path / "report.json").read_text())["result"] == "stopped"
