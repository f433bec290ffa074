"""Work that needs the destination. It is retried if pipelines get in each other's way, and its errors are one sentence."""

from collections.abc import Callable
from typing import Any

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.helpers import retry_schema_update

from salesnav_source.exceptions import DestinationError, SalesnavError, causes, one_line
from salesnav_source.warehouse.races import made_the_same_folder, retrying


def run_on_destination(pipeline: dlt.Pipeline, work: Callable[[], Any]) -> None:
    """Does something that needs the destination.

    Args:
        pipeline: the pipeline.
        work: what to do.

    Raises:
        DestinationError: if the destination fails.
        SalesnavError: if the work fails with an error of this source.
    """
    may_retry = retry_schema_update()

    def is_race(error: BaseException) -> bool:
        return isinstance(error, PipelineStepFailed) and (may_retry(error) or made_the_same_folder(error))

    tries = 0

    def attempt() -> Any:
        nonlocal tries
        tries += 1
        # the extracted package waits in the working folder
        return work() if tries == 1 else pipeline.run()

    try:
        retrying(is_race)(attempt)
    except PipelineStepFailed as error:
        raise _plain(pipeline, error) from error


def _plain(pipeline: dlt.Pipeline, error: PipelineStepFailed) -> BaseException:
    """Returns the cause of a failed step of dlt: an error of this source, a stop, or an error of machine or destination."""
    for cause in causes(error):
        if isinstance(cause, (SalesnavError, KeyboardInterrupt)):
            return cause
    if error.step not in ("sync", "load"):
        for cause in causes(error):
            if isinstance(cause, OSError):
                return SalesnavError(
                    f"This machine failed to keep what was received, in {pipeline.working_dir}: {one_line(cause)}"
                )
        return error
    where = pipeline.destination.destination_description
    # a failed load job has the destination's own exception; the text of dlt's quotes the stack trace
    said = one_line(getattr(error.exception, "client_exception", error.exception))
    if error.step == "load":
        return DestinationError(f"{where} failed while loading: {said}", in_vain=False)
    return DestinationError(f"{where} cannot be used: {said}", in_vain=True)
