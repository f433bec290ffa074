"""Running dbt on the package, in an environment of its own, and reading what it built."""

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
from emulators.environments import python_of

from dbt.expected import MARTS, query

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dbt"


def executable() -> Path:
    """Returns the path of dbt, whose environment is made where it is missing."""
    return python_of("dbt", PACKAGE / "constraints.txt").with_name("dbt")


def transform(folder: Path, *options: str, fails: bool = False, **environment: str) -> str:
    """Runs `salesnav transform`; returns what it said."""
    import sys

    command = [sys.executable, "-m", "salesnav_source", "transform", *options]
    command += ["--dbt", str(executable()), "--target-path", str(folder / "target"), "--threads", "2"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DESTINATION__"))}
    variables = {**kept, "PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false", "NO_COLOR": "1", **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, said[-6000:]
    return said


def rows(database: Path, statement: str, zone: str = "UTC") -> list[tuple[Any, ...]]:
    """Returns what a query gives in a session of a time zone; numbers are rounded as far as two engines agree."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        found = connection.execute(statement).fetchall()
    return [tuple(rounded(value) for value in row) for row in found]


def rounded(value: Any) -> Any:
    return round(value, 9) + 0.0 if isinstance(value, float) else value


def built(database: Path, mart: str, zone: str = "UTC", schema: str = "salesnav_marts") -> Counter[tuple[Any, ...]]:
    """Returns the rows of a mart."""
    return Counter(rows(database, f"SELECT * FROM {schema}.salesnav__{mart}", zone))


def assert_marts_are_right(database: Path, zone: str = "UTC") -> None:
    """Compares every mart with SQL of its own over the raw tables, in a session of another time zone."""
    for mart in MARTS:
        expected = Counter(rows(database, query(mart), zone))
        found = built(database, mart, zone)
        assert expected, mart
        absent, surplus = expected - found, found - expected
        assert found == expected, f"{mart}: absent {list(absent)[:2]}, surplus {list(surplus)[:2]}"
