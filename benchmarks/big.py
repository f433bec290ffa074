"""One file of the size that LinkedIn makes at most, 3 GB: seconds, memory, and the disk that it takes meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.process import Measured, run_program
from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.server import running
from benchmarks.workspace import Period, Workspace, load_activities

NAME = "big"


def measure(space: Workspace, scale: Scale, newest: Period) -> Section:
    """Measures a window of one file, beside DuckDB's own reader.

    Args:
        space: where files go.
        scale: how much.
        newest: the window.
    """
    data = space.prepare_windows(NAME, newest, scale.big_rows)
    (file,) = data.glob("*.csv")
    size = file.stat().st_size
    rows: list[tuple[str, ...]] = []

    def add(name: str, run: Callable[[Path], Measured]) -> None:
        with space.emptied() as folder, _watched(folder) as disk:
            measured = run(folder)
        limit = float(rows[0][1]) if rows else measured.seconds
        rows.append(
            (
                name,
                f"{measured.seconds:.1f}",
                f"{measured.seconds / limit:.2f} ×",
                f"{measured.peak_mb:,.0f}",
                f"{max(disk) / 1e9:.1f}",
                f"{disk[-1] / 1e9:.1f}",
            )
        )

    add(
        "DuckDB's read_csv, from disk",
        lambda folder: run_program("duckdb_read_csv", folder, file=str(file), folder=str(folder)),
    )
    for name, mode in (("as the scripts do", "sync"), ("`pipeline.run(salesnav())`", "bare")):
        with running(data) as server:
            add(name, lambda folder: load_activities(folder, server, newest, mode=mode))  # noqa: B023
    note = (
        f"{scale.big_rows:,} activities, {size / 1e9:.1f} GB of CSV, one window, one run each. Disk: the run's whole folder,"
        " its database included, at most and at the end."
    )
    heads = ("", "seconds", "to read_csv", "peak MB", "disk at most, GB", "left, GB")
    return Section("One file of LinkedIn's largest size", heads, rows, [note])


@contextmanager
def _watched(folder: Path) -> Iterator[list[int]]:
    """Notes how many bytes a folder takes, several times a second, and at the end."""
    found = [0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.3):
            found.append(_bytes_in(folder))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found.append(_bytes_in(folder))


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:  # it was removed meanwhile
            continue
    return total
