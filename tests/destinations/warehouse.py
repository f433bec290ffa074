"""The warehouses that the suite runs on, and what is in them: values, types and order of columns."""

import contextlib
import datetime as dt
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from emulators import servers

REQUEST_ID = re.compile(r"-(?:uu)?id [\w+/=-]+")
"""LinkedIn's number of a request, in what it says of a failure; another one each time."""

VERSION_TABLES = ("_dlt_loads", "_dlt_version", "_dlt_pipeline_state")


@dataclass(frozen=True)
class Server:
    """A server that runs for a session of tests."""

    kind: str
    port: int | None = None
    """Of DuckLake: that of the PostgreSQL that has the catalog; in SQLite if None."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which a client finds the server."""
        if self.kind == "bigquery":
            return {"BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{self.port}"}
        return {}

    def destination(self, folder: Path, name: str, **options: Any) -> Any:
        """Returns a database on the server, for `dlt.pipeline`.

        Args:
            folder: where files go, for those that have any.
            name: names the database; letters and digits. PostgreSQL and MariaDB have it after `create`, the others make it
                on first use.
            **options: more of dlt's settings for the destination.
        """
        if self.kind == "duckdb":
            return dlt.destinations.duckdb(str(folder / f"{name}.duckdb"), **options)
        if self.kind == "postgres":
            return dlt.destinations.postgres(f"{self._postgres}/{name}", **options)
        if self.kind == "mariadb":
            return dlt.destinations.sqlalchemy(f"mysql+pymysql://loader:loader@127.0.0.1:{self.port}/{name}", **options)
        if self.kind == "ducklake":
            catalog = f"{self._postgres}/{name}" if self.port else f"sqlite:///{folder / name}.sqlite"
            return dlt.destinations.ducklake(_lake(folder, name, catalog), **options)
        if self.kind == "snowflake":
            return dlt.destinations.snowflake(
                self._snowflake_credentials(name), supports_multiple_statements=False, **options
            )
        return dlt.destinations.bigquery(
            _google_credentials(name), project_id=name, alter_add_multi_column=False, **options
        )

    def create(self, name: str) -> None:
        """Makes a database, where that is not done by using it."""
        if self.kind == "mariadb":
            import pymysql

            with contextlib.closing(pymysql.connect(port=self.port, **_MARIADB)) as maria:
                cursor = maria.cursor()
                # a dataset is a database there: that of an earlier test goes
                cursor.execute("SHOW DATABASES LIKE 'salesnav%'")
                for (left,) in cursor.fetchall():
                    cursor.execute(f"DROP DATABASE `{left}`")
                cursor.execute(f"CREATE DATABASE `{name}`")
        if self.kind == "postgres":
            import psycopg2

            with contextlib.closing(psycopg2.connect(f"{self._postgres}/postgres")) as connection:
                connection.autocommit = True
                connection.cursor().execute(f'CREATE DATABASE "{name}"')

    @property
    def _postgres(self) -> str:
        return f"postgresql://loader:loader@127.0.0.1:{self.port}"

    def _snowflake_credentials(self, name: str) -> Any:
        from dlt.destinations.impl.snowflake.configuration import SnowflakeCredentials

        # without a timeout the connector tries an error of the emulator again for minutes
        query = f"port={self.port}&protocol=http&warehouse=WH&role=R&network_timeout=5"
        credentials = SnowflakeCredentials(f"snowflake://fake:snow@fakesnow/{name.upper()}?{query}")
        credentials._snowflake_host = "127.0.0.1"
        return credentials


_MARIADB = {"host": "127.0.0.1", "user": "loader", "password": "loader"}


def _lake(folder: Path, name: str, catalog: str) -> Any:
    """Returns a lake whose files are in a folder."""
    from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

    return DuckLakeCredentials(name, catalog=catalog, storage=f"file://{folder / name}.files")


def _google_credentials(project: str) -> Any:
    from dlt.common.configuration.specs import GcpOAuthCredentials
    from google.oauth2.credentials import Credentials

    native = Credentials(
        token="fake", refresh_token="r", client_id="i", client_secret="s", token_uri="http://127.0.0.1:1/token"
    )
    credentials = GcpOAuthCredentials()
    credentials.parse_native_representation(native)
    credentials.project_id = project
    return credentials


def _trusting(connect: Callable[..., Any]) -> Callable[..., Any]:
    """Returns DuckDB's `connect` without the check of extensions' signatures: half a second of CPU in each connection."""

    def trusting(*args: Any, config: dict[str, Any] | None = None, **options: Any) -> Any:
        return connect(*args, config={**(config or {}), "allow_unsigned_extensions": True}, **options)

    return trusting


def start(kind: str) -> AbstractContextManager[int | None]:
    """Starts a server; gives its port."""
    starters = {
        "postgres": servers.postgres,
        "mariadb": servers.mariadb,
        "snowflake": servers.fakesnow,
        "bigquery": servers.bqemulator,
    }
    return starters[kind]() if kind in starters else contextlib.nullcontext()


