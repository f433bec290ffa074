"""Importing: files that were exported earlier are loaded as those of jobs are, without asking LinkedIn for anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from threading import Event

import dlt

from salesnav_source.days.windows import Days, utc_day
from salesnav_source.exceptions import ConfigurationError, IncompleteFileError, ReadError, one_line
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.handed import HandedFiles
from salesnav_source.jobs.task import HandedFile
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.spool import Spool
from salesnav_source.run.account import Commit, FileResult
from salesnav_source.run.context import ExportRun, LoadLimits, PlannedRun, RunContext, receiving
from salesnav_source.run.contracts import ContractListing, urns_of
from salesnav_source.run.handed.files import GivenFile, find_files
from salesnav_source.run.handed.looking import EARLIEST, LATEST, Look, doubt, look_at
from salesnav_source.run.handed.planning import FilePlan, GivenDays, Lane, plan_files
from salesnav_source.run.planning import ADOPTABLE_SECONDS, Plan
from salesnav_source.run.prepare import Mode, Wishes, prepare
from salesnav_source.run.result import RunReport
from salesnav_source.run.sync import CHECKPOINT, conclude, load_planned
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.configuration import Settings
from salesnav_source.settings.urns import in_words, is_contract_urn
from salesnav_source.warehouse import dlt_compat
from salesnav_source.warehouse.replace import ReplaceScope

BY_ROWS = (
    "For which days LinkedIn exported {} is not known: those from the first row to the last count. Days without rows before and"
    " after them are not known to be loaded, and are asked for once there is a token; --start-date and --end-date name them."
)

READ_AS_DOCUMENTED = (
    "Nothing shows whether the days of {} have the month or the day first. They are read with the month first, as documented;"
    " --start-date and --end-date settle it."
)


@dataclass(frozen=True)
class Import:
    """What is to be imported."""

    paths: Sequence[Path]
    """Files, archives and folders."""
    export: str
    contract: str
    """URN or name."""
    days: GivenDays
    full_refresh: bool = False
    """True if loaded days are replaced."""


def import_files(
    pipeline: dlt.Pipeline,
    settings: Settings,
    wanted: Import,
    plan_only: bool = False,
    limits: LoadLimits = CHECKPOINT,
    clock: Clock | None = None,
    on_commit: Callable[[Commit], object] | None = None,
    on_start: Callable[[ExportRun], object] | None = None,
    report: RunReport | None = None,
) -> RunReport:
    """Loads export files that were obtained earlier. LinkedIn is asked for nothing, so no token is needed.

    Days that are loaded stay as they are, unless a full refresh is wanted. A second call loads only what is missing.

    Args:
        pipeline: where to load.
        settings: how files are read; days and contracts are those wanted.
        wanted: what is to be imported.
        plan_only: true if nothing is loaded; the report then has what would be, as `dry_run`.
        limits: how much is loaded before it is committed.
        clock: the time; this machine's if None.
        on_commit: as for `sync`.
        on_start: called once files are read.
        report: filled as things happen; a new one if None.

    Raises:
        ConfigurationError: if a path leads nowhere, the contract is not known, or the destination cannot be used.
        PipelineBusyError: if another run of the pipeline is at work.
        DestinationError: if the destination cannot be reached or fails.
    """
    report = report if report is not None else RunReport()
    report.into(pipeline)
    found, passed_over = find_files(wanted.paths)
    report.files_given = len(found)
    with dlt_compat.stops_at_once(pipeline), prepare(pipeline, Mode.IMPORT, Wishes.of(settings), clock) as context:
        report.notes += context.notes
        lane = Lane(_contract(context, wanted.contract, report), wanted.export)
        plan = _plan(context, settings, wanted, lane, found, report)
        report.files += plan.files
        report.not_loaded += plan.open + plan.failed
        report.notes += _notes(plan, passed_over)
        if plan_only:
            report.dry_run = plan.tasks
            return report
        planned = _planned(context, settings, lane, plan, report.names)
        if plan.tasks:
            load_planned(planned, report, _reading(planned, report, limits), on_commit, on_start)
        else:
            report.take_plan(planned.plan)
            conclude(report, planned, context.ledger)
    return report


def _planned(
    context: RunContext, settings: Settings, lane: Lane, plan: FilePlan, names: Mapping[str, str]
) -> PlannedRun:
    today = utc_day(context.clock.epoch())
    return PlannedRun(
        context,
        replace(settings, contracts=(lane.contract,)),
        client=None,
        stopping=Event(),
        listing=ContractListing({}),
        plan=Plan(today, tuple(plan.tasks), (), names=names),
        exports=(lane.export,),
        refresh=None,
    )


def _contract(context: RunContext, named: str, report: RunReport) -> str:
    """Returns the URN of the contract, and notes the names of contracts.

    Raises:
        ConfigurationError: if a name is none that the table `contracts` knows.
    """
    warehouse, names = context.warehouse, dict[str, str]()
    if warehouse is not None and warehouse.exists:
        with warehouse.opened() as opened:
            names = opened.contract_names()
    report.names = names
    if not is_contract_urn(named) and not names:
        raise ConfigurationError(
            f"{named!r} is neither the URN of a contract (urn:li:contract:123456) nor its number, and names are known only once"
            " contracts were listed with a token. Nothing was loaded."
        )
    (urn,) = urns_of([named], names)
    if names and urn not in names:
        known = "; ".join(in_words(one, names) for one in sorted(names))
        report.notes.append(f"{urn} is none of the contracts that the warehouse knows: {known}.")
    return urn


def _plan(
    context: RunContext,
    settings: Settings,
    wanted: Import,
    lane: Lane,
    found: Sequence[GivenFile],
    report: RunReport,
) -> FilePlan:
    looks = []
    days = wanted.days
    request = ReadRequest(
        EXPORTS[lane.export],
        days.first or EARLIEST,
        days.last or LATEST,
        settings.personal_data,
        context.erased_seats.get(lane.contract, ()),
        context.known_columns.names(lane.contract, lane.export),
    )
    with receiving(context, settings):
        for file in found:
            look = _look(file, request, lane, context.folder, report)
            if look is not None:
                looks.append(look)
    read = looks if days else _without_doubt(looks, lane, report)
    loaded = context.ledger.coverage(lane.export, lane.contract).loaded
    return plan_files(
        lane,
        read,
        days,
        loaded,
        utc_day(context.clock.epoch()),
        wanted.full_refresh,
        all_read=len(read) == len(found),
        held=_rows_of(context, lane, Days.of(look.window for look in read if look.window) & loaded),
    )


def _look(file: GivenFile, request: ReadRequest, lane: Lane, folder: Path, report: RunReport) -> Look | None:
    """Returns what a file shows; None if it cannot be read, which is reported."""
    try:
        return look_at(file, request, folder)
    except (IncompleteFileError, ReadError, OSError) as error:
        reason = one_line(error.strerror if isinstance(error, OSError) and error.strerror else error)
        report.files.append(FileResult(str(file), lane.contract, lane.export, "failed", None, reason))
        return None


def _rows_of(context: RunContext, lane: Lane, days: Days) -> Mapping[date, int | None] | None:
    """Returns how many rows loaded days have, None where jobs brought some; nothing if there are none to compare with."""
    warehouse = context.warehouse
    if not days or warehouse is None or not warehouse.exists:
        return None
    scope = ReplaceScope(EXPORTS[lane.export], {lane.contract: days.windows})
    with warehouse.opened() as opened:
        return opened.imported_rows(lane.export, EXPORTS[lane.export], scope)


def _without_doubt(looks: Sequence[Look], lane: Lane, report: RunReport) -> list[Look]:
    """Returns the files whose days can be read in one way only, or as the others show; the rest is reported."""
    either = [look for look in looks if look.order == "either"]
    reason = doubt(looks)
    if reason is None:
        if either and all(look.order in ("either", "same") for look in looks):
            more = f" and of {len(either) - 1:,} more files" if len(either) > 1 else ""
            report.notes.append(READ_AS_DOCUMENTED.format(f"{either[0].file}{more}"))
        return list(looks)
    report.files += [FileResult(str(look.file), lane.contract, lane.export, "failed", None, reason) for look in either]
    return [look for look in looks if look.order != "either"]


def _notes(plan: FilePlan, passed_over: Sequence[GivenFile]) -> Iterator[str]:
    if plan.by_rows:
        yield BY_ROWS.format(plan.by_rows[0] if len(plan.by_rows) == 1 else f"{len(plan.by_rows):,} files")
    if passed_over:
        more = f" and {len(passed_over) - 3:,} more" if len(passed_over) > 3 else ""
        yield f"Also in the folders and archives, and passed over: {', '.join(map(str, passed_over[:3]))}{more}."


@contextmanager
def _reading(planned: PlannedRun, report: RunReport, limits: LoadLimits) -> Iterator[ExportRun]:
    """Gives the run whose windows are the files."""
    context = planned.context
    began = context.clock.now()
    report.begun = True
    context.journal.forget_unusable(context.clock.epoch() - ADOPTABLE_SECONDS)
    with receiving(context, planned.settings) as reading:

        def opened(file: HandedFile) -> Path | Spool:
            return GivenFile(file.path, file.member).opened(context.folder)

        files = HandedFiles(planned.plan.tasks, reading, context.folder, opened, context.clock)
        try:
            yield ExportRun(
                **vars(planned), runner=files, limits=limits, report=report, began=began, discards_packages=True
            )
        finally:
            report.take_windows(files)
