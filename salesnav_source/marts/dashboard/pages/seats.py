"""Seats: bought, assigned, activated, used; which can be taken back, what they cost, and whether those who start stay."""

from dataclasses import replace

import pandas as pd

from salesnav_source.marts.dashboard import charts, frames, queries
from salesnav_source.marts.dashboard.model import Figure, Filters, Number, Page, Table, day_text
from salesnav_source.marts.dashboard.pages.view import View
from salesnav_source.marts.dashboard.pages.words import NONE, count, money, plural, sentence
from salesnav_source.marts.dashboard.queries import Query

QUESTION = "Which seats can be taken back, and what do they cost?"

STATES = ("bought", "assigned", "activated", "used")
USED_DAYS = 28
"""Days in which a seat has to have been active to be used."""
_NO_TERMS = "not known: salesnav_contract_terms says nothing of a contract"


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {"cohorts": queries.cohorts(filters.wide)}


def page(view: View) -> Page:
    """Returns the page."""
    numbers = [*_states(view), to_take_back(view), _cost(view), _never(view)]
    if view.seats.empty:
        numbers = [replace(number, value=NONE, meaning="no seats are known", leads_to="") for number in numbers]
    figures = [_four_states(view), _idle(view)]
    if not (view.is_person or view.filters.team):
        figures.append(_retention(view))
    if not view.is_person:
        figures.append(_onboarding(view))
    tables = [
        _list_to_take_back(view),
        *([] if view.is_person or view.filters.team else [_unassigned(view)]),
        _all(view),
    ]
    return Page(
        "seats",
        QUESTION,
        _headline(view),
        tuple(numbers),
        tuple(figures),
        tuple(tables),
        (*view.warnings("activities", "seats"), *of_look_back(view)),
    )


def idle(view: View) -> pd.DataFrame:
    """Returns the seats that can be taken back."""
    return view.seats[view.seats["is_reclaimable"].fillna(False).astype(bool)]


def of_look_back(view: View) -> tuple[str, ...]:
    """Tells of days that are not loaded among those that decide whether a seat is in use."""
    follows = (
        "Whoever may have used a seat on such a day, and was not seen since, is neither idle nor unused: not known."
    )
    return view.of_look_back(max(idle_days(view) or USED_DAYS, USED_DAYS), follows)


def idle_days(view: View) -> int | None:
    """Returns from how many idle days on a seat can be taken back, by the rule of the marts."""
    days = view.scope.contracts["idle_days_rule"].dropna()
    return int(days.iloc[0]) if len(days) else None


def rule(view: View) -> str:
    """Returns the rule in words."""
    return f"listed, and not used by the present holder for {idle_days(view)} days or more"


def as_of(view: View) -> str:
    """Returns the day up to which activities are known, which may be another for each contract."""
    days = {day for contract, day in view.newest("activities").items() if (view.seats["contract"] == contract).any()}
    if not days:
        return "no activities are loaded"
    first, last = min(days), max(days)
    if first == last:
        return f"as of {day_text(last)}"
    return f"as of the newest day of each contract, {day_text(first)} to {day_text(last)}"


def to_take_back(view: View) -> Number:
    """Returns how many seats can be taken back, of those of which it is known."""
    found, unknown = idle(view), unknown_idle(view)
    known = len(_listed(view)) - len(unknown)
    value = f"{len(found):,} of {known:,}" if known else NONE
    return Number(
        "seats to take back",
        value,
        f"{rule(view)}, {as_of(view)}{_besides(len(unknown))}",
        "",
        "seats#seats-to-take-back",
    )


def unknown_idle(view: View) -> pd.DataFrame:
    """Returns the listed seats of which it is not known whether they can be taken back."""
    listed = _listed(view)
    return listed[listed["is_reclaimable"].isna()]


def _besides(unknown: int) -> str:
    return f"; not known of {plural(unknown, 'more seat')}" if unknown else ""


def _listed(view: View) -> pd.DataFrame:
    return view.seats[view.seats["is_listed"].fillna(False).astype(bool)]


def _headline(view: View) -> str:
    found, unknown = idle(view), len(unknown_idle(view))
    known = len(_listed(view)) - unknown
    if view.seats.empty:
        return "No seats are known."
    if unknown and not known:
        return f"It is not known whether any of {plural(unknown, 'seat')} can be taken back: days of activities are not loaded."
    besides = _besides(unknown)
    if found.empty:
        return f"None of {plural(known, 'seat')} has been idle for {idle_days(view)} days, so none can be taken back{besides}."
    cost = _sums(found)
    said = f"; they cost {money(cost)} a year" if cost else ""
    return (
        f"{len(found):,} of {plural(known, 'seat')} can be taken back: not used for {idle_days(view)} days or more"
        f" by whoever holds them{said}{besides}."
    )


def _sums(rows: pd.DataFrame) -> dict[str, float]:
    """Returns what seats cost a year, by currency."""
    priced = rows[rows["cost_per_year"].notna()]
    sums = priced.assign(currency=priced["currency"].fillna("")).groupby("currency")["cost_per_year"].sum()
    return {str(currency): float(cost) for currency, cost in sums.items()}


