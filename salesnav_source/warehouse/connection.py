"""Queries to the warehouse of a pipeline. What it has is the truth from which every run starts."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from dlt.common import logger
from dlt.common.destination.exceptions import DestinationUndefinedEntity

from salesnav_source.exceptions import DestinationError, SalesnavError, one_line
from salesnav_source.schema import CONTRACTS, ERASED_SEATS, LOAD_ID, Export
from salesnav_source.settings.configuration import SECTION
from salesnav_source.warehouse import dlt_compat, mysql
from salesnav_source.warehouse.races import is_being_closed, made_the_same_lake, retrying
from salesnav_source.warehouse.replace import NO_ROW, ReplaceScope
from salesnav_source.warehouse.tables import duckdb_literal, literal

_DATABASE = "salesnav_database"
"""Key in the pipeline's state on this machine."""


class Warehouse:
    """The dataset that a pipeline loads into.

    Create it where no rows are in reach: dlt's configuration keeps the stack frames that resolve it, and their variables.
    """

    def __init__(self, pipeline: Any) -> None:
        """Opens nothing yet.

        Args:
            pipeline: has a destination.
        """
        self._pipeline = pipeline
        self._client = pipeline.destination_client()
        self.credentials = self._client.config.credentials
        self.name = (
            f"{pipeline.destination.destination_type} {self._client.config.fingerprint()} {pipeline.dataset_name}"
        )
        """Identifies this dataset in the journal."""

    def table_and_staging(self, table: str) -> tuple[str, str]:
        """Returns the full names of a table, and of the one in which its rows are staged before a merge."""
        own, staging = self._client.sql_client.get_qualified_table_names(table)
        return str(own), str(staging)

    @property
    def file(self) -> Path | None:
        """The file of an embedded DuckDB; None for other destinations."""
        return _file_in(self.credentials) if is_embedded(self._pipeline) else None

    @property
    def exists(self) -> bool:
        """False if it is a DuckDB file that does not exist. Opening such a file would create it."""
        file = self.file
        return file is None or file.exists()

    @contextmanager
    def opened(self) -> Iterator["OpenWarehouse"]:
        """Gives the warehouse for a few queries over one connection.

        Raises:
            DestinationError: if it cannot be reached, or refuses a query.
        """
        try:
            with ExitStack() as stack:
                retrying(_may_pass)(lambda: stack.enter_context(self._client))
                yield OpenWarehouse(self._pipeline, self._client)
        except SalesnavError:
            raise
        except Exception as error:  # drivers raise errors of their own, which dlt does not always wrap
            where = self._pipeline.destination.destination_description
            raise DestinationError(f"{where} cannot be used: {one_line(error)}", in_vain=True) from error


def _may_pass(error: BaseException) -> bool:
    return made_the_same_lake(error) or is_being_closed(error)


