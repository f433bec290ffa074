"""What the tests of whole runs share: a tiny world behind the sandbox, a pipeline into DuckDB, and the truth."""

import contextlib
import datetime as dt
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import dlt
import duckdb

from salesnav_source.days.windows import Days, Window
from salesnav_source.jobs.clock import SystemClock
from salesnav_source.run.context import LoadLimits
from salesnav_source.run.planning import Refresh
from salesnav_source.run.result import RunReport
from salesnav_source.run.sync import CHECKPOINT, sync
from salesnav_source.sandbox import ContractSpec, RequestRecord, Sandbox, World
from salesnav_source.schema import CONTRACTS, EXPORTS
from salesnav_source.settings.configuration import SalesnavConfiguration, SalesnavCredentials, Settings

ONE, TWO, SHUT = "urn:li:contract:1", "urn:li:contract:2", "urn:li:contract:3"
SPECS = (
    ContractSpec(ONE, "One", "The first", seats=4),
    ContractSpec(TWO, "Two", None, seats=3),
    ContractSpec(SHUT, "Three", "No reporting access", False, seats=2),
)
DAY = dt.timedelta(days=1)
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "pipelines" / "salesnav_to_duckdb.py"
NAMES = tuple(EXPORTS)
PATIENCE = 300.0
"""Real seconds for which a test waits for what comes for sure, on however busy a machine."""

TKey = tuple[str, str]
"""An export and a contract."""

TAsked = tuple[str, str, dt.date, dt.date]
"""An export, a contract, and the first and last day that were asked for."""


class Clock:
    """The time of LinkedIn and of this machine, which a test may turn."""

    def __init__(self, day: dt.date | None = None, at: dt.time = dt.time(9)) -> None:
        self.offset = 0.0
        if day is not None:
            self.turn(day, at)

    def __call__(self) -> float:
        return time.time() + self.offset

    def turn(self, day: dt.date, at: dt.time = dt.time(9)) -> None:
        self.offset = dt.datetime.combine(day, at, dt.timezone.utc).timestamp() - time.time()

    def next_day(self, days: int = 1) -> None:
        self.offset += 86400.0 * days

    @property
    def today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self(), dt.timezone.utc).date()


class Timer(SystemClock):
    """This machine's time by another clock; if it jumps, that clock is turned to where a pause ends, which takes no time."""

    def __init__(self, clock: Callable[[], float], jumps: bool = False) -> None:
        self._clock = clock
        self._jumps = jumps
        self.slept: list[float] = []

    def now(self) -> float:
        return self._clock() if self._jumps else time.monotonic()

    def epoch(self) -> float:
        return self._clock()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._pass(seconds)

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        if busy or not self._jumps:
            return super().wait(events, seconds, busy)
        try:
            return events.get_nowait()
        except Empty:
            self._pass(seconds)
            return None

    def _pass(self, seconds: float) -> None:
        if self._jumps:
            assert isinstance(self._clock, Clock)
            self._clock.offset += seconds
        else:
            time.sleep(seconds)


