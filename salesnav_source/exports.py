"""Running export jobs: the state machine of one window, and the runner that lets all of them wait together.

A window to export is a `Task`. `advance` is pure: it takes a task, what has just happened to it, and the time, and returns the
task as it is now, with the account of the job if one has ended:

                     ┌───────── new job, after a pause ─────────┐
                     ▼                                          │
    planned ──▶   create  ──id──▶   poll   ──COMPLETED──▶   download ──rows counted──▶ received
                  │     ▲           │ ▲  ▲                      │
                  │     │           │ │  └─ URL expired, file incomplete
                  │     │           │ └──── still running, no answer
                  │     │           │
                  │     └ INTERNAL_ERROR, TIMED_OUT, job unknown: up to MAX_JOBS jobs
                  │                 │
                  │                 ├─ TOO_LARGE, TIMED_OUT again ──▶ split: two halves, each a new task
                  │                 ├─ DATA_DELAY ──▶ split: without the newest days; those stay open
                  ▼                 ▼
               failed: refused, out of tries, too large for a day, deadline passed, or the run was stopped

Every way back is counted and paused, so a task always ends. "Received" is reached only with a file whose rows were counted.
"""

import random
import threading
import time
from bisect import bisect_right, insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, Protocol

import pyarrow as pa
from dlt.common import logger

from salesnav_source.client import Client, Job
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    JournalError,
    SalesnavError,
    ThrottledError,
    UnavailableError,
    UnendedFileError,
)
from salesnav_source.journal import Journal
from salesnav_source.reader import ReadResult, read_export, remove
from salesnav_source.schema import EXPORTS, LOAD_ID
from salesnav_source.settings import Settings
from salesnav_source.spool import Spool, SpoolClosedError
from salesnav_source.windows import Ask, Window, into, without_delayed

# statuses of jobs, as told by a third party; LinkedIn may add values without notice (documented)
COMPLETED = "COMPLETED"
RUNNING = ("ENQUEUED", "PROCESSING")
TOO_LARGE = "FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR"
TIMED_OUT = "FAILED_DUE_TO_TIMED_OUT"
DATA_DELAY = "FAILED_DUE_TO_DATA_DELAY"
INTERNAL_ERROR = "FAILED_DUE_TO_INTERNAL_ERROR"
NOT_CREATED = "NOT_CREATED"
"""Our own status for a job that LinkedIn refused to create."""

MAX_JOBS = 3
"""Jobs for one window before it is halved or has failed."""
MAX_FILES = 3
"""Downloads of one job's file before a new job is created."""
MAX_RENEWALS = 5
"""Fresh download URLs for one job before a new job is created."""
MAX_FAILURES = 6
"""Calls in a row without an answer before a window has failed."""
MAX_THROTTLES = 6
"""Throttled answers in a row before the quota counts as used up."""
LONGEST_RETRY_AFTER = 600.0
"""Seconds; what a Retry-After asks for beyond that is taken for a mistake."""
PATIENT, EAGER = 1 / 4, 1 / 16
"""How late the end of a job may be noticed, as a share of its age; eager in a run with more windows than places."""
EAGER_SECONDS = 60.0
"""Age from which an eager share grows towards the patient one."""
CHANCE = 1 / 20
"""The chance with which an eager poll should find its job ended, where it is known how long others have taken."""
KNOWN_FROM = 5
"""Jobs of an export that must have ended before the others are expected to take as long."""

LONGEST_STOP = 2.0
"""Seconds that a stop waits for calls under way."""
CALL_THREADS = 4
DOWNLOAD_THREADS = 2

TStage = Literal["create", "poll", "download", "ended"]
TOutcome = Literal["received", "split", "failed"]
TScope = Literal["window", "export", "quota", "run"]
"""How far a failure reaches: to the window, to all windows of its contract and export, to all calls."""


