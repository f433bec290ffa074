"""The lanes, for any number of them, any budget and any order of answers."""

import heapq
import random
from collections import Counter, defaultdict
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source.days.windows import Days, Window
from salesnav_source.jobs.lanes import JOBS_OF_A_LANE, Lanes, TLane
from salesnav_source.jobs.machine import advance, its_turn
from salesnav_source.jobs.task import Task, TEvent
from tests.fakes import make_policy
from tests.jobs.test_machine import ANSWERS, NAMES

EXPORTS = ("activities", "activity_outcomes", "seats")
AS_HOPED = {"create": "created", "poll": "completed", "download": "fetched"}
RUNNING = {"enqueued", "processing-eager", "unknown", "no-status"}
"""Answers that a job which has ended gives no more."""
FILES = 3
POLICY = make_policy(poll_interval=1.0, poll_max_interval=20.0, job_timeout=300.0, queue_timeout=300.0)


class Run:
    """Runs the tasks of all lanes to the end, with answers that are drawn, and looks for what must never happen."""

    def __init__(self, lanes: list[list[int]], budget: int, names: list[str], seed: int) -> None:
        """Prepares a run.

        Args:
            lanes: how many days the windows of each lane have.
            budget: jobs at LinkedIn at a time.
            names: answers; where one does not fit the call, it goes as hoped.
            seed: of the answers and of how long they take.
        """
        self.random = random.Random(seed)
        self.names = names
        self.budget = budget
        self.now = 0.0
        self.jobs = 0
        self.under_way: list[tuple[float, int]] = []
        self.came_to_an_end: dict[TLane, list[Window]] = defaultdict(list)
        self.wanted: dict[TLane, list[Window]] = {}
        self.lanes = Lanes(budget, FILES, lambda task: its_turn(task, self.now, POLICY.poll_interval))
        for number, lengths in enumerate(lanes):
            lane = (f"urn:li:contract:{number // 3}", EXPORTS[number % 3])
            self.wanted[lane] = in_a_row(lengths)
            for window in self.wanted[lane]:
                self.lanes.add(Task(*lane, window))

    def play(self) -> None:
        """Lets calls be made and answered until all tasks have ended."""
        for _ in range(100_000):
            if not self.lanes.tasks:
                return
            for number, task in self.lanes.start_due(self.now):
                self._look_at_creation(task)
                heapq.heappush(self.under_way, (self.now + self.random.uniform(0.01, 3.0), number))
            self._look()
            due = self.lanes.next_due()
            times = [at for at, _ in self.under_way[:1]] + ([due] if due is not None else [])
            assert times, f"nothing is under way, and nothing will be: {self.lanes.tasks}"
            self.now = max(self.now, min(times))
            while self.under_way and self.under_way[0][0] <= self.now:
                self._end(heapq.heappop(self.under_way)[1])
        raise AssertionError(f"the run does not end: {self.lanes.tasks}")

    def _there(self) -> Counter[TLane]:
        """Counts the jobs at LinkedIn, those that are being created included."""
        asked = {number for _, number in self.under_way}
        return Counter(
            task.lane
            for number, task in self.lanes.tasks.items()
            if task.at_linkedin or (task.stage == "create" and number in asked)
        )

    def _look(self) -> None:
        there = self._there()
        assert max(there.values(), default=0) <= JOBS_OF_A_LANE
        assert there.total() <= self.budget
        downloads = [number for _, number in self.under_way if self.lanes.tasks[number].stage == "download"]
        assert len(downloads) <= FILES

    def _look_at_creation(self, started: Task) -> None:
        """A lane gets no second job while another has none, and could have one."""
        there = self._there()
        if started.stage == "create" and there[started.lane]:
            waiting = [task for task in self.lanes.tasks.values() if task.stage == "create"]
            newest = {task.lane: task for task in sorted(waiting, key=lambda task: task.window.last)}
            could = {lane for lane, task in newest.items() if task.due <= self.now and not task.tries}
            assert could <= set(there)

    def _end(self, number: int) -> None:
        task = self.lanes.tasks[number]
        step = advance(task, self._draw(task), self.now, POLICY, self.random.random())
        self.lanes.update(number, step.task)
        for child in step.children:
            self.lanes.add(child)
        if step.task.outcome in ("received", "failed"):
            self.came_to_an_end[task.lane].append(task.window)
        self.came_to_an_end[task.lane] += step.open

    def _draw(self, task: Task) -> TEvent:
        answers = ANSWERS[task.stage]
        name = self.random.choice(self.names) if self.names else ""
        if task.job is None:
            self.jobs += 1
        if name not in answers or (name in RUNNING and task.job is not None and task.job.state.is_terminal):
            name = AS_HOPED[task.stage]
        return answers[name](task.job.id if task.job is not None else self.jobs)


def in_a_row(lengths: list[int]) -> list[Window]:
    """Returns windows of so many days, one after the other."""
    windows, first = [], date(2024, 1, 1)
    for days in lengths:
        windows.append(Window(first, first + timedelta(days=days - 1)))
        first += timedelta(days=days)
    return windows


lanes = st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=6), min_size=1, max_size=9)


@settings(max_examples=100, deadline=None)
@given(lanes, st.integers(1, 30), st.lists(st.sampled_from(NAMES), max_size=6), st.integers(0, 99))
def test_every_run_ends_with_each_day_once_and_never_too_many_jobs(
    days: list[list[int]], budget: int, names: list[str], seed: int
) -> None:
    run = Run(days, budget, names, seed)
    run.play()
    for lane, wanted in run.wanted.items():
        ended = run.came_to_an_end[lane]
        assert sum(window.days for window in ended) == sum(window.days for window in wanted), "days are lost or doubled"
        assert Days.of(ended) == Days.of(wanted)


@settings(max_examples=50, deadline=None)
@given(lanes, st.integers(1, 30), st.integers(0, 99))
def test_a_run_in_which_all_goes_well_makes_one_job_a_window(days: list[list[int]], budget: int, seed: int) -> None:
    run = Run(days, budget, [], seed)
    run.play()
    assert run.jobs == sum(map(len, days))
