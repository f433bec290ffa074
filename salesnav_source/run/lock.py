"""The lock that keeps two runs of one pipeline apart, from the plan to the end of the load."""

import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

from salesnav_source.exceptions import PipelineBusyError
from salesnav_source.jobs.journal import JournalStore

PATIENCE = 1.0
"""Seconds to wait for the lock: `salesnav status` locks it for a moment, to see whether a run is at work."""


class PipelineLock:
    """The lock of one pipeline. A run that has the lock may acquire it again, e.g. for two instances of the source."""

    _taking: ClassVar[threading.Lock] = threading.Lock()
    _held: ClassVar[dict[Path, "PipelineLock"]] = {}
    _inherited: ClassVar[list["PipelineLock"]] = []
    """Locks of the process that this one was forked from. Releasing them would unlock them there."""

    def __init__(self, pipelines_dir: str, pipeline_name: str) -> None:
        """Prepares the lock of a pipeline."""
        self._pipeline_name = pipeline_name
        self._path = Path(pipelines_dir) / f"{pipeline_name}.salesnav.lock"
        self._holder = self._path.with_suffix(".holder")
        # a run may end in another thread than the one in which dlt has extracted
        self._lock = FileLock(self._path, timeout=PATIENCE, thread_local=False)
        self._thread = 0
        self._load_id: str | None = None
        self._callbacks: list[Callable[[], object]] = []
        self._store: JournalStore | None = None
        self._opening_store = threading.Lock()

    def acquire(self, load_id: str | None = None) -> "PipelineLock":
        """Acquires the lock, and returns it; if this run has it already, returns that one.

        Args:
            load_id: the load that is extracted, if any: its resources may be on several threads.

        Raises:
            PipelineBusyError: if another run has it, with what is known about that run.
        """
        with PipelineLock._taking:
            held = PipelineLock._held.get(self._path)
            if held is None or not held._is_of(load_id):
                self._acquire(held)
                self._load_id = load_id
                return self
            return held

    def _is_of(self, load_id: str | None) -> bool:
        return self._thread == threading.get_ident() or (load_id is not None and self._load_id == load_id)

    def _acquire(self, held: "PipelineLock | None") -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if held is not None:
                raise Timeout(str(self._path))
            self._lock.acquire()
        except Timeout:
            raise self._busy() from None
        self._thread = threading.get_ident()
        PipelineLock._held[self._path] = self
        since = datetime.now(timezone.utc)
        self._holder.write_text(f"process {os.getpid()} on {socket.gethostname()}, since {since:%Y-%m-%d %H:%M:%S} UTC")

    def store_of_run(self, make: Callable[[], tuple[JournalStore, list[Callable[[], object]]]]) -> JournalStore:
        """Returns the store of the run's journal, created once for all instances of the source in the run.

        Args:
            make: creates the store, and returns functions to call when the lock is released, last one first.
        """
        with self._opening_store:
            if self._store is None:
                self._store, callbacks = make()
                self._callbacks += callbacks
            return self._store

    def release(self) -> None:
        """Releases the lock, if this process has it."""
        held = PipelineLock._held.pop(self._path, None)
        if held is not None:
            try:
                for callback in reversed(held._callbacks):
                    callback()
            finally:
                held._callbacks.clear()
                held._store = None
                self._holder.unlink(missing_ok=True)
                held._lock.release()

    def check(self) -> None:
        """Makes sure that no other run is at work, and changes nothing.

        Raises:
            PipelineBusyError: if one is.
        """
        held = PipelineLock._held.get(self._path)
        if held is not None:
            if not held._is_of(None):
                raise self._busy()
        elif self._path.exists():
            try:
                with self._lock:
                    return
            except Timeout:
                raise self._busy() from None

    def _busy(self) -> PipelineBusyError:
        try:
            holder = self._holder.read_text(encoding="utf-8")
        except OSError:
            holder = "which one is not known"
        return PipelineBusyError(
            f"Another run of pipeline {self._pipeline_name} is at work: {holder} (it has locked {self._path}). Wait until it"
            " has ended; nothing was asked of LinkedIn."
        )

    @classmethod
    def _forget_in_child(cls) -> None:
        cls._taking = threading.Lock()
        cls._inherited += cls._held.values()
        cls._held = {}


os.register_at_fork(after_in_child=PipelineLock._forget_in_child)
