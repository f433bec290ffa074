"""Marts that grew by builds after some loads are those that one build from nothing makes, whatever happened in between."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbt.package import PACKAGE, executable, rounded
from dbt.small_warehouse import SmallWarehouse

MARTS = "salesnav_marts"
APART = {"int_salesnav__loaded_days", "int_salesnav__touched_days", "int_salesnav__built_days"}
"""What tells of the builds themselves."""

Step = tuple[Any, ...]

numbers = st.integers(0, 1)
days = st.integers(0, 60)
versions = st.integers(0, 4)
EVENTS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("load"), numbers, days, st.integers(1, 30), versions),
    st.tuples(st.just("load"), numbers, days, st.integers(1, 3), versions, st.sampled_from(["a", "s", "o", "as"])),
    st.tuples(st.just("stray"), numbers, days, days),
    st.tuples(st.just("erase"), numbers, st.integers(0, 2)),
    st.tuples(st.just("drop"), st.sampled_from(["activities", "seats", "export_jobs"])),
    st.tuples(st.just("turn_column")),
    st.tuples(st.just("move"), numbers),
    st.tuples(
        st.just("part"),
        st.sampled_from(["salesnav__activity_daily", "int_salesnav__built_days", "+salesnav__ssi_daily"]),
    ),
)
LIVES = st.lists(st.lists(EVENTS, min_size=1, max_size=5), min_size=2, max_size=3)
"""What happens between one build and the next."""

BY_HAND: dict[str, list[list[Step]]] = {
    "a day more, late rows, a day withdrawn, and one of long ago loaded anew": [
        [("load", 0, 0, 50, 1), ("load", 1, 0, 50, 1)],
        [("load", 0, 47, 4, 2), ("load", 1, 49, 1, 0)],
        [("load", 0, 3, 1, 3), ("load", 1, 51, 2, 1)],
    ],
    "a seat erased, a row that changed its day, and a contract that came back": [
        [("load", 0, 0, 30, 1), ("load", 1, 10, 20, 1)],
        [("erase", 0, 1), ("stray", 1, 12, 40), ("move", 0), ("load", 0, 30, 2, 1)],
        [("load", 1, 0, 60, 0), ("part", "int_salesnav__built_days")],
        [("load", 1, 5, 3, 2)],
    ],
    "a table dropped, half of it loaded again, a column that went": [
        [("load", 0, 0, 40, 1), ("load", 1, 0, 40, 1)],
        [("drop", "activities"), ("load", 0, 20, 20, 1, "a"), ("turn_column",)],
        [("drop", "seats"), ("drop", "export_jobs"), ("load", 1, 0, 5, 2)],
    ],
}


class Builds:
    """A dbt that builds what it is told in one warehouse, and reads what is there."""

    def __init__(self, folder: Path, profile: dict[str, Any], connect: Callable[[], Any]) -> None:
        """Starts dbt.

        Args:
            folder: where its files go.
            profile: the warehouse.
            connect: opens a connection to it.
        """
        self._connect = connect
        self._connection: Any = None
        self._target = folder / "target"
        profiles = {"salesnav": {"target": "test", "outputs": {"test": {"schema": MARTS, "threads": 1, **profile}}}}
        (folder / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
        self._places = ["--project-dir", str(PACKAGE), "--profiles-dir", str(folder)]
        self._quiet = ["--quiet", "--log-level-file", "none", "--no-write-json"]
        python = executable().with_name("python")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_TARGET_PATH": str(self._target),
            "TZ": "Asia/Tokyo",
        }
        self._worker = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._ask(["parse"])

    def close(self) -> None:
        assert self._worker.stdin
        self._worker.stdin.close()
        self._worker.wait(60)

    def build(self, *options: str) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ask(["run", *options])

    def compiled(self, model: str) -> str:
        """Returns the SQL of a model as it was run last."""
        return (self._target / "compiled" / "salesnav" / "models" / f"{model}.sql").read_text()

    def live(self, steps: Sequence[Sequence[Step]], whole: bool = True) -> None:
        """Lets things happen, builds after each of them, and compares with a build from nothing."""
        self._execute(f"DROP SCHEMA IF EXISTS {MARTS} CASCADE")
        self._execute(f"CREATE SCHEMA {MARTS}")
        warehouse = SmallWarehouse(self._execute)
        for events in steps:
            for name, *arguments in events:
                if name == "part":
                    self.build("--select", *arguments)
                else:
                    getattr(warehouse, name)(*arguments)
            self.build()
        if whole:
            self._compare_with_whole()

    def _compare_with_whole(self) -> None:
        grown = self.tables()
        # DuckDB's sums are of 128 bits, and it takes twenty times as long to read them
        wide = "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'HUGEINT'"
        assert self._execute(wide) == []
        self._execute(f"DROP SCHEMA {MARTS} CASCADE")
        self.build()
        whole = self.tables()
        assert grown.keys() == whole.keys()
        for name in whole:
            absent, surplus = whole[name] - grown[name], grown[name] - whole[name]
            assert grown[name] == whole[name], f"{name}: absent {list(absent)[:2]}, surplus {list(surplus)[:2]}"

    def tables(self) -> dict[str, Counter[tuple[Any, ...]]]:
        names = self._execute(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{MARTS}'")
        return {
            name: Counter(
                tuple(rounded(value) for value in row) for row in self._execute(f"SELECT * FROM {MARTS}.{name}")
            )
            for (name,) in names
            if name not in APART
        }

    def _execute(self, statement: str) -> Any:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection.execute(statement).fetchall()

    def _ask(self, arguments: list[str]) -> None:
        assert self._worker.stdin and self._worker.stdout
        self._worker.stdin.write(json.dumps([*self._quiet, *arguments, *self._places]) + "\n")
        self._worker.stdin.flush()
        answer = json.loads(self._worker.stdout.readline())
        assert answer["well"], answer["said"]


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    folder = tmp_path_factory.mktemp("grown")
    database = folder / "grown.duckdb"

    builds = Builds(folder, {"type": "duckdb", "path": str(database)}, lambda: duckdb.connect(str(database)))
    yield builds
    builds.close()


@pytest.mark.parametrize("life", BY_HAND)
def test_marts_that_grew_are_those_made_at_once(builds: Builds, life: str) -> None:
    builds.live(BY_HAND[life])


@settings(
    max_examples=int(os.environ.get("SALESNAV_LIVES", "2")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(LIVES)
# each takes seconds: SALESNAV_LIVES=50 looks at more of them
def test_any_life_ends_in_what_one_build_makes(builds: Builds, life: list[list[Step]]) -> None:
    builds.live(life)


def test_activities_are_read_by_days_that_are_literals(builds: Builds) -> None:
    builds.live([[("load", 0, 0, 9, 1)], [("load", 0, 3, 2, 2)]], whole=False)
    # BigQuery leaves out the partitions of other days by constants alone
    literals = "(date '2026-03-05', date '2026-03-06')"
    for model in (
        "marts/salesnav__activity_daily",
        "intermediate/int_salesnav__member_days",
        "intermediate/int_salesnav__sent_inmails",
    ):
        assert f"activities.activity_date in {literals}" in builds.compiled(model)
    assert "snapshot_date >= date '2026-03-05'" in builds.compiled("marts/salesnav__seat_daily")
    assert "activity_date >= date '2026-03-05'" in builds.compiled("marts/salesnav__seat_daily")
