"""Killing a run before each step that changes a disk or a server, and running again.

An audit hook counts the steps: files opened for writing, renamed or removed, folders made or removed, each below the test's
own folder; besides, each POST and each commit of the journal and of DuckDB. In the way `new disk` the journal is in a folder as
well, whose writes are steps, and the killed run's disk is gone before the next run. `Crashes` prepares a pipeline, kills a run
of it at a step, and runs it again. `crash_all` tries all steps.
"""

import datetime as dt
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.runs.house import ONE, PATIENCE, TWO, House, assert_warehouse_is_truth, house, posts

TWay = Literal["script", "new disk", "pipeline first", "source first"]
TLoad = Literal["first", "daily"]
WAYS: tuple[TWay, ...] = ("script", "new disk", "pipeline first", "source first")
LOADS: tuple[TLoad, ...] = ("first", "daily")
PIPELINE = "salesnav_to_duckdb"
DAY_SECONDS = 86400.0
STUCK = 7
"""Exit code of a child in which dlt could not go on with what it found on this disk."""


@dataclass(frozen=True)
class Run:
    """What a child process does."""

    way: TWay
    folder: str
    environment: dict[str, str]
    offset: float
    """Seconds by which its clock is off."""
    kill_at: int = 0
    """Before which step it is killed; never if 0."""
    reset: bool = False
    """Whether the pipeline's working folder is removed first, as the README advises."""


class Steps:
    """Counts steps, and ends the process before one of them."""

    def __init__(self, folder: str, kill_at: int) -> None:
        self.count = 0
        self._folder = folder
        self._kill_at = kill_at

    def __call__(self) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Counts what an audit event tells of, if it changes the test's own folder."""
        if event == "open":
            path, mode, flags = arguments
            changes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(flags, int) else False
            changes = changes or (isinstance(mode, str) and bool(set(mode) & set("wax+")))
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"):
            path, changes = arguments[0], True
        else:
            return
        if changes and isinstance(path, (str, bytes, os.PathLike)) and self._folder in os.fsdecode(path):
            self()


def environment_of(home: House, data: Path, contracts: Sequence[str], **more: str) -> dict[str, str]:
    """Returns the environment of a run: where it keeps its data, and what it wants of the sandbox."""
    return {
        "DLT_DATA_DIR": str(data),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "PROGRESS": "log",
        "SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN": home.sandbox.access_token,
        "SOURCES__SALESNAV__BASE_URL": home.sandbox.base_url,
        "SOURCES__SALESNAV__CONTRACTS": json.dumps(list(contracts)),
        "SOURCES__SALESNAV__START_DATE": str(home.first_day),
        "SOURCES__SALESNAV__POLL_INTERVAL": "0.02",
        "SOURCES__SALESNAV__POLL_MAX_INTERVAL": "0.2",
        **more,
    }


def settle_in(folder: str, environment: dict[str, str], offset: float) -> None:
    """Lets this process work in a folder, write there what it says, and have its clock off by so many seconds."""
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdout = sys.stderr = open(Path(folder) / "output.txt", "a", encoding="utf-8")  # noqa: SIM115
    from salesnav_source.jobs.clock import SystemClock

    SystemClock.epoch = lambda self: time.time() + offset  # type: ignore[method-assign]


def said_in(folder: Path) -> str:
    """Returns the end of what a process has said that works in a folder."""
    path = folder / "output.txt"
    return path.read_text(encoding="utf-8")[-3000:] if path.exists() else ""


def _child(run: Run) -> None:
    settle_in(run.folder, run.environment, run.offset)
    import dlt

    from salesnav_source import salesnav
    from salesnav_source.cli.load import main
    from salesnav_source.jobs.journal import lease as journal_store
    from salesnav_source.jobs.journal.database import Database
    from salesnav_source.linkedin.client import Client

    journal_store.LEASE_SECONDS, journal_store.RENEW_SECONDS, journal_store.WATCH_SECONDS = 0.5, 0.1, 0.05
    database = str(Path(run.folder) / "warehouse.duckdb")
    steps = Steps(run.folder, run.kill_at)
    create, transaction = Client.create_job, Database.transaction

    def counted_create(*arguments: Any) -> Any:
        steps()
        answer = create(*arguments)
        steps()
        return answer

    @contextmanager
    def counted_transaction(database: Database) -> Iterator[Any]:
        with transaction(database) as db:
            yield db
            steps()

    Client.create_job = counted_create  # type: ignore[method-assign, assignment]
    Database.transaction = counted_transaction  # type: ignore[method-assign, assignment]
    _count_commits(steps)
    sys.addaudithook(steps.audit)

    def pipeline() -> dlt.Pipeline:
        return dlt.pipeline(PIPELINE, destination=dlt.destinations.duckdb(database), dataset_name="salesnav")

    try:
        if run.reset:
            shutil.rmtree(Path(run.environment["DLT_DATA_DIR"]) / "pipelines" / PIPELINE)
        if run.way in ("script", "new disk"):
            code = main(PIPELINE, lambda options: dlt.destinations.duckdb(database), [])
        elif run.way == "pipeline first":
            made = pipeline()
            made.run(salesnav())
            code = 0
        else:
            source = salesnav()
            pipeline().run(source)
            code = 0
    except Exception:
        import traceback

        traceback.print_exc()
        code = STUCK
    sys.stdout.flush()
    Path(run.folder, "steps.txt").write_text(str(steps.count))
    os._exit(code)


