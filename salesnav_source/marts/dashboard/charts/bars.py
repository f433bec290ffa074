"""Bars: lying ones with a name beside each, upright ones in a given order, and shares with how sure they are."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from salesnav_source.marts.dashboard.charts.look import BLUE, RED, Drawing, said, sized, tooltip
from salesnav_source.marts.dashboard.charts.time import counts

_NARROWEST = 185
"""Points that bars and their texts have beside long names, in a window of 390."""

_LABELS = alt.Axis(ticks=False, domain=False, labelPadding=7)


def bars(
    frame: pd.DataFrame,
    name: str,
    value: str,
    order: Sequence[str] | None = None,
    form: str = ",.0f",
    most: float | None = None,
    colour: str = BLUE,
    part: tuple[str, str] | None = None,
    called: str = "",
    text: str | None = None,
) -> Drawing:
    """Draws a horizontal bar for each row, with its number beside it.

    Args:
        frame: the rows.
        name: the column with what each is called.
        value: the column to draw.
        order: of the names; the largest first if None.
        form: of the numbers, as Python and d3 write it.
        most: the end of the scale; the largest value if None.
        colour: of the bars.
        part: a column with the part of each bar that is drawn in another colour, and what it is called.
        called: what the numbers are, in the table; the column's name if empty.
        text: a column with what stands beside each bar; its number if None.
    """
    rows = frame.dropna(subset=[value])
    names = list(order) if order is not None else list(rows.sort_values(value, ascending=False, kind="stable")[name])
    largest = (most if most is not None else float(rows[value].max())) or 1.0
    shown = pd.DataFrame({"name": rows[name], "value": rows[value].astype("float64")})
    shown["text"] = rows[text] if text else [format(number, form) for number in shown["value"]]
    shown["says"] = [said(row["name"], row["text"]) for row in shown.to_dict("records")]
    base = alt.Chart(shown).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=_LABELS),
        x=alt.X("value:Q", title=None, axis=None, scale=alt.Scale(domain=[0, largest * _room(shown["text"])])),
        tooltip=tooltip(),
    )
    layers = [
        base.mark_bar(cornerRadiusEnd=2, color=colour),
        base.mark_text(align="left", dx=6, fontSize=12).encode(text=alt.Text("text:N")),
    ]
    data = {called or value: rows[value]}
    if part:
        layers.insert(1, _part(rows, name, part, names, form))
        data[part[1]] = rows[part[0]]
    table = pd.DataFrame({"": rows[name], **data}).rename(columns={"": name}).reset_index(drop=True)
    height = 30 * max(len(names), 1)
    return Drawing(sized(alt.layer(*layers), height), _whole(table, form), _listed(shown))


def _room(texts: pd.Series) -> float:
    """Returns by how much a scale is longer than its longest bar, so that the text beside it is not cut off on a phone."""
    text = 6 + 7 * max((len(str(text)) for text in texts), default=0)
    return _NARROWEST / max(_NARROWEST - text, _NARROWEST / 3)


def _part(rows: pd.DataFrame, name: str, part: tuple[str, str], names: Sequence[str], form: str) -> alt.Chart:
    column, called = part
    shown = pd.DataFrame({"name": rows[name], "part": rows[column].astype("float64")})
    shown["says"] = [said(row["name"], f"{called}: {format(row['part'], form)}") for row in shown.to_dict("records")]
    return (
        alt.Chart(shown)
        .mark_bar(cornerRadiusEnd=2, color=RED)
        .encode(y=alt.Y("name:N", sort=list(names)), x=alt.X("part:Q", axis=None), tooltip=tooltip())
    )


def intervals(
    frame: pd.DataFrame, name: str, value: str, low: str, high: str, count: tuple[str, str], called: str
) -> Drawing:
    """Draws a point for each row with a share, and a line from the least to the most that it may be.

    Args:
        frame: the rows, in order.
        name: the column with what each is called.
        value: the column with the share.
        low: the column with the least that it may be.
        high: the column with the most.
        count: the column that tells over how many it was measured, and what these are.
        called: what the share is.
    """
    rows = frame.dropna(subset=[value])
    shown = pd.DataFrame({"name": rows[name]})
    for column, source in (("value", value), ("low", low), ("high", high)):
        shown[column] = rows[source].astype("float64")
    shown["says"] = [
        said(
            row["name"],
            f"{called}: {row['value']:.1%}",
            f"{row['low']:.0%} to {row['high']:.0%}, 19 times in 20",
            f"{number:,.0f} {count[1]}",
        )
        for row, number in zip(shown.to_dict("records"), rows[count[0]], strict=True)
    ]
    shown["text"] = [f"{share:.0%}" for share in shown["value"]]
    order = list(shown["name"])
    ends = alt.Scale(domain=[0, min(1.0, float(shown["high"].max()) * 1.1 or 1.0)])
    base = alt.Chart(shown).encode(y=alt.Y("name:N", sort=order, title=None, axis=_LABELS), tooltip=tooltip())
    line = base.mark_rule(strokeWidth=5, color=BLUE, opacity=0.5).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    point = base.mark_point(filled=True, size=70, color=BLUE, opacity=1).encode(
        x=alt.X("value:Q", title=None, scale=ends, axis=alt.Axis(format=".0%", tickCount=5))
    )
    text = base.mark_text(dy=-10, fontSize=11).encode(x=alt.X("value:Q"), text=alt.Text("text:N"))
    table = pd.DataFrame(
        {
            name: rows[name],
            f"% {called}": rows[value],
            "% at least": rows[low],
            "% at most": rows[high],
            count[1]: rows[count[0]],
        }
    ).reset_index(drop=True)
    return Drawing(sized(alt.layer(line, point, text), 34 * max(len(shown), 1)), table, _listed(shown))


def histogram(
    frame: pd.DataFrame, place: str, value: str, labels: Sequence[str], colour: str = BLUE, title: str | None = None
) -> Drawing:
    """Draws an upright bar for each group in a given order, with its number on it.

    Args:
        frame: a row per group.
        place: the column with the group.
        value: the column with the count.
        labels: the groups in order.
        colour: of the bars.
        title: of the axis.
    """
    shown = pd.DataFrame({"place": frame[place], "value": frame[value].astype("float64")})
    shown["text"] = [f"{number:,.0f}" if number else "" for number in shown["value"]]
    shown["says"] = [
        said(f"{place} {row['place']}", f"{row['value']:,.0f} {value}") for row in shown.to_dict("records")
    ]
    base = alt.Chart(shown).encode(
        x=alt.X(
            "place:N",
            sort=list(labels),
            title=title,
            axis=alt.Axis(labelAngle=0, ticks=False, labelOverlap=True, labelSeparation=4),
        ),
        y=alt.Y("value:Q", title=None, axis=counts()),
        tooltip=tooltip(),
    )
    text = base.mark_text(dy=-7, fontSize=11).encode(text=alt.Text("text:N"))
    drawn = sized(alt.layer(base.mark_bar(color=colour), text))
    named = shown.assign(name=[f"{place} {label}" if label[:1].isdigit() else label for label in shown["place"]])
    return Drawing(
        drawn, _whole(frame[[place, value]].reset_index(drop=True), ",.0f"), _listed(named[named["value"] > 0])
    )


def _listed(shown: pd.DataFrame) -> str:
    """Returns the names with their numbers; of many only the first."""
    rows = [f"{row['name']}: {row['text']}" for row in shown.head(8).to_dict("records")]
    more = f"; and {len(shown) - 8} more" if len(shown) > 8 else ""
    text = f"{'; '.join(rows)}{more}"
    return f"{text[:1].upper()}{text[1:]}." if rows else "There is no figure in this period."


def _whole(table: pd.DataFrame, form: str) -> pd.DataFrame:
    if form.endswith("0f"):
        for column in table.select_dtypes("float"):
            table[column] = table[column].round().astype("Int64")
    return table
