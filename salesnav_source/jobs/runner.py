"""Runs the export jobs of all windows in the background: makes the calls that are due, and handles their answers."""

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from dlt.common import logger

from salesnav_source.days.windows import Window, utc_day
from salesnav_source.exceptions import (
    LeaseLostError,
    SalesnavError,
    one_line,
)
from salesnav_source.jobs.account import Account
from salesnav_source.jobs.calls import Calls
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.experience import Experience
from salesnav_source.jobs.fetch import Fetcher, LoadGate, OpenLoad, Reading
from salesnav_source.jobs.journal import Journal
from salesnav_source.jobs.lanes import Lanes
from salesnav_source.jobs.machine import advance, contradicted, give_up_with
from salesnav_source.jobs.outage import Outage
from salesnav_source.jobs.refusals import Forms, Refusals
from salesnav_source.jobs.task import (
    Created,
    Failed,
    Policy,
    Polled,
    Refused,
    Task,
    TEvent,
    Transition,
)
from salesnav_source.jobs.workers import Workers
from salesnav_source.linkedin.client import Client
from salesnav_source.linkedin.spool import SpoolStalledError
from salesnav_source.settings.configuration import TIntervalEnd

LONGEST_STOP = 2.0
"""Seconds that a stop waits for calls under way."""
CALL_THREADS = 16
"""Most calls of the API at a time; each thread keeps its connection."""
FILES_UNDER_WAY, LARGE_FILES_UNDER_WAY = 24, 6
"""Most files between download and the end of reading, and most large files among them."""

_NO_ROWS = (
    "LinkedIn's file has no row, and the warehouse has rows of these days. A guess says that a file without rows means that"
    " nothing happened; here it is wrong, or the rows are gone at LinkedIn. The loaded rows are kept; --full-refresh accepts"
    " the file"
)

__all__ = ["ExportRunner", "OpenLoad"]


