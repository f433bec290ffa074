"""The state of all windows of a run: their results, the records of their jobs, and how many are at which stage."""

from collections import Counter, defaultdict
from dataclasses import replace

from dlt.common import logger

from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.journal import Journal
from salesnav_source.jobs.records import job_record
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import EndedJob, JobStatus, Task, Transition

_DELAYED = "LinkedIn has no data for these days yet (data delay); the next run asks again"
_TOO_FAR_BACK = (
    "LinkedIn has no data of days so far back: it refuses a job for such a day, and creates jobs for newer days"
)


class Account:
    """The account of one run's windows. Records of jobs go into the journal."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Starts without a window."""
        self._journal = journal
        self._clock = clock
        self.planned: Counter[str] = Counter()
        """All windows so far, by export."""
        self.ended: Counter[str] = Counter()
        """Windows that have ended, by export."""
        self.stages: dict[str, Counter[str]] = defaultdict(Counter)
        """How many windows are at which stage, by export."""
        self.not_loaded: list[WindowResult] = []
        """Windows that are open, have failed or are not available."""

    def add(self, task: Task) -> None:
        """Counts a new window."""
        self.planned[task.export] += 1
        self.stages[task.export][_stage(task)] += 1

    def move(self, before: Task, after: Task) -> None:
        """Counts a window at its new stage."""
        stages = self.stages[before.export]
        stages[_stage(before)] -= 1
        if after.stage == "ended":
            self.ended[after.export] += 1
        else:
            stages[_stage(after)] += 1

    def note(self, step: Transition) -> None:
        """Notes the result of a window, and the end of a job."""
        task = step.task
        for window in step.open:
            self.not_loaded.append(WindowResult.open(task, window, _DELAYED))
        for window in step.not_available:
            self._note_not_available(replace(task, window=window, job=None))
        if task.outcome == "failed":
            logger.error(f"{task}: not loaded: {task.reason}")
            self.not_loaded.append(WindowResult.failed(task, task.reason or "unknown"))
        if step.ended_job is not None:
            self._record(step.ended_job)

    def _note_not_available(self, task: Task) -> None:
        logger.warning(f"{task}: not available: {_TOO_FAR_BACK}")
        self.not_loaded.append(WindowResult.not_available(task, task.window, _TOO_FAR_BACK))
        self._journal.keep_record(job_record(task, self._clock.epoch(), _TOO_FAR_BACK, JobStatus.NOT_AVAILABLE))

    def _record(self, ended: EndedJob) -> None:
        record = job_record(ended.task, self._clock.epoch(), error=ended.error)
        if ended.task.job is not None and not ended.still_running:
            self._journal.ended(ended.task.job.entry, record)
        else:
            self._journal.keep_record(record)


def _stage(task: Task) -> str:
    if task.tries:
        return "without an answer"
    if task.job is None:
        return "planned"
    return "downloading" if task.stage == "download" else task.job.status.lower()
