"""The state machine of one window, pure: what becomes of it with each answer of LinkedIn.

    planned ──▶ create ──id──▶ poll ──COMPLETED──▶ download ──rows counted──▶ received
                  │  ▲          │ ▲ ▲                 │
                  │  │          │ │ └─ URL expired, file incomplete or not ready
                  │  │          │ └─── still running, behind another job, no answer, young and not known yet
                  │  │          │
                  │  └──────────┤ internal error, timed out, any other failure, job unknown: up to MAX_JOBS jobs
                  │             │
                  │             ├─ TOO_LARGE, TIMED_OUT again ──▶ split: two halves, each a new task
                  │             ├─ DATA_DELAY ──▶ split: without the newest days, which stay open
                  ▼             ▼
               failed: refused, out of tries, too large for a day, out of time, or the run was given up or stopped

Every way back is counted or timed, and paused, so a task always ends. A task is received only with a file whose rows were
counted, or, where LinkedIn gives no count, whose end was seen.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Literal

from salesnav_source.client import Job
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    JournalError,
    JournalUnreachableError,
    NotReadyError,
    SalesnavError,
    StalledDownloadError,
    ThrottledError,
    UnavailableError,
    UnendedFileError,
    UnusableAnswerError,
    UnusableJobIdError,
)
from salesnav_source.reader import ReadResult
from salesnav_source.settings import Settings
from salesnav_source.windows import Ask, Window, into, without_delayed

MAX_JOBS = 3
"""Jobs for one window before it is halved or has failed."""
MAX_FILES = 3
"""Downloads of one job's file before a new job is created."""
MAX_STALLS = 2
"""Downloads of one job's file that may come to a standstill before its window has failed."""
MAX_RENEWALS = 5
"""Fresh download URLs for one job before a new job is created."""
MAX_TOKEN_REFUSALS = 4
"""401s in a row after which the token counts as dead; LinkedIn answers a single one to valid tokens now and then (told)."""
YOUNG_JOB = 60.0
"""Seconds after its creation in which a job may be unknown to LinkedIn and yet exist."""
LONGEST_RETRY_AFTER = 600.0
"""Seconds; a Retry-After beyond that is taken for a mistake."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries of a call that gets no answer."""
PATIENT, EAGER = 1 / 4, 1 / 16
"""How late the end of a job may be noticed, as a share of its age; eager where the lane waits for it."""
EAGER_SECONDS = 60.0
"""Age from which an eager share grows towards the patient one."""
CHANCE = 1 / 20
"""The chance with which an eager poll should find its job ended, where it is known how long others have taken."""
KNOWN_FROM = 5
"""Jobs of an export that must have ended before the others are expected to take as long."""

TStage = Literal["create", "poll", "download", "ended"]
TOutcome = Literal["received", "split", "failed"]
TReach = Literal["window", "lane", "creation", "quota", "run"]
"""How far a failure reaches: to the window, to the contract's export, to all jobs to be created, or to all calls."""


class JobStatus(str, Enum):
    """What a job's status comes to. The first seven are LinkedIn's own (told by a third party); it may add values."""

    ENQUEUED = "ENQUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    TOO_LARGE = "FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR"
    TIMED_OUT = "FAILED_DUE_TO_TIMED_OUT"
    DATA_DELAY = "FAILED_DUE_TO_DATA_DELAY"
    INTERNAL_ERROR = "FAILED_DUE_TO_INTERNAL_ERROR"
    FAILED = "FAILED"
    """Any other status that says that the job has ended without a file."""
    UNKNOWN = "UNKNOWN"
    """Any other status; the job counts as still running."""
    NOT_CREATED = "NOT_CREATED"
    """Ours, for a job that was not created."""

    @classmethod
    def parse(cls, text: str | None) -> "JobStatus":
        """Returns what a status of LinkedIn's comes to, in whatever case it is written."""
        word = (text or "").strip().upper()
        if word in cls._value2member_map_:
            return cls(word)
        ended = any(part in word for part in ("FAIL", "CANCEL", "ERROR", "ABORT", "EXPIRED", "REJECTED"))
        return cls.FAILED if ended else cls.UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """Tells whether LinkedIn has ended the job."""
        return self not in (JobStatus.ENQUEUED, JobStatus.PROCESSING, JobStatus.UNKNOWN)


