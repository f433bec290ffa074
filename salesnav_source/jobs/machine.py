"""The state machine of one window, as a pure function: the window's next state after each answer of LinkedIn.

    planned ──▶ create ──id──▶ poll ──COMPLETED──▶ download ──rows counted──▶ received
                  │  ▲          │ ▲ ▲                 │
                  │  │          │ │ └─ URL expired, file incomplete or not ready
                  │  │          │ └─── still running, behind another job, no answer, young and not known yet
                  │  │          │
                  │  └──────────┤ internal error, timed out, any other failure, job unknown: up to MAX_JOBS jobs
                  │             │
                  │             ├─ TOO_LARGE, TIMED_OUT again ──▶ split: two halves, each a new task
                  │             ├─ DATA_DELAY ──▶ split: without the newest days, which stay open
                  ├─ 400: too far back ──▶ split: the newer half is asked for, until the first day that LinkedIn gives is known
                  ▼             ▼
               failed: refused, out of tries, too large for a day, out of time, or the run was given up or stopped

Every way back is limited by count or time, and has a pause, so a task always ends. A task is received only with a file whose
rows were counted. If LinkedIn gives no count, the end of the file must have been seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from salesnav_source.days import reach
from salesnav_source.days.reach import Probe
from salesnav_source.days.windows import Ask, Window, into, without_delayed
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
    one_line,
)
from salesnav_source.jobs.task import (
    NO_FILE,
    Created,
    EndedJob,
    Fetched,
    JobAttempt,
    JobStatus,
    Policy,
    Polled,
    ReceivedFile,
    Refused,
    Task,
    TEvent,
    Transition,
    TReach,
)

MAX_JOBS = 3
"""Most jobs for one window; then it is halved or fails."""
MAX_FILES = 3
"""Most downloads of one job's file; then a new job is created."""
MAX_STALLS = 2
"""Most stalled downloads of one job's file; then its window fails."""
MAX_RENEWALS = 5
"""Most fresh download URLs for one job; then a new job is created."""
MAX_TOKEN_REFUSALS = 4
"""After so many 401s in a row the token counts as dead. LinkedIn sometimes answers a single 401 to a valid token (told)."""
YOUNG_JOB = 60.0
"""Seconds after its creation in which LinkedIn may not know a job that exists."""
LONGEST_RETRY_AFTER = 600.0
"""Seconds; a longer Retry-After is ignored as a mistake."""


@dataclass(frozen=True)
class _Moment:
    """The time of an event, and the policy for what follows."""

    now: float
    policy: Policy
    jitter: float

    def after(self, times: int) -> float:
        """Returns when to retry a call that has failed so many times in a row."""
        return self.now + self.policy.pause(times, self.jitter)


def advance(task: Task, event: TEvent, now: float, policy: Policy, jitter: float) -> Transition:
    """Returns the task after an event.

    Args:
        task: the task before the event; must not have ended.
        event: what has happened.
        now: seconds on the clock.
        policy: time-outs and pauses.
        jitter: 0 to 1, to spread pauses.
    """
    at = _Moment(now, policy, jitter)
    if isinstance(event, Created):
        return _created(task, event, at)
    if isinstance(event, Refused):
        return _refused(task, event, at)
    if isinstance(event, Polled):
        return _polled(_answered(task), event, at)
    if isinstance(event, Fetched):
        return _received(task, event.file)
    return _failed(task, event.error, at)


def its_turn(task: Task, now: float, first_poll: float) -> Task:
    """Marks the job of a task as first in its lane.

    Args:
        task: the task.
        now: seconds on the clock.
        first_poll: seconds after which the job is polled for the first time.
    """
    assert task.job is not None
    return until_first_poll(replace(task, job=replace(task.job, turn=now)), first_poll)


def until_first_poll(task: Task, seconds: float) -> Task:
    """Returns a task that is polled for the first time so many seconds after its turn, or after an earlier run created it."""
    assert task.job is not None and task.job.turn is not None
    due = task.job.turn + max(0.0, seconds - task.job.age_before)
    return replace(task, due=max(task.due, due) if task.tries else due)


