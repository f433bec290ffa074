"""The pages say in other warehouses what they say on DuckDB: PostgreSQL for real, Snowflake and BigQuery as emulators."""

from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dbt.package import transform
from dbt.test_marts import set_traps
from destinations.conftest import get_server  # noqa: F401
from destinations.warehouse import environment
from runs.house import house

from salesnav_source.marts.dashboard import pages
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.model import PAGES, Filters, Page
from salesnav_source.marts.dashboard.scope import Scope

from .conftest import DAYS, ONE, Built, load_with_hole
from .test_numbers import ask

pytestmark = pytest.mark.long("the marts are built on each warehouse, and the emulators are installed first")

MARTS = "salesnav_marts"


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_postgres_says_what_duckdb_does(get_server: Any, built: Built, tmp_path: Path) -> None:  # noqa: F811
    server = get_server("postgres")
    server.create("pages")
    address = f"postgresql://loader:loader@127.0.0.1:{server.port}/pages"
    with environment(server), house(tmp_path, days=DAYS) as home:
        set_traps(home)
        destination = server.destination(tmp_path, "pages")
        load_with_hole(home, pipeline=home.pipeline("other", destination=destination))
        transform(tmp_path, "postgres", DESTINATION__POSTGRES__CREDENTIALS=address)
        everything = built.scope.filters()
        assert_says_the_same(Marts(destination, MARTS), built, everything, everything_of_a_person(built))


@pytest.mark.parametrize("kind", ["snowflake", "bigquery"])
def test_emulators_say_what_duckdb_does(get_server: Any, built: Built, tmp_path: Path, kind: str) -> None:  # noqa: F811
    server = get_server(kind)
    with environment(server):
        destination = server.destination(tmp_path, "pages")
        copy(built, destination, tmp_path, MARTS, "salesnav__%")
        copy(built, destination, tmp_path, "salesnav", "export_%")
        assert_says_the_same(Marts(destination, MARTS), built, built.scope.filters(contracts=(ONE,)), is_copy=True)


def copy(built: Built, destination: Any, folder: Path, schema: str, names: str) -> None:
    """Loads tables and views of the DuckDB file into another warehouse, as they are."""
    pipeline = dlt.pipeline(f"copy_{schema}", pipelines_dir=str(folder), destination=destination, dataset_name=schema)
    tables = ask(
        built,
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}' AND table_name LIKE '{names}'",
    )
    with duckdb.connect(str(built.database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = {name: connection.execute(f"SELECT * FROM {schema}.{name}").to_arrow_table() for (name,) in tables}
    pipeline.run([dlt.resource(table, name=name) for name, table in rows.items()])


def assert_says_the_same(marts: Marts, built: Built, *chosen: Filters, is_copy: bool = False) -> None:
    scope = Scope.of(marts)
    for filters in chosen:
        for key in PAGES:
            said, expected = page(key, marts, filters, scope), page(key, built.marts, filters, built.scope)
            assert said.headline == expected.headline
            assert [number for number in said.numbers if number.label != "newest day"] == [
                number for number in expected.numbers if number.label != "newest day"
            ]
            assert said.warnings == expected.warnings
            for table, other in zip(said.tables, expected.tables, strict=True):
                if table.key == "columns" and table.frame.empty and is_copy:
                    # dlt's own tables, which tell of columns, were not copied
                    continue
                # each warehouse was loaded at a time of its own
                late = [name for name in ("last read", "ended") if name in other.frame]
                own, others = table.frame.drop(columns=late, errors="ignore"), other.frame.drop(columns=late)
                assert own.to_csv(float_format="%.6f") == others.to_csv(float_format="%.6f"), (key, table.key)


def page(key: str, marts: Marts, filters: Filters, scope: Scope) -> Page:
    return pages.build(key, marts, filters, scope)


def everything_of_a_person(built: Built) -> Filters:
    ((seat,),) = ask(built, f"SELECT min(seat_id) FROM salesnav.seats WHERE contract = '{ONE}'")
    return built.scope.filters(person=built.scope.person(ONE, seat, None))
