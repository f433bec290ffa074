"""Growth: what a day costs on a small table and on a large one, and how large the state gets."""

from datetime import timedelta
from statistics import median
from typing import Any

from benchmarks.process import Measured, run_program
from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.server import running
from benchmarks.workspace import Period, Workspace, load_activities


def measure(space: Workspace, scale: Scale, history: Period, data: str) -> Section:
    """Measures the daily increment on tables of two sizes.

    Args:
        space: where files go.
        scale: how much.
        history: the days that the tables hold before.
        data: folder of the large table's files.
    """
    small = space.prepare_windows("small", history, scale.small_table_windows_rows)
    with space.emptied() as small_folder, space.emptied() as large_folder:
        places = ((small, small_folder), (space.folder / data, large_folder))
        before: list[Measured] = []
        days: tuple[list[Measured], list[Measured]] = ([], [])
        for files, folder in places:
            with running(files) as server:
                before.append(load_activities(folder, server, history, mode="sync"))
        for number in range(1, scale.days + 1):
            longer = Period(history.first, history.last + timedelta(days=number))
            for (files, folder), runs in zip(places, days):
                with running(files, rows_per_day={"activities": scale.day_rows}) as server:
                    runs.append(load_activities(folder, server, longer))
    with space.emptied() as folder:
        years = run_program("states", folder, years=[1, 3, 10]).answer["bytes"]
    rows = [_row(run, runs) for run, runs in zip(before, days)]
    small_row, large_row = (_figures(runs) for runs in days)
    ratios = {name: large_row[name] / small_row[name] for name in small_row if small_row[name]}
    rows.append(("large to small", *(f"{ratios[name]:.2f} ×" if name in ratios else "" for name in small_row), "", ""))
    sizes = ", ".join(f"{size} bytes after {number} years" for number, size in years.items())
    notes = [
        f"Medians of {scale.days} days of {scale.day_rows:,} rows, added in turns, each by a new process. Bytes as the"
        " kernel counts them for the process: read by calls, cached or not (imports and the file received included).",
        f"Coverage of one export of one contract in the state, when a day is added every day: {sizes}.",
    ]
    heads = ("rows before", "seconds", "MB read by calls", "MB read from disk", "state, bytes", "peak MB")
    return Section("Growth: a day more", heads, rows, notes)


def _figures(runs: list[Measured]) -> dict[str, float]:
    def middle(get: Any) -> float:
        return float(median(get(run) for run in runs))

    return {
        "seconds": middle(lambda run: run.seconds),
        "calls": middle(lambda run: run.answer["read"].get("rchar", 0) / 1e6),
        "disk": middle(lambda run: run.answer["read"].get("read_bytes", 0) / 1e6),
    }


def _row(before: Measured, runs: list[Measured]) -> tuple[str, ...]:
    figures = _figures(runs)
    sizes = sorted({run.answer["state_bytes"] for run in runs})
    return (
        f"{before.answer['rows']:,}",
        f"{figures['seconds']:.2f}",
        f"{figures['calls']:.1f}",
        f"{figures['disk']:.1f}",
        f"{sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else f"{sizes[0]:,}",
        f"{max(run.peak_mb for run in runs):,.0f}",
    )