def give_up_with(task: Task, cause: Task) -> Transition:
    """Returns a task after the failure of another one that concerns it, too."""
    return _give_up(task, cause.reason or "unknown", still_running=task.job is not None)


def contradicted(task: Task, reason: str) -> Transition:
    """Returns a task whose file contradicts what is loaded, as failed."""
    return _give_up(replace(task, file=None), reason)


def _answered(task: Task) -> Task:
    return replace(task, tries=0, trouble_since=None, refusals=0)


def _created(task: Task, event: Created, at: _Moment) -> Transition:
    status = event.job.status or JobStatus.ENQUEUED.value
    job = JobAttempt(event.job.id, event.entry, event.created_at, status, known_since=at.now)
    due = at.now + at.policy.poll_interval
    created = replace(_answered(task), stage="poll", due=due, job=job, jobs=task.jobs + 1, probe=None)
    if task.probe is None:
        return Transition(created)
    following = reach.after_creation(task.probe)
    if following is None:
        return Transition(created, not_available=(task.probe.missing,))
    return Transition(created, children=(_asking(task, following),))


def _refused(task: Task, event: Refused, at: _Moment) -> Transition:
    """Returns a task whose job LinkedIn refused to create, by the verdict on the refusal."""
    if event.verdict == "form":
        return Transition(replace(_answered(task), due=at.now))
    if event.verdict == "wait":
        return Transition(replace(_answered(task), due=float("inf")))
    reason = one_line(event.error)
    following = next_probe(task)
    if event.verdict == "search" and following is not None:
        child = replace(_asking(task, following), beyond=task.beyond)
        return Transition(replace(task, stage="ended", outcome="split", reason=reason), children=(child,))
    if event.verdict == "window":
        return _give_up(task, reason)
    missing = task.window
    if task.probe is not None:
        missing = Window(task.probe.first, task.window.first) if event.verdict == "search" else task.probe.whole
    ended = replace(task, window=missing, stage="ended", outcome="not_available", reason=reason)
    return Transition(ended, open=(task.beyond,) if task.beyond else (), not_available=(missing,))


def next_probe(task: Task) -> Probe | None:
    """Returns the next probe for the first day that LinkedIn exports, after it refused a task's job."""
    return reach.begin(task.window) if task.probe is None else reach.after_refusal(task.probe)


def _asking(task: Task, probe: Probe) -> Task:
    return Task(task.contract, task.export, probe.window, probe=probe)


def _polled(task: Task, event: Polled, at: _Moment) -> Transition:
    assert task.job is not None
    answer = event.job
    job = replace(task.job, status=answer.status or task.job.status, row_count=answer.row_count)
    if job.working is None and job.state is not JobStatus.ENQUEUED:
        job = replace(job, working=at.now)
    task = replace(task, job=job)
    if job.state is JobStatus.COMPLETED:
        if answer.download_url:
            job = replace(job, download_url=answer.download_url)
            return Transition(replace(task, stage="download", due=at.now, job=job))
        if answer.row_count == 0:
            return _received(task, NO_FILE)
    elif job.state is JobStatus.TOO_LARGE:
        return _halve(task, "the export is too large for LinkedIn", _TOO_LARGE_ADVICE)
    elif job.state is JobStatus.DATA_DELAY:
        return _without_delayed(task)
    elif job.state is JobStatus.TIMED_OUT:
        if task.jobs < MAX_JOBS:
            return _new_job(task, "LinkedIn timed out on the job", at)
        return _halve(task, f"LinkedIn timed out on {task.jobs} jobs", "The next run tries again.")
    elif job.state is JobStatus.INTERNAL_ERROR:
        return _new_job(task, "LinkedIn had an internal error", at)
    elif job.state.is_terminal:
        return _new_job(task, f"LinkedIn ended the job with the status {job.status}", at)
    return _go_on_waiting(task, job, event, at)