@dataclass(frozen=True)
class Policy:
    """How patiently jobs are run; times in seconds."""

    poll_interval: float
    poll_max_interval: float
    job_timeout: float
    queue_timeout: float
    outage_timeout: float
    max_concurrent_jobs: int

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
        )

    def pause(self, times: int, jitter: float) -> float:
        """Returns the growing pause before a call is tried again.

        Args:
            times: how many times in a row it has failed, from 1.
            jitter: 0 to 1; spreads the tries of several windows.
        """
        longest = min(self.poll_max_interval, LONGEST_PAUSE, min(1.0, self.poll_interval) * 2.0 ** min(times - 1, 30))
        return longest * (0.5 + jitter / 2)

    def until_next_poll(self, age: float, eager: bool, others: Sequence[float] = ()) -> float:
        """Returns the pause before a running job is polled again: it grows with the job's age.

        Args:
            age: how long LinkedIn may have been working on the job, in seconds.
            eager: whether it matters to notice its end soon.
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
class JobAttempt:
    """A job at LinkedIn, and how far it has come."""

    id: int
    entry: int
    """Number of its entry in the journal."""
    created_at: float
    """When it was asked for, seconds since the epoch."""
    status: str = JobStatus.ENQUEUED.value
    """LinkedIn's own word."""
    known_since: float = 0.0
    """Since when this run has known it, seconds on the clock."""
    age_before: float = 0.0
    """How old it was by then, in seconds."""
    turn: float | None = None
    """Since when it has been its turn, seconds on the clock; None while it stands behind another job of its lane."""
    working: float | None = None
    """Since when LinkedIn has been seen to work on it, seconds on the clock."""
    download_url: str | None = field(default=None, repr=False)
    row_count: int | None = None
    files: int = 0
    stalls: int = 0
    renewals: int = 0
    unended: int | None = None
    """Size of the last file that did not end with a line; one of the same size is no longer taken for cut short."""

    @property
    def state(self) -> JobStatus:
        """What the status comes to."""
        return JobStatus.parse(self.status)

    def age(self, now: float) -> float:
        """Returns how many seconds ago the job was asked for."""
        return self.age_before + now - self.known_since


@dataclass(frozen=True)
class Task:
    """A window of an export of a contract, and how far it has come."""

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
    """How many of the newest days to take off if LinkedIn's data are delayed."""
    beyond: Window | None = None
    """Newer days that are asked for once this window has come, see `windows.Ask`."""
    tries: int = 0
    """Calls in a row that got no usable answer."""
    trouble_since: float | None = None
    """Since when, seconds on the clock."""
    refusals: int = 0
    """401s in a row."""
    outcome: TOutcome | None = None
    reason: str | None = None
    reach: TReach = "window"
    file: ReceivedFile | None = None

    @property
    def lane(self) -> tuple[str, str]:
        """The contract and the export: LinkedIn works on one job of a lane at a time (documented)."""
        return self.contract, self.export

    @property
    def at_linkedin(self) -> bool:
        """Tells whether LinkedIn has the task's job in its queue or at work."""
        return self.stage == "poll" and self.job is not None and not self.job.state.is_terminal

    def __str__(self) -> str:
        return f"{self.export} of {self.contract}, {self.window}"


@dataclass(frozen=True)
class Created:
    """LinkedIn has created the job."""

    job: Job
    entry: int
    created_at: float


@dataclass(frozen=True)
class Polled:
    """LinkedIn has told how the job is doing."""

    job: Job
    eager: bool = False
    """Whether the lane waits for the job's end."""
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
class EndedJob:
    """A job that has ended without a file, or is given up waiting for."""

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
    """Tasks that take the place of a split one."""
    open: tuple[Window, ...] = ()
    """Days that LinkedIn has no data for yet."""


