"""Grids: weekdays by hours, starters by weeks, exports by days."""

import altair as alt
import pandas as pd

from salesnav_source.marts.dashboard.charts.look import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawing,
    in_utc,
    legend,
    said,
    sized,
    tooltip,
)
from salesnav_source.marts.dashboard.charts.time import day_axis
from salesnav_source.marts.dashboard.frames import WEEKDAYS, share
from salesnav_source.marts.dashboard.model import day_text

_FAINT = "#8a8f9822"
_UTC = alt.Scale(type="utc")
_ROWS = alt.Axis(ticks=False, domain=False, labelPadding=7)


def hours(frame: pd.DataFrame, least: int) -> Drawing:
    """Draws a week as a grid of weekdays and hours, darker where a larger share is accepted.

    Args:
        frame: a row per weekday and hour: how many InMails old enough to judge, accepted, and the interval of the share.
        least: InMails from which a share is shown.
    """
    grid = pd.MultiIndex.from_product([range(1, 8), range(0, 24, 3)], names=["sent_weekday", "sent_hour"])
    rows = frame.set_index(["sent_weekday", "sent_hour"]).reindex(grid).reset_index()
    rows["weekday"] = [WEEKDAYS[number - 1] for number in rows["sent_weekday"]]
    rows["hours"] = [f"{hour:02d}–{hour + 3:02d}" for hour in rows["sent_hour"]]
    rows["sent"] = rows["sent"].fillna(0).astype("int64")
    enough = rows["sent"] >= least
    for column in ("rate", "low", "high"):
        rows[column] = rows[column].astype("float64").where(enough)
    rows["text"] = [f"{rate:.0%}" if rate == rate else "" for rate in rows["rate"]]
    rows["says"] = [_of_hours(row, least) for row in rows.to_dict("records")]
    largest = rows["rate"].max()
    base = alt.Chart(rows[["weekday", "hours", "rate", "text", "says"]]).encode(
        x=alt.X(
            "hours:N",
            sort=None,
            title=None,
            axis=alt.Axis(
                labelAngle=0, ticks=False, domain=False, labelPadding=7, labelOverlap=True, labelSeparation=4
            ),
        ),
        y=alt.Y("weekday:N", sort=list(WEEKDAYS), title=None, axis=_ROWS),
        tooltip=tooltip(),
    )
    scale = alt.Scale(domain=[0, largest if largest == largest else 1], range=["#8a8f9822", SKY])
    empty = base.mark_rect(color=_FAINT)
    cells = (
        base.transform_filter("isValid(datum.rate)")
        .mark_rect()
        .encode(color=alt.Color("rate:Q", scale=scale, legend=None))
    )
    text = base.mark_text(fontSize=11).encode(text=alt.Text("text:N"))
    names = {"weekday": "weekday", "hours": "hours", "sent": "InMails", "rate": "% accepted"}
    names |= {"low": "% at least", "high": "% at most"}
    data = rows.loc[rows["sent"] > 0, list(names)].rename(columns=names).reset_index(drop=True)
    return Drawing(sized(alt.layer(empty, cells, text), 210), data, _best_hours(rows[enough]))


def _of_hours(row: dict[str, object], least: int) -> str:
    where = f"{row['weekday']} {row['hours']}"
    if row["rate"] != row["rate"]:
        return said(where, f"{row['sent']:,} InMails old enough to judge: too few, a share is shown from {least} on")
    return said(
        where,
        f"accepted: {row['rate']:.1%}",
        f"{row['low']:.0%} to {row['high']:.0%}, 19 times in 20",
        f"{row['sent']:,} InMails",
    )


