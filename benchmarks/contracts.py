"""Contracts: what each job costs by itself, where many are ready at once."""

from datetime import timedelta
from typing import Any

from benchmarks.process import Measured
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
        run = _a_day_more(space, newest, number, poll_interval=0.1)
        own = (run.seconds - fixed) / (3 * number) * 1000
        rows.append(_row(number, run, "0", f"{own:.1f}" if fixed else ""))
        fixed = fixed or run.seconds
    number, latency = scale.latent
    rows.append(_row(number, _a_day_more(space, newest, number, latency), f"{latency * 1000:.0f}", ""))
    notes = [
        "One day more, by the script's way, on a table that holds the day before; all jobs are ready at once, and their files"
        f" have {sum(ROWS_PER_DAY.values())} rows. Milliseconds a job: without what one contract takes."
        " With latency, all settings are the defaults; without, jobs are polled after 0.1 s.",
    ]
    return Section(
        "Many contracts, a day more",
        ("contracts", "jobs", "ms a call", "seconds", "ms per job", "peak MB"),
        rows,
        notes,
    )


def _a_day_more(space: Workspace, newest: Period, number: int, latency: float = 0.0, **settings: Any) -> Measured:
    """Loads a day, and measures the day after it, of so many contracts."""
    contracts = [f"urn:li:contract:{one}" for one in range(1, number + 1)]
    with (
        space.emptied() as folder,
        running(space.folder / "tiny", contracts, ROWS_PER_DAY, latency=latency) as server,
    ):
        before = days_until(newest.last - timedelta(days=1), 1)
        load_period(folder, server, before, "sync", lookback_days=0, **settings)
        return load_period(folder, server, days_until(newest.last, 2), "sync", lookback_days=0, **settings)


def _row(number: int, run: Measured, latency: str, own: str) -> tuple[str, ...]:
    return f"{number:,}", f"{3 * number:,}", latency, f"{run.seconds:.1f}", own, f"{run.peak_mb:,.0f}"