@dataclass(frozen=True)
class Policy:
    """How patiently jobs are run; times in seconds."""

    poll_interval: float
    poll_max_interval: float
    job_timeout: float
    max_concurrent_jobs: int

    @staticmethod
    def of(settings: Settings) -> "Policy":
        """Returns the policy that the settings ask for."""
        return Policy(
            settings.poll_interval, settings.poll_max_interval, settings.job_timeout, settings.max_concurrent_jobs
        )

    def pause(self, times: int, jitter: float) -> float:
        """Returns the growing pause before a call is tried again.

        Args:
            times: how many times in a row it has failed, from 1.
            jitter: 0 to 1; spreads the tries of several windows.
        """
        longest = min(self.poll_max_interval, min(1.0, self.poll_interval) * 2.0 ** (times - 1))
        return longest * (0.5 + jitter / 2)

    def until_next_poll(self, age: float, eager: bool, others: Sequence[float] = ()) -> float:
        """Returns the pause before a running job is polled again: it grows with the job's age.

        Args:
            age: of the job, in seconds.
            eager: whether it matters to notice its end soon.
            others: how long other jobs of the same export have taken, in order; an eager pause follows them.
        """
        patient = min(self.poll_max_interval, max(self.poll_interval / 5, age * PATIENT))
        if not eager:
            return patient
        longer = others[bisect_right(others, age) :]
        if longer and len(others) >= KNOWN_FROM:
            return min(patient, max(self.poll_interval / 10, _quantile((age, *longer), CHANCE) - age))
        return min(patient, max(self.poll_interval / 5, age * EAGER * max(1.0, age / EAGER_SECONDS)))


def _quantile(values: Sequence[float], share: float) -> float:
    """Returns the value below which a share of a sample in order lies, between two values in proportion."""
    place = share * (len(values) - 1)
    below = int(place)
    return values[below] + (values[min(below + 1, len(values) - 1)] - values[below]) * (place - below)


@dataclass(frozen=True)
class ReceivedFile:
    """A file that came whole and was read."""

    rows: Path | None
    """The typed rows, for `read_tables` and `read_rejected`; None if LinkedIn exported no row and no file."""
    bytes: int
    result: ReadResult


@dataclass(frozen=True)
class Task:
    """A window of an export of a contract, and how far it has come."""

    contract: str
    export: str
    window: Window
    stage: TStage = "create"
    due: float = 0.0
    """When its next call may be made, seconds on the timer."""
    job_id: int | None = None
    entry: int | None = None
    """Number of the job's entry in the journal."""
    asked_at: float | None = None
    """When the job was asked for, seconds since the epoch."""
    waiting_since: float = 0.0
    """Since when this run has been waiting for the job, seconds on the timer."""
    age_before: float = 0.0
    """How old the job was by then, in seconds."""
    status: str = NOT_CREATED
    download_url: str | None = field(default=None, repr=False)
    row_count: int | None = None
    take_off: int = 1
    """How many of the newest days to take off if LinkedIn's data are delayed."""
    beyond: Window | None = None
    """Newer days that are asked for once this window has come, see `windows.Ask`."""
    jobs: int = 0
    """Jobs created for this window."""
    files: int = 0
    unended: int | None = None
    """Size of the last file that did not end with a line; one of the same size is no longer taken for cut short."""
    renewals: int = 0
    failures: int = 0
    throttles: int = 0
    outcome: TOutcome | None = None
    reason: str | None = None
    scope: TScope = "window"
    file: ReceivedFile | None = None

    def age(self, now: float) -> float:
        """Returns how many seconds ago the job was asked for."""
        return self.age_before + now - self.waiting_since

    @property
    def in_flight(self) -> bool:
        """Tells whether the task holds one of the places for concurrent jobs."""
        return self.stage == "poll" and self.status != COMPLETED

    def __str__(self) -> str:
        return f"{self.export} of {self.contract}, {self.window}"


@dataclass(frozen=True)
class Created:
    """LinkedIn has created the job."""

    job: Job
    entry: int
    asked_at: float


@dataclass(frozen=True)
class Polled:
    """LinkedIn has told how the job is doing."""

    job: Job
    eager: bool = False
    """Whether the run has more windows than places, so that its end depends on how soon this job's end is noticed."""
    others: Sequence[float] = ()
    """How long jobs of the same export have taken in this run, in seconds, in order."""


