"""The rows of `export_jobs`: records of jobs as Arrow, and the conditions of the rows that they replace."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

from salesnav_source.jobs.records import TRecord
from salesnav_source.schema import EXPORT_JOBS
from salesnav_source.warehouse.tables import arrow_table, literal, timestamp_literal, with_load_id


def as_table(records: Sequence[TRecord], load_id: str) -> pa.Table:
    """Returns records as rows of `export_jobs`."""
    rows = []
    for record in records:
        row = dict(record)
        for day in ("window_start", "window_end"):
            row[day] = datetime.fromisoformat(row[day]).date()
        for moment in ("created_at", "completed_at"):
            row[moment] = _moment(row[moment])
        rows.append(row)
    return with_load_id(arrow_table(EXPORT_JOBS, rows), load_id)


def same_rows(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns conditions of the rows of `export_jobs` that records replace.

    An earlier run may have written a row of a job that was still running. A row without a job may also exist already: the
    journal is older than the load that wrote it, because its store was out of reach or an older copy was restored.
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
