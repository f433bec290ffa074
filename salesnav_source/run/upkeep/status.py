"""What is known of a pipeline without asking LinkedIn, as plain data."""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NamedTuple, TypedDict

import dlt
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.destinations.impl.duckdb.configuration import DuckDbBaseCredentials
from dlt.pipeline.configuration import PipelineConfiguration

from salesnav_source.days.windows import Coverage, Days, Window, utc_day
from salesnav_source.exceptions import ConfigurationError, causes, one_line
from salesnav_source.jobs.journal import JobInFlight
from salesnav_source.jobs.task import JobStatus
from salesnav_source.run.context import RunContext
from salesnav_source.run.planning import NO_ACCESS, Plan, make_plan
from salesnav_source.run.prepare import Mode, Wishes, prepare, read_columns
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS
from salesnav_source.settings.configuration import SECTION, Settings
from salesnav_source.settings.names import DATASET, DEFAULT_PIPELINE, SANDBOX_PIPELINE
from salesnav_source.warehouse.columns import KnownColumns, as_day
from salesnav_source.warehouse.connection import noted_database
from salesnav_source.warehouse.state import Ledger, read_ledger

NOT_ASKED_YET = "not asked for yet"
GONE = "the file with its rows does not exist"


class Span(TypedDict):
    """Days from `first` to `last`, both included, ISO, UTC."""

    first: str
    last: str
    days: int


class MissingSpan(Span):
    """Days that are wanted and not covered."""

    reason: str | None
    """Why, as far as is known."""
    job_id: int | None
    """The job in flight that was asked for them, if there is one."""


class ColumnsChanged(TypedDict):
    """How the columns of an export's files have changed last."""

    on: str
    """The UTC day of the first file that was different."""
    gone: list[str]
    come: list[str]


class ExportStatus(TypedDict):
    """Where an export of a contract stands."""

    contract: str
    export: str
    covered: list[Span]
    open: list[MissingSpan]
    failed: list[MissingSpan]
    to_read_again: list[Span]
    """Covered days that are due to be read again for late rows."""
    columns_changed: ColumnsChanged | None


class JobAtLinkedIn(Span):
    """A job at LinkedIn whose file is not loaded."""

    job_id: int
    contract: str
    export: str
    created_at: str
    taken_over: bool
    """Whether the next run goes on with it; it makes a new one where its file would be older than what is wanted."""


class NextRun(TypedDict):
    """What the next run will do, as far as is known without asking LinkedIn."""

    jobs_to_take_over: int
    jobs_to_create: int
    days: int
    """Days that these jobs are for, summed up over contracts and exports."""
    contracts_known: bool
    """Whether any contract is known; if not, the run asks LinkedIn first."""


class Status(TypedDict):
    """What is known of a pipeline."""

    pipeline: str
    working_dir: str
    destination: str | None
    database: str | None
    """The DuckDB file that was loaded last; None if it is not known, and for other destinations."""
    dataset: str | None
    trouble: str | None
    """Why the destination could not be read. Covered is then what this machine remembers; nothing if the file is gone."""
    as_of: str
    running: bool
    """Whether a run is at work now."""
    interrupted: bool
    """Whether a run was interrupted while it loaded; what it had received does not count as covered."""
    names: dict[str, str]
    """The known names of contracts, by URN."""
    exports: list[ExportStatus]
    jobs: list[JobAtLinkedIn]
    next_run: NextRun
    notes: list[str]


class Problem(NamedTuple):
    """A row of `export_jobs` that tells why a job brought nothing."""

    contract: str
    export: str
    window: Window
    status: str
    reason: str


@dataclass
class Told:
    """What the destination has told."""

    problems: list[Problem] = field(default_factory=list)
    """Oldest first."""
    access: Mapping[str, bool] = field(default_factory=dict)
    """Contracts listed last, and whether they could be exported."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Their names."""
    ledger: Ledger = field(default_factory=Ledger)
    """What is loaded."""
    columns: KnownColumns = field(default_factory=KnownColumns)
    """Which columns files had."""
    trouble: str | None = None
    """Why it could not be asked."""
    database: str | None = None
    """Its file, if it is a DuckDB and the file is known."""
    is_gone: bool = False
    """True if that file does not exist any more."""

    def may_export(self, contract: str) -> bool:
        """Returns true if nothing is known that keeps a contract from being exported."""
        return self.access.get(contract, True)


