"""Finds the reason of a refused creation (400): the form of `endAt`, days that are too far back, or the window itself.

LinkedIn's status only says that it does not accept the request. So the verdict depends on which other requests it refused:

- As long as no job was created, the form of `endAt` may be the reason. The tasks wait. If every window was refused, or
  `SAMPLE` of them, the next form is tried. The form in which a job is created is kept for the run.
- Otherwise the window may reach further back than LinkedIn's data. The window is searched for the first day that LinkedIn
  exports. The lane's older windows are then not available, and are not asked for.
- If LinkedIn refuses even the newest day of a window, an older window of the lane decides: if that is refused too, both are not
  available. Without an older window, only days that ended more than `FAR_BACK_DAYS` ago count as not available.
- In any other case the window has failed, even if the lane's older days were exported, or none at all.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from salesnav_source.days.reach import after_creation
from salesnav_source.days.windows import ONE_DAY
from salesnav_source.jobs.lanes import TLane
from salesnav_source.jobs.machine import next_probe
from salesnav_source.jobs.task import Refused, Task, TVerdict
from salesnav_source.settings.configuration import INTERVAL_ENDS, TIntervalEnd

SAMPLE = 8
"""If LinkedIn has refused so many windows in one form of `endAt` and accepted none, the next form is tried."""
FAR_BACK_DAYS = 30
"""Days that ended so long ago may be too far back even if LinkedIn exported no day of their window."""


class Forms:
    """The form of `endAt` that LinkedIn accepts."""

    def __init__(self, setting: TIntervalEnd | Literal["auto"], remembered: TIntervalEnd | None = None) -> None:
        """Starts with the form of the setting.

        Args:
            setting: the only form to use, or `auto`.
            remembered: the form that worked in an earlier run, to try first; if None, the first of all.
        """
        forms = sorted(INTERVAL_ENDS, key=lambda form: form != remembered)
        self._order: list[TIntervalEnd] = forms if setting == "auto" else [setting]
        self.current = self._order[0]
        self.settled = setting != "auto"
        """True once the form cannot be the reason of a refusal."""
        self.works: TIntervalEnd | None = None
        """The form in which a job was created."""

    @property
    def note(self) -> str | None:
        """What the user should know, if anything."""
        if self.works is None or self.works == self._order[0]:
            return None
        return (
            f"LinkedIn refused every job whose interval ends at the {_words(self._order[0])}, and accepted the"
            f" {_words(self.works)}: a guess about `endAt` was wrong. That form is used from now on; the setting interval_end"
            " fixes it."
        )

    def accept(self, form: TIntervalEnd) -> None:
        """Notes that a job was created."""
        if self.works is None:
            self.current, self.works = form, form
        self.settled = True

    def try_next(self) -> None:
        """Goes on to the next form. If all were refused, goes back to the first one for the rest of the run."""
        following = self._order.index(self.current) + 1
        self.settled = following == len(self._order)
        self.current = self._order[0 if self.settled else following]


def _words(form: TIntervalEnd) -> str:
    return {
        "last_millisecond": "last millisecond of its last day",
        "next_midnight": "midnight after its last day",
        "last_second": "last second of its last day",
    }[form]


@dataclass
class _Lane:
    """What creations in a lane have shown about how far back LinkedIn's data reach."""

    given: date | None = None
    """The earliest first day of a window whose job was created."""
    searching: bool = False
    searched: bool = False
    found: bool = False
    """True once a job was created for a part of the window that is searched."""
    suspect: int | None = None
    """A task whose days were all refused; it waits for the answer to an older window."""
    suspect_last: date = date.min
    reaches_to: date | None = None
    """The first day that LinkedIn exports, once it is known that it refuses the days before."""
    refusal: Refused | None = None
    """The last refusal."""


