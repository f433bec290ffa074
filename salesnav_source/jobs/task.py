"""One window of a contract's export as a task: the state of its job, and what can happen to it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Literal

from salesnav_source.days.reach import Probe
from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import RequestRefusedError, SalesnavError
from salesnav_source.linkedin.client import Job
from salesnav_source.linkedin.reader import ReadResult
from salesnav_source.settings.configuration import Settings, TIntervalEnd

LONGEST_PAUSE = 30.0
"""Most seconds between two tries of a call that gets no answer."""
PATIENT, EAGER = 1 / 4, 1 / 16
"""How late the end of a job may be noticed, as a share of its age; eager if the lane waits for it."""
EAGER_SECONDS = 60.0
"""From this age on, the eager share grows towards the patient one."""
CHANCE = 1 / 20
"""Chance that an eager poll finds its job ended, if it is known how long others have taken."""
KNOWN_FROM = 5
"""So many jobs of an export must have ended before the others are expected to take as long."""

TStage = Literal["create", "poll", "download", "ended"]
TOutcome = Literal["received", "split", "failed", "not_available"]
TVerdict = Literal["form", "wait", "search", "not_available", "window"]
"""What follows from a refused creation: another form of `endAt` is tried; it is not known yet; the first day that LinkedIn
exports is searched for; LinkedIn does not export these days; or the window has failed."""
TReach = Literal["window", "lane", "creation", "quota", "run"]
"""What a failure concerns: the window, the contract's export, all jobs to be created, or all calls."""


class JobStatus(str, Enum):
    """What a job's status means. The first seven are LinkedIn's own (told by a third party); it may add values."""

    ENQUEUED = "ENQUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    TOO_LARGE = "FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR"
    TIMED_OUT = "FAILED_DUE_TO_TIMED_OUT"
    DATA_DELAY = "FAILED_DUE_TO_DATA_DELAY"
    INTERNAL_ERROR = "FAILED_DUE_TO_INTERNAL_ERROR"
    FAILED = "FAILED"
    """Any other status that means that the job has ended without a file."""
    UNKNOWN = "UNKNOWN"
    """Any other status; the job counts as still running."""
    NOT_CREATED = "NOT_CREATED"
    """Ours, for a job that was not created."""
    NOT_AVAILABLE = "NOT_AVAILABLE"
    """Ours, for days so far back that LinkedIn creates no job for them."""
    IMPORTED = "IMPORTED"
    """Ours, for a file that was handed over."""

    @classmethod
    def parse(cls, text: str | None) -> "JobStatus":
        """Returns what a status of LinkedIn's means, written in any case."""
        word = (text or "").strip().upper()
        if word in cls._value2member_map_:
            return cls(word)
        ended = any(part in word for part in ("FAIL", "CANCEL", "ERROR", "ABORT", "EXPIRED", "REJECTED"))
        return cls.FAILED if ended else cls.UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """True if LinkedIn has ended the job."""
        return self not in (JobStatus.ENQUEUED, JobStatus.PROCESSING, JobStatus.UNKNOWN)


