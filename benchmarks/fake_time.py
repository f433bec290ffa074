"""One export job on a time that passes by itself: how often it is asked for, and how late its end is noticed."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import dlt

from salesnav_source.run.sync import sync
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.settings.configuration import resolve_settings

CONTRACT = "urn:li:contract:1"
TODAY = date(2026, 3, 2)


class FakeTimer:
    """A time that jumps to where something is due whenever nothing else is to be done."""

    def __init__(self) -> None:
        self._now = datetime(TODAY.year, TODAY.month, TODAY.day, 6, tzinfo=timezone.utc).timestamp()

    def now(self) -> float:
        """Returns seconds that never go backwards."""
        return self._now

    def epoch(self) -> float:
        """Returns seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Lets the time pass."""
        self._now += seconds

    def wait(self, events: "SimpleQueue[Any]", seconds: float, busy: bool) -> Any | None:
        """Returns the next event, or lets the time pass if none is under way."""
        try:
            return events.get(timeout=60.0) if busy else events.get_nowait()
        except Empty:
            self._now += seconds
            return None


def run_one_job(seconds: float, folder: Path) -> dict[str, Any]:
    """Exports a day with default settings, in one job.

    Args:
        seconds: how long the job takes.
        folder: where to load.

    Returns:
        The calls by kind, and how many seconds after its end the job was noticed to have ended.
    """
    timer = FakeTimer()
    world = World(contracts=[ContractSpec(CONTRACT, "Benchmark", seats=1)], today=lambda: TODAY)
    with Sandbox(world, job_seconds=(seconds, seconds), clock=timer.epoch) as sandbox:
        day = (TODAY - timedelta(days=1)).isoformat()
        settings = resolve_settings(
            {
                "credentials": sandbox.access_token,
                "base_url": sandbox.base_url,
                "start_date": day,
                "end_date": day,
            }
        )
        pipeline = dlt.pipeline(
            "one_job",
            pipelines_dir=str(folder / "dlt"),
            destination=dlt.destinations.duckdb(str(folder / "one_job.duckdb")),
            dataset_name="salesnav",
        )
        sync(pipeline, settings, ("seats",), clock=timer)
        created = next(call.time for call in sandbox.requests if call.method == "POST")
        polls = [
            call.time for call in sandbox.requests if call.method == "GET" and "salesAnalyticsExportJobs/" in call.path
        ]
        return {
            "creates": sum(call.method == "POST" for call in sandbox.requests),
            "lists": sum("salesContracts" in call.path for call in sandbox.requests),
            "polls": len(polls),
            "late": max(polls) - created - seconds,
        }
