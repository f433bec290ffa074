"""Data: what is loaded and what is not."""

import pandas as pd

from salesnav_source import dlt_compat
from salesnav_source.dashboard import charts, frames, queries
from salesnav_source.dashboard.model import Filters, Number, Page, Table, day_text
from salesnav_source.dashboard.pages.view import View
from salesnav_source.dashboard.pages.words import EXPORT_NAMES, NONE, count, plural, sentence
from salesnav_source.dashboard.queries import Query
from salesnav_source.dashboard.scope import Scope
from salesnav_source.settings import SECTION
from salesnav_source.state import columns_of


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {"jobs": queries.jobs(filters), "states": queries.states()}


def page(view: View) -> Page:
    """Returns the page."""
    filters, scope = view.filters, view.scope
    chosen = (filters.seat[0],) if filters.seat else filters.contracts
    contracts = [contract for contract in scope.contracts["contract"] if not chosen or contract in chosen]
    lanes, totals = [], {"loaded": 0, "open": 0, "failed": 0}
    rows = []
    nothing_loaded = []
    for contract in contracts:
        own = view.found["coverage"][view.found["coverage"]["contract"] == contract]
        if not (scope.loaded["contract"] == contract).any() and own.empty:
            nothing_loaded.append(scope.name(contract))
            continue
        for export, name in EXPORT_NAMES.items():
            states = own[own["export"] == export].set_index("day")["state"]
            days = pd.DataFrame({"day": pd.to_datetime(filters.days).astype("datetime64[ns]")})
            days["state"] = days["day"].map(states).fillna("open")
            days["end"] = days["day"] + pd.Timedelta(days=1)
            sizes = days["state"].value_counts()
            for state in totals:
                totals[state] += int(sizes.get(state, 0))
                lanes.append(frames.stretches(days, "day", state).assign(lane=f"{scope.name(contract)}, {name}"))
            jobs = view.found["jobs"]
            jobs = jobs[(jobs["contract"] == contract) & (jobs["export"] == export)]
            known = scope.loaded[(scope.loaded["contract"] == contract) & (scope.loaded["export"] == export)]
            rows.append(
                {
                    "contract": scope.name(contract),
                    "export": name,
                    "days loaded": int(sizes.get("loaded", 0)),
                    "days open": int(sizes.get("open", 0)),
                    "days failed": int(sizes.get("failed", 0)),
                    "newest day": known["last"].max() if len(known) else None,
                    "last read": known["last_read_at"].max() if len(known) else None,
                    "rows rejected": int(jobs["rows_rejected"].fillna(0).sum()),
                }
            )
    coverage = pd.concat(lanes, ignore_index=True) if lanes else pd.DataFrame()
    there = scope.only(view.filters)
    missing = totals["open"] + totals["failed"]
    rejected = int(view.found["jobs"]["rows_rejected"].fillna(0).sum())
    if not rows:
        headline = "Nothing is loaded of these contracts."
    elif missing:
        sizes = f"{plural(totals['failed'], 'day')} failed and {totals['open']:,} are open"
        headline = f"{sizes}, of {sum(totals.values()):,}, {filters.period}."
    else:
        headline = f"All days are loaded, {filters.period}."
    hint = "contract × export × day"
    numbers = (
        Number("days loaded", count(totals["loaded"]), hint),
        Number("days open", count(totals["open"]), "not asked for, or LinkedIn has no data yet"),
        Number("days failed", count(totals["failed"]), "the next run asks again"),
        Number("rows rejected", count(rejected), "kept in rejected_rows, with the reason"),
        Number("newest day", day_text(there.last_day) if there.last_day else NONE, _read_hint(there)),
    )
    if len(coverage):
        coverage["last"] = coverage["end"] - pd.Timedelta(days=1)
    figures = (
        view.figure(
            "coverage",
            "Which days are loaded",
            "days of each export",
            sentence(f"nothing was loaded of {', '.join(nothing_loaded)}" if nothing_loaded else ""),
            lambda: charts.coverage(coverage),
            "" if len(coverage) else "Nothing is loaded.",
        ),
    )
    wrong = view.found["jobs"][
        view.found["jobs"]["error"].notna() | (view.found["jobs"]["rows_rejected"].fillna(0) > 0)
    ]
    wrong = wrong.assign(contract=wrong["contract"].map(scope.name), export=wrong["export"].map(EXPORT_NAMES))
    changes = _column_changes(view, contracts)
    names = {"contract": "contract", "export": "export", "window_start": "from", "window_end": "to", "status": "status"}
    names |= {"rows_loaded": "rows loaded", "rows_rejected": "rows rejected", "completed_at": "ended", "error": "error"}
    tables = (
        Table("exports", "Exports", pd.DataFrame(rows), "Nothing is loaded."),
        Table(
            "jobs-with-trouble",
            "Export jobs that failed, or whose rows were rejected",
            wrong[list(names)].rename(columns=names).reset_index(drop=True),
            "None in this period.",
        ),
        Table(
            "columns",
            "Columns that came or went, the last time the files changed",
            changes,
            "No file has changed its columns.",
        ),
    )
    return Page("data", headline, numbers, figures, tables)


def _column_changes(view: View, contracts: list[str]) -> pd.DataFrame:
    rows = []
    for text in view.found["states"]["state"]:
        state = dlt_compat.decoded_state(text).get("sources", {}).get(SECTION, {})
        found = [(export, *one) for export, own in columns_of(state).items() for one in own.items()]
        for export, contract, columns in found:
            if columns.changed_on is not None and contract in contracts:
                row = {"contract": view.scope.name(contract), "export": EXPORT_NAMES.get(export, export)}
                row |= {"on": str(columns.changed_on), "came": ", ".join(columns.come), "went": ", ".join(columns.gone)}
                rows.append(row)
    return pd.DataFrame(rows).drop_duplicates() if rows else pd.DataFrame()


def _read_hint(scope: Scope) -> str:
    return f"last read {scope.read_at:%d %b %Y %H:%M} UTC" if scope.read_at is not None else "nothing was read yet"
