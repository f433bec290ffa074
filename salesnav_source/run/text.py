"""The report of a plan and of a run for a person, as text that fits a terminal."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from salesnav_source.days.windows import Days, Window
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import JobAttempt
from salesnav_source.run.account import RunAccount
from salesnav_source.run.layout import fitted, wrapped
from salesnav_source.run.planning import Plan
from salesnav_source.run.remarks import of_files
from salesnav_source.settings.urns import in_words

INCOMPLETE_HEADING = "Incomplete: a new run asks for what is missing."
INCOMPLETE_IMPORT = "Incomplete: see to the files that are named, and import again; what is loaded stays."

CALLS_PER_JOB = 3
"""At least: one to create the job, one to poll it, one to download its file."""


def render_plan(plan: Plan, width: int | None = None) -> str:
    """Returns what a run would ask for.

    Args:
        plan: the plan.
        width: most characters of a line; no limit if None.
    """
    lines = []
    if plan.tasks:
        rows = [
            (in_words(one.contract, plan.names), one.export, str(one.window), str(one.window.days), _job(one.job))
            for one in plan.tasks
        ]
        lines += fitted(("contract", "export", "days asked for", "days", "job"), rows, width)
        adopted = len(plan.tasks) - plan.new_jobs
        calls = CALLS_PER_JOB * plan.new_jobs + (CALLS_PER_JOB - 1) * adopted + 1
        lines.append("")
        lines.append(
            f"{len(plan.tasks)} windows, {plan.new_jobs} jobs to create, at least {calls} calls in all: 1 for the"
            f" contracts, and per job 1 to create it, 1 or more to ask how it is doing, 1 to download."
        )
    elif not plan.out_of_reach:
        lines.append("Nothing to ask for: every day wanted is loaded. A run makes 1 call, for the contracts.")
    lines += _not_loaded(plan.out_of_reach, plan.names)
    lines.append("No job was created. The contracts were asked for (1 call).")
    return wrapped(lines, width)


def render_import_plan(report: RunAccount, width: int | None = None) -> str:
    """Returns what an import would load.

    Args:
        report: of an import that only plans.
        width: how long lines may be; as long as they are if None.
    """
    lines = []
    rows = [
        (in_words(task.contract, report.names), task.export, str(task.days), f"{len(task.days):,}", task.handed.name)
        for task in report.dry_run
        if task.handed is not None
    ]
    if rows:
        lines += [*fitted(("contract", "export", "days to load", "days", "file"), rows, width), ""]
    lines += _of_handed(report)
    lines += _not_loaded(report.not_loaded, report.names)
    lines += report.notes
    lines.append("Nothing was changed.")
    return wrapped(lines, width)


def render(report: RunAccount, width: int | None = None) -> str:
    """Returns what a run has loaded, what it has not, and what comes next.

    Args:
        report: what it has done.
        width: most characters of a line; no limit if None.
    """
    lines = [f"Sales Navigator to {report.destination}, dataset {report.dataset}", ""]
    rows = _rows(report)
    if rows:
        lines += fitted(_HEADS, rows, width)
        lines.append("")
    if report.files_given is not None:
        lines += _of_handed(report)
    else:
        if report.planned and not report.tasks and not report.not_loaded:
            lines.append("Nothing to ask for: every day wanted is loaded.")
        lines.append(f"{report.jobs_created} export jobs created.")
    lines += of_files(report)
    lines += _not_loaded(report.not_loaded, report.names)
    lines += report.notes
    lines.append(
        (INCOMPLETE_IMPORT if report.files_given is not None else INCOMPLETE_HEADING)
        if report.exit_code
        else "Complete, except for the open days, which the next run asks for again."
        if report.open
        else "Complete, except for days that LinkedIn does not export."
        if report.not_loaded
        else "Complete."
    )
    return wrapped(lines, width)


_HEADS = ("contract", "export", "days loaded by now", "days read", "rows", "rejected", "files", "open", "failed")


def _rows(report: RunAccount) -> list[tuple[str, ...]]:
    """Returns a row for each export of each contract."""
    loaded: dict[tuple[str, str], list[WindowResult]] = defaultdict(list)
    for one in report.loaded:
        loaded[one.export, one.contract].append(one)
    keys = sorted(
        {*report.coverage, *loaded, *((w.export, w.contract) for w in report.not_loaded)},
        key=lambda key: (key[1], key[0]),
    )
    rows: list[tuple[str, ...]] = []
    for export, contract in keys:
        windows = loaded.get((export, contract), [])
        coverage = report.coverage.get((export, contract))
        not_loaded = [w for w in report.not_loaded if (w.export, w.contract) == (export, contract)]
        rows.append(
            (
                in_words(contract, report.names),
                export,
                str(coverage.loaded) if coverage else "none",
                f"{sum(one.window.days for one in windows):,}",
                f"{sum(one.rows for one in windows):,}",
                f"{sum(one.rows_rejected for one in windows):,}",
                f"{len(windows):,}",
                _days(w for w in not_loaded if w.outcome == "open"),
                _days(w for w in not_loaded if w.outcome == "failed"),
            )
        )
    return rows


def _not_loaded(windows: Sequence[WindowResult], names: Mapping[str, str]) -> list[str]:
    """Returns lines about days that are not loaded: one for each reason why days are open, and one for each failure."""
    lines = []
    for outcome, heading in (("open", "Open:"), ("not_available", "Not available:")):
        found: dict[tuple[str, str, str], list[Window]] = defaultdict(list)
        for one in windows:
            if one.outcome == outcome:
                found[one.contract, one.export, one.reason].append(one.window)
        if found:
            own = [
                f"  {export} of {in_words(urn, names)}, {Days.of(days)}: {why}"
                for (urn, export, why), days in sorted(found.items())
            ]
            lines += [heading, *own, ""]
    failed = {(w.contract, w.export, w.window, w.reason): w for w in windows if w.outcome == "failed"}
    if failed:
        lines += ["Failed:", *(f"  {one.in_words(names)}: {one.reason}" for _, one in sorted(failed.items())), ""]
    return lines


_STATES = (
    ("loaded_before", "loaded before"),
    ("repeated", "the same as another"),
    ("without_rows", "without rows"),
)


def _of_handed(report: RunAccount) -> list[str]:
    """Returns what became of the files that were handed over: how many of each kind, and a line for each that failed."""
    brought = len(report.dry_run or report.loaded)
    counts = [f"{brought:,} {'to load' if report.dry_run else 'loaded'}"]
    for state, words in _STATES:
        count = sum(one.state == state for one in report.files)
        counts += [f"{count:,} {words}"] if count else []
    failed = [one for one in report.files if one.state == "failed"]
    not_loaded = len(failed) + len({one.file for one in report.failed})
    counts += [f"{not_loaded:,} not loaded"] if not_loaded else []
    files = "1 file" if report.files_given == 1 else f"{report.files_given:,} files"
    lines = [f"{files}: {', '.join(counts)}."]
    if not report.dry_run and any(one.state == "loaded_before" for one in report.files):
        lines.append("Days that are loaded stay as they are; --full-refresh replaces them.")
    if failed:
        lines += [
            "",
            "Files that are not loaded:",
            *(f"  {one.in_words(report.names)}: {one.reason}." for one in failed),
            "",
        ]
    return lines


def _days(windows: Iterable[WindowResult]) -> str:
    days = Days.of(window.window for window in windows)
    return f"{len(days):,}" if days else "-"


def _job(job: JobAttempt | None) -> str:
    return "new" if job is None else f"{job.id}, in flight"
