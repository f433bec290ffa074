"""Makespan: a backfill of many jobs in lanes beside the best schedule for their durations."""

from collections import defaultdict
from collections.abc import Iterable

from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.server import running
from benchmarks.workspace import Period, Workspace, days_until, load_period

ROWS_PER_DAY_OF_OTHERS = {"activity_outcomes": 20, "seats": 100}


def measure(space: Workspace, scale: Scale, newest: Period) -> Section:
    """Measures a backfill of all exports of several contracts.

    Args:
        space: where files go.
        scale: how much.
        newest: a period that ends with the last day wanted.
    """
    period = days_until(newest.last, scale.backfill_days)
    contracts = [f"urn:li:contract:{number}" for number in range(1, scale.backfill_contracts + 1)]
    rows_per_day = {"activities": scale.backfill_day_rows, **ROWS_PER_DAY_OF_OTHERS}
    data = space.prepare(
        "backfill",
        [
            (contract, export, window, rows * ((window.last - window.first).days + 1))
            for contract in contracts
            for export, rows in rows_per_day.items()
            for window in period.windows()
        ],
    )
    with space.emptied() as folder, running(data, contracts, rows_per_day, scale.job_seconds) as server:
        run = load_period(
            folder,
            server,
            period,
            "sync",
            max_concurrent_jobs=scale.budget,
            poll_interval=scale.poll_interval,
        )
        stats = server.stats()
    jobs = stats["jobs"]
    began = min(job["created"] for job in jobs)
    noticed = max(job["noticed"] for job in jobs) - began
    whole = run.answer["ended"] - began
    best = schedule((job["lane"], job["seconds"]) for job in jobs)
    idle = max(job["ends"] for job in jobs) - began
    rows = [
        (name, f"{seconds:.1f}", f"{seconds / best:.2f} ×")
        for name, seconds in (
            ("best schedule: the longest lane, never idle", best),
            ("the last job ended at LinkedIn", idle),
            ("the last job noticed to have ended", noticed),
            ("everything loaded", whole),
        )
    ]
    windows = len(contracts) * len(rows_per_day) * len(period.windows())
    calls = stats["calls"]
    late = sum(job["noticed"] - job["ends"] for job in jobs) / len(jobs)
    notes = [
        f"{scale.backfill_days} days of {len(contracts)} contracts, 3 exports: {windows} windows, {run.answer['rows']:,}"
        f" activities; jobs take {scale.job_seconds[0]:g} to {scale.job_seconds[1]:g} s, one at a time of"
        f" each of {len(contracts) * len(rows_per_day)} lanes; {scale.budget} at LinkedIn at a time; poll_interval"
        f" {scale.poll_interval:g} s. Seconds from the creation of the first job.",
        f"Calls: {calls['create']} POSTs for {windows} windows, {calls['contracts']} listing of contracts,"
        f" {calls['poll']} polls ({calls['poll'] / len(jobs):.1f} per job), {calls['download']} downloads. The end of a job"
        f" was noticed {late:.2f} s late on average. Peak memory {run.peak_mb:,.0f} MB.",
    ]
    return Section("Makespan: a backfill of many jobs in lanes", ("", "seconds", "to the best schedule"), rows, notes)


def schedule(jobs: Iterable[tuple[str, float]]) -> float:
    """Returns how long jobs take at least, as one of a lane is worked on at a time and all lanes at once.

    Args:
        jobs: the lane of each, and how long it takes.
    """
    lanes: dict[str, float] = defaultdict(float)
    for lane, seconds in jobs:
        lanes[lane] += seconds
    return max(lanes.values())
