"""Sales Navigator in Airflow 3: a task per shard of contracts, every morning, and a report at the end.

Put this file into the DAGs folder. It needs

- the pool `salesnav`: its slots are the shards that load at a time (`airflow pools set salesnav 4 "Sales Navigator"`),
- the variable `salesnav_shards`: what `salesnav shards --count N --json` prints. Each contract is in it once:
  `[{"pipeline": "salesnav_1", "contracts": ["urn:li:contract:1", "urn:li:contract:2"]}, ...]`,
- on the workers: the token, the warehouse's credentials, and `DLT_DATA_DIR`, a folder that they share and that outlives them.
  The journal of jobs in flight is there. A bucket does as well: the setting `journal_url`.

The DAG is not paused when it is new, so its schedule runs at once; by default, Airflow would pause it.
"""

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Variable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

# a warehouse into which several processes can write at once
DESTINATION = os.environ.get("SALESNAV_DESTINATION", "bigquery")


@task
def shards() -> list[dict[str, Any]]:
    """Returns the pipelines with their contracts."""
    found: list[dict[str, Any]] = Variable.get("salesnav_shards", deserialize_json=True)
    return found


@task(pool="salesnav", retries=3, retry_delay=timedelta(minutes=15), execution_timeout=timedelta(hours=20))
def load(shard: dict[str, Any]) -> None:
    """Loads what is missing of a shard's contracts."""
    # imported here, as Airflow reads this file again and again
    import dlt

    from salesnav_source import try_sync

    def pipeline() -> dlt.Pipeline:
        return dlt.pipeline(shard["pipeline"], destination=DESTINATION, dataset_name="salesnav")

    outcome = try_sync(pipeline, {"contracts": shard["contracts"]})
    # also of a task that fails
    get_current_context()["ti"].xcom_push("outcome", {**outcome.record, "windows": [], "message": outcome.message})
    if outcome.exit_code and not outcome.may_retry:
        raise AirflowFailException(outcome.message)
    if outcome.exit_code:
        raise AirflowException(outcome.message)


@task(trigger_rule="all_done")
def report(shards: list[dict[str, Any]]) -> None:
    """Prints how each shard has ended, and fails if one is incomplete: Airflow judges a run by its last task."""
    ti = get_current_context()["ti"]
    missing = []
    for number, shard in enumerate(shards):
        outcome = ti.xcom_pull(task_ids="load", key="outcome", map_indexes=number)
        if outcome is None or outcome["exit_code"]:
            missing.append(shard["pipeline"])
        if outcome is None:
            print(f"{shard['pipeline']}: ended without a result; its log may say why.")
            continue
        print(
            f"{shard['pipeline']}: {outcome['rows_loaded']:,} rows in {outcome['windows_loaded']} windows,"
            f" {outcome['windows_open']} open, {outcome['windows_failed']} failed, {outcome['jobs_created']} jobs created,"
            f" {outcome['seconds']:,.0f} s. {outcome['message']}"
        )
    if missing:
        raise AirflowFailException(
            f"Not all days are loaded: {', '.join(missing)}. A new run asks for what is missing."
        )


@dag(
    schedule="15 6 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    # one run of a pipeline at a time
    max_active_runs=1,
)
def salesnav() -> None:
    """Loads all shards, and reports."""
    found = shards()
    load.expand(shard=found) >> report(found)


salesnav()
