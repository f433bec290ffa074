"""Settings of the destination for a run: the layout of tables, and a staging dataset of its own."""

import dlt
from dlt.destinations.adapters import bigquery_adapter
from dlt.extract import DltResource

from salesnav_source.schema import Export
from salesnav_source.warehouse.connection import is_postgres

STAGING_LAYOUT = "staging_dataset_name_layout"
"""dlt's setting of a destination that names its staging dataset; `%s` stands for the dataset."""

EMPTIED_BUCKET = "truncate_tables_on_staging_destination_before_load"
"""dlt's setting of a destination: true if a table's folder in a bucket is emptied before each load."""

SHARED_STAGING = "%s_staging"
"""dlt's default name of the staging dataset, the same for all pipelines of a dataset."""


def laid_out(resource: DltResource, export: Export) -> DltResource:
    """Lays out an export's table by day and contract, as windows are replaced and read, if the warehouse can do that.

    BigQuery partitions by day and clusters by contract and type of activity. Snowflake clusters by contract and day. Other
    destinations ignore these hints.
    """
    names = [column.name for column in export.columns]
    clustered = [name for name in ("contract", "activity_type") if name in names]
    bigquery_adapter(resource, partition=export.day_column, cluster=clustered)
    # a timestamp has too many values to cluster by in Snowflake; rows come in order of time anyway
    by_day = [export.day_column] if export.column(export.day_column).type == "date" else []
    return resource.apply_hints(columns=[{"name": name, "cluster": True} for name in ("contract", *by_day)])


def own_staging(pipeline: dlt.Pipeline) -> None:
    """Gives a pipeline its own staging dataset, unless the user has named one. It also leaves staged files of others alone.

    By default all pipelines of a dataset stage their rows in the same tables. Two at once would merge each other's rows, or
    none. And each empties the folders of a bucket that they share. Call this before each run of the pipeline loads.
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
    """Lets dlt write rows for PostgreSQL uncompressed, unless the user has configured it.

    They are read on this machine again, and compressing them takes three quarters of the time of a load.
    """
    if is_postgres(pipeline) and dlt.config.get(_COMPRESSION) is None:
        dlt.config[_COMPRESSION] = True
