"""Remarks about the files of a run, beside their numbers."""

from collections.abc import Iterator

from salesnav_source.run.account import RunAccount
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.urns import in_words


def of_columns(report: RunAccount) -> Iterator[str]:
    """Yields remarks about columns that are new, gone or left out. Several contracts with the same change share a line."""
    contracts: dict[tuple[str, str], set[str]] = {}
    for one in report.columns_changed:
        contracts.setdefault((one.export, str(one)), set()).add(one.contract)
    for (export, changed), own in contracts.items():
        of = ", ".join(in_words(urn, report.names) for urn in sorted(own))
        yield f"The columns of {export} of {of} have changed: {changed}."
    if any(one.gone for one in report.columns_changed):
        yield (
            "A column that is gone has no values from now on. If it only has another name now, add that spelling to the column"
            " in schema.py, and load these days again by --full-refresh."
        )
    names: dict[str, set[str]] = {}
    for window in report.loaded:
        names.setdefault(window.export, set()).update(window.read.columns_left_out)
    for export, found in names.items():
        if found:
            yield (
                f"Columns of {export} were left out, because undocumented columns may have personal data:"
                f" {', '.join(sorted(found))}. keep_columns keeps them."
            )


def of_files(report: RunAccount) -> Iterator[str]:
    """Yields remarks about rows that repeat, have no date or could not be read."""
    results = [window.read for window in report.loaded]
    repeated = sum(result.rows_repeated for result in results)
    if repeated:
        yield f"{repeated:,} rows were in their file twice and were loaded once."
    uncounted = sum(one.job_id is not None and one.row_count is None for one in report.loaded)
    if uncounted:
        yield f"{uncounted:,} files came without a row count of LinkedIn's (uncounted); their own end was looked at."
    dated_freely = [one.read for one in report.loaded if not EXPORTS[one.export].strict_days]
    outside = sum(result.rows_outside + result.rows_undated for result in dated_freely)
    if outside:
        yield f"{outside:,} outcomes have no date, or one outside the days asked for; they are replaced by key."
    values = sum(result.values_rejected for result in results)
    if values:
        yield f"{values:,} values could not be read; their rows were loaded without them."
    if values or any(result.rows_rejected for result in results):
        yield "Rejected rows are in the table rejected_rows, with the reason."
    for window in report.loaded:
        if window.read.note:
            yield f"{window.in_words(report.names)}: {window.read.note}."
