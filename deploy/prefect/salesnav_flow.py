"""Sales Navigator in Prefect: one flow over `try_sync`, every morning.

Name your destination in `pipeline`. `python salesnav_flow.py` serves the flow: it runs at its time, one run at once, in the
folder and with the environment of this process. On other workers, `DLT_DATA_DIR` must name a folder that outlives the worker:
the journal of jobs in flight is there.
"""

from typing import Any

import dlt
from prefect import flow, get_run_logger, task

from salesnav_source import try_sync


class NothingTried(Exception):
    """The run was refused: a retry does not help until someone has done what the message says."""


class Incomplete(Exception):
    """Some days are not loaded: a new run asks for what is missing."""


def pipeline() -> dlt.Pipeline:
    """Makes the pipeline: another destination and dataset are set here."""
    return dlt.pipeline("salesnav_to_duckdb", destination="duckdb", dataset_name="salesnav")


def may_help(task: Any, run: Any, state: Any) -> bool:
    """Returns true if Prefect should retry."""
    return not isinstance(state.result(raise_on_failure=False), NothingTried)


@task(retries=3, retry_delay_seconds=900, retry_condition_fn=may_help)
def load() -> dict[str, Any]:
    """Loads what is missing, and returns what `--report-json` would write."""
    logger = get_run_logger()
    outcome = try_sync(
        pipeline,
        on_commit=lambda commit: [
            logger.info(f"{one.export} of {one.contract}, {one.window}: {one.rows:,} rows") for one in commit.windows
        ],
    )
    if outcome.exit_code and not outcome.may_retry:
        raise NothingTried(outcome.message)
    if outcome.exit_code:
        raise Incomplete(outcome.message)
    return outcome.record


@flow(name="salesnav")
def salesnav() -> dict[str, Any]:
    """Loads Sales Navigator analytics."""
    return load()


if __name__ == "__main__":
    salesnav.serve(name="every-morning", cron="15 6 * * *", limit=1)
