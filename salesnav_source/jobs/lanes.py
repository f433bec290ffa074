"""Decides which job comes next. A lane is a contract's export: LinkedIn works on one job of a lane and queues the others.

At most two jobs of a lane are at LinkedIn, one at work and one behind it, so that LinkedIn goes straight on. All lanes share
one budget; a lane without a job comes first. In each lane only the first job is polled.

Jobs of different lanes are created side by side, those of one lane one after another. After a crash during the POST nobody
knows whether the job exists, so a crash leaves at most one such job in each lane.
"""

import heapq
from bisect import insort
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from salesnav_source.jobs.task import Task

JOBS_OF_A_LANE = 2
"""Most jobs of a lane at LinkedIn: one at work and one behind it."""

GETS_NO_ANSWER = 3
"""After so many polls of a job without an answer, the next job of its lane is polled as well."""

SMALL_FILE_ROWS = 50_000
"""A file of at most so many rows is small, a few megabytes. A file without a row count is not small."""

TLane = tuple[str, str]
"""A contract and an export."""


@dataclass
class _Lane:
    """The tasks of a lane, by their numbers."""

    waiting: list[tuple[int, int]] = field(default_factory=list)
    """Tasks without a job, newest first: minus the ordinal of the last day, and the task's number."""
    at_linkedin: list[int] = field(default_factory=list)
    """Tasks whose job is at LinkedIn, or is being created, in the order of creation."""
    creating: int | None = None
    """The task whose job is being created."""


class _Files:
    """Files between download and the end of reading, which need disk space, and files that wait for room."""

    def __init__(self, most: int, most_large: int) -> None:
        self.under_way: set[int] = set()
        self._most = most
        self._most_large = most_large
        self._large: set[int] = set()
        self._waiting_large: deque[int] = deque()
        self._waiting_small: deque[int] = deque()

    def wait(self, number: int, task: Task) -> None:
        rows = task.job.row_count if task.job is not None else None
        large = rows is None or rows > SMALL_FILE_ROWS
        (self._waiting_large if large else self._waiting_small).append(number)

    def start_next(self) -> int | None:
        """Starts the next file if there is room for it, and returns its number."""
        if len(self.under_way) >= self._most:
            return None
        if self._waiting_large and len(self._large) < self._most_large:
            number = self._waiting_large.popleft()
            self._large.add(number)
        elif self._waiting_small:
            number = self._waiting_small.popleft()
        else:
            return None
        self.under_way.add(number)
        return number

    def end(self, number: int) -> None:
        self.under_way.discard(number)
        self._large.discard(number)