def counted(view: View) -> dict[str, int | None]:
    """Returns how many seats are in each of the four states; None where it is not known."""
    if view.is_person or view.filters.team:
        listed = _listed(view)
        told = listed[listed["contract"].isin(view.newest("activities"))]
        activated = int(told["is_activated"].fillna(False).astype(bool).sum())
        used = int((told["license_state"] == "used").sum())
        known = len(told) > 0 or listed.empty
        return {
            "bought": None,
            "assigned": len(listed),
            "activated": activated if known else None,
            "used": used if known else None,
        }
    chosen = _contracts(view)
    # where a contract with seats has no terms, it is not known how many were bought: a sum without it would be too small
    bought = chosen[(chosen["assigned_seats"].fillna(0) > 0) | chosen["purchased_seats"].notna()]["purchased_seats"]
    known = int(bought.sum()) if len(bought) and bought.notna().all() else None
    sums: dict[str, int | None] = {"assigned": int(chosen["assigned_seats"].fillna(0).sum())}
    for name in STATES[2:]:
        counts = chosen.loc[chosen["assigned_seats"].fillna(0) > 0, f"{name}_seats"]
        # where no activities were ever loaded there is no count
        sums[name] = int(counts.fillna(0).sum()) if counts.empty or counts.notna().any() else None
    return {"bought": known, **sums}


def _unknown_use(view: View) -> int:
    """Returns of how many listed seats it is not known whether they were used lately."""
    return int((_listed(view)["license_state"] == "unknown").sum())


def _unknown_start(view: View) -> int:
    """Returns how many listed seats are in contracts of which no activities were ever loaded."""
    return int((~_listed(view)["contract"].isin(view.newest("activities"))).sum())


def _contracts(view: View) -> pd.DataFrame:
    contracts = view.scope.contracts
    return contracts[contracts["contract"].map(view.filters.includes).astype(bool)]


def _states(view: View) -> list[Number]:
    found = counted(view)
    whole = not (view.is_person or view.filters.team)
    bought = "seats of the contracts in force" if found["bought"] is not None else _NO_TERMS
    spare = _contracts(view)["unassigned_seats"].dropna()
    by_directory = (found["assigned"] or 0) - len(_listed(view))
    assigned = "listed now" + (
        f", and {by_directory:,} given to somebody by the directory alone" if by_directory > 0 else ""
    )
    if whole and len(spare):
        assigned += f"; {plural(int(spare.sum()), 'bought seat')} without a holder"
    numbers = [
        Number("assigned", count(found["assigned"]), assigned, "", "bought-and-unassigned" if whole else "all-seats"),
        Number(
            "activated",
            count(found["activated"]),
            "the present holder has an activity, an SSI, or a total of connections or leads"
            + _besides(_unknown_start(view)),
            "",
            "all-seats",
        ),
        Number(
            "used",
            count(found["used"]),
            f"at least one activity in the last {USED_DAYS} days, {as_of(view)}{_besides(_unknown_use(view))}",
            "",
            "all-seats",
        ),
    ]
    return (
        [Number("bought", count(found["bought"]), bought, "", "bought-and-unassigned"), *numbers] if whole else numbers
    )


def _cost(view: View) -> Number:
    found = idle(view)
    sums, priced = _sums(found), int(found["cost_per_year"].notna().sum())
    meaning = f"a year, by the terms in force, of the {plural(priced, 'seat')} on the list" if sums else _NO_TERMS
    if sums and priced < len(found):
        meaning += f"; {len(found) - priced:,} more have no terms"
    if found.empty:
        meaning = "there is no such seat"
    return Number("cost of seats to take back", money(sums), meaning, "", "seats-to-take-back")


def _never(view: View) -> Number:
    listed = _listed(view)
    silent = listed[listed["first_activity_date"].isna()]
    unknown = int(silent["is_active_28"].isna().sum())
    known = len(silent) - unknown if unknown < len(listed) or listed.empty else None
    return Number(
        "never used",
        count(known),
        "listed, and the present holder has no activity on any loaded day" + _besides(unknown),
        "",
        "all-seats",
    )


def _four_states(view: View) -> Figure:
    found = {name: number for name, number in counted(view).items() if number is not None}
    rows = pd.DataFrame({"state": list(found), "seats": list(found.values())})
    return view.figure(
        "four-states",
        "From bought to used",
        "seats",
        sentence(
            "each is a part of the one above",
            f"used, of {plural(_unknown_use(view), 'seat')}: not known" if _unknown_use(view) else "",
            "" if "bought" in found or view.is_person or view.filters.team else f"bought: {_NO_TERMS}",
        ),
        lambda: charts.bars(rows, "state", "seats", list(found)),
        "" if len(view.seats) else "No seats are known.",
        period=as_of(view),
    )


