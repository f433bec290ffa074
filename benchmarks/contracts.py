"""Contracts: what each job costs by itself, where many are ready at once."""

from datetime import timedelta

from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.server import running
from benchmarks.workspace import Period, Workspace, days_until, load_period

ROWS_PER_DAY = {"activities": 50, "activity_outcomes": 5, "seats": 10}


def measure(space: Workspace, scale: Scale, newest: Period) -> Section:
    """Measures a day of all exports of few and of many contracts, on tables that hold the day before.

    Args:
        space: where files go.
        scale: how much.
        newest: a period that ends with the last day wanted.
    """
    rows, fixed = [], 0.0
    for number in scale.contracts:
        contracts = [f"urn:li:contract:{one}" for one in range(1, number + 1)]
        with space.emptied() as folder, running(space.folder / "tiny", contracts, ROWS_PER_DAY) as server:
            for days, last in ((1, newest.last - timedelta(days=1)), (2, newest.last)):
                period = days_until(last, days)
                run = load_period(folder, server, period, "sync", lookback_days=0, poll_interval=0.1)
        jobs = 3 * number
        own = (run.seconds - fixed) / jobs * 1000
        rows.append(
            (f"{number:,}", f"{jobs:,}", f"{run.seconds:.1f}", f"{own:.1f}" if fixed else "", f"{run.peak_mb:,.0f}")
        )
        fixed = fixed or run.seconds
    notes = [
        "One day more, by the script's way, on a table that holds the day before; all jobs are ready at once, and their files"
        f" have {sum(ROWS_PER_DAY.values())} rows. Milliseconds a job: without what one contract takes.",
    ]
    return Section("Many contracts, a day more", ("contracts", "jobs", "seconds", "ms per job", "peak MB"), rows, notes)
