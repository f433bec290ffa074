"""Running the export jobs of all windows in the background: the calls that are due, and the files that come of them."""

import random
import threading
from bisect import insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Literal

import pyarrow as pa
from dlt.common import logger

from salesnav_source.client import Client, Job
from salesnav_source.exceptions import (
    ApiError,
    DownloadUrlExpiredError,
    EmptyFileError,
    JournalUnreachableError,
    LeaseLostError,
    SalesnavError,
    ThrottledError,
    UnavailableError,
    UnendedFileError,
)
from salesnav_source.job_records import job_record
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.lanes import Lanes
from salesnav_source.jobs.machine import (
    LONGEST_RETRY_AFTER,
    NO_FILE,
    Created,
    EndedJob,
    Failed,
    Fetched,
    JobStatus,
    Policy,
    Polled,
    ReceivedFile,
    Task,
    TEvent,
    Transition,
    advance,
    give_up_with,
    its_turn,
    one_line,
)
from salesnav_source.jobs.workers import Workers
from salesnav_source.journal import Journal
from salesnav_source.personal_data import KEPT, PersonalData
from salesnav_source.reader import read_export, remove
from salesnav_source.reader.blocks import GZIP, UTF_16
from salesnav_source.schema import EXPORTS, LOAD_ID
from salesnav_source.settings import MAX_REJECTED
from salesnav_source.spool import Spool, SpoolClosedError, SpoolStalledError
from salesnav_source.windows import Window

LONGEST_STOP = 2.0
"""Seconds that a stop waits for calls under way."""
CALL_THREADS = 4
DOWNLOAD_THREADS = 4
FILES_UNDER_WAY = 6
"""Files that may be under way at a time, from the download to the end of reading: they take disk."""
READ_WHILE_RECEIVING = 8 << 20
"""Bytes from which a file is read while it is still being received."""


@dataclass(frozen=True)
class WindowReport:
    """What the user is told of a window that was not loaded."""

    export: str
    contract: str
    window: Window
    kind: Literal["open", "failed"]
    reason: str


@dataclass(frozen=True)
class OpenLoad:
    """A load for which files are read."""

    id: str
    """Stands in every row."""
    compressed: bool
    """Whether rows are compressed, as they leave this machine."""
    rows: float = float("inf")
    """Rows from which no more files are read for it."""


