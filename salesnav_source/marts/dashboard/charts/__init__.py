"""Charts: pure functions from a frame to a drawing, which is a chart, its figures as a table, and a sentence with them.

A chart has no size of its own, background or text colours: these belong to who shows it. Days stand on UTC days wherever it
is shown. What its tooltips say is written here in words, so that no library has to make text of dates or of nothing.
"""

from salesnav_source.marts.dashboard.charts.bars import bars, histogram, intervals
from salesnav_source.marts.dashboard.charts.grids import coverage, hours, retention
from salesnav_source.marts.dashboard.charts.look import (
    BLUE,
    GREEN,
    GREY,
    HEIGHT,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawing,
    spec,
    theme,
    unchecked,
)
from salesnav_source.marts.dashboard.charts.time import line_over_time, lines_over_time, over_time

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "HEIGHT",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "Drawing",
    "bars",
    "coverage",
    "histogram",
    "hours",
    "intervals",
    "line_over_time",
    "lines_over_time",
    "over_time",
    "retention",
    "spec",
    "theme",
    "unchecked",
]
