"""The rows of `export_jobs`: one for each job that has ended, or that this run has given up waiting for."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

from salesnav_source.jobs.machine import JobStatus, Task
from salesnav_source.schema import EXPORT_JOBS
from salesnav_source.tables import arrow_table, literal, timestamp_literal

TRecord = dict[str, Any]
"""A row of `export_jobs` that can be written as JSON: times in seconds since the epoch, days as ISO text."""


def job_record(task: Task, now: float, error: str | None = None) -> TRecord:
    """Returns the row for the job of a task.

    Args:
        task: the task as it was with that job.
        now: seconds since the epoch.
        error: why the job brought nothing.
    """
    result = task.file.result if task.file else None
    job = task.job
    uncounted = result is not None and job is not None and job.row_count is None
    erased = result.rows_erased if result else 0
    notes = [
        "uncounted: LinkedIn gave no row count" if uncounted else None,
        f"{erased:,} rows of erased seats left out" if erased else None,
        result.note if result else None,
    ]
    return {
        "job_id": job.id if job else None,
        "contract": task.contract,
        "export": task.export,
        "window_start": str(task.window.first),
        "window_end": str(task.window.last),
        "status": job.status if job else JobStatus.NOT_CREATED.value,
        "row_count": job.row_count if job else None,
        "rows_loaded": result.rows_loaded if result else 0,
        "rows_rejected": result.rows_rejected if result else 0,
        "values_rejected": result.values_rejected if result else 0,
        "rows_repeated": result.rows_repeated if result else 0,
        "bytes": task.file.bytes if task.file else None,
        "attempts": max(task.jobs, 1),
        "created_at": job.created_at if job else None,
        "completed_at": now,
        "error": error,
        "note": "; ".join(filter(None, notes)) or None,
    }


def as_table(records: Sequence[TRecord]) -> pa.Table:
    """Returns records as rows of `export_jobs`."""
    rows = []
    for record in records:
        row = dict(record)
        for day in ("window_start", "window_end"):
            row[day] = datetime.fromisoformat(row[day]).date()
        for moment in ("created_at", "completed_at"):
            row[moment] = _moment(row[moment])
        rows.append(row)
    return arrow_table(EXPORT_JOBS, rows)


def same_rows(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns conditions of the rows of `export_jobs` that records replace.

    Rows of a job may have been written when it was still running. A row without a job is there already if the journal is
    older than the load that brought it: its store was out of reach meanwhile, or an older copy was put back.
    """
    return [_same_job(record) if record["job_id"] is not None else _same_record(record) for record in records]


def _same_job(record: Mapping[str, Any]) -> str:
    return (
        f"(job_id = {int(record['job_id'])} AND contract = {literal(record['contract'])}"
        f" AND created_at = {timestamp_literal(_moment(record['created_at']))})"
    )


def _same_record(record: Mapping[str, Any]) -> str:
    return (
        f"(job_id IS NULL AND contract = {literal(record['contract'])} AND export = {literal(record['export'])}"
        f" AND window_start = {literal(record['window_start'])}"
        f" AND completed_at = {timestamp_literal(_moment(record['completed_at']))})"
    )


def _moment(seconds: float | None) -> Any:
    if seconds is None:
        return None
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=round(seconds * 1_000_000))
