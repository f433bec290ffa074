"""The journal in a folder or a bucket: workers whose disks vanish, that stall, or that find another at work."""

import contextlib
import shutil
import signal
import subprocess
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulators import servers
from emulators.faulty import way_to
from fsspec.core import url_to_fs

from salesnav_source import salesnav
from salesnav_source.jobs.journal import JournalStore, TContent
from salesnav_source.sandbox import ContractSpec, faults

from .house import PATIENCE, House, Process, finish, house, kill, wait_until

pytestmark = pytest.mark.long(
    "each is two or three workers in processes of their own, 6 s of CPU and more",
    but=(
        "s3-when-the-id-is-noted",
        "before-the-load",
        "test_on_the_disk_of_a_killed_worker_another_begins_at_once",
    ),
)

QUICK = """
    import salesnav_source.jobs.journal.lease as store
    store.LEASE_SECONDS, store.RENEW_SECONDS, store.WATCH_SECONDS = 2.0, 0.4, 0.05
"""
"""What makes a worker give signs of life, and take over, sooner than it would."""

THREE = tuple(ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", seats=2) for n in (1, 2, 3))


class Workers:
    """Workers of one pipeline, each with a disk of its own, and the place of the journal that they share."""

    def __init__(self, home: House, url: str) -> None:
        self.home = home
        self.url = url
        self._disks = 0

    def start(self, patch: str = "", same_disk: bool = False, **environment: str | None) -> "subprocess.Popen[str]":
        """Starts a worker, with a new disk."""
        self._disks += not same_disk
        process = Process(self.home)
        process.data = self.home.folder / f"disk-{self._disks}"
        return process.start(
            patch=textwrap.dedent(QUICK) + patch,
            **{"SOURCES__SALESNAV__JOURNAL_URL": self.url, **environment},
        )

    def lose_disk(self) -> None:
        shutil.rmtree(self.home.folder / f"disk-{self._disks}")

    def objects(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self._paths()]

    def jobs(self) -> list[list[Any]]:
        """Returns the jobs of the stored journal."""
        return self.stored("jobs")

    def stored(self, table: str) -> list[list[Any]]:
        """Returns the rows of a table of the stored journal."""
        stored = JournalStore(self.url, "salesnav_to_duckdb").peek()
        return stored.content[table] if stored else []

    def _paths(self) -> list[str]:
        try:
            return sorted(self._file_system().ls(self.url, detail=False))
        except FileNotFoundError:
            return []

    def _file_system(self) -> Any:
        return url_to_fs(self.url, skip_instance_cache=True, use_listings_cache=False)[0]


@pytest.fixture
def on_postgres(tmp_path: Path, postgres: int) -> Iterator[Workers]:
    import psycopg2

    name, url = f"d{uuid.uuid4().hex}", f"postgresql://loader:loader@127.0.0.1:{postgres}"
    with contextlib.closing(psycopg2.connect(f"{url}/postgres")) as server:
        server.autocommit = True
        server.cursor().execute(f"CREATE DATABASE {name}")
    with house(tmp_path, day=None) as home:
        home.database = f"{url}/{name}"
        yield Workers(home, str(tmp_path / "journal"))


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with house(tmp_path, day=None) as home:
        yield Workers(home, str(tmp_path / "journal"))


@pytest.fixture
def on_s3(workers: Workers, s3: int, monkeypatch: pytest.MonkeyPatch) -> Workers:
    return in_bucket(workers, "s3", s3, monkeypatch)


def in_bucket(workers: Workers, kind: str, port: int, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Gives workers a bucket of their own."""
    for name, value in servers.bucket_environment(kind, port).items():
        monkeypatch.setenv(name, value)
    workers.url = f"{servers.make_bucket(kind, port, f'b{uuid.uuid4().hex}')}/journal"
    return workers


IN_FLIGHT = (100.0, 100.0)
"""How long jobs take that have to be in flight when something happens, however busy the machine is."""


@contextlib.contextmanager
def jobs_end(home: House) -> Iterator[None]:
    """Turns LinkedIn's clock on to where its jobs end, those there are and those that are created."""
    over = threading.Event()

    def turn() -> None:
        while not over.wait(0.05):
            left = max((job.ends_at - home.clock() for job in home.sandbox.jobs), default=0.0)
            home.clock.offset += max(0.0, left)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """Waits for the end of a worker; returns what it said."""
    done = finish(process)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_worker_on_a_new_disk_takes_up_all_jobs_of_one_that_was_killed(tmp_path: Path) -> None:
    with house(
        tmp_path,
        day=None,
        days=100,
        specs=THREE,
        contracts=[spec.urn for spec in THREE],
        activities=0.2,
        job_seconds=IN_FLIGHT,
    ) as home:
        workers = Workers(home, str(tmp_path / "journal"))
        first = workers.start()
        wait_until(lambda: len(home.sandbox.jobs) == 18)
        wait_until(lambda: all(job[7] for job in workers.jobs()))
        kill(first)
        assert len(workers.jobs()) == 18
        workers.lose_disk()
        with jobs_end(home):
            said = ended(workers.start())
        assert "takes over" in said
        home.assert_truth()
        assert len(home.posts()) == len(home.sandbox.jobs) == 18
        told = home.rows("SELECT job_id FROM salesnav.export_jobs")
        assert sorted(job for (job,) in told) == sorted(job.id for job in home.sandbox.jobs)
        assert workers.objects() == []


KILLS = {
    "before-the-post": "client.Client.create_job = die",
    "when-the-id-is-noted": """
        good = journal.Journal.created
        journal.Journal.created = lambda *args: (good(*args), die())
    """,
    "before-the-load-is-noted": "dlt.load.load.Load.complete_package = die",
    "before-the-lease-is-given-back": "journal_store.JournalStore.release = die",
}
"""Steps before which a worker is killed. `make crash` tries all there are."""


@pytest.mark.parametrize(
    ("kind", "step"),
    [*(("s3", step) for step in KILLS), ("gcs", "when-the-id-is-noted"), ("azure", "when-the-id-is-noted")],
)
def test_killed_at_a_step_and_its_disk_gone_the_next_worker_on_a_bucket_ends_in_the_truth(
    workers: Workers, kind: str, step: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = in_bucket(workers, kind, request.getfixturevalue(kind), monkeypatch).home
    process = workers.start(patch=STOP + textwrap.dedent(KILLS[step]))
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    workers.lose_disk()
    ended(workers.start())
    home.assert_truth()
    # in each lane, one job may be created in the moment of the kill, and is unknown afterwards
    unknown = len(home.sandbox.jobs) - 6
    assert len(home.posts()) == len(home.sandbox.jobs)
    assert 0 <= unknown <= (6 if step == "when-the-id-is-noted" else 0)
    assert_told_once(home, unknown)
    assert workers.objects() == []


def test_what_s3_answers_now_and_then_costs_a_run_nothing(
    on_s3: Workers, s3: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with way_to(s3) as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{way.port}")
        way.bare = True
        way.spoil("PUT", "500 InternalError", done=True)
        way.spoil("PUT", "cut off")
        way.spoil("PUT", "409 ConditionalRequestConflict")
        way.spoil("PUT", "503 SlowDown", times=2)
        way.spoil("PUT", "409 ConditionalRequestConflict")
        way.spoil("PUT", "cut off", done=True)
        way.spoil("GET", "503 SlowDown", times=2)
        way.spoil("DELETE", "500 InternalError", done=True)
        way.spoil("DELETE", "503 SlowDown", times=4)
        said = ended(on_s3.start())
        assert not way.spoilt_left
    assert "out of reach" not in said
    on_s3.home.assert_truth()
    assert len(on_s3.home.posts()) == 6
    assert_told_once(on_s3.home)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3}")
    assert on_s3.objects() == []


def test_a_second_worker_says_who_is_at_work(tmp_path: Path) -> None:
    with house(tmp_path, day=None, job_seconds=(60.0, 60.0)) as home:
        workers = Workers(home, str(tmp_path / "journal"))
        first = workers.start()
        wait_until(lambda: home.sandbox.jobs)
        said = ended(workers.start(), 2)
        assert f"process {first.pid} on " in said and "nothing was asked of LinkedIn" in said
        kill(first)


STOP = """
import os, signal, sys, time
from salesnav_source.linkedin import client
from salesnav_source.jobs import journal
from salesnav_source.jobs.journal import lease as journal_store
import dlt.extract.extract, dlt.load.load
def stopping(good, when=lambda *args, **kwargs: True, before=True):
    def stop(*args, **kwargs):
        done = None if before else good(*args, **kwargs)
        if not stopped and when(*args, **kwargs):
            stopped.append(True)
            os.kill(os.getpid(), signal.SIGSTOP)
            # a signal may reach another thread first
            time.sleep(0.1)
        return good(*args, **kwargs) if before else done
    return stop
stopped, created = [], []
def all_are_created(*args, **kwargs):
    return len(created) == 6
note = journal.Journal.created
journal.Journal.created = lambda *args: (note(*args), created.append(args))
"""
"""What a worker needs to stand still at a step, once."""

WITH_ALL_JOBS = """
ask = client.Client.job
client.Client.job = lambda *args: die() if all_are_created() else ask(*args)
"""
"""Kills a worker once all its jobs are noted."""

STALLS = {
    "before-the-entry": "journal.Journal.ask = stopping(journal.Journal.ask)",
    "after-the-entry": """
        must = lambda *args, must=False: must
        journal_store.JournalStore.save = stopping(journal_store.JournalStore.save, must, before=False)
    """,
    "before-the-post": "client.Client.create_job = stopping(client.Client.create_job)",
    "after-the-post": "client.Client.create_job = stopping(client.Client.create_job, before=False)",
    "at-the-end-of-the-extract": """
        Extract = dlt.extract.extract.Extract
        Extract.commit_packages = stopping(Extract.commit_packages)
    """,
    "before-the-load": """
        Load = dlt.load.load.Load
        Load.load_single_package = stopping(Load.load_single_package)
    """,
}


@pytest.mark.parametrize("step", STALLS)
def test_a_worker_that_stood_still_while_another_took_over_does_nothing_more(on_postgres: Workers, step: str) -> None:
    workers, home = on_postgres, on_postgres.home
    # one job at a time: nobody can stop a call that was allowed and is about to be sent from another thread
    one = {"SOURCES__SALESNAV__MAX_CONCURRENT_JOBS": "1"}
    first = workers.start(patch=STOP + textwrap.dedent(STALLS[step]), **one)
    wait_until(lambda: is_stopped(first))
    ended(workers.start())
    seen, loads = len(home.posts()), home.rows("SELECT load_id FROM salesnav._dlt_loads")
    first.send_signal(signal.SIGCONT)
    said = ended(first, 3)
    assert "Another worker has taken over pipeline salesnav_to_postgres" in said
    assert len(home.posts()) == seen
    assert home.rows("SELECT load_id FROM salesnav._dlt_loads") == loads
    home.assert_truth()
    assert workers.objects() == []
    # a job whose id was not noted when the worker stood still is asked for again
    most = 12 if step in ("before-the-post", "after-the-post") else 6
    assert seen == len(home.sandbox.jobs) and 6 + (step == "after-the-post") <= seen <= most


def test_a_worker_that_stood_still_and_was_not_followed_goes_on(workers: Workers) -> None:
    first = workers.start(patch=STOP + textwrap.dedent(STALLS["after-the-entry"]))
    wait_until(lambda: is_stopped(first))
    time.sleep(2.5)
    first.send_signal(signal.SIGCONT)
    ended(first)
    workers.home.assert_truth()
    assert len(workers.home.posts()) == 6
    assert workers.objects() == []


def is_stopped(process: "subprocess.Popen[str]") -> bool:
    assert process.poll() is None, process.communicate()
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("noted", ["jobs", "loads"])
def test_while_a_folder_is_out_of_reach_no_job_is_created_and_those_in_flight_are_finished(
    tmp_path: Path, noted: str
) -> None:
    with house(tmp_path, day=None, job_seconds=IN_FLIGHT) as home:
        workers, place = Workers(home, str(tmp_path / "journal")), tmp_path / "journal"
        run = begin_with_three(workers)
        # what is written later is not known to the next worker, who has another disk
        wait_until(lambda: workers.stored(noted))
        place.rename(tmp_path / "elsewhere")
        place.write_text("no folder any more")
        with jobs_end(home):
            assert_three_were_finished(workers, run)
            place.unlink()
            (tmp_path / "elsewhere").rename(place)
            ended(workers.start())
        assert_all_is_there_once(workers)


def test_an_older_copy_of_the_journal_is_put_back_and_nothing_is_told_twice(tmp_path: Path) -> None:
    with house(tmp_path, day=None, job_seconds=IN_FLIGHT) as home:
        home.sandbox.add_fault(faults.forbidden("create").where(export="seats", times=None))
        workers, place = Workers(home, str(tmp_path / "journal")), tmp_path / "journal"
        first = workers.start()
        wait_until(lambda: len(workers.stored("records")) == 2)
        shutil.copytree(place, tmp_path / "copy")
        with jobs_end(home):
            ended(first, 3)
            shutil.rmtree(place)
            (tmp_path / "copy").rename(place)
            home.sandbox.clear_faults()
            ended(workers.start())
        home.assert_truth()
        told = home.rows(
            "SELECT export, window_start, completed_at, contract, count(*) FROM salesnav.export_jobs GROUP BY ALL"
        )
        assert sorted((export, count) for export, *_, count in told) == sorted(
            [(export, 1) for export in ("activities", "activity_outcomes", "seats", "seats")] * 2
        )


def test_while_a_bucket_is_out_of_reach_no_job_is_created_and_those_in_flight_are_finished(
    bucket_house: "BucketHouse",
) -> None:
    workers = bucket_house.workers
    run = begin_with_three(workers, IMPATIENT, SOURCES__SALESNAV__OUTAGE_TIMEOUT="2")
    bucket_house.server.send_signal(signal.SIGSTOP)
    with jobs_end(workers.home):
        assert_three_were_finished(workers, run)
        said = ended(workers.start(IMPATIENT), 2)
        assert "is out of reach" in said and "Nothing was asked of LinkedIn" in said
        bucket_house.server.send_signal(signal.SIGCONT)
        ended(workers.start())
    assert_all_is_there_once(workers)


@pytest.mark.parametrize("bucket_house", ["s3"], indirect=True)
def test_s3_is_away_for_a_while_in_mid_run_and_the_worker_goes_on(bucket_house: "BucketHouse") -> None:
    workers, home = bucket_house.workers, bucket_house.workers.home
    run = begin_with_three(workers, IMPATIENT, SOURCES__SALESNAV__OUTAGE_TIMEOUT="30")
    bucket_house.server.send_signal(signal.SIGSTOP)
    with jobs_end(home):
        wait_until(lambda: len(home.calls("download")) == 3)
        # longer than the worker waits for an answer
        time.sleep(5.0)
        assert len(home.posts()) == 3
        bucket_house.server.send_signal(signal.SIGCONT)
        assert "was out of reach for a while" in ended(run)
    assert_all_is_there_once(workers)


@pytest.mark.parametrize("bucket_house", ["s3"], indirect=True)
def test_s3_comes_back_without_what_it_held_and_the_worker_goes_on(bucket_house: "BucketHouse") -> None:
    workers = bucket_house.workers
    run = begin_with_three(workers, "store.LEASE_SECONDS = 60.0")
    bucket_house.begin_anew()
    with jobs_end(workers.home):
        ended(run)
    assert_all_is_there_once(workers)


SERVERS_AT = {"s3": servers.moto_at, "gcs": servers.fake_gcs_at, "azure": servers.azurite_at}


class BucketHouse:
    """Workers on a server of buckets of their own, which may go away."""

    def __init__(self, workers: Workers, kind: str, port: int) -> None:
        self.workers = workers
        self._kind = kind
        self._port = port
        self._serving = contextlib.ExitStack()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Has another server in the place of the one before, with an empty bucket."""
        self._serving.close()
        self.server = self._serving.enter_context(SERVERS_AT[self._kind](self._port))
        servers.make_bucket(self._kind, self._port, "bucket")

    def close(self) -> None:
        self._serving.close()


@pytest.fixture(params=servers.BUCKETS)
def bucket_house(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketHouse]:
    kind = request.param
    scheme, _, module = servers.BUCKETS[kind]
    pytest.importorskip(module)
    port = servers.free_port()
    for name, value in servers.bucket_environment(kind, port).items():
        monkeypatch.setenv(name, value)
    with house(tmp_path, day=None, job_seconds=IN_FLIGHT) as home:
        try:
            serving = BucketHouse(Workers(home, f"{scheme}://bucket/journal"), kind, port)
        except servers.NoServerError as error:
            pytest.skip(str(error))
        with contextlib.closing(serving):
            yield serving


IMPATIENT = "import salesnav_source.jobs.journal.bucket as place; place.ANSWER_SECONDS = 3.0"
"""What makes a worker give up sooner on a server that does not answer."""


def begin_with_three(workers: Workers, patch: str = "", **environment: str | None) -> "subprocess.Popen[str]":
    """Starts a worker that may have three jobs at a time, and waits until it has them."""
    run = workers.start(patch, SOURCES__SALESNAV__MAX_CONCURRENT_JOBS="3", **environment)

    def has_three() -> bool:
        return len(workers.home.sandbox.jobs) == 3 and [job[7] is None for job in workers.jobs()] == [False] * 3

    wait_until(lambda: run.poll() is not None or has_three())
    assert run.poll() is None, run.communicate()
    return run


def assert_three_were_finished(workers: Workers, run: "subprocess.Popen[str]") -> None:
    said = ended(run, 3)
    assert "is out of reach" in said and "no job was created meanwhile" in said
    assert len(workers.home.posts()) == 3
    assert_told_once(workers.home)


def assert_all_is_there_once(workers: Workers) -> None:
    """The rows are the truth, no job was created in vain, each is told once, and nothing is left of the journal."""
    workers.home.assert_truth()
    assert len(workers.home.posts()) == 6
    assert_told_once(workers.home)
    assert workers.objects() == []


def assert_told_once(home: House, unknown: int = 0) -> None:
    """Each job has one row, but those whose id no worker has noted."""
    told = [job for (job,) in home.rows("SELECT job_id FROM salesnav.export_jobs WHERE error IS NULL")]
    assert len(told) == len(set(told)) == len(home.sandbox.jobs) - unknown
    assert set(told) <= {job.id for job in home.sandbox.jobs}


def test_a_bare_run_keeps_its_journal_there_until_the_next_one_has_seen_its_load(workers: Workers) -> None:
    home = workers.home

    def run(machine: str) -> None:
        home.machine = machine
        source = salesnav(
            credentials=home.credentials(),
            base_url=home.sandbox.base_url,
            contracts=list(home.contracts),
            start_date=str(home.first_day),
            poll_interval=0.02,
            journal_url=workers.url,
        )
        home.pipeline().run(source)

    def stored() -> TContent:
        found = JournalStore(workers.url, "house").peek()
        assert found is not None and found.released
        return found.content

    run("one")
    # it is not told of the end of its load
    assert (len(stored()["jobs"]), len(stored()["records"]), len(stored()["loads"])) == (6, 6, 1)
    run("another")
    assert (len(stored()["jobs"]), len(stored()["records"]), len(stored()["loads"])) == (0, 0, 1)
    home.assert_truth()
    assert len(home.posts()) == 6


def test_a_journal_of_this_machine_alone_goes_along_when_a_place_is_named(workers: Workers) -> None:
    home = workers.home
    first = workers.start(patch=STOP + WITH_ALL_JOBS, SOURCES__SALESNAV__JOURNAL_URL="")
    first.communicate(timeout=PATIENCE)
    assert len(home.sandbox.jobs) == 6
    ended(workers.start(same_disk=True))
    assert len(home.posts()) == 6
    home.assert_truth()
    assert workers.objects() == []


def test_on_the_disk_of_a_killed_worker_another_begins_at_once(workers: Workers) -> None:
    first = workers.start(patch=STOP + WITH_ALL_JOBS)
    first.communicate(timeout=PATIENCE)
    said = ended(workers.start(same_disk=True))
    assert "takes over" not in said
    assert len(workers.home.posts()) == 6
    workers.home.assert_truth()
    assert workers.objects() == []