def _go_on_waiting(task: Task, job: JobAttempt, event: Polled, at: _Moment) -> Transition:
    turn = job.turn if job.turn is not None else job.known_since
    if job.working is None:
        since, timeout, setting = turn, at.policy.queue_timeout, "queue_timeout"
    else:
        since, timeout, setting = max(turn, job.working), at.policy.job_timeout, "job_timeout"
    if at.now - since >= timeout:
        missing = "without a download URL " if job.state is JobStatus.COMPLETED else ""
        reason = (
            f"job {job.id} is still {job.status} {missing}after {timeout:g} s ({setting});"
            " the next run goes on waiting for it"
        )
        return _give_up(task, reason, still_running=True)
    next_poll = at.now + at.policy.until_next_poll(at.now - turn, event.eager, event.others)
    due = min(next_poll, max(since + timeout, at.now + at.policy.poll_interval / 5))
    return Transition(replace(task, due=due, job=replace(job, seen_running=at.now)))


_TOO_LARGE_ADVICE = (
    "A single day cannot be split further; ask LinkedIn's support to look at this contract, or divide its seats"
    " among contracts."
)


def _received(task: Task, file: ReceivedFile) -> Transition:
    children = (_child(task, into(task.beyond)),) if task.beyond else ()
    return Transition(replace(task, stage="ended", outcome="received", file=file), children=children)


def _new_job(task: Task, reason: str, at: _Moment) -> Transition:
    if task.jobs >= MAX_JOBS:
        return _give_up(task, f"{reason} (tried {task.jobs} jobs)")
    due = max(at.after(task.jobs), at.now + at.policy.poll_interval * task.jobs / 2)
    again = replace(_answered(task), stage="create", due=due, job=None, jobs=max(task.jobs, 1))
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


def _child(task: Task, ask: Ask) -> Task:
    return Task(task.contract, task.export, ask.window, take_off=ask.take_off, beyond=ask.beyond)


def _give_up(task: Task, reason: str, still_running: bool = False, reach: TReach = "window") -> Transition:
    if task.probe is not None:
        # the days that the search has left out are given up as well
        task = replace(task, window=task.probe.whole, probe=None)
    ended = replace(task, stage="ended", outcome="failed", reason=reason, reach=reach)
    return Transition(ended, EndedJob(task, reason, still_running), open=(task.beyond,) if task.beyond else ())


def _failed(task: Task, error: SalesnavError | OSError, at: _Moment) -> Transition:
    """Returns a task after an error, by the table of its stage: the entry of its class, or of the nearest class above."""
    follows = _AFTER_FAILED_CREATION if task.job is None else _AFTER_FAILED_JOB_CALL
    return next(follows[kind] for kind in type(error).__mro__ if kind in follows)(task, error, at)


def _no_answer(
    task: Task, error: UnavailableError | ThrottledError | JournalUnreachableError, at: _Moment
) -> Transition:
    task, waited = _in_trouble(task, at)
    if waited >= at.policy.outage_timeout and task.tries > 1:
        still_running = task.job is not None
        if isinstance(error, ThrottledError):
            reason = (
                f"LinkedIn has throttled all calls for {waited:,.0f} s: its quota is used up, and resets at midnight"
                " UTC. Jobs in flight are kept, and a run after that goes on from them"
            )
            return _give_up(task, reason, still_running, reach="quota")
        reason = f"{one_line(error)} Tried for {waited:,.0f} s (outage_timeout)"
        if isinstance(error, JournalUnreachableError):
            # no job may be created that another worker would not find
            return _give_up(task, reason, still_running, reach="creation")
        return _give_up(task, reason, still_running)
    pause = at.policy.pause(task.tries, at.jitter)
    retry_after = error.retry_after if isinstance(error, ThrottledError) else None
    if retry_after is not None and retry_after <= LONGEST_RETRY_AFTER:
        pause = max(retry_after, pause) + pause * at.jitter / 2
    return Transition(replace(task, due=at.now + pause))


def _not_ready(task: Task, error: NotReadyError, at: _Moment) -> Transition:
    task, waited = _in_trouble(task, at)
    if waited >= at.policy.job_timeout:
        return _give_up(task, f"{one_line(error)} Waited for {waited:,.0f} s (job_timeout)", still_running=True)
    pause = at.policy.pause(task.tries, at.jitter)
    if error.retry_after is not None and error.retry_after <= LONGEST_RETRY_AFTER:
        pause = max(error.retry_after, pause)
    return Transition(replace(task, due=at.now + pause))