@dataclass(frozen=True)
class Policy:
    """Time-outs and pauses for jobs, in seconds."""

    poll_interval: float
    poll_max_interval: float
    job_timeout: float
    queue_timeout: float
    outage_timeout: float
    max_concurrent_jobs: int
    interval_end: TIntervalEnd | Literal["auto"] = "auto"
    """The form of `endAt`. With `auto`, the next form is tried if LinkedIn refuses every job."""

    @staticmethod
    def of(settings: Settings) -> "Policy":
        """Returns the policy that the settings ask for."""
        return Policy(
            settings.poll_interval,
            settings.poll_max_interval,
            settings.job_timeout,
            settings.queue_timeout,
            settings.outage_timeout,
            settings.max_concurrent_jobs,
            settings.interval_end,
        )

    def pause(self, times: int, jitter: float) -> float:
        """Returns the pause before a call is retried. It grows with each failure.

        Args:
            times: how many times in a row it has failed, from 1.
            jitter: 0 to 1; spreads the tries of several windows.
        """
        longest = min(self.poll_max_interval, LONGEST_PAUSE, min(1.0, self.poll_interval) * 2.0 ** min(times - 1, 30))
        return longest * (0.5 + jitter / 2)

    def until_next_poll(self, age: float, eager: bool, others: Sequence[float] = ()) -> float:
        """Returns the pause before a running job is polled again. It grows with the job's age.

        Args:
            age: how long LinkedIn may have worked on the job, in seconds.
            eager: true if its end should be noticed soon.
            others: how long other jobs of the same export have taken, in order.
        """
        patient = min(self.poll_max_interval, max(self.poll_interval / 5, age * PATIENT))
        longer = others[bisect_right(others, age) :]
        if longer and len(others) >= KNOWN_FROM:
            chance = CHANCE if eager else 1 / 2
            expected = max(self.poll_interval / 10, _quantile((age, *longer), chance) - age)
            return min(patient, expected) if eager else min(self.poll_max_interval, max(patient, expected))
        if not eager:
            return patient
        return min(patient, max(self.poll_interval / 5, age * EAGER * max(1.0, age / EAGER_SECONDS)))


def _quantile(values: Sequence[float], share: float) -> float:
    """Returns a quantile of a sorted sample, interpolated between two values."""
    place = share * (len(values) - 1)
    below = int(place)
    return values[below] + (values[min(below + 1, len(values) - 1)] - values[below]) * (place - below)


@dataclass(frozen=True)
class ReceivedFile:
    """A file that came completely and was read."""

    rows: Path | None
    """The typed rows, for `read_tables` and `read_rejected`; None if LinkedIn exported no row and no file."""
    bytes: int
    result: ReadResult


NO_FILE = ReceivedFile(None, 0, ReadResult(0, 0, 0, 0, 0, 0, True, ()))
"""The result if LinkedIn exported no row and no file."""


@dataclass(frozen=True)
class JobAttempt:
    """A job at LinkedIn, and its state."""

    id: int
    entry: int
    """Number of its entry in the journal."""
    created_at: float
    """When it was created, seconds since the epoch."""
    status: str = JobStatus.ENQUEUED.value
    """LinkedIn's own word."""
    known_since: float = 0.0
    """Since when this run has known it, seconds on the clock."""
    age_before: float = 0.0
    """How old it was by then, in seconds."""
    turn: float | None = None
    """Since when it has been first in its lane, seconds on the clock; None while another job is ahead of it."""
    working: float | None = None
    """Since when LinkedIn has been seen to work on it, seconds on the clock."""
    seen_running: float | None = None
    """When it was last seen not to have ended, seconds on the clock; None if never."""
    download_url: str | None = field(default=None, repr=False)
    row_count: int | None = None
    files: int = 0
    stalls: int = 0
    renewals: int = 0
    unended: int | None = None
    """Size of the last file without a line break at its end. A second one of the same size counts as complete."""

    @property
    def state(self) -> JobStatus:
        """What the status means."""
        return JobStatus.parse(self.status)

    def age(self, now: float) -> float:
        """Returns how many seconds ago the job was created."""
        return self.age_before + now - self.known_since


@dataclass(frozen=True)
class HandedFile:
    """A file that was exported earlier and handed over: it takes the place of a job."""

    path: Path
    """The file, or the zip archive that it is in."""
    member: str | None
    """Its name in the archive; None if it is in none."""
    name: str
    """What it is called, without the folder that it is in."""
    id: int
    """Stands in its rows as `export_job_id`: a negative number, made from what the file holds."""
    made_on: date
    """The UTC day on which LinkedIn has made it, as far as is known."""
    window: Window
    """The days that it stands for, as which it is read."""
    days: Days
    """Those of them whose rows are loaded."""
    note: str
    """What is said of it in `export_jobs`."""


