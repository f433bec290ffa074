"""Fetches files: downloads them, and reads their rows, during the download or after it."""

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from salesnav_source.days.windows import Days
from salesnav_source.exceptions import DownloadUrlExpiredError, EmptyFileError, UnavailableError, UnendedFileError
from salesnav_source.jobs.task import NO_FILE, Fetched, ReceivedFile, Task
from salesnav_source.jobs.workers import Workers
from salesnav_source.linkedin.client import Client
from salesnav_source.linkedin.reader import ReadResult, read_export, remove
from salesnav_source.linkedin.reader.blocks import GZIP, UTF_16
from salesnav_source.linkedin.spool import Spool, SpoolClosedError, SpoolStalledError
from salesnav_source.schema import EXPORTS, LOAD_ID
from salesnav_source.settings.configuration import MAX_REJECTED
from salesnav_source.settings.privacy import KEPT, PersonalData

DOWNLOAD_THREADS = 16
READ_WHILE_RECEIVING = 8 << 20
"""A file that has reached so many bytes is read while it is still being received."""


@dataclass(frozen=True)
class OpenLoad:
    """A load for which files are read."""

    id: str
    """Is in every row."""
    compressed: bool
    """True if rows are compressed, because they leave this machine."""
    rows: float = float("inf")
    """Once it has so many rows, no more files are read for it."""


@dataclass(frozen=True)
class Reading:
    """How files are read."""

    pool: Executor | None = None
    """Types the blocks of files; if None, each file has its own pool."""
    max_rejected: float = MAX_REJECTED
    """Share of a file's rows that may be rejected."""
    personal_data: PersonalData = KEPT
    """How personal data are loaded."""
    erased_seats: Mapping[str, Collection[int]] = field(default_factory=dict)
    """Erased seats by contract; their rows are never loaded."""
    known_columns: Callable[[str, str], Mapping[str, str]] = lambda contract, export: {}
    """Returns the column of each header that files of a contract's export had before."""
    kept_days: Callable[[str, str], Days] = lambda contract, export: Days()
    """Returns the days of a contract's export that are loaded or asked for: rows of a day next to a window are kept there."""

    def read(self, task: Task, source: Path | Spool, rows: Path, load: OpenLoad) -> ReadResult:
        """Reads the file of a task into typed rows.

        Args:
            task: has a job, or a file that was handed over.
            source: the file.
            rows: where the rows are written.
            load: the load that takes them.

        Raises:
            IncompleteFileError: if the file is not whole.
            ReadError: if it cannot be read as the export.
        """
        window = task.handed.window if task.handed else task.window
        result = read_export(
            source,
            rows,
            EXPORTS[task.export],
            window.first,
            window.last,
            task.job.row_count if task.job else None,
            {"contract": task.contract, "export_job_id": task.job_id, LOAD_ID: load.id},
            load.compressed,
            self.pool,
            self.max_rejected,
            self.personal_data,
            self.erased_seats.get(task.contract, ()),
            self.known_columns(task.contract, task.export),
            None if task.days == Days((window,)) else task.days,
            self.kept_days(task.contract, task.export),
        )
        pa.default_memory_pool().release_unused()
        return result


class LoadGate:
    """Lets files be read only while a load is open and not full."""

    def __init__(self, changed: threading.Condition, stopping: threading.Event) -> None:
        """Starts without an open load.

        Args:
            changed: notified when a load is opened.
            stopping: set once the run stops.
        """
        self._changed = changed
        self._stopping = stopping
        self._load: OpenLoad | None = None
        self._rows = 0
        self._inside: set[int] = set()
        """Tasks whose file is being read, or waits to be handed over."""

    @property
    def is_empty(self) -> bool:
        """True if no file is being read or waits to be handed over."""
        return not self._inside

    def open(self, load: OpenLoad) -> None:
        """Lets files be read for a load from now on. That load must take them."""
        with self._changed:
            self._load, self._rows = load, 0
            self._changed.notify_all()

    def close(self) -> None:
        """Lets no more files in until another load is opened. Files that are being read still come."""
        with self._changed:
            self._load = None

    def enter(self, number: int) -> OpenLoad:
        """Waits for an open load that is not full. The load then waits for this file.

        Raises:
            UnavailableError: if the run stops meanwhile.
        """
        with self._changed:
            while self._load is None or self._rows >= self._load.rows:
                if self._stopping.is_set():
                    raise UnavailableError("The run was stopped before the file was read.")
                self._changed.wait()
            self._inside.add(number)
            return self._load

    def add_rows(self, rows: int) -> None:
        """Counts the rows of a file that was read."""
        with self._changed:
            self._rows += rows

    def leave(self, number: int) -> None:
        """Lets the load no longer wait for the file of a task."""
        with self._changed:
            self._inside.discard(number)