class OpenWarehouse:
    """A warehouse that is connected."""

    def __init__(self, pipeline: Any, client: Any) -> None:
        self._pipeline = pipeline
        self._client = client
        self._sql = client.sql_client
        self._spelt = mysql.as_mysql if mysql.is_mysql(pipeline) else str

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return str(self._pipeline.dataset_name)

    def source_state(self, source: str = SECTION) -> dict[str, Any]:
        """Returns the state of this source after its last complete load; empty if there was none.

        Args:
            source: the name that dlt keeps it under: that of the source that is extracted.
        """
        # this call has the time-outs of dlt's configuration; a query would be retried for minutes
        if not self._client.is_storage_initialized():
            return {}
        try:
            state = dlt_compat.stored_state(self._pipeline, self._client)
        except DestinationUndefinedEntity:
            return {}
        return dict((state or {}).get("sources", {}).get(source, {}))

    def missing(self, tables: Collection[str]) -> set[str]:
        """Returns which of the tables are not there."""
        return {name for name, columns in self._client.get_storage_tables(sorted(tables)) if not columns}

    def make_tables(self) -> None:
        """Creates the tables of the pipeline's schema that the warehouse lacks, even if dlt believes that they exist."""
        self._client.update_stored_schema(force=True)

    def forget_equal_schemas(self) -> None:
        """Removes older copies of the schema that differ only in the rows that a load replaces.

        The schema names these rows, so dlt stores a copy with each load, of 15 to 80 kB. Copies with other columns stay.
        """
        stored = f"SELECT version_hash FROM {{}} WHERE schema_name = {literal(SECTION)} ORDER BY inserted_at DESC"
        try:
            versions = list(dict.fromkeys(version for (version,) in self.rows(stored, "_dlt_version")))
            newest = self._lasting_schema(versions[0]) if len(versions) > 1 else None
            for version in versions[1:]:
                if self._lasting_schema(version) != newest:
                    break
                self.change(f"DELETE FROM {{}} WHERE version_hash = {literal(version)}", "_dlt_version")
        except Exception as error:  # without the right to delete they stay
            logger.info(f"Older copies of the schema stay: {error}")

    def describe_columns(self) -> None:
        """Writes descriptions of columns into DuckDB as comments, where they are missing; dlt does not do that."""
        if not is_embedded(self._pipeline):
            return
        uncommented = (
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = current_database()"
            f" AND schema_name = {literal(self.dataset)} AND comment IS NULL"
        )
        try:
            tables = self._pipeline.default_schema.tables
            for table, column in self.rows(uncommented):
                text = tables.get(table, {}).get("columns", {}).get(column, {}).get("description")
                if text:
                    name = f"{self._table(table)}.{self.escaped(column)}"
                    self._sql.execute_sql(f"COMMENT ON COLUMN {name} IS {duckdb_literal(text)}")
        except Exception as error:  # the rows are complete without comments
            logger.info(f"The columns have no comments: {error}")

    def _lasting_schema(self, version: str) -> dict[str, Any]:
        return dlt_compat.lasting_schema(self._client.get_stored_schema_by_hash(version).schema)

    def complete_loads(self, load_ids: Collection[str]) -> set[str]:
        """Returns which of the loads are complete."""
        if not load_ids:
            return set()
        ids = ", ".join(literal(load_id) for load_id in sorted(load_ids))
        rows = self._ask(f"SELECT load_id FROM {self._table('_dlt_loads')} WHERE status = 0 AND load_id IN ({ids})")
        return {str(load_id) for (load_id,) in rows}

    def count(self, table: str, condition: str, load_id: str) -> tuple[int, int]:
        """Returns how many rows meet a condition, and how many of these a load has written."""
        ((rows, own),) = self._ask(
            f"SELECT count(*), count(CASE WHEN {LOAD_ID} = {literal(load_id)} THEN 1 END)"
            f" FROM {self._table(table)} WHERE {condition}"
        ) or [(0, 0)]
        return int(rows), int(own)

    def count_of_load(self, table: str, load_id: str, condition: str = "1 = 1") -> int:
        """Returns how many rows of a table a load has written."""
        return self.count(table, f"{LOAD_ID} = {literal(load_id)} AND {condition}", load_id)[1]

    def count_staged(self, table: str, key: str, load_id: str) -> tuple[int, int]:
        """Returns how many keys a load has staged, and of how many of them the table has the row of another load.

        Args:
            table: the table.
            key: the expression of a key, with the contract.
            load_id: the load.
        """
        own = f"{LOAD_ID} = {literal(load_id)}"
        others = f"SELECT {key} FROM {self._table(table)} WHERE {LOAD_ID} <> {literal(load_id)}"
        keys = lost = 0
        for staged in self.staging():
            count = f"SELECT count(DISTINCT {key}) FROM {staged._table(table)} WHERE {own}"
            ((found,),) = self._ask(count) or [(0,)]
            if found:
                ((of_others,),) = self._ask(f"{count} AND {key} IN ({others})") or [(0,)]
                keys, lost = keys + int(found), lost + int(of_others)
        return keys, lost

    def count_same_keys(self, table: str, key: str, contract: str, load_id: str) -> int:
        """Returns how many rows of a contract have the key of a row of a load."""
        name, urn = self._table(table), literal(contract)
        own = f"SELECT {key} FROM {name} WHERE contract = {urn} AND {LOAD_ID} = {literal(load_id)}"
        return self.count(table, f"contract = {urn} AND {key} IN ({own})", load_id)[0]

    def holds_none(self, table: str, condition: str) -> bool:
        """Returns true if a table certainly has no row that meets a condition."""
        try:
            return not self._run(f"SELECT 1 FROM {self._table(table)} WHERE {condition} LIMIT 1")
        except DestinationUndefinedEntity:
            return True
        except Exception as error:
            logger.info(f"Whether {table} has rows is not known: {error}")
            return False

    def holds_keys(self, table: str, scope: ReplaceScope, contract: str, rows: str) -> bool:
        """Tells whether a table of DuckDB has keys of a contract that stand in a file of typed rows. It seldom errs, by a yes.

        Args:
            table: the table.
            scope: the days near which keys are looked for.
            contract: whose rows they are.
            rows: the path of the file, a Parquet file.
        """
        # hashes of keys take a fraction of the memory
        key = f"hash({scope.key})"
        found = (
            f"SELECT 1 FROM {self._table(table)} WHERE contract = {literal(contract)} AND {scope.near or '1 = 1'}"
            f" AND {key} IN (SELECT {key} FROM read_parquet(%s)) LIMIT 1"
        )
        with dlt_compat.little_memory(self._sql):
            return bool(self._sql.execute_sql(found, rows))

    def rows_of_keys(self, table: str, scope: ReplaceScope, keys: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Returns the rows with some activity ids, near the days of a scope and not on them: contract, id, type and time.

        Args:
            table: the table, of activities or outcomes.
            scope: the days that are left out.
            keys: contracts and activity ids; few of them, as they are written into the query.
        """
        names = ("contract", "activity_id", "activity_type", "created_at")
        conditions = [
            f"(contract = {literal(contract)} AND activity_id IN ({', '.join(sorted(literal(key) for _, key in some))}))"
            for contract, some in groupby(sorted(set(keys)), key=itemgetter(0))
        ]
        found = self._ask(
            f"SELECT {', '.join(names)} FROM {self._table(table)} WHERE {scope.near or '1 = 1'} AND NOT ({scope.of_days()})"
            f" AND ({' OR '.join(conditions) or NO_ROW})"
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def imported_rows(self, table: str, export: Export, scope: ReplaceScope) -> dict[date, int | None]:
        """Returns how many rows the days of a scope have, of days with rows; None where jobs brought some of them."""
        (day,) = (column.name for column in export.columns if column.type == "date")
        found = self._ask(
            f"SELECT {day}, count(*), max(export_job_id) FROM {self._table(table)} WHERE {scope.of_days()} GROUP BY {day}"
        )
        return {on: int(rows) if newest < 0 else None for on, rows, newest in found}

    def erased_seats(self) -> dict[str, frozenset[int]]:
        """Returns the erased seats by contract. Their rows are never loaded again."""
        found: dict[str, set[int]] = {}
        for contract, seat in self.rows("SELECT contract, seat_id FROM {}", ERASED_SEATS.name):
            found.setdefault(str(contract), set()).add(int(seat))
        return {contract: frozenset(seats) for contract, seats in found.items()}

    def contract_names(self) -> dict[str, str]:
        """Returns the names of the contracts in the table `contracts`, by URN."""
        return {str(urn): str(name) for urn, name in self.rows("SELECT contract, name FROM {}", CONTRACTS.name)}

    def rows(self, statement: str, *tables: str) -> Sequence[tuple[Any, ...]]:
        """Returns the result of a query, in which each `{}` is replaced by a table's name; empty if a table is missing."""
        return self._ask(statement.format(*(self._table(table) for table in tables)))

    def escaped(self, column: str) -> str:
        """Returns the quoted name of a column, which may be a word of SQL."""
        return str(self._sql.escape_column_name(column))

    def change(self, statement: str, *tables: str) -> None:
        """Runs a statement as `rows` runs a query. Does nothing if a table is missing."""
        with suppress(DestinationUndefinedEntity):
            self._run(statement.format(*(self._table(table) for table in tables)))

    def staging(self) -> Iterator["OpenWarehouse"]:
        """Yields the datasets in which rows are staged before a merge: this pipeline's own, and dlt's default one."""
        for name in dict.fromkeys((self._sql.staging_dataset_name, f"{self._sql.dataset_name}_staging")):
            with self._sql.with_alternative_dataset_name(name):
                yield self

    def _table(self, name: str) -> str:
        return str(self._sql.make_qualified_table_name(name))

    def _ask(self, statement: str) -> Sequence[tuple[Any, ...]]:
        try:
            return list(self._run(statement) or ())
        except DestinationUndefinedEntity:
            return []

    def _run(self, statement: str) -> Sequence[tuple[Any, ...]] | None:
        rows: Sequence[tuple[Any, ...]] | None = self._sql.execute_sql(self._spelt(statement))
        return rows


def database_file(pipeline: Any) -> Path | None:
    """Returns the file of an embedded DuckDB that a pipeline loads into, None for other destinations."""
    return _file_in(pipeline.destination_client().config.credentials) if is_embedded(pipeline) else None


def _file_in(credentials: Any) -> Path | None:
    database = getattr(credentials, "database", None)
    return Path(database) if isinstance(database, str) and database and not database.startswith(":") else None


def note_database(pipeline: Any, warehouse: Warehouse) -> None:
    """Notes on this machine which DuckDB file a pipeline loads into. A run without a load leaves no trace that names it.

    dlt's own key for a file will not do: with it, dlt would load there in place of a relative path.
    """
    if warehouse.file is not None:
        pipeline.set_local_state_val(_DATABASE, str(warehouse.file.absolute()))


def noted_database(pipeline: Any) -> str | None:
    """Returns the DuckDB file that a pipeline loaded into last, as far as this machine knows."""
    if not is_embedded(pipeline):
        return None
    info = pipeline.last_trace.last_load_info if pipeline.last_trace else None
    scheme, _, path = (info.destination_displayable_credentials if info else "").partition(":///")
    if scheme == "duckdb" and path:
        return str(path)
    with suppress(KeyError):
        return str(pipeline.get_local_state_val(_DATABASE))
    return None


def is_embedded(pipeline: Any) -> bool:
    """Returns true if rows go into an embedded DuckDB.

    It copies each file exactly once. With a server, a lost answer leaves open whether rows were added.
    """
    return pipeline is not None and pipeline.destination.destination_type == "dlt.destinations.duckdb"


def is_postgres(pipeline: Any) -> bool:
    """Returns true if rows go into PostgreSQL."""
    return pipeline is not None and pipeline.destination.destination_type == "dlt.destinations.postgres"