@dataclass(frozen=True)
class Task:
    """A window of a contract's export, and its state."""

    contract: str
    export: str
    window: Window
    stage: TStage = "create"
    due: float = 0.0
    """When its next call may be made, seconds on the clock."""
    job: JobAttempt | None = None
    jobs: int = 0
    """Jobs created for this window."""
    take_off: int = 1
    """How many of the newest days to leave out if LinkedIn's data are delayed."""
    beyond: Window | None = None
    """Newer days that are asked for once this window has come, see `windows.Ask`."""
    probe: Probe | None = None
    """Set if the window is a probe for the first day that LinkedIn exports."""
    tries: int = 0
    """Calls in a row without a usable answer."""
    trouble_since: float | None = None
    """Time of the first of these calls, seconds on the clock."""
    refusals: int = 0
    """401s in a row."""
    outcome: TOutcome | None = None
    reason: str | None = None
    reach: TReach = "window"
    file: ReceivedFile | None = None
    handed: HandedFile | None = None
    """The file that was handed over, where there is no job."""

    @property
    def lane(self) -> tuple[str, str]:
        """The contract and the export: LinkedIn works on one job of a lane at a time (documented)."""
        return self.contract, self.export

    @property
    def received(self) -> ReceivedFile:
        """What was received; an empty file if the task has none."""
        return self.file if self.file is not None else NO_FILE

    def with_note(self, note: str) -> "Task":
        """Returns the task with one more note on its file."""
        assert self.file is not None
        return replace(self, file=replace(self.file, result=self.file.result.with_note(note)))

    @property
    def job_id(self) -> int:
        """What stands in the rows of its file as `export_job_id`.

        Raises:
            ValueError: if it has neither a job nor a file that was handed over.
        """
        if self.handed is not None:
            return self.handed.id
        if self.job is None:
            raise ValueError(f"{self} has no job")
        return self.job.id

    @property
    def days(self) -> Days:
        """The days that its file is loaded for."""
        return self.handed.days if self.handed is not None else Days((self.window,))

    @property
    def at_linkedin(self) -> bool:
        """True if LinkedIn has the task's job in its queue or at work."""
        return self.stage == "poll" and self.job is not None and not self.job.state.is_terminal

    @property
    def is_unpolled(self) -> bool:
        """True if it is the turn of the task's job, and LinkedIn has not said yet how the job is doing."""
        job = self.job
        return self.at_linkedin and job is not None and job.turn is not None and job.seen_running is None

    def __str__(self) -> str:
        return f"{self.export} of {self.contract}, {self.window}"


@dataclass(frozen=True)
class Created:
    """LinkedIn has created the job."""

    job: Job
    entry: int
    created_at: float
    interval_end: TIntervalEnd = "last_millisecond"


@dataclass(frozen=True)
class Refused:
    """LinkedIn has refused to create the job, because it does not accept the request (400)."""

    error: RequestRefusedError
    interval_end: TIntervalEnd = "last_millisecond"
    verdict: TVerdict = "window"


@dataclass(frozen=True)
class Polled:
    """LinkedIn has answered a poll of the job."""

    job: Job
    eager: bool = False
    """True if the lane waits for the job's end."""
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


TEvent = Created | Refused | Polled | Fetched | Failed


@dataclass(frozen=True)
class EndedJob:
    """A job that has ended without a file, or that this run no longer waits for."""

    task: Task
    """The task as it was with that job."""
    error: str
    still_running: bool = False


@dataclass(frozen=True)
class Transition:
    """The task after an event."""

    task: Task
    ended_job: EndedJob | None = None
    children: tuple[Task, ...] = ()
    """Tasks that replace a split one."""
    open: tuple[Window, ...] = ()
    """Days that LinkedIn has no data for yet."""
    not_available: tuple[Window, ...] = ()
    """Days that are so far back that LinkedIn does not export them."""
