"""What a run did when, and how much memory the process had meanwhile."""

import contextlib
import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_PAGE = 4096


class Trace:
    """Notes, while it is entered, the process's memory, and when files are downloaded and read."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, int]] = []
        self._spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._stop = threading.Event()
        self._stack = contextlib.ExitStack()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._began = time.time()

    def __enter__(self) -> "Trace":
        from salesnav_source.jobs import fetch
        from salesnav_source.linkedin.client import Client

        self._watch(Client, "download", "download")
        self._watch(fetch, "read_export", "read and type")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._stack.close()

    def stages(self, pipeline: Any) -> list[dict[str, Any]]:
        """Tells of each stage when it was, and how much memory the process had at most meanwhile.

        Args:
            pipeline: the pipeline that has run.
        """
        spans = {name: list(times) for name, times in self._spans.items()}
        for name, span in _steps_of(pipeline):
            spans.setdefault(name, []).append(span)
        stages = []
        for name, times in spans.items():
            peaks = [size for moment, size in self._samples for start, end in times if start <= moment <= end]
            stages.append(
                {
                    "stage": name,
                    "seconds": sum(end - start for start, end in times),
                    "from": min(start for start, _ in times) - self._began,
                    "to": max(end for _, end in times) - self._began,
                    "peak_mb": max(peaks, default=0) / 2**20,
                }
            )
        return sorted(stages, key=lambda stage: (stage["from"], -stage["to"]))

    def _watch(self, owner: Any, attribute: str, stage: str) -> None:
        function: Callable[..., Any] | None = getattr(owner, attribute, None)
        if function is None:
            return

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            start = time.time()
            try:
                return function(*args, **kwargs)
            finally:
                self._spans[stage].append((start, time.time()))

        setattr(owner, attribute, watched)
        self._stack.callback(setattr, owner, attribute, function)

    def _sample(self) -> None:
        statm = Path("/proc/self/statm")
        while not self._stop.wait(0.01):
            self._samples.append((time.time(), int(statm.read_text().split()[1]) * _PAGE))


def _steps_of(pipeline: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yields the steps of a pipeline's last run, and the jobs of its load for the table `activities`."""
    trace = pipeline.last_trace
    for step in trace.steps if trace else ():
        if step.step not in ("extract", "normalize", "load") or step.finished_at is None:
            continue
        yield f"dlt {step.step}", (step.started_at.timestamp(), step.finished_at.timestamp())
        if step.step != "load" or step.step_info is None:
            continue
        for metrics in step.step_info.metrics.values():
            for package in metrics:
                for job in package["job_metrics"].values():
                    if job.table_name == "activities" and job.finished_at:
                        kind = "merge" if job.file_path.endswith((".sql", ".reference")) else "copy"
                        yield f"load: {kind}", (job.started_at.timestamp(), job.finished_at.timestamp())