@dataclass(frozen=True)
class Fetched:
    """The file has been received, counted and read."""

    file: ReceivedFile


@dataclass(frozen=True)
class Failed:
    """The call, the download or the reading has failed."""

    error: SalesnavError | OSError


TEvent = Created | Polled | Fetched | Failed


@dataclass(frozen=True)
class Account:
    """What is to be noted of a job that has ended, or is given up waiting for."""

    task: Task
    """The task as it was with that job."""
    error: str
    still_running: bool = False


@dataclass(frozen=True)
class Transition:
    """The task after an event."""

    task: Task
    account: Account | None = None
    children: tuple[Task, ...] = ()
    """Tasks that take the place of a split one."""
    open: tuple[Window, ...] = ()
    """Days that LinkedIn has no data for yet."""


def advance(task: Task, event: TEvent, now: float, policy: Policy, jitter: float) -> Transition:
    """Returns what becomes of a task.

    Args:
        task: the task before the event; must not have ended.
        event: what has happened.
        now: seconds on the timer.
        policy: how patiently to go on.
        jitter: 0 to 1, to spread pauses.
    """
    if isinstance(event, Created):
        return Transition(
            replace(
                task,
                stage="poll",
                due=now + policy.poll_interval,
                job_id=event.job.id,
                entry=event.entry,
                asked_at=event.asked_at,
                waiting_since=now,
                age_before=0.0,
                status=event.job.status or RUNNING[0],
                jobs=task.jobs + 1,
                failures=0,
                throttles=0,
            )
        )
    if isinstance(event, Polled):
        return _polled(task, event, now, policy, jitter)
    if isinstance(event, Fetched):
        return _received(task, event.file)
    return _failed(task, event.error, now, policy, jitter)


def _polled(task: Task, event: Polled, now: float, policy: Policy, jitter: float) -> Transition:
    job = event.job
    task = replace(task, failures=0, throttles=0, status=job.status or task.status, row_count=job.row_count)
    if job.status == COMPLETED and job.row_count is not None:
        if job.download_url:
            return Transition(replace(task, stage="download", due=now, download_url=job.download_url))
        if job.row_count == 0:
            nothing = ReceivedFile(None, 0, ReadResult(0, 0, 0, 0, 0, 0, True, ()))
            return _received(task, nothing)
    if job.status == TOO_LARGE:
        return _halve(task, "the export is too large for LinkedIn", _TOO_LARGE_ADVICE)
    if job.status == DATA_DELAY:
        return _without_delayed(task)
    if job.status == TIMED_OUT:
        if task.jobs < MAX_JOBS:
            return _new_job(task, "LinkedIn timed out on the job", now, policy, jitter)
        return _halve(task, f"LinkedIn timed out on {task.jobs} jobs", "The next run tries again.")
    if job.status == INTERNAL_ERROR:
        return _new_job(task, "LinkedIn had an internal error", now, policy, jitter)
    if now - task.waiting_since >= policy.job_timeout:
        missing = "without a row count or a URL " if job.status == COMPLETED else ""
        reason = (
            f"job {task.job_id} is still {task.status} {missing}after {policy.job_timeout:g} s (job_timeout);"
            " the next run goes on waiting for it"
        )
        return _give_up(task, reason, still_running=True)
    next_poll = now + policy.until_next_poll(task.age(now), event.eager, event.others)
    deadline = task.waiting_since + policy.job_timeout
    return Transition(replace(task, due=min(next_poll, max(deadline, now + policy.poll_interval / 5))))


_TOO_LARGE_ADVICE = (
    "A single day cannot be split further; ask LinkedIn's support to look at this contract, or divide its seats"
    " among contracts."
)