def _in_trouble(task: Task, at: _Moment) -> tuple[Task, float]:
    """Counts one more call without a usable answer. Also returns for how long there was none."""
    since = task.trouble_since if task.trouble_since is not None else at.now
    return replace(task, tries=task.tries + 1, trouble_since=since), at.now - since


def _fresh_url(task: Task, error: DownloadUrlExpiredError, at: _Moment) -> Transition:
    assert task.job is not None
    job = replace(task.job, renewals=task.job.renewals + 1, download_url=None)
    if job.renewals > MAX_RENEWALS:
        return _new_job(task, one_line(error), at)
    due = at.after(job.renewals - 1) if job.renewals > 1 else at.now
    return Transition(replace(task, stage="poll", due=due, job=job))


def _fetch_again(task: Task, error: IncompleteFileError, at: _Moment) -> Transition:
    assert task.job is not None
    reason = one_line(error)
    unended = error.bytes if isinstance(error, UnendedFileError) else None
    stalls = task.job.stalls + isinstance(error, StalledDownloadError)
    job = replace(task.job, files=task.job.files + 1, stalls=stalls, unended=unended, download_url=None)
    if job.stalls >= MAX_STALLS:
        return _give_up(task, f"{reason} The next run fetches the file again", still_running=True)
    if job.files >= MAX_FILES:
        return _new_job(task, reason, at)
    return Transition(replace(task, stage="poll", due=at.after(job.files), job=job))


def _not_found(task: Task, error: JobNotFoundError, at: _Moment) -> Transition:
    assert task.job is not None
    if task.job.age(at.now) < YOUNG_JOB:
        return Transition(replace(task, tries=task.tries + 1, due=at.after(task.tries + 1)))
    return _new_job(task, f"LinkedIn does not know job {task.job.id} any more", at)


def _without_id(task: Task, error: UnusableAnswerError, at: _Moment) -> Transition:
    # a job was created nevertheless, so it counts
    return _new_job(replace(task, jobs=task.jobs + 1), one_line(error), at)


def _unusable_id(task: Task, error: UnusableJobIdError, at: _Moment) -> Transition:
    return _give_up(replace(task, jobs=task.jobs + 1), one_line(error), reach="lane")


def _token_refused(task: Task, error: AccessTokenError, at: _Moment) -> Transition:
    task = replace(task, refusals=task.refusals + 1)
    if task.refusals < MAX_TOKEN_REFUSALS:
        return Transition(replace(task, due=at.after(task.refusals + 1)))
    return _give_up(task, one_line(error), still_running=task.job is not None, reach="run")


def _denied(task: Task, error: AccessDeniedError, at: _Moment) -> Transition:
    return _give_up(task, one_line(error), reach="lane")


def _not_noted(task: Task, error: JournalError, at: _Moment) -> Transition:
    return _give_up(task, one_line(error), still_running=task.job is not None, reach="run")


def _not_kept(task: Task, error: OSError, at: _Moment) -> Transition:
    reason = f"this machine failed to keep the file: {one_line(error)}"
    return _give_up(task, reason, still_running=task.job is not None)


def _permanent(task: Task, error: SalesnavError, at: _Moment) -> Transition:
    return _give_up(task, one_line(error))


_TFollows = Mapping[type[BaseException], Callable[[Task, Any, _Moment], Transition]]

_AFTER_FAILED_CALL: _TFollows = {
    UnavailableError: _no_answer,
    ThrottledError: _no_answer,
    JournalUnreachableError: _no_answer,
    AccessTokenError: _token_refused,
    AccessDeniedError: _denied,
    UnusableJobIdError: _unusable_id,
    JournalError: _not_noted,
    OSError: _not_kept,
    # a refused request or host, or a file that cannot be read: another try does not help
    SalesnavError: _permanent,
}
"""What follows from each class of error, for any call. If a class is not here, the nearest class above it counts."""

_AFTER_FAILED_CREATION: _TFollows = {**_AFTER_FAILED_CALL, UnusableAnswerError: _without_id}

_AFTER_FAILED_JOB_CALL: _TFollows = {
    **_AFTER_FAILED_CALL,
    NotReadyError: _not_ready,
    DownloadUrlExpiredError: _fresh_url,
    IncompleteFileError: _fetch_again,
    JobNotFoundError: _not_found,
}
