"""SSI: who moved, in which part, and whom to coach."""

import math

import pandas as pd

from salesnav_source.marts.dashboard import charts, frames, queries
from salesnav_source.marts.dashboard.frames import MISSING
from salesnav_source.marts.dashboard.model import Figure, Filters, Number, Page, Table, day_text
from salesnav_source.marts.dashboard.pages.view import View
from salesnav_source.marts.dashboard.pages.words import (
    NONE,
    NOT_LOADED,
    PART_NAMES,
    change,
    count,
    of_holes,
    plural,
    score,
    sentence,
)
from salesnav_source.marts.dashboard.queries import PARTS, Query

QUESTION = "Whose SSI moved, in which part, and whom to coach?"

_CERTAINTIES = {"high": 0, "medium": 1, "low": 2}

COACHING_RULE = (
    "People who used the seat in the last 28 days, with the part of the SSI or the step from search to answer in which each is"
    " furthest below the median of the team, or of the contract where the team is small or there is none. On the list is who is"
    " at least as far below it as peers usually are from it, and not by chance alone. How sure: by how long and how far."
    " It says where to begin, not who is good"
)


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    asked = {"by_holder": queries.ssi_by_holder(filters), "coaching": queries.coaching(filters)}
    return {**asked, "daily": queries.ssi_daily(filters) if filters.person else queries.ssi_means(filters)}


def page(view: View) -> Page:
    """Returns the page."""
    by_holder = view.found["by_holder"]
    nothing = view.why_empty("seats", len(by_holder) > 0, "No seat has an SSI in this period.")
    figures = [_per_day(view, nothing), _parts(view, nothing)]
    if not view.is_person:
        figures.append(_spread(view, nothing))
    return Page(
        "ssi",
        QUESTION,
        NOT_LOADED if view.is_hole("seats") else _headline(view),
        view.known("seats", _numbers(view)),
        tuple(figures),
        (_coaching(view), _movers(view), _by_person(view)),
        (
            *view.warnings("seats"),
            *view.of_look_back(28, "Whoever used a seat on these days alone is not looked at for coaching."),
        ),
    )


def _moved(view: View) -> pd.Series:
    return view.found["by_holder"]["ssi_change_28"].dropna()


def _when(view: View) -> str:
    days = view.found["by_holder"]["day"]
    return f"on {day_text(days.max().date())}" if len(days) else "no scores in this period"


def _headline(view: View) -> str:
    by_holder, moved = view.found["by_holder"], _moved(view)
    if by_holder.empty:
        return f"No seat has an SSI, {view.filters.period}."
    who = "" if view.is_person else "on average "
    said = f"The SSI is {score(by_holder['ssi'].mean())} of 100 {who}{_when(view)}"
    if moved.empty:
        return f"{said}; there is no score 28 days before."
    trend = change(moved.mean(), 1)
    if view.is_person:
        return f"{said}; {trend} in 28 days."
    up, down = int((moved >= 1).sum()), int((moved <= -1).sum())
    return f"{said}; {trend} in 28 days, {up:,} rose and {down:,} fell by a point or more."


def _numbers(view: View) -> list[Number]:
    by_holder, moved = view.found["by_holder"], _moved(view)
    mean = score(by_holder["ssi"].mean())
    numbers = [
        Number("SSI" if view.is_person else "mean SSI", mean, f"of 100, {_when(view)}", "", "ssi-by-person"),
        Number(
            "change in 28 days",
            change(moved.mean() if len(moved) else None, 1),
            f"the same {plural(len(moved), 'person', 'people')} at both ends"
            if len(moved)
            else "no score 28 days before",
            "",
            "who-moved",
        ),
    ]
    if view.is_person:
        return numbers
    up, down = ((moved >= 1).sum(), (moved <= -1).sum()) if len(moved) else (None, None)
    listed = view.seats[view.seats["is_listed"].fillna(False).astype(bool)]
    sure = int((view.found["coaching"]["certainty"] == "high").sum())
    return [
        *numbers,
        Number("rose", count(up), "by a point or more in 28 days", "", "who-moved"),
        Number("fell", count(down), "by a point or more in 28 days", "", "who-moved"),
        Number(
            "seats with a score",
            f"{len(by_holder):,} of {len(listed):,}",
            "of the seats that are listed now; seats never activated have none, and are not in the mean",
        ),
        Number(
            "people to coach",
            count(len(view.found["coaching"])),
            f"far below the median of their peers somewhere; surely so: {sure:,}",
            "",
            "whom-to-coach",
        ),
    ]


def daily_means(means: pd.DataFrame, states: pd.DataFrame) -> pd.DataFrame:
    """Returns a mean SSI for each day; none for a day on which a contract's snapshots are not whole.

    Args:
        means: `queries.ssi_means`.
        states: of `frames.calendar`.
    """
    rows = means[means["is_complete"].fillna(False).astype(bool) & (means["seats"].fillna(0) > 0)]
    weights = rows["seats"].astype("float64")
    scores = rows.assign(weight=weights, total=rows["ssi"] * weights).groupby("day")[["weight", "total"]].sum()
    # contracts come and go; a day counts if all that are expected are whole on it
    contracts = rows.groupby("day")["contract"].nunique()
    expected = means[means["seats"].fillna(0) > 0]["contract"].nunique()
    known = scores[contracts >= expected]
    frame = states.assign(end=states["day"] + pd.Timedelta(days=1))
    frame["seats"] = frame["day"].map(known["weight"])
    frame["ssi"] = frame["day"].map(known["total"] / known["weight"])
    frame["state"] = frame["state"].where(frame["ssi"].notna(), MISSING)
    return frame