class Lanes:
    """The tasks that have not ended. Decides which of them may make a call."""

    def __init__(
        self,
        most_jobs: int,
        most_files: int,
        take_turn: Callable[[Task], Task],
        most_large_files: int | None = None,
    ) -> None:
        """Starts without a task.

        Args:
            most_jobs: most jobs at LinkedIn, over all lanes.
            most_files: most files between download and the end of reading.
            take_turn: returns a task, marked as first in its lane.
            most_large_files: most large files among them; no limit if None.
        """
        self.tasks: dict[int, Task] = {}
        self.planned: Counter[TLane] = Counter()
        """Tasks that each lane has had so far."""
        self._most_jobs = most_jobs
        self._take_turn = take_turn
        self._lanes: dict[TLane, _Lane] = {}
        self._busy: set[int] = set()
        self._files = _Files(most_files, most_files if most_large_files is None else most_large_files)
        self._made = 0
        self._jobs = self._creating = 0
        self._calls: list[tuple[float, int]] = []
        """When each task may make its next call of the API; outdated entries are skipped."""
        self._downloads: list[tuple[float, int]] = []
        """The same for downloads."""
        self._creations: list[tuple[int, int, int, TLane]] = []
        """Lanes with a task whose job may be created now: failed tries, jobs at LinkedIn, minus the last day, the lane."""

    def add(self, task: Task) -> int:
        """Adds a task and returns its number."""
        self._made += 1
        self.tasks[self._made] = task
        self.planned[task.lane] += 1
        self._place(self._made, task)
        return self._made

    def update(self, number: int, task: Task) -> None:
        """Replaces a task by its new state. One that has ended is removed."""
        self._busy.discard(number)
        self._files.end(number)
        self._remove(number, self.tasks[number])
        if task.stage == "ended":
            del self.tasks[number]
        else:
            self.tasks[number] = task
            self._place(number, task)
        self._let_go_on(task.lane)

    def is_busy(self, number: int) -> bool:
        """True if a call of the task is running."""
        return number in self._busy

    def is_nearly_done(self, task: Task) -> bool:
        """True if all jobs of the task's lane are at LinkedIn: the end of the run may wait for one of them."""
        return not self._lanes[task.lane].waiting

    @property
    def calls_under_way(self) -> int:
        """How many calls of LinkedIn's API are running, without downloads."""
        return len(self._busy) - len(self._files.under_way)

    @property
    def is_creating(self) -> bool:
        """True if a job is being created in any lane."""
        return self._creating > 0

    @property
    def is_busy_at_all(self) -> bool:
        """True if any call or download is running."""
        return bool(self._busy)

    def start_due(self, now: float, most: float = float("inf"), downloads: bool = True) -> list[tuple[int, Task]]:
        """Returns the tasks that may make a call now, with their numbers. From then on each counts as running.

        Args:
            now: seconds on the clock.
            most: most calls of the API to start.
            downloads: true if downloads may be started.
        """
        started: list[tuple[int, Task]] = []
        while len(started) < most and (due := self._pop_due(self._calls, now)) is not None:
            number, task = due
            if task.stage == "create":
                self._let_go_on(task.lane)
            else:
                self._busy.add(number)
                started.append(due)
        while len(started) < most and (creation := self._pop_creation(now)) is not None:
            started.append(creation)
        return started + self._start_downloads(now) if downloads else started

    def _start_downloads(self, now: float) -> list[tuple[int, Task]]:
        while (due := self._pop_due(self._downloads, now)) is not None:
            self._files.wait(*due)
        started = []
        while (number := self._files.start_next()) is not None:
            task = self.tasks.get(number)
            if task is not None and task.stage == "download" and number not in self._busy:
                self._busy.add(number)
                started.append((number, task))
            else:
                self._files.end(number)
        return started

    def hasten(self, sooner: Callable[[Task], Task]) -> None:
        """Lets jobs be polled for the first time sooner than was planned.

        Args:
            sooner: returns a task with its first poll due by what is known now.
        """
        for number in [number for lane in self._lanes.values() for number in self._in_turn(lane)]:
            task = self.tasks[number]
            if task.is_unpolled and number not in self._busy:
                hastened = sooner(task)
                if hastened.due < task.due:
                    self.tasks[number] = hastened
                    heapq.heappush(self._calls, (hastened.due, number))

    def next_due(self) -> float | None:
        """Returns when the next call may be made, None if no call waits for its time."""
        return min(
            (due for calls in (self._calls, self._downloads) if (due := self._first_due(calls)) is not None),
            default=None,
        )

    def _first_due(self, calls: list[tuple[float, int]]) -> float | None:
        """Returns when the first of some calls may be made, and drops outdated entries before it."""
        while calls:
            due, number = calls[0]
            task = self.tasks.get(number)
            if task is not None and number not in self._busy and task.due == due:
                return due
            heapq.heappop(calls)
        return None

    def _pop_due(self, calls: list[tuple[float, int]], now: float) -> tuple[int, Task] | None:
        due = self._first_due(calls)
        if due is None or due > now:
            return None
        _, number = heapq.heappop(calls)
        return number, self.tasks[number]

    def _pop_creation(self, now: float) -> tuple[int, Task] | None:
        """Returns the task whose job is created next, from a lane in which no job is being created."""
        while self._jobs < self._most_jobs and self._creations:
            _, jobs, _, key = heapq.heappop(self._creations)
            lane = self._lanes[key]
            if jobs != len(lane.at_linkedin) or lane.creating is not None:
                continue
            for place, (_, number) in enumerate(lane.waiting):
                task = self.tasks[number]
                if task.probe is not None and now < task.due < float("inf"):
                    # older days wait until it is known how far back LinkedIn's data reach
                    break
                if task.due <= now:
                    del lane.waiting[place]
                    lane.at_linkedin.append(number)
                    lane.creating = number
                    self._creating += 1
                    self._jobs += 1
                    self._busy.add(number)
                    return number, task
        return None

    def _place(self, number: int, task: Task) -> None:
        lane = self._lanes.setdefault(task.lane, _Lane())
        if task.stage == "create":
            insort(lane.waiting, (-task.window.last.toordinal(), number))
        elif task.at_linkedin:
            lane.at_linkedin.append(number)
            lane.at_linkedin.sort(key=self._by_creation)
            self._jobs += 1
            if task.job is not None and task.job.turn is None:
                if number not in self._in_turn(lane):
                    return
                self.tasks[number] = task = self._take_turn(task)
        if task.due < float("inf"):
            heapq.heappush(self._downloads if task.stage == "download" else self._calls, (task.due, number))

    def _in_turn(self, lane: _Lane) -> list[int]:
        """Returns the jobs of a lane that are polled: the first one, and the next if that one gets no answer."""
        silent = 0
        while silent < len(lane.at_linkedin) - 1 and self.tasks[lane.at_linkedin[silent]].tries >= GETS_NO_ANSWER:
            silent += 1
        return lane.at_linkedin[: silent + 1]

    def _by_creation(self, number: int) -> tuple[float, int]:
        job = self.tasks[number].job
        return (job.created_at, job.entry) if job is not None else (float("inf"), number)

    def _remove(self, number: int, task: Task) -> None:
        lane = self._lanes[task.lane]
        if lane.creating == number:
            lane.creating = None
            self._creating -= 1
        if number in lane.at_linkedin:
            lane.at_linkedin.remove(number)
            self._jobs -= 1
        else:
            entry = (-task.window.last.toordinal(), number)
            if entry in lane.waiting:
                lane.waiting.remove(entry)

    def _let_go_on(self, key: TLane) -> None:
        """Marks the first job of a lane, and queues the lane's next task for creation."""
        lane = self._lanes[key]
        for number in self._in_turn(lane):
            task = self.tasks[number]
            if task.job is not None and task.job.turn is None:
                self.tasks[number] = task = self._take_turn(task)
                heapq.heappush(self._calls, (task.due, number))
        if lane.waiting and lane.creating is None and len(lane.at_linkedin) < JOBS_OF_A_LANE:
            day, first = lane.waiting[0]
            # what has failed before comes last: the others show whether LinkedIn answers at all
            heapq.heappush(self._creations, (self.tasks[first].tries, len(lane.at_linkedin), day, key))
