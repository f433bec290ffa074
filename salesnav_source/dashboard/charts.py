"""Charts: pure functions from a frame to a chart, without size, background or text colours, which belong to who shows them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import altair as alt
import pandas as pd
from altair.utils import schemapi

from salesnav_source.dashboard.frames import MISSING, PARTLY, WEEKDAYS, stretches

# after Okabe and Ito: told apart by colour-blind people, and of a lightness that stands on white and on black
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, GREY = (
    "#2a7fbf",
    "#e08e0b",
    "#12966f",
    "#d1601f",
    "#62b5e5",
    "#b96a98",
    "#8a8f98",
)
HEIGHT = 220
_PALE = 0.4


def theme(ink: str = "currentColor", background: str = "transparent") -> dict[str, Any]:
    """Returns the configuration of charts, for Vega-Lite's `config`.

    Args:
        ink: the colour of text; by default that of the page around it, so that a chart drawn as SVG suits light and dark.
        background: the colour behind it.
    """
    line = "#8a8f9855"
    return {
        "background": background,
        "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": ink,
            "labelOpacity": 0.75,
            "titleColor": ink,
            "titleOpacity": 0.75,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "legend": {
            "labelColor": ink,
            "labelFontSize": 12,
            "orient": "top",
            "title": None,
            # on a phone in two rows
            "columns": {"expr": "width < 330 ? 2 : 0"},
        },
        "text": {"color": ink},
        "title": {"color": ink, "subtitleColor": ink},
    }


def spec(chart: Any) -> dict[str, Any]:
    """Returns a chart as Vega-Lite, for a page of any colour."""
    options = {"renderer": "svg", "actions": False}
    return {**chart.to_dict(validate=False), "config": theme(), "usermeta": {"embedOptions": options}}


@contextmanager
def unchecked() -> Iterator[None]:
    """Lets charts be made without checking each part against the schema, which takes longer than all else; tests check it."""
    with schemapi.debug_mode(False):
        yield


def over_time(
    frame: pd.DataFrame,
    parts: Mapping[str, tuple[str, str]],
    start: str = "week",
    total: tuple[str, str] | None = None,
    weekends: pd.DataFrame | None = None,
) -> alt.LayerChart:
    """Draws stacked bars over days or weeks; grey where nothing is loaded, pale where only a part is.

    Args:
        frame: a row for each day or week, with its start, end and state.
        parts: column → what it is called, colour; stacked in this order.
        start: the column with the day or week.
        total: a column to draw as a line above the bars, and what it is called.
        weekends: of `frames.weekends`, shaded.
    """
    long = _stacked(frame, list(parts), start)
    long["part"] = long["column"].map({column: name for column, (name, _) in parts.items()})
    names, colours = [name for name, _ in parts.values()], [colour for _, colour in parts.values()]
    drawn = (
        alt.Chart(long)
        .mark_rect(stroke=None)
        .encode(
            x=alt.X("from:T"),
            x2=alt.X2("to:T"),
            y=alt.Y("low:Q", title=None, axis=_counts()),
            y2=alt.Y2("high:Q"),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(
                    domain=[*names, *([total[1]] if total else [])], range=[*colours, *([GREY] if total else [])]
                ),
                legend=alt.Legend() if len(parts) > 1 or total else None,
            ),
            opacity=alt.condition(alt.datum.state == PARTLY, alt.value(_PALE), alt.value(1)),
            tooltip=[
                alt.Tooltip(f"{start}:T", title=start, format="%a %d %b %Y"),
                alt.Tooltip("part:N", title="what"),
                alt.Tooltip("value:Q", title="count", format=",.0f"),
                alt.Tooltip("state:N", title="data"),
            ],
        )
    )
    shaded = [_shade(weekends, 0.10)] if weekends is not None and len(weekends) else []
    layers: list[Any] = [_span(frame, start), *shaded, *_holes(frame, start), drawn]
    if total:
        column, name = total
        rows = frame[[start, "end", "state", column]].dropna().rename(columns={column: "value"}).assign(part=name)
        layers.append(
            alt.Chart(rows)
            .mark_rule(strokeWidth=2)
            .encode(
                x=alt.X(f"{start}:T"),
                x2=alt.X2("end:T"),
                y=alt.Y("value:Q"),
                color=alt.Color("part:N"),
                tooltip=[
                    alt.Tooltip(f"{start}:T", title=start, format="%a %d %b %Y"),
                    alt.Tooltip("value:Q", title=name, format=",.0f"),
                ],
            )
        )
    return _sized(alt.layer(*layers))


def _stacked(frame: pd.DataFrame, columns: Sequence[str], start: str) -> pd.DataFrame:
    """Returns a row for each part of each bar, with its ends; what is below 0 hangs down. Bars leave a gap between them."""
    gap = (frame["end"] - frame[start]) * 0.06
    parts = []
    up = down = pd.Series(0.0, index=frame.index)
    for column in columns:
        value = frame[column].fillna(0.0)
        base = up.where(value >= 0, down)
        part = frame[[start, "end", "state"]].assign(column=column, value=frame[column], low=base, high=base + value)
        parts.append(part.assign(**{"from": frame[start] + gap, "to": frame["end"] - gap}).dropna(subset=["value"]))
        up, down = up + value.clip(lower=0), down + value.clip(upper=0)
    return pd.concat(parts, ignore_index=True)


def line_over_time(
    frame: pd.DataFrame,
    value: str,
    name: str,
    start: str = "day",
    percent: bool = False,
    domain: Sequence[float] | None = None,
    count: tuple[str, str] | None = None,
) -> alt.LayerChart:
    """Draws a line over days or weeks that is broken where there is no value; grey where nothing is loaded.

    Args:
        frame: a row for each day or week, with its start, end and state.
        value: the column to draw.
        name: what it is called.
        start: the column with the day or week.
        percent: whether the value is a share.
        domain: the ends of the scale; the values' own if None.
        count: a column that tells over how many it was measured, and what it is called.
    """
    form = ".0%" if percent else ".1f"
    rows = frame[[start, "end", "state", value, *([count[0]] if count else [])]].copy()
    rows["middle"] = rows[start] + (rows["end"] - rows[start]) / 2
    # a point that stands alone between two holes has no line
    empty = rows[value].isna()
    rows["alone"] = ~empty & empty.shift(1, fill_value=True) & empty.shift(-1, fill_value=True)
    tooltip = [
        alt.Tooltip(f"{start}:T", title=start, format="%a %d %b %Y"),
        alt.Tooltip(f"{value}:Q", title=name, format=form),
        *([alt.Tooltip(f"{count[0]}:Q", title=count[1], format=",.0f")] if count else []),
        alt.Tooltip("state:N", title="data"),
    ]
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=False, nice=True)
    base = alt.Chart(rows).encode(x=alt.X("middle:T"), y=alt.Y(f"{value}:Q"), tooltip=tooltip)
    axis = alt.Axis(format=".0%" if percent else "", tickCount=5)
    line = base.encode(
        x=alt.X("middle:T", axis=_axis(frame, start)),
        y=alt.Y(f"{value}:Q", title=None, scale=scale, axis=axis),
    ).mark_line(strokeWidth=2.5, color=BLUE, invalid="break-paths-show-path-domains")
    few = len(rows) <= 40
    points = base.transform_filter(f"isValid(datum['{value}'])" if few else "datum.alone").mark_point(
        color=BLUE, filled=True, size=45, opacity=1
    )
    return _sized(alt.layer(_span(frame, start), *_holes(frame, start), line, points))


def lines_over_time(frame: pd.DataFrame, parts: Mapping[str, tuple[str, str]], start: str = "week") -> alt.LayerChart:
    """Draws several lines over days or weeks, each with its own shape of points; broken where nothing is loaded.

    Args:
        frame: a row for each day or week, with its start, end and state.
        parts: column → what it is called, colour.
        start: the column with the day or week.
    """
    names = {column: name for column, (name, _) in parts.items()}
    # with empty rows, at which lines break
    long = frame.melt([start, "end", "state"], list(parts), "column", "value")
    long["part"] = long["column"].map(names)
    long["middle"] = long[start] + (long["end"] - long[start]) / 2
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=list(names.values()), range=[colour for _, colour in parts.values()]),
        legend=alt.Legend(),
    )
    base = alt.Chart(long).encode(
        x=alt.X("middle:T"),
        y=alt.Y("value:Q", title=None, axis=_counts()),
        color=colour,
        tooltip=[
            alt.Tooltip(f"{start}:T", title=start, format="%a %d %b %Y"),
            alt.Tooltip("part:N", title="what"),
            alt.Tooltip("value:Q", title="count", format=",.0f"),
            alt.Tooltip("state:N", title="data"),
        ],
    )
    line = base.mark_line(strokeWidth=2.5, invalid="break-paths-show-path-domains")
    points = (
        base.transform_filter("isValid(datum.value)")
        .mark_point(filled=True, size=50)
        .encode(
            shape=alt.Shape("part:N", scale=alt.Scale(domain=list(names.values())), legend=alt.Legend()),
            opacity=alt.condition(alt.datum.state == PARTLY, alt.value(_PALE), alt.value(1)),
        )
    )
    return _sized(alt.layer(_span(frame, start), *_holes(frame, start), line, points))


def bars(
    frame: pd.DataFrame,
    name: str,
    value: str,
    order: Sequence[str] | None = None,
    form: str = ",.0f",
    most: float | None = None,
    colour: str = BLUE,
    part: tuple[str, str] | None = None,
) -> alt.LayerChart:
    """Draws a horizontal bar for each row, with its number beside it.

    Args:
        frame: the rows.
        name: the column with what each is called.
        value: the column to draw.
        order: of the names; the largest first if None.
        form: of the numbers, as d3 writes it.
        most: the end of the scale; the largest value if None.
        colour: of the bars.
        part: a column with the part of each bar that is drawn in another colour, and what it is called.
    """
    rows = frame.dropna(subset=[value])
    names = list(order) if order is not None else list(rows.sort_values(value, ascending=False)[name])
    largest = (most if most is not None else float(rows[value].max())) or 1.0
    base = alt.Chart(rows).encode(
        y=alt.Y(
            f"{name}:N",
            sort=names,
            title=None,
            axis=alt.Axis(labelLimit=190, ticks=False, domain=False, labelPadding=7),
        ),
        x=alt.X(f"{value}:Q", title=None, axis=None, scale=alt.Scale(domain=[0, largest])),
        tooltip=[alt.Tooltip(f"{name}:N", title="what"), alt.Tooltip(f"{value}:Q", title="count", format=form)],
    )
    number = alt.Text(f"{value}:Q", format=form)
    # on a long bar the number stands in it, for there is no room beside it
    long, short = f"datum['{value}'] > {largest * 0.6}", f"datum['{value}'] <= {largest * 0.6}"
    inside = base.transform_filter(long).mark_text(
        align="right", dx=-6, fontSize=12, color="#ffffff", fontWeight="bold"
    )
    beside = base.transform_filter(short).mark_text(align="left", dx=6, fontSize=12)
    drawn = base.mark_bar(cornerRadiusEnd=2, color=colour)
    layers = [drawn, beside.encode(text=number), inside.encode(text=number)]
    if part:
        column, says = part
        layers.insert(
            1,
            base.mark_bar(cornerRadiusEnd=2, color=RED).encode(
                x=alt.X(f"{column}:Q", axis=None),
                tooltip=[alt.Tooltip(f"{name}:N", title="what"), alt.Tooltip(f"{column}:Q", title=says, format=form)],
            ),
        )
    return alt.layer(*layers).properties(width="container", height=30 * max(len(names), 1))


def histogram(frame: pd.DataFrame, place: str, value: str, labels: Sequence[str], colour: str = BLUE) -> alt.LayerChart:
    """Draws an upright bar for each group in a given order, with its number on it.

    Args:
        frame: a row per group.
        place: the column with the group.
        value: the column with the count.
        labels: the groups in order.
        colour: of the bars.
    """
    base = alt.Chart(frame).encode(
        x=alt.X(
            f"{place}:N", sort=list(labels), title=None, axis=alt.Axis(labelAngle=0, ticks=False, labelOverlap=True)
        ),
        y=alt.Y(f"{value}:Q", title=None, axis=_counts()),
        tooltip=[alt.Tooltip(f"{place}:N", title="group"), alt.Tooltip(f"{value}:Q", title="count", format=",.0f")],
    )
    text = base.transform_filter(f"datum['{value}'] > 0").mark_text(dy=-7, fontSize=11)
    return _sized(alt.layer(base.mark_bar(color=colour), text.encode(text=alt.Text(f"{value}:Q", format=",.0f"))))


def hours(frame: pd.DataFrame, value: str = "sent") -> alt.Chart:
    """Draws a week as a grid of weekdays and hours, darker where there is more."""
    grid = pd.MultiIndex.from_product([range(1, 8), range(24)], names=["sent_weekday", "sent_hour"])
    counts = frame.set_index(["sent_weekday", "sent_hour"])[value].reindex(grid).fillna(0).astype(int).reset_index()
    counts["weekday"] = counts["sent_weekday"].map(lambda number: WEEKDAYS[number - 1])
    axis = alt.Axis(values=list(range(0, 24, 3)), labelAngle=0, ticks=False, domain=False, labelPadding=7)
    chart = (
        alt.Chart(counts)
        .mark_rect()
        .encode(
            x=alt.X("sent_hour:O", title="hour of the day", axis=axis),
            y=alt.Y(
                "weekday:N", sort=list(WEEKDAYS), title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=7)
            ),
            color=alt.Color(f"{value}:Q", scale=alt.Scale(range=["#8a8f9822", BLUE]), legend=None),
            tooltip=[
                alt.Tooltip("weekday:N"),
                alt.Tooltip("sent_hour:O", title="hour"),
                alt.Tooltip(f"{value}:Q", title="InMails"),
            ],
        )
    )
    return chart.properties(width="container", height=190)


def retention(frame: pd.DataFrame) -> alt.Chart:
    """Draws a row for each week in which seats started, and how many of them were active in each week after."""
    rows = frame.assign(
        started=frame["cohort_week"].dt.strftime("%d %b %Y") + " (" + frame["cohort_seats"].astype(str) + ")",
        retention=frame["active_seats"].astype(float) / frame["cohort_seats"].astype(float),
    )
    order = list(dict.fromkeys(rows.sort_values("cohort_week")["started"]))
    base = alt.Chart(rows).encode(
        x=alt.X("week_number:O", title="weeks since the first active week", axis=alt.Axis(labelAngle=0, ticks=False)),
        y=alt.Y(
            "started:N",
            sort=order,
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelPadding=7, labelLimit=160),
        ),
    )
    cells = base.mark_rect().encode(
        color=alt.Color("retention:Q", scale=alt.Scale(domain=[0, 1], range=["#8a8f9822", BLUE]), legend=None),
        tooltip=[
            alt.Tooltip("started:N", title="started (seats)"),
            alt.Tooltip("week_number:O", title="weeks since"),
            alt.Tooltip("active_seats:Q", title="active seats"),
            alt.Tooltip("retention:Q", format=".0%"),
        ],
    )
    return cells.properties(width="container", height=24 * len(order))


STATE_COLOURS = {"loaded": GREEN, "open": "#c9ced6", "failed": RED}


def coverage(frame: pd.DataFrame) -> alt.LayerChart:
    """Draws a bar for each export of each contract, from day to day: loaded, open or failed.

    Args:
        frame: columns lane, start, end, last, state.
    """
    lanes = list(dict.fromkeys(frame["lane"]))
    days = pd.DataFrame({"start": pd.date_range(frame["start"].min(), frame["last"].max()), "end": frame["end"].max()})
    drawn = (
        alt.Chart(frame)
        .mark_bar(height={"band": 0.72})
        .encode(
            x=alt.X("start:T"),
            x2=alt.X2("end:T"),
            y=alt.Y(
                "lane:N",
                title=None,
                sort=lanes,
                axis=alt.Axis(labelLimit=230, ticks=False, domain=False, labelPadding=7),
            ),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=list(STATE_COLOURS), range=list(STATE_COLOURS.values())),
                legend=alt.Legend(),
            ),
            tooltip=[
                alt.Tooltip("lane:N"),
                alt.Tooltip("state:N"),
                alt.Tooltip("start:T", title="from", format="%d %b %Y"),
                alt.Tooltip("last:T", title="to", format="%d %b %Y"),
            ],
        )
    )
    return alt.layer(_span(days, "start"), drawn).properties(width="container", height=26 * len(lanes))


def _holes(frame: pd.DataFrame, start: str) -> list[alt.Chart]:
    """Draws grey bands where nothing is loaded, so that a hole is not taken for a zero."""
    spans = stretches(frame, start)
    if spans.empty:
        return []
    spans = spans.assign(middle=spans["start"] + (spans["end"] - spans["start"]) / 2, says=MISSING)
    words = (
        alt.Chart(spans)
        .mark_text(angle=270, fontSize=11)
        .encode(x=alt.X("middle:T"), y=alt.value(HEIGHT / 2), text=alt.Text("says:N"))
    )
    return [_shade(spans, 0.32), words]


def _shade(spans: pd.DataFrame, opacity: float) -> alt.Chart:
    return (
        alt.Chart(spans)
        .mark_rect(color=GREY, opacity=opacity)
        .encode(
            x=alt.X("start:T"),
            x2=alt.X2("end:T"),
            y=alt.value(0),
            y2=alt.value(HEIGHT),
            tooltip=[alt.Tooltip("state:N"), alt.Tooltip("start:T", title="from", format="%d %b %Y")],
        )
    )


def _span(frame: pd.DataFrame, start: str) -> alt.Chart:
    """Draws nothing, over the whole period: the axis has it also where there is nothing to draw."""
    ends = pd.DataFrame({"start": [frame[start].min()], "end": [frame["end"].max()]})
    return (
        alt.Chart(ends)
        .mark_rule(opacity=0)
        .encode(x=alt.X("start:T", title=None, axis=_axis(frame, start)), x2=alt.X2("end:T"))
    )


def _axis(frame: pd.DataFrame, start: str) -> alt.Axis:
    """Returns an axis with at most seven labels, each a Monday where there are enough."""
    mondays = [day for day in frame[start] if day.weekday() == 0]
    days = mondays if len(mondays) > 1 else list(frame[start])
    shown = days[:: -(-len(days) // 7)]
    values = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in shown]
    return alt.Axis(values=values, format="%-d %b", title=None, labelFlush=True, labelOverlap=True, grid=False)


def _counts() -> alt.Axis:
    return alt.Axis(tickMinStep=1, tickCount=5, labelExpr="format(datum.value, abs(datum.value) < 1000 ? ',' : '~s')")


def _sized(chart: alt.LayerChart) -> alt.LayerChart:
    return chart.properties(width="container", height=HEIGHT)
