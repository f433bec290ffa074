"""Whose turn it is. A lane is a contract's export: LinkedIn works on one job of a lane at a time and queues the others.

At most two jobs of a lane are at LinkedIn, one at work and one behind it, so that LinkedIn goes straight on. All lanes run
side by side within one budget; a lane without a job comes first. Of a lane only the job whose turn it is gets polled.
"""

import heapq
from bisect import insort
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from salesnav_source.jobs.machine import Task

JOBS_OF_A_LANE = 2
"""Jobs of a lane that may be at LinkedIn: one at work and one behind it."""

GETS_NO_ANSWER = 3
"""Polls of a job in a row without an answer, after which the next one of its lane is polled as well."""

TLane = tuple[str, str]
"""A contract and an export."""


@dataclass
class _Lane:
    """The tasks of a lane, by their numbers."""

    waiting: list[tuple[int, int]] = field(default_factory=list)
    """Tasks that have no job: minus the ordinal of their last day, so that the newest comes first, and the number."""
    at_linkedin: list[int] = field(default_factory=list)
    """Tasks whose job is at LinkedIn, or is being created, in the order of creation."""


class Lanes:
    """The tasks that have not ended, and which of them may make a call."""

    def __init__(self, most_jobs: int, most_downloads: int, take_turn: Callable[[Task], Task]) -> None:
        """Begins without a task.

        Args:
            most_jobs: how many jobs may be at LinkedIn, over all lanes.
            most_downloads: how many files may be under way at a time, from the download to the end of reading.
            take_turn: returns a task whose job is the first of its lane from now on.
        """
        self.tasks: dict[int, Task] = {}
        self.planned: Counter[TLane] = Counter()
        """Tasks that each lane has had so far."""
        self._most_jobs = most_jobs
        self._most_downloads = most_downloads
        self._take_turn = take_turn
        self._lanes: dict[TLane, _Lane] = {}
        self._busy: set[int] = set()
        self._downloading: set[int] = set()
        self._held: deque[int] = deque()
        """Tasks whose download waits until there is room for it."""
        self._made = 0
        self._jobs = 0
        self._creating: int | None = None
        self._calls: list[tuple[float, int]] = []
        """When each task may make its next call; entries that no longer hold are passed over."""
        self._creations: list[tuple[int, int, int, TLane]] = []
        """Lanes with a task whose job may be created now: tries in vain, jobs at LinkedIn, minus the last day, the lane."""

    def add(self, task: Task) -> int:
        """Adds a task and returns its number."""
        self._made += 1
        self.tasks[self._made] = task
        self.planned[task.lane] += 1
        self._place(self._made, task)
        return self._made

    def update(self, number: int, task: Task) -> None:
        """Puts a task as it is now in the place of what it was; one that has ended is taken out."""
        self._busy.discard(number)
        self._downloading.discard(number)
        self._remove(number, self.tasks[number])
        if self._creating == number:
            self._creating = None
        if task.stage == "ended":
            del self.tasks[number]
        else:
            self.tasks[number] = task
            self._place(number, task)
        self._let_go_on(task.lane)

    def is_busy(self, number: int) -> bool:
        """Tells whether a call of the task is under way."""
        return number in self._busy

    def is_nearly_done(self, task: Task) -> bool:
        """Tells whether all jobs of the task's lane are at LinkedIn: the end of the run may wait for one of them."""
        return not self._lanes[task.lane].waiting

    @property
    def is_asking(self) -> bool:
        """Tells whether a call of LinkedIn's API is under way, downloads aside."""
        return len(self._busy) > len(self._downloading)

    @property
    def is_busy_at_all(self) -> bool:
        """Tells whether any call or download is under way."""
        return bool(self._busy)

    def start_due(self, now: float, most: float = float("inf")) -> Iterator[tuple[int, Task]]:
        """Yields the tasks that may make a call now, with their numbers; each counts as under way from then on.

        Args:
            now: seconds on the clock.
            most: how many calls to start at most.
        """
        while most > 0 and self._calls and self._calls[0][0] <= now:
            due, number = heapq.heappop(self._calls)
            task = self.tasks.get(number)
            if task is None or number in self._busy or task.due != due:
                continue
            if task.stage == "create":
                self._let_go_on(task.lane)
                continue
            if task.stage == "download":
                self._held.append(number)
                continue
            most -= 1
            self._busy.add(number)
            yield number, task
        while self._held and len(self._downloading) < self._most_downloads:
            number = self._held.popleft()
            held = self.tasks.get(number)
            if held is not None and held.stage == "download" and number not in self._busy:
                self._busy.add(number)
                self._downloading.add(number)
                yield number, held
        if most > 0 and (created := self._start_creation(now)) is not None:
            yield created

    def next_due(self) -> float | None:
        """Returns when the next call may be made, None if none is waiting for its time."""
        while self._calls:
            due, number = self._calls[0]
            task = self.tasks.get(number)
            if task is not None and number not in self._busy and task.due == due:
                return due
            heapq.heappop(self._calls)
        return None

    def _start_creation(self, now: float) -> tuple[int, Task] | None:
        """Starts to create a job, one at a time: of one that a crash cuts off nobody knows whether it exists."""
        while self._creating is None and self._jobs < self._most_jobs and self._creations:
            _, jobs, _, key = heapq.heappop(self._creations)
            lane = self._lanes[key]
            if jobs != len(lane.at_linkedin):
                continue
            for place, (_, number) in enumerate(lane.waiting):
                task = self.tasks[number]
                if task.due <= now:
                    del lane.waiting[place]
                    lane.at_linkedin.append(number)
                    self._jobs += 1
                    self._busy.add(number)
                    self._creating = number
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
        heapq.heappush(self._calls, (task.due, number))

    def _in_turn(self, lane: _Lane) -> list[int]:
        """Returns the jobs of a lane that are polled: the first one, and the next where that one gets no answer."""
        silent = 0
        while silent < len(lane.at_linkedin) - 1 and self.tasks[lane.at_linkedin[silent]].tries >= GETS_NO_ANSWER:
            silent += 1
        return lane.at_linkedin[: silent + 1]

    def _by_creation(self, number: int) -> tuple[float, int]:
        job = self.tasks[number].job
        return (job.created_at, job.entry) if job is not None else (float("inf"), number)

    def _remove(self, number: int, task: Task) -> None:
        lane = self._lanes[task.lane]
        if number in lane.at_linkedin:
            lane.at_linkedin.remove(number)
            self._jobs -= 1
        else:
            entry = (-task.window.last.toordinal(), number)
            if entry in lane.waiting:
                lane.waiting.remove(entry)

    def _let_go_on(self, key: TLane) -> None:
        """Gives the turn to the first job of a lane, and the lane's next task its place among those to be created."""
        lane = self._lanes[key]
        for number in self._in_turn(lane):
            task = self.tasks[number]
            if task.job is not None and task.job.turn is None:
                self.tasks[number] = task = self._take_turn(task)
                heapq.heappush(self._calls, (task.due, number))
        if lane.waiting and len(lane.at_linkedin) < JOBS_OF_A_LANE:
            day, first = lane.waiting[0]
            # what has failed before comes last: the others tell whether LinkedIn answers at all
            heapq.heappush(self._creations, (self.tasks[first].tries, len(lane.at_linkedin), day, key))
