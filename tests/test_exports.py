"""The state machine of an export job, for any order of answers; and the runner, without a network and without waiting."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source.client import Client, Job
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    DownloadRefusedError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    JournalError,
    ReadError,
    RequestRefusedError,
    SalesnavError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.exports import (
    MAX_JOBS,
    Account,
    Created,
    ExportRunner,
    Failed,
    Fetched,
    OpenLoad,
    Policy,
    Polled,
    ReceivedFile,
    SystemTimer,
    Task,
    TEvent,
    Transition,
    advance,
    audit_row,
)
from salesnav_source.reader import ReadResult, read_tables
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f
from salesnav_source.windows import Days, Window
from tests.fakes import (
    EPOCH,
    OTHER_URN,
    SIGNATURE,
    TODAY,
    TOKEN,
    URN,
    Asked,
    Bench,
    FakeLinkedIn,
    FakeTimer,
    MovingClock,
    make_policy,
    make_settings,
    single_days,
    window_of,
)
from tests.runs.house import wait_until

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
}
for answers in ANSWERS.values():
    answers.update(ON_EVERY_CALL)

NAMES = sorted({name for answers in ANSWERS.values() for name in answers})
NEVER_ENDING = [
    "created", "enqueued", "processing-eager", "unknown", "no-status", "completed", "completed-no-url",
    "completed-no-count", "expired", "incomplete", "unavailable", "throttled", "throttled-briefly", "not-found",
    "timed-out", "internal-error",
]  # fmt: skip
IMMEDIATE = {("poll", "completed"), ("poll", "completed-empty"), ("download", "expired")}
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
        self.accounts: list[Account] = []
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
            if step.account is not None:
                self.accounts.append(step.account)
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
        return name, answers[name](task.job_id or self.next_job)

    def _check(self, task: Task, name: str, event: TEvent, step: Transition, now: float) -> None:
        after = step.task
        if after.stage != "ended":
            immediate = (task.stage, name) in IMMEDIATE and task.renewals == 0
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
            assert all(child.stage == "create" and child.job_id is None and child.jobs == 0 for child in step.children)
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
def test_each_job_has_one_account_at_most(policy: Policy, names: list[str], seed: int, days: int) -> None:
    story = Story(policy, names, seed)
    story.play(Task(URN, "activities", window_of(days)))
    told = Counter(account.task.job_id for account in story.accounts if account.task.job_id is not None)
    assert set(told.values()) <= {1}
    assert not set(told) & {task.job_id for task in story.received}
    for account in story.accounts:
        assert account.error
        row = audit_row(account.task, EPOCH, account.error)
        assert row["job_id"] == account.task.job_id
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
    task = replace(polling(), stage=stage, throttles=times - 1)
    step = advance(task, Failed(ThrottledError("LinkedIn throttles.", 0.0)), 100.0, make_policy(), jitter)
    assert step.task.stage == "ended" or step.task.due >= 100.0 + 0.5 * times


def created(window: Window | None = None, **changes: Any) -> Task:
    task = Task(URN, "activities", window or window_of(10), due=100.0, **changes)
    return advance(task, ANSWERS["create"]["created"](7), 100.0, make_policy(), 0.5).task


def polling(window: Window | None = None, **changes: Any) -> Task:
    return replace(created(window), **changes)


def downloading(window: Window | None = None, **changes: Any) -> Task:
    step = advance(polling(window), ANSWERS["poll"]["completed"](7), 105.0, make_policy(), 0.5)
    return replace(step.task, **changes)


def adopted() -> Task:
    return Task(
        URN, "activities", window_of(10), stage="poll", job_id=7, entry=3, asked_at=EPOCH - 60, age_before=60.0,
        status="ENQUEUED", jobs=1,
    )  # fmt: skip


def after(task: Task, name: str, now: float = 105.0, jitter: float = 0.5) -> Transition:
    return advance(task, ANSWERS[task.stage][name](7), now, make_policy(), jitter)


def test_a_created_job_is_polled_after_the_interval_and_holds_a_place() -> None:
    task = created()
    assert (task.stage, task.due, task.job_id, task.entry, task.jobs) == ("poll", 105.0, 7, 7, 1)
    assert task.in_flight
    assert not Task(URN, "activities", window_of(1)).in_flight
    assert not downloading().in_flight


@pytest.mark.parametrize(
    "name", ["enqueued", "processing-eager", "unknown", "no-status", "completed-no-url", "completed-no-count"]
)
def test_a_job_that_has_not_ended_is_waited_for_until_the_deadline(name: str) -> None:
    step = after(polling(), name)
    assert (step.task.stage, step.account) == ("poll", None)
    assert 105.0 < step.task.due <= 165.0
    late = after(polling(), name, now=100.0 + 3600)
    assert (late.task.outcome, late.task.scope) == ("failed", "window")
    assert late.account is not None and late.account.still_running
    assert "job 7" in (late.task.reason or "") and "job_timeout" in (late.task.reason or "")


def test_a_status_is_kept_while_none_is_told() -> None:
    assert after(polling(status="PROCESSING"), "no-status").task.status == "PROCESSING"


def test_a_completed_job_is_downloaded_at_once() -> None:
    step = after(polling(), "completed")
    assert (step.task.stage, step.task.due, step.task.row_count) == ("download", 105.0, 1)


def test_a_job_without_rows_and_without_a_file_is_received() -> None:
    task = after(polling(), "completed-no-file").task
    assert task.outcome == "received"
    assert task.file is not None and task.file.rows is None and task.file.result.rows == 0


def test_a_fetched_file_is_received() -> None:
    step = after(downloading(), "fetched")
    assert (step.task.outcome, step.task.file, step.account) == ("received", FILE, None)


def test_what_is_too_large_is_halved() -> None:
    step = after(polling(), "too-large")
    assert step.task.outcome == "split"
    assert [child.window.days for child in step.children] == [5, 5]
    assert step.account is not None and not step.account.still_running


def test_a_day_that_is_too_large_fails_with_advice() -> None:
    step = after(polling(window_of(1)), "too-large")
    assert (step.task.outcome, step.task.scope) == ("failed", "window")
    assert "too large" in (step.task.reason or "") and "support" in (step.task.reason or "")


def test_what_timed_out_gets_new_jobs_and_is_then_halved() -> None:
    task = polling()
    for job in (1, 2):
        step = after(task, "timed-out")
        assert (step.task.stage, step.task.job_id) == ("create", None)
        assert step.task.due > 105.0
        assert step.account is not None and step.account.task.jobs == job
        task = replace(polling(), jobs=job + 1)
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
        pytest.param(polling(), "not-found", "job 7", id="job-unknown"),
        pytest.param(downloading(files=2), "incomplete", "7 of 9 bytes", id="file-incomplete-again"),
        pytest.param(downloading(renewals=5), "expired", "no longer valid", id="url-expired-again"),
    ],
)
def test_a_new_job_is_tried_after_a_pause_and_a_few_times(task: Task, name: str, words: str) -> None:
    step = after(task, name)
    assert (step.task.stage, step.task.job_id, step.task.entry) == ("create", None, None)
    assert step.task.due > 105.0
    assert (step.task.files, step.task.renewals) == (0, 0)
    last = after(replace(task, jobs=MAX_JOBS), name)
    assert (last.task.outcome, last.task.scope) == ("failed", "window")
    assert words in (last.task.reason or "") and "3 jobs" in (last.task.reason or "")


@pytest.mark.parametrize("name", ["not-found", "timed-out", "internal-error"])
def test_a_new_job_is_given_as_many_tries_as_the_first(name: str) -> None:
    task = polling(failures=5, throttles=5)
    new = after(task, name).task
    for trouble in ("unavailable", "throttled"):
        assert after(new, trouble).task.stage == "create"


def test_an_expired_url_is_renewed_by_the_same_job_at_once_and_then_with_pauses() -> None:
    first = after(downloading(), "expired").task
    assert (first.stage, first.job_id, first.due, first.download_url) == ("poll", 7, 105.0, None)
    assert after(downloading(renewals=1), "expired").task.due > 105.0


def test_an_incomplete_file_is_fetched_again_from_the_same_job() -> None:
    task = after(downloading(), "incomplete").task
    assert (task.stage, task.job_id, task.files) == ("poll", 7, 1)
    assert task.due > 105.0


@pytest.mark.parametrize(
    "task", [Task(URN, "activities", window_of(3)), polling(), downloading()], ids=lambda t: t.stage
)
def test_calls_without_an_answer_are_tried_again_with_growing_pauses(task: Task) -> None:
    pauses = []
    stage = task.stage
    while (step := after(task, "unavailable")).task.stage != "ended":
        assert step.task.stage == stage
        pauses.append(step.task.due - 105.0)
        task = step.task
    assert pauses == sorted(pauses) and len(set(pauses)) == len(pauses) == 5
    assert step.task.scope == "window"
    assert "HTTP 503" in (step.task.reason or "") and "6 times" in (step.task.reason or "")
    assert step.account is not None and step.account.still_running == (task.job_id is not None)


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
    assert (step.task.stage, step.task.job_id) == ("poll", 7)


def test_throttling_that_does_not_end_is_a_quota() -> None:
    task, times = polling(), 0
    while task.stage != "ended":
        step, times = after(task, "throttled"), times + 1
        task = step.task
    assert times == 6
    assert (task.outcome, task.scope) == ("failed", "quota")
    assert "midnight UTC" in (task.reason or "")
    assert step.account is not None and step.account.still_running


@pytest.mark.parametrize(
    ("task", "name", "scope", "still_running"),
    [
        pytest.param(Task(URN, "activities", window_of(3)), "denied", "export", False, id="denied-create"),
        pytest.param(polling(), "denied", "export", False, id="denied-poll"),
        pytest.param(polling(), "token-dead", "run", True, id="token-dead-poll"),
        pytest.param(Task(URN, "activities", window_of(3)), "token-dead", "run", False, id="token-dead-create"),
        pytest.param(downloading(), "token-dead", "run", True, id="token-dead-download"),
        pytest.param(polling(), "journal", "run", True, id="journal"),
        pytest.param(polling(), "refused", "window", False, id="refused"),
        pytest.param(downloading(), "refused-host", "window", False, id="refused-host"),
        pytest.param(downloading(), "unreadable", "window", False, id="unreadable"),
        pytest.param(downloading(), "disk-full", "window", True, id="disk-full"),
    ],
)
def test_failures_for_good_reach_as_far_as_they_concern(task: Task, name: str, scope: str, still_running: bool) -> None:
    step = after(task, name)
    assert (step.task.outcome, step.task.scope) == ("failed", scope)
    assert step.account is not None and step.account.still_running is still_running
    assert step.task.reason


def poll_times(seconds: float, policy: Policy, eager: bool = False, others: Sequence[float] = ()) -> list[float]:
    """Returns when a job that takes so long is polled, seconds after it was created."""
    task = advance(Task(URN, "activities", window_of(1)), ANSWERS["create"]["created"](7), 0.0, policy, 0.5).task
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


# the runner


def tasks_of(windows: list[Window], contract: str = URN, export: str = "activities") -> list[Task]:
    return [Task(contract, export, window) for window in windows]


def test_jobs_of_equal_length_wait_together(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=600.0, policy=make_policy(max_concurrent_jobs=30))
    received = bench.run(tasks_of(single_days(30)))
    assert len(received) == 30
    assert bench.timer.time - 1000.0 <= 660.0
    assert bench.linkedin.most_in_flight == 30


@pytest.mark.parametrize("budget", [1, 3, 10])
def test_the_budget_is_never_exceeded(tmp_path: Path, budget: int) -> None:
    chance = random.Random(budget)
    lock = threading.Lock()

    def script(asked: Asked) -> Any:
        with lock:
            drawn = chance.random()
        if drawn < 0.1:
            return UnavailableError("LinkedIn failed to answer (HTTP 503).", 503)
        if asked.kind == "create" and drawn < 0.4:
            return chance.choice([TIMED_OUT, INTERNAL_ERROR, TOO_LARGE, DATA_DELAY])
        return None

    bench = Bench(tmp_path, script=script, policy=make_policy(max_concurrent_jobs=budget))
    windows = [window_of(10, TODAY - timedelta(days=1 + 10 * n)) for n in range(12)]
    received = bench.run(tasks_of(windows))
    assert bench.linkedin.most_in_flight <= budget
    ended = [task.window for task in received] + [window.window for window in bench.runner.not_loaded]
    assert sum(window.days for window in ended) == 120
    assert Days.of(ended) == Days.of(windows)


@pytest.mark.parametrize("budget", [1, 5])
def test_the_newest_days_come_first(tmp_path: Path, budget: int) -> None:
    bench = Bench(tmp_path, policy=make_policy(max_concurrent_jobs=budget))
    bench.run(tasks_of(single_days(15)[::-1]) + tasks_of(single_days(15), OTHER_URN))
    created = [asked.window.last for asked in bench.linkedin.calls("create")]
    for n, day in enumerate(created):
        assert sum(later > day for later in created[n + 1 :]) <= budget


def test_a_place_that_is_freed_is_used_soon(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=60.0, policy=make_policy(max_concurrent_jobs=2))
    bench.run(tasks_of(single_days(20)))
    assert bench.timer.time - 1000.0 <= 10 * 60 * 1.25


def test_a_throttled_call_stops_no_other(tmp_path: Path) -> None:
    victim, throttled = single_days(10)[4], []

    def script(asked: Asked) -> Any:
        if asked.kind == "poll" and asked.window == victim and not throttled:
            throttled.append(asked)
            return ThrottledError("LinkedIn throttles (HTTP 429).", 500.0)
        return None

    bench = Bench(tmp_path, script=script)
    assert len(bench.run(tasks_of(single_days(10)))) == 10
    others = [asked.time for asked in bench.linkedin.calls("download") if asked.window != victim]
    assert max(others) - 1000.0 < 60
    again = [asked.time for asked in bench.linkedin.calls("poll") if asked.window == victim]
    assert again[1] - again[0] >= 500.0


def test_a_call_that_hangs_stops_no_other(tmp_path: Path) -> None:
    hanging, victim = threading.Event(), single_days(8)[0]

    def script(asked: Asked) -> Any:
        if asked.kind == "poll" and asked.window == victim:
            hanging.wait(10)
            return None
        if asked.kind == "download" and len(bench.linkedin.calls("download")) == 7:
            hanging.set()
        return None

    bench = Bench(tmp_path, timer=FakeTimer(patience=0.05), script=script)
    assert len(bench.run(tasks_of(single_days(8)))) == 8
    assert bench.linkedin.calls("download")[-1].window == victim


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        *(
            (kind, RequestRefusedError("LinkedIn refused it (HTTP 400).", 400))
            for kind in ("create", "poll", "download")
        ),
        *((kind, UnavailableError("It failed (HTTP 503).", 503)) for kind in ("create", "poll", "download")),
        ("poll", JobNotFoundError("LinkedIn does not know job", 404)),
        ("download", OSError(28, "No space left on device")),
        ("download", ReadError("The file lacks the column seatId.")),
        ("download", IncompleteFileError("Only 7 of 9 bytes came.")),
        ("download", DownloadRefusedError("The download URL leads to http://elsewhere.")),
        ("download", DownloadUrlExpiredError("The download URL is no longer valid (HTTP 401).", 401)),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_window_that_fails_takes_no_other_down(tmp_path: Path, kind: str, error: Exception) -> None:
    victim = single_days(6)[2]

    def script(asked: Asked) -> Any:
        return error if (asked.kind, asked.window) == (kind, victim) else None

    bench = Bench(tmp_path, script=script)
    received = bench.run(tasks_of(single_days(6)))
    assert {task.window for task in received} == set(single_days(6)) - {victim}
    assert list(bench.failed()) == [(URN, "activities", victim)]
    assert str(error).split("]")[-1].strip().rstrip(".") in bench.failed()[URN, "activities", victim]


def test_a_job_that_does_not_end_is_left_to_the_next_run(tmp_path: Path) -> None:
    victim = single_days(3)[1]

    def script(asked: Asked) -> Any:
        return "ON_HOLD" if asked.kind == "poll" and asked.window == victim else None

    bench = Bench(tmp_path, script=script)
    assert len(bench.run(tasks_of(single_days(3)))) == 2
    assert victim in [job.window for job in bench.journal.in_flight()]
    rows = [row for row in bench.journal.take_accounts("b") if row["window_start"] == str(victim.first)]
    assert [row["status"] for row in rows] == ["ON_HOLD"]
    assert bench.timer.time - 1000.0 <= 3600 + 60
    assert len([asked for asked in bench.linkedin.calls("poll") if asked.window == victim]) < 100


def test_a_used_up_quota_stops_all_calls_and_keeps_the_jobs(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        used_up = len(bench.linkedin.calls("create")) > 5 or asked.kind == "poll"
        return ThrottledError("LinkedIn throttles (HTTP 429).") if used_up else None

    bench = Bench(tmp_path, script=script)
    windows = single_days(40)
    assert bench.run(tasks_of(windows)) == []
    assert set(bench.failed()) == {(URN, "activities", window) for window in windows}
    assert all("midnight UTC" in reason for reason in bench.failed().values())
    assert len(bench.linkedin.asked) <= 5 + 10 * 6 + 8, "asks on though it is throttled"
    assert {job.window for job in bench.journal.in_flight()} == {job.window for job in bench.linkedin.jobs.values()}
    assert len(bench.linkedin.jobs) == 5


def test_a_dead_token_stops_all_calls_and_keeps_the_jobs(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        return AccessTokenError("LinkedIn does not accept the access token.", 401) if asked.kind == "poll" else None

    bench = Bench(tmp_path, script=script)
    assert bench.run(tasks_of(single_days(25))) == []
    assert len(bench.failed()) == 25
    assert len(bench.linkedin.calls("create")) == len(bench.journal.in_flight()) == 10
    assert set(Counter(asked.window for asked in bench.linkedin.calls("poll")).values()) == {1}


def test_a_denied_export_of_a_contract_is_not_asked_for_again(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        denied = (asked.contract, asked.export, asked.kind) == (URN, "seats", "create")
        return AccessDeniedError("LinkedIn denies access (HTTP 403).", 403) if denied else None

    bench = Bench(tmp_path, script=script)
    days = single_days(12)
    received = bench.run(tasks_of(days, URN, "seats") + tasks_of(days) + tasks_of(days, OTHER_URN))
    assert Counter((task.contract, task.export) for task in received) == {
        (URN, "activities"): 12, (OTHER_URN, "activities"): 12,
    }  # fmt: skip
    assert set(bench.failed()) == {(URN, "seats", day) for day in days}
    assert len([asked for asked in bench.linkedin.calls("create") if asked.export == "seats"]) <= 4


def test_each_job_is_accounted_for_once(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        if asked.kind != "create":
            return None
        return {30: TOO_LARGE, 15: DATA_DELAY}.get(asked.window.days)

    bench = Bench(tmp_path, script=script)
    received = bench.run([Task(URN, "activities", window_of(30))])
    rows = bench.journal.take_accounts("b")
    jobs = Counter(row["job_id"] for row in rows) + Counter(task.job_id for task in received)
    assert jobs == Counter(list(bench.linkedin.jobs))
    assert {row["status"] for row in rows} == {TOO_LARGE, DATA_DELAY}
    assert {job.job_id for job in bench.journal.in_flight()} == {task.job_id for task in received}
    assert bench.runner.jobs_created == len(bench.linkedin.jobs)
    assert bench.runner.ended == bench.runner.planned


def test_a_create_that_leaves_open_whether_a_job_exists_costs_one_more(tmp_path: Path) -> None:
    lost = []

    def script(asked: Asked) -> Any:
        if asked.kind == "create" and len(lost) < 1:
            lost.append(asked)
            return UnavailableError("The connection was reset.")
        return None

    bench = Bench(tmp_path, script=script)
    assert len(bench.run(tasks_of(single_days(3)))) == 3
    assert len(bench.linkedin.calls("create")) == 4


def test_adopted_jobs_are_not_created_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    jobs = [bench.linkedin.create_job("exportActivityData", URN, window) for window in single_days(3)]
    tasks = [
        Task(URN, "activities", window, stage="poll", due=1000.0, job_id=job.id, jobs=1, waiting_since=1000.0)
        for window, job in zip(single_days(3), jobs)
    ]
    assert len(bench.run(tasks)) == 3
    assert len(bench.linkedin.calls("create")) == 3


def test_jobs_of_two_contracts_may_have_the_same_id(tmp_path: Path) -> None:
    class PerContract(FakeLinkedIn):
        """Counts the jobs of each contract by themselves."""

        def create_job(self, action: str, contract: str, window: Window) -> Job:
            return replace(super().create_job(action, contract, window), id=1)

        def job(self, job_id: int, contract: str) -> Job:
            number = next(job.id for job in self.jobs.values() if job.contract == contract)
            return super().job(number, contract)

    bench = Bench(tmp_path)
    bench.linkedin = PerContract(bench.timer)
    client: Any = bench.linkedin
    bench.runner = ExportRunner(client, bench.journal, bench.policy, bench.spool, bench.timer)
    received = bench.run(tasks_of(single_days(1)) + tasks_of(single_days(1), OTHER_URN))
    rows = {}
    for task in received:
        assert task.file is not None and task.file.rows is not None
        rows[task.contract] = [id_ for batch in read_tables(task.file.rows) for id_ in batch["activity_id"].to_pylist()]
    assert rows == {URN: ["1-20260301"], OTHER_URN: ["2-20260301"]}


def test_a_fault_of_the_program_is_raised_by_take(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        return ZeroDivisionError("a bug") if asked.kind == "poll" else None

    bench = Bench(tmp_path, script=script)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        bench.run(tasks_of(single_days(3)))
    bench.runner.stop()


def new_threads(before: set[threading.Thread]) -> list[str]:
    deadline = time.monotonic() + 5
    while (left := [t.name for t in set(threading.enumerate()) - before]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


@pytest.mark.parametrize("ended", [True, False], ids=["after-the-end", "in-between"])
def test_stopping_ends_every_thread(tmp_path: Path, ended: bool) -> None:
    before = set(threading.enumerate())
    bench = Bench(tmp_path, script=lambda asked: None if ended else "PROCESSING" if asked.kind == "poll" else None)
    if ended:
        bench.run(tasks_of(single_days(5)))
    else:
        bench.runner = ExportRunner(bench.runner._client, bench.journal, bench.policy, bench.spool, SystemTimer())
        bench.runner.start(tasks_of(single_days(5)))
        while len(bench.linkedin.jobs) < 5:
            time.sleep(0.001)
    begun = time.monotonic()
    bench.runner.stop()
    assert time.monotonic() - begun < 2
    assert new_threads(before) == []
    assert bench.runner.stopping
    assert len(bench.journal.in_flight()) == 5


def test_a_job_that_is_being_created_when_the_run_is_stopped_is_in_the_journal(tmp_path: Path) -> None:
    asked_for = threading.Event()

    def script(asked: Asked) -> Any:
        if asked.kind == "create":
            asked_for.set()
            time.sleep(0.3)
        return None

    bench = Bench(tmp_path, script=script)
    bench.runner.start(tasks_of(single_days(1)))
    assert asked_for.wait(5)
    bench.runner.stop()
    jobs = bench.journal.in_flight()
    bench.journal.close()
    assert [job.job_id for job in jobs] == [1]


def test_a_call_that_hangs_does_not_keep_stop_waiting(tmp_path: Path) -> None:
    hanging, asked_for = threading.Event(), threading.Event()

    def script(asked: Asked) -> Any:
        asked_for.set()
        hanging.wait(20)
        return None

    bench = Bench(tmp_path, script=script)
    bench.runner.start(tasks_of(single_days(3)))
    assert asked_for.wait(5)
    begun = time.monotonic()
    bench.runner.stop()
    assert time.monotonic() - begun < 4
    hanging.set()


def test_progress_is_described(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.runner.describe("activities") == ""
    bench.runner._add(tasks_of(single_days(3)))
    assert bench.runner.describe("activities") == "3 queued"
    assert not bench.runner.finished("activities")
    assert bench.runner.finished("seats")
    assert bench.runner.take("activities") is None


def test_nothing_to_do_ends_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.run([]) == []
    assert bench.linkedin.asked == []
    assert bench.runner.finished("activities")


def test_an_unknown_status_is_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("salesnav_source.exports.logger.warning", warnings.append)
    asked_before: Counter[Window] = Counter()

    def script(asked: Asked) -> Any:
        asked_before[asked.window] += asked.kind == "poll"
        return "ON_HOLD" if asked.kind == "poll" and asked_before[asked.window] < 4 else None

    assert len(Bench(tmp_path, script=script).run(tasks_of(single_days(5)))) == 5
    assert len([line for line in warnings if "ON_HOLD" in line]) == 1


# the runner over real sockets


class OverSandbox:
    """A runner that calls the sandbox, both on one fake clock."""

    def __init__(self, folder: Path, *faults: f.Fault, **options: Any) -> None:
        self.timer = FakeTimer()
        world = World(
            contracts=(ContractSpec(URN, "One"), ContractSpec(OTHER_URN, "Two")),
            seats_per_contract=3,
            activities_per_seat=4,
            today=lambda: TODAY,
        )
        self.sandbox = Sandbox(
            world,
            faults=faults,
            clock=MovingClock(self.timer),
            access_token=TOKEN,
            **{"job_seconds": (20, 40), **options},
        )
        self.folder = folder

    def run(self, tasks: list[Task]) -> tuple[list[Task], Bench]:
        bench = Bench(self.folder, timer=self.timer)
        with self.sandbox:
            client = Client(make_settings(self.sandbox.base_url, access_token=TOKEN))
            bench.runner = ExportRunner(client, bench.journal, bench.policy, bench.spool, self.timer)
            return bench.run(tasks), bench

    def loaded(self, received: list[Task]) -> Counter[tuple[str, str]]:
        """Returns how often each activity was received."""
        return Counter(
            (task.contract, id_)
            for task in received
            if task.file and task.file.rows
            for batch in read_tables(task.file.rows)
            for id_ in batch["activity_id"].to_pylist()
        )

    def truth(self, contract: str, window: Window) -> Counter[tuple[str, str]]:
        """Returns the activities that there are."""
        rows = b"".join(self.sandbox.world.csv("activities", contract, window.first, window.last)).decode().splitlines()
        return Counter((contract, row.split(",")[0].strip('"')) for row in rows[1:])


@pytest.mark.parametrize(
    ("fault", "jobs"),
    [
        pytest.param([], 3, id="none"),
        pytest.param([f.expired_url().where(times=3)], 3, id="expired-url"),
        pytest.param([f.reset_download(100).where(times=2)], 3, id="reset"),
        pytest.param([f.missing_last_chunk().where(times=2)], 3, id="missing-last-chunk"),
        pytest.param([f.short_file(1).where(times=2)], 3, id="fewer-rows"),
        pytest.param([f.long_file(1).where(times=2)], 3, id="more-rows"),
        pytest.param([f.false_length().where(times=2)], 3, id="false-length"),
        pytest.param([f.html_download().where(times=2)], 3, id="html"),
        pytest.param([f.empty_download().where(times=2)], 3, id="empty"),
        pytest.param([f.short_file(1).where(times=3, job=2)], 4, id="fewer-rows-for-long"),
        pytest.param([f.throttle("30", call).where(times=2) for call in ("create", "poll", "download")], 3, id="429"),
        pytest.param(
            [f.throttle(None, call).where(times=2) for call in ("create", "poll", "download")], 3, id="429-bare"
        ),
        pytest.param([f.unavailable(503, call).where(times=3) for call in ("create", "poll", "download")], 3, id="503"),
        pytest.param([f.reset(call) for call in ("create", "poll", "download")], 3, id="no-answer"),
        pytest.param([f.lost_create()], 4, id="lost-create"),
        pytest.param([f.not_json("poll").where(times=3)], 3, id="no-json"),
        pytest.param([f.empty_answer("create")], 4, id="empty-answer"),
        pytest.param([f.not_found().where(job=1)], 4, id="job-forgotten"),
        pytest.param([f.timed_out().where(times=2)], 5, id="timed-out"),
        pytest.param([f.internal_error().where(times=2)], 5, id="internal-error"),
        pytest.param([f.unknown_status().where(times=4)], 3, id="unknown-status"),
        pytest.param([f.omit("status").where(times=3)], 3, id="no-status"),
        pytest.param([f.omit("downloadUrl").where(times=2)], 3, id="no-url"),
        pytest.param([f.omit("rowCount").where(times=2)], 3, id="no-count"),
        pytest.param([f.gzip_download()], 3, id="gzip"),
        pytest.param([f.too_large(longer_than=5)], 7, id="too-large"),
    ],
)
def test_what_goes_wrong_for_a_while_loses_and_doubles_nothing(tmp_path: Path, fault: list[f.Fault], jobs: int) -> None:
    over = OverSandbox(tmp_path, *fault)
    windows = [(URN, window_of(10)), (OTHER_URN, window_of(4)), (URN, window_of(5, date(2026, 1, 31)))]
    received, bench = over.run([Task(contract, "activities", window) for contract, window in windows])
    assert bench.runner.not_loaded == []
    expected: Counter[tuple[str, str]] = Counter()
    for contract, window in windows:
        expected += over.truth(contract, window)
    assert over.loaded(received) == expected
    if jobs != 7:
        assert len(over.sandbox.jobs) == jobs
    assert [path.suffix for path in bench.spool.iterdir() if path.suffix == ".csv"] == []


def test_delayed_days_stay_open_and_the_rest_is_received(tmp_path: Path) -> None:
    frontier = TODAY - timedelta(days=4)
    over = OverSandbox(tmp_path, f.data_delay(later_than=frontier))
    received, bench = over.run(tasks_of([window_of(20)]))
    assert Days.of(bench.open_days()) == Days((window_of(3),))
    assert bench.failed() == {}
    assert over.loaded(received) == over.truth(URN, Window(window_of(20).first, frontier))


def test_a_renewed_token_is_used_by_all_calls(tmp_path: Path) -> None:
    over = OverSandbox(tmp_path)
    bench = Bench(tmp_path, timer=over.timer)
    with over.sandbox as sandbox:
        given_settings = make_settings(
            sandbox.base_url, access_token=TOKEN, client_id=sandbox.client_id, client_secret=sandbox.client_secret,
            refresh_token=sandbox.refresh_token, token_url=sandbox.token_url,
        )  # fmt: skip
        sandbox.revoke_token()
        client = Client(given_settings)
        bench.runner = ExportRunner(client, bench.journal, bench.policy, bench.spool, over.timer)
        assert len(bench.run(tasks_of(single_days(8)))) == 8
        assert sum(request.path == "/oauth/v2/accessToken" for request in sandbox.requests) == 1


@pytest.mark.parametrize("error", [SalesnavError("x"), OSError("x")])
def test_any_error_of_a_call_ends_or_pauses_a_task(error: Any) -> None:
    for task in (Task(URN, "activities", window_of(1)), polling(), downloading()):
        assert advance(task, Failed(error), 105.0, make_policy(), 0.5).task.outcome == "failed"


def test_files_are_read_for_the_load_that_is_open_until_it_is_full(tmp_path: Path) -> None:
    bench = Bench(tmp_path, timer=FakeTimer(patience=0.2))
    runner = bench.runner
    runner.start(tasks_of(single_days(6)))
    loads: list[list[Task]] = []
    while not runner.finished("activities"):
        assert runner.drained("activities")
        load, taken = OpenLoad(f"{len(loads)}.0", compressed=False, rows=1), []
        runner.open_load(load)
        wait_until(lambda: not runner.drained("activities"))
        while not runner.drained("activities"):
            if (task := runner.take("activities")) is not None:
                taken.append(task)
        runner.close_load()
        for task in taken:
            assert task.file is not None and task.file.rows is not None
            (table,) = read_tables(task.file.rows)
            assert set(table["_dlt_load_id"].to_pylist()) == {load.id}
        loads.append(taken)
    runner.stop()
    assert [len(taken) for taken in loads] == [1] * 6


def test_a_stop_ends_what_waits_for_a_load(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    bench = Bench(tmp_path, timer=FakeTimer(patience=0.2))
    bench.runner.start(tasks_of(single_days(3)))
    wait_until(lambda: len(bench.linkedin.calls("download")) == 3)
    bench.runner.stop()
    wait_until(lambda: not set(threading.enumerate()) - before)
    assert len(bench.journal.in_flight()) == 3


def test_what_was_read_of_a_file_that_breaks_off_is_thrown_away(tmp_path: Path) -> None:
    over = OverSandbox(tmp_path, f.reset_download(100).where(times=None))
    received, bench = over.run(tasks_of([window_of(10)]))
    assert received == []
    assert "broke off" in next(iter(bench.failed().values()))
    assert not list(bench.spool.iterdir())
