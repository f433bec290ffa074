"""The report of a run for machines: the file that `--report-json` writes, also if the run fails.

Its form is declared in docs/report.schema.json. `version` changes if consumers must change.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from salesnav_source.days.windows import Window
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import Task
from salesnav_source.run.result import RunReport
from salesnav_source.settings.files import replace_file
from salesnav_source.settings.names import RELEASE
from salesnav_source.settings.redaction import printable_json

VERSION = 1

_RESULTS = {0: "complete", 2: "refused", 3: "incomplete"}


def check_writable(path: Path, option: str = "--report-json") -> None:
    """Makes sure, before anything is done, that the file of an option can be written.

    Raises:
        ConfigurationError: if it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        with path.open("ab"):
            pass
        if is_new:
            # of a link, what it leads to
            Path(os.path.realpath(path)).unlink()
    except OSError as error:
        raise ConfigurationError(
            f"{option} {path} cannot be written: {error.strerror}. Name a file in a folder that you can write to."
        ) from None


def write_record(path: Path, report: RunReport, exit_code: int, message: str | None) -> None:
    """Writes the file.

    Args:
        path: of the file.
        report: what the run has done.
        exit_code: of the run.
        message: the last message to the user, if any.

    Raises:
        OSError: if it cannot be written.
    """
    text = json.dumps(as_record(report, exit_code, message), indent=2, ensure_ascii=False)
    replace_file(path, f"{text}\n".encode("utf-8", "replace"))


def as_record(report: RunReport, exit_code: int, message: str | None) -> dict[str, Any]:
    """Returns the report as JSON-able values."""
    windows = [*_loaded(report), *map(_not_loaded, report.not_loaded), *map(_planned, report.dry_run)]
    loaded = [one for one in windows if one["outcome"] == "loaded"]
    record = {
        "version": VERSION,
        "salesnav_source": RELEASE,
        "pipeline": report.pipeline,
        "destination": report.destination_name,
        "dataset": report.dataset or None,
        "started_at": report.began_at.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(timezone.utc) - report.began_at).total_seconds(), 1),
        "exit_code": exit_code,
        "result": "stopped" if exit_code > 128 else _RESULTS.get(exit_code, "incomplete"),
        "message": message,
        "jobs_created": report.jobs_created,
        "windows_loaded": len(loaded),
        "windows_open": sum(one["outcome"] == "open" for one in windows),
        "windows_failed": sum(one["outcome"] == "failed" for one in windows),
        "windows_not_available": sum(one["outcome"] == "not_available" for one in windows),
        "rows_loaded": sum(one["rows_loaded"] for one in loaded),
        "rows_rejected": sum(one["rows_rejected"] for one in loaded),
        "values_rejected": sum(one["values_rejected"] for one in loaded),
        "windows": windows,
        "columns_changed": [
            {
                "contract": one.contract,
                "export": one.export,
                "first": str(one.window.first),
                "last": str(one.window.last),
                "new": list(one.come),
                "gone": list(one.gone),
            }
            for one in report.columns_changed
        ],
        "files": [
            {
                "file": one.file,
                "contract": one.contract,
                "export": one.export,
                "state": one.state,
                "first": str(one.window.first) if one.window else None,
                "last": str(one.window.last) if one.window else None,
                "reason": one.reason,
            }
            for one in report.files
        ],
        "notes": list(report.notes),
    }
    cleaned: dict[str, Any] = printable_json(record)
    return cleaned


def _loaded(report: RunReport) -> Iterator[dict[str, Any]]:
    committed = {commit.load_id for commit in report.commits}
    for one in report.loaded:
        window = (one.contract, one.export, one.window)
        if one.load_id in committed:
            yield {
                **_window(*window, "loaded"),
                "job_id": one.job_id,
                **_file(one.file),
                "rows_loaded": one.rows,
                "rows_rejected": one.rows_rejected,
                "values_rejected": one.values_rejected,
            }
        else:
            yield {**_window(*window, "failed"), "reason": "the run ended before it was known to be loaded"}


def _not_loaded(one: WindowResult) -> dict[str, Any]:
    return {**_window(one.contract, one.export, one.window, one.outcome), **_file(one.file), "reason": one.reason}


def _planned(task: Task) -> dict[str, Any]:
    job = {"job_id": task.job.id} if task.job else {}
    return {
        **_window(task.contract, task.export, task.window, "planned"),
        **job,
        **_file(task.handed.name if task.handed else None),
    }


def _file(name: str | None) -> dict[str, Any]:
    return {"file": name} if name is not None else {}


def _window(contract: str, export: str, window: Window, outcome: str) -> dict[str, Any]:
    return {
        "contract": contract,
        "export": export,
        "first": str(window.first),
        "last": str(window.last),
        "days": window.days,
        "outcome": outcome,
    }
