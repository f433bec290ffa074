"""Charts over days and weeks; grey where nothing is loaded, pale where only a part is."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from salesnav_source.marts.dashboard.charts.look import (
    BLUE,
    GREY,
    HEIGHT,
    PALE,
    Drawing,
    in_utc,
    legend,
    said,
    sized,
    tooltip,
)
from salesnav_source.marts.dashboard.frames import LOADED, MISSING, PARTLY, stretches
from salesnav_source.marts.dashboard.model import day_text

_UTC = alt.Scale(type="utc")


def over_time(
    frame: pd.DataFrame,
    parts: Mapping[str, tuple[str, str]],
    start: str = "week",
    total: tuple[str, str] | None = None,
    weekends: pd.DataFrame | None = None,
) -> Drawing:
    """Draws stacked bars over days or weeks.

    Args:
        frame: a row for each day or week, with its start, end and state.
        parts: column → what it is called, colour; stacked in this order.
        start: the column with the day or week.
        total: a column to draw as a line above the bars, and what it is called.
        weekends: of `frames.weekends`, shaded.
    """
    long = _stacked(frame, parts, start)
    names = [name for name, _ in parts.values()] + ([total[1]] if total else [])
    colours = [colour for _, colour in parts.values()] + ([GREY] if total else [])
    drawn = (
        alt.Chart(long)
        .mark_rect(stroke=None)
        .encode(
            x=alt.X("from:T", scale=_UTC),
            x2=alt.X2("to:T"),
            y=alt.Y("low:Q", title=None, axis=counts()),
            y2=alt.Y2("high:Q"),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=names, range=colours),
                legend=legend(len(names)) if len(names) > 1 else None,
            ),
            opacity=alt.condition(alt.datum.state == PARTLY, alt.value(PALE), alt.value(1)),
            tooltip=tooltip(),
        )
    )
    shaded = [_shade(weekends, 0.10)] if weekends is not None and len(weekends) else []
    layers: list[Any] = [_span(frame, start), *shaded, *_holes(frame, start), drawn]
    if total:
        layers.append(_line_above(frame, *total, start))
    shown = {column: name for column, (name, _) in parts.items()} | ({total[0]: total[1]} if total else {})
    return Drawing(sized(alt.layer(*layers)), _table(frame, shown, start), _sentence(frame, shown, start))


def _stacked(frame: pd.DataFrame, parts: Mapping[str, tuple[str, str]], start: str) -> pd.DataFrame:
    """Returns a row for each part of each bar, with its ends; what is below 0 hangs down. Bars leave a gap between them."""
    gap = (frame["end"] - frame[start]) * 0.06
    found = []
    up = down = pd.Series(0.0, index=frame.index)
    for column, (name, _) in parts.items():
        value = frame[column].fillna(0.0)
        base = up.where(value >= 0, down)
        part = frame[[start, "state"]].assign(
            column=column, value=frame[column], low=base, high=base + value, part=name
        )
        part = part.assign(**{"from": in_utc(frame[start] + gap), "to": in_utc(frame["end"] - gap)})
        found.append(part.dropna(subset=["value"]))
        up, down = up + value.clip(lower=0), down + value.clip(upper=0)
    long = pd.concat(found, ignore_index=True)
    long["says"] = [
        said(when(row[start], start), f"{row['part']}: {abs(row['value']):,.0f}", _partly(row["state"]))
        for row in long.to_dict("records")
    ]
    return long.drop(columns=start)


def _line_above(frame: pd.DataFrame, column: str, name: str, start: str) -> alt.Chart:
    rows = frame[[start, "end", "state", column]].dropna()
    rows = rows.assign(
        part=name,
        value=rows[column],
        says=[
            said(when(day, start), f"{name}: {value:,.0f}")
            for day, value in zip(rows[start], rows[column], strict=True)
        ],
        **{"from": in_utc(rows[start]), "to": in_utc(rows["end"])},
    )
    return (
        alt.Chart(rows[["from", "to", "value", "part", "says"]])
        .mark_rule(strokeWidth=2)
        .encode(
            x=alt.X("from:T", scale=_UTC),
            x2=alt.X2("to:T"),
            y=alt.Y("value:Q"),
            color=alt.Color("part:N"),
            tooltip=tooltip(),
        )
    )


def line_over_time(
    frame: pd.DataFrame,
    value: str,
    name: str,
    start: str = "day",
    percent: bool = False,
    domain: Sequence[float] | None = None,
    count: tuple[str, str] | None = None,
    spread: tuple[str, str] | None = None,
) -> Drawing:
    """Draws a line over days or weeks that is broken where there is no value.

    Args:
        frame: a row for each day or week, with its start, end and state.
        value: the column to draw.
        name: what it is called.
        start: the column with the day or week.
        percent: whether the value is a share.
        domain: the ends of the scale; the values' own if None.
        count: a column that tells over how many it was measured, and what it is called.
        spread: the columns with the ends of an interval around the value, drawn as an upright line.
    """
    rows = _points(frame, value, name, start, percent, count, spread)
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=False, nice=True)
    base = alt.Chart(rows).encode(x=alt.X("middle:T", scale=_UTC), y=alt.Y("value:Q"), tooltip=tooltip())
    line = base.encode(
        x=alt.X("middle:T", scale=_UTC, axis=_axis(frame, start)),
        y=alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(format=".0%" if percent else ",~f", tickCount=5)),
    ).mark_line(strokeWidth=2.5, color=BLUE, invalid="break-paths-show-path-domains")
    few = len(rows) <= 40
    points = base.transform_filter("isValid(datum.value)" if few else "datum.alone").mark_point(
        color=BLUE, filled=True, size=45, opacity=1
    )
    shown = {value: name, **({count[0]: count[1]} if count else {})}
    layers = [_span(frame, start), *_holes(frame, start)]
    if spread:
        shown |= {spread[0]: "at least", spread[1]: "at most"}
        ends = base.transform_filter("isValid(datum.value)").mark_rule(color=BLUE, strokeWidth=5, opacity=0.5)
        layers.append(ends.encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")))
    # a layer without a point has no scale
    layers += [line, points] if few or rows["alone"].any() else [line]
    data = _table(
        frame,
        {column: (f"% {text}" if percent and column != (count or [""])[0] else text) for column, text in shown.items()},
        start,
    )
    return Drawing(sized(alt.layer(*layers)), data, _sentence(frame, {value: name}, start, percent))


def _points(
    frame: pd.DataFrame,
    value: str,
    name: str,
    start: str,
    percent: bool,
    count: tuple[str, str] | None,
    spread: tuple[str, str] | None,
) -> pd.DataFrame:
    """Returns a row for each day or week, also those without a value, at which a line breaks."""
    rows = pd.DataFrame({"value": frame[value].astype("float64")})
    rows["middle"] = in_utc(frame[start] + (frame["end"] - frame[start]) / 2)
    # a point that stands alone between two holes has no line
    empty = rows["value"].isna()
    rows["alone"] = ~empty & empty.shift(1, fill_value=True) & empty.shift(-1, fill_value=True)
    if spread:
        rows["low"], rows["high"] = frame[spread[0]], frame[spread[1]]
    rows["says"] = [
        said(
            when(row[start], start),
            f"{name}: {_number(row[value], percent)}",
            f"{_number(row[spread[0]], percent)} to {_number(row[spread[1]], percent)}, 19 times in 20"
            if spread
            else "",
            f"{count[1]}: {row[count[0]]:,.0f}" if count and pd.notna(row[count[0]]) else "",
            _partly(row["state"]),
        )
        for row in frame.to_dict("records")
    ]
    return rows


def lines_over_time(
    frame: pd.DataFrame, parts: Mapping[str, tuple[str, str]], start: str = "week", percent: bool = False
) -> Drawing:
    """Draws several lines over days or weeks, each with its own shape of points; broken where nothing is loaded.

    Args:
        frame: a row for each day or week, with its start, end and state.
        parts: column → what it is called, colour.
        start: the column with the day or week.
        percent: whether the values are shares.
    """
    names = {column: name for column, (name, _) in parts.items()}
    # with empty rows, at which lines break
    long = frame.melt([start, "end", "state"], list(parts), "column", "value")
    long["part"] = long["column"].map(names)
    long["middle"] = in_utc(long[start] + (long["end"] - long[start]) / 2)
    long["says"] = [
        said(when(row[start], start), f"{row['part']}: {_number(row['value'], percent, 0)}", _partly(row["state"]))
        for row in long.to_dict("records")
    ]
    domain = list(names.values())
    base = alt.Chart(long[["value", "part", "middle", "state", "says"]]).encode(
        x=alt.X("middle:T", scale=_UTC),
        y=alt.Y("value:Q", title=None, axis=alt.Axis(format="~%", tickCount=5) if percent else counts()),
        color=alt.Color(
            "part:N",
            scale=alt.Scale(domain=domain, range=[colour for _, colour in parts.values()]),
            legend=legend(len(domain)),
        ),
        tooltip=tooltip(),
    )
    line = base.mark_line(strokeWidth=2.5, invalid="break-paths-show-path-domains")
    points = (
        base.transform_filter("isValid(datum.value)")
        .mark_point(filled=True, size=50)
        .encode(
            shape=alt.Shape("part:N", scale=alt.Scale(domain=domain), legend=legend(len(domain))),
            opacity=alt.condition(alt.datum.state == PARTLY, alt.value(PALE), alt.value(1)),
        )
    )
    shown = {column: f"% {name}" if percent else name for column, name in names.items()}
    drawn = sized(alt.layer(_span(frame, start), *_holes(frame, start), line, points))
    return Drawing(drawn, _table(frame, shown, start), _sentence(frame, names, start, percent))


def when(day: pd.Timestamp, start: str) -> str:
    """Returns a day, or the week that begins on it, as people read it."""
    return f"{'week of ' if start == 'week' else ''}{day_text(day.date())}"


def _partly(state: str) -> str:
    return "" if state == LOADED else state


def _number(value: float | None, percent: bool = False, digits: int = 1) -> str:
    if value is None or pd.isna(value):
        return "not known"
    return f"{value:.1%}" if percent else f"{value:,.{digits}f}"


def _table(frame: pd.DataFrame, columns: Mapping[str, str], start: str) -> pd.DataFrame:
    """Returns the figures of a chart under the names that people read; the state only where it says something."""
    shown = {start: start, **columns}
    if (frame["state"] != LOADED).any():
        shown["state"] = "data"
    table = frame[list(shown)].rename(columns=shown)
    for column, name in columns.items():
        values = frame[column]
        if not name.startswith("%") and (values.dropna() % 1 == 0).all():
            table[name] = values.round().astype("Int64")
    return table.reset_index(drop=True)


def _sentence(frame: pd.DataFrame, columns: Mapping[str, str], start: str, percent: bool = False) -> str:
    """Returns what each line or bar begins and ends with, and its ends."""
    said_of = []
    for column, name in columns.items():
        known = frame[frame[column].notna()]
        if known.empty:
            continue
        values = known[column].astype("float64").abs()
        digits = 0 if (values % 1 == 0).all() else 1
        first, last = known.iloc[0], known.iloc[-1]
        text = f"{name}: {_number(values.iloc[-1], percent, digits)} ({when(last[start], start)})"
        if len(known) > 1 and values.min() == values.max():
            text = f"{name}: {_number(values.iloc[-1], percent, digits)} throughout"
        elif len(known) > 1:
            text = (
                f"{name}: from {_number(values.iloc[0], percent, digits)} ({when(first[start], start)}) to"
                f" {_number(values.iloc[-1], percent, digits)} ({when(last[start], start)}), between"
                f" {_number(values.min(), percent, digits)} and {_number(values.max(), percent, digits)}"
            )
        said_of.append(text)
    text = "; ".join(said_of)
    return f"{text[:1].upper()}{text[1:]}." if text else "There is no figure in this period."


def _holes(frame: pd.DataFrame, start: str) -> list[alt.Chart]:
    """Draws grey bands where nothing is loaded, so that a hole is not taken for a zero."""
    spans = stretches(frame, start)
    if spans.empty:
        return []
    words = (
        alt.Chart(
            pd.DataFrame({"middle": in_utc(spans["start"] + (spans["end"] - spans["start"]) / 2), "says": MISSING})
        )
        .mark_text(angle=270, fontSize=11)
        .encode(x=alt.X("middle:T", scale=_UTC), y=alt.value(HEIGHT / 2), text=alt.Text("says:N"))
    )
    return [_shade(spans, 0.32), words]


def _shade(spans: pd.DataFrame, opacity: float) -> alt.Chart:
    rows = pd.DataFrame({"from": in_utc(spans["start"]), "to": in_utc(spans["end"])})
    rows["says"] = [
        said(state, f"{day_text(first.date())} to {day_text((last - pd.Timedelta(days=1)).date())}")
        for state, first, last in zip(spans["state"], spans["start"], spans["end"], strict=True)
    ]
    return (
        alt.Chart(rows)
        .mark_rect(color=GREY, opacity=opacity)
        .encode(
            x=alt.X("from:T", scale=_UTC),
            x2=alt.X2("to:T"),
            y=alt.value(0),
            y2=alt.value(HEIGHT),
            tooltip=tooltip(),
        )
    )


def _span(frame: pd.DataFrame, start: str) -> alt.Chart:
    """Draws nothing, over the whole period: the axis has it also where there is nothing to draw."""
    ends = pd.DataFrame({"from": [frame[start].min()], "to": [frame["end"].max()]})
    ends = ends.assign(**{name: in_utc(ends[name]) for name in ends})
    return (
        alt.Chart(ends)
        .mark_rule(opacity=0)
        .encode(x=alt.X("from:T", title=None, scale=_UTC, axis=_axis(frame, start)), x2=alt.X2("to:T"))
    )


def _axis(frame: pd.DataFrame, start: str) -> alt.Axis:
    """Returns an axis with at most seven labels, each a Monday where there are enough."""
    mondays = [day for day in frame[start] if day.weekday() == 0]
    days = mondays if len(mondays) > 2 else list(frame[start])
    return day_axis(days[:: -(-len(days) // 7)])


def day_axis(days: Sequence[pd.Timestamp]) -> alt.Axis:
    """Returns an axis with a label at each of some days."""
    values = [alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True) for day in days]
    return alt.Axis(
        values=values, format="%-d %b", title=None, labelFlush=True, labelOverlap=True, labelSeparation=6, grid=False
    )


def counts() -> alt.Axis:
    """Returns an axis of counts, with no labels between whole numbers; what hangs down is counted as well."""
    shown = "format(abs(datum.value), abs(datum.value) < 1000 ? ',' : '~s')"
    return alt.Axis(tickMinStep=1, tickCount=5, labelExpr=shown)
