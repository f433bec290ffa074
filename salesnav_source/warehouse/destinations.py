"""The destinations that the commands know, one entry each. Nothing heavy is imported before one is created."""

import importlib.util
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesnav_source.settings.installed import how_to_install, of_extra
from salesnav_source.settings.names import DATASET, SANDBOX_PIPELINE


@dataclass(frozen=True)
class Destination:
    """A destination of `salesnav load`."""

    make: Callable[[Namespace], Any]
    """Returns dlt's destination for the options of a command; raises ConfigurationError if they do not fit it."""
    database: str
    """What `--database` is there, in one word."""
    meaning: str
    """What `--database` means there."""
    module: str | None = None
    """The module that the destination's extra installs; None if no extra is needed, or dlt itself says what is missing."""
    tried: bool = True
    """Whether the suite has loaded into it, or into its emulator."""


def make(options: Namespace) -> Any:
    """Returns dlt's destination for the options of a command.

    Raises:
        ConfigurationError: if the options do not fit it, or its packages are missing.
    """
    require(options.destination)
    return DESTINATIONS[options.destination].make(options)


def require(name: str) -> None:
    """Makes sure that the packages of a destination are installed.

    Raises:
        ConfigurationError: with the command that installs them.
    """
    module = DESTINATIONS[name].module
    if module is None:
        return
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        from salesnav_source.exceptions import ConfigurationError

        raise ConfigurationError(
            f"The packages that load into {name} are not installed. Install them with\n\n"
            f"    {how_to_install(*of_extra(name))}\n"
        )


def _duckdb(options: Namespace) -> Any:
    """Returns DuckDB with the file that `--database` names, by default one with the pipeline's name in the current folder.

    Raises:
        ConfigurationError: if it cannot be such a file.
    """
    import dlt

    from salesnav_source.exceptions import ConfigurationError
    from salesnav_source.warehouse import dlt_compat

    path = Path(options.database or f"{SANDBOX_PIPELINE if options.sandbox else options.pipeline}.duckdb")
    if options.database is not None and (not options.database.strip() or ":" in options.database.partition("/")[0]):
        raise ConfigurationError(
            f"--database {options.database!r} is not the path of a file. A database in memory would be gone with"
            " the run; for MotherDuck write a script of your own, as AGENTS.md shows."
        )
    if path.stem.lower() == DATASET:
        raise ConfigurationError(
            f"--database {path}: the file must not be called {DATASET}, like the dataset: DuckDB cannot tell them apart."
        )
    if path.is_dir() or not path.absolute().parent.is_dir():
        wrong = "it is a folder" if path.is_dir() else f"there is no folder {path.absolute().parent}"
        raise ConfigurationError(f"--database {path}: {wrong}. Name a file in a folder that exists.")
    dlt_compat.wait_for_duckdb_files()
    # dlt would read a path alone as a connection string, by a package that takes a quarter of a second to import
    return dlt.destinations.duckdb({"database": str(path.absolute())})


def _bigquery(options: Namespace) -> Any:
    """Returns BigQuery as configured in `[destination.bigquery]`; `--database` names another project."""
    import dlt

    return dlt.destinations.bigquery(**({"project_id": options.database} if options.database else {}))


def _of_dlt(options: Namespace) -> Any:
    """Returns dlt's destination as configured in `[destination.NAME]`; `--database` names another database."""
    import dlt

    # what is not given here dlt takes from the configuration
    field = _DATABASE_FIELDS.get(options.destination, "database")
    given = {"credentials": {field: options.database}} if options.database else {}
    return getattr(dlt.destinations, options.destination)(**given)


_DATABASE_FIELDS = {"databricks": "catalog", "ducklake": "ducklake_name"}
"""What dlt calls the database in the credentials of a destination, where it calls it something else."""

_CONFIGURED = "the database to load into; default the configured one"


DESTINATIONS = {
    "duckdb": Destination(
        _duckdb, "PATH", "the DuckDB file to load into; default salesnav_to_duckdb.duckdb in the current folder"
    ),
    "bigquery": Destination(
        _bigquery, "PROJECT", "the project to load into; default the configured one", "google.cloud.bigquery"
    ),
    "snowflake": Destination(_of_dlt, "NAME", _CONFIGURED, "snowflake.connector"),
    "postgres": Destination(_of_dlt, "NAME", _CONFIGURED, "psycopg2"),
    "ducklake": Destination(_of_dlt, "NAME", "the lake to load into; default the configured one"),
    # MySQL and MariaDB; what else it reaches is refused
    "sqlalchemy": Destination(_of_dlt, "NAME", _CONFIGURED, "sqlalchemy"),
    "motherduck": Destination(_of_dlt, "NAME", _CONFIGURED, tried=False),
    "redshift": Destination(_of_dlt, "NAME", _CONFIGURED, "psycopg2", tried=False),
    "databricks": Destination(
        _of_dlt, "CATALOG", "the catalog to load into; default the configured one", "databricks.sql", False
    ),
    "clickhouse": Destination(_of_dlt, "NAME", _CONFIGURED, "clickhouse_driver", tried=False),
    "mssql": Destination(_of_dlt, "NAME", _CONFIGURED, tried=False),
    "synapse": Destination(_of_dlt, "NAME", _CONFIGURED, tried=False),
    "fabric": Destination(_of_dlt, "NAME", _CONFIGURED, tried=False),
    "dremio": Destination(_of_dlt, "NAME", _CONFIGURED, tried=False),
}
"""The destinations of `salesnav load`, by dlt's name: those with the merge strategy delete-insert.

Athena has it for tables of Iceberg alone.
"""

OTHER_NAMES = {"mysql": "sqlalchemy", "mariadb": "sqlalchemy", "postgresql": "postgres", "sqlserver": "mssql"}
"""What people call a warehouse that dlt calls something else."""
