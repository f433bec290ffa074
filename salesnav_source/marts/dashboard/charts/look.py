"""What all charts share: colours, the theme, and the way from a chart to Vega-Lite."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import pandas as pd
from altair.utils import schemapi

from salesnav_source.marts.dashboard.text import clean

# after Okabe and Ito: told apart by colour-blind people, and each stands out from white and from black by 3 to 1
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, GREY = (
    "#2473b0",
    "#c77700",
    "#0f8a66",
    "#d1601f",
    "#4a9cd0",
    "#b96a98",
    "#7d838d",
)
PALE = 0.4
HEIGHT = 220
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"

_LONGEST_TOOLTIP = 400
_LONGEST = 1_000


@dataclass(frozen=True)
class Drawing:
    """A chart with what it shows, in figures and in words."""

    chart: Any = field(repr=False)
    """Of altair."""
    data: pd.DataFrame = field(repr=False)
    """The figures, under the names that people read."""
    summary: str = ""
    """A sentence with the figures that matter."""


def theme(ink: str = "currentColor", background: str = "transparent") -> dict[str, Any]:
    """Returns the configuration of charts, for Vega-Lite's `config`.

    Args:
        ink: the colour of text; by default that of the page around it, so that a chart drawn as SVG suits light and dark.
        background: the colour behind it.
    """
    line = "#8a8f9855"
    small = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return {
        "background": background,
        "font": FONT,
        # the picture as a whole has a name, a sentence and a table; marks that spell their data say nothing more
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "labelColor": ink,
            "labelOpacity": 0.85,
            "titleColor": ink,
            "titleOpacity": 0.85,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            **small,
        },
        "legend": {
            "labelColor": ink,
            "labelFontSize": 12,
            # letters that a picture is drawn with may be wider than those it was measured with
            "columnPadding": 18,
            "orient": "top",
            "title": None,
        },
        # names beside a chart; on a narrow page the script makes them shorter
        "axisY": {"labelLimit": 230},
        "text": {"color": ink},
        "title": {"color": ink, "subtitleColor": ink},
    }


def spec(chart: Any) -> dict[str, Any]:
    """Returns a chart as Vega-Lite, with all text in it fit to be drawn.

    Args:
        chart: of altair.
    """
    with unchecked():
        made: dict[str, Any] = chart.to_dict(validate=False)
    return dict(_cleaned({**made, "config": theme()}))


def _cleaned(value: Any) -> Any:
    """Returns a part of a specification without letters that have no shape; a renderer may end at them."""
    if isinstance(value, str):
        is_fit = len(value) <= _LONGEST and value.isascii() and value.isprintable()
        return value if is_fit else clean(value, _LONGEST)
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value


@contextmanager
def unchecked() -> Iterator[None]:
    """Lets charts be made without checking each part against the schema, which takes longer than all else; tests check it."""
    with schemapi.debug_mode(False):
        yield


def tooltip() -> alt.Tooltip:
    """Returns the tooltip of marks whose rows say in `says` what they are: a text, never a table of fields."""
    return alt.Tooltip("says:N")


def said(*parts: str) -> str:
    """Joins what a tooltip says, without what is empty."""
    return clean(" · ".join(part for part in parts if part), _LONGEST_TOOLTIP)


def sized(chart: Any, height: int = HEIGHT) -> Any:
    """Returns a chart as wide as the page lets it."""
    return chart.properties(width="container", height=height)


def legend(entries: int) -> alt.Legend:
    """Returns a legend that is no wider on a phone than the chart."""
    return alt.Legend(columns=2 if entries > 2 else 0)


def in_utc(days: pd.Series) -> pd.Series:
    """Returns days as moments that are the same in every browser: a day without a zone would move with its clock."""
    return days.dt.tz_localize("UTC") if getattr(days.dt, "tz", None) is None else days