@dataclass(frozen=True)
class Content:
    """A table as the warehouse has it."""

    types: dict[str, str]
    """The columns in order with their types, by dlt's names."""
    rows: list[tuple[Any, ...]] = field(repr=False)

    def dicts(self) -> list[dict[str, Any]]:
        """Returns the rows by the names of their columns."""
        return [dict(zip(self.types, row, strict=True)) for row in self.rows]

    def without(self, *names: str) -> list[tuple[Any, ...]]:
        """Returns the rows without some columns, in order."""
        rows = [tuple(value for name, value in row.items() if name not in names) for row in self.dicts()]
        return sorted(rows, key=repr)


TSnapshot = dict[str, Content]
"""The tables of the dataset."""


def stored_schemas(pipeline: dlt.Pipeline) -> int:
    """Returns how many versions of the schema dlt has stored in the warehouse."""
    with pipeline.destination_client() as client:
        return len(_select(client, "_dlt_version", ["version_hash"]))


def snapshot(pipeline: dlt.Pipeline) -> TSnapshot:
    """Reads all tables of the source through the warehouse's own driver, in an order of rows that depends on values only.

    Ids of loads and requests differ from run to run; each row has the number of its load instead, counted from the first one.
    """
    with pipeline.destination_client() as client:
        names = [name for name in pipeline.default_schema.data_table_names() if name not in VERSION_TABLES]
        stored = {name: columns for name, columns in client.get_storage_tables(names) if columns}
        loads = [load_id for (load_id,) in _select(client, "_dlt_loads", ["load_id"])]
        numbers = {load_id: number for number, load_id in enumerate(sorted(loads))}
        if not client.capabilities.supports_tz_aware_datetime:
            declared = pipeline.default_schema.tables
            return {name: _of_mysql(client, name, columns, numbers, declared[name]) for name, columns in stored.items()}
        return {name: _content(client, name, columns, numbers) for name, columns in stored.items()}


def _of_mysql(client: Any, table: str, columns: dict[str, Any], numbers: dict[str, int], declared: Any) -> Content:
    """Returns a table of MySQL, where a boolean is a number, and a moment has no time zone and is UTC."""
    truths = {name for name, column in declared["columns"].items() if column.get("data_type") == "bool"}
    assert all(columns[name]["data_type"] == "bigint" for name in truths)
    found = _content(client, table, {**columns, **{name: {"data_type": "bool"} for name in truths}}, numbers)
    rows = [
        tuple(
            bool(value) if name in truths and value is not None else value
            for name, value in zip(found.types, row, strict=True)
        )
        for row in found.rows
    ]
    return Content(found.types, sorted(rows, key=repr))


def _content(client: Any, table: str, columns: dict[str, Any], numbers: dict[str, int]) -> Content:
    # Snowflake keeps names in upper case
    types = {name.lower(): column["data_type"] for name, column in columns.items()}
    names = sorted(types)
    rows = []
    for row in _select(client, table, names):
        values = dict(zip(names, row, strict=True))
        values["_dlt_load_id"] = numbers[values["_dlt_load_id"]]
        if values.get("error"):
            values["error"] = REQUEST_ID.sub("-id …", values["error"])
        if not client.capabilities.supports_tz_aware_datetime:
            values = {name: _in_utc(value) for name, value in values.items()}
        rows.append(tuple(_checked(value) for value in values.values()))
    return Content({name: types[name] for name in names}, sorted(rows, key=repr))


def _in_utc(value: Any) -> Any:
    """Returns a value of a database whose moments have no time zone, and are UTC."""
    return value.replace(tzinfo=dt.timezone.utc) if isinstance(value, dt.datetime) else value


def _checked(value: Any) -> Any:
    """Returns a value as it came; moments must name UTC as their time zone, however a driver spells it."""
    if isinstance(value, dt.datetime):
        assert value.utcoffset() == dt.timedelta(0), f"{value!r} is not in UTC"
        return value.astimezone(dt.timezone.utc)
    assert value is None or type(value) in (str, int, float, bool, dt.date), f"{value!r} is a {type(value)}"
    return value


def _select(client: Any, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    sql = client.sql_client
    chosen = ", ".join(sql.escape_column_name(name) for name in columns)
    with sql.execute_query(f"SELECT {chosen} FROM {sql.make_qualified_table_name(table)}") as cursor:
        return [tuple(row) for row in cursor.fetchall()]


@contextlib.contextmanager
def environment(server: Server) -> Iterator[None]:
    """Sets what clients of the server need, and dlt's settings for tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DESTINATION__", "SOURCES__"))]:
            patch.delenv(name)
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        for name, value in server.variables.items():
            patch.setenv(name, value)
        if server.kind == "ducklake":
            patch.setattr(duckdb, "connect", _trusting(duckdb.connect))
        yield
