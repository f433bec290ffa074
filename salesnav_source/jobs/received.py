"""What a run knows of the place that its windows come from."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from salesnav_source.jobs.fetch import OpenLoad
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import Task
from salesnav_source.settings.configuration import TIntervalEnd


class Windows(Protocol):
    """What brings the windows of a run: a runner of jobs, or files that were handed over."""

    jobs_created: int

    @property
    def planned(self) -> Mapping[str, int]:
        """Windows there are in all so far, by export."""

    @property
    def ended(self) -> Mapping[str, int]:
        """Windows that have ended, by export."""

    @property
    def not_loaded(self) -> Sequence[WindowResult]:
        """Windows that bring nothing."""

    @property
    def notes(self) -> list[str]:
        """What the user should know of how the windows came."""

    @property
    def interval_end(self) -> TIntervalEnd | None:
        """The form of `endAt` in which a job was created, None if none was."""

    @property
    def finished(self) -> bool:
        """True if nothing more will come."""

    @property
    def drained(self) -> bool:
        """True if no file waits to be taken or is being read."""

    def open_load(self, load: OpenLoad) -> None:
        """Lets files be read for a load from now on, which then has to take them."""

    def close_load(self) -> None:
        """Lets no more files be read until another load is opened; those that are being read still come."""

    def take(self, patience: float = 0.0) -> Task | None:
        """Returns the next received window, None if none comes within some seconds."""

    def describe(self, export: str) -> str:
        """Says how many windows of an export are at which stage."""
