"""Threads that run what is submitted to them."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """A few daemon threads, so that a call that hangs does not keep the process from ending."""

    def __init__(self, name: str, threads: int) -> None:
        """Prepares the workers. A thread is started once there is work for it.

        Args:
            name: of the threads.
            threads: most threads.
        """
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._name = name
        self._most = threads
        self._started: list[threading.Thread] = []
        self._free = 0
        """Threads that wait for work, minus the work that has not begun."""
        self._counting = threading.Lock()

    def submit(self, work: Callable[[], None]) -> None:
        """Runs `work` as soon as a thread is free. A free thread comes before a new one: it has a connection to LinkedIn."""
        with self._counting:
            self._free -= 1
            if self._free < 0 and len(self._started) < self._most:
                self._free += 1
                name = f"{self._name}-{len(self._started)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                thread.start()
                self._started.append(thread)
        self._work.put(work)

    def close(self, patience: float) -> None:
        """Lets the threads end after their current work, and waits for that.

        Args:
            patience: longest time to wait, in seconds.
        """
        for _ in self._started:
            self._work.put(None)
        deadline = time.monotonic() + patience
        for thread in self._started:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            with self._counting:
                self._free += 1
