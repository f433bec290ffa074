"""The marts of other warehouses hold what DuckDB's do, row by row."""

import contextlib
import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from destinations.conftest import get_server  # noqa: F401
from destinations.warehouse import environment
from runs.house import house

from dbt.expected import MARTS
from dbt.package import built, rounded, transform
from dbt.test_marts import set_traps


def test_postgres_holds_what_duckdb_does(get_server: Any, tmp_path: Path) -> None:  # noqa: F811
    import psycopg2

    server = get_server("postgres")
    server.create("marts")
    address = f"postgresql://loader:loader@127.0.0.1:{server.port}/marts"
    with environment(server), house(tmp_path, days=60) as home:
        set_traps(home)
        home.sync()
        home.sync(pipeline=home.pipeline("other", destination=server.destination(tmp_path, "marts")))
        transform(tmp_path, "--database", str(home.database))
        # the second build is incremental
        for _ in range(2):
            transform(tmp_path, "postgres", DESTINATION__POSTGRES__CREDENTIALS=address, PGTZ="Asia/Tokyo")
        with contextlib.closing(psycopg2.connect(address)) as connection:
            for mart in MARTS:
                cursor = connection.cursor()
                cursor.execute(f"SELECT * FROM salesnav_marts.salesnav__{mart}")
                found = Counter(tuple(comparable(value) for value in row) for row in cursor.fetchall())
                expected = built(home.database, mart)
                if mart == "export_coverage":
                    # each warehouse was loaded at a time of its own
                    found, expected = without(found, 4), without(expected, 4)
                absent, surplus = expected - found, found - expected
                assert found == expected, f"{mart}: absent {list(absent)[:2]}, surplus {list(surplus)[:2]}"


def comparable(value: Any) -> Any:
    return value.astimezone(dt.timezone.utc) if isinstance(value, dt.datetime) else rounded(value)


def without(found: Counter[tuple[Any, ...]], position: int) -> Counter[tuple[Any, ...]]:
    return Counter({row[:position] + row[position + 1 :]: count for row, count in found.items()})


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
