"""Sales Navigator in Dagster: an asset per table, loaded every morning.

Copy this file, name your destination in `pipeline`, and set the token in `.dlt/secrets.toml` or the environment. The schedule
runs as soon as Dagster's daemon does; by default, Dagster would leave it stopped.
"""

import dagster as dg
import dlt

from salesnav_source.dagster import salesnav_assets


def pipeline() -> dlt.Pipeline:
    """Makes the pipeline: another destination and dataset are set here."""
    return dlt.pipeline("salesnav_to_duckdb", destination="duckdb", dataset_name="salesnav")


salesnav = salesnav_assets(pipeline)

every_morning = dg.ScheduleDefinition(
    name="salesnav_every_morning",
    cron_schedule="15 6 * * *",
    job=dg.define_asset_job("salesnav", selection=dg.AssetSelection.assets(salesnav)),
    default_status=dg.DefaultScheduleStatus.RUNNING,
)

defs = dg.Definitions(assets=[salesnav], schedules=[every_morning])
