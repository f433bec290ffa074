"""Usage: who uses the seats, and what changed."""

from datetime import date

import pandas as pd

from salesnav_source.marts.dashboard import charts, frames, queries
from salesnav_source.marts.dashboard.charts import BLUE, GREEN, RED, SKY
from salesnav_source.marts.dashboard.frames import MISSING, share
from salesnav_source.marts.dashboard.model import Figure, Filters, Number, Page, Table, day_text
from salesnav_source.marts.dashboard.pages import seats
from salesnav_source.marts.dashboard.pages.view import HOLDER, View
from salesnav_source.marts.dashboard.pages.words import (
    COUNT_NAMES,
    NONE,
    NOT_LOADED,
    between,
    count,
    of_holes,
    percent,
    plural,
    score,
    sentence,
    whole,
)
from salesnav_source.marts.dashboard.queries import OUTCOMES, Query
from salesnav_source.marts.dashboard.stats import wilson

QUESTION = "Who uses the seats, and what changed?"


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {
        "totals": queries.totals(filters),
        "now": queries.totals(filters.now),
        "before": queries.totals(filters.before),
        "daily": queries.daily(filters),
        "adoption": queries.adoption(filters.wide),
        "teams": queries.teams(filters.wide),
        "changes": queries.changes(filters),
        "inmails": queries.inmails_by_holder(filters),
        "ssi": queries.ssi_by_holder(filters),
    }


def page(view: View) -> Page:
    """Returns the page."""
    totals = view.named(view.of_known_use(view.found["totals"]))
    days = frames.by_day(view.found["daily"], view.calendar("activities"), ["activities", *queries.COUNTS])
    headline, numbers = _of_person(view, totals, days) if view.is_person else _of_all(view)
    figures = [] if view.is_person else _by_week(view)
    figures += _of_activities(view, days)
    tables = [] if view.is_person else [_came(view), _left(view)]
    if view.scope.teams and not view.is_person:
        figures.insert(2, _by_team(view, totals))
    return Page(
        "usage",
        QUESTION,
        headline,
        numbers,
        tuple(figures),
        (*tables, _by_person(view, totals)),
        (*view.warnings("activities"), *(() if view.is_person else seats.of_look_back(view)), *view.of_answers()),
        () if view.is_person else _changes(view),
    )


def used(totals: pd.DataFrame) -> tuple[int, int]:
    """Returns how many seats were used, and how many there are."""
    by_seat = totals.groupby(["contract", "seat_id"])["active_days"].sum()
    return int((by_seat > 0).sum()), len(by_seat)


def _of_all(view: View) -> tuple[str, tuple[Number, ...]]:
    now, known = used(view.of_known_use(view.found["totals"]))
    compared, before = used(view.found["now"])[0], used(view.found["before"])[0]
    if view.is_hole("activities"):
        headline = NOT_LOADED
    elif not known:
        headline = "No seats are known in this period."
    else:
        verb = "was" if now == 1 else "were"
        headline = (
            f"{now:,} of {plural(known, 'seat')} ({percent(share(now, known))}) {verb} used, {view.filters.period}."
        )
    came, left = _came(view), _left(view)
    done, lately, earlier = (float(view.found[name]["activities"].sum()) for name in ("totals", "now", "before"))
    numbers = view.known(
        "activities",
        [
            Number(
                "seats used",
                f"{now:,} of {known:,}",
                "at least one activity in the period, of all seats seen up to its end, of contracts with data in it",
                view.against_before(compared, before),
                "usage-by-person",
            ),
            Number("activities", count(done), "all types, by all seats", view.against_before(lately, earlier)),
            Number("people who came", *_counted(view, came), "", "who-came"),
            Number("people who left", *_counted(view, left), "", "who-left"),
        ],
    )
    return headline, (*numbers, seats.to_take_back(view), _acceptance(view), _mean_ssi(view))


def _counted(view: View, table: Table) -> tuple[str, str]:
    return (count(len(table.frame)), table.note) if view.is_comparable else (NONE, view.against_before(None, None))


def _acceptance(view: View) -> Number:
    sums = view.found["inmails"][list(OUTCOMES)].sum()
    mature, accepted = float(sums["mature_sent"]), float(sums["mature_accepted"])
    meaning = (
        f"of {mature:,.0f} sent and old enough to judge; {between(wilson(accepted, mature))}"
        if mature
        else "none is old enough to judge"
    )
    return Number("InMails accepted", percent(share(accepted, mature)), meaning, "", "inmail")


