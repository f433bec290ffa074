"""What a person is told of a plan and of a run, as text that fits a terminal."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from salesnav_source.jobs.machine import JobAttempt
from salesnav_source.jobs.runner import WindowReport
from salesnav_source.planning import Plan
from salesnav_source.session import LoadedWindow
from salesnav_source.windows import Days, Window

if TYPE_CHECKING:
    from salesnav_source.loading import Report

CALLS_PER_JOB = 3
"""At least: one to create the job, one to ask for it, one to download its file."""


def render_plan(plan: Plan, width: int | None = None) -> str:
    """Returns what a run would ask for.

    Args:
        plan: the plan.
        width: how long lines may be; as long as they are if None.
    """
    lines = []
    if plan.tasks:
        rows = [
            (task.contract, task.export, str(task.window), str(task.window.days), _job(task.job)) for task in plan.tasks
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
    lines += _not_loaded(plan.out_of_reach)
    lines.append("No job was created. The contracts were asked for (1 call).")
    return wrapped(lines, width)


def render(report: "Report", width: int | None = None) -> str:
    """Returns what a run has loaded, what it has not, and what comes next.

    Args:
        report: what it has done.
        width: how long lines may be; as long as they are if None.
    """
    lines = [f"Sales Navigator to {report.destination}, dataset {report.dataset}", ""]
    rows = _rows(report)
    if rows:
        lines += fitted(_HEADS, rows, width)
        lines.append("")
    if report.plan is not None and not report.plan.tasks and not report.not_loaded:
        lines.append("Nothing to ask for: every day wanted is loaded.")
    lines.append(f"{report.jobs_created} export jobs created.")
    lines += _remarks(report)
    lines += _not_loaded(report.not_loaded)
    lines += report.notes
    lines.append(
        "Incomplete: a new run asks for what is missing."
        if report.failed
        else "Complete, but for the open days, which the next run asks for again."
        if report.not_loaded
        else "Complete."
    )
    return wrapped(lines, width)


_HEADS = ("contract", "export", "days loaded by now", "days read", "rows", "rejected", "files", "open", "failed")


def _rows(report: "Report") -> list[tuple[str, ...]]:
    """Returns a row for each export of each contract."""
    loaded = _grouped(report.loaded)
    keys = sorted(
        {*report.coverage, *loaded, *((w.export, w.contract) for w in report.not_loaded)},
        key=lambda key: (key[1], key[0]),
    )
    rows: list[tuple[str, ...]] = []
    for export, contract in keys:
        windows = loaded.get((export, contract), [])
        results = [window.task.file.result for window in windows if window.task.file]
        coverage = report.coverage.get((export, contract))
        not_loaded = [w for w in report.not_loaded if (w.export, w.contract) == (export, contract)]
        rows.append(
            (
                contract,
                export,
                str(coverage.loaded) if coverage else "none",
                f"{sum(window.task.window.days for window in windows):,}",
                f"{sum(result.rows_loaded for result in results):,}",
                f"{sum(result.rows_rejected for result in results):,}",
                f"{len(windows):,}",
                _days(w for w in not_loaded if w.kind == "open"),
                _days(w for w in not_loaded if w.kind == "failed"),
            )
        )
    return rows


def _remarks(report: "Report") -> list[str]:
    """Returns what is worth knowing of the files."""
    lines = []
    results = [window.task.file.result for window in report.loaded if window.task.file]
    repeated = sum(result.rows_repeated for result in results)
    if repeated:
        lines.append(f"{repeated:,} rows came twice in their file and were loaded once.")
    uncounted = sum(w.task.job is not None and w.task.job.row_count is None for w in report.loaded)
    if uncounted:
        lines.append(
            f"{uncounted:,} files came without a row count of LinkedIn's (uncounted); their own end was looked at."
        )
    outside = sum(result.rows_outside + result.rows_undated for result in results)
    if outside:
        lines.append(f"{outside:,} outcomes bear no date, or one outside the days asked for; they are replaced by key.")
    values = sum(result.values_rejected for result in results)
    if values:
        lines.append(f"{values:,} values could not be read; their rows were loaded without them.")
    if values or any(result.rows_rejected for result in results):
        lines.append("Rejected rows are in the table rejected_rows, whole and with the reason.")
    for window in report.loaded:
        if window.task.file and window.task.file.result.note:
            lines.append(f"{window.task}: {window.task.file.result.note}.")
    return lines


def _grouped(windows: Iterable[LoadedWindow]) -> dict[tuple[str, str], list[LoadedWindow]]:
    grouped: dict[tuple[str, str], list[LoadedWindow]] = defaultdict(list)
    for window in windows:
        grouped[window.task.export, window.task.contract].append(window)
    return grouped


def _not_loaded(windows: Sequence[WindowReport]) -> list[str]:
    """Returns the windows that are open, those of a contract's export and reason in one line, and each one that has failed."""
    opened: dict[tuple[str, str, str], list[Window]] = defaultdict(list)
    for one in windows:
        if one.kind == "open":
            opened[one.contract, one.export, one.reason].append(one.window)
    lines = []
    if opened:
        told = [f"  {export} of {urn}, {Days.of(own)}: {why}" for (urn, export, why), own in sorted(opened.items())]
        lines += ["Open:", *told, ""]
    failed = sorted({w for w in windows if w.kind == "failed"}, key=lambda w: (w.contract, w.export, w.window))
    if failed:
        lines += ["Failed:", *(f"  {w.export} of {w.contract}, {w.window}: {w.reason}" for w in failed), ""]
    return lines