def _failed(task: Task, error: SalesnavError | OSError, now: float, policy: Policy, jitter: float) -> Transition:
    reason = _one_line(error)
    if isinstance(error, ThrottledError):
        return _throttled(task, error, now, policy, jitter)
    if isinstance(error, UnavailableError):
        task = replace(task, failures=task.failures + 1)
        if task.failures >= MAX_FAILURES:
            return _give_up(task, f"{reason} Tried {task.failures} times", still_running=task.job_id is not None)
        return Transition(replace(task, due=now + policy.pause(task.failures, jitter)))
    if isinstance(error, DownloadUrlExpiredError):
        task = replace(task, renewals=task.renewals + 1)
        if task.renewals > MAX_RENEWALS:
            return _new_job(task, reason, now, policy, jitter)
        pause = policy.pause(task.renewals - 1, jitter) if task.renewals > 1 else 0.0
        return Transition(replace(task, stage="poll", due=now + pause, download_url=None))
    if isinstance(error, IncompleteFileError):
        unended = error.bytes if isinstance(error, UnendedFileError) else None
        task = replace(task, files=task.files + 1, unended=unended)
        if task.files >= MAX_FILES:
            return _new_job(task, reason, now, policy, jitter)
        return Transition(replace(task, stage="poll", due=now + policy.pause(task.files, jitter), download_url=None))
    if isinstance(error, JobNotFoundError):
        return _new_job(task, f"LinkedIn does not know job {task.job_id} any more", now, policy, jitter)
    if isinstance(error, AccessTokenError):
        return _give_up(task, reason, still_running=task.job_id is not None, scope="run")
    if isinstance(error, AccessDeniedError):
        return _give_up(task, reason, scope="export")
    if isinstance(error, OSError):
        return _give_up(task, f"this machine failed to keep the file: {reason}", still_running=task.job_id is not None)
    if isinstance(error, JournalError):
        return _give_up(task, reason, still_running=task.job_id is not None, scope="run")
    # what is left helps no second try: a refused request or host, or a file that cannot be read
    return _give_up(task, reason)


def _throttled(task: Task, error: ThrottledError, now: float, policy: Policy, jitter: float) -> Transition:
    task = replace(task, throttles=task.throttles + 1)
    if task.throttles >= MAX_THROTTLES:
        reason = (
            "LinkedIn's quota of calls is used up; it resets at midnight UTC. Jobs in flight are kept, and a run after"
            " that goes on from them"
        )
        return _give_up(task, reason, still_running=task.job_id is not None, scope="quota")
    pause = policy.pause(task.throttles, jitter)
    if error.retry_after is not None and error.retry_after <= LONGEST_RETRY_AFTER:
        pause = max(error.retry_after, pause) + pause * jitter / 2
    return Transition(replace(task, due=now + pause))


def _new_job(task: Task, reason: str, now: float, policy: Policy, jitter: float) -> Transition:
    if task.jobs >= MAX_JOBS:
        return _give_up(task, f"{reason} (tried {task.jobs} jobs)")
    again = replace(
        task,
        stage="create",
        due=now + max(policy.pause(task.jobs, jitter), policy.poll_interval * task.jobs / 2),
        job_id=None,
        entry=None,
        asked_at=None,
        status=NOT_CREATED,
        download_url=None,
        row_count=None,
        jobs=max(task.jobs, 1),
        files=0,
        renewals=0,
        failures=0,
        throttles=0,
    )
    return Transition(again, Account(task, reason))


def _halve(task: Task, reason: str, advice: str) -> Transition:
    if task.window.days == 1:
        return _give_up(task, f"{reason}. {advice}")
    older, newer = task.window.halves()
    children = (_child(task, Ask(older, 1, None)), _child(task, Ask(newer, 1, task.beyond)))
    return Transition(
        replace(task, stage="ended", outcome="split", reason=reason), Account(task, f"{reason}; halved"), children
    )


def _without_delayed(task: Task) -> Transition:
    days = without_delayed(task.window, task.take_off, task.beyond)
    children = (_child(task, days.ask),) if days.ask else ()
    reason = "LinkedIn's data are delayed"
    ended = replace(task, stage="ended", outcome="split", reason=reason)
    return Transition(ended, Account(task, reason), children, tuple(days.open))


def _received(task: Task, file: ReceivedFile) -> Transition:
    children = (_child(task, into(task.beyond)),) if task.beyond else ()
    return Transition(replace(task, stage="ended", outcome="received", file=file), children=children)


def _child(task: Task, ask: Ask) -> Task:
    return Task(task.contract, task.export, ask.window, take_off=ask.take_off, beyond=ask.beyond)