def collect(
    pipeline_name: str, settings: Settings, pipelines_dir: str | None = None, epoch: float | None = None
) -> Status:
    """Returns what is known of a pipeline, from this machine and the destination; changes neither.

    Args:
        pipeline_name: name of the pipeline.
        settings: what is wanted.
        pipelines_dir: where pipelines have their working directories; dlt's own place if None.
        epoch: the time, in seconds since the epoch; now if None.

    Raises:
        ConfigurationError: if there is no such pipeline on this machine.
    """
    epoch = time.time() if epoch is None else epoch
    pipeline = _attach(pipeline_name, _pipelines_dir(pipeline_name, pipelines_dir), settings)
    try:
        with prepare(pipeline, Mode.STATUS, Wishes.of(settings)) as context:
            return _collect(context, settings, epoch)
    finally:
        pipeline.deactivate()


def _collect(context: RunContext, settings: Settings, epoch: float) -> Status:
    pipeline, as_of = context.pipeline, datetime.fromtimestamp(epoch, timezone.utc)
    notes = context.notes.copy()
    jobs = context.journal.in_flight()
    told = _ask_destination(context)
    known = {(export, contract) for export in EXPORTS for contract in told.ledger.settled.get(export, {})}
    wanted = _wanted_contracts(settings, known, jobs, told)
    plan = _plan(settings, wanted, told, jobs, epoch)
    exports = [
        _export_status(settings, export, contract, contract in wanted, jobs, told, as_of.date())
        for contract in sorted({*wanted, *(contract for _, contract in known)})
        for export in EXPORTS
    ]
    # a pipeline that has loaded nothing yet has nothing to read
    trouble = told.trouble if exports else None
    if told.is_gone:
        notes.append(f"{told.trouble}: what was loaded into it is gone, and the next run loads it again.")
    elif trouble and not context.running:
        notes.append(
            f"{trouble}: the days covered are those that this machine remembers, and why others are missing is not known."
        )
    elif trouble and any(span["reason"] is None for one in exports for span in one["open"]):
        notes.append(f"Why days are missing is not known: {trouble}.")
    taken_over = {task.job.id for task in plan.tasks if task.job} if plan else set()
    return Status(
        pipeline=pipeline.pipeline_name,
        working_dir=pipeline.working_dir,
        destination=pipeline.destination.destination_name,
        database=told.database,
        dataset=pipeline.dataset_name,
        trouble=trouble,
        as_of=as_of.isoformat(timespec="seconds"),
        running=context.running,
        interrupted=pipeline.has_pending_data and not context.running,
        names={**told.ledger.names, **told.names},
        exports=exports,
        jobs=[_job_status(job, job.job_id in taken_over) for job in jobs],
        next_run=_next_run(plan, bool(wanted)),
        notes=notes,
    )


def _next_run(plan: Plan | None, contracts_known: bool) -> NextRun:
    return NextRun(
        jobs_to_take_over=len(plan.tasks) - plan.new_jobs if plan else 0,
        jobs_to_create=plan.new_jobs if plan else 0,
        days=sum(task.window.days for task in plan.tasks) if plan else 0,
        contracts_known=contracts_known,
    )


def _attach(pipeline_name: str, folder: Path, settings: Settings) -> dlt.Pipeline:
    if not (folder / pipeline_name / dlt.Pipeline.STATE_FILE).is_file():
        may_be = settings.journal_url is not None or (folder / f"{pipeline_name}.salesnav.sqlite").exists()
        if may_be and (made := _made_again(pipeline_name, folder)):
            return made
        there = ", ".join(_pipelines_in(folder))
        raise ConfigurationError(
            f"There is no pipeline {pipeline_name} in {folder}: it has not run on this machine under that name. "
            + (f"These have: {there}. Name one with --pipeline" if there else "Run it, or name another with --pipeline")
            + ", or another place with --pipelines-dir."
        )
    return dlt.attach(pipeline_name, pipelines_dir=str(folder))


def loaded_contracts(project: Path) -> dict[str, str]:
    """Returns names by URN of the contracts of which pipelines have loaded anything, as their state on this machine says.

    Args:
        project: the folder in which these pipelines run; those of other folders, and of the sandbox, do not count.
    """
    folder = _pipelines_dir(DEFAULT_PIPELINE, None)
    found: dict[str, str] = {}
    for name in _pipelines_in(folder):
        if name.startswith(SANDBOX_PIPELINE) or not (folder / name / dlt.Pipeline.STATE_FILE).is_file():
            continue
        # a pipeline that cannot be read says nothing
        with contextlib.suppress(Exception):
            pipeline = dlt.attach(name, pipelines_dir=str(folder))
            try:
                if Path(pipeline.get_local_state_val("initial_cwd")) == project:
                    ledger = read_ledger(pipeline.state.get("sources", {}).get(SECTION, {}), None, {})
                    found |= {urn: ledger.names.get(urn, "") for urn in ledger.contracts(EXPORTS)}
            finally:
                pipeline.deactivate()
    return found


