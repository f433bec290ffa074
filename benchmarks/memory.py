"""Memory: a long backfill beside a short one."""

from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.workspace import Period, Workspace, load_from

NAMES = {"bare": "`pipeline.run(salesnav())`, one load", "sync": "as the scripts do, in checkpoints"}


def measure(space: Workspace, scale: Scale, newest: Period, history: Period, data: str) -> Section:
    """Measures the peak memory of loading one window and of loading several.

    Args:
        space: where files go.
        scale: how much.
        newest: the days of the newest window.
        history: the days of all windows, which end with the newest.
        data: folder of the prepared files.
    """
    rows, notes = [], []
    for mode, name in NAMES.items():
        peaks = []
        for period in (newest, history):
            with space.emptied() as folder:
                run = load_from(space.folder / data, folder, period, mode=mode, traced=True)
            peaks.append(run.peak_mb)
        short, long = peaks
        rows.append((name, f"{short:,.0f}", f"{long:,.0f}", f"{(long / short - 1) * 100:+.0f} %"))
        told = ", ".join(f"{stage['stage']} {stage['peak_mb']:,.0f}" for stage in run.answer["stages"])
        notes.append(
            f"Peak MB by stage of the long run ({name}; the last load of it, where there are several): {told}."
        )
    notes.append("Peak of the whole process, DuckDB included (maximum resident set).")
    long_rows = scale.window_rows * len(history.windows())
    heads = ("", f"{scale.window_rows:,} rows, MB", f"{long_rows:,} rows, MB", "growth")
    return Section("Memory", heads, rows, notes)