class Refusals:
    """Judges refused creations by all creations of the run so far."""

    def __init__(self, forms: Forms, today: Callable[[], date]) -> None:
        """Starts without a creation.

        Args:
            forms: the form of `endAt` that LinkedIn accepts.
            today: returns the current UTC day.
        """
        self.forms = forms
        self._today = today
        self._lanes: dict[TLane, _Lane] = defaultdict(_Lane)
        self._waiting: dict[int, Refused] = {}
        """Refusals without a verdict yet, by the numbers of their tasks."""
        self._ending: set[TLane] = set()
        """Lanes for which it was just found how far back LinkedIn's data reach."""

    def accept(self, task: Task, form: TIntervalEnd | None = None) -> None:
        """Notes that the job of a task was created, in a form of `endAt`; if None, by an earlier run."""
        lane = self._lanes[task.lane]
        lane.given = min(task.window.first, lane.given or task.window.first)
        if task.probe is not None:
            lane.found = True
            if after_creation(task.probe) is None:
                self._end_search(task, task.window.first)
        if form is not None:
            self.forms.accept(form)

    def judge(self, number: int, task: Task, refused: Refused, tasks: Mapping[int, Task]) -> Refused:
        """Returns a refusal with the verdict on it.

        Args:
            number: the task's number.
            task: the task whose job was refused.
            refused: the refusal.
            tasks: the tasks that have not ended, by their numbers.
        """
        self._lanes[task.lane].refusal = refused
        verdict = self._on_form(refused) or self._on_window(number, task, tasks)
        if verdict == "wait":
            self._waiting[number] = refused
        return replace(refused, verdict=verdict)

    def decided(self, tasks: Mapping[int, Task], idle: bool) -> list[tuple[int, Refused]]:
        """Returns tasks for which there is a verdict now, each with its verdict. Call it again until it returns none.

        Args:
            tasks: the tasks that have not ended, by their numbers.
            idle: true if no creation is running and none can be started now.
        """
        if not (self._waiting or self._ending):
            return []
        self._waiting = {number: refused for number, refused in self._waiting.items() if number in tasks}
        if not self.forms.settled:
            return self._next_form(idle)
        return self._too_far_back(tasks) or self._released(tasks)

    def _on_form(self, refused: Refused) -> TVerdict | None:
        if refused.interval_end != self.forms.current:
            return "form"
        return None if self.forms.settled else "wait"

    def _on_window(self, number: int, task: Task, tasks: Mapping[int, Task]) -> TVerdict:
        lane = self._lanes[task.lane]
        if lane.reaches_to is not None and task.window.last < lane.reaches_to:
            return "not_available"
        if lane.given is not None and lane.given < (task.probe.first if task.probe else task.window.first):
            return "window"
        if task.probe is None:
            if lane.searching or (not lane.searched and _newer_waits(task, tasks)):
                return "wait"
            if lane.suspect not in (None, number):
                # this older window decides: the newer one was refused, too
                self._end_search(task, lane.suspect_last + ONE_DAY)
                return "not_available"
            if lane.searched and lane.suspect is None:
                return "window"
        if lane.suspect is None:
            lane.searched = True
            lane.searching = next_probe(task) is not None
            if lane.searching:
                return "search"
        if lane.found:
            self._end_search(task, task.window.last + ONE_DAY)
            return "search"
        return self._on_whole(number, task, lane, tasks)

    def _on_whole(self, number: int, task: Task, lane: _Lane, tasks: Mapping[int, Task]) -> TVerdict:
        """Returns the verdict on a window whose newest day LinkedIn has refused, too."""
        if lane.given is None:
            return "window"
        if _others_wait(tasks, task.lane, number):
            lane.suspect, lane.suspect_last = number, task.window.last
            return "wait"
        lane.suspect = None
        far_back = (self._today() - task.window.last).days > FAR_BACK_DAYS
        return "not_available" if far_back else "window"

    def _end_search(self, task: Task, reaches_to: date) -> None:
        lane = self._lanes[task.lane]
        lane.searching, lane.reaches_to = False, reaches_to
        self._ending.add(task.lane)

    def _next_form(self, idle: bool) -> list[tuple[int, Refused]]:
        if not self._waiting or not (idle or len(self._waiting) >= SAMPLE):
            return []
        self.forms.try_next()
        if self.forms.settled:
            return []
        again = [(number, replace(refused, verdict="form")) for number, refused in self._waiting.items()]
        self._waiting.clear()
        return again

    def _too_far_back(self, tasks: Mapping[int, Task]) -> list[tuple[int, Refused]]:
        """Returns the tasks that were just found to be too far back, whether they were asked for or not."""
        found = []
        for number, task in tasks.items() if self._ending else ():
            lane = self._lanes[task.lane]
            if (
                task.lane not in self._ending
                or task.stage != "create"
                or lane.reaches_to is None
                or lane.refusal is None
            ):
                continue
            if task.window.last < lane.reaches_to:
                self._waiting.pop(number, None)
                found.append((number, replace(lane.refusal, verdict="not_available")))
        self._ending.clear()
        return found

    def _released(self, tasks: Mapping[int, Task]) -> list[tuple[int, Refused]]:
        """Returns the newest task that no longer has to wait."""
        for number, refused in sorted(self._waiting.items(), key=lambda one: tasks[one[0]].window, reverse=True):
            task = tasks[number]
            lane = self._lanes[task.lane]
            lane.searching = any(
                one.probe is not None and one.lane == task.lane and other not in self._waiting
                for other, one in tasks.items()
            )
            verdict = self._on_window(number, task, tasks)
            if verdict != "wait":
                del self._waiting[number]
                return [(number, replace(refused, verdict=verdict))]
        return []


def _newer_waits(task: Task, tasks: Mapping[int, Task]) -> bool:
    """True if a newer window of the lane has no job yet: the search begins in the newest one."""
    return any(
        one.lane == task.lane and one.stage == "create" and one.window.last > task.window.last for one in tasks.values()
    )


def _others_wait(tasks: Mapping[int, Task], lane: TLane, number: int) -> bool:
    return any(task.lane == lane and task.stage == "create" for other, task in tasks.items() if other != number)