class Fetcher:
    """Downloads and reads files, on a few threads."""

    def __init__(
        self,
        client: Client,
        spool: Path,
        gate: LoadGate,
        reading: Reading,
        report: Callable[[int, Callable[[], Fetched]], None],
        stopping: threading.Event,
    ) -> None:
        """Starts nothing yet.

        Args:
            client: LinkedIn's API.
            spool: folder for the files received; must exist.
            gate: decides when a file may be read, and for which load.
            reading: how files are read.
            report: called with a task's number and a step of it; does the step, and reports the result.
            stopping: set once the run stops.
        """
        self._client = client
        self._spool = spool
        self._gate = gate
        self._reading = reading
        self._report = report
        self._stopping = stopping
        self._download_workers = Workers("salesnav-download", DOWNLOAD_THREADS)
        # one file at a time: each uses all cores, and memory for its blocks
        self._read_workers = Workers("salesnav-read", 1)
        self._never_ends_lines = False
        """True once the same file came twice without a line break at its end: LinkedIn writes files like that."""

    def submit(self, number: int, task: Task) -> None:
        """Fetches the file of a task's job as soon as a thread is free."""
        self._download_workers.submit(partial(self._download, number, task))

    def close(self, patience: float) -> None:
        """Waits for the file that is being read.

        Args:
            patience: longest time to wait, in seconds.
        """
        self._download_workers.close(0.0)
        self._read_workers.close(patience)

    def _download(self, number: int, task: Task) -> None:
        """Receives a file and lets it be read: after the download, or, if it is large, during it."""
        if self._stopping.is_set():
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
                self._report(number, partial(self._without_file, task, spool, error))
            return
        if not spool.end():
            read()

    def _without_file(self, task: Task, spool: Spool, error: BaseException) -> Fetched:
        """Returns an empty file for a failed download if LinkedIn announced no row.

        Raises:
            BaseException: the error of the download, in any other case.
        """
        spool.remove()
        gone = isinstance(error, DownloadUrlExpiredError) and error.status in (404, 410)
        if not (gone and task.job is not None and task.job.row_count == 0):
            raise error
        return Fetched(NO_FILE)

    def _read(self, number: int, task: Task, spool: Spool) -> None:
        """Reads a file. If its download stalls, it is read after the download, so that it delays no other file."""
        if self._stopping.is_set():
            return
        try:
            self._report(number, partial(self._read_file, number, task, spool))
        except SpoolStalledError:
            again = partial(self._read_workers.submit, partial(self._read, number, task, spool))
            spool.notify(float("inf"), again)

    def _read_file(self, number: int, task: Task, spool: Spool) -> Fetched:
        """Reads a file into rows. If the file does not come completely, its rows are thrown away."""
        job = task.job
        assert job is not None
        rows = spool.path.with_suffix(".parquet")
        try:
            load = self._gate.enter(number)
            result = self._reading.read(task, spool, rows, load)
            self._check_end(spool, job.unended)
            self._gate.add_rows(result.rows_loaded)
        except BaseException as error:
            remove(rows)
            if isinstance(error, SpoolStalledError):
                self._gate.leave(number)
                raise
            _discard(spool)
            if isinstance(error, EmptyFileError) and job.row_count == 0:
                return Fetched(NO_FILE)
            raise
        _discard(spool)
        return Fetched(ReceivedFile(rows, spool.size, result))

    def _check_end(self, spool: Spool, unended: int | None) -> None:
        """Makes sure that a file ends with a line break. A file cut within its last value would have the right row count.

        Raises:
            UnendedFileError: if it does not, unless it came twice like that: then LinkedIn writes files like that.
        """
        if self._never_ends_lines or ends_with_line(spool):
            return
        if spool.size != unended:
            raise UnendedFileError(spool.size)
        self._never_ends_lines = True


def _discard(spool: Spool) -> None:
    spool.end(SpoolClosedError())
    spool.remove()


def ends_with_line(file: Spool | Path) -> bool:
    """True if a file is empty, compressed (its end is marked then) or ends with the end of a line."""
    with file.open("rb") as opened:
        start = opened.read(2)
        if start in (b"", GZIP):
            return True
        width = 2 if start in UTF_16 else 1
        opened.seek((file.size if isinstance(file, Spool) else file.stat().st_size) - width)
        return opened.read(width).strip(b"\0") in (b"\r", b"\n")
