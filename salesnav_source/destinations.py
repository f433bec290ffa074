"""What differs between destinations: which can be loaded into, the layout of tables, and one staging dataset per pipeline."""

import importlib.util
from argparse import Namespace
from pathlib import Path
from typing import Any

import dlt
from dlt.destinations.adapters import bigquery_adapter
from dlt.extract import DltResource

from salesnav_source import dlt_compat
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.installed import how_to_install, of_extra
from salesnav_source.names import DATASET, SANDBOX_PIPELINE
from salesnav_source.schema import Export
from salesnav_source.warehouse import is_postgres

STAGING_LAYOUT = "staging_dataset_name_layout"
"""dlt's setting of a destination that names its staging dataset; `%s` stands for the dataset."""

EMPTIED_BUCKET = "truncate_tables_on_staging_destination_before_load"
"""dlt's setting of a destination that says whether a table's folder in a bucket is emptied before each load."""

SHARED_STAGING = "%s_staging"
"""What dlt calls the staging dataset where nothing is set: the same for all pipelines of a dataset."""

MODULES = {"bigquery": "google.cloud.bigquery", "snowflake": "snowflake.connector", "postgres": "psycopg2"}
"""The module that a destination's extra installs."""


def laid_out(resource: DltResource, export: Export) -> DltResource:
    """Lays out an export's table where the warehouse can: by day and contract, which is how windows are replaced and read.

    BigQuery partitions by day and clusters by contract and type of activity; Snowflake clusters by contract and day. The
    hints are stated once, as the table's; other destinations pass over them.
    """
    names = [column.name for column in export.columns]
    clustered = [name for name in ("contract", "activity_type") if name in names]
    bigquery_adapter(resource, partition=export.day_column, cluster=clustered)
    # a moment has too many values to cluster by in Snowflake; rows come in order of time anyway
    by_day = [export.day_column] if export.column(export.day_column).type == "date" else []
    return resource.apply_hints(columns=[{"name": name, "cluster": True} for name in ("contract", *by_day)])


def own_staging(pipeline: dlt.Pipeline) -> None:
    """Gives a pipeline a staging dataset of its own, unless the user has named one, and has it leave files of others alone.

    By default all pipelines of a dataset stage their rows in the same tables: two at once would merge each other's rows, or
    none; and each empties the folders of a bucket that they share. Call it before the pipeline loads, and for every run of
    that pipeline.
    """
    destination = pipeline.destination
    if pipeline.staging is not None:
        destination.config_params.setdefault(EMPTIED_BUCKET, False)
    if STAGING_LAYOUT in destination.config_params:
        return
    config = pipeline.destination_client().config
    if getattr(config, STAGING_LAYOUT, None) == SHARED_STAGING:
        destination.config_params[STAGING_LAYOUT] = f"{SHARED_STAGING}_{pipeline.pipeline_name.replace('%', '%%')}"


_COMPRESSION = "normalize.data_writer.disable_compression"


def spare_compression(pipeline: dlt.Pipeline) -> None:
    """Has dlt leave rows for PostgreSQL uncompressed, unless the user has set it.

    They are read back on this very machine, and compressing them takes three quarters of a load.
    """
    if is_postgres(pipeline) and dlt.config.get(_COMPRESSION) is None:
        dlt.config[_COMPRESSION] = True


REPLACING = (
    "DuckDB, MotherDuck, DuckLake, PostgreSQL, BigQuery, Snowflake, Databricks, Redshift, SQL Server, ClickHouse"
)
"""Destinations of dlt that can replace days: those with the merge strategy delete-insert, by their documentation."""


