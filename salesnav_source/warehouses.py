"""What differs between warehouses: the layout of tables, what the scripts load into, and one staging dataset per pipeline."""

import importlib.util
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.adapters import bigquery_adapter
from dlt.extract import DltResource

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.schema import Export

STAGING_LAYOUT = "staging_dataset_name_layout"
"""dlt's setting of a destination that names its staging dataset; `%s` stands for the dataset."""

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
    """Gives a pipeline a staging dataset of its own, unless the user has named one.

    By default all pipelines of a dataset stage their rows in the same tables: two at once would merge each other's rows, or
    none. Call it before the pipeline loads, and for every run of that pipeline.
    """
    destination = pipeline.destination
    if STAGING_LAYOUT in destination.config_params:
        return
    config = pipeline.destination_client().config
    if getattr(config, STAGING_LAYOUT, None) == SHARED_STAGING:
        destination.config_params[STAGING_LAYOUT] = f"{SHARED_STAGING}_{pipeline.pipeline_name.replace('%', '%%')}"


def is_embedded(pipeline: dlt.Pipeline | None) -> bool:
    """Tells whether rows go into an embedded DuckDB.

    There a file that may have been copied twice can be told (see `pending`), while on a server an answer that was lost
    leaves open whether rows were added.
    """
    return pipeline is not None and pipeline.destination.destination_type == "dlt.destinations.duckdb"


def row_search(pipeline: dlt.Pipeline | None) -> Callable[[str, str], bool]:
    """Returns what tells whether a table surely has no row that fits a condition; False where that is not known for sure.

    Only an embedded DuckDB is asked. Call this where no rows are at hand: dlt's configuration keeps the frames of those who
    resolve it, and so all that is in them.
    """
    if pipeline is None or not is_embedded(pipeline):
        return lambda table, condition: False
    client = pipeline.sql_client()

    def holds_none(table: str, condition: str) -> bool:
        try:
            with client:
                name = client.make_qualified_table_name(table)
                return not client.execute_sql(f"SELECT 1 FROM {name} WHERE {condition} LIMIT 1")
        except DestinationUndefinedEntity:
            return True
        except Exception:
            # whatever keeps the answer away: the rows are merged then, as if there were some
            return False

    return holds_none


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
            f'    pip install "salesnav-source[{destination}]"\n'
        )