class ExportRunner:
    """Runs the export jobs of all windows in the background, on a few threads.

    Files are read while a load is open, as its id is in every row, and wait in `take` until they are fetched, in the order
    in which they come.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        policy: Policy,
        spool: Path,
        clock: Clock,
        pool: Executor | None = None,
        seed: int = 0,
        max_rejected: float = MAX_REJECTED,
        personal_data: PersonalData = KEPT,
        erased_seats: Mapping[str, Collection[int]] = MappingProxyType({}),
    ) -> None:
        """Prepares a runner; nothing is asked of LinkedIn before `start`.

        Args:
            client: LinkedIn's API.
            journal: where jobs in flight are noted.
            policy: how patiently jobs are run.
            spool: folder for the files received; must exist.
            clock: the time.
            pool: types the blocks of files; each file has one of its own if None.
            seed: of the jitter.
            max_rejected: share of a file's rows that may be rejected.
            personal_data: what becomes of personal data.
            erased_seats: seats of which no row is loaded, by contract.
        """
        self._client = client
        self._journal = journal
        self._policy = policy
        self._spool = spool
        self._clock = clock
        self._pool = pool
        self._max_rejected = max_rejected
        self._personal_data = personal_data
        self._erased_seats = erased_seats
        self._jitter = random.Random(seed)
        self._events: SimpleQueue[tuple[int, TEvent] | BaseException | None] = SimpleQueue()
        self._call_workers = Workers("salesnav-call", CALL_THREADS)
        self._download_workers = Workers("salesnav-download", DOWNLOAD_THREADS)
        # one file at a time: each takes all cores, and memory by the size of its blocks
        self._read_workers = Workers("salesnav-read", 1)
        self._lanes = Lanes(policy.max_concurrent_jobs, FILES_UNDER_WAY, self._take_turn)
        self._changed = threading.Condition()
        """Held for what other threads look at; notified when a load is opened and when a window has ended."""
        self._load: OpenLoad | None = None
        self._rows_read = 0
        self._reading: set[int] = set()
        """Files that are being read, or were read and are not among those received yet."""
        self._received: deque[Task] = deque()
        self._far_reaching: list[Task] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._unknown: set[str] = set()
        self._never_ends_lines = False
        """Whether a file without the end of its last line has come twice alike: that is how LinkedIn writes them then."""
        self._durations: dict[str, list[float]] = defaultdict(list)
        """How long jobs have taken, by export, in order."""
        self._troubles = 0
        """Calls of the API in a row, over all windows, that got no answer."""
        self._pause_until = 0.0
        """Until when all calls wait as LinkedIn does not answer, seconds on the clock."""
        self._throttled_until = 0.0
        """Until when LinkedIn has told them to wait."""
        self._last_answer: float | None = None
        """When LinkedIn's API answered last, seconds on the clock."""
        self.ended: Counter[str] = Counter()
        """Windows that have ended, by export."""
        self.planned: Counter[str] = Counter()
        """Windows there are in all so far, by export."""
        self.jobs_created = 0
        self.not_loaded: list[WindowReport] = []
        """Windows that stay open or have failed."""
        self.crashed: BaseException | None = None
        """A fault of this program that ended the runner."""

    def start(self, tasks: Iterable[Task]) -> None:
        """Starts to run the tasks; those that have a job go on from it."""
        for task in sorted(tasks, key=lambda task: task.job.created_at if task.job else float("inf")):
            self._add(task)
        self._thread = threading.Thread(target=self._run, name="salesnav-exports", daemon=True)
        self._thread.start()

    def open_load(self, load: OpenLoad) -> None:
        """Lets files be read for a load from now on, which then has to take them."""
        with self._changed:
            self._load, self._rows_read = load, 0
            self._changed.notify_all()

    def close_load(self) -> None:
        """Lets no more files be read until another load is opened; those that are being read still come."""
        with self._changed:
            self._load = None

    def take(self, patience: float = 0.0) -> Task | None:
        """Returns the next received window, None if none comes.

        Args:
            patience: seconds to wait for one at most.

        Raises:
            BaseException: what a fault of this program raised in the background.
        """
        with self._changed:
            if not self._received and patience and self.crashed is None and self._lanes.tasks:
                self._changed.wait(patience)
            if self.crashed is not None:
                raise self.crashed
            return self._received.popleft() if self._received else None

    @property
    def finished(self) -> bool:
        """Tells whether nothing more will come."""
        with self._changed:
            return not self._received and not self._lanes.tasks

    @property
    def drained(self) -> bool:
        """Tells whether no file waits to be taken or is being read."""
        with self._changed:
            return not self._received and not self._reading

    def describe(self, export: str) -> str:
        """Says how many windows of an export are at which stage, e.g. `3 processing, 1 downloading`."""
        with self._changed:
            stages = Counter(_stage(task) for task in self._lanes.tasks.values() if task.export == export)
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
        self._download_workers.close(0.0)
        self._read_workers.close(LONGEST_STOP)
        if self._thread is not None:
            self._thread.join(timeout=LONGEST_STOP)

    @property
    def stopping(self) -> bool:
        """Tells whether the runner was told to stop."""
        return self._stopping.is_set()

    def _run(self) -> None:
        try:
            while self._lanes.tasks and not self._stopping.is_set():
                now = self._clock.now()
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
        most = float("inf")
        if now < self._throttled_until:
            most = 0
        elif self._troubles:
            # one call finds out whether LinkedIn answers again
            most = 0 if now < self._pause_until or self._lanes.is_asking else 1
        with self._changed:
            started = list(self._lanes.start_due(now, most))
        for number, task in started:
            if task.stage == "download":
                self._download_workers.submit(partial(self._download, number, task))
            else:
                self._call_workers.submit(partial(self._work, number, partial(self._call, task)))

    def _until_next(self, now: float) -> float:
        due = self._lanes.next_due()
        if due is None:
            return 60.0
        if self._troubles:
            due = max(due, self._pause_until) if not self._lanes.is_asking else now + 60.0
        return max(0.0, due - now, self._throttled_until - now)

    def _take_turn(self, task: Task) -> Task:
        return its_turn(task, self._clock.now(), self._policy, self._durations[task.export])

    def _work(self, number: int, step: Callable[[], TEvent]) -> None:
        """Takes a step of a task, and tells what came of it."""
        if self.stopping:
            return
        event: tuple[int, TEvent] | BaseException
        try:
            event = (number, step())
        except SpoolStalledError:
            raise
        except LeaseLostError as error:
            # nothing more may be done
            event = error
        except (SalesnavError, OSError) as error:
            event = (number, Failed(error))
        except BaseException as error:
            event = error
        self._events.put(event)

    def _call(self, task: Task) -> TEvent:
        if task.job is None:
            return self._create(task)
        return Polled(self._client.job(task.job.id, task.contract))

    def _create(self, task: Task) -> Created:
        created_at = self._clock.epoch()
        entry = self._journal.ask(task.contract, task.export, task.window, created_at)
        try:
            job = self._client.create_job(EXPORTS[task.export].action, task.contract, task.window)
        except (ApiError, JournalUnreachableError):
            self._journal.forget([entry])
            raise
        self._journal.created(entry, job.id)
        return Created(job, entry, created_at)

    def _download(self, number: int, task: Task) -> None:
        """Receives a file, and has it read: once it is there, or, if it is large, while it comes."""
        if self.stopping:
            return
        job = task.job
        assert job is not None and job.download_url is not None
        spool = Spool(self._spool / f"{task.export}-{job.entry}-{job.id}.csv")
        read = partial(self._read_workers.submit, partial(self._read, number, task, spool))
        spool.notify(READ_WHILE_RECEIVING, read)
        try:
            self._client.download(job.download_url, spool)
        except BaseException as error:
            if not spool.end(error):
                self._work(number, partial(self._without_file, task, spool, error))
            return
        if not spool.end():
            read()

    def _without_file(self, task: Task, spool: Spool, error: BaseException) -> Fetched:
        """Tells what a download without a file comes to: nothing is missing where LinkedIn says that there is no row.

        Raises:
            BaseException: the error of the download otherwise.
        """
        spool.remove()
        gone = isinstance(error, DownloadUrlExpiredError) and error.status in (404, 410)
        if not (gone and task.job is not None and task.job.row_count == 0):
            raise error
        return Fetched(NO_FILE)

    def _read(self, number: int, task: Task, spool: Spool) -> None:
        """Reads a file; one that stands still while it is read is read once it is there, so that it holds up no other."""
        if self.stopping:
            return
        try:
            self._work(number, partial(self._read_file, number, task, spool))
        except SpoolStalledError:
            again = partial(self._read_workers.submit, partial(self._read, number, task, spool))
            spool.notify(float("inf"), again)

    def _read_file(self, number: int, task: Task, spool: Spool) -> Fetched:
        """Reads a file into rows; what was read of one that does not come whole is thrown away."""
        job = task.job
        assert job is not None
        rows = spool.path.with_suffix(".parquet")
        try:
            load = self._join_load(number)
            result = read_export(
                spool,
                rows,
                EXPORTS[task.export],
                task.window.first,
                task.window.last,
                job.row_count,
                {"contract": task.contract, "export_job_id": job.id, LOAD_ID: load.id},
                load.compressed,
                self._pool,
                self._max_rejected,
                self._personal_data,
                self._erased_seats.get(task.contract, ()),
            )
            pa.default_memory_pool().release_unused()
            self._check_end(spool, job.unended)
            with self._changed:
                self._rows_read += result.rows_loaded
        except BaseException as error:
            remove(rows)
            if isinstance(error, SpoolStalledError):
                with self._changed:
                    self._reading.discard(number)
                raise
            self._discard(spool)
            if isinstance(error, EmptyFileError) and job.row_count == 0:
                return Fetched(NO_FILE)
            raise
        self._discard(spool)
        return Fetched(ReceivedFile(rows, spool.size, result))

    def _discard(self, spool: Spool) -> None:
        spool.end(SpoolClosedError())
        spool.remove()

    def _check_end(self, spool: Spool, unended: int | None) -> None:
        """Makes sure that a file ends with a line: one that is cut within its last value has as many rows as it should.

        Raises:
            UnendedFileError: if it does not; but not if it came twice like that, which is how LinkedIn writes files then.
        """
        if self._never_ends_lines or _ends_with_line(spool):
            return
        if spool.size != unended:
            raise UnendedFileError(spool.size)
        self._never_ends_lines = True

    def _join_load(self, number: int) -> OpenLoad:
        """Waits for an open load that is not full, which then waits for the file."""
        with self._changed:
            while self._load is None or self._rows_read >= self._load.rows:
                if self.stopping:
                    raise UnavailableError("The run was stopped before the file was read.")
                self._changed.wait()
            self._reading.add(number)
            return self._load

    def _handle(self, number: int, event: TEvent) -> None:
        now = self._clock.now()
        task = self._lanes.tasks[number]
        self._note_answer(task, event, now)
        if isinstance(event, Created):
            self.jobs_created += 1
        if isinstance(event, Polled):
            event = self._with_experience(task, event, now)
        if isinstance(event, Failed):
            logger.info(f"{task}: {one_line(event.error)}")
        step = advance(task, event, now, self._policy, self._jitter.random())
        if step.task.outcome == "failed":
            step = replace(step, task=self._with_reach(task, step.task))
        self._note(step)
        with self._changed:
            self._reading.discard(number)
            self._replace(number, step)
            self._changed.notify_all()
        if step.task.outcome == "failed" and step.task.reach != "window":
            self._far_reaching.append(step.task)
        for cause in self._far_reaching:
            self._spread(cause)

    def _with_experience(self, task: Task, event: Polled, now: float) -> Polled:
        """Adds what is known of how long jobs take, and whether the lane waits for this one."""
        self._log_unknown(event.job)
        others = self._durations[task.export]
        job = task.job
        if task.at_linkedin and job is not None and JobStatus.parse(event.job.status) is JobStatus.COMPLETED:
            insort(others, now - (job.turn if job.turn is not None else job.known_since))
        eager = self._lanes.planned[task.lane] > 1 and self._lanes.is_nearly_done(task)
        return replace(event, eager=eager, others=others)

    def _note_answer(self, task: Task, event: TEvent, now: float) -> None:
        """Keeps all calls back for a while where LinkedIn's API answers none of them."""
        if task.stage == "download" or (isinstance(event, Failed) and isinstance(event.error, JournalUnreachableError)):
            return
        silent = isinstance(event, Failed) and isinstance(event.error, (UnavailableError, ThrottledError))
        if not silent:
            self._troubles, self._last_answer = 0, now
            return
        assert isinstance(event, Failed)
        self._troubles += 1
        told = event.error.retry_after if isinstance(event.error, ThrottledError) else None
        if told is not None and told <= LONGEST_RETRY_AFTER:
            self._throttled_until = max(self._throttled_until, now + told)
        if self._troubles == 1:
            logger.warning(f"{one_line(event.error)} All calls wait, and are tried again.")
        self._pause_until = max(self._pause_until, now + self._policy.pause(self._troubles, 0.5))

    def _with_reach(self, before: Task, failed: Task) -> Task:
        """Lets an outage that no other call has got through end the run, not just the window that noticed it first."""
        if before.stage == "download" or before.trouble_since is None or failed.reach != "window":
            return failed
        answered = self._last_answer is not None and self._last_answer > before.trouble_since
        return failed if answered else replace(failed, reach="run")

    def _note(self, step: Transition) -> None:
        for window in step.open:
            reason = "LinkedIn has no data for these days yet (data delay); the next run asks again"
            self.not_loaded.append(WindowReport(step.task.export, step.task.contract, window, "open", reason))
        if step.task.outcome == "failed":
            task = step.task
            logger.error(f"{task}: not loaded: {task.reason}")
            self.not_loaded.append(
                WindowReport(task.export, task.contract, task.window, "failed", task.reason or "unknown")
            )
        if step.ended_job is not None:
            self._record(step.ended_job)

    def _record(self, ended: EndedJob) -> None:
        record = job_record(ended.task, self._clock.epoch(), error=ended.error)
        if ended.task.job is not None and not ended.still_running:
            self._journal.ended(ended.task.job.entry, record)
        else:
            self._journal.keep_record(record)

    def _add(self, task: Task) -> None:
        self._lanes.add(task)
        self.planned[task.export] += 1

    def _replace(self, number: int, step: Transition) -> None:
        self._lanes.update(number, step.task)
        for child in step.children:
            self._add(child)
        if step.task.stage == "ended":
            self.ended[step.task.export] += 1
            if step.task.outcome == "received":
                self._received.append(step.task)

    def _spread(self, cause: Task) -> None:
        """Lets a failure that is not the window's own end the windows that it concerns as well."""
        for number, task in list(self._lanes.tasks.items()):
            if cause.reach == "lane" and not (task.lane == cause.lane and task.stage == "create"):
                continue
            if cause.reach == "creation" and task.stage != "create":
                continue
            if task.stage == "download" or self._lanes.is_busy(number):
                continue
            step = give_up_with(task, cause)
            self._note(step)
            with self._changed:
                self._replace(number, step)
                self._changed.notify_all()

    def _log_unknown(self, job: Job) -> None:
        status = job.status or "(none)"
        if JobStatus.parse(job.status) is JobStatus.UNKNOWN and status not in self._unknown:
            self._unknown.add(status)
            logger.warning(f"LinkedIn gave job {job.id} the unknown status {status!r}; waiting as for a running job.")


def _stage(task: Task) -> str:
    if task.tries:
        return "without an answer"
    if task.job is None:
        return "planned"
    return "downloading" if task.stage == "download" else task.job.status.lower()


def _ends_with_line(spool: Spool) -> bool:
    """Tells whether a file is empty, compressed (which tells its end by itself) or ends with the end of a line."""
    start = spool.read_at(0, 2)
    if start in (b"", GZIP):
        return True
    width = 2 if start in UTF_16 else 1
    return spool.read_at(spool.size - width, width).strip(b"\0") in (b"\r", b"\n")