def require_replacing(pipeline: Any) -> None:
    """Makes sure that the destination can replace days, before any job is made.

    Raises:
        ConfigurationError: if it cannot, with those that can.
    """
    if pipeline.destination is None:
        raise ConfigurationError(
            "The pipeline has no destination: rows are read for the load that takes them, so it has to be known before."
        )
    kind = pipeline.destination.destination_type
    strategies = pipeline.destination.capabilities().supported_merge_strategies or []
    # by dlt's sqlalchemy rows would go into SQLite too, which compares moments as text
    if "delete-insert" not in strategies or kind.endswith(".sqlalchemy"):
        raise ConfigurationError(
            f"{pipeline.destination.destination_name} cannot be loaded into: late rows are taken in by replacing days, which"
            f" it cannot do (dlt's merge strategy delete-insert). These can: {REPLACING}. No job was created."
        )
    if not pipeline.config.restore_from_destination:
        raise ConfigurationError(
            f"restore_from_destination is off for pipeline {pipeline.pipeline_name}, so dlt does not keep its state in the"
            " warehouse, where it belongs beside the rows that it tells of. Switch it on; no job was created."
        )


def require_no_package(pipeline: Any) -> None:
    """Makes sure that nothing extracted before waits: dlt would load it by what is extracted now.

    Raises:
        ConfigurationError: if a package waits.
    """
    if pipeline.list_extracted_load_packages():
        raise ConfigurationError(
            f"Pipeline {pipeline.pipeline_name} holds what was extracted before and is not loaded yet. Call"
            " pipeline.normalize() and pipeline.load() first, or give both sources to one pipeline.run([...])."
        )


def duckdb(options: Namespace) -> Any:
    """Returns DuckDB with the file that `--database` names, by default one with the pipeline's name in the current folder.

    Raises:
        ConfigurationError: if it cannot be such a file.
    """
    path = Path(options.database or f"{SANDBOX_PIPELINE if options.sandbox else options.pipeline}.duckdb")
    if options.database is not None and (not options.database.strip() or ":" in options.database.partition("/")[0]):
        raise ConfigurationError(
            f"--database {options.database!r} is not the path of a file. A database in memory would be gone with"
            " the run; for MotherDuck write a script of your own, as AGENTS.md tells."
        )
    if path.stem.lower() == DATASET:
        raise ConfigurationError(
            f"--database {path}: the file must not be called {DATASET}, as the dataset is: DuckDB cannot tell them apart."
        )
    if path.is_dir() or not path.absolute().parent.is_dir():
        wrong = "it is a folder" if path.is_dir() else f"there is no folder {path.absolute().parent}"
        raise ConfigurationError(f"--database {path}: {wrong}. Name a file in a folder that exists.")
    dlt_compat.wait_for_duckdb_files()
    return dlt.destinations.duckdb(str(path.absolute()))


def bigquery(options: Namespace) -> Any:
    """Returns BigQuery as configured in `[destination.bigquery]`; `--database` names another project.

    Raises:
        ConfigurationError: if the packages are missing.
    """
    require("bigquery")
    return dlt.destinations.bigquery(**({"project_id": options.database} if options.database else {}))


def snowflake(options: Namespace) -> Any:
    """Returns Snowflake as configured in `[destination.snowflake]`; `--database` names another database.

    Raises:
        ConfigurationError: if the packages are missing.
    """
    require("snowflake")
    # what is not given here dlt takes from the configuration
    given: dict[str, Any] = {"credentials": {"database": options.database}} if options.database else {}
    return dlt.destinations.snowflake(**given)


def postgres(options: Namespace) -> Any:
    """Returns PostgreSQL as configured in `[destination.postgres]`; `--database` names another database.

    Raises:
        ConfigurationError: if the packages are missing.
    """
    require("postgres")
    given: dict[str, Any] = {"credentials": {"database": options.database}} if options.database else {}
    return dlt.destinations.postgres(**given)


def require(destination: str) -> None:
    """Makes sure that the packages of a destination are installed.

    Raises:
        ConfigurationError: with the command that installs them.
    """
    try:
        found = importlib.util.find_spec(MODULES[destination])
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigurationError(
            f"The packages that load into {destination} are not installed. Install them with\n\n"
            f"    {how_to_install(*of_extra(destination))}\n"
        )
