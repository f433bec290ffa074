"""A user's own `pipeline.run(salesnav())`: one load, from the plan to its claims."""

from salesnav_source.jobs.clock import Clock
from salesnav_source.run.context import plan_run, started
from salesnav_source.run.extraction import Extraction
from salesnav_source.run.load import TItems, load_items
from salesnav_source.run.prepare import Mode, Wishes, prepare
from salesnav_source.run.result import RunReport
from salesnav_source.settings.configuration import Settings
from salesnav_source.warehouse import dlt_compat


def run_alone(settings: Settings, clock: Clock | None = None) -> TItems:
    """Runs the exports that dlt extracts now, in one load.

    The pipeline's lock is held until dlt has loaded what is extracted.

    Raises:
        PipelineBusyError: if another run of the pipeline is at work.
        ConfigurationError: if the destination cannot replace days, a package waits to be loaded, or a user's hint cannot be
            followed.
    """
    pipeline = dlt_compat.active_pipeline() if dlt_compat.is_extracting() else None
    extraction = Extraction.current(pipeline)
    if pipeline is not None:
        extraction.check()
    with prepare(pipeline, Mode.BARE, Wishes.of(settings), clock, extraction) as context:
        planned = plan_run(context, settings, extraction.exports)
        report = RunReport()
        report.take_plan(planned.plan)
        with started(planned, report) as run:
            yield from load_items(run, extraction, context.ledger)
