"""The calls of LinkedIn's API for a task: create its job, after an entry in the journal, and poll it."""

from salesnav_source.exceptions import ApiError, JournalUnreachableError, RequestRefusedError
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.journal import Journal
from salesnav_source.jobs.refusals import Forms
from salesnav_source.jobs.task import Created, Polled, Refused, Task
from salesnav_source.linkedin.client import Client
from salesnav_source.schema import EXPORTS


class Calls:
    """Makes the calls of tasks, on any thread."""

    def __init__(self, client: Client, journal: Journal, clock: Clock, forms: Forms) -> None:
        """Makes no call yet.

        Args:
            client: LinkedIn's API.
            journal: where jobs in flight are noted.
            clock: the time.
            forms: the form of `endAt`.
        """
        self._client = client
        self._journal = journal
        self._clock = clock
        self._forms = forms

    def make(self, task: Task) -> Created | Refused | Polled:
        """Creates the job of a task, or polls it.

        Raises:
            SalesnavError: if the call fails, or the journal cannot be written.
        """
        if task.job is None:
            return self._create(task)
        return Polled(self._client.job(task.job.id, task.contract))

    def _create(self, task: Task) -> Created | Refused:
        created_at = self._clock.epoch()
        entry = self._journal.ask(task.contract, task.export, task.window, created_at)
        form = self._forms.current
        try:
            job = self._client.create_job(EXPORTS[task.export].action, task.contract, task.window, form)
        except (ApiError, JournalUnreachableError) as error:
            self._journal.forget([entry])
            if isinstance(error, RequestRefusedError) and error.status == 400:
                return Refused(error, form)
            raise
        self._journal.created(entry, job.id)
        return Created(job, entry, created_at, form)
