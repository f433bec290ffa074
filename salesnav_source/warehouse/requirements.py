"""Requirements of a pipeline before a run may begin. Each check refuses with a message, and changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException

from salesnav_source.exceptions import ConfigurationError, DestinationError, SalesnavError, one_line
from salesnav_source.settings.configuration import SECTION
from salesnav_source.settings.names import SPOOL_FOLDER
from salesnav_source.settings.redaction import remember_value
from salesnav_source.warehouse import dlt_compat, mysql

REPLACING = (
    "DuckDB, MotherDuck, DuckLake, PostgreSQL, MySQL, MariaDB, BigQuery, Snowflake, Databricks, Redshift, SQL Server,"
    " ClickHouse"
)
"""Destinations of dlt that can replace days: those with the merge strategy delete-insert, by their documentation."""

_DATABASE_MARKS = ((0, b"SQLite format 3\0"), (8, b"DUCK"), (0, b"PAR1"))
"""Position and bytes by which files with rows are recognised: SQLite, DuckDB, Parquet."""

_CACHES = frozenset({"load", "normalize", "schemas", SPOOL_FOLDER})
"""Folders of dlt's and ours in a pipeline's working folder. Their content can be fetched again."""


def require_destination(pipeline: Any) -> None:
    """Refuses a pipeline without a destination.

    Raises:
        ConfigurationError: if it has none.
    """
    if pipeline.destination is None:
        raise ConfigurationError(
            "The pipeline has no destination. Name one: dlt.pipeline(…, destination=…). It must be known before rows are read."
        )


def require_credentials(pipeline: Any) -> None:
    """Makes sure that dlt can read the credentials of the destination, and makes their secrets known.

    Raises:
        ConfigurationException: of dlt, if one is missing or wrong.
        DestinationError: if the destination's own packages cannot use them.
    """
    try:
        config = pipeline.destination_client().config
    except (ConfigurationException, MissingDependencyException, SalesnavError):
        raise
    except Exception as error:
        where = pipeline.destination.destination_description
        raise DestinationError(
            f"{where} cannot be used: {one_line(error)} ({type(error).__name__}). Are its credentials right?",
            in_vain=True,
        ) from error
    # also those that a script has given, and no configuration
    remember_value("credentials", dict(getattr(config, "credentials", None) or {}))


def require_replacing(pipeline: Any) -> None:
    """Refuses a destination that cannot replace days.

    Raises:
        ConfigurationError: if it cannot, with those that can.
    """
    name = pipeline.destination.destination_name
    if "delete-insert" not in (pipeline.destination.capabilities().supported_merge_strategies or []):
        raise ConfigurationError(
            f"{name} cannot be loaded into: late rows need days that are replaced, which it cannot do (dlt's merge strategy"
            f" delete-insert). These can: {REPLACING}. No job was created."
        )
    backend = mysql.backend_of(pipeline)
    if backend in mysql.BACKENDS:
        mysql.make_exact_tables()
    elif backend is not None:
        why = (
            "SQLite compares moments as text, so that days would be mixed up"
            if backend == "sqlite"
            else "it was not tried"
        )
        raise ConfigurationError(
            f"{name} cannot be loaded into: of the databases that dlt reaches by sqlalchemy, this source does not know"
            f" {backend} ({why}). It knows MySQL and MariaDB, and by destinations of their own: {REPLACING}. No job was"
            " created."
        )


def require_restoring(pipeline: Any) -> None:
    """Refuses a pipeline whose state dlt does not keep in the warehouse.

    Raises:
        ConfigurationError: if it does not.
    """
    if not pipeline.config.restore_from_destination:
        raise ConfigurationError(
            f"restore_from_destination is off for pipeline {pipeline.pipeline_name}, so dlt does not read its state from the"
            " warehouse. The state must be there, beside the rows that it describes. Switch it on; no job was created."
        )


def require_rows_elsewhere(pipeline: Any) -> None:
    """Refuses a run that would remove rows with dlt's working folder, which it empties.

    Raises:
        ConfigurationError: if a database or another file with rows is there.
    """
    folder = Path(pipeline.working_dir).resolve()
    inside = [path for path in _places_of_rows(pipeline) if path.is_relative_to(folder)]
    inside += [path for path in _files_of_others(folder) if _holds_rows(path) and path not in inside]
    if inside:
        raise ConfigurationError(
            f"{inside[0]} has rows, and is in dlt's working folder of pipeline {pipeline.pipeline_name}. Each run empties"
            f" that folder ({folder}). Move the file to another folder, and name it there:"
            f' dlt.destinations.duckdb("/other/folder/{inside[0].name}"), or --database. Nothing was changed.'
        )


def require_own_packages(pipeline: Any) -> None:
    """Refuses a run that would drop packages of other sources with dlt's working folder.

    Raises:
        ConfigurationError: if there are packages that wait to be loaded.
    """
    others = sorted(dlt_compat.pending_schemas(Path(pipeline.working_dir)) - {SECTION})
    if others:
        raise ConfigurationError(
            f"Pipeline {pipeline.pipeline_name} has packages of other sources that wait to be loaded"
            f" ({', '.join(others)}), in {pipeline.working_dir}. Load them first, by pipeline.run() without data, or drop"
            f" them by `dlt pipeline {pipeline.pipeline_name} drop-pending-packages`; or use a pipeline name of its own for"
            " Sales Navigator. Nothing was asked of LinkedIn."
        )


def require_no_package(pipeline: Any) -> None:
    """Refuses a run while an extracted package waits: dlt would load it with the schema of this run.

    Raises:
        ConfigurationError: if a package waits.
    """
    if pipeline.list_extracted_load_packages():
        raise ConfigurationError(
            f"Pipeline {pipeline.pipeline_name} has an extracted package that is not loaded yet. Call"
            " pipeline.normalize() and pipeline.load() first, or give both sources to one pipeline.run([...])."
        )


def _places_of_rows(pipeline: Any) -> Iterator[Path]:
    """Yields the files and folders of this machine that the destination writes rows to."""
    config = pipeline.destination_client().config
    credentials = getattr(config, "credentials", None)
    for holder in (credentials, getattr(credentials, "catalog", None)):
        database = getattr(holder, "database", None)
        drivername = str(getattr(holder, "drivername", "") or "")
        is_file = "duckdb" in drivername or "sqlite" in drivername
        if is_file and isinstance(database, str) and database and not database.startswith(":"):
            yield Path(database).resolve()
    for holder in (config, getattr(credentials, "storage", None)):
        url = getattr(holder, "bucket_url", None)
        if isinstance(url, str) and url:
            parts = urlsplit(url)
            if parts.scheme in ("", "file"):
                yield Path(unquote(parts.path)).resolve()


def _files_of_others(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in _CACHES:
            yield from (inner for inner in path.rglob("*") if inner.is_file())
        elif path.is_file():
            yield path


def _holds_rows(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return False
    return any(start[at : at + len(mark)] == mark for at, mark in _DATABASE_MARKS)
