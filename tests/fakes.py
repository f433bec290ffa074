"""Shared fakes: a timer that waits for nothing, a LinkedIn without a network, a raw HTTP server, a clock for the sandbox."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

import pytest
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

from salesnav_source.days.windows import Window
from salesnav_source.jobs.journal import Journal
from salesnav_source.jobs.runner import ExportRunner, OpenLoad
from salesnav_source.jobs.task import Policy, Task
from salesnav_source.linkedin.client import Job
from salesnav_source.linkedin.spool import Spool
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.configuration import SalesnavConfiguration, SalesnavCredentials, Settings, TIntervalEnd

TODAY = date(2026, 3, 2)
EPOCH = datetime(2026, 3, 2, 9, tzinfo=timezone.utc).timestamp()
URN = "urn:li:contract:1"
OTHER_URN = "urn:li:contract:2"
TOKEN = "S3cretAccessToken"
REFRESH_TOKEN = "S3cretRefreshToken"
CLIENT_SECRET = "S3cretOfTheClient"
SIGNATURE = "S3cretSignature"
ACTIONS = {export.action: name for name, export in EXPORTS.items()}


DUCKDB_MEMORY = "SELECT current_setting('memory_limit')"


def memory_while_copying(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns a list that is filled, from now on, with what DuckDB may take whenever dlt copies a file."""
    seen: list[str] = []
    run = DuckDbCopyJob.run

    def watched(job: Any) -> None:
        seen.extend(value for (value,) in job._job_client.sql_client.execute_sql(DUCKDB_MEMORY))
        run(job)

    monkeypatch.setattr(DuckDbCopyJob, "run", watched)
    return seen


def window_of(days: int, last: date = TODAY - timedelta(days=1)) -> Window:
    """Returns the window of so many days that ends on `last`."""
    return Window(last - timedelta(days=days - 1), last)


def single_days(count: int, last: date = TODAY - timedelta(days=1)) -> list[Window]:
    """Returns so many windows of one day, newest first."""
    return [window_of(1, last - timedelta(days=n)) for n in range(count)]


def make_policy(**changes: Any) -> Policy:
    """Returns the default policy, but for the changes."""
    values = {
        "poll_interval": 5.0,
        "poll_max_interval": 60.0,
        "job_timeout": 3600.0,
        "queue_timeout": 7200.0,
        "outage_timeout": 600.0,
        "max_concurrent_jobs": 30,
    }
    return Policy(**{**values, **changes})


def make_settings(base_url: str = "https://api.linkedin.com/v2", **changes: Any) -> Settings:
    """Returns checked settings; those of the credentials are told apart by their names."""
    names = ("access_token", "client_id", "client_secret", "refresh_token", "token_url")
    given = {name: changes.pop(name) for name in names if name in changes}
    credentials = SalesnavCredentials(**(given or {"access_token": TOKEN}))
    return Settings.check(SalesnavConfiguration(credentials=credentials, base_url=base_url, **changes))


class FakeTimer:
    """A timer whose time passes only while nothing is being done.

    Args:
        patience: real seconds that a call under way is waited for before time passes all the same.
    """

    def __init__(self, patience: float = 10.0) -> None:
        self.time = 1000.0
        self.patience = patience
        self.slept: list[float] = []
        self._still = 0

    def now(self) -> float:
        """Returns the fake time."""
        return self.time

    def epoch(self) -> float:
        """Returns the fake time, since the epoch."""
        return EPOCH + self.time - 1000.0

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self.slept.append(seconds)
        self.time += seconds

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        """Returns the next event; lets time pass if there is none to wait for."""
        try:
            event = events.get(timeout=self.patience) if busy else events.get_nowait()
        except Empty:
            self._still = 0 if seconds > 0 else self._still + 1
            assert self._still < 1000, "waited a thousand times for no time at all"
            self.time += seconds
            return None
        self._still = 0
        return event


@dataclass
class Asked:
    """A call that the fake LinkedIn got."""

    kind: Literal["create", "poll", "download"]
    time: float
    contract: str
    export: str
    window: Window
    job_id: int | None = None
    interval_end: TIntervalEnd | None = None


@dataclass
class FakeJob:
    """A job at the fake LinkedIn."""

    id: int
    contract: str
    export: str
    window: Window
    begins_at: float
    ends_at: float
    status: str


TScript = Callable[[Asked], Any]
"""What happens to a call: an exception to raise, a status that the job is created with or has, or None."""


