"""The time, and waiting. Both are handed in, so that tests do not have to wait."""

import time
from queue import Empty, SimpleQueue
from typing import Any, Protocol


class Clock(Protocol):
    """The time, and waiting."""

    def now(self) -> float:
        """Returns seconds that never go backwards."""

    def epoch(self) -> float:
        """Returns seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Waits."""

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        """Returns the next event, or None once the seconds are over.

        Args:
            events: where events arrive.
            seconds: longest time to wait.
            busy: true if a call is running whose end will be an event.
        """


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Returns seconds that never go backwards."""
        return time.monotonic()

    def epoch(self) -> float:
        """Returns seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        """Returns the next event, or None once the seconds are over."""
        try:
            return events.get(timeout=seconds)
        except Empty:
            return None
