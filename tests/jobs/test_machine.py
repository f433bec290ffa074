"""The state machine of an export job, for any order of answers."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    DownloadRefusedError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    JournalError,
    JournalUnreachableError,
    NotReadyError,
    ReadError,
    RequestRefusedError,
    SalesnavError,
    StalledDownloadError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.jobs.machine import MAX_JOBS, MAX_TOKEN_REFUSALS, advance, its_turn
from salesnav_source.jobs.records import job_record
from salesnav_source.jobs.task import (
    Created,
    EndedJob,
    Failed,
    Fetched,
    JobAttempt,
    JobStatus,
    Policy,
    Polled,
    ReceivedFile,
    Task,
    TEvent,
    Transition,
)
from salesnav_source.linkedin.client import Job
from salesnav_source.linkedin.reader import ReadResult
from tests.fakes import EPOCH, SIGNATURE, URN, make_policy, window_of

SIGNED = f"https://www.linkedin.com/ambry/?x-li-ambry-ep={SIGNATURE}"
FILE = ReceivedFile(Path("rows.parquet"), 10, ReadResult(1, 1, 0, 0, 0, 0, True, ()))
TOO_LARGE = "FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR"
TIMED_OUT = "FAILED_DUE_TO_TIMED_OUT"
DATA_DELAY = "FAILED_DUE_TO_DATA_DELAY"
INTERNAL_ERROR = "FAILED_DUE_TO_INTERNAL_ERROR"

ANSWERS: dict[str, dict[str, Callable[[int], TEvent]]] = {
    "create": {
        "created": lambda job: Created(Job(job, "ENQUEUED"), job, EPOCH),
        "created-without-status": lambda job: Created(Job(job, None), job, EPOCH),
        "created-and-completed": lambda job: Created(Job(job, "COMPLETED"), job, EPOCH),
        "refused": lambda job: Failed(RequestRefusedError("LinkedIn refused POST (HTTP 400).", 400)),
    },
    "poll": {
        "enqueued": lambda job: Polled(Job(job, "ENQUEUED")),
        "processing-eager": lambda job: Polled(Job(job, "PROCESSING"), eager=True),
        "unknown": lambda job: Polled(Job(job, "ON_HOLD")),
        "no-status": lambda job: Polled(Job(job, None)),
        "completed": lambda job: Polled(Job(job, "COMPLETED", SIGNED, 1)),
        "completed-empty": lambda job: Polled(Job(job, "COMPLETED", SIGNED, 0)),
        "completed-no-file": lambda job: Polled(Job(job, "COMPLETED", None, 0)),
        "completed-no-url": lambda job: Polled(Job(job, "COMPLETED", None, 1)),
        "completed-no-count": lambda job: Polled(Job(job, "COMPLETED", SIGNED, None)),
        "too-large": lambda job: Polled(Job(job, TOO_LARGE)),
        "timed-out": lambda job: Polled(Job(job, TIMED_OUT)),
        "data-delay": lambda job: Polled(Job(job, DATA_DELAY)),
        "internal-error": lambda job: Polled(Job(job, INTERNAL_ERROR)),
        "not-found": lambda job: Failed(JobNotFoundError("LinkedIn refused GET (HTTP 404).", 404)),
        "refused": lambda job: Failed(RequestRefusedError("LinkedIn refused GET (HTTP 400).", 400)),
    },
    "download": {
        "fetched": lambda job: Fetched(FILE),
        "expired": lambda job: Failed(DownloadUrlExpiredError("The download URL is no longer valid (HTTP 401).", 401)),
        "incomplete": lambda job: Failed(IncompleteFileError("Only 7 of 9 bytes came.")),
        "refused-host": lambda job: Failed(DownloadRefusedError("The download URL leads to http://elsewhere.")),
        "unreadable": lambda job: Failed(ReadError("The file lacks the column seatId.")),
        "disk-full": lambda job: Failed(OSError(28, "No space left on device")),
    },
}
ON_EVERY_CALL: dict[str, Callable[[int], TEvent]] = {
    "unavailable": lambda job: Failed(UnavailableError("LinkedIn failed to answer (HTTP 503).", 503)),
    "throttled": lambda job: Failed(ThrottledError("LinkedIn throttles (HTTP 429).")),
    "throttled-briefly": lambda job: Failed(ThrottledError("LinkedIn throttles (HTTP 429).", 0.5)),
    "throttled-long": lambda job: Failed(ThrottledError("LinkedIn throttles (HTTP 429).", 600.0)),
    "throttled-absurdly": lambda job: Failed(ThrottledError("LinkedIn throttles (HTTP 429).", 1e12)),
    "token-dead": lambda job: Failed(AccessTokenError("LinkedIn does not accept the access token.", 401)),
    "denied": lambda job: Failed(AccessDeniedError("LinkedIn denies access (HTTP 403).", 403)),
    "journal": lambda job: Failed(JournalError("The journal of export jobs cannot be written.")),
    "journal-away": lambda job: Failed(JournalUnreachableError("The journal of export jobs is out of reach.")),
}
for answers in ANSWERS.values():
    answers.update(ON_EVERY_CALL)

NAMES = sorted({name for answers in ANSWERS.values() for name in answers})
NEVER_ENDING = [
    "created", "enqueued", "processing-eager", "unknown", "no-status", "completed", "completed-no-url",
    "expired", "incomplete", "unavailable", "throttled", "throttled-briefly", "not-found",
    "timed-out", "internal-error",
]  # fmt: skip
IMMEDIATE = {
    ("poll", "completed"),
    ("poll", "completed-empty"),
    ("poll", "completed-no-count"),
    ("download", "expired"),
}
"""Answers after which the next call may come at once: there is a file to fetch, or a URL has expired for the first time."""

policies = st.builds(
    make_policy,
    poll_interval=st.floats(0.5, 30),
    poll_max_interval=st.floats(5, 120),
    job_timeout=st.floats(30, 3600),
)


class Story:
    """Plays a task and the tasks that take its place to the end, and looks for what must never happen."""

    def __init__(self, policy: Policy, names: list[str], seed: int, delays: bool = True) -> None:
        self.policy = policy
        self.names = names
        self.random = random.Random(seed)
        self.delays = delays
        self.step = 0
        self.next_job = 0
        self.ended_jobs: list[EndedJob] = []
        self.received: list[Task] = []
        self.failed: list[Task] = []
        self.open: list[Window] = []

    def play(self, task: Task) -> None:
        waiting = [task]
        while waiting:
            waiting += self._play_one(waiting.pop())

    def _play_one(self, task: Task) -> tuple[Task, ...]:
        now, paused, begun = task.due, 0.0, task
        for _ in range(6000):
            name, event = self._draw(task)
            step = advance(task, event, now, self.policy, self.random.random())
            self._check(task, name, event, step, now)
            if step.ended_job is not None:
                self.ended_jobs.append(step.ended_job)
            self.open += step.open
            if step.task.stage == "ended":
                return self._end(begun, step)
            paused += step.task.due - now
            task = step.task
            now = step.task.due + (self.random.expovariate(1) if self.delays else 0.0)
        raise AssertionError(f"the task does not end, {paused} s on: {task}")

    def _draw(self, task: Task) -> tuple[str, TEvent]:
        answers = ANSWERS[task.stage]
        for _ in range(len(self.names)):
            name = self.names[self.step % len(self.names)]
            self.step += 1
            if name in answers:
                break
        else:
            name = {"create": "created", "poll": "completed", "download": "incomplete"}[task.stage]
        if task.stage == "create":
            self.next_job += 1
        return name, answers[name]((task.job.id if task.job else 0) or self.next_job)

    def _check(self, task: Task, name: str, event: TEvent, step: Transition, now: float) -> None:
        after = step.task
        if after.stage != "ended":
            immediate = (task.stage, name) in IMMEDIATE and (task.job is None or task.job.renewals == 0)
            immediate = immediate or after.stage == "download" != task.stage
            assert after.due >= now if immediate else after.due > now, f"no pause after {name}"
            assert after.due - now <= max(600 + 60, self.policy.poll_max_interval, 2 * self.policy.poll_interval) + 60
        assert after.jobs <= MAX_JOBS
        if after.outcome == "received":
            assert isinstance(event, Fetched) or name == "completed-no-file"
            assert after.file is not None
        for text in (repr(after), str(after), after.reason or "", *(repr(child) for child in step.children)):
            assert SIGNATURE not in text

    def _end(self, begun: Task, step: Transition) -> tuple[Task, ...]:
        task = step.task
        if task.outcome == "split":
            pieces = [piece for child in step.children for piece in (child.window, child.beyond) if piece]
            pieces += step.open
            whole = Days.of([piece for piece in (task.window, task.beyond) if piece])
            assert sum(piece.days for piece in pieces) == len(whole)
            assert Days.of(pieces) == whole
            assert all((child.contract, child.export) == (task.contract, task.export) for child in step.children)
            assert all(child.stage == "create" and child.job is None and child.jobs == 0 for child in step.children)
        elif task.outcome == "received":
            self.received.append(task)
            pieces = [piece for child in step.children for piece in (child.window, child.beyond) if piece]
            assert Days.of(pieces) == Days.of([task.beyond] if task.beyond else [])
        else:
            assert task.outcome == "failed"
            assert task.reason and "\n" not in task.reason
            assert not step.children
            self.failed.append(task)
        assert begun.window == task.window
        return step.children


@settings(max_examples=200, deadline=None)
@given(policies, st.lists(st.sampled_from(NAMES), min_size=1, max_size=40), st.integers(0, 9), st.integers(1, 90))
def test_any_order_of_answers_comes_to_an_end(policy: Policy, names: list[str], seed: int, days: int) -> None:
    story = Story(policy, names, seed)
    story.play(Task(URN, "activities", window_of(days)))
    ended = [task.window for task in story.received + story.failed] + story.open
    assert sum(window.days for window in ended) == days, "days are lost or doubled"
    assert Days.of(ended) == Days((window_of(days),))


@settings(max_examples=200, deadline=None)
@given(policies, st.lists(st.sampled_from(NEVER_ENDING), min_size=1, max_size=12), st.integers(0, 9), st.booleans())
def test_answers_that_lead_nowhere_come_to_an_end_too(
    policy: Policy, names: list[str], seed: int, delays: bool
) -> None:
    Story(policy, names, seed, delays).play(Task(URN, "activities", window_of(2)))


@settings(max_examples=200, deadline=None)
@given(policies, st.lists(st.sampled_from(NAMES), min_size=1, max_size=40), st.integers(0, 9), st.integers(1, 90))
def test_each_job_has_one_ended_job_at_most(policy: Policy, names: list[str], seed: int, days: int) -> None:
    story = Story(policy, names, seed)
    story.play(Task(URN, "activities", window_of(days)))
    told = Counter(ended_job.task.job.id for ended_job in story.ended_jobs if ended_job.task.job is not None)
    assert set(told.values()) <= {1}
    assert not set(told) & {task.job.id for task in story.received if task.job}
    for ended_job in story.ended_jobs:
        assert ended_job.error
        row = job_record(ended_job.task, EPOCH, ended_job.error)
        assert row["job_id"] == (ended_job.task.job.id if ended_job.task.job else None)
        assert (row["status"] == "NOT_CREATED") == (row["job_id"] is None)
        assert row["attempts"] >= 1


@settings(deadline=None)
@given(policies, st.lists(st.sampled_from(NAMES), min_size=1, max_size=40), st.integers(0, 9))
def test_an_adopted_job_comes_to_an_end(policy: Policy, names: list[str], seed: int) -> None:
    story = Story(policy, names, seed)
    story.next_job = 8
    story.play(adopted())
    assert story.received or story.failed or story.open


@given(st.floats(0, 1), st.integers(1, 6), st.sampled_from(["create", "poll", "download"]))
def test_a_retry_after_of_nothing_is_no_reason_to_hurry(jitter: float, times: int, stage: Any) -> None:
    task = changed(polling(), stage=stage, tries=times - 1)
    step = advance(task, Failed(ThrottledError("LinkedIn throttles.", 0.0)), 100.0, make_policy(), jitter)
    assert step.task.stage == "ended" or step.task.due >= 100.0 + 0.5 * times


def created(window: Window | None = None) -> Task:
    task = Task(URN, "activities", window or window_of(10), due=100.0)
    return advance(task, ANSWERS["create"]["created"](7), 100.0, make_policy(), 0.5).task


def changed(task: Task, **changes: Any) -> Task:
    """Returns a task with some things changed in it or in its job."""
    of_job = {name: value for name, value in changes.items() if name in JobAttempt.__dataclass_fields__}
    rest = {name: value for name, value in changes.items() if name not in of_job}
    return replace(task, job=replace(task.job, **of_job) if task.job else None, **rest)


def polling(window: Window | None = None, **changes: Any) -> Task:
    return changed(its_turn(created(window), 100.0, 5.0), **changes)


def downloading(window: Window | None = None, **changes: Any) -> Task:
    step = advance(polling(window), ANSWERS["poll"]["completed"](7), 105.0, make_policy(), 0.5)
    return changed(step.task, **changes)


def adopted() -> Task:
    job = JobAttempt(7, 3, EPOCH - 60, age_before=60.0)
    return Task(URN, "activities", window_of(10), stage="poll", job=job, jobs=1)


def after(task: Task, name: str, now: float = 105.0, jitter: float = 0.5) -> Transition:
    return advance(task, ANSWERS[task.stage][name](7), now, make_policy(), jitter)


def test_a_created_job_is_polled_after_the_interval_and_holds_a_place() -> None:
    task = created()
    assert task.job is not None
    assert (task.stage, task.due, task.job.id, task.job.entry, task.jobs) == ("poll", 105.0, 7, 7, 1)
    assert task.at_linkedin
    assert not Task(URN, "activities", window_of(1)).at_linkedin
    assert not downloading().at_linkedin


@pytest.mark.parametrize(
    ("name", "status", "setting", "seconds"),
    [
        ("enqueued", "ENQUEUED", "queue_timeout", 7200),
        ("no-status", "ENQUEUED", "queue_timeout", 7200),
        ("processing-eager", "PROCESSING", "job_timeout", 3600),
        ("unknown", "ON_HOLD", "job_timeout", 3600),
        ("completed-no-url", "COMPLETED", "job_timeout", 3600),
    ],
)
def test_a_job_that_has_not_ended_is_waited_for_until_its_deadline(
    name: str, status: str, setting: str, seconds: float
) -> None:
    step = after(polling(), name)
    assert (step.task.stage, step.ended_job) == ("poll", None)
    assert 105.0 < step.task.due <= 165.0
    soon = after(step.task, name, now=105.0 + seconds - 6).task
    assert soon.stage == "poll" and soon.job is not None and soon.job.status == status
    late = after(soon, name, now=105.0 + seconds)
    assert (late.task.outcome, late.task.reach) == ("failed", "window")
    assert late.ended_job is not None and late.ended_job.still_running
    assert "job 7" in (late.task.reason or "") and setting in (late.task.reason or "")


def test_the_time_before_its_turn_does_not_count_for_a_job() -> None:
    behind = changed(created(), turn=None)
    late = its_turn(behind, 50_000.0, 5.0)
    assert after(late, "enqueued", now=50_100.0).task.stage == "poll"
    at_work = after(late, "processing-eager", now=55_000.0).task
    assert after(at_work, "processing-eager", now=58_000.0).task.stage == "poll"
    assert after(at_work, "processing-eager", now=58_700.0).task.outcome == "failed"


def test_a_status_is_kept_while_none_is_told() -> None:
    job = after(polling(status="PROCESSING"), "no-status").task.job
    assert job is not None and job.status == "PROCESSING"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("completed", JobStatus.COMPLETED),
        (" Processing ", JobStatus.PROCESSING),
        ("FAILED", JobStatus.FAILED),
        ("CANCELLED", JobStatus.FAILED),
        ("FAILED_DUE_TO_SOLAR_FLARES", JobStatus.FAILED),
        ("failed_due_to_data_delay", JobStatus.DATA_DELAY),
        ("ON_HOLD", JobStatus.UNKNOWN),
        ("", JobStatus.UNKNOWN),
        (None, JobStatus.UNKNOWN),
    ],
)
def test_a_status_is_known_in_any_case_and_by_what_it_says(text: str | None, status: JobStatus) -> None:
    assert JobStatus.parse(text) is status


def test_any_status_that_says_failed_is_answered_by_a_new_job_a_few_times() -> None:
    event = Polled(Job(7, "FAILED_DUE_TO_SOLAR_FLARES"))
    step = advance(polling(), event, 105.0, make_policy(), 0.5)
    assert (step.task.stage, step.task.job) == ("create", None)
    last = advance(polling(jobs=MAX_JOBS), event, 105.0, make_policy(), 0.5).task
    assert last.outcome == "failed" and "SOLAR_FLARES" in (last.reason or "")


def test_a_completed_job_is_downloaded_at_once() -> None:
    step = after(polling(), "completed")
    assert (step.task.stage, step.task.due) == ("download", 105.0)
    assert step.task.job is not None and step.task.job.row_count == 1


def test_a_completed_job_without_a_count_is_downloaded_too() -> None:
    assert after(polling(), "completed-no-count").task.stage == "download"


def test_a_job_without_rows_and_without_a_file_is_received() -> None:
    task = after(polling(), "completed-no-file").task
    assert task.outcome == "received"
    assert task.file is not None and task.file.rows is None and task.file.result.rows == 0


def test_a_fetched_file_is_received() -> None:
    step = after(downloading(), "fetched")
    assert (step.task.outcome, step.task.file, step.ended_job) == ("received", FILE, None)


def test_what_is_too_large_is_halved() -> None:
    step = after(polling(), "too-large")
    assert step.task.outcome == "split"
    assert [child.window.days for child in step.children] == [5, 5]
    assert step.ended_job is not None and not step.ended_job.still_running


def test_a_day_that_is_too_large_fails_with_advice() -> None:
    step = after(polling(window_of(1)), "too-large")
    assert (step.task.outcome, step.task.reach) == ("failed", "window")
    assert "too large" in (step.task.reason or "") and "support" in (step.task.reason or "")


def test_what_timed_out_gets_new_jobs_and_is_then_halved() -> None:
    task = polling()
    for job in (1, 2):
        step = after(task, "timed-out")
        assert (step.task.stage, step.task.job) == ("create", None)
        assert step.task.due > 105.0
        assert step.ended_job is not None and step.ended_job.task.jobs == job
        task = polling(jobs=job + 1)
    assert [child.window.days for child in after(task, "timed-out").children] == [5, 5]
    alone = after(polling(window_of(1), jobs=MAX_JOBS), "timed-out").task
    assert alone.outcome == "failed" and "timed out on 3 jobs" in (alone.reason or "")


def test_delayed_days_are_open_and_no_failure() -> None:
    step = after(polling(), "data-delay")
    assert step.task.outcome == "split"
    assert step.open == (window_of(1),)
    assert [child.window for child in step.children] == [window_of(9, window_of(1).last - timedelta(days=1))]


def test_a_day_that_is_delayed_is_open() -> None:
    step = after(polling(window_of(1)), "data-delay")
    assert (step.task.outcome, step.children, step.open) == ("split", (), (window_of(1),))


@pytest.mark.parametrize(
    ("task", "name", "words"),
    [
        pytest.param(polling(), "internal-error", "internal error", id="internal-error"),
        pytest.param(polling(age_before=100.0), "not-found", "job 7", id="job-unknown"),
        pytest.param(downloading(files=2), "incomplete", "7 of 9 bytes", id="file-incomplete-again"),
        pytest.param(downloading(renewals=5), "expired", "no longer valid", id="url-expired-again"),
    ],
)
def test_a_new_job_is_tried_after_a_pause_and_a_few_times(task: Task, name: str, words: str) -> None:
    step = after(task, name)
    assert (step.task.stage, step.task.job) == ("create", None)
    assert step.task.due > 105.0
    last = after(replace(task, jobs=MAX_JOBS), name)
    assert (last.task.outcome, last.task.reach) == ("failed", "window")
    assert words in (last.task.reason or "") and "3 jobs" in (last.task.reason or "")


@pytest.mark.parametrize("name", ["not-found", "timed-out", "internal-error"])
def test_a_new_job_is_given_as_many_tries_as_the_first(name: str) -> None:
    new = after(polling(tries=5, trouble_since=0.0, age_before=100.0), name).task
    assert (new.tries, new.trouble_since) == (0, None)
    for trouble in ("unavailable", "throttled"):
        assert after(new, trouble).task.stage == "create"


def test_an_expired_url_is_renewed_by_the_same_job_at_once_and_then_with_pauses() -> None:
    first = after(downloading(), "expired").task
    assert first.job is not None
    assert (first.stage, first.job.id, first.due, first.job.download_url) == ("poll", 7, 105.0, None)
    assert after(downloading(renewals=1), "expired").task.due > 105.0


def test_an_incomplete_file_is_fetched_again_from_the_same_job() -> None:
    task = after(downloading(), "incomplete").task
    assert task.job is not None and (task.stage, task.job.id, task.job.files) == ("poll", 7, 1)
    assert task.due > 105.0


@pytest.mark.parametrize(
    "task", [Task(URN, "activities", window_of(3)), polling(), downloading()], ids=lambda t: t.stage
)
def test_calls_without_an_answer_are_tried_again_with_growing_pauses_for_ten_minutes(task: Task) -> None:
    pauses, now, begun = [], 105.0, task
    while (step := after(task, "unavailable", now)).task.stage != "ended":
        assert step.task.stage == begun.stage
        pauses.append(step.task.due - now)
        task, now = step.task, step.task.due
    assert pauses == sorted(pauses) and pauses[-1] <= 30
    assert 705.0 <= now < 740.0
    assert step.task.reach == "window"
    assert "HTTP 503" in (step.task.reason or "") and "outage_timeout" in (step.task.reason or "")
    assert step.ended_job is not None and step.ended_job.still_running == (task.job is not None)


def test_an_answer_ends_an_outage() -> None:
    task = after(polling(), "unavailable", 105.0).task
    task = after(task, "enqueued", 700.0).task
    assert after(task, "unavailable", 800.0).task.stage == "poll"


def test_a_young_job_that_is_not_found_is_asked_for_again() -> None:
    task = after(polling(), "not-found", 105.0).task
    assert task.stage == "poll" and task.job is not None and task.due > 105.0
    assert after(task, "not-found", 161.0).task.stage == "create"


def test_a_file_that_is_not_ready_is_waited_for_as_told() -> None:
    step = advance(downloading(), Failed(NotReadyError("Not ready.", 20.0)), 105.0, make_policy(), 0.5)
    assert (step.task.stage, step.task.due) == ("download", 125.0)


def test_a_download_that_stands_still_again_fails_and_keeps_the_job() -> None:
    stalled = Failed(StalledDownloadError("Too slow."))
    first = advance(downloading(), stalled, 105.0, make_policy(), 0.5).task
    assert first.stage == "poll"
    again = after(first, "completed", 110.0).task
    step = advance(again, stalled, 115.0, make_policy(), 0.5)
    assert step.task.outcome == "failed" and step.ended_job is not None and step.ended_job.still_running


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        pytest.param(30.0, 30.0, 31.0, id="seconds"),
        pytest.param(600.0, 600.0, 601.0, id="ten-minutes"),
        pytest.param(86400.0, 0.4, 1.1, id="a-day"),
        pytest.param(1e300, 0.4, 1.1, id="absurd"),
        pytest.param(None, 0.4, 1.1, id="absent"),
    ],
)
@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_throttled_calls_wait_as_told_within_reason(
    retry_after: float | None, least: float, most: float, jitter: float
) -> None:
    step = advance(polling(), Failed(ThrottledError("", retry_after)), 105.0, make_policy(), jitter)
    assert least <= step.task.due - 105.0 <= most
    assert step.task.stage == "poll" and step.task.job is not None and step.task.job.id == 7


def test_throttling_that_does_not_end_is_a_quota() -> None:
    task, now = polling(), 105.0
    while task.stage != "ended":
        step = after(task, "throttled", now)
        task, now = step.task, max(now, step.task.due)
    assert now >= 705.0
    assert (task.outcome, task.reach) == ("failed", "quota")
    assert "midnight UTC" in (task.reason or "")
    assert step.ended_job is not None and step.ended_job.still_running


@pytest.mark.parametrize(
    "task", [Task(URN, "activities", window_of(3)), polling(), downloading()], ids=lambda t: t.stage
)
def test_a_single_401_is_no_dead_token(task: Task) -> None:
    first = after(task, "token-dead").task
    assert first.stage == task.stage and first.due > 105.0
    for _ in range(MAX_TOKEN_REFUSALS - 2):
        first = after(first, "token-dead").task
    step = after(first, "token-dead")
    assert (step.task.outcome, step.task.reach) == ("failed", "run")
    assert step.ended_job is not None and step.ended_job.still_running == (task.job is not None)


@pytest.mark.parametrize(
    ("task", "name", "reach", "still_running"),
    [
        pytest.param(Task(URN, "activities", window_of(3)), "denied", "lane", False, id="denied-create"),
        pytest.param(polling(), "denied", "lane", False, id="denied-poll"),
        pytest.param(polling(), "journal", "run", True, id="journal"),
        pytest.param(polling(), "refused", "window", False, id="refused"),
        pytest.param(downloading(), "refused-host", "window", False, id="refused-host"),
        pytest.param(downloading(), "unreadable", "window", False, id="unreadable"),
        pytest.param(downloading(), "disk-full", "window", True, id="disk-full"),
    ],
)
def test_failures_for_good_reach_as_far_as_they_concern(task: Task, name: str, reach: str, still_running: bool) -> None:
    step = after(task, name)
    assert (step.task.outcome, step.task.reach) == ("failed", reach)
    assert step.ended_job is not None and step.ended_job.still_running is still_running
    assert step.task.reason


def poll_times(seconds: float, policy: Policy, eager: bool = False, others: Sequence[float] = ()) -> list[float]:
    """Returns when a job that takes so long is polled, seconds after it was created."""
    task = advance(Task(URN, "activities", window_of(1)), ANSWERS["create"]["created"](7), 0.0, policy, 0.5).task
    task = its_turn(task, 0.0, policy.poll_interval)
    times = []
    while not times or times[-1] < seconds:
        times.append(task.due)
        task = advance(task, Polled(Job(7, "PROCESSING"), eager, others), task.due, policy, 0.5).task
    return times


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("minutes", [0.1, 1, 5, 20, 30])
def test_the_end_of_a_job_is_noticed_within_a_minute(minutes: float, eager: bool) -> None:
    times = poll_times(minutes * 60, make_policy(), eager)
    assert times[0] == 5
    assert times[-1] - minutes * 60 <= min(60, max(5, minutes * 60 * 0.3))
    assert len(times) <= 5 + 22 * (3 if eager else 1) + minutes


@given(
    st.lists(st.floats(5, 3000), max_size=50).map(sorted),
    st.floats(5, 3000),
)
def test_what_others_took_never_makes_a_job_wait_longer_than_a_patient_one(others: list[float], seconds: float) -> None:
    policy = make_policy()
    times = poll_times(seconds, policy, True, others)
    pauses = [after - before for before, after in pairwise(times)]
    for age, pause in zip(times, pauses):
        assert policy.poll_interval / 10 - 1e-6 <= pause <= policy.until_next_poll(age, False) + 1e-6


def test_where_jobs_take_as_long_as_others_their_end_is_noticed_sooner_by_fewer_polls() -> None:
    durations = [40 + n / 10 for n in range(100)]
    policy = make_policy()
    alone = [poll_times(seconds, policy, True) for seconds in durations]
    known = [poll_times(seconds, policy, True, durations) for seconds in durations]

    def late(times: list[list[float]]) -> float:
        return sum(polls[-1] - seconds for polls, seconds in zip(times, durations)) / len(durations)

    assert sum(map(len, known)) < 0.95 * sum(map(len, alone))
    assert late(known) < late(alone) / 2


def test_polls_are_as_many_as_the_logarithm_of_the_wait() -> None:
    policy = make_policy(poll_max_interval=1e9, job_timeout=1e9)
    assert len(poll_times(100_000, policy)) - len(poll_times(1000, policy)) <= 25
    assert len(poll_times(1000, policy)) <= 30


@pytest.mark.parametrize("error", [SalesnavError("x"), OSError("x")])
def test_any_other_error_of_a_call_ends_a_task(error: Any) -> None:
    for task in (Task(URN, "activities", window_of(1)), polling(), downloading()):
        assert advance(task, Failed(error), 105.0, make_policy(), 0.5).task.outcome == "failed"
