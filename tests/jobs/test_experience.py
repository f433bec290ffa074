"""When jobs are polled for the first time: by what the jobs of this run have shown."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from salesnav_source.jobs.task import JobAttempt, Task
from tests.fakes import Bench, make_policy, single_days


def lanes(count: int, days: int = 1) -> list[Task]:
    return [
        Task(f"urn:li:contract:{1000 + number}", "activities", window)
        for number in range(count)
        for window in single_days(days)
    ]


def fake_seconds(bench: Bench) -> float:
    return bench.timer.now() - 1000.0


def polls_of_a_job(bench: Bench) -> list[int]:
    return sorted(Counter(asked.job_id for asked in bench.linkedin.calls("poll")).values())


def test_where_jobs_are_ready_at_once_a_morning_of_300_takes_seconds(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=0.0)
    assert len(bench.run(lanes(300), seconds=60.0)) == 300
    assert fake_seconds(bench) <= 5.0
    assert polls_of_a_job(bench) == [1] * 300


def test_the_first_job_of_a_run_is_polled_early_and_the_others_follow_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=0.5)
    bench.run(lanes(10))
    polls = [asked.time - 1000.0 for asked in bench.linkedin.calls("poll")]
    assert polls == [pytest.approx(1.0)] * 10


@pytest.mark.parametrize("seconds", [2.0, 4.0, 30.0, 600.0])
def test_jobs_that_take_their_time_are_not_polled_in_vain(tmp_path: Path, seconds: float) -> None:
    bench = Bench(tmp_path, seconds=seconds)
    assert len(bench.run(lanes(200), seconds=60.0)) == 200
    (tmp_path / "alone").mkdir()
    alone = Bench(tmp_path / "alone", seconds=seconds)
    alone.run(lanes(1))
    most = len(alone.linkedin.calls("poll"))
    assert max(polls_of_a_job(bench)) <= most + 3
    rounds = -(-200 // make_policy().max_concurrent_jobs)
    assert fake_seconds(bench) <= rounds * max(1.35 * seconds, 5.0) + 5.0


def test_after_jobs_that_were_ready_at_once_slower_ones_soon_set_the_pace(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=0.0)
    slow_from = 100

    def slower(asked: object) -> None:
        bench.linkedin.seconds = 20.0 if len(bench.linkedin.jobs) >= slow_from else 0.0

    bench.linkedin.script = slower
    assert len(bench.run(lanes(400), seconds=60.0)) == 400
    late = [
        count for job, count in Counter(a.job_id for a in bench.linkedin.calls("poll")).items() if job and job > 300
    ]
    assert max(late) <= 4


def test_a_job_that_an_earlier_run_created_is_polled_at_once_if_it_is_old(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=0.0)
    first = lanes(1)[0]
    created = bench.linkedin.create_job("exportActivityData", first.contract, first.window)
    entry = bench.journal.ask(first.contract, first.export, first.window, bench.timer.epoch() - 600.0)
    bench.journal.created(entry, created.id)
    job = JobAttempt(created.id, entry, bench.timer.epoch() - 600.0, known_since=bench.timer.now(), age_before=600.0)
    assert len(bench.run([replace(first, stage="poll", job=job, jobs=1)])) == 1
    assert fake_seconds(bench) == 0.0
