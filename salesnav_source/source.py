"""The dlt source: `salesnav`."""

from typing import Optional, Union

import dlt
from dlt.common.typing import TSecretStrValue
from dlt.extract import DltResource

from salesnav_source.run.lock import PipelineLock
from salesnav_source.run.resources import resources
from salesnav_source.run.single import run_alone
from salesnav_source.settings.configuration import (
    AUTO,
    BASE_URL,
    JOB_TIMEOUT,
    LOOKBACK_DAYS,
    MAX_CONCURRENT_JOBS,
    MAX_REJECTED,
    OUTAGE_TIMEOUT,
    POLL_INTERVAL,
    POLL_MAX_INTERVAL,
    QUEUE_TIMEOUT,
    SECTION,
    SalesnavConfiguration,
    SalesnavCredentials,
    Settings,
)
from salesnav_source.settings.privacy import KEEP
from salesnav_source.warehouse import dlt_compat


@dlt.source(name=SECTION, section=SECTION, spec=SalesnavConfiguration, max_table_nesting=0)
def salesnav(
    credentials: Optional[SalesnavCredentials] = dlt.secrets.value,
    base_url: str = BASE_URL,
    contracts: Union[list[str], str, None] = None,
    start_date: Optional[str] = None,
    end_date: Optional[str] = None,
    lookback_days: int = LOOKBACK_DAYS,
    max_concurrent_jobs: int = MAX_CONCURRENT_JOBS,
    max_rejected: float = MAX_REJECTED,
    poll_interval: float = POLL_INTERVAL,
    poll_max_interval: float = POLL_MAX_INTERVAL,
    job_timeout: float = JOB_TIMEOUT,
    queue_timeout: float = QUEUE_TIMEOUT,
    outage_timeout: float = OUTAGE_TIMEOUT,
    personal_data: str = KEEP,
    pseudonym_key: Optional[TSecretStrValue] = None,
    keep_columns: Union[list[str], str, None] = None,
    journal_url: Optional[str] = None,
    interval_end: str = AUTO,
    api_version: Optional[str] = None,
) -> list[DltResource]:
    """Loads LinkedIn Sales Navigator activities, their outcomes and seat summaries, contract by contract.

    The pipeline's state has the loaded days. So each run asks LinkedIn only for what is missing, and once a day for the last
    few days again. A window that fails leaves a gap, which the next run asks for. It is logged, and noted in the table
    `export_jobs`.

    Args:
        credentials: an access token, or what is needed to renew one.
        base_url: root of LinkedIn's API.
        contracts: URNs of the contracts to export, as a list or with commas between; all with reporting access if None.
        start_date: first day wanted, `YYYY-MM-DD`, UTC; 90 days back if None.
        end_date: last day wanted, `YYYY-MM-DD`, UTC; yesterday if None, and at the latest.
        lookback_days: how many days are read again once a day, for late rows.
        max_concurrent_jobs: export jobs at LinkedIn at a time, over all exports and contracts; at most two of a contract's
            export, as LinkedIn works on one of these at a time (documented).
        max_rejected: share of a file's rows that may be rejected, or lack a value that cannot be read; above it, from 10 on,
            or where no row can be read, the window fails and replaces nothing.
        poll_interval: seconds before the first poll of a job.
        poll_max_interval: seconds at most between two polls of a job.
        job_timeout: seconds that LinkedIn may work on a job, from when its turn has come; the next run goes on waiting.
        queue_timeout: seconds that a job may wait in LinkedIn's queue while no job of ours is ahead of it.
        outage_timeout: seconds without an answer from LinkedIn, or from the journal's bucket, after which the run gives up.
        journal_url: a folder or bucket (an fsspec URL) for the journal of jobs in flight, so that another machine can go on
            with them; only beside dlt's working folder if None.
        interval_end: form of the end of an interval that LinkedIn is asked for: `last_millisecond`, `next_midnight`,
            `last_second`, or `auto`, which tries them in this order if LinkedIn refuses all jobs. Which of them LinkedIn
            accepts is a guess.
        api_version: value of the header `LinkedIn-Version`, e.g. `202611`; none is sent if None.
        personal_data: how names and e-mail addresses of seat holders and member keys are loaded: `keep`, `pseudonymize` or
            `drop`.
        pseudonym_key: key of the pseudonyms, at least 16 characters; a secret.
        keep_columns: undocumented columns to load unchanged even if personal data are not kept.

    Returns:
        The resources `contracts`, `activities`, `activity_outcomes`, `seats`, `export_jobs`,
        `rejected_rows` and `export_columns`.

    Raises:
        ConfigurationError: if a setting is missing or wrong.
        PipelineBusyError: if another run of the active pipeline is at work.
        ApiError: while loading, if LinkedIn cannot be reached or refuses the token, and nothing could be loaded.
    """
    settings = Settings.check(
        SalesnavConfiguration(
            credentials=credentials,
            base_url=base_url,
            contracts=contracts,
            start_date=start_date,
            end_date=end_date,
            lookback_days=lookback_days,
            max_concurrent_jobs=max_concurrent_jobs,
            max_rejected=max_rejected,
            poll_interval=poll_interval,
            poll_max_interval=poll_max_interval,
            job_timeout=job_timeout,
            queue_timeout=queue_timeout,
            outage_timeout=outage_timeout,
            personal_data=personal_data,
            pseudonym_key=pseudonym_key,
            keep_columns=keep_columns,
            journal_url=journal_url,
            interval_end=interval_end,
            api_version=api_version,
        )
    )
    pipeline = dlt_compat.active_pipeline()
    if pipeline is not None:
        PipelineLock(pipeline.pipelines_dir, pipeline.pipeline_name).check()
    return resources(lambda: run_alone(settings))
