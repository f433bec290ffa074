"""Writing a DuckDB file anew without the room that replaced rows have left."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesnav_source.exceptions import ConfigurationError, DestinationError, one_line
from salesnav_source.warehouse.tables import duckdb_literal


@dataclass(frozen=True)
class Compacted:
    """The size of a file before and after, in bytes."""

    before: int
    after: int


def compact(path: Path) -> Compacted:
    """Copies a DuckDB file as a whole, and puts the copy in its place once it holds as many rows.

    Each morning replaces a few days of each contract. DuckDB gives the room of single days back only in part.

    Args:
        path: the file; a link stays a link.

    Returns:
        Its size before and after.

    Raises:
        ConfigurationError: if there is no file, or another program has it open; nothing was changed.
        DestinationError: if the copy fails, e.g. for want of room; nothing was changed.
    """
    import duckdb

    if not path.exists():
        raise ConfigurationError(f"There is nothing to compact: {path} does not exist.")
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".{path.name}.compact-{os.getpid()}")
    with duckdb.connect() as connection:
        try:
            # opened for writing, so that nobody else has it open meanwhile
            connection.execute(f"ATTACH {duckdb_literal(str(path))} AS whole")
        except duckdb.IOException as error:
            raise ConfigurationError(
                f"{path} cannot be compacted while another program has it open, or it is no file of this version of DuckDB:"
                f" {one_line(error)} Nothing was changed."
            ) from None
        try:
            connection.execute("CHECKPOINT whole")
            before = path.stat()
            connection.execute(f"ATTACH {duckdb_literal(str(beside))} AS copied")
            connection.execute("COPY FROM DATABASE whole TO copied")
            connection.execute("CHECKPOINT copied")
            if _rows(connection, "whole") != _rows(connection, "copied"):
                raise DestinationError("the copy holds other rows than the file", in_vain=True)
            connection.execute("DETACH copied")
            beside.chmod(before.st_mode & 0o777)
            after = beside.stat().st_size
            os.replace(beside, path)
        except (duckdb.Error, OSError, DestinationError) as error:
            raise DestinationError(
                f"{path} was not compacted: {one_line(error)} Nothing was changed.", in_vain=True
            ) from None
        finally:
            for left in (beside, beside.with_name(beside.name + ".wal")):
                with suppress(OSError):
                    left.unlink(missing_ok=True)
    return Compacted(before.st_size, after)


def _rows(connection: Any, database: str) -> dict[tuple[str, str], int]:
    """Returns the number of rows of each table."""
    named = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal"
    return {
        (schema, table): connection.table(f"{database}.{_identifier(schema)}.{_identifier(table)}")
        .count("*")
        .fetchone()[0]
        for schema, table in connection.execute(named, [database]).fetchall()
    }


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