class House:
    """A sandbox and the pipeline that loads from it into a DuckDB file."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sandbox,
        clock: Clock,
        days: int = 10,
        contracts: Sequence[str] = (ONE, TWO),
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.world = sandbox.world
        self.clock = clock
        self.first_day = clock.today - days * DAY
        self.contracts = tuple(contracts)
        self.database: Path | str = folder / "warehouse.duckdb"
        self.machine = "machine"
        self.started: list[subprocess.Popen[str]] = []
        """Processes that load from here, or have."""

    def end_all(self) -> None:
        """Ends the processes that a test has left, as it may if it fails."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    @property
    def yesterday(self) -> dt.date:
        return self.clock.today - DAY

    def day(self, back: int) -> dt.date:
        """Returns the day so many days before today; 1 is yesterday."""
        return self.clock.today - back * DAY

    def pipeline(self, name: str = "house", **options: Any) -> dlt.Pipeline:
        destination = options.pop("destination", None) or dlt.destinations.duckdb(str(self.database))
        return dlt.pipeline(
            name,
            pipelines_dir=str(self.folder / self.machine),
            destination=destination,
            dataset_name="salesnav",
            **options,
        )

    def credentials(self, renewable: bool = False) -> SalesnavCredentials:
        credentials = SalesnavCredentials(access_token=self.sandbox.access_token)
        if renewable:
            credentials.client_id = self.sandbox.client_id
            credentials.client_secret = self.sandbox.client_secret
            credentials.refresh_token = self.sandbox.refresh_token
            credentials.token_url = self.sandbox.token_url
        return credentials

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "credentials": self.credentials(),
            "base_url": self.sandbox.base_url,
            "contracts": list(self.contracts),
            "start_date": str(self.first_day),
            "poll_interval": 0.02,
            "poll_max_interval": 0.2,
            "job_timeout": PATIENCE,
            "queue_timeout": PATIENCE,
            "outage_timeout": 5.0,
            **changes,
        }
        return Settings.check(SalesnavConfiguration(**values))

    def sync(
        self,
        *,
        exports: Sequence[str] = NAMES,
        full_refresh: Refresh | bool = False,
        limits: LoadLimits = CHECKPOINT,
        timer: SystemClock | None = None,
        pipeline: dlt.Pipeline | None = None,
        jumps: bool = False,
        **settings: Any,
    ) -> RunReport:
        """Runs the pipeline once, by the house's clock, which is turned on in each pause if it jumps."""
        checked = self.settings(**settings)
        clock = timer or Timer(self.clock, jumps)
        return sync(pipeline or self.pipeline(), checked, exports, full_refresh, limits, clock)

    def assert_truth(self, days: Iterable[Window] | None = None, **options: Any) -> None:
        """Compares the warehouse with the world over the days, all wanted ones if None."""
        wanted = [Window(self.first_day, self.yesterday)] if days is None else list(days)
        assert_warehouse_is_truth(self.database, self.world, self.contracts, wanted, **options)

    def posts(self, since: int = 0) -> list[TAsked]:
        """Returns the windows that were asked for, whether or not a job came of it."""
        return posts(self.sandbox.requests[since:])

    def calls(self, kind: str, since: int = 0) -> list[RequestRecord]:
        """Returns the requests of a kind: contracts, create, poll, download or token."""
        return [request for request in self.sandbox.requests[since:] if request.call == kind]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Returns what a query over the dataset gives."""
        return query(self.database, statement)

    def jobs(self, condition: str = "true") -> list[dict[str, Any]]:
        """Returns rows of export_jobs, oldest first."""
        names = (
            "job_id, contract, export, window_start, window_end, status, row_count, rows_loaded, rows_rejected, error"
        )
        found = self.rows(f"SELECT {names} FROM salesnav.export_jobs WHERE {condition} ORDER BY completed_at, job_id")
        return [dict(zip(names.split(", "), row)) for row in found]


@contextlib.contextmanager
def house(
    folder: Path,
    *,
    days: int = 10,
    day: dt.date | None = dt.date(2026, 3, 11),
    at: dt.time = dt.time(9),
    activities: float = 3.0,
    specs: Sequence[ContractSpec] = SPECS,
    contracts: Sequence[str] = (ONE, TWO),
    job_seconds: tuple[float, float] = (0.0, 0.05),
    mix: Mapping[str, float] | None = None,
    **options: Any,
) -> Iterator[House]:
    """Serves a tiny world, in which InMails are so frequent that there are outcomes.

    Args:
        folder: where pipelines and the database go.
        days: how many days are wanted, up to yesterday.
        day: today; the real one if None, for runs in processes of their own.
        at: the time of day.
        activities: activities per seat and day.
        specs: the contracts of the world.
        contracts: those that are loaded.
        job_seconds: how long jobs take.
        mix: how often each type of activity occurs.
        **options: more of the sandbox's.
    """
    clock = Clock(day, at)
    world = World(
        contracts=specs,
        activities_per_seat=activities,
        today=lambda: clock.today,
        mix=mix or {"PROFILE_VIEWED": 4, "SEARCH_PERFORMED": 3, "SAVED_ACCOUNT": 1, "INMAIL_SENT": 6},
    )
    with Sandbox(world, clock=clock, job_seconds=job_seconds, **options) as sandbox:
        home = House(folder, sandbox, clock, days, contracts)
        try:
            yield home
        finally:
            home.end_all()


TAsk = Callable[[str], list[tuple[Any, ...]]]
"""Gives what a query gives."""


@contextlib.contextmanager
def opened(database: Path | str) -> Iterator[TAsk]:
    """Opens a DuckDB file or a URL of PostgreSQL for queries; to open a file takes longer than most of them."""
    if isinstance(database, str):
        import psycopg2

        with contextlib.closing(psycopg2.connect(database, options="-c TimeZone=UTC")) as server:

            def ask(statement: str) -> list[tuple[Any, ...]]:
                cursor = server.cursor()
                cursor.execute(statement)
                return list(cursor.fetchall())

            yield ask
        return
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield lambda statement: connection.execute(statement).fetchall()


def query(database: Path | str, statement: str) -> list[tuple[Any, ...]]:
    """Returns what a query gives, of a DuckDB file or a URL of PostgreSQL."""
    with opened(database) as ask:
        return ask(statement)


def tables(database: Path | str) -> set[str]:
    """Returns the names of the dataset's tables."""
    found = query(database, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'salesnav'")
    return {name for (name,) in found if not name.startswith("_dlt")}


def assert_warehouse_is_truth(
    database: Path | str,
    world: World,
    contracts: Sequence[str],
    days: Iterable[Window],
    *,
    exports: Sequence[str] = NAMES,
    missing: Mapping[TKey, Iterable[Window]] | None = None,
    blank: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Compares every value of the exports' tables and of contracts with the world, both ways, and the keys.

    Args:
        database: the DuckDB file, or a URL of PostgreSQL.
        world: the truth.
        contracts: those that are loaded.
        days: those that are loaded.
        exports: those that are loaded.
        missing: days that are not loaded, by export and contract.
        blank: columns by export that the files did not have.
    """
    loaded = Days.of(days)
    with opened(database) as ask:
        for export in exports:
            columns = [column.name for column in EXPORTS[export].columns if column.name != "export_job_id"]
            truth: list[tuple[Any, ...]] = []
            for contract in contracts:
                gone = Days.of((missing or {}).get((export, contract), ()))
                for window in loaded - gone:
                    for row in world.rows(export, contract, window.first, window.last):
                        absent = (blank or {}).get(export, ())
                        truth.append(tuple(None if name in absent else row[name] for name in columns))
            found = ask(f"SELECT {', '.join(columns)} FROM salesnav.{export}")
            expected, got = Counter(truth), Counter(found)
            assert got == expected, _difference(export, expected, got)
            key = ", ".join(EXPORTS[export].key)
            assert not ask(f"SELECT {key} FROM salesnav.{export} GROUP BY {key} HAVING count(*) > 1")
            assert not ask(
                f"SELECT * FROM salesnav.{export} WHERE _dlt_load_id NOT IN (SELECT load_id FROM salesnav._dlt_loads)",
            )
        names = ", ".join(column.name for column in CONTRACTS.columns)
        listed = [
            (element["contract"], element["name"], element.get("description"), element["hasReportingAccess"])
            for element in world.contracts()
        ]
        assert sorted(ask(f"SELECT {names} FROM salesnav.contracts")) == sorted(listed)


def _difference(export: str, truth: Counter[Any], found: Counter[Any]) -> str:
    absent, surplus = truth - found, found - truth
    return (
        f"{export}: {absent.total()} of {truth.total()} rows are absent, e.g. {list(absent)[:2]};"
        f" {surplus.total()} are surplus, e.g. {list(surplus)[:2]}"
    )


def posts(requests: Iterable[RequestRecord]) -> list[TAsked]:
    """Returns the windows of the requests that create a job, accepted or not."""
    actions = {export.action: name for name, export in EXPORTS.items()}
    return [
        (
            actions[request.query["action"]],
            request.body["contract"],
            _day(request.body["startAt"]),
            _day(request.body["endAt"]),
        )
        for request in requests
        if request.method == "POST" and request.path.endswith("/salesAnalyticsExportJobs")
    ]


def _day(milliseconds: int) -> dt.date:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.timezone.utc).date()


def assert_no_day_asked_twice(asked: Iterable[TAsked]) -> None:
    """No day of an export of a contract is in two windows, but one with which the later one begins."""
    seen: dict[TKey, set[dt.date]] = defaultdict(set)
    for export, contract, first, last in asked:
        days = span(first, last)
        if export != "seats" and len(days) > 1 and days[0] in seen[export, contract]:
            # where keys may come again, windows begin with a loaded day that is not replaced
            days = days[1:]
        assert not seen[export, contract] & set(days), (export, contract, first, last)
        seen[export, contract] |= set(days)


def overlapping(days: Days) -> set[Days]:
    """Returns the days that are asked for after earlier ones were loaded: of seats these alone, else one more in front."""
    return {days, Days.of(Window(window.first - DAY, window.last) for window in days)}


def span(first: dt.date, last: dt.date) -> list[dt.date]:
    """Returns the days from the first to the last."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def assert_protocol(sandbox: Sandbox) -> None:
    """Checks the requests against LinkedIn's documentation: headers, ranges, and no poll once the end was told."""
    for request in sandbox.requests:
        if request.path.startswith("/oauth"):
            continue
        assert request.headers["authorization"].startswith("Bearer "), request.path
        assert request.headers["x-restli-protocol-version"] == "2.0.0", request.path
    for _, _, first, last in posts(sandbox.requests):
        assert (last - first).days < 90
    for job in sandbox.jobs:
        polls = [r for r in sandbox.requests if r.path.endswith(f"/salesAnalyticsExportJobs/{job.id}")]
        told = [poll for poll in polls if poll.time >= job.ends_at]
        assert len(told) <= 1, f"job {job.id} was polled {len(told)} times after its end"


class Process:
    """The pipeline script in a process of its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.folder = house.folder / "work"
        self.data = house.folder / "data"
        self.folder.mkdir(exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        house = self.house
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DLT_"))}
        return {
            **kept,
            "HOME": str(house.folder),
            "DLT_DATA_DIR": str(self.data),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN": house.sandbox.access_token,
            "SOURCES__SALESNAV__BASE_URL": house.sandbox.base_url,
            "SOURCES__SALESNAV__CONTRACTS": json.dumps(list(house.contracts)),
            "SOURCES__SALESNAV__START_DATE": str(house.first_day),
            "SOURCES__SALESNAV__POLL_INTERVAL": "0.02",
            "SOURCES__SALESNAV__POLL_MAX_INTERVAL": "0.2",
            "SOURCES__SALESNAV__JOB_TIMEOUT": str(PATIENCE),
            "SOURCES__SALESNAV__QUEUE_TIMEOUT": str(PATIENCE),
            "SOURCES__SALESNAV__OUTAGE_TIMEOUT": "5",
        }

    def start(self, *options: str, patch: str = "", **environment: str | None) -> "subprocess.Popen[str]":
        """Starts the script, or the one for PostgreSQL where the house has a database there.

        Args:
            *options: the script's.
            patch: code to run in the process before the script; it may call `die()`.
            **environment: variables that differ; None to leave one out.
        """
        variables: dict[str, str | None] = {**self.environment, **environment}
        set_variables = {name: value for name, value in variables.items() if value is not None}
        script, database = SCRIPT, self.house.database
        if isinstance(database, str):
            script = SCRIPT.with_name("salesnav_to_postgres.py")
            set_variables["DESTINATION__POSTGRES__CREDENTIALS"] = database
            database = database.rpartition("/")[2]
        command = [sys.executable, str(script)]
        if patch:
            command = [sys.executable, "-c", _DIE + textwrap.dedent(patch) + _RUN.replace("SCRIPT", repr(str(script)))]
        process = subprocess.Popen(
            [*command, "--database", str(database), *options],
            cwd=self.folder,
            env=set_variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.house.started.append(process)
        return process

    def run(self, *options: str, patch: str = "", **environment: str | None) -> "subprocess.CompletedProcess[str]":
        """Runs the script to its end; what it prints has no stack trace."""
        process = self.start(*options, patch=patch, **environment)
        return finish(process)


_DIE = """
import os, signal, runpy, sys, time
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
"""
_RUN = """
sys.argv[0] = SCRIPT
runpy.run_path(SCRIPT, run_name="__main__")
"""


def finish(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    """Waits for a process to end; what it printed has no stack trace."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"The process did not end.\n{out}\n{err}") from None
    assert "Traceback" not in out + err, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill(process: "subprocess.Popen[str]") -> None:
    """Ends a process as a power failure would."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def wait_until(condition: Callable[[], object]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "It did not come about in time."
        time.sleep(0.005)


def windows(asked: Iterable[TAsked]) -> dict[TKey, Days]:
    """Returns the days that were asked for, by export and contract."""
    grouped = itertools.groupby(sorted(asked), key=lambda one: (one[0], one[1]))
    return {key: Days.of(Window(first, last) for _, _, first, last in group) for key, group in grouped}
