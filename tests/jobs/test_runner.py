"""The runner, without a network and without waiting, and over the sandbox's sockets."""

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    DownloadRefusedError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    ReadError,
    RequestRefusedError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.jobs.clock import SystemClock
from salesnav_source.jobs.runner import ExportRunner, OpenLoad
from salesnav_source.jobs.task import JobAttempt, JobStatus, Task
from salesnav_source.linkedin.client import Client, Job
from salesnav_source.linkedin.reader import read_tables
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f
from salesnav_source.settings.configuration import TIntervalEnd
from tests.fakes import (
    OTHER_URN,
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

TOO_LARGE, TIMED_OUT, DATA_DELAY, INTERNAL_ERROR = (
    status.value
    for status in (JobStatus.TOO_LARGE, JobStatus.TIMED_OUT, JobStatus.DATA_DELAY, JobStatus.INTERNAL_ERROR)
)


def tasks_of(windows: list[Window], contract: str = URN, export: str = "activities") -> list[Task]:
    return [Task(contract, export, window) for window in windows]


def lanes_of(count: int, windows: list[Window] | None = None) -> list[Task]:
    """Returns the windows, a single day if None, in so many lanes."""
    contracts = [f"urn:li:contract:{number}" for number in range(1, count + 1)]
    return [Task(contract, "activities", window) for contract in contracts for window in windows or single_days(1)]


def test_jobs_of_different_lanes_wait_together(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=600.0)
    assert len(bench.run(lanes_of(30))) == 30
    assert bench.timer.time - 1000.0 <= 660.0
    assert bench.linkedin.most_in_flight == 30


def test_at_most_two_jobs_of_a_lane_are_at_linkedin_and_it_never_idles(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=600.0)
    assert len(bench.run(tasks_of(single_days(18)))) == 18
    assert bench.linkedin.most_of_a_lane == 2
    assert bench.timer.time - 1000.0 <= 18 * 600 * 1.02 + 60


def test_only_the_job_whose_turn_it_is_gets_polled(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=600.0)
    bench.run(tasks_of(single_days(6)))
    ends = {job.id: job.ends_at for job in bench.linkedin.jobs.values()}
    polled = [asked.job_id for asked in bench.linkedin.calls("poll")]
    assert polled == sorted(polled), "a job was polled before the one that stands before it had ended"
    for asked in bench.linkedin.calls("poll"):
        assert asked.job_id is not None
        assert asked.job_id == 1 or asked.time >= ends[asked.job_id - 1]
    assert len(polled) <= 6 * 32


def test_no_lane_waits_behind_anothers_history(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=60.0, policy=make_policy(max_concurrent_jobs=4))
    bench.run(tasks_of(single_days(20)) + tasks_of(single_days(2), OTHER_URN) + tasks_of(single_days(2), URN, "seats"))
    first = [(asked.contract, asked.export) for asked in bench.linkedin.calls("create")[:3]]
    assert sorted(first) == sorted([(URN, "activities"), (OTHER_URN, "activities"), (URN, "seats")])
    assert bench.linkedin.most_in_flight <= 4


def test_a_file_that_stands_still_holds_no_other_up(tmp_path: Path) -> None:
    stopped, others_there = threading.Event(), threading.Event()

    class Slow(FakeLinkedIn):
        """Sends the first half of one file, and the rest once the others are there."""

        def download(self, url: str, target: Any) -> int:
            if not url.endswith("-1"):
                return super().download(url, target)
            content = b"activityId,activityType,createdAt,seatId,memberIdentityKey\n"
            with target.open("wb") as file:
                file.write(content)
                stopped.set()
                assert others_there.wait(300)
                row = f"a1,SAVED_LEAD,{self.jobs[1].window.first:%m-%d-%Y} 12:00:00,7,1\n".encode()
                file.write(row)
            return len(content + row)

    bench = Bench(tmp_path, timer=FakeTimer(patience=0.2))
    bench.linkedin = Slow(bench.timer)
    client: Any = bench.linkedin
    bench.runner = ExportRunner(client, bench.journal, bench.policy, bench.spool, bench.timer)
    bench.runner.open_load(OpenLoad("1.0", compressed=False))
    bench.runner.start(lanes_of(5))
    received: list[Task] = []

    def take() -> int:
        task = bench.runner.take()
        received.extend([task] if task else [])
        return len(received)

    wait_until(stopped.is_set)
    wait_until(lambda: take() == 4)
    others_there.set()
    wait_until(lambda: take() == 5)
    bench.runner.stop()


def test_while_linkedin_does_not_answer_all_calls_wait_together(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def script(asked: Asked) -> Any:
        outage = 1020.0 <= asked.time < 1320.0 and asked.kind != "download"
        return UnavailableError("It failed (HTTP 503).", 503) if outage else None

    bench.linkedin.script = script
    assert len(bench.run(lanes_of(20, single_days(3)))) == 60
    in_vain = [asked for asked in bench.linkedin.asked if 1020.0 <= asked.time < 1320.0 and asked.kind != "download"]
    assert len(in_vain) < 40
    assert bench.runner.not_loaded == []


def test_an_outage_that_lasts_gives_the_run_up_and_keeps_the_jobs(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def script(asked: Asked) -> Any:
        return UnavailableError("It failed (HTTP 503).", 503) if asked.time >= 1020.0 else None

    bench.linkedin.script = script
    assert bench.run(lanes_of(10, single_days(3))) == []
    assert len(bench.failed()) == 30
    assert len(bench.journal.in_flight()) == len(bench.linkedin.jobs) == 20
    assert bench.timer.time - 1020.0 <= 600 + 60


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
    windows = [window_of(10, TODAY - timedelta(days=1 + 10 * n)) for n in range(4)]
    received = bench.run(lanes_of(3, windows))
    assert bench.linkedin.most_in_flight <= budget
    assert bench.linkedin.most_of_a_lane <= 2
    for contract in {task.contract for task in lanes_of(3)}:
        ended = [task.window for task in received if task.contract == contract]
        ended += [one.window for one in bench.runner.not_loaded if one.contract == contract]
        assert sum(window.days for window in ended) == 40
        assert Days.of(ended) == Days.of(windows)


@pytest.mark.parametrize("budget", [1, 5])
def test_the_newest_days_come_first(tmp_path: Path, budget: int) -> None:
    bench = Bench(tmp_path, policy=make_policy(max_concurrent_jobs=budget))
    bench.run(tasks_of(single_days(15)[::-1]) + tasks_of(single_days(15), OTHER_URN))
    for contract in (URN, OTHER_URN):
        created = [asked.window.last for asked in bench.linkedin.calls("create") if asked.contract == contract]
        assert created == sorted(created, reverse=True)


def test_a_place_that_is_freed_is_used_soon(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=60.0, policy=make_policy(max_concurrent_jobs=2))
    bench.run(lanes_of(2, single_days(10)))
    assert bench.timer.time - 1000.0 <= 10 * 60 * 1.25


def test_after_a_throttled_call_all_wait_as_long_as_told(tmp_path: Path) -> None:
    throttled: list[Asked] = []

    def script(asked: Asked) -> Any:
        if asked.kind == "poll" and not throttled:
            throttled.append(asked)
            return ThrottledError("LinkedIn throttles (HTTP 429).", 500.0)
        return None

    bench = Bench(tmp_path, script=script)
    assert len(bench.run(lanes_of(10))) == 10
    after = [asked.time for asked in bench.linkedin.asked if asked.time > throttled[0].time]
    assert min(after) - throttled[0].time >= 500.0


def test_a_call_that_hangs_stops_no_other(tmp_path: Path) -> None:
    hanging, victim = threading.Event(), URN

    def script(asked: Asked) -> Any:
        if asked.kind == "poll" and asked.contract == victim:
            hanging.wait(300)
            return None
        if asked.kind == "download" and len(bench.linkedin.calls("download")) == 7:
            hanging.set()
        return None

    bench = Bench(tmp_path, timer=FakeTimer(patience=0.05), script=script)
    assert len(bench.run(lanes_of(8))) == 8
    assert bench.linkedin.calls("download")[-1].contract == victim


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
    rows = [row for row in bench.journal.take_records("b") if row["window_start"] == str(victim.first)]
    assert [row["status"] for row in rows] == ["ON_HOLD"]
    assert bench.timer.time - 1000.0 <= 3600 + 60
    assert len([asked for asked in bench.linkedin.calls("poll") if asked.window == victim]) < 150


def test_a_used_up_quota_stops_all_calls_and_keeps_the_jobs(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        used_up = len(bench.linkedin.calls("create")) > 5 or asked.kind == "poll"
        return ThrottledError("LinkedIn throttles (HTTP 429).") if used_up else None

    bench = Bench(tmp_path, script=script)
    windows = single_days(40)
    assert bench.run(tasks_of(windows)) == []
    assert set(bench.failed()) == {(URN, "activities", window) for window in windows}
    assert all("midnight UTC" in reason for reason in bench.failed().values())
    assert len(bench.linkedin.asked) <= 60, "asks on though it is throttled"
    assert {job.window for job in bench.journal.in_flight()} == {job.window for job in bench.linkedin.jobs.values()}
    assert len(bench.linkedin.jobs) == 2


def test_a_dead_token_stops_all_calls_and_keeps_the_jobs(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        return AccessTokenError("LinkedIn does not accept the access token.", 401) if asked.kind == "poll" else None

    bench = Bench(tmp_path, script=script)
    assert bench.run(lanes_of(10, single_days(3))) == []
    assert len(bench.failed()) == 30
    assert len(bench.linkedin.calls("create")) == len(bench.journal.in_flight()) == 20
    assert len(bench.linkedin.calls("poll")) <= 4 * 10


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


def test_each_job_has_one_record(tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        if asked.kind != "create":
            return None
        return {30: TOO_LARGE, 15: DATA_DELAY}.get(asked.window.days)

    bench = Bench(tmp_path, script=script)
    received = bench.run([Task(URN, "activities", window_of(30))])
    rows = bench.journal.take_records("b")
    jobs = Counter(row["job_id"] for row in rows) + Counter(task.job.id for task in received if task.job)
    assert jobs == Counter(list(bench.linkedin.jobs))
    assert {row["status"] for row in rows} == {TOO_LARGE, DATA_DELAY}
    assert {job.job_id for job in bench.journal.in_flight()} == {task.job.id for task in received if task.job}
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
        Task(URN, "activities", window, stage="poll", due=1000.0, job=JobAttempt(job.id, job.id, 1000.0), jobs=1)
        for window, job in zip(single_days(3), jobs)
    ]
    assert len(bench.run(tasks)) == 3
    assert len(bench.linkedin.calls("create")) == 3


def test_jobs_of_two_contracts_may_have_the_same_id(tmp_path: Path) -> None:
    class PerContract(FakeLinkedIn):
        """Counts the jobs of each contract by themselves."""

        def create_job(
            self, action: str, contract: str, window: Window, interval_end: TIntervalEnd = "last_millisecond"
        ) -> Job:
            return replace(super().create_job(action, contract, window, interval_end), id=1)

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
    deadline = time.monotonic() + 300
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
        bench.runner = ExportRunner(bench.client, bench.journal, bench.policy, bench.spool, SystemClock())
        bench.runner.start(tasks_of(single_days(5)))
        while len(bench.linkedin.jobs) < 2:
            time.sleep(0.001)
    bench.runner.stop()
    assert new_threads(before) == []
    assert bench.runner.stopping
    assert len(bench.journal.in_flight()) == (5 if ended else 2)


def test_a_job_that_is_being_created_when_the_run_is_stopped_is_in_the_journal(tmp_path: Path) -> None:
    asked_for = threading.Event()

    def script(asked: Asked) -> Any:
        if asked.kind == "create":
            asked_for.set()
            time.sleep(0.3)
        return None

    bench = Bench(tmp_path, script=script)
    bench.runner.start(tasks_of(single_days(1)))
    assert asked_for.wait(300)
    bench.runner.stop()
    jobs = bench.journal.in_flight()
    bench.journal.close()
    assert [job.job_id for job in jobs] == [1]


def test_a_call_that_hangs_does_not_keep_stop_waiting(tmp_path: Path) -> None:
    hanging, asked_for, over = threading.Event(), threading.Event(), threading.Event()

    def script(asked: Asked) -> Any:
        asked_for.set()
        hanging.wait(300)
        over.set()
        return None

    bench = Bench(tmp_path, script=script)
    bench.runner.start(tasks_of(single_days(3)))
    assert asked_for.wait(300)
    bench.runner.stop()
    assert not over.is_set()
    hanging.set()


def test_progress_is_described(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.runner.describe("activities") == ""
    for task in tasks_of(single_days(3)):
        bench.runner._add(task)
    assert bench.runner.describe("activities") == "3 planned"
    assert not bench.runner.finished
    assert bench.runner.take() is None


def test_nothing_to_do_ends_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.run([]) == []
    assert bench.linkedin.asked == []
    assert bench.runner.finished


def test_an_unknown_status_is_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("salesnav_source.jobs.experience.logger.warning", warnings.append)
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
        pytest.param([f.not_found().where(job=1, times=None)], 4, id="job-forgotten"),
        pytest.param([f.not_found().where(job=1)], 3, id="job-not-known-yet"),
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


def test_files_are_read_for_the_load_that_is_open_until_it_is_full(tmp_path: Path) -> None:
    bench = Bench(tmp_path, timer=FakeTimer(patience=0.2))
    runner = bench.runner
    runner.start(tasks_of(single_days(6)))
    loads: list[list[Task]] = []
    while not runner.finished:
        assert runner.drained
        load, taken = OpenLoad(f"{len(loads)}.0", compressed=False, rows=1), []
        runner.open_load(load)
        wait_until(lambda: not runner.drained)
        while not runner.drained:
            if (task := runner.take()) is not None:
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