def _count_commits(steps: Steps) -> None:
    """Counts each commit of DuckDB, before and after."""
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

    commit = DuckDbSqlClient.commit_transaction

    def counted(client: Any) -> None:
        steps()
        commit(client)
        steps()

    DuckDbSqlClient.commit_transaction = counted  # type: ignore[method-assign]


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["salesnav_source.cli.load", "salesnav_source.source", "dlt", "duckdb", "tests.runs.crash", "s3fs", "psycopg2"]
)


class Crashes:
    """A pipeline of which runs are killed and taken up, in one way to run it."""

    def __init__(self, folder: Path, home: Any, way: TWay, load: TLoad) -> None:
        self.way = way
        self.load = load
        self._folder = folder
        self._home = home
        self._prepared = folder / "prepared"
        self._prepared.mkdir(parents=True)
        if load == "daily":
            assert self._run(self._prepared, -DAY_SECONDS).exitcode == 0, said_in(self._prepared)
        self.stuck: Counter[str] = Counter()

    def count_steps(self) -> int:
        """Returns how many steps a run takes that is not killed."""
        place = self._copy()
        assert self._run(place, 0.0).exitcode == 0, said_in(place)
        steps = int((place / "steps.txt").read_text())
        shutil.rmtree(place)
        return steps

    def try_step(self, step: int) -> str:
        """Kills a run before a step, runs it again, and compares tables and jobs with what they should be.

        Returns:
            What came of it: `killed`, or `not reached` if the run had ended before.

        Raises:
            AssertionError: if a row or a job is absent or surplus.
        """
        place, seen = self._copy(), len(self._home.sandbox.requests)
        killed = self._run(place, 0.0, kill_at=step)
        if killed.exitcode != -signal.SIGKILL:
            assert killed.exitcode == 0, said_in(place)
            shutil.rmtree(place)
            return "not reached"
        if self.way == "new disk":
            shutil.rmtree(place / "data", ignore_errors=True)
        at_once = self.way in ("script", "new disk")
        for _ in range(1 if at_once else 3):
            ended = self._run(place, 0.0)
            if ended.exitcode == STUCK and not at_once:
                # dlt itself cannot go on; the README names the command that does this
                self.stuck[said_in(place).strip().rpartition("\n")[2][:120]] += 1
                ended = self._run(place, 0.0, reset=True)
            assert ended.exitcode == 0, f"step {step}: exit {ended.exitcode}\n{said_in(place)}"
        first = self._home.first_day
        days = [_window(first, self._home.yesterday)]
        assert_warehouse_is_truth(place / "warehouse.duckdb", self._home.world, (ONE, TWO), days)
        needed = 6
        asked = posts(self._home.sandbox.requests[seen:])
        # one job of each lane may be created in the moment of the kill, and is unknown afterwards
        twice = len(asked) - len(set(asked))
        assert len(set(asked)) == needed and twice <= needed, f"step {step}: {len(asked)} jobs for {needed} windows"
        self._assert_records(place)
        assert not any((place / "journal").glob("*")), f"step {step}: the journal keeps what is loaded"
        shutil.rmtree(place)
        return "killed"

    def _assert_records(self, place: Path) -> None:
        from tests.runs.house import query

        told = query(place / "warehouse.duckdb", "SELECT job_id FROM salesnav.export_jobs WHERE error IS NULL")
        assert len(told) == len(set(told)), "a job is accounted for twice"

    def _copy(self) -> Path:
        place = Path(tempfile.mkdtemp(dir=self._folder))
        shutil.copytree(self._prepared, place, dirs_exist_ok=True)
        (place / "output.txt").unlink(missing_ok=True)
        return place

    def _run(self, place: Path, offset: float, kill_at: int = 0, reset: bool = False) -> Any:
        self._home.clock.offset = offset
        environment = environment_of(self._home, place / "data", (ONE, TWO))
        if self.way == "new disk":
            environment["SOURCES__SALESNAV__JOURNAL_URL"] = str(place / "journal")
        run = Run(self.way, str(place), environment, offset, kill_at, reset)
        process = CONTEXT.Process(target=_child, args=(run,))
        process.start()
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            raise AssertionError(f"the run hangs\n{said_in(place)}")
        self._home.clock.offset = 0.0
        return process


def _window(first: dt.date, last: dt.date) -> Any:
    from salesnav_source.days.windows import Window

    return Window(first, last)


@contextmanager
def crashes(folder: Path, way: TWay, load: TLoad) -> Iterator[Crashes]:
    """Serves a tiny world, and prepares a pipeline whose runs are killed."""
    with house(folder / "house", day=None, days=6, job_seconds=(0.0, 0.0)) as home:
        yield Crashes(folder, home, way, load)
