"""Run with Dagster's interpreter: prints as JSON what a Dagster instance knows of the assets."""

import json
from typing import Any

from dagster import DagsterEventType, DagsterInstance, EventRecordsFilter


def state(instance: DagsterInstance) -> dict[str, Any]:
    """Returns the statuses of the runs, and materializations and check results by table."""
    found: dict[str, Any] = {"runs": [run.status.value for run in reversed(instance.get_runs())], "tables": {}}
    for key in instance.all_asset_keys():
        records = instance.fetch_materializations(key, limit=10_000).records
        metadata = records[0].asset_materialization.metadata if records else {}
        found["tables"][key.path[-1]] = {
            "materialized": len(records),
            "partitions": sorted({one.partition_key for one in records if one.partition_key}),
            "metadata": {name: value.value for name, value in metadata.items()},
        }
    checks = instance.get_event_records(EventRecordsFilter(DagsterEventType.ASSET_CHECK_EVALUATION))
    found["checks"] = [
        [
            one.event_log_entry.dagster_event.event_specific_data.asset_key.path[-1],
            one.event_log_entry.dagster_event.event_specific_data.check_name,
            one.event_log_entry.dagster_event.event_specific_data.passed,
        ]
        for one in reversed(checks)
    ]
    return found


if __name__ == "__main__":
    with DagsterInstance.get() as instance:
        print(json.dumps(state(instance)))
