"""The marts of other warehouses hold what DuckDB's do, row by row, after a first build and after a later run."""

import contextlib
import datetime as dt
import shutil
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from destinations.conftest import TGetServer, get_server  # noqa: F401
from destinations.warehouse import Server, environment
from runs.house import ONE, TWO, House, house

from dbt.expected import MARTS
from dbt.package import PACKAGE, assert_marts_are_right, built, dbt, rounded, transform
from dbt.test_marts import SPECS, at, set_traps

pytestmark = pytest.mark.long("the marts are built on each warehouse, and the emulators are installed first")

DATABASE = "marts"
DAYS = 60
COMPARED = (*MARTS, "changes", "coaching", "contract_terms")
TMarts = dict[str, Counter[tuple[Any, ...]]]

ELSEWHERE = {"postgres": {"PGTZ": "Asia/Tokyo"}, "snowflake": {"TZ": "Asia/Tokyo"}, "bigquery": {}}
"""What puts the session into another time zone, where there is such a thing."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> TMarts:
    """The marts that DuckDB has after both runs."""
    folder = tmp_path_factory.mktemp("duckdb")
    with house(folder, days=DAYS, specs=SPECS) as home:
        set_traps(home)
        home.sync()
        happen_later(home)
        home.sync()
        dbt(folder, {"type": "duckdb", "path": str(home.database), "threads": 2}, "run")
        assert_marts_are_right(home.database)
        return {mart: built(home.database, mart) for mart in COMPARED}


@pytest.mark.parametrize("kind", ["postgres", "snowflake", "bigquery"])
def test_marts_are_those_of_duckdb(
    get_server: TGetServer,  # noqa: F811
    expected: TMarts,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    server = get_server(kind)
    server.create(DATABASE)
    assert expected["changes"]
    assert expected["coaching"]
    with environment(server), house(tmp_path, days=DAYS, specs=SPECS) as home:
        set_traps(home)
        pipeline = home.pipeline(destination=server.destination(tmp_path, DATABASE))
        home.sync(pipeline=pipeline)
        # the first build without tests; the later one has them all
        build(server, tmp_path, "run")
        happen_later(home)
        home.sync(pipeline=pipeline)
        build(server, tmp_path, "build")
        said = build(server, tmp_path, "run", "--vars", "salesnav_schema: misspelt", fails=True)
        assert "there are no loaded tables in the schema misspelt" in said
        for mart in COMPARED:
            found, wanted = rows_of(home, server, tmp_path, mart), expected[mart]
            if mart == "export_coverage":
                # each warehouse was loaded at a time of its own
                found, wanted = without(found, 4), without(wanted, 4)
            absent, surplus = wanted - found, found - wanted
            assert found == wanted, f"{mart}: absent {list(absent)[:2]}, surplus {list(surplus)[:2]}"


def test_seeds_that_people_write_are_read_as_written(get_server: TGetServer, tmp_path: Path) -> None:  # noqa: F811
    server = get_server("postgres")
    server.create("seeds")
    shutil.copytree(PACKAGE, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    project = tmp_path / "dbt" / "integration_tests"
    where = {**profile(server, "seeds"), "schema": "salesnav_integration_tests"}
    for command in (["deps"], ["seed"], ["build", "--exclude", "resource_type:seed"]):
        # its tests hold what the seeds say against the marts
        said = dbt(project, where, *command, project=project, **ELSEWHERE["postgres"])
    assert "WARN=2 ERROR=0" in said


ODD_PASSWORD = "p@ss/w:rd?#%&\"'\\ü {{x}}-S3cretWord"


@pytest.mark.parametrize("is_reached", [True, False], ids=["a-model-fails", "no-connection"])
def test_what_dbt_leaves_holds_no_password(get_server: TGetServer, is_reached: bool, tmp_path: Path) -> None:  # noqa: F811
    server = get_server("postgres")
    psycopg2 = pytest.importorskip("psycopg2")
    with contextlib.closing(psycopg2.connect(f"postgresql://loader:loader@127.0.0.1:{server.port}/postgres")) as admin:
        admin.autocommit = True
        admin.cursor().execute("DROP ROLE IF EXISTS odd")
        admin.cursor().execute("CREATE ROLE odd LOGIN PASSWORD %s", (ODD_PASSWORD,))
    written = quote(ODD_PASSWORD, safe="")
    dsn = f"postgresql://odd:{written}@127.0.0.1:{server.port if is_reached else 1}/postgres"
    options = "--dbt-options=--select salesnav__contract_overview --log-level-file debug"
    said = transform(tmp_path, "postgres", options, fails=True, DESTINATION__POSTGRES__CREDENTIALS=dsn)
    assert ("Connection refused" not in said) == is_reached and "authentication failed" not in said
    left = {path.name: path.read_bytes() for path in (tmp_path / "target").rglob("*") if path.is_file()}
    assert {"dbt.log", "partial_parse.msgpack"} <= set(left)
    for content in (said.encode(), *left.values()):
        assert not [form for form in ("S3cretWord", written, ODD_PASSWORD) if form.encode() in content]


def happen_later(home: House) -> None:
    """Lets a day pass, on which a late row comes, and rows and a day are withdrawn."""
    home.clock.turn(home.clock.today + dt.timedelta(days=1))
    seat = home.world.rows("seats", ONE, home.day(2), home.day(2))[0]["seat_id"]
    late = {"activity_id": "late", "activity_type": "SAVED_LEAD", "seat_id": seat, "created_at": at(home.day(3))}
    home.world.add_row("activities", ONE, late)
    gone = home.day(2)
    home.world.withdraw("activities", TWO, lambda row: row["activity_date"] == gone)
    home.world.withdraw("seats", TWO, lambda row: row["snapshot_date"] == gone)


def build(server: Server, folder: Path, command: str, *options: str, fails: bool = False) -> str:
    """Builds the marts by dbt; returns what it said."""
    return dbt(folder, profile(server), command, *options, fails=fails, **ELSEWHERE[server.kind], **server.variables)


def profile(server: Server, database: str = DATABASE) -> dict[str, Any]:
    """Returns a profile; an emulator is named in it, as dlt's credentials have no place for that."""
    common: dict[str, Any] = {"type": server.kind, "threads": 1}
    address = {"host": "127.0.0.1", "port": server.port}
    if server.kind == "postgres":
        return {**common, **address, "user": "loader", "password": "loader", "dbname": database}
    if server.kind == "snowflake":
        who = {"account": "fakesnow", "protocol": "http", "user": "fake", "password": "snow"}
        return {**common, **address, **who, "database": database.upper(), "warehouse": "WH", "role": "R"}
    who = {"token": "fake", "refresh_token": "r", "client_id": "i", "client_secret": "s", "method": "oauth-secrets"}
    where = {"token_uri": "http://127.0.0.1:1/token", "api_endpoint": f"http://127.0.0.1:{server.port}"}
    return {**common, **who, **where, "project": database, "location": "US", "job_retries": 0}


def rows_of(home: House, server: Server, folder: Path, mart: str) -> Counter[tuple[Any, ...]]:
    """Returns the rows of a mart, by the warehouse's own driver."""
    pipeline = home.pipeline("reader", destination=server.destination(folder, DATABASE))
    pipeline.dataset_name = "salesnav_marts"
    with pipeline.sql_client() as client:
        table = client.make_qualified_table_name(f"salesnav__{mart}")
        with client.execute_query(f"SELECT * FROM {table}") as cursor:
            return Counter(tuple(comparable(value) for value in row) for row in cursor.fetchall())


def comparable(value: Any) -> Any:
    return value.astimezone(dt.timezone.utc) if isinstance(value, dt.datetime) else rounded(value)


def without(found: Counter[tuple[Any, ...]], position: int) -> Counter[tuple[Any, ...]]:
    return Counter({row[:position] + row[position + 1 :]: count for row, count in found.items()})