def advance(task: Task, event: TEvent, now: float, policy: Policy, jitter: float) -> Transition:
    """Returns what becomes of a task.

    Args:
        task: the task before the event; must not have ended.
        event: what has happened.
        now: seconds on the clock.
        policy: how patiently to go on.
        jitter: 0 to 1, to spread pauses.
    """
    if isinstance(event, Created):
        job = JobAttempt(
            event.job.id, event.entry, event.created_at, event.job.status or JobStatus.ENQUEUED.value, known_since=now
        )
        return Transition(
            replace(_answered(task), stage="poll", due=now + policy.poll_interval, job=job, jobs=task.jobs + 1)
        )
    if isinstance(event, Polled):
        return _polled(_answered(task), event, now, policy, jitter)
    if isinstance(event, Fetched):
        return _received(task, event.file)
    return _failed(task, event.error, now, policy, jitter)


def its_turn(task: Task, now: float, policy: Policy, others: Sequence[float] = ()) -> Task:
    """Returns a task whose job no other job of its lane stands before any more.

    Args:
        task: the task.
        now: seconds on the clock.
        policy: how patiently to go on.
        others: how long other jobs of the same export have taken, in order.
    """
    assert task.job is not None
    first_poll = policy.poll_interval
    if len(others) >= KNOWN_FROM:
        first_poll = max(policy.poll_interval / 5, min(policy.poll_max_interval, others[0]))
    return replace(task, job=replace(task.job, turn=now), due=max(task.due if task.tries else 0.0, now + first_poll))


def _answered(task: Task) -> Task:
    return replace(task, tries=0, trouble_since=None, refusals=0)


def _polled(task: Task, event: Polled, now: float, policy: Policy, jitter: float) -> Transition:
    assert task.job is not None
    told = event.job
    job = replace(task.job, status=told.status or task.job.status, row_count=told.row_count)
    if job.working is None and job.state is not JobStatus.ENQUEUED:
        job = replace(job, working=now)
    task = replace(task, job=job)
    if job.state is JobStatus.COMPLETED:
        if told.download_url:
            return Transition(
                replace(task, stage="download", due=now, job=replace(job, download_url=told.download_url))
            )
        if told.row_count == 0:
            return _received(task, NO_FILE)
    elif job.state is JobStatus.TOO_LARGE:
        return _halve(task, "the export is too large for LinkedIn", _TOO_LARGE_ADVICE)
    elif job.state is JobStatus.DATA_DELAY:
        return _without_delayed(task)
    elif job.state is JobStatus.TIMED_OUT:
        if task.jobs < MAX_JOBS:
            return _new_job(task, "LinkedIn timed out on the job", now, policy, jitter)
        return _halve(task, f"LinkedIn timed out on {task.jobs} jobs", "The next run tries again.")
    elif job.state is JobStatus.INTERNAL_ERROR:
        return _new_job(task, "LinkedIn had an internal error", now, policy, jitter)
    elif job.state.is_terminal:
        return _new_job(task, f"LinkedIn ended the job with the status {job.status}", now, policy, jitter)
    return _go_on_waiting(task, event, now, policy)


def _go_on_waiting(task: Task, event: Polled, now: float, policy: Policy) -> Transition:
    job = task.job
    assert job is not None
    turn = job.turn if job.turn is not None else job.known_since
    if job.working is None:
        since, timeout, setting = turn, policy.queue_timeout, "queue_timeout"
    else:
        since, timeout, setting = max(turn, job.working), policy.job_timeout, "job_timeout"
    if now - since >= timeout:
        missing = "without a download URL " if job.state is JobStatus.COMPLETED else ""
        reason = (
            f"job {job.id} is still {job.status} {missing}after {timeout:g} s ({setting});"
            " the next run goes on waiting for it"
        )
        return _give_up(task, reason, still_running=True)
    next_poll = now + policy.until_next_poll(now - turn, event.eager, event.others)
    return Transition(replace(task, due=min(next_poll, max(since + timeout, now + policy.poll_interval / 5))))