def _give_up(task: Task, reason: str, still_running: bool = False, scope: TScope = "window") -> Transition:
    ended = replace(task, stage="ended", outcome="failed", reason=reason, scope=scope)
    return Transition(ended, Account(task, reason, still_running), open=(task.beyond,) if task.beyond else ())


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


class TTimer(Protocol):
    """The time, and waiting: handed in, so that tests wait for nothing."""

    def now(self) -> float:
        """Returns seconds that never go backwards."""

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        """Returns the next event, or None once the seconds are over.

        Args:
            events: where events arrive.
            seconds: how long to wait at most.
            busy: whether a call is under way whose end will be an event.
        """

    def epoch(self) -> float:
        """Returns seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemTimer:
    """The machine's own time."""

    def now(self) -> float:
        """Returns seconds that never go backwards."""
        return time.monotonic()

    def epoch(self) -> float:
        """Returns seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        """Returns the next event, or None once the seconds are over."""
        try:
            return events.get(timeout=seconds)
        except Empty:
            return None


@dataclass(frozen=True)
class WindowReport:
    """What the user is told of a window that was not loaded."""

    export: str
    contract: str
    window: Window
    kind: Literal["open", "failed"]
    reason: str


@dataclass(frozen=True)
class OpenLoad:
    """A load for which files are read."""

    id: str
    """Stands in every row."""
    compressed: bool
    """Whether rows are compressed, as they leave this machine."""
    rows: float = float("inf")
    """Rows from which no more files are read for it."""


class ExportRunner:
    """Runs the export jobs of all windows in the background, on a few threads, within one budget of jobs in flight.

    Files are read while a load is open, as its id is in every row, and wait in `take` until they are fetched, in the order
    in which they come.
    """

    def __init__(
        self, client: Client, journal: Journal, policy: Policy, spool: Path, timer: TTimer, seed: int = 0
    ) -> None:
        """Prepares a runner; nothing is asked of LinkedIn before `start`.

        Args:
            client: LinkedIn's API.
            journal: where jobs in flight are noted.
            policy: how patiently jobs are run.
            spool: folder for the files received; must exist.
            timer: the time.
            seed: of the jitter.
        """
        self._client = client
        self._journal = journal
        self._policy = policy
        self._spool = spool
        self._timer = timer
        self._jitter = random.Random(seed)
        self._events: SimpleQueue[tuple[int, TEvent] | BaseException | None] = SimpleQueue()
        self._calls = _Workers("salesnav-call", CALL_THREADS)
        self._downloads = _Workers("salesnav-download", DOWNLOAD_THREADS)
        # one file at a time: each takes all cores, and memory by the size of its blocks
        self._reader = _Workers("salesnav-read", 1)
        self._lock = threading.Lock()
        self._load_opened = threading.Condition(self._lock)
        self._load: OpenLoad | None = None
        self._rows_read = 0
        self._reading: dict[int, str] = {}
        """The exports of the files that are being read, or were read and are not among those received yet."""
        self._tasks: dict[int, Task] = {}
        self._order: list[int] = []
        self._busy: set[int] = set()
        self._received: dict[str, deque[Task]] = defaultdict(deque)
        self._far_reaching: list[Task] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._unknown: set[str] = set()
        self._never_ends_lines = False
        """Whether a file without the end of its last line has come twice alike: that is how LinkedIn writes them then."""
        self._durations: dict[str, list[float]] = defaultdict(list)
        """How long jobs have taken, by export, in order."""
        self._made = 0
        self.ended: Counter[str] = Counter()
        """Windows that have ended, by export."""
        self.planned: Counter[str] = Counter()
        """Windows there are in all so far, by export."""
        self.jobs_created = 0
        self.not_loaded: list[WindowReport] = []
        """Windows that stay open or have failed."""
        self.crashed: BaseException | None = None
        """A fault of this program that ended the runner."""

    def start(self, tasks: Iterable[Task]) -> None:
        """Starts to run the tasks, in the order given; those that have a job go on from it."""
        self._add(tasks)
        self._thread = threading.Thread(target=self._run, name="salesnav-exports", daemon=True)
        self._thread.start()

    def open_load(self, load: OpenLoad) -> None:
        """Lets files be read for a load from now on, which then has to take them."""
        with self._load_opened:
            self._load, self._rows_read = load, 0
            self._load_opened.notify_all()

    def close_load(self) -> None:
        """Lets no more files be read until another load is opened; those that are being read still come."""
        with self._lock:
            self._load = None

    def take(self, export: str) -> Task | None:
        """Returns the next received window of an export, None if there is none at present.

        Raises:
            BaseException: what a fault of this program raised in the background.
        """
        if self.crashed is not None:
            raise self.crashed
        with self._lock:
            waiting = self._received[export]
            return waiting.popleft() if waiting else None

    def finished(self, export: str) -> bool:
        """Tells whether nothing more will come for an export."""
        with self._lock:
            return not self._received[export] and not any(task.export == export for task in self._tasks.values())

    def drained(self, export: str) -> bool:
        """Tells whether no file of an export waits to be taken or is being read."""
        with self._lock:
            return not self._received[export] and export not in self._reading.values()

    def describe(self, export: str) -> str:
        """Says how many windows of an export are at which stage, e.g. `3 waiting at LinkedIn, 1 downloading`."""
        with self._lock:
            stages = Counter(
                "throttled"
                if task.throttles
                else "queued"
                if task.stage == "create"
                else "downloading"
                if task.stage == "download"
                else task.status.lower()
                for task in self._tasks.values()
                if task.export == export
            )
            ready = len(self._received[export])
        parts = [f"{count} {stage}" for stage, count in sorted(stages.items())]
        return ", ".join(parts + ([f"{ready} to load"] if ready else []))

    def stop(self) -> None:
        """Ends all work within seconds; jobs in flight stay in the journal."""
        self._stopping.set()
        self._events.put(None)
        with self._load_opened:
            self._load_opened.notify_all()
        # a job that is being created now should get its id into the journal
        self._calls.close(LONGEST_STOP)
        self._downloads.close(0.0)
        self._reader.close(0.0)
        if self._thread is not None:
            self._thread.join(timeout=LONGEST_STOP)

    @property
    def stopping(self) -> bool:
        """Tells whether the runner was told to stop."""
        return self._stopping.is_set()

    def _run(self) -> None:
        try:
            while self._tasks and not self._stopping.is_set():
                now = self._timer.now()
                self._start_due(now)
                event = self._timer.wait(self._events, self._until_next(now), bool(self._busy))
                while event is not None and not self._stopping.is_set():
                    if isinstance(event, BaseException):
                        raise event
                    self._handle(*event)
                    try:
                        event = self._events.get_nowait()
                    except Empty:
                        event = None
        except BaseException as error:
            if not self._stopping.is_set():
                self.crashed = error

    def _start_due(self, now: float) -> None:
        in_flight = sum(task.in_flight for task in self._tasks.values())
        # one at a time: of a job whose creation is cut off by a crash nobody knows whether it exists
        creating = any(self._tasks[number].stage == "create" for number in self._busy)
        held = {
            n for n, t in self._tasks.items() if t.stage == "create" and (n in self._busy or t.failures or t.throttles)
        }
        in_flight += len(held)
        for number in self._order:
            task = self._tasks[number]
            if number in self._busy or task.due > now:
                continue
            if task.stage == "create":
                if creating or (number not in held and in_flight >= self._policy.max_concurrent_jobs):
                    continue
                creating = True
                in_flight += number not in held
            self._busy.add(number)
            if task.stage == "download":
                self._downloads.submit(partial(self._download, number, task))
            else:
                self._calls.submit(partial(self._work, number, partial(self._call, task)))

    def _until_next(self, now: float) -> float:
        free = [task.due for number, task in self._tasks.items() if number not in self._busy and task.due > now]
        return max(0.0, min(free, default=now + 60.0) - now)

    def _work(self, number: int, step: Callable[[], TEvent]) -> None:
        """Takes a step of a task, and tells what came of it."""
        if self.stopping:
            return
        event: tuple[int, TEvent] | BaseException
        try:
            event = (number, step())
        except (SalesnavError, OSError) as error:
            event = (number, Failed(error))
        except BaseException as error:
            event = error
        self._events.put(event)

    def _call(self, task: Task) -> TEvent:
        if task.stage == "create":
            return self._create(task)
        assert task.job_id is not None
        return Polled(self._client.job(task.job_id, task.contract))

    def _create(self, task: Task) -> Created:
        asked_at = self._timer.epoch()
        entry = self._journal.ask(task.contract, task.export, task.window, asked_at)
        try:
            job = self._client.create_job(EXPORTS[task.export].action, task.contract, task.window)
        except ApiError:
            self._journal.forget([entry])
            raise
        self._journal.created(entry, job.id)
        return Created(job, entry, asked_at)

    def _download(self, number: int, task: Task) -> None:
        """Receives a file; who reads it meanwhile tells what came of it."""
        if self.stopping:
            return
        assert task.download_url is not None
        spool = Spool(self._spool / f"{task.export}-{task.entry}-{task.job_id}.csv")
        self._reader.submit(partial(self._work, number, partial(self._read, number, task, spool)))
        try:
            self._client.download(task.download_url, spool)
        except BaseException as error:
            spool.end(error)
        else:
            spool.end()

    def _read(self, number: int, task: Task, spool: Spool) -> Fetched:
        """Reads a file as it comes; what was read of one that does not come whole is thrown away."""
        assert task.job_id is not None
        rows = spool.path.with_suffix(".parquet")
        try:
            load = self._join_load(number, task.export)
            result = read_export(
                spool,
                rows,
                EXPORTS[task.export],
                task.window.first,
                task.window.last,
                task.row_count,
                {"contract": task.contract, "export_job_id": task.job_id, LOAD_ID: load.id},
                load.compressed,
            )
            pa.default_memory_pool().release_unused()
            self._check_end(spool, task)
            with self._lock:
                self._rows_read += result.rows_loaded
        except BaseException:
            remove(rows)
            raise
        finally:
            spool.end(SpoolClosedError())
            spool.path.unlink(missing_ok=True)
        return Fetched(ReceivedFile(rows, spool.size, result))

    def _check_end(self, spool: Spool, task: Task) -> None:
        """Makes sure that a file ends with a line: one that is cut within its last value has as many rows as it should.

        Raises:
            UnendedFileError: if it does not; but not if it came twice like that, which is how LinkedIn writes files then.
        """
        if self._never_ends_lines or _ends_with_line(spool.path):
            return
        if spool.size != task.unended:
            raise UnendedFileError(spool.size)
        self._never_ends_lines = True

    def _join_load(self, number: int, export: str) -> OpenLoad:
        """Waits for an open load that is not full, which then waits for the file."""
        with self._load_opened:
            while self._load is None or self._rows_read >= self._load.rows:
                if self.stopping:
                    raise UnavailableError("The run was stopped before the file was read.")
                self._load_opened.wait()
            self._reading[number] = export
            return self._load

    def _handle(self, number: int, event: TEvent) -> None:
        now = self._timer.now()
        task = self._tasks[number]
        if isinstance(event, Created):
            self.jobs_created += 1
        if isinstance(event, Polled):
            self._log_unknown(event.job)
            others = self._durations[task.export]
            if event.job.status == COMPLETED and task.in_flight:
                insort(others, task.age(now))
            event = replace(event, eager=self.planned.total() > self._policy.max_concurrent_jobs, others=others)
        if isinstance(event, Failed):
            logger.info(f"{task}: {_one_line(event.error)}")
        step = advance(task, event, now, self._policy, self._jitter.random())
        self._note(step)
        with self._lock:
            self._busy.discard(number)
            self._reading.pop(number, None)
            self._tasks[number] = step.task
            self._add(step.children)
            if step.task.stage == "ended":
                self._end(number, step.task)
        if step.task.outcome == "failed" and step.task.scope != "window":
            self._far_reaching.append(step.task)
        for cause in self._far_reaching:
            self._spread(cause)

    def _note(self, step: Transition) -> None:
        for window in step.open:
            reason = "LinkedIn has no data for these days yet (data delay); the next run asks again"
            self.not_loaded.append(WindowReport(step.task.export, step.task.contract, window, "open", reason))
        if step.task.outcome == "failed":
            task = step.task
            logger.error(f"{task}: not loaded: {task.reason}")
            self.not_loaded.append(
                WindowReport(task.export, task.contract, task.window, "failed", task.reason or "unknown")
            )
        if step.account is not None:
            self._account(step.account)

    def _account(self, account: Account) -> None:
        row = audit_row(account.task, self._timer.epoch(), error=account.error)
        if account.task.entry is not None and not account.still_running:
            self._journal.ended(account.task.entry, row)
        else:
            self._journal.keep_row(row)

    def _add(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            self._made += 1
            self._tasks[self._made] = task
            self._order.append(self._made)
            self.planned[task.export] += 1
        self._order.sort(key=lambda number: self._tasks[number].window.last, reverse=True)

    def _end(self, number: int, task: Task) -> None:
        del self._tasks[number]
        self._order.remove(number)
        self.ended[task.export] += 1
        if task.outcome == "received":
            self._received[task.export].append(task)

    def _spread(self, cause: Task) -> None:
        """Lets a failure that is not the window's own end the windows that it concerns as well."""
        for number in list(self._tasks):
            task = self._tasks[number]
            same_export = (task.contract, task.export) == (cause.contract, cause.export)
            if cause.scope == "export" and not (same_export and task.stage == "create"):
                continue
            if task.stage == "download" or number in self._busy:
                continue
            step = _give_up(task, cause.reason or "unknown", still_running=task.job_id is not None)
            self._note(step)
            with self._lock:
                self._end(number, step.task)

    def _log_unknown(self, job: Job) -> None:
        status = job.status or "(none)"
        known = (COMPLETED, *RUNNING, TOO_LARGE, TIMED_OUT, DATA_DELAY, INTERNAL_ERROR)
        if status not in known and status not in self._unknown:
            self._unknown.add(status)
            logger.warning(f"LinkedIn gave job {job.id} the unknown status {status!r}; waiting as for a running job.")


