"""What a run has done, for machines: the file that `--report-json` writes, also when the run fails.

Its form is declared in docs/report.schema.json. `version` changes when a consumer would have to.
"""

import json
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dlt

from salesnav_source import __version__
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.files import replace_file
from salesnav_source.jobs.runner import WindowReport
from salesnav_source.loading import Report
from salesnav_source.planning import Plan
from salesnav_source.session import Session
from salesnav_source.windows import Window

VERSION = 1

_RESULTS = {0: "complete", 2: "refused", 3: "incomplete"}


def check_writable(path: Path) -> None:
    """Makes sure, before a job is made, that a report can be written.

    Raises:
        ConfigurationError: if it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if path.stat().st_size == 0:
            path.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"--report-json {path}: it cannot be written: {error.strerror}. Name a file in a folder that can be written to."
        ) from None


class RunRecord:
    """What becomes known of a run, from its start on."""

    def __init__(self, pipeline_name: str) -> None:
        """Starts the clock.

        Args:
            pipeline_name: name of the pipeline, as far as it is known yet.
        """
        self._began = time.monotonic()
        self._began_at = datetime.now(timezone.utc)
        self._pipeline = pipeline_name
        self._destination: str | None = None
        self._dataset: str | None = None
        self.loads = False
        """Whether loading has begun."""
        self.planned: Plan | None = None
        self.session: Session | None = None
        self.report: Report | None = None

    def into(self, pipeline: dlt.Pipeline) -> None:
        """Notes where the run loads."""
        self._pipeline = pipeline.pipeline_name
        self._destination = pipeline.destination.destination_name if pipeline.destination else None
        self._dataset = pipeline.dataset_name

    def write(self, path: Path, exit_code: int, message: str | None) -> None:
        """Writes the file.

        Args:
            path: where.
            exit_code: of the run.
            message: what was said of its end, if anything.

        Raises:
            OSError: if it cannot be written.
        """
        text = json.dumps(self.as_dict(exit_code, message), indent=2, ensure_ascii=False)
        replace_file(path, f"{text}\n".encode())

    def as_dict(self, exit_code: int, message: str | None) -> dict[str, Any]:
        """Returns the report as JSON-able values."""
        windows = [*self._loaded(), *self._not_loaded(), *self._planned()]
        loaded = [one for one in windows if one["outcome"] == "loaded"]
        runner = self.session.runner if self.session else None
        return {
            "version": VERSION,
            "salesnav_source": __version__,
            "pipeline": self._pipeline,
            "destination": self._destination,
            "dataset": self._dataset,
            "started_at": self._began_at.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self._began, 1),
            "exit_code": exit_code,
            "result": "stopped" if exit_code > 128 else _RESULTS.get(exit_code, "incomplete"),
            "message": message,
            "jobs_created": runner.jobs_created if runner else 0,
            "windows_loaded": len(loaded),
            "windows_open": sum(one["outcome"] == "open" for one in windows),
            "windows_failed": sum(one["outcome"] == "failed" for one in windows),
            "rows_loaded": sum(one["rows_loaded"] for one in loaded),
            "rows_rejected": sum(one["rows_rejected"] for one in loaded),
            "values_rejected": sum(one["values_rejected"] for one in loaded),
            "windows": windows,
            "columns_changed": list(self._columns_changed()),
            "notes": list(self.report.notes) if self.report else [],
        }

    def _loaded(self) -> Iterable[dict[str, Any]]:
        committed = {commit.load_id for commit in self.session.committed} if self.session else set()
        for one in self.session.loaded if self.session else ():
            window = (one.contract, one.export, one.window)
            if one.load_id in committed:
                yield {
                    **_window(*window, "loaded"),
                    "job_id": one.job_id,
                    "rows_loaded": one.rows,
                    "rows_rejected": one.rows_rejected,
                    "values_rejected": one.values_rejected,
                }
            else:
                yield {**_window(*window, "failed"), "reason": "the run ended before it was known to be loaded"}

    def _columns_changed(self) -> Iterable[dict[str, Any]]:
        for task, changed in self.session.changed_columns if self.session else ():
            yield {
                "contract": task.contract,
                "export": task.export,
                "first": str(task.window.first),
                "last": str(task.window.last),
                "new": list(changed.come),
                "gone": list(changed.gone),
            }

    def _not_loaded(self) -> Iterable[dict[str, Any]]:
        reports: Iterable[WindowReport] = self.session.not_loaded if self.session else ()
        if self.planned is not None:
            reports = self.planned.out_of_reach
        for one in reports:
            yield {**_window(one.contract, one.export, one.window, one.kind), "reason": one.reason}

    def _planned(self) -> Iterable[dict[str, Any]]:
        for task in self.planned.tasks if self.planned else ():
            job = {"job_id": task.job.id} if task.job else {}
            yield {**_window(task.contract, task.export, task.window, "planned"), **job}


def _window(contract: str, export: str, window: Window, outcome: str) -> dict[str, Any]:
    return {
        "contract": contract,
        "export": export,
        "first": str(window.first),
        "last": str(window.last),
        "days": window.days,
        "outcome": outcome,
    }