def _days(windows: Iterable[WindowReport]) -> str:
    days = Days.of(window.window for window in windows)
    return f"{len(days):,}" if days else "-"


def _job(job: JobAttempt | None) -> str:
    return "new" if job is None else f"{job.id}, in flight"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a table; columns of numbers are set to the right."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    number = [all(_is_number(row[i]) for row in rows) for i in range(len(heads))]
    lines = []
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, number)]
        lines.append("  ".join(cells).rstrip())
    return lines


def fitted(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Returns the lines of a table whose first column is the contract, in the first form that fits.

    Where it does not fit, contracts become headings, columns in which nothing stands are left out, and long cells are broken.

    Args:
        heads: of the columns.
        rows: the cells; "-" and "0" say that there is nothing.
        width: how long lines may be; as long as they are if None.
    """
    lines = table(heads, rows)
    if _fits(lines, width):
        return lines
    assert width is not None
    full = [i for i in range(1, len(heads)) if any(row[i] not in ("-", "0") for row in rows)]
    columns = list(range(1, len(heads)))
    for chosen in (columns, full, [i for i in full if heads[i] != "files"]):
        own = [heads[i] for i in chosen]
        body = [[row[i] for i in chosen] for row in rows]
        lines = _by_contract(own, body, [row[0] for row in rows])
        if _fits(lines, width):
            return lines
    longest = max(range(len(own)), key=lambda i: max(len(row[i]) for row in body))
    room = width - max(map(len, lines)) + max(len(row[longest]) for row in body)
    broken, contracts = [], []
    for row, contract in zip(body, (row[0] for row in rows)):
        parts = textwrap.wrap(row[longest], max(room, 13)) or [""]
        for number, part in enumerate(parts):
            cells = row if number == 0 else [""] * len(row)
            broken.append([*cells[:longest], part, *cells[longest + 1 :]])
            contracts.append(contract)
    return _by_contract(own, broken, contracts)


def _by_contract(heads: Sequence[str], rows: Sequence[Sequence[str]], contracts: Sequence[str]) -> list[str]:
    head, rule, *body = table(heads, rows)
    lines = [head, rule]
    for number, (contract, line) in enumerate(zip(contracts, body)):
        if number == 0 or contract != contracts[number - 1]:
            lines.append(contract)
        lines.append(line)
    return lines


def _fits(lines: Sequence[str], width: int | None) -> bool:
    return width is None or max(map(len, lines)) <= width


def wrapped(lines: Iterable[str], width: int | None) -> str:
    """Returns lines as text, those that are too long broken between words."""
    if width is None:
        return "\n".join(lines)
    told: list[str] = []
    for line in lines:
        inset = " " * (len(line) - len(line.lstrip()) + 2 * line.startswith("  "))
        told += [line] if len(line) <= width else textwrap.wrap(line, width, subsequent_indent=inset)
    return "\n".join(told)


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdigit() or cell in ("-", "")