def audit_row(task: Task, now: float, error: str | None = None) -> dict[str, Any]:
    """Returns the row of `export_jobs` for the job of a task; times in seconds since the epoch, days as ISO text."""
    result = task.file.result if task.file else None
    return {
        "job_id": task.job_id,
        "contract": task.contract,
        "export": task.export,
        "window_start": str(task.window.first),
        "window_end": str(task.window.last),
        "status": task.status,
        "row_count": task.row_count,
        "rows_loaded": result.rows_loaded if result else 0,
        "rows_rejected": result.rows_rejected if result else 0,
        "rows_repeated": result.rows_repeated if result else 0,
        "bytes": task.file.bytes if task.file else None,
        "attempts": max(task.jobs, 1),
        "created_at": task.asked_at,
        "completed_at": now,
        "error": error,
    }


def _ends_with_line(path: Path) -> bool:
    """Tells whether a file is empty, compressed (which tells its end by itself) or ends with the end of a line."""
    with path.open("rb") as file:
        if file.read(2) in (b"", b"\x1f\x8b"):
            return True
        file.seek(-1, 2)
        return file.read(1) in b"\r\n"


class _Workers:
    """A few daemon threads that do what is submitted, so that a call that hangs keeps no process from ending."""

    def __init__(self, name: str, threads: int) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._name = name
        self._threads = threads
        self._started: list[threading.Thread] = []

    def submit(self, work: Callable[[], None]) -> None:
        """Has `work` done as soon as a thread is free."""
        if not self._started:
            self._started = [
                threading.Thread(target=self._run, name=f"{self._name}-{i}", daemon=True) for i in range(self._threads)
            ]
            for thread in self._started:
                thread.start()
        self._work.put(work)

    def close(self, patience: float) -> None:
        """Lets the threads end after what they are doing now, and waits for that so many seconds at most."""
        for _ in self._started:
            self._work.put(None)
        deadline = time.monotonic() + patience
        for thread in self._started:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
