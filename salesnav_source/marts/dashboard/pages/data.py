"""Data: whether it is complete, and what changed in the files."""

import pandas as pd

from salesnav_source.marts.dashboard import charts, frames, queries
from salesnav_source.marts.dashboard.charts.grids import STATE_COLOURS
from salesnav_source.marts.dashboard.model import Figure, Filters, Number, Page, Table, day_text
from salesnav_source.marts.dashboard.pages.view import View
from salesnav_source.marts.dashboard.pages.words import EXPORT_NAMES, NONE, count, sentence
from salesnav_source.marts.dashboard.queries import Query
from salesnav_source.marts.dashboard.scope import Scope
from salesnav_source.marts.dashboard.text import join

QUESTION = "Is the data complete, and what changed in the files?"

_MEANINGS = {
    "loaded": "contract × export × day",
    "empty": "loaded, without rows where the days around have some",
    "open": "not asked for, or LinkedIn has no data yet",
    "failed": "the next run asks again",
    "without access": "LinkedIn does not let the token's owner export",
    "not available": "LinkedIn does not reach so far back",
}

_SAID = {
    "empty": "are empty",
    "open": "are open",
    "failed": "failed",
    "without access": "are without access",
    "not available": "are not available",
}


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {"jobs": queries.jobs(filters), "columns": queries.export_columns(filters)}


def page(view: View) -> Page:
    """Returns the page."""
    contracts = [contract for contract in view.scope.contracts["contract"] if view.filters.includes(contract)]
    lanes = (
        pd.concat([_lane(view, one, export) for one in contracts for export in EXPORT_NAMES], ignore_index=True)
        if contracts
        else pd.DataFrame()
    )
    sizes = (
        (lanes["end"] - lanes["start"]).dt.days.groupby(lanes["state"]).sum() if len(lanes) else pd.Series(dtype=int)
    )
    totals = {state: int(sizes.get(state, 0)) for state in STATE_COLOURS}
    return Page(
        "data",
        QUESTION,
        _headline(view, totals),
        _numbers(view, totals),
        (_coverage(view, lanes),),
        (_exports(view, contracts, lanes), _trouble(view), _columns(view)),
    )


def _lane(view: View, contract: str, export: str) -> pd.DataFrame:
    """Returns the stretches of days of an export that are in one state; a day that nothing is known of is open."""
    coverage = view.found["coverage"]
    own = coverage[(coverage["contract"] == contract) & (coverage["export"] == export)].set_index("day")["state"]
    days = pd.DataFrame({"day": pd.to_datetime(view.filters.days).astype("datetime64[ns]")})
    known = view.scope.contracts.set_index("contract")["has_reporting_access"]
    refused = known.get(contract) is not pd.NA and known.get(contract) is not None and not known.get(contract)
    states = days["day"].map(own).fillna("no_access" if refused else "open")
    days["state"] = states.replace("no_access", "without access").str.replace("_", " ")
    days["end"] = days["day"] + pd.Timedelta(days=1)
    found = [frames.stretches(days, "day", state) for state in STATE_COLOURS if (days["state"] == state).any()]
    lane = pd.concat(found, ignore_index=True)
    name, export_name = view.scope.name(contract), EXPORT_NAMES[export]
    return lane.assign(
        contract=name,
        urn=contract,
        export=export_name,
        lane=f"{export_name}, {name}",
        last=lane["end"] - pd.Timedelta(days=1),
    )


def _headline(view: View, totals: dict[str, int]) -> str:
    everything = sum(totals.values())
    lacking = [f"{totals[state]:,} {said}" for state, said in _SAID.items() if totals[state]]
    if not everything:
        return "No contract is known."
    if not lacking:
        return f"All days are loaded, {view.filters.period}."
    return f"Of {everything:,} days of exports, {join(lacking)}, {view.filters.period}."


