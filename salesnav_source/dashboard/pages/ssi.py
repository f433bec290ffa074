"""SSI: the Social Selling Index and whether it moves."""

import math

import pandas as pd

from salesnav_source.dashboard import charts, queries
from salesnav_source.dashboard.model import Filters, Number, Page, Table, day_text
from salesnav_source.dashboard.pages.view import View
from salesnav_source.dashboard.pages.words import NOT_LOADED, change, count, of_holes, plural, score, sentence
from salesnav_source.dashboard.queries import PARTS, Query

PART_NAMES = {
    "ssi_brand": "establish your brand",
    "ssi_find": "find the right people",
    "ssi_engage": "engage with insights",
    "ssi_build": "build relationships",
}


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {"daily": queries.ssi_daily(filters), "by_seat": queries.ssi_by_seat(filters)}


def page(view: View) -> Page:
    """Returns the page."""
    by_seat, daily = view.found["by_seat"], view.found["daily"]
    mean, moved = by_seat["ssi"].mean(), by_seat["ssi_change_28"].dropna()
    states = view.calendar("seats")
    days = states.join(daily.set_index("day"), on="day").assign(end=states["day"] + pd.Timedelta(days=1))
    newest = by_seat["day"].max() if len(by_seat) else None
    when = f"on {day_text(newest.date())}" if newest is not None else "no scores in this period"
    without = len(view.people) - len(by_seat)
    if view.is_hole("seats"):
        headline = NOT_LOADED
    elif by_seat.empty:
        headline = f"No seat has an SSI, {view.filters.period}."
    else:
        trend = change(moved.mean(), 1) if len(moved) else None
        headline = f"The SSI is {score(mean)} of 100 {'on average ' if not view.is_person else ''}{when}" + (
            f"; {'it has not moved' if trend == 'no change' else trend} in 28 days."
            if trend
            else "; there is no score 28 days before."
        )
    up, down = int((moved >= 1).sum()), int((moved <= -1).sum())
    numbers = [
        Number("SSI" if view.is_person else "mean SSI", score(mean), f"of 100, {when}"),
        Number(
            "change in 28 days",
            change(moved.mean() if len(moved) else None, 1),
            f"the same {plural(len(moved), 'seat')} at both ends" if len(moved) else "no score 28 days before",
        ),
    ]
    if not view.is_person:
        numbers += [
            Number("seats that rose", count(up if len(moved) else None), "by a point or more in 28 days"),
            Number("seats that fell", count(down if len(moved) else None), "by a point or more in 28 days"),
            Number(
                "seats with a score",
                f"{len(by_seat):,} of {len(view.people):,}",
                f"{without:,} without one, e.g. never activated; not in the mean",
            ),
        ]
    nothing = view.why_empty("seats", len(by_seat) > 0, "No seat has an SSI in this period.")
    parts = pd.DataFrame(
        {"part": [PART_NAMES[part] for part in PARTS], "mean": [by_seat[part].mean() for part in PARTS]}
    )
    groups = [f"{low}–{low + 9 if low < 90 else 100}" for low in range(0, 100, 10)]
    placed = by_seat["ssi"].dropna().map(lambda value: groups[min(int(value // 10), 9)]).value_counts()
    spread = pd.DataFrame({"ssi": groups, "seats": [int(placed.get(group, 0)) for group in groups]})
    figures = [
        view.figure(
            "ssi-per-day",
            "SSI" if view.is_person else "Mean SSI",
            "points of 100; the axis does not begin at 0",
            sentence("" if view.is_person else "seats without a score are not in it", of_holes(days)),
            lambda: charts.line_over_time(days, "ssi", "SSI", domain=_domain(days["ssi"]), count=("seats", "seats")),
            nothing,
        ),
        view.figure(
            "ssi-parts",
            "The four parts",
            "mean points, of 25 each" if not view.is_person else "points, of 25 each",
            "" if view.is_person else "Seats without a score are not in it",
            lambda: charts.bars(parts, "part", "mean", form=".1f", most=25),
            nothing,
            period=when,
        ),
    ]
    if not view.is_person:
        figures.append(
            view.figure(
                "ssi-spread",
                "How the seats are spread",
                "seats, by SSI",
                "Seats without a score are not in it",
                lambda: charts.histogram(spread, "ssi", "seats", groups),
                nothing,
                period=when,
            )
        )
    rows = view.named(by_seat).sort_values(["ssi", "seat_id"], ascending=[False, True])
    changes = {f"ssi_change_{days}": f"change in {days} days" for days in (7, 28, 90)}
    table = view.table(rows, {"ssi": "SSI", **changes, **PART_NAMES})
    return Page(
        "ssi",
        headline,
        view.known("seats", numbers),
        tuple(figures),
        (Table("ssi-by-person", "SSI by person", table),),
        view.warnings("seats"),
    )


def _domain(values: pd.Series) -> tuple[float, float]:
    """Returns the ends of a scale of at least 10 points, on which a small change looks small."""
    middle, reach = (values.max() + values.min()) / 2, max((values.max() - values.min()) / 2, 5)
    return max(math.floor(middle - reach), 0), min(math.ceil(middle + reach), 100)