def _mean_ssi(view: View) -> Number:
    scores = view.found["ssi"]["ssi"]
    meaning = f"of 100, over {plural(len(scores), 'seat')}, newest day" if len(scores) else "no scores in this period"
    return Number("mean SSI", score(scores.mean()), meaning, "", "ssi")


def _changes(view: View) -> tuple[str, ...]:
    """Returns what the marts say changed most: of the newest week, and of the newest four."""
    rows = view.found["changes"]
    several = rows["contract"].nunique() > 1
    return tuple(
        f"{view.scope.name(row.contract)}: {row.sentence}" if several else str(row.sentence)
        for row in rows[rows["place"] <= (1 if several else 2)].itertuples()
    )


def _moved(view: View, now: str, then: str) -> pd.DataFrame:
    """Returns the people with activities in one span and none in the other; nobody where the two cannot be compared."""
    found, other = (view.found[name][view.found[name]["active_days"] > 0] for name in (now, then))
    rows = found.merge(other[HOLDER].assign(both=True), on=HOLDER, how="left")
    rows = view.named(rows[rows["both"].isna()] if view.is_comparable else rows.head(0))
    return frames.most_first(rows, "activities")


def _came(view: View) -> Table:
    columns = {"activities": "activities", "active_days": "days used", "last_activity_date": "last used"}
    note = f"used in {view.compared}, and not in the {plural(view.filters.now.length, 'day')} before"
    return view.table("who-came", "Who came", _moved(view, "now", "before"), columns, _nobody(view), note)


def _left(view: View) -> Table:
    columns = {"activities": "activities before", "active_days": "days used before", "last_activity_date": "last used"}
    note = f"used in the {plural(view.filters.now.length, 'day')} before, and not in {view.compared}"
    return view.table("who-left", "Who left", _moved(view, "before", "now"), columns, _nobody(view), note)


def _nobody(view: View) -> str:
    return "Nobody." if view.is_comparable else f"Not known: {view.against_before(None, None)}."


def _by_person(view: View, totals: pd.DataFrame) -> Table:
    rows = frames.most_first(totals, "activities")
    columns = {"activities": "activities", "active_days": "days used", "last_activity_date": "last used", **COUNT_NAMES}
    return view.table("usage-by-person", "Use by person", rows, columns)


def _by_week(view: View) -> list[Figure]:
    weeks = frames.by_week(frames.by_day(_no_rows(), view.calendar("activities", view.filters.wide), []), [])
    if view.filters.team:
        sums = view.found["teams"].groupby("week", as_index=False)[["seats", "active_seats"]].sum()
        rows = sums.assign(contract="", new_seats=0, returning_seats=0, lost_seats=0)
    else:
        rows = view.found["adoption"]
    drawn = frames.adoption(rows, weeks).rename(columns={"seats": "known"})
    nothing = "" if drawn["known"].notna().any() else "No week of this period has ended with data."
    found = [
        view.figure(
            "seats-used-per-week",
            "Seats used per week",
            "seats",
            sentence("weeks that are not over are left out", of_holes(drawn)),
            lambda: charts.over_time(drawn, {"active_seats": ("used", BLUE)}, total=("known", "all seats")),
            nothing,
            period=whole(drawn),
        )
    ]
    return found if view.filters.team else [*found, _starts_and_stops(view, drawn, nothing)]


def _starts_and_stops(view: View, drawn: pd.DataFrame, nothing: str) -> Figure:
    known = drawn["new_seats"].notna()
    parts = {"new_seats": ("first time", GREEN), "returning_seats": ("came back", SKY), "lost_seats": ("left", RED)}
    left_out = sentence(
        "left: used the week before, and not in this one",
        "" if known.all() else "first time: not known in the first four loaded weeks, and in four after a hole",
        "" if drawn["lost_seats"].notna().all() else "left, came back: not known of weeks with or after a hole",
        of_holes(drawn),
    )
    return view.figure(
        "starts-and-stops",
        "Who came and who left",
        "people per week",
        left_out,
        lambda: charts.over_time(drawn.assign(lost_seats=-drawn["lost_seats"]), parts),
        nothing,
        period=whole(drawn),
    )


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"day": pd.to_datetime(pd.Series([], dtype="object"))})


