"""Running dbt on the package, in an environment of its own, and reading what it built."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from emulators.environments import python_of

from dbt.expected import MARTS, query

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dbt"
CONSTRAINTS = {
    "dbt": PACKAGE / "constraints.txt",
    "dbt-1.12": PACKAGE / "constraints-1.12.txt",
    "dbt-2": PACKAGE / "constraints-2.txt",
    "dbt-duckdb": PACKAGE / "constraints.txt",
}
"""The versions of dbt that are tested, by the names of their environments."""
ONLY = {"dbt-duckdb": ("dbt-core", "dbt-duckdb")}
"""What is installed in an environment that does not take all."""


def executable(environment: str = "dbt") -> Path:
    """Returns the path of dbt in an environment, which is made where it is missing."""
    return python_of(environment, CONSTRAINTS[environment], ONLY.get(environment, ())).with_name("dbt")


def transform(folder: Path, *options: str, fails: bool = False, **environment: str) -> str:
    """Runs `salesnav transform`; returns what it said."""
    command = [sys.executable, "-m", "salesnav_source", "transform", *options]
    # no other warehouse is named
    dbt = executable("dbt-duckdb" if options[0].startswith("--") else "dbt")
    command += ["--dbt", str(dbt), "--target-path", str(folder / "target"), "--threads", "2"]
    variables = {"PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false", "NO_COLOR": "1", **environment}
    return _said(command, folder, variables, fails)


def dbt(
    folder: Path,
    profile: Mapping[str, Any],
    *command: str,
    project: Path = PACKAGE,
    version: str = "dbt",
    fails: bool = False,
    **environment: str,
) -> str:
    """Runs dbt itself with a profile; returns what it said.

    Args:
        folder: where its files go.
        profile: the warehouse.
        *command: what it is to do.
        project: the folder of the project.
        version: the environment that it runs in.
        fails: whether it is to fail.
        **environment: variables that differ.
    """
    output = {"schema": "salesnav_marts", **profile}
    profiles = {"salesnav": {"target": "test", "outputs": {"test": output}}}
    (folder / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
    target = str(folder / "target")
    whole = [str(executable(version)), *command, "--project-dir", str(project), "--profiles-dir", str(folder)]
    variables = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_TARGET_PATH": target, "DBT_LOG_PATH": target}
    return _said(whole, folder, {**variables, "NO_COLOR": "1", **environment}, fails)


def run(version: str, folder: Path, *command: str, **environment: str) -> str:
    """Runs Python in an environment of dbt; returns what it said."""
    return _said([str(executable(version).with_name("python")), *command], folder, environment, False)


def _said(command: Sequence[str], folder: Path, variables: Mapping[str, str], fails: bool) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DESTINATION__"))}
    kept.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=folder, env={**kept, **variables}, capture_output=True, text=True, timeout=600, check=False
    )
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
