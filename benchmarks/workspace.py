"""Where benchmarks keep their files: made before them, and gone after them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.process import Measured, run_program
from benchmarks.server import TOKEN, Server, running

CONTRACT = "urn:li:contract:1"
WINDOW_DAYS = 90


class Period(NamedTuple):
    """Days from the first to the last, both included."""

    first: date
    last: date

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the source that ask for these days."""
        return {"start_date": self.first.isoformat(), "end_date": self.last.isoformat()}

    def windows(self) -> list["Period"]:
        """Returns the windows of at most 90 days that the source asks for, newest first."""
        found, last = [], self.last
        while last >= self.first:
            first = max(self.first, last - timedelta(days=WINDOW_DAYS - 1))
            found.append(Period(first, last))
            last = first - timedelta(days=1)
        return found


class Workspace:
    """A folder for files and databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    @contextmanager
    def emptied(self) -> Iterator[Path]:
        """Gives a new folder, and removes it afterwards."""
        folder = self.folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def prepare(self, name: str, files: list[tuple[str, str, Period, int]]) -> Path:
        """Has files made, each of an export, a contract, days, and so many rows; returns their folder."""
        folder = self.folder / name
        listed = [[contract, export, str(days.first), str(days.last), rows] for contract, export, days, rows in files]
        run_program("make_files", self.folder, folder=str(folder), files=listed)
        return folder

    def prepare_windows(self, name: str, period: Period, rows: int) -> Path:
        """Has a file of activities made for each window of a period; returns their folder."""
        return self.prepare(name, [(CONTRACT, "activities", window, rows) for window in period.windows()])


@contextmanager
def workspace(parent: Path) -> Iterator[Workspace]:
    """Gives an empty folder, and removes it afterwards."""
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True)
    try:
        yield Workspace(parent)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def days_until(last: date, days: int) -> Period:
    """Returns so many days up to the last one."""
    return Period(last - timedelta(days=days - 1), last)


def yesterday() -> date:
    """Returns the last day for which LinkedIn can have data."""
    return datetime.now(timezone.utc).date() - timedelta(days=1)


def load_period(
    folder: Path,
    server: Server,
    period: Period,
    mode: str,
    exports: list[str] | None = None,
    traced: bool = False,
    postgres: str | None = None,
    **settings: Any,
) -> Measured:
    """Loads a period with this source, and returns what it took.

    Args:
        folder: where the pipeline and the database go on from, or begin.
        server: what is asked.
        period: the days wanted.
        mode: `bare`, or `sync` as the scripts do.
        exports: names of the exports wanted; all if None.
        traced: whether to tell what was done when.
        postgres: URL of a database of PostgreSQL; loads into DuckDB if None.
        **settings: more settings of the source.
    """
    return run_program(
        "salesnav_run",
        folder,
        folder=str(folder),
        base_url=server.base_url,
        token=TOKEN,
        mode=mode,
        exports=exports,
        traced=traced,
        postgres=postgres,
        configuration={**period.settings, **settings},
    )


def load_activities(folder: Path, server: Server, period: Period, mode: str = "bare", **options: Any) -> Measured:
    """Loads the activities of a period with this source, without waiting for jobs, and returns what it took."""
    return load_period(folder, server, period, mode, exports=["activities"], poll_interval=0.1, **options)


def load_from(data: Path, folder: Path, period: Period, **options: Any) -> Measured:
    """Loads the activities of a period from a server that gives the files of a folder."""
    with running(data) as server:
        return load_activities(folder, server, period, **options)
