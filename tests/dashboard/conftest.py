"""A warehouse with marts for all tests here: built once, by whichever worker comes first."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dbt.package import transform
from dbt.test_marts import set_traps
from filelock import FileLock
from runs.house import ONE, TWO, House, house

from salesnav_source.sandbox import faults, transforms

pytest.importorskip("altair", reason='pip install "salesnav-source[dashboard]" brings what draws')

from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.scope import Scope

from .browser import chromium

DAYS = 60
HOLE = (43, 35)
"""The days that are not loaded, counted back from today: before the 28 days that tell who uses a seat."""


@dataclass(frozen=True)
class Built:
    """A DuckDB file with the tables and the marts, and what is known of it."""

    database: Path
    first: date
    last: date
    hole: tuple[date, date]

    @property
    def marts(self) -> Marts:
        return Marts(duckdb_file(self.database))

    @property
    def scope(self) -> Scope:
        return Scope.of(self.marts)


def duckdb_file(database: Path) -> object:
    return dlt.destinations.duckdb(credentials={"database": str(database), "read_only": True})


def load_with_hole(home: House, **options: object) -> None:
    """Loads the world but for a few days in the middle; after them files have a column more."""
    first, last = home.day(HOLE[0] + 1), home.day(HOLE[1] - 1)
    home.sync(end_date=first, **options)  # type: ignore[arg-type]
    more = faults.content(transforms.extra_columns({"salesRegion": "north"})).where(export="seats", times=None)
    home.sandbox.add_fault(more)
    home.sync(start_date=last, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    # the folder of all workers, where there are several
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if shared.name.startswith("popen-") else shared) / "dashboard"
    shared.mkdir(exist_ok=True)
    known = shared / "built.json"
    with FileLock(shared / "lock"):
        if not known.exists():
            with house(shared / "home", days=DAYS) as home:
                set_traps(home)
                load_with_hole(home)
                transform(home.folder, "--database", str(home.database))
                days = [home.day(DAYS), home.yesterday, home.day(HOLE[0]), home.day(HOLE[1])]
                known.write_text(json.dumps([str(home.database), *map(str, days)]))
    database, *days = json.loads(known.read_text())
    first, last, *hole = map(date.fromisoformat, days)
    return Built(Path(database), first, last, (hole[0], hole[1]))


def name_teams(database: Path, teams: dict[str, str | None]) -> None:
    """Puts everybody of a contract into a team, as a directory does."""
    with duckdb.connect(str(database)) as connection:
        for contract, team in teams.items():
            for mart in ("holders", "seats", "coaching"):
                connection.execute(
                    f"UPDATE salesnav_marts.salesnav__{mart} SET team = ? WHERE contract = ?", [team, contract]
                )
            for mart in ("teams_weekly", "ssi_means"):
                connection.execute(
                    f"UPDATE salesnav_marts.salesnav__{mart} SET team = coalesce(?, 'No team') WHERE contract = ?",
                    [team, contract],
                )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests of a file."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def own(built: Built, tmp_path: Path) -> Path:
    """A copy of the file for a test that changes it."""
    return Path(shutil.copy(built.database, tmp_path / built.database.name))


__all__ = ["ONE", "TWO"]