def _per_day(view: View, nothing: str) -> Figure:
    states, daily = view.calendar("seats"), view.found["daily"]
    if view.is_person:
        days = states.join(daily.set_index("day"), on="day").assign(end=states["day"] + pd.Timedelta(days=1), seats=1)
    else:
        days = daily_means(daily, states)
    counted = None if view.is_person else ("seats", "seats")
    return view.figure(
        "ssi-per-day",
        "SSI" if view.is_person else "Mean SSI",
        "points of 100; the axis does not begin at 0",
        sentence(
            "" if view.is_person else "seats without a score, and days on which a contract lacks scores, are not in it",
            of_holes(days),
        ),
        lambda: charts.line_over_time(days, "ssi", "SSI", domain=_domain(days["ssi"]), count=counted),
        nothing or ("" if days["ssi"].notna().any() else "No day of this period has the scores of all contracts."),
    )


def _parts(view: View, nothing: str) -> Figure:
    by_holder = view.found["by_holder"]
    moved = by_holder[by_holder["ssi_change_28"].notna()]
    parts = pd.DataFrame(
        {
            "part": [PART_NAMES[part] for part in PARTS],
            "points": [by_holder[part].mean() for part in PARTS],
            "moved": [change(moved[f"{part}_change_28"].mean(), 1) for part in PARTS],
        }
    )
    parts["text"] = [
        f"{row.points:.1f}" + ("" if row.moved == NONE else f" ({row.moved})") for row in parts.itertuples()
    ]
    return view.figure(
        "ssi-parts",
        "The four parts",
        "points, of 25 each" if view.is_person else "mean points, of 25 each",
        sentence(
            "in brackets: the change in 28 days, over the same people",
            "" if view.is_person else "seats without a score are not in it",
        ),
        lambda: charts.bars(parts, "part", "points", form=".1f", most=25, text="text"),
        nothing,
        period=_when(view),
    )


def _spread(view: View, nothing: str) -> Figure:
    groups = [f"{low}–{low + 9 if low < 90 else 100}" for low in range(0, 100, 10)]
    placed = view.found["by_holder"]["ssi"].dropna().map(lambda value: groups[min(int(value // 10), 9)]).value_counts()
    spread = pd.DataFrame({"SSI": groups, "seats": [int(placed.get(group, 0)) for group in groups]})
    return view.figure(
        "ssi-spread",
        "How the seats are spread",
        "seats, by SSI",
        "Seats without a score are not in it",
        lambda: charts.histogram(spread, "SSI", "seats", groups),
        nothing,
        period=_when(view),
    )


def _coaching(view: View) -> Table:
    rows = view.named(view.found["coaching"].drop(columns=["team", "full_name"]))
    # warehouses compute medians with other last digits
    rows = frames.most_first(rows.assign(gap=rows["gap_score"].round(6)), "gap")
    rows = rows.assign(sure=rows["certainty"].map(_CERTAINTIES)).sort_values("sure", kind="stable")
    columns = {
        "sentence": "in what",
        "certainty": "how sure",
        "since": "at least since",
        "strength_area_label": "strongest in",
    }
    empty = "Nobody is far enough below the median of the team, for long enough."
    return view.table("whom-to-coach", "Whom to coach, and in what", rows, columns, empty, COACHING_RULE)


def _movers(view: View) -> Table:
    rows = view.named(view.found["by_holder"])
    rows = rows[rows["ssi_change_28"].abs() >= 1].copy()
    parts = rows[[f"{part}_change_28" for part in PARTS]].astype("float64")
    rows["most"] = [
        NONE
        if row.isna().all()
        else f"{PART_NAMES[str(row.abs().idxmax())[: -len('_change_28')]]} ({row[row.abs().idxmax()]:+.1f})"
        for _, row in parts.iterrows()
    ]
    rows = frames.most_first(rows, "ssi_change_28")
    columns = {"ssi_change_28": "change in 28 days", "ssi": "SSI", "most": "most in"}
    note = "by a point or more in the 28 days up to the newest day; the same holder at both ends"
    return view.table("who-moved", "Who moved", rows, columns, "Nobody moved by a point or more in 28 days.", note)


def _by_person(view: View) -> Table:
    rows = frames.most_first(view.named(view.found["by_holder"]), "ssi")
    changes = {f"ssi_change_{days}": f"change in {days} days" for days in (7, 28, 90)}
    return view.table("ssi-by-person", "SSI by person", rows, {"ssi": "SSI", **changes, **PART_NAMES})


def _domain(values: pd.Series) -> tuple[float, float]:
    """Returns the ends of a scale of at least 10 points, on which a small change looks small."""
    middle, reach = (values.max() + values.min()) / 2, max((values.max() - values.min()) / 2, 5)
    return max(math.floor(middle - reach), 0), min(math.ceil(middle + reach), 100)
