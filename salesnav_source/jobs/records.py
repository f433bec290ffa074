"""Records of jobs: one for each job that has ended, or that this run no longer waits for."""

from typing import Any

from salesnav_source.jobs.task import JobStatus, Task

TRecord = dict[str, Any]
"""A row of `export_jobs` that can be written as JSON: times in seconds since the epoch, days as ISO text."""


def job_record(
    task: Task, now: float, error: str | None = None, without_job: JobStatus = JobStatus.NOT_CREATED
) -> TRecord:
    """Returns the row for the job of a task, or for the file that was handed over in its place.

    Args:
        task: the task as it was with that job.
        now: seconds since the epoch.
        error: why the job brought no rows.
        without_job: the status if there is no job.
    """
    result = task.file.result if task.file else None
    job = task.job
    uncounted = result is not None and job is not None and job.row_count is None
    erased = result.rows_erased if result else 0
    others = result.rows_of_other_days if result else 0
    notes = [
        task.handed.note if task.handed else None,
        "uncounted: LinkedIn gave no row count" if uncounted else None,
        f"{erased:,} rows of erased seats left out" if erased else None,
        f"{others:,} rows of days that are loaded already left out" if others else None,
        result.note if result else None,
    ]
    return {
        "job_id": job.id if job else None,
        "contract": task.contract,
        "export": task.export,
        "window_start": str(task.window.first),
        "window_end": str(task.window.last),
        "status": job.status if job else JobStatus.IMPORTED.value if task.handed else without_job.value,
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
