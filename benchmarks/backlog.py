"""A first load of a thousand contracts and three years: what 39,000 jobs cost by themselves."""

from datetime import timedelta

from benchmarks.process import Measured
from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.server import Server, running
from benchmarks.workspace import Period, Workspace, days_until, load_period

NAME = "backlog"
ROWS_PER_DAY = {"activities": 4, "activity_outcomes": 1, "seats": 1}
"""Thinned: what rows cost is measured elsewhere."""
BUDGET = 100
"""Jobs in flight at a time."""


def measure(space: Workspace, scale: Scale, newest: Period) -> Section:
    """Measures the first load, a run with nothing to do, and a day more. LinkedIn's work takes no time.

    Args:
        space: where files go.
        scale: how much.
        newest: a period that ends with the last day wanted.
    """
    number, days = scale.backlog
    contracts = [f"urn:li:contract:{one}" for one in range(1, number + 1)]
    rows: list[tuple[str, ...]] = []
    with space.emptied() as folder, running(space.folder / NAME, contracts, ROWS_PER_DAY) as server:

        def add(name: str, period: Period) -> None:
            before = server.stats()["calls"]
            run = load_period(folder, server, period, "sync", lookback_days=0, max_concurrent_jobs=BUDGET)
            journal = max((path.stat().st_size for path in folder.rglob("*.salesnav.sqlite")), default=0)
            rows.append(_row(name, run, server, before, journal))

        history = days_until(newest.last, days)
        add("the first load", history)
        add("nothing to do", history)
        add("a day more", days_until(newest.last + timedelta(days=1), days + 1))
    note = (
        f"{number:,} contracts, {days:,} days, three exports, {sum(ROWS_PER_DAY.values())} rows a day and contract; at most"
        f" {BUDGET} jobs in flight, all ready at once, by the script's way into DuckDB. Processor seconds are of the run alone,"
        " without the server's. State: coverage as JSON."
    )
    heads = (
        "",
        "jobs",
        "polls",
        "seconds",
        "CPU s",
        "ms CPU a job",
        "peak MB",
        "state kB",
        "journal kB",
        "database MB",
    )
    return Section("A first load of many contracts and years", heads, rows, [note])


def _row(name: str, run: Measured, server: Server, before: dict[str, int], journal: int) -> tuple[str, ...]:
    calls = server.stats()["calls"]
    jobs = calls["create"] - before["create"]
    cpu = float(run.answer["cpu_seconds"])
    return (
        name,
        f"{jobs:,}",
        f"{calls['poll'] - before['poll']:,}",
        f"{run.seconds:,.0f}",
        f"{cpu:,.0f}",
        f"{cpu / jobs * 1000:.1f}" if jobs else "",
        f"{run.peak_mb:,.0f}",
        f"{run.answer['state_bytes'] / 1000:,.0f}",
        f"{journal / 1000:,.0f}",
        f"{run.answer['database_bytes'] / 1e6:,.0f}",
    )
