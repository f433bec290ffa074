"""The warehouse as the dashboard sees it: frames by SQL, over connections that are closed at once."""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dlt
import pandas as pd
import sqlglot
from dlt.common.destination.exceptions import DestinationException, DestinationUndefinedEntity
from dlt.destinations.exceptions import DatabaseTerminalException
from sqlglot import exp

from salesnav_source.exceptions import ConfigurationError, DestinationError, SalesnavError, causes, one_line
from salesnav_source.marts.dashboard.queries import Query
from salesnav_source.marts.dashboard.text import MOST_LETTERS, MOST_OF_MESSAGES, clean

PATIENCE = 20.0
"""Seconds to try again while a load writes to a DuckDB file, which can be open to one program only then."""

_PAUSE = 0.25

# of models of another version: as DuckDB, PostgreSQL, BigQuery and Snowflake say it
_LACKS_COLUMN = re.compile(
    r"not found in FROM clause|does not have a column|column .* does not exist|Unrecognized name|invalid identifier"
)


class MartsMissingError(ConfigurationError):
    """The warehouse has no marts."""


class MartsBusyError(SalesnavError):
    """A load writes to the DuckDB file, for longer than was waited."""


@dataclass(frozen=True)
class Marts:
    """The marts of a warehouse."""

    destination: Any
    """Of dlt; opened for reading only where it is a file."""
    schema: str = "salesnav_marts"
    source: str = "salesnav"
    """The dataset of the tables that are loaded."""
    how_to_build: str = "salesnav transform"
    """The command that builds the marts."""
    patience: float = PATIENCE
    sleep: Callable[[float], None] = time.sleep
    _own: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def frames(self, queries: Mapping[str, Query]) -> dict[str, pd.DataFrame]:
        """Returns what queries give, over one connection that is closed before anything is drawn.

        Tables of the source that are not there give no rows: the marts may be elsewhere than what they were built from.

        Args:
            queries: by any name.

        Raises:
            MartsMissingError: if a mart is not there.
            MartsBusyError: if a load writes to the DuckDB file all the time.
        """
        waited = 0.0
        while True:
            try:
                return self._frames(queries)
            except Exception as error:
                if not _is_locked(error):
                    raise self._plain(error) from error
                if waited >= self.patience:
                    raise MartsBusyError(
                        "Another program is writing to the DuckDB file, probably a load. Nothing is wrong: try again when"
                        " it has ended."
                    ) from error
            self.sleep(_PAUSE)
            waited += _PAUSE

    def has_source(self) -> bool:
        """Tells whether the loaded tables are where they are looked for."""
        try:
            with self._client() as client:
                sql = _qualified(client, "SELECT contract FROM export_jobs LIMIT 1", self.source)
                with client.execute_query(sql) as cursor:
                    cursor.fetchall()
        except DestinationUndefinedEntity:
            return False
        except Exception as error:
            raise self._plain(error) from error
        return True

    def _plain(self, error: Exception) -> Exception:
        """Returns an error of the warehouse as a sentence, any other as it is."""
        if not isinstance(error, DestinationException):
            return error
        return DestinationError(
            f"{self.destination.destination_description} cannot be used: {one_line(error)}", in_vain=True
        )

    def _client(self) -> Any:
        """Returns this thread's client, made once: dlt's configuration keeps the frames of those who resolve it."""
        if not hasattr(self._own, "client"):
            self._own.client = dlt.dataset(self.destination, self.schema).sql_client
        return self._own.client

    def _frames(self, queries: Mapping[str, Query]) -> dict[str, pd.DataFrame]:
        try:
            with self._client() as client:
                return {name: self._frame(client, query) for name, query in queries.items()}
        except (DestinationUndefinedEntity, DatabaseTerminalException) as error:
            if not (isinstance(error, DestinationUndefinedEntity) or _LACKS_COLUMN.search(str(error))):
                raise
            raise MartsMissingError(
                f"The warehouse has no marts in {self.schema}, or they are of another version. Build them with"
                f" `{self.how_to_build}`, and look again."
            ) from error

    def _frame(self, client: Any, query: Query) -> pd.DataFrame:
        sql = _qualified(client, query.sql, self.source if query.of_source else self.schema)
        try:
            with client.execute_query(sql) as cursor:
                rows = cursor.fetchall()
        except (DestinationUndefinedEntity, DatabaseTerminalException) as error:
            lacks = isinstance(error, DestinationUndefinedEntity) or _LACKS_COLUMN.search(str(error))
            if not (query.of_source and lacks):
                raise
            rows = []
        return _as_frame(rows, query)


def _as_frame(rows: Sequence[Any], query: Query) -> pd.DataFrame:
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(query.columns), dtype=object)
    for name, kind in query.columns.items():
        frame[name] = _READ[kind](frame[name])
    if not query.order:
        return frame
    names = list(dict.fromkeys(name.removeprefix("-") for name in query.order))
    upwards = [f"-{name}" not in query.order for name in names]
    return frame.sort_values(names, ascending=upwards, kind="stable", ignore_index=True).iloc[: query.most]


def _qualified(client: Any, sql: str, dataset: str) -> str:
    """Returns a query in the warehouse's dialect, with the full names of the tables."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name not in own:
            names = client.make_qualified_table_name_path(table.name, quote=False, dataset_name=dataset)
            if not table.alias:
                # columns name their table by its short name
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            path = [exp.to_identifier(name, quoted=True) for name in names]
            table.set("this", path.pop())
            table.set("db", path.pop() if path else None)
            table.set("catalog", path.pop() if path else None)
    return tree.sql(dialect=client.capabilities.sqlglot_dialect)


def _is_locked(error: BaseException) -> bool:
    return any(re.search("Could not set lock on file", str(cause)) for cause in (error, *causes(error)))


def _day(value: Any) -> date | None:
    if value is None or value is pd.NaT:
        return None
    day: date = value.date() if hasattr(value, "date") else value
    return day


def _cleaned(values: Any, most: int) -> Any:
    """Returns texts as they may be shown and drawn, None where there is none."""
    return values.map(lambda text: None if text is None else clean(str(text), most) or None).astype(object)


# warehouses give sums as decimals, days as moments, and nothing as NaN
_READ: dict[str, Callable[[Any], Any]] = {
    "int": lambda values: pd.to_numeric(values).astype("Int64"),
    "float": lambda values: pd.to_numeric(values).astype("float64"),
    "bool": lambda values: values.map(lambda value: None if value is None else bool(value)).astype("boolean"),
    "day": lambda values: pd.to_datetime(values.map(_day)).astype("datetime64[ns]"),
    "moment": lambda values: pd.to_datetime(values, utc=True).astype("datetime64[ns, UTC]"),
    "text": lambda values: values.astype(object),
    "name": lambda values: _cleaned(values, MOST_LETTERS),
    "message": lambda values: _cleaned(values, MOST_OF_MESSAGES),
}