def _pipelines_in(folder: Path) -> list[str]:
    """Returns the names of the pipelines of this source that have run on this machine."""
    ending = ".salesnav.sqlite"
    return sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))


def _made_again(pipeline_name: str, folder: Path) -> dlt.Pipeline | None:
    """Returns a pipeline of `salesnav load` whose working folder a run has emptied and, killed, has not filled again.

    It loads into the default DuckDB file or the configured warehouse; None if its name does not tell which.
    """
    name = "salesnav_to_duckdb" if pipeline_name == SANDBOX_PIPELINE else pipeline_name
    kind = name.removeprefix("salesnav_to_").removeprefix(f"{SANDBOX_PIPELINE}_")
    if kind == name or kind not in ("duckdb", "bigquery", "snowflake", "postgres"):
        return None
    dataset = SANDBOX_PIPELINE if pipeline_name.startswith(f"{SANDBOX_PIPELINE}_") else DATASET
    return dlt.pipeline(pipeline_name, pipelines_dir=str(folder), destination=kind, dataset_name=dataset)


def _pipelines_dir(pipeline_name: str, pipelines_dir: str | None) -> Path:
    """Returns the folder in which dlt keeps the pipeline's working directory."""
    if pipelines_dir is None:
        configured = resolve_configuration(
            PipelineConfiguration(),
            sections=("pipelines", pipeline_name),
            explicit_value={"pipeline_name": pipeline_name},
        )
        pipelines_dir = configured.pipelines_dir or get_dlt_pipelines_dir()
    return Path(pipelines_dir)


def _wanted_contracts(
    settings: Settings, known: Iterable[tuple[str, str]], jobs: Sequence[JobInFlight], told: Told
) -> tuple[str, ...]:
    """Returns the contracts configured; if none are, those that may be exported and those of which anything is loaded."""
    if settings.contracts:
        return settings.contracts
    allowed = {contract for contract in told.access if told.may_export(contract)}
    return tuple(sorted({contract for _, contract in known} | {job.contract for job in jobs} | allowed))


def _plan(
    settings: Settings,
    wanted: Sequence[str],
    told: Told,
    jobs: Sequence[JobInFlight],
    epoch: float,
) -> Plan | None:
    """Returns what a run would ask for now; None if no contract is known that it could ask for."""
    reachable = tuple(contract for contract in wanted if told.may_export(contract))
    if not reachable:
        return None
    return make_plan(
        replace(settings, contracts=reachable),
        None,
        tuple(EXPORTS),
        told.ledger,
        jobs,
        utc_day(epoch),
        epoch,
    )


def _export_status(
    settings: Settings,
    export: str,
    contract: str,
    wanted: bool,
    jobs: Sequence[JobInFlight],
    told: Told,
    today: date,
) -> ExportStatus:
    coverage = told.ledger.coverage(export, contract)
    days = settings.wanted(today, coverage) if wanted else Days()
    missing = _explain(export, contract, days - coverage.loaded, jobs, told)
    return ExportStatus(
        contract=contract,
        export=export,
        covered=[_span(window) for window in coverage.loaded],
        open=missing["open"],
        failed=missing["failed"],
        to_read_again=[_span(window) for window in days & coverage.to_read_again(today, settings.lookback_days)],
        columns_changed=_columns_changed(told.columns, contract, export),
    )


def _columns_changed(columns: KnownColumns, contract: str, export: str) -> ColumnsChanged | None:
    changed = columns.last_change(contract, export)
    if changed is None:
        return None
    return ColumnsChanged(on=str(changed.day), gone=list(changed.gone), come=list(changed.come))


