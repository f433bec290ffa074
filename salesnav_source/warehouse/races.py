"""What fails because another pipeline, or another thread, does the same at the same moment, and is therefore tried again."""

from collections.abc import Callable

from dlt.destinations.exceptions import DestinationConnectionError
from dlt.pipeline.exceptions import PipelineStepFailed
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

RACES = 5
"""How often something is tried while another pipeline makes the same tables, columns, folder or catalog."""
RACE_PAUSE = 0.5
"""Most seconds of the first pause between such tries."""


def retrying(is_race: Callable[[BaseException], bool]) -> Retrying:
    """Returns what tries something again if it fails like that, and raises the last error.

    Args:
        is_race: tells whether an error may come of another pipeline.
    """
    return Retrying(
        retry=retry_if_exception(is_race),
        stop=stop_after_attempt(RACES),
        wait=wait_random_exponential(RACE_PAUSE),
        reraise=True,
    )


def made_the_same_folder(error: PipelineStepFailed) -> bool:
    """True if another pipeline made the dataset's folder, in a staging bucket on a disk.

    dlt looks whether it is there and then makes it. Real buckets have no folders.
    """
    return error.step == "load" and isinstance(error.exception, FileExistsError)


def made_the_same_lake(error: BaseException) -> bool:
    """True if another pipeline made the catalog of a DuckLake in PostgreSQL.

    DuckLake makes it with the first connection, and PostgreSQL refuses one of two that do so at once.
    """
    said = str(error)
    return isinstance(error, DestinationConnectionError) and "DuckLake" in said and "already exists" in said


def is_being_closed(error: BaseException) -> bool:
    """True if another thread of this process is just closing the DuckDB file, which DuckDB does not let open meanwhile."""
    return isinstance(error, DestinationConnectionError) and "Unique file handle conflict" in str(error)
