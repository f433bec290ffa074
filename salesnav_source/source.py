"""The dlt source: a hidden root resource runs the exports, and each table is a transformer of what it yields."""

from collections.abc import Callable, Iterator
from typing import Any, Optional, Union

import dlt
from dlt.common.typing import TSecretStrValue
from dlt.extract import DltResource

from salesnav_source import destinations, dlt_compat, tables
from salesnav_source.load import ContractList, Item, JobRecords, Load, Opening, ReceivedWindows
from salesnav_source.lock import PipelineLock
from salesnav_source.personal_data import KEEP
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS, Export, Table
from salesnav_source.session import Session
from salesnav_source.settings import (
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

ROOT = "_exports"
"""Name of the hidden resource."""


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
) -> list[DltResource]:
    """Loads LinkedIn Sales Navigator activities, their outcomes and seat summaries, contract by contract.

    Which days are loaded is kept in the pipeline's state, so each run asks LinkedIn for what is missing only, and once a
    day for the last few days again. A window that fails leaves a gap that the next run asks for; it is logged, and noted
    in the table `export_jobs`.

    Args:
        credentials: an access token, or what it takes to renew one.
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
        queue_timeout: seconds that a job may stand in LinkedIn's queue though none of ours is before it.
        outage_timeout: seconds that LinkedIn, or the place of the journal, may fail to answer before the run is given up.
        journal_url: a folder or bucket, as fsspec takes it, for the journal of jobs in flight, so that another machine can
            go on with them; beside dlt's working folder alone if None.
        personal_data: what becomes of names and e-mail addresses of seat holders and of member keys: `keep`, `pseudonymize`
            or `drop`.
        pseudonym_key: key of the pseudonyms, at least 16 characters; a secret.
        keep_columns: undocumented columns that are loaded as they are where personal data are not kept.

    Returns:
        The resources `contracts`, `activities`, `activity_outcomes`, `seats`, `export_jobs` and `rejected_rows`.

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
        )
    )
    pipeline = dlt_compat.active_pipeline()
    if pipeline is not None:
        PipelineLock(pipeline.pipelines_dir, pipeline.pipeline_name).check()
    return resources(lambda: run_alone(Session(settings)))


TItems = Iterator[Item | None]


def resources(run: Callable[[], TItems]) -> list[DltResource]:
    """Returns the resources of the source: the hidden root and a transformer for each table.

    Args:
        run: gives what the root yields, each time it is extracted.
    """

    def exports() -> TItems:
        yield from run()

    root = dlt.resource(exports, name=ROOT, selected=False)
    made = [_table_of(root, CONTRACTS, _contract_rows)]
    for export in EXPORTS.values():
        made.append(destinations.laid_out(_table_of(root, export, _rows_of(export)), export))
    made.append(_table_of(root, EXPORT_JOBS, _job_rows))
    made.append(_table_of(root, REJECTED_ROWS, _rejected_rows))
    return [root, *made]


def run_alone(session: Session) -> TItems:
    """Runs a session with one load, as in a user's own `pipeline.run`.

    The lock is held until that run has ended; so its load, of which the source is not told, is guarded as well.

    Raises:
        PipelineBusyError: if another run of the pipeline is at work.
        ConfigurationError: if the destination cannot replace days, a package waits to be loaded, or a user's hints cannot be
            kept to.
    """
    pipeline = dlt_compat.active_pipeline() if dlt_compat.is_extracting() else None
    with session:
        if pipeline is not None:
            destinations.require_replacing(pipeline)
            destinations.require_no_package(pipeline)
            load_id = dlt_compat.current_load_id()
            lock = session.lock(pipeline, load_id)

            def end() -> None:
                try:
                    dlt_compat.remove_packages(pipeline, [load_id])
                finally:
                    lock.release()

            dlt_compat.at_end_of_run(pipeline, end)
        session.attach(pipeline)
        load = Load(session, pipeline)
        load.check_hints()
        load.find_loaded()
        session.make_plan(load.exports)
        yield from run_load(load)


def run_load(load: Load) -> TItems:
    """Yields what a load brings, and notes it."""
    try:
        yield from load.items()
    finally:
        load.finish()


def _table_of(root: DltResource, table: Table, rows: Callable[[Any], Iterator[Any]]) -> DltResource:
    def take(item: Item) -> Iterator[Any]:
        if isinstance(item, Opening) and table.name in item.new_tables:
            yield tables.no_rows(table, item.load_id)
        else:
            yield from rows(item)
        item.taken_by(table.name)

    resource: DltResource = dlt.transformer(take, data_from=root, **tables.hints(table))
    return resource


def _rows_of(export: Export) -> Callable[[Item], Iterator[Any]]:
    def rows(item: Item) -> Iterator[Any]:
        if isinstance(item, ReceivedWindows):
            # who has added a step or a transformer wants to see the rows
            yield from item.rows(export, whole=len(dlt.current.pipe()) == 1)

    return rows


def _contract_rows(item: Item) -> Iterator[Any]:
    if isinstance(item, ContractList):
        yield tables.with_load_id(tables.arrow_table(CONTRACTS, item.rows), item.load_id)


def _job_rows(item: Item) -> Iterator[Any]:
    if isinstance(item, JobRecords):
        yield item.rows()


def _rejected_rows(item: Item) -> Iterator[Any]:
    if isinstance(item, ReceivedWindows):
        yield from item.rejected_rows()
    elif isinstance(item, JobRecords) and item.cleans:
        # makes the merge run that takes out what a load that was not completed has written
        yield tables.no_rows(REJECTED_ROWS, item.load_id)