class ExportRunner:
    """Runs the export jobs of all windows in the background, on a few threads.

    Files are read only while a load is open, because its id is in every row. Then they wait, in the order in which they came,
    until `take` returns them.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        policy: Policy,
        spool: Path,
        clock: Clock,
        reading: Reading = Reading(),  # noqa: B008  it is frozen
        seed: int = 0,
        interval_end: TIntervalEnd | None = None,
        holds_rows: Callable[[str, str, Window], bool] = lambda contract, export, window: False,
    ) -> None:
        """Prepares a runner. Nothing is asked of LinkedIn before `start`.

        Args:
            client: LinkedIn's API.
            journal: where jobs in flight are noted.
            policy: time-outs and pauses.
            spool: folder for the files received; must exist.
            clock: the time.
            reading: how files are read.
            seed: of the jitter.
            interval_end: the form of `endAt` that worked in an earlier run, to try first.
            holds_rows: returns true if the warehouse has rows of these days, which a file without rows must not replace.
        """
        self._journal = journal
        self._policy = policy
        self._clock = clock
        self._jitter = random.Random(seed)
        self._events: SimpleQueue[tuple[int, TEvent] | BaseException | None] = SimpleQueue()
        self._refusals = Refusals(Forms(policy.interval_end, interval_end), self._today)
        self._calls = Calls(client, journal, clock, self._refusals.forms)
        self._experience = Experience(policy)
        self._call_workers = Workers("salesnav-call", CALL_THREADS)
        self._lanes = Lanes(
            policy.max_concurrent_jobs,
            FILES_UNDER_WAY,
            lambda task: self._experience.take_turn(task, clock.now()),
            LARGE_FILES_UNDER_WAY,
        )
        self._outage = Outage(policy, CALL_THREADS)
        self._changed = threading.Condition()
        """Locks what other threads read; notified when a load is opened and when a window has ended."""
        self._stopping = threading.Event()
        self._gate = LoadGate(self._changed, self._stopping)
        self._fetcher = Fetcher(client, spool, self._gate, reading, self._work, self._stopping)
        self._holds_rows = holds_rows
        self._received: deque[Task] = deque()
        self._far_reaching: list[Task] = []
        self._thread: threading.Thread | None = None
        self._account = Account(journal, clock)
        self.ended = self._account.ended
        """Windows that have ended, by export."""
        self.planned = self._account.planned
        """All windows so far, by export."""
        self.not_loaded = self._account.not_loaded
        """Windows that are open, have failed or are not available."""
        self.jobs_created = 0
        self.crashed: BaseException | None = None
        """A bug of this program that ended the runner."""

    def start(self, tasks: Iterable[Task]) -> None:
        """Starts to run the tasks. Those that have a job go on from it."""
        for task in sorted(tasks, key=lambda task: task.job.created_at if task.job else float("inf")):
            self._add(task)
            if task.job is not None:
                self._refusals.accept(task)
        self._thread = threading.Thread(target=self._run, name="salesnav-exports", daemon=True)
        self._thread.start()

    def open_load(self, load: OpenLoad) -> None:
        """Lets files be read for a load from now on. That load must take them."""
        self._gate.open(load)

    def close_load(self) -> None:
        """Lets no more files be read until another load is opened. Files that are being read still come."""
        self._gate.close()

    def take(self, patience: float = 0.0) -> Task | None:
        """Returns the next received window, None if none comes.

        Args:
            patience: longest time to wait for one, in seconds.

        Raises:
            BaseException: of a bug of this program in the background.
        """
        with self._changed:
            if not self._received and patience and self.crashed is None and self._lanes.tasks:
                self._changed.wait(patience)
            if self.crashed is not None:
                raise self.crashed
            return self._received.popleft() if self._received else None

    @property
    def finished(self) -> bool:
        """True if nothing more will come."""
        with self._changed:
            return not self._received and not self._lanes.tasks

    @property
    def drained(self) -> bool:
        """True if no file waits to be taken or is being read."""
        with self._changed:
            return not self._received and self._gate.is_empty

    def describe(self, export: str) -> str:
        """Returns how many windows of an export are at which stage, e.g. `3 processing, 1 downloading`."""
        with self._changed:
            stages = {stage: count for stage, count in self._account.stages[export].items() if count}
            ready = sum(task.export == export for task in self._received)
        parts = [f"{count} {stage}" for stage, count in sorted(stages.items())]
        return ", ".join(parts + ([f"{ready} to load"] if ready else []))

    def stop(self) -> None:
        """Ends all work within seconds; jobs in flight stay in the journal."""
        self._stopping.set()
        self._events.put(None)
        with self._changed:
            self._changed.notify_all()
        # a job that is being created now should get its id into the journal
        self._call_workers.close(LONGEST_STOP)
        self._fetcher.close(LONGEST_STOP)
        if self._thread is not None:
            self._thread.join(timeout=LONGEST_STOP)

    @property
    def interval_end(self) -> TIntervalEnd | None:
        """The form of `endAt` in which a job was created in this run, None if none was."""
        return self._refusals.forms.works

    @property
    def notes(self) -> list[str]:
        """What the user should know about the requests to LinkedIn."""
        note = self._refusals.forms.note
        return [note] if note else []

    @property
    def stopping(self) -> bool:
        """True once the runner is stopping."""
        return self._stopping.is_set()

    def _run(self) -> None:
        try:
            while self._lanes.tasks and not self._stopping.is_set():
                now = self._clock.now()
                self._settle_refusals(now, idle=False)
                self._start_due(now)
                if self._settle_refusals(now, idle=self._is_idle(now)):
                    self._start_due(now)
                event = self._clock.wait(self._events, self._until_next(now), self._lanes.is_busy_at_all)
                while event is not None and not self._stopping.is_set():
                    if isinstance(event, BaseException):
                        raise event
                    self._handle(*event)
                    try:
                        event = self._events.get_nowait()
                    except Empty:
                        event = None
        except BaseException as error:
            if not self._stopping.is_set():
                with self._changed:
                    self.crashed = error
                    self._changed.notify_all()

    def _start_due(self, now: float) -> None:
        most = self._outage.calls(now, self._lanes.calls_under_way)
        with self._changed:
            started = self._lanes.start_due(now, most, not self._outage.holds_all_back(now))
        for number, task in started:
            if task.stage == "download":
                self._fetcher.submit(number, task)
            else:
                self._call_workers.submit(partial(self._work, number, partial(self._calls.make, task)))

    def _until_next(self, now: float) -> float:
        return self._outage.until_next(now, self._lanes.next_due(), self._lanes.calls_under_way)

    def _today(self) -> date:
        return utc_day(self._clock.epoch())

    def _work(self, number: int, step: Callable[[], TEvent]) -> None:
        """Does a step of a task, and reports the result."""
        if self.stopping:
            return
        event: tuple[int, TEvent] | BaseException
        try:
            event = (number, step())
        except SpoolStalledError:
            raise
        except LeaseLostError as error:
            # this ends the run
            event = error
        except (SalesnavError, OSError) as error:
            event = (number, Failed(error))
        except BaseException as error:
            event = error
        self._events.put(event)

    def _handle(self, number: int, event: TEvent) -> None:
        now = self._clock.now()
        task = self._lanes.tasks[number]
        self._outage.note(task, event, now)
        if isinstance(event, Created):
            self.jobs_created += 1
            self._refusals.accept(task, event.interval_end)
        if isinstance(event, Refused):
            event = self._refusals.judge(number, task, event, self._lanes.tasks)
        if isinstance(event, Polled):
            eager = self._lanes.planned[task.lane] > 1 and self._lanes.is_nearly_done(task)
            ended = self._experience.ended
            event = self._experience.add(task, replace(event, eager=eager), now)
            if not ended and self._experience.ended:
                with self._changed:
                    self._lanes.hasten(self._experience.hasten)
        if isinstance(event, (Failed, Refused)):
            logger.info(f"{task}: {one_line(event.error)}")
        self._advance(number, task, event, now)

    def _is_idle(self, now: float) -> bool:
        """True if no creation is running, and none can be started now."""
        return not self._lanes.is_creating and self._outage.calls(now, self._lanes.calls_under_way) > 0

    def _settle_refusals(self, now: float, idle: bool) -> bool:
        """Goes on with refused tasks for which there is a verdict now. Returns true if there was one."""
        any_decided = False
        while decided := self._refusals.decided(self._lanes.tasks, idle):
            any_decided = True
            for number, refused in decided:
                self._advance(number, self._lanes.tasks[number], refused, now)
        return any_decided

    def _advance(self, number: int, task: Task, event: TEvent, now: float) -> None:
        step = advance(task, event, now, self._policy, self._jitter.random())
        if step.task.outcome == "failed":
            step = replace(step, task=self._outage.with_reach(task, step.task))
        if step.task.outcome == "received" and self._is_contradicted(step.task):
            step = contradicted(step.task, _NO_ROWS)
        self._account.note(step)
        with self._changed:
            self._gate.leave(number)
            children = self._replace(number, step)
            self._changed.notify_all()
        if step.task.outcome == "failed" and step.task.reach != "window":
            self._far_reaching.append(step.task)
            self._spread([step.task], list(self._lanes.tasks))
        else:
            self._spread(self._far_reaching, [number, *children])

    def _is_contradicted(self, task: Task) -> bool:
        """True if a task's file has no row, although the warehouse has rows of its days."""
        has_rows = task.file is not None and (task.file.result.rows or task.file.result.rows_loaded)
        return not has_rows and self._holds_rows(task.contract, task.export, task.window)

    def _add(self, task: Task) -> int:
        self._account.add(task)
        return self._lanes.add(task)

    def _replace(self, number: int, step: Transition) -> list[int]:
        """Replaces a task by its new state, adds its children, and returns their numbers."""
        self._account.move(self._lanes.tasks[number], step.task)
        self._lanes.update(number, step.task)
        if step.task.outcome == "received":
            self._received.append(step.task)
        return [self._add(child) for child in step.children]

    def _spread(self, causes: Sequence[Task], numbers: Iterable[int]) -> None:
        """Ends tasks because of the failure of others.

        Args:
            causes: tasks whose failure concerns more than their window.
            numbers: the tasks to check.
        """
        for number in numbers if causes else ():
            task = self._lanes.tasks.get(number)
            if task is None or task.stage == "download" or self._lanes.is_busy(number):
                continue
            cause = next((cause for cause in causes if _reaches(cause, task)), None)
            if cause is not None:
                step = give_up_with(task, cause)
                self._account.note(step)
                with self._changed:
                    self._replace(number, step)
                    self._changed.notify_all()


def _reaches(cause: Task, task: Task) -> bool:
    if cause.reach == "lane":
        return task.lane == cause.lane and task.stage == "create"
    return task.stage == "create" or cause.reach != "creation"
