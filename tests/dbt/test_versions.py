"""Every version of dbt makes the same tables, at first and a day later, and passes the package's unit tests; sqlfluff passes."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from emulators.environments import ROOT, python_of
from runs.house import house

from dbt.package import PACKAGE, dbt, rows
from dbt.test_marts import DAYS, set_traps
from dbt.test_warehouses import happen_later

pytestmark = pytest.mark.skipif(
    not os.environ.get("SALESNAV_DBT_VERSIONS"), reason="takes minutes: `make versions-dbt` runs it"
)

ZONE = "Asia/Tokyo"
LIBRARY = "@duckdb/node-bindings-linux-x64@1.5.6-r.1"
"""Where dbt 2 finds DuckDB's library."""

TTables = dict[str, tuple[list[Any], Counter[tuple[Any, ...]]]]


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file as a first load leaves it, and as one a day later does."""
    folder = tmp_path_factory.mktemp("loads")
    with house(folder, days=DAYS) as home:
        set_traps(home)
        home.sync()
        first = Path(shutil.copy(home.database, folder / "first.duckdb"))
        happen_later(home)
        home.sync()
        return first, Path(shutil.copy(home.database, folder / "second.duckdb"))


@pytest.fixture(scope="module")
def expected(loads: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> list[TTables]:
    """The tables of dbt 1.11 after each load."""
    return grown("dbt-duckdb", loads, tmp_path_factory.mktemp("expected"))


@pytest.mark.parametrize("version", ["dbt-1.12", "dbt-2"])
def test_its_tables_are_those_of_dbt_1_11(
    version: str, loads: tuple[Path, Path], expected: list[TTables], tmp_path: Path
) -> None:
    for found, wanted in zip(grown(version, loads, tmp_path), expected):
        # dbt 2 reads the semantic models, which are views
        assert {name for name in found if "salesnav__" in name} == wanted.keys()
        for name in wanted:
            assert found[name] == wanted[name], name


@pytest.mark.parametrize("version", ["dbt-duckdb", "dbt-1.12", "dbt-2"])
def test_it_passes_the_unit_tests_in_another_zone(version: str, tmp_path: Path) -> None:
    # dbt 2 asks for the tables of incremental models
    build(version, tmp_path, "run", "--empty")
    said = build(version, tmp_path, "test", "--select", "resource_type:unit_test")
    written = sum(path.read_text().count("\n  - name: ") for path in PACKAGE.glob("models/*/unit_tests*.yml"))
    assert written > 30
    assert re.search(rf"(Finished running|Processed:).*\b{written} unit tests", said), said[-2000:]


def test_sqlfluff_passes(tmp_path: Path) -> None:
    sqlfluff = python_of("sqlfluff", Path(__file__).with_name("sqlfluff.txt")).with_name("sqlfluff")
    profile = {"type": "duckdb", "path": str(tmp_path / "w.duckdb"), "schema": "salesnav_marts"}
    profiles = {"salesnav": {"target": "test", "outputs": {"test": profile}}}
    (tmp_path / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
    places = {name: str(tmp_path) for name in ("DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH")}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(sqlfluff), "lint", "models", "--processes", "2"]
    done = subprocess.run(command, cwd=PACKAGE, env=kept | places, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def grown(version: str, loads: tuple[Path, Path], folder: Path) -> list[TTables]:
    """Builds after each load in the same file; returns the tables, with their columns, after each."""
    database = Path(shutil.copy(loads[0], folder / "w.duckdb"))
    build(version, folder, "run")
    found = [tables(database)]
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"ATTACH '{loads[1]}' AS later (READ_ONLY)")
        connection.execute("DROP SCHEMA salesnav CASCADE; CREATE SCHEMA salesnav")
        names = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'later' AND schema_name = 'salesnav'"
        for (name,) in connection.execute(names).fetchall():
            connection.execute(f"CREATE TABLE salesnav.{name} AS FROM later.salesnav.{name}")
    build(version, folder, "run")
    said = build(version, folder, "run", "--vars", "salesnav_schema: misspelt", fails=True)
    assert "there are no loaded tables in the schema misspelt" in said
    return [*found, tables(database)]


def tables(database: Path) -> TTables:
    names = rows(database, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'salesnav_marts'")
    return {
        name: (
            rows(database, f"DESCRIBE salesnav_marts.{name}"),
            Counter(rows(database, f"FROM salesnav_marts.{name}")),
        )
        for (name,) in names
    }


def build(version: str, folder: Path, *command: str, fails: bool = False) -> str:
    profile = {"type": "duckdb", "path": str(folder / "w.duckdb"), "threads": 1}
    where = {"LD_LIBRARY_PATH": str(library())} if version == "dbt-2" else {}
    return dbt(folder, profile, *command, version=version, fails=fails, TZ=ZONE, **where)


def library() -> Path:
    """Returns the folder of DuckDB's library for dbt 2, which npm brings; the environment of dbt 2 may be made anew."""
    folder = ROOT / "dbt-2-library"
    if not (folder / "package" / "libduckdb.so").exists():
        if shutil.which("npm") is None:
            pytest.skip("dbt 2 finds no library of DuckDB without npm")
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", LIBRARY], cwd=folder, check=True, capture_output=True, text=True
        )
        shutil.unpack_archive(folder / packed.stdout.split()[-1], folder)
    return folder / "package"
