"""How far back LinkedIn's data reach, found by halving: pure arithmetic over days.

LinkedIn does not document how old the days it exports may be. If it refuses a window that reaches too far back, the first day
that it exports lies within that window. Each probe asks for the newer half of the days that are still unknown. A probe that
LinkedIn accepts is an ordinary job that brings these days, so no job is wasted.
"""

from datetime import date
from typing import NamedTuple

from salesnav_source.days.windows import ONE_DAY, Window


class Probe(NamedTuple):
    """A window to ask for, to find the first day that LinkedIn exports."""

    window: Window
    first: date
    """First day of the window that was refused at first."""
    refused: date
    """Newest day on which no window may begin, as far as is known."""

    @property
    def whole(self) -> Window:
        """All days up to the end of this probe: those that LinkedIn does not export, and those still unknown."""
        return Window(self.first, self.window.last)

    @property
    def missing(self) -> Window:
        """The days that LinkedIn does not export, as far as is known."""
        return Window(self.first, self.refused)


def begin(refused: Window) -> Probe | None:
    """Returns the first probe in a window that was refused; None if it is a single day."""
    return _between(refused.first, refused.first, refused.last + ONE_DAY)


def after_refusal(probe: Probe) -> Probe | None:
    """Returns the probe after one that was refused; None if no day is left unknown."""
    return _between(probe.first, probe.window.first, probe.window.last + ONE_DAY)


def after_creation(probe: Probe) -> Probe | None:
    """Returns the probe after one whose job was created; None if no day is left unknown."""
    return _between(probe.first, probe.refused, probe.window.first)


def _between(first: date, refused: date, given: date) -> Probe | None:
    """Returns the probe that halves the days between a refused day and an exported one."""
    unknown = (given - refused).days - 1
    if unknown < 1:
        return None
    middle = refused + ONE_DAY * ((unknown + 2) // 2)
    return Probe(Window(middle, given - ONE_DAY), first, refused)
