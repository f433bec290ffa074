"""Striking a worker around each operation on the bucket that keeps its journal, and having another take over.

A step is the moment before or after a call of the store, or before or after a POST that creates a job. There a worker is
killed, and its disk removed, or it stands still until another has ended. The bucket is moto's, the warehouse PostgreSQL's,
where a worker that stands still locks nobody out. `crash_all` tries all steps.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.runs.crash import CONTEXT, DAY_SECONDS, PIPELINE, environment_of, said_in, settle_in
from tests.runs.house import ONE, PATIENCE, House, house, posts, query, wait_until

TBlow = Literal["kill", "stall"]
BLOWS: tuple[TBlow, ...] = ("kill", "stall")
TCase = Literal["first load", "daily load", "take-over"]
CASES: tuple[TCase, ...] = ("first load", "daily load", "take-over")
"""What the worker that is struck does; in the last one, it takes over from one that was killed among its POSTs."""
WINDOWS = 3
"""How many jobs a run has to create: one for each export of the one contract."""
LEASE_SECONDS = 1.0
"""What a worker that is struck takes for a lease; a stall lasts longer."""
TAKE_OVER_SECONDS = 0.3
"""What the worker after it takes for one."""
AMONG_POSTS = -1
"""A step that is told by what the bucket holds: lanes create their jobs side by side, so no number tells it."""


@dataclass(frozen=True)
class Worker:
    """What a worker's process does."""

    folder: str
    database: str
    environment: dict[str, str]
    offset: float
    """Seconds by which its clock is off."""
    lease: float
    strike_at: int = 0
    """At which step it is struck: never if 0, and if `AMONG_POSTS`, once the bucket holds an id and no POST is under way."""
    blow: TBlow = "kill"