def _best_hours(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "There are too few InMails at any hour to show a share."
    best, worst = rows.loc[rows["rate"].idxmax()], rows.loc[rows["rate"].idxmin()]
    return (
        f"The largest share is accepted on {best['weekday']} {best['hours']}: {best['rate']:.0%} of {best['sent']:,} InMails"
        f" ({best['low']:.0%} to {best['high']:.0%}); the smallest on {worst['weekday']} {worst['hours']}:"
        f" {worst['rate']:.0%} of {worst['sent']:,} ({worst['low']:.0%} to {worst['high']:.0%})."
    )


def retention(frame: pd.DataFrame) -> Drawing:
    """Draws a row for each week in which seats started, and how many of them were used in each week after."""
    rows = frame.assign(
        started=[f"{day_text(row.cohort_week.date())} ({row.cohort_seats})" for row in frame.itertuples()],
        retention=frame["active_seats"].astype(float) / frame["cohort_seats"].astype(float),
    )
    rows["says"] = [
        said(
            f"started in the week of {day_text(row['cohort_week'].date())}",
            f"week {row['week_number']} after",
            f"{row['active_seats']:,} of {row['cohort_seats']:,} seats used ({row['retention']:.0%})",
        )
        for row in rows.to_dict("records")
    ]
    order = list(dict.fromkeys(rows.sort_values("cohort_week", kind="stable")["started"]))
    axis = alt.Axis(labelAngle=0, ticks=False, labelOverlap=True, labelSeparation=4)
    chart = (
        alt.Chart(rows[["started", "week_number", "retention", "says"]])
        .mark_rect()
        .encode(
            x=alt.X("week_number:O", title="weeks since the first use", axis=axis),
            y=alt.Y("started:N", sort=order, title=None, axis=_ROWS),
            color=alt.Color("retention:Q", scale=alt.Scale(domain=[0, 1], range=[_FAINT, BLUE]), legend=None),
            tooltip=tooltip(),
        )
    )
    names = {"cohort_week": "started in week", "week_number": "weeks after", "cohort_seats": "seats that started"}
    names |= {"active_seats": "of these used", "retention": "% used"}
    data = rows[list(names)].rename(columns=names).reset_index(drop=True)
    return Drawing(sized(chart, 24 * len(order) + 10), data, _kept(rows))


def _kept(rows: pd.DataFrame) -> str:
    after = rows[rows["week_number"] == 4]
    if after.empty:
        return "Nobody has been followed for four weeks yet."
    used, started = after["active_seats"].sum(), after["cohort_seats"].sum()
    kept = share(used, started)
    seats = "seat is" if started == 1 else "seats are"
    return f"Four weeks after the first use, {used:,} of {started:,} {seats} used ({kept:.0%})."


STATE_COLOURS = {
    "loaded": GREEN,
    "empty": SKY,
    "open": "#c9ced6",
    "failed": RED,
    "without access": PURPLE,
    "not available": ORANGE,
}
"""The states of a day of an export, in the order in which they are told."""


def coverage(frame: pd.DataFrame) -> Drawing:
    """Draws a bar for each export of each contract, from day to day, by its state.

    Args:
        frame: columns contract, export, lane, start, end, last, state.
    """
    lanes = list(dict.fromkeys(frame["lane"]))
    rows = frame.assign(start=in_utc(frame["start"]), end=in_utc(frame["end"]))
    rows["says"] = [
        said(row["lane"], f"{row['state']}: {day_text(row['start'].date())} to {day_text(row['last'].date())}")
        for row in rows.to_dict("records")
    ]
    found = [state for state in STATE_COLOURS if state in set(rows["state"])]
    days = list(pd.date_range(frame["start"].min(), frame["last"].max()))
    chart = (
        alt.Chart(rows[["start", "end", "lane", "state", "says"]])
        .mark_bar(height={"band": 0.72})
        .encode(
            x=alt.X("start:T", title=None, scale=_UTC, axis=day_axis(days[:: -(-len(days) // 7)])),
            x2=alt.X2("end:T"),
            y=alt.Y("lane:N", title=None, sort=lanes, axis=_ROWS),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=found, range=[STATE_COLOURS[state] for state in found]),
                legend=legend(len(found)),
            ),
            tooltip=tooltip(),
        )
    )
    names = {"contract": "contract", "export": "export", "state": "state", "start": "from", "last": "to"}
    data = frame[list(names)].rename(columns=names).reset_index(drop=True)
    return Drawing(sized(chart, 26 * len(lanes) + 10), data, _states(frame))


def _states(frame: pd.DataFrame) -> str:
    days = (frame["end"] - frame["start"]).dt.days.groupby(frame["state"]).sum()
    told = [f"{days[state]:,} {state}" for state in STATE_COLOURS if state in days]
    return f"Days of each export: {', '.join(told)}."