def _idle(view: View) -> Figure:
    listed = _listed(view)
    limit = idle_days(view) or 28
    groups = frames.idle_groups(limit)
    if listed["idle_days"].isna().any():
        groups.append(frames.IDLE_UNKNOWN)
    grouped = listed.assign(
        group=[frames.idle_group(row.first_activity_date, row.idle_days, limit) for row in listed.itertuples()],
        taken=listed["is_reclaimable"].fillna(False).astype(int),
    ).groupby("group")
    rows = pd.DataFrame({"group": groups})
    rows["seats"] = rows["group"].map(grouped.size()).fillna(0)
    rows["reclaimable"] = rows["group"].map(grouped["taken"].sum()).fillna(0)
    return view.figure(
        "idle-seats",
        "How long seats have been idle",
        "seats that are listed now",
        "Orange-red: can be taken back. Blue: not, or not yet"
        + (". Not known: may have been used on a day that is not loaded" if len(groups) > 5 else ""),
        lambda: charts.bars(rows, "group", "seats", groups, part=("reclaimable", "can be taken back")),
        "" if len(listed) else "No seats are listed.",
        period=as_of(view),
    )


def _retention(view: View) -> Figure:
    cohorts = view.found["cohorts"]
    return view.figure(
        "retention",
        "Do those who start stay?",
        "% of the people who started in a week; a fuller colour is more",
        "Each row: people who first used a seat in that week, their number in brackets. Left out: weeks that are not over"
        " or not all loaded, and starts in the first 28 loaded days of a contract or of a hole, in which everybody looks new",
        lambda: charts.retention(cohorts),
        "" if len(cohorts) else "Nobody is known to have started in these weeks.",
        period=view.filters.wide.period,
    )


def _onboarding(view: View) -> Figure:
    known = view.seats["is_holder_since_known"].fillna(False).astype(bool)
    new = view.seats[known & view.seats["days_to_first_activity"].notna()]["days_to_first_activity"]
    labels = [f"{days}" for days in range(8)] + ["8–14", "later"]
    waits = new.map(lambda days: labels[max(int(days), 0)] if days < 8 else labels[8] if days < 15 else labels[9])
    rows = pd.DataFrame({"day": labels, "seats": [int((waits == label).sum()) for label in labels]})
    return view.figure(
        "onboarding",
        "How long newcomers wait",
        "present holders",
        sentence(
            f"half of them: {new.median():g} days or less" if len(new) else "",
            "left out: who was there on the first loaded day, never used the seat, or may have on a day that is not loaded",
        ),
        lambda: charts.histogram(
            rows, "day", "seats", labels, title="days from the first day as holder to the first use"
        ),
        "" if len(new) else "No present holder came after the first loaded day.",
        period="all loaded days",
    )


def _list_to_take_back(view: View) -> Table:
    rows = frames.most_first(idle(view), "idle_days")
    columns = {"idle_days": "idle days", "last_activity_date": "last used", **_since(view)}
    if rows["cost_per_year"].notna().any():
        columns |= {"cost_per_year": "cost a year", "currency": "currency"}
    return view.table(
        "seats-to-take-back",
        "Seats to take back",
        _held(rows),
        {**columns, "seat_status": "status"},
        f"No seat has been idle for {idle_days(view)} days.",
        f"{rule(view)}; {as_of(view)}{_besides(len(unknown_idle(view)))}",
    )


def _since(view: View) -> dict[str, str]:
    return {"since": "holder since", "holder_number": "holders so far"}


def _held(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds since when the holder has the seat, or before which day she had it already."""
    since = [
        NONE
        if pd.isna(row.holder_since)
        else day_text(row.holder_since.date())
        if row.is_holder_since_known
        else f"before {day_text(row.holder_since.date())}"
        for row in rows.itertuples()
    ]
    return rows.assign(since=pd.Series(since, index=rows.index, dtype=object))


def _unassigned(view: View) -> Table:
    chosen = _contracts(view)
    rows = chosen[chosen["purchased_seats"].notna()]
    rows = rows.assign(name=rows["contract"].map(view.scope.name))
    columns = {"name": "contract", "purchased_seats": "bought", "assigned_seats": "assigned"}
    columns |= {"unassigned_seats": "without a holder", "unassigned_cost_year": "cost of these a year"}
    columns |= {"cost_per_seat_year": "cost per seat and year", "currency": "currency"}
    return Table(
        "bought-and-unassigned",
        "Seats bought, and without a holder",
        rows[list(columns)].rename(columns=columns).reset_index(drop=True),
        "How many seats were bought is not known: set salesnav_contract_terms (docs/dashboard.md).",
        "by the terms in force",
    )


def _all(view: View) -> Table:
    rows = frames.most_first(view.seats, "idle_days")
    states = {"used": "used", "activated": "activated", "assigned": "assigned", "gone": "no longer listed"}
    states["unknown"] = "not known"
    rows = _held(rows.assign(state=rows["license_state"].map(states)))
    columns = {"state": "state", "idle_days": "idle days", "last_activity_date": "last used"}
    columns |= {"active_days_28": "days used of 28", **_since(view), "ssi": "SSI", "seat_status": "status"}
    note = (
        "used: at least one activity in the last 28 days; activated: begun, but none in these; assigned: not begun;"
        " not known: days on which it may have been used are not loaded"
    )
    return view.table("all-seats", "All seats", rows, columns, "No seats are known.", note)