def _explain(
    export: str, contract: str, missing: Days, jobs: Iterable[JobInFlight], told: Told
) -> dict[str, list[MissingSpan]]:
    """Divides missing days into open and failed ones, by what became of them last."""
    found: dict[str, list[MissingSpan]] = {"open": [], "failed": []}

    def take(days: Days, kind: str, reason: str | None, job_id: int | None = None) -> None:
        nonlocal missing
        found[kind] += [MissingSpan(**_span(window), reason=reason, job_id=job_id) for window in missing & days]
        missing = missing - days

    for job in jobs:
        if (job.export, job.contract) == (export, contract):
            take(Days((job.window,)), "open", f"job {job.job_id} is in flight", job.job_id)
    if not told.may_export(contract):
        take(missing, "failed", NO_ACCESS)
    for problem in reversed(told.problems):
        # what is too large is asked for in halves, so it is no news of the days
        split = problem.status == JobStatus.TOO_LARGE.value and problem.window.days > 1
        if (problem.export, problem.contract) == (export, contract) and not split:
            waits = (JobStatus.DATA_DELAY.value, JobStatus.NOT_AVAILABLE.value)
            kind = "open" if problem.status in waits else "failed"
            take(Days((problem.window,)), kind, problem.reason)
    take(missing, "open", _why_absent(export, told))
    return {kind: sorted(spans, key=lambda span: span["first"]) for kind, spans in found.items()}


def _why_absent(export: str, told: Told) -> str | None:
    """Returns why days are missing of which no job tells; None if it is not known."""
    if told.is_gone:
        return GONE
    if told.trouble:
        return None
    table = told.ledger.tables.get(export, export)
    return f"the table {table} does not exist any more" if table in told.ledger.missing_tables else NOT_ASKED_YET


def _ask_destination(context: RunContext) -> Told:
    """Asks the destination what is loaded, why jobs brought nothing, and which contracts there are."""
    pipeline, warehouse = context.pipeline, context.warehouse
    assert warehouse is not None  # a pipeline has one
    where = pipeline.destination.destination_name
    local = pipeline.state.get("sources", {}).get(SECTION, {})
    if context.running and where == "duckdb":
        # reading would keep the run from opening the file
        return Told(ledger=read_ledger(local, None, {}), trouble="a run is at work")
    file = None
    try:
        if isinstance(warehouse.credentials, DuckDbBaseCredentials):
            file = _open_as_last_run(pipeline, warehouse.credentials)
            if file is not None and not Path(file).exists():
                trouble = f"{file} does not exist"
                return Told(ledger=_emptied(read_ledger(local, None, {})), trouble=trouble, database=file, is_gone=True)
        with warehouse.opened() as opened:
            state = opened.source_state()
            ledger = read_ledger(state, opened, {})
            columns = read_columns(opened, state)
            problems = opened.rows(
                "SELECT contract, export, window_start, window_end, status, error FROM {}"
                " WHERE error IS NOT NULL ORDER BY completed_at",
                EXPORT_JOBS.name,
            )
            access = opened.rows("SELECT contract, has_reporting_access FROM {}", CONTRACTS.name)
            names = opened.contract_names()
    except Exception as error:  # whatever a driver raises: the rest of the status does not depend on it
        *_, cause = causes(error)
        trouble = f"{where} could not be read ({one_line(cause)[:200]})"
        return Told(ledger=read_ledger(local, None, {}), trouble=trouble, database=file)
    return Told(
        [
            Problem(contract, export, Window(as_day(first), as_day(last)), status, reason)
            for contract, export, first, last, status, reason in problems
        ],
        {contract: bool(may) for contract, may in access},
        names,
        ledger,
        columns,
        database=file,
    )


def _emptied(ledger: Ledger) -> Ledger:
    """Returns a ledger with the same contracts, of which nothing is loaded."""
    ledger.settled = {export: dict.fromkeys(contracts, Coverage()) for export, contracts in ledger.settled.items()}
    return ledger


def _open_as_last_run(pipeline: dlt.Pipeline, credentials: DuckDbBaseCredentials) -> str | None:
    """Points to the DuckDB file that was loaded last, which the pipeline's state does not name, for reading only.

    Returns:
        The file; None if it is not known, so that the one that dlt would load into stands for it.
    """
    credentials.read_only = True
    file = noted_database(pipeline)
    if file is not None:
        credentials.database = file
    return file


def _span(window: Window) -> Span:
    return Span(first=str(window.first), last=str(window.last), days=window.days)


def _job_status(job: JobInFlight, taken_over: bool) -> JobAtLinkedIn:
    created_at = datetime.fromtimestamp(job.created_at, timezone.utc).isoformat(timespec="seconds")
    return JobAtLinkedIn(
        **_span(job.window),
        job_id=job.job_id,
        contract=job.contract,
        export=job.export,
        created_at=created_at,
        taken_over=taken_over,
    )
