"""Threads that do what is submitted to them."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """A few daemon threads, so that a call that hangs keeps no process from ending."""

    def __init__(self, name: str, threads: int) -> None:
        """Prepares the workers; a thread is started once there is work for it.

        Args:
            name: what the threads are called.
            threads: how many there are at most.
        """
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._name = name
        self._most = threads
        self._started: list[threading.Thread] = []
        self._starting = threading.Lock()

    def submit(self, work: Callable[[], None]) -> None:
        """Has `work` done as soon as a thread is free."""
        with self._starting:
            if len(self._started) < self._most:
                name = f"{self._name}-{len(self._started)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._started.append(thread)
                thread.start()
        self._work.put(work)

    def close(self, patience: float) -> None:
        """Lets the threads end after what they are doing now, and waits for that.

        Args:
            patience: seconds to wait at most.
        """
        for _ in self._started:
            self._work.put(None)
        deadline = time.monotonic() + patience
        for thread in self._started:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