def _numbers(view: View, totals: dict[str, int]) -> tuple[Number, ...]:
    there = view.scope.only(view.filters)
    rejected = int(view.found["jobs"]["rows_rejected"].fillna(0).sum())
    shown = [
        Number(f"days {state}", count(number), _MEANINGS[state], "", "exports") for state, number in totals.items()
    ]
    return (
        *shown,
        Number("rows rejected", count(rejected), "kept in rejected_rows, with the reason", "", "jobs-with-trouble"),
        Number("newest day", day_text(there.last_day) if there.last_day else NONE, _read(there)),
    )


def _coverage(view: View, lanes: pd.DataFrame) -> Figure:
    return view.figure(
        "coverage",
        "What became of each day",
        "days of each export",
        sentence("open: not asked for, or LinkedIn has no data yet"),
        lambda: charts.coverage(lanes),
        "" if len(lanes) else "No contract is known.",
    )


def _exports(view: View, contracts: list[str], lanes: pd.DataFrame) -> Table:
    rows = []
    jobs = view.found["jobs"]
    for contract in contracts:
        for export, name in EXPORT_NAMES.items():
            own = lanes[(lanes["urn"] == contract) & (lanes["export"] == name)]
            sizes = (own["end"] - own["start"]).dt.days.groupby(own["state"]).sum()
            mine = jobs[(jobs["contract"] == contract) & (jobs["export"] == export)]
            known = view.scope.loaded
            known = known[(known["contract"] == contract) & (known["export"] == export)]
            row: dict[str, object] = {"contract": view.scope.name(contract), "export": name}
            row |= {f"days {state}": int(sizes.get(state, 0)) for state in STATE_COLOURS}
            row["newest day"] = known["last"].max() if len(known) else pd.NaT
            row["last read"] = known["last_read_at"].max() if len(known) else pd.NaT
            row["rows rejected"] = int(mine["rows_rejected"].fillna(0).sum())
            rows.append(row)
    return Table("exports", "Exports", pd.DataFrame(rows), "No contract is known.")


def _trouble(view: View) -> Table:
    jobs = view.found["jobs"]
    wrong = jobs[jobs["error"].notna() | (jobs["rows_rejected"].fillna(0) > 0)]
    wrong = wrong.assign(contract=wrong["contract"].map(view.scope.name), export=wrong["export"].map(EXPORT_NAMES))
    names = {"contract": "contract", "export": "export", "window_start": "from", "window_end": "to", "status": "status"}
    names |= {"rows_loaded": "rows loaded", "rows_rejected": "rows rejected", "completed_at": "ended", "error": "error"}
    return Table(
        "jobs-with-trouble",
        "Export jobs that failed, or whose rows were rejected",
        wrong[list(names)].rename(columns=names).reset_index(drop=True),
        "None in this period.",
    )


def _columns(view: View) -> Table:
    found = view.found["columns"]
    # a column that came was not there on the first day of the export; one that went is not there on its newest
    ends = found.groupby(["contract", "export"])[["first_day", "last_day"]]
    begins, newest = ends.transform("min")["first_day"], ends.transform("max")["last_day"]
    came, went = found["first_day"] > begins, found["last_day"] < newest
    rows = found.assign(
        what=[
            "came and went" if a and b else "came" if a else "went" if b else ""
            for a, b in zip(came, went, strict=True)
        ],
        contract=found["contract"].map(view.scope.name),
        export=found["export"].map(EXPORT_NAMES),
        state=found["state"].str.replace("_", " "),
    )
    rows = rows[(came | went) | rows["state"].isin(["missing", "left out", "kept"])]
    names = {"contract": "contract", "export": "export", "header": "column", "what": "came or went", "state": "state"}
    names |= {"first_day": "first day", "last_day": "last day"}
    return Table(
        "columns",
        "Columns that came, went or are missing",
        rows[list(names)].rename(columns=names).reset_index(drop=True),
        "No file has changed its columns.",
        "kept: loaded under its own name; left out: personal and not wanted; missing: declared, and in no file",
    )


def _read(scope: Scope) -> str:
    at = scope.read_at
    return f"last read {day_text(at.date())} {at:%H:%M} UTC" if at is not None else "nothing was read yet"
