"""Times in which LinkedIn does not answer, or throttles: all calls wait together."""

from dataclasses import replace

from dlt.common import logger

from salesnav_source.exceptions import JournalUnreachableError, ThrottledError, UnavailableError, one_line
from salesnav_source.jobs.machine import LONGEST_RETRY_AFTER
from salesnav_source.jobs.task import Failed, Policy, Task, TEvent


class Outage:
    """The state of LinkedIn's API, by the answers to all calls, and how long calls wait because of it."""

    def __init__(self, policy: Policy, width: int) -> None:
        """Starts with an API that answers.

        Args:
            policy: time-outs and pauses.
            width: most calls at a time.
        """
        self._policy = policy
        self._most = width
        self._width = float(width)
        """How many calls run at a time: half as many after LinkedIn has throttled, then slowly more again."""
        self._troubles = 0
        """Calls in a row, over all windows, that got no answer."""
        self._pause_until = 0.0
        """Until when all calls wait because LinkedIn does not answer, seconds on the clock."""
        self._throttled_until = 0.0
        """Until when all calls wait because LinkedIn throttles, seconds on the clock."""
        self._last_answer: float | None = None
        """Time of the last answer of LinkedIn's API, seconds on the clock."""

    def calls(self, now: float, under_way: int) -> int:
        """Returns how many more calls may be started.

        Args:
            now: seconds on the clock.
            under_way: calls that are running, without downloads.
        """
        if now < self._throttled_until:
            return 0
        if self._troubles:
            # one call tries whether LinkedIn answers again
            return 0 if now < self._pause_until or under_way else 1
        return max(0, int(self._width) - under_way)

    def holds_all_back(self, now: float) -> bool:
        """True while no call may be started, and no download."""
        return now < self._throttled_until or bool(self._troubles and now < self._pause_until)

    def until_next(self, now: float, due: float | None, under_way: int) -> float:
        """Returns how many seconds from now the next call may be made.

        Args:
            now: seconds on the clock.
            due: when the next call is due if LinkedIn answers, None if no call waits for its time.
            under_way: calls that are running, without downloads.
        """
        if due is None or (under_way >= int(self._width) or (self._troubles and under_way)):
            # the end of a call is an event
            return 60.0
        if self._troubles:
            due = max(due, self._pause_until)
        return max(0.0, due - now, self._throttled_until - now)

    def note(self, task: Task, event: TEvent, now: float) -> None:
        """Notes the answer to a call of a task. If there was none, delays all calls for a while."""
        if task.stage == "download" or (isinstance(event, Failed) and isinstance(event.error, JournalUnreachableError)):
            return
        if not (isinstance(event, Failed) and isinstance(event.error, (UnavailableError, ThrottledError))):
            self._troubles, self._last_answer = 0, now
            self._width = min(self._most, self._width + 1 / self._width)
            return
        error = event.error
        retry_after = error.retry_after if isinstance(error, ThrottledError) else None
        if retry_after is not None and retry_after <= LONGEST_RETRY_AFTER:
            self._throttled_until = max(self._throttled_until, now + retry_after)
        if self._troubles and now < self._pause_until:
            # this call was running when the pause began
            return
        self._troubles += 1
        if isinstance(error, ThrottledError):
            self._width = max(1.0, self._width / 2)
        if self._troubles == 1:
            logger.warning(f"{one_line(error)} All calls wait, and are tried again.")
        self._pause_until = now + self._policy.pause(self._troubles, 0.5)

    def with_reach(self, before: Task, failed: Task) -> Task:
        """Returns a failed task. If no other call was answered since its trouble began, the failure ends the run.

        Args:
            before: the task before its last call.
            failed: the task after it.
        """
        if before.stage == "download" or before.trouble_since is None or failed.reach != "window":
            return failed
        answered = self._last_answer is not None and self._last_answer > before.trouble_since
        return failed if answered else replace(failed, reach="run")