NO_FILE = ReceivedFile(None, 0, ReadResult(0, 0, 0, 0, 0, 0, True, ()))
"""What is received where LinkedIn exported no row and no file."""

_TOO_LARGE_ADVICE = (
    "A single day cannot be split further; ask LinkedIn's support to look at this contract, or divide its seats"
    " among contracts."
)


def _failed(task: Task, error: SalesnavError | OSError, now: float, policy: Policy, jitter: float) -> Transition:
    reason = one_line(error)
    job = task.job
    if isinstance(error, (UnavailableError, ThrottledError, JournalUnreachableError)):
        return _no_answer(task, error, now, policy, jitter)
    if isinstance(error, NotReadyError) and job is not None:
        return _not_ready(task, error, now, policy, jitter)
    if isinstance(error, DownloadUrlExpiredError) and job is not None:
        job = replace(job, renewals=job.renewals + 1, download_url=None)
        if job.renewals > MAX_RENEWALS:
            return _new_job(task, reason, now, policy, jitter)
        pause = policy.pause(job.renewals - 1, jitter) if job.renewals > 1 else 0.0
        return Transition(replace(task, stage="poll", due=now + pause, job=job))
    if isinstance(error, IncompleteFileError) and job is not None:
        return _incomplete(task, job, error, now, policy, jitter)
    if isinstance(error, JobNotFoundError) and job is not None:
        if job.age(now) < YOUNG_JOB:
            return Transition(replace(task, tries=task.tries + 1, due=now + policy.pause(task.tries + 1, jitter)))
        return _new_job(task, f"LinkedIn does not know job {job.id} any more", now, policy, jitter)
    if isinstance(error, UnusableJobIdError):
        return _give_up(replace(task, jobs=task.jobs + 1), reason, reach="lane")
    if isinstance(error, UnusableAnswerError) and job is None:
        # a job was created all the same, so it counts as one
        return _new_job(replace(task, jobs=task.jobs + 1), reason, now, policy, jitter)
    if isinstance(error, AccessTokenError):
        task = replace(task, refusals=task.refusals + 1)
        if task.refusals < MAX_TOKEN_REFUSALS:
            return Transition(replace(task, due=now + policy.pause(task.refusals + 1, jitter)))
        return _give_up(task, reason, still_running=job is not None, reach="run")
    if isinstance(error, AccessDeniedError):
        return _give_up(task, reason, reach="lane")
    if isinstance(error, OSError):
        return _give_up(task, f"this machine failed to keep the file: {reason}", still_running=job is not None)
    if isinstance(error, JournalError):
        return _give_up(task, reason, still_running=job is not None, reach="run")
    # what is left helps no second try: a refused request or host, or a file that cannot be read
    return _give_up(task, reason)


def _incomplete(
    task: Task, job: JobAttempt, error: IncompleteFileError, now: float, policy: Policy, jitter: float
) -> Transition:
    reason = one_line(error)
    unended = error.bytes if isinstance(error, UnendedFileError) else None
    stalled = isinstance(error, StalledDownloadError)
    job = replace(job, files=job.files + 1, stalls=job.stalls + stalled, unended=unended, download_url=None)
    if job.stalls >= MAX_STALLS:
        return _give_up(task, f"{reason} The next run fetches the file again", still_running=True)
    if job.files >= MAX_FILES:
        return _new_job(task, reason, now, policy, jitter)
    return Transition(replace(task, stage="poll", due=now + policy.pause(job.files, jitter), job=job))


