"""The time, and waiting: handed in, so that tests wait for nothing."""

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
            seconds: how long to wait at most.
            busy: whether a call is under way whose end will be an event.
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