@dataclass
class Steps:
    """Counts steps, and strikes the process at one of them."""

    run: Worker
    names: list[str] = field(default_factory=list)
    stores: list[Any] = field(default_factory=list)
    """The `JournalStore` of this worker, once it has one."""
    _one: Any = field(default_factory=threading.Lock)

    def around(self, name: str, good: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function with a step before it and one after it."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._step(f"before {name}")
            try:
                return good(*args, **kwargs)
            finally:
                self._step(f"after {name}", _ids_in(args[-1]) if name == "pipe_file" else set())

        return counted

    def _step(self, name: str, noted: Collection[int] = ()) -> None:
        with self._one:
            self.names.append(name)
            if self.run.strike_at == AMONG_POSTS:
                if not noted or self.names.count("before POST") > self.names.count("after POST"):
                    return
            elif len(self.names) != self.run.strike_at:
                return
            held = any(store.held for store in self.stores)
            Path(self.run.folder, "struck.json").write_text(json.dumps([name, held]))
            # to this thread, which others could overtake if one of them took the signal
            signal.pthread_kill(threading.get_ident(), signal.SIGKILL if self.run.blow == "kill" else signal.SIGSTOP)


def _work(run: Worker) -> None:
    settle_in(run.folder, run.environment, run.offset)
    import dlt

    from salesnav_source.cli.load import main
    from salesnav_source.jobs.journal import lease as journal_store
    from salesnav_source.jobs.journal.bucket import Bucket
    from salesnav_source.linkedin.client import Client

    journal_store.LEASE_SECONDS, journal_store.RENEW_SECONDS, journal_store.WATCH_SECONDS = (
        run.lease,
        0.3,
        run.lease / 4,
    )
    steps, begin, ask = Steps(run), journal_store.JournalStore.__init__, Bucket._ask

    def counted(bucket: Any, method: str, *args: Any, **options: Any) -> Any:
        return steps.around(method, ask)(bucket, method, *args, **options)

    def noted(store: Any, *args: Any) -> None:
        begin(store, *args)
        steps.stores.append(store)

    Bucket._ask = counted  # type: ignore[method-assign]
    journal_store.JournalStore.__init__ = noted  # type: ignore[method-assign]
    Client.create_job = steps.around("POST", Client.create_job)  # type: ignore[method-assign]
    try:
        code = main(PIPELINE, lambda options: dlt.destinations.postgres(run.database), [])
    except Exception:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    Path(run.folder, "steps.json").write_text(json.dumps(steps.names))
    os._exit(code)


class Bucket:
    """A pipeline of which workers are struck, each on a disk of its own, and taken over by others."""

    def __init__(self, folder: Path, home: House, case: TCase, server: str) -> None:
        self._folder = folder
        self._home = home
        self._server = server
        self._prepared: Path | None = None
        self._adopted: set[int] = set()
        """Jobs that the worker finds in flight."""
        if case == "daily load":
            place = self._place()
            self._end(self._start(place, "first", offset=-DAY_SECONDS), place, {0})
            self._prepared = place
        elif case == "take-over":
            place = self._place()
            assert self._struck(self._start(place, "first", strike_at=AMONG_POSTS), place)
            self._adopted = self._noted(place)
            assert self._adopted
            self._prepared = place

    def count_steps(self) -> int:
        """Returns how many steps a worker takes that is not struck."""
        return len(self._steps())

    def _steps(self) -> list[str]:
        place = self._place()
        self._end(self._start(place, "first"), place, {0})
        return list(json.loads((place / "first" / "steps.json").read_text()))

    def try_step(self, step: int, blow: TBlow) -> str:
        """Strikes a worker at a step, has another take over, and compares tables, jobs and bucket with what they should be.

        Returns:
            What came of it: the kind of step, or `not reached` if the worker had ended before.

        Raises:
            AssertionError: if a row or a job is absent or surplus, or something is left in the bucket.
        """
        place, seen, jobs = self._place(), len(self._home.sandbox.requests), len(self._home.sandbox.jobs)
        first = self._start(place, "first", strike_at=step, blow=blow)
        if not self._struck(first, place):
            shutil.rmtree(place)
            return "not reached"
        name, held = json.loads((place / "first" / "struck.json").read_text())
        created = bool(posts(self._home.sandbox.requests[seen:]))
        try:
            noted = self._noted(place)
            began = time.monotonic()
            if blow == "kill":
                shutil.rmtree(place / "first")
            second = self._start(place, "second")
            if blow == "stall":
                # one that stands still within a transaction lets others wait for its locks
                wait_until(lambda: second.exitcode is not None or self._waits_for_lock(place))
                time.sleep(max(0.0, LEASE_SECONDS - time.monotonic() + began))
                self._assert_stands_back(first, place, held, created, second)
            self._end(second, place, {0})
            self._assert_truth(place, seen, jobs, noted)
        except AssertionError as error:
            raise AssertionError(f"{name}, {'held' if held else 'not held'}: {error}") from None
        finally:
            if first.is_alive():
                first.kill()
        shutil.rmtree(place)
        return str(name)

    def _assert_stands_back(self, first: Any, place: Path, held: bool, created: bool, second: Any) -> None:
        """Lets a worker go on that stood still, which does nothing more.

        It ends with 0 where it had done its work, or finds it done; with 2 where it had not begun, and else with 3.
        """
        requests = self._home.sandbox.requests
        alone, seen, loads = second.exitcode is not None, len(requests), self._loads(place)
        os.kill(first.pid, signal.SIGCONT)
        self._end(first, place, {0, 2, 3}, "first")
        said = said_in(place / "first")
        own = set(re.findall(r"Load salesnav in (\S+)", said))
        assert not (alone and posts(requests[seen:])), f"it created a job\n{said}"
        if held or first.exitcode:
            assert not own & self._loads(place) - loads, f"it committed a load\n{said}"
        if held and first.exitcode == 0:
            assert own and own <= loads, f"it had not loaded all\n{said}"
        if first.exitcode:
            # what held the lease was taken over; what did not may have found the other at work
            told = [f"Another worker has taken over pipeline {PIPELINE}"]
            told += [f"Another run of pipeline {PIPELINE} is at work"] * (not held)
            assert any(one in said for one in told), said
        if first.exitcode == 2:
            assert not created, f"it had created a job\n{said}"

    def _assert_truth(self, place: Path, seen: int, jobs: int, noted: set[int]) -> None:
        self._home.database = self._database(place)
        self._home.assert_truth()
        told = [job for (job,) in self._home.rows("SELECT job_id FROM salesnav.export_jobs WHERE error IS NULL")]
        assert len(told) == len(set(told)), "a job is accounted for twice"
        created = {job.id for job in self._home.sandbox.jobs[jobs:]}
        unknown = created - set(told)
        assert not unknown & noted, f"a job whose id was noted was asked for again: {unknown & noted}"
        # one of each lane may be created in the moment of the strike
        assert len(unknown) <= WINDOWS, f"{len(unknown)} jobs were asked for again"
        assert self._adopted <= set(told), f"jobs in flight were given up: {self._adopted - set(told)}"
        asked, needed = posts(self._home.sandbox.requests[seen:]), WINDOWS - len(self._adopted)
        assert len(asked) == len(created) == needed + len(unknown), f"{len(asked)} POSTs, {len(created)} jobs"
        left = self._files().find(self._url(place))
        assert not left, f"left in the bucket: {left}"

    def _noted(self, place: Path) -> set[int]:
        """Returns the ids that the stored journal holds."""
        from salesnav_source.jobs.journal import JournalStore

        stored = JournalStore(self._url(place), PIPELINE).peek()
        return _ids(stored.content if stored else {})

    def _loads(self, place: Path) -> set[str]:
        """Returns the loads that are complete."""
        found = query(self._database(place), "SELECT to_regclass('salesnav._dlt_loads')")
        if found == [(None,)]:
            return set()
        return {load for (load,) in query(self._database(place), "SELECT load_id FROM salesnav._dlt_loads")}

    def _waits_for_lock(self, place: Path) -> bool:
        statement = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{place.name}' AND wait_event_type = 'Lock'"
        return bool(query(f"{self._server}/postgres", statement))

    def _place(self) -> Path:
        """Returns a folder for a try, whose name is also that of its bucket and its database, with what is prepared."""
        name = f"d{uuid.uuid4().hex}"
        place = self._folder / name
        place.mkdir(parents=True)
        files = self._files()
        files.mkdir(name)
        template = ""
        if self._prepared is not None:
            for path in files.find(self._url(self._prepared)):
                files.copy(path, path.replace(self._prepared.name, name))
            wait_until(lambda: not self._is_used(self._prepared))
            template = f" TEMPLATE {self._prepared.name}"
        self._command(f"CREATE DATABASE {name}{template}")
        return place

    def _is_used(self, place: Path) -> bool:
        """Tells whether PostgreSQL has not seen yet that the processes on a database are gone."""
        statement = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{place.name}'"
        return bool(query(f"{self._server}/postgres", statement))

    def _command(self, statement: str) -> None:
        import psycopg2

        with contextlib.closing(psycopg2.connect(f"{self._server}/postgres")) as server:
            server.autocommit = True
            server.cursor().execute(statement)

    def _database(self, place: Path) -> str:
        return f"{self._server}/{place.name}"

    @staticmethod
    def _url(place: Path) -> str:
        return f"s3://{place.name}/journal"

    @staticmethod
    def _files() -> Any:
        import fsspec

        return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)

    def _start(self, place: Path, disk: str, offset: float = 0.0, strike_at: int = 0, blow: TBlow = "kill") -> Any:
        self._home.clock.offset = offset
        folder = place / disk
        folder.mkdir()
        amazon = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        environment = environment_of(
            self._home, folder / "data", (ONE,), SOURCES__SALESNAV__JOURNAL_URL=self._url(place), **amazon
        )
        lease = LEASE_SECONDS if disk == "first" else TAKE_OVER_SECONDS
        run = Worker(str(folder), self._database(place), environment, offset, lease, strike_at, blow)
        process = CONTEXT.Process(target=_work, args=(run,))
        process.start()
        return process

    def _end(self, process: Any, place: Path, codes: set[int], disk: str | None = None) -> None:
        """Waits for the end of a worker."""
        disk = disk or ("second" if (place / "second").exists() else "first")
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            raise AssertionError(f"the {disk} worker hangs\n{said_in(place / disk)}")
        self._home.clock.offset = 0.0
        assert process.exitcode in codes, f"the {disk} worker: {process.exitcode}\n{said_in(place / disk)}"
        assert "Traceback" not in said_in(place / disk), said_in(place / disk)

    def _struck(self, process: Any, place: Path) -> bool:
        """Waits until a worker is killed or stands still; tells whether it is, and has not ended before."""
        wait_until(lambda: process.exitcode is not None or _stands_still(process.pid))
        if process.exitcode is None or process.exitcode == -signal.SIGKILL:
            return True
        self._end(process, place, {0})
        return False


def _ids_in(written: bytes) -> set[int]:
    """Returns the ids of jobs in an object that is written to the bucket."""
    return _ids(json.loads(written)["journal"]) if written else set()


def _ids(journal: Mapping[str, Any]) -> set[int]:
    return {job[7] for job in journal.get("jobs", []) if job[7] is not None}


def _stands_still(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


@contextlib.contextmanager
def buckets(folder: Path, case: TCase, postgres: int) -> Iterator[Bucket]:
    """Serves a tiny world, and prepares a pipeline whose workers are struck. The environment names the S3 server.

    Args:
        folder: where disks are.
        case: what they do.
        postgres: the port of PostgreSQL.
    """
    with house(folder / "house", day=None, days=4, contracts=(ONE,), job_seconds=(0.0, 0.0)) as home:
        yield Bucket(folder, home, case, f"postgresql://loader:loader@127.0.0.1:{postgres}")