def _no_answer(
    task: Task,
    error: UnavailableError | ThrottledError | JournalUnreachableError,
    now: float,
    policy: Policy,
    jitter: float,
) -> Transition:
    since = task.trouble_since if task.trouble_since is not None else now
    task = replace(task, tries=task.tries + 1, trouble_since=since)
    throttled = isinstance(error, ThrottledError)
    if now - since >= policy.outage_timeout and task.tries > 1:
        still_running = task.job is not None
        if throttled:
            reason = (
                f"LinkedIn has throttled all calls for {now - since:,.0f} s: its quota is used up, and resets at midnight"
                " UTC. Jobs in flight are kept, and a run after that goes on from them"
            )
            return _give_up(task, reason, still_running, reach="quota")
        reason = f"{one_line(error)} Tried for {now - since:,.0f} s (outage_timeout)"
        if isinstance(error, JournalUnreachableError):
            # no job may be created that another worker would not find
            return _give_up(task, reason, still_running, reach="creation")
        return _give_up(task, reason, still_running)
    pause = policy.pause(task.tries, jitter)
    told = error.retry_after if isinstance(error, ThrottledError) else None
    if told is not None and told <= LONGEST_RETRY_AFTER:
        pause = max(told, pause) + pause * jitter / 2
    return Transition(replace(task, due=now + pause))


def _not_ready(task: Task, error: NotReadyError, now: float, policy: Policy, jitter: float) -> Transition:
    since = task.trouble_since if task.trouble_since is not None else now
    task = replace(task, tries=task.tries + 1, trouble_since=since)
    if now - since >= policy.job_timeout:
        return _give_up(task, f"{one_line(error)} Waited for {now - since:,.0f} s (job_timeout)", still_running=True)
    pause = policy.pause(task.tries, jitter)
    if error.retry_after is not None and error.retry_after <= LONGEST_RETRY_AFTER:
        pause = max(error.retry_after, pause)
    return Transition(replace(task, due=now + pause))


def _new_job(task: Task, reason: str, now: float, policy: Policy, jitter: float) -> Transition:
    if task.jobs >= MAX_JOBS:
        return _give_up(task, f"{reason} (tried {task.jobs} jobs)")
    pause = max(policy.pause(task.jobs, jitter), policy.poll_interval * task.jobs / 2)
    again = replace(_answered(task), stage="create", due=now + pause, job=None, jobs=max(task.jobs, 1))
    return Transition(again, EndedJob(task, reason))


def _halve(task: Task, reason: str, advice: str) -> Transition:
    if task.window.days == 1:
        return _give_up(task, f"{reason}. {advice}")
    older, newer = task.window.halves()
    children = (_child(task, Ask(older, 1, None)), _child(task, Ask(newer, 1, task.beyond)))
    ended = replace(task, stage="ended", outcome="split", reason=reason)
    return Transition(ended, EndedJob(task, f"{reason}; halved"), children)


def _without_delayed(task: Task) -> Transition:
    days = without_delayed(task.window, task.take_off, task.beyond)
    children = (_child(task, days.ask),) if days.ask else ()
    reason = "LinkedIn's data are delayed"
    ended = replace(task, stage="ended", outcome="split", reason=reason)
    return Transition(ended, EndedJob(task, reason), children, tuple(days.open))


def _received(task: Task, file: ReceivedFile) -> Transition:
    children = (_child(task, into(task.beyond)),) if task.beyond else ()
    return Transition(replace(task, stage="ended", outcome="received", file=file), children=children)


def _child(task: Task, ask: Ask) -> Task:
    return Task(task.contract, task.export, ask.window, take_off=ask.take_off, beyond=ask.beyond)


def _give_up(task: Task, reason: str, still_running: bool = False, reach: TReach = "window") -> Transition:
    ended = replace(task, stage="ended", outcome="failed", reason=reason, reach=reach)
    return Transition(ended, EndedJob(task, reason, still_running), open=(task.beyond,) if task.beyond else ())


def give_up_with(task: Task, cause: Task) -> Transition:
    """Returns what becomes of a task because another one has failed in a way that reaches this one too."""
    return _give_up(task, cause.reason or "unknown", still_running=task.job is not None)


def one_line(error: BaseException) -> str:
    """Returns the text of an error on one line."""
    return " ".join(str(error).split())