def _by_team(view: View, totals: pd.DataFrame) -> Figure:
    seats_of = totals.groupby(["team", "contract", "seat_id"], as_index=False)["active_days"].sum()
    seats_of["used"] = (seats_of["active_days"] > 0).astype(int)
    rows = seats_of.groupby("team", as_index=False).agg(seats=("seat_id", "size"), used=("used", "sum"))
    rows["share"] = rows["used"] / rows["seats"]
    rows["text"] = [f"{row.share:.0%} ({row.used} of {row.seats})" for row in rows.itertuples()]
    return view.figure(
        "use-by-team",
        "Seats used by team",
        "% of the team's seats",
        "A seat is used with one activity in the period",
        lambda: charts.bars(
            frames.most_first(rows, "share"),
            "team",
            "share",
            form=".0%",
            most=1,
            called="% used",
            text="text",
        ),
        NOT_LOADED if view.is_hole("activities") else "" if len(rows) else "No seats are known in this period.",
    )


def _of_activities(view: View, days: pd.DataFrame) -> list[Figure]:
    done = {name: float(days[column].sum()) for column, name in COUNT_NAMES.items()}
    by_kind = pd.DataFrame({"type": list(done), "activities": list(done.values())})
    nothing = "" if days["activities"].notna().any() else NOT_LOADED
    return [
        view.figure(
            "activities-per-day",
            "Activities per day",
            "activities",
            sentence("weekends are shaded", of_holes(days)),
            lambda: charts.over_time(
                days, {"activities": ("activities", BLUE)}, "day", weekends=frames.weekends(view.filters.days)
            ),
            nothing,
        ),
        view.figure(
            "what-they-do",
            "What they do",
            "activities",
            sentence("days without data are not in it" if MISSING in set(days["state"]) else ""),
            lambda: charts.bars(by_kind, "type", "activities"),
            nothing or ("" if by_kind["activities"].sum() else "Nobody did anything in this period."),
        ),
    ]


def _of_person(view: View, totals: pd.DataFrame, days: pd.DataFrame) -> tuple[str, tuple[Number, ...]]:
    done = totals[["activities", "active_days"]].sum()
    lately, before = (view.found[name][["activities", "active_days"]].sum().astype(float) for name in ("now", "before"))
    who = view.people.iloc[0] if len(view.people) else None
    loaded = int((_held(days, who)["state"] != MISSING).sum())
    name = "This person" if who is None else str(who["person"])
    last = None if who is None or pd.isna(who["last_activity_date"]) else who["last_activity_date"].date()
    headline = (
        f"{name} used the seat on {done['active_days']:,} of {plural(loaded, 'loaded day')}, {view.filters.period}."
    )
    headline = (NOT_LOADED if view.is_hole("activities") else headline) + _has_left(view, who)
    scores = view.found["ssi"]["ssi"]
    numbers = view.known(
        "activities",
        [
            Number(
                "days used",
                count(done["active_days"]),
                f"days with an activity, of {plural(loaded, 'loaded day')} as holder",
                view.against_before(lately["active_days"], before["active_days"]),
            ),
            Number(
                "activities",
                count(done["activities"]),
                "all types",
                view.against_before(lately["activities"], before["activities"]),
            ),
        ],
    )
    return headline, (
        *numbers,
        Number(
            "last used", day_text(last) if last else NONE, "on any loaded day" if last else "never, on any loaded day"
        ),
        Number("SSI", score(scores.mean()), "of 100, newest day in the period", "", "ssi"),
    )


def _held(days: pd.DataFrame, who: pd.Series | None) -> pd.DataFrame:
    """Returns the days on which a person held the seat: not those of another holder before or after."""
    if who is None:
        return days
    others_before = days["day"] < who["first_day"] if who["holder_number"] > 1 else pd.Series(False, index=days.index)
    others_after = pd.Series(False, index=days.index) if who["is_present"] else days["day"] > who["last_day"]
    return days[~others_before & ~others_after]


def _has_left(view: View, who: pd.Series | None) -> str:
    """Tells that a person holds the seat no longer, or that LinkedIn lists it no longer."""
    if who is None:
        return ""
    if not who["is_present"]:
        return f" Somebody else holds the seat now; this holder was last seen on {_day(who['last_day'])}."
    seat = view.seats
    if len(seat) and not bool(seat.iloc[0]["is_listed"]):
        return f" The seat is no longer listed: last seen on {_day(seat.iloc[0]['last_snapshot'])}."
    return ""


def _day(moment: pd.Timestamp) -> str:
    day: date | None = None if pd.isna(moment) else moment.date()
    return day_text(day) if day else "a day that is not known"