class FakeLinkedIn:
    """Answers the calls of a runner in place of `Client`, by a script; works on one job of a lane at a time.

    Args:
        timer: the time.
        seconds: how long a job takes.
        script: asked at each call.
    """

    def __init__(self, timer: FakeTimer, seconds: float = 30.0, script: TScript = lambda asked: None) -> None:
        self.timer = timer
        self.seconds = seconds
        self.script = script
        self.asked: list[Asked] = []
        self.jobs: dict[int, FakeJob] = {}
        self.most_in_flight = 0
        self.most_of_a_lane = 0
        self._lock = threading.Lock()

    def create_job(
        self, action: str, contract: str, window: Window, interval_end: TIntervalEnd = "last_millisecond"
    ) -> Job:
        """Creates a job that ends as the script says."""
        status = (
            self._ask(Asked("create", self.timer.now(), contract, ACTIONS[action], window, interval_end=interval_end))
            or "COMPLETED"
        )
        with self._lock:
            now = self.timer.now()
            lane = [one for one in self.jobs.values() if (one.contract, one.export) == (contract, ACTIONS[action])]
            begins = max([now, *(one.ends_at for one in lane)])
            job = FakeJob(len(self.jobs) + 1, contract, ACTIONS[action], window, begins, begins + self.seconds, status)
            self.jobs[job.id] = job
            running = sum(one.ends_at > now for one in self.jobs.values())
            self.most_in_flight = max(self.most_in_flight, running)
            self.most_of_a_lane = max(self.most_of_a_lane, sum(one.ends_at > now for one in lane) + 1)
        return Job(job.id, "ENQUEUED")

    def job(self, job_id: int, contract: str) -> Job:
        """Says how a job is doing."""
        job = self.jobs[job_id]
        told = self._ask(Asked("poll", self.timer.now(), contract, job.export, job.window, job_id))
        now = self.timer.now()
        status = told or (job.status if now >= job.ends_at else "PROCESSING" if now >= job.begins_at else "ENQUEUED")
        if status != "COMPLETED":
            return Job(job_id, status)
        return Job(
            job_id, status, f"https://www.linkedin.com/ambry/?x-li-ambry-ep={SIGNATURE}-{job_id}", job.window.days
        )

    def download(self, url: str, target: Spool) -> int:
        """Writes one row for each day of the job's window."""
        job = self.jobs[int(url.rpartition("-")[2])]
        self._ask(Asked("download", self.timer.now(), job.contract, job.export, job.window, job.id))
        content = activities_csv(job.window, f"{job.contract[-1]}-")
        with target.open("wb") as file:
            file.write(content)
        return len(content)

    def calls(self, kind: str) -> list[Asked]:
        """Returns the calls of a kind."""
        return [asked for asked in self.asked if asked.kind == kind]

    def _ask(self, asked: Asked) -> str | None:
        with self._lock:
            self.asked.append(asked)
        told = self.script(asked)
        if isinstance(told, BaseException):
            raise told
        assert told is None or isinstance(told, str)
        return told


def activities_csv(window: Window, prefix: str = "a") -> bytes:
    """Returns a file of activities with one row for each day of a window."""
    days = [window.first + timedelta(days=n) for n in range(window.days)]
    rows = [f"{prefix}{day:%Y%m%d},SAVED_LEAD,{day:%m-%d-%Y} 12:00:00,7,1" for day in days]
    return "\n".join(["activityId,activityType,createdAt,seatId,memberIdentityKey", *rows, ""]).encode()


@dataclass
class Bench:
    """A runner with everything around it, none of it real but the journal and the files."""

    folder: Path
    timer: FakeTimer = field(default_factory=FakeTimer)
    seconds: float = 30.0
    script: TScript = lambda asked: None
    policy: Policy = field(default_factory=make_policy)

    def __post_init__(self) -> None:
        self.linkedin = FakeLinkedIn(self.timer, self.seconds, self.script)
        self.journal = Journal(self.folder / "journal.sqlite", "https://api.linkedin.com/v2")
        self.spool = self.folder / "spool"
        self.spool.mkdir(exist_ok=True)
        self.client: Any = self.linkedin
        self.runner = ExportRunner(self.client, self.journal, self.policy, self.spool, self.timer)

    def run(self, tasks: list[Task], seconds: float = 20.0) -> list[Task]:
        """Runs the tasks to their end and returns those received, in the order in which they came."""
        self.runner.open_load(OpenLoad("1.0", compressed=False))
        self.runner.start(tasks)
        assert self.runner._thread is not None
        self.runner._thread.join(timeout=seconds)
        assert not self.runner._thread.is_alive(), "the runner does not end"
        received = []
        while (task := self.runner.take()) is not None:
            received.append(task)
        self.runner.stop()
        return received

    def failed(self) -> dict[tuple[str, str, Window], str]:
        """Returns the reasons of the windows that have failed."""
        return {(w.contract, w.export, w.window): w.reason for w in self.runner.not_loaded if w.outcome == "failed"}

    def open_days(self) -> list[Window]:
        """Returns the windows that stay open."""
        return [w.window for w in self.runner.not_loaded if w.outcome == "open"]


class MovingClock:
    """A clock for the sandbox that follows a fake timer."""

    def __init__(self, timer: FakeTimer) -> None:
        self.timer = timer

    def __call__(self) -> float:
        return self.timer.epoch()


@dataclass
class RawRequest:
    """A request as it came."""

    method: str
    target: str
    headers: Message
    body: bytes


TAnswer = Callable[[RawRequest], bytes | None]
"""The bytes to send, or None to reset the connection."""


class RawServer:
    """A server that sends whatever bytes it is told, and closes the connection after each answer."""

    def __init__(self, answer: TAnswer) -> None:
        self.requests: list[RawRequest] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=300)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            first = stream.readline().decode("latin-1").split()
            if len(first) != 3:
                return
            lines = []
            while (line := stream.readline()) not in (b"\r\n", b""):
                lines.append(line)
            headers = BytesParser().parsebytes(b"".join(lines), headersonly=True)
            body = stream.read(int(headers.get("Content-Length", "0")))
        request = RawRequest(first[0], first[1], headers, body)
        self.requests.append(request)
        answer = self._answer(request)
        if answer is None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        connection.sendall(answer)


def http_answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """Returns an answer with its true length; underscores in names of headers stand for hyphens."""
    named = {"Content-Length": str(len(body)), "Connection": "close"}
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


@contextlib.contextmanager
def serving(answer: TAnswer | bytes | None) -> Iterator[RawServer]:
    """Serves the same answer, or what a function says, on loopback."""
    with RawServer(answer if callable(answer) else lambda request: answer) as server:
        yield server
