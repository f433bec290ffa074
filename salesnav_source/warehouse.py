"""What the warehouse of a pipeline holds, by asking it: the truth from which every run starts."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dlt.common import logger
from dlt.common.destination.exceptions import DestinationUndefinedEntity

from salesnav_source import dlt_compat
from salesnav_source.schema import ERASED_SEATS, LOAD_ID
from salesnav_source.settings import SECTION
from salesnav_source.tables import literal


class Warehouse:
    """The dataset that a pipeline loads into.

    Make it where no rows are at hand: dlt's configuration keeps the frames of those who resolve it, and what is in them.
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
        """Tells this dataset from others, for the journal."""

    @property
    def exists(self) -> bool:
        """Tells whether there may be anything; opening a DuckDB file that does not exist would make it."""
        path = database_file(self._pipeline)
        return path is None or path.exists()

    @contextmanager
    def opened(self) -> Iterator["OpenWarehouse"]:
        """Gives the warehouse for a few queries over one connection.

        Raises:
            Exception: of the destination's own kind, if it cannot be reached.
        """
        with self._client:
            yield OpenWarehouse(self._pipeline, self._client)


class OpenWarehouse:
    """A warehouse that is connected."""

    def __init__(self, pipeline: Any, client: Any) -> None:
        self._pipeline = pipeline
        self._client = client
        self._sql = client.sql_client

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return str(self._pipeline.dataset_name)

    def source_state(self, source: str = SECTION) -> dict[str, Any]:
        """Returns the state of this source that the last complete load has left; nothing if there was none.

        Args:
            source: what dlt keeps it under: the name of the source that is extracted.
        """
        # asks with the patience that dlt is configured to have, where a query would be tried for minutes
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
        """Makes the tables that the pipeline's schema has and the warehouse lacks, also where dlt believes them there."""
        self._client.update_stored_schema(force=True)

    def forget_equal_schemas(self) -> None:
        """Removes what dlt has stored of the schema before, if just the rows that a load replaces were others.

        They are named in the schema, so dlt stores one with each load, of 15 to 80 kB. Schemas with other columns stay.
        """
        stored = f"SELECT version_hash FROM {{}} WHERE schema_name = {literal(SECTION)} ORDER BY inserted_at DESC"
        try:
            versions = list(dict.fromkeys(version for (version,) in self.rows(stored, "_dlt_version")))
            newest = self._lasting_schema(versions[0]) if len(versions) > 1 else None
            for version in versions[1:]:
                if self._lasting_schema(version) != newest:
                    break
                self.change(f"DELETE FROM {{}} WHERE version_hash = {literal(version)}", "_dlt_version")
        except Exception as error:  # who may not delete there keeps them
            logger.info(f"Schemas that dlt has stored before stay: {error}")

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
        """Returns how many rows fit a condition, and how many of these a load has written."""
        ((rows, own),) = self._ask(
            f"SELECT count(*), count(CASE WHEN {LOAD_ID} = {literal(load_id)} THEN 1 END)"
            f" FROM {self._table(table)} WHERE {condition}"
        ) or [(0, 0)]
        return int(rows), int(own)

    def count_of_load(self, table: str, load_id: str, condition: str = "1 = 1") -> int:
        """Returns how many rows of a table a load has written."""
        return self.count(table, f"{LOAD_ID} = {literal(load_id)} AND {condition}", load_id)[1]

    def count_same_keys(self, table: str, key: str, contract: str, load_id: str) -> int:
        """Returns how many rows of a contract have a key that a row of a load has."""
        name, urn = self._table(table), literal(contract)
        own = f"SELECT {key} FROM {name} WHERE contract = {urn} AND {LOAD_ID} = {literal(load_id)}"
        return self.count(table, f"contract = {urn} AND {key} IN ({own})", load_id)[0]

    def holds_none(self, table: str, condition: str) -> bool:
        """Tells whether a table surely has no row that fits a condition."""
        try:
            return not self._sql.execute_sql(f"SELECT 1 FROM {self._table(table)} WHERE {condition} LIMIT 1")
        except DestinationUndefinedEntity:
            return True
        except Exception as error:
            logger.info(f"Whether {table} has rows is not known: {error}")
            return False

    def erased_seats(self) -> dict[str, frozenset[int]]:
        """Returns the seats by contract of which no row is loaded any more."""
        found: dict[str, set[int]] = {}
        for contract, seat in self.rows("SELECT contract, seat_id FROM {}", ERASED_SEATS.name):
            found.setdefault(str(contract), set()).add(int(seat))
        return {contract: frozenset(seats) for contract, seats in found.items()}

    def rows(self, statement: str, *tables: str) -> Sequence[tuple[Any, ...]]:
        """Returns what a query gives, in which `{}` stands for the name of each table in turn; nothing if one is missing."""
        return self._ask(statement.format(*(self._table(table) for table in tables)))

    def escaped(self, column: str) -> str:
        """Returns the name of a column that may be a word of SQL."""
        return str(self._sql.escape_column_name(column))

    def change(self, statement: str, *tables: str) -> None:
        """Runs a statement as `rows` does a query; nothing happens if a table is missing."""
        with suppress(DestinationUndefinedEntity):
            self._sql.execute_sql(statement.format(*(self._table(table) for table in tables)))

    def staging(self) -> Iterator["OpenWarehouse"]:
        """Yields the datasets in which rows are staged before a merge: this pipeline's own, and that of dlt's default."""
        for name in dict.fromkeys((self._sql.staging_dataset_name, f"{self._sql.dataset_name}_staging")):
            with self._sql.with_alternative_dataset_name(name):
                yield self

    def _table(self, name: str) -> str:
        return str(self._sql.make_qualified_table_name(name))

    def _ask(self, statement: str) -> Sequence[tuple[Any, ...]]:
        try:
            return list(self._sql.execute_sql(statement) or ())
        except DestinationUndefinedEntity:
            return []


def database_file(pipeline: Any) -> Path | None:
    """Returns the file of an embedded DuckDB that a pipeline loads into, None for other destinations."""
    if not is_embedded(pipeline):
        return None
    credentials = pipeline.destination_client().config.credentials
    database = getattr(credentials, "database", None)
    return Path(database) if isinstance(database, str) and database and not database.startswith(":") else None


def is_embedded(pipeline: Any) -> bool:
    """Tells whether rows go into an embedded DuckDB.

    It copies each file once, while a server's answer that is lost leaves open whether rows were added.
    """
    return pipeline is not None and pipeline.destination.destination_type == "dlt.destinations.duckdb"


def is_postgres(pipeline: Any) -> bool:
    """Tells whether rows go into PostgreSQL."""
    return pipeline is not None and pipeline.destination.destination_type == "dlt.destinations.postgres"
