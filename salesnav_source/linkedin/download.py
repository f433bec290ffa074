"""Receives a file: it is written as it comes, bounded by the rows announced, and either complete or an error."""

import zlib
from collections.abc import Callable
from pathlib import Path

import requests
import urllib3

from salesnav_source.exceptions import (
    IncompleteFileError,
    OversizedFileError,
    StalledDownloadError,
    UnavailableError,
    UnusableAnswerError,
    causes,
)
from salesnav_source.linkedin import transport
from salesnav_source.linkedin.bounds import Bounds
from salesnav_source.linkedin.spool import Spool

ROW_BYTES = 16 << 10
"""Bytes that a row may have on average. Real rows have about 100 to 500."""
MARGIN_BYTES = 16 << 20
LARGEST_FILE = 6 << 30
"""Bytes of any file: twice what LinkedIn documents as the largest (3 GB)."""
FILE_TIMEOUT = 6 * 3600.0
"""Seconds for a whole file: 3 GB at 140 KB a second."""


def most_bytes(expected_rows: int | None) -> int:
    """Returns the largest size that a file may have.

    Args:
        expected_rows: how many rows LinkedIn announced, None if it named no number.
    """
    if expected_rows is None:
        return LARGEST_FILE
    return min(expected_rows * ROW_BYTES + MARGIN_BYTES, LARGEST_FILE)


def receive(
    response: requests.Response,
    target: Path | Spool,
    bounds: Bounds,
    expected_rows: int | None,
    should_stop: Callable[[], bool],
) -> int:
    """Writes the body of a response to a file; returns the number of bytes.

    Raises:
        StalledDownloadError: if it stalls.
        OversizedFileError: if it is larger than the announced rows can be.
        IncompleteFileError: if it breaks off, or is not as long as its header says.
        UnavailableError: if the run is stopped.
        OSError: if this machine cannot keep the file.
    """
    declared, most, written = response.headers.get("Content-Length", ""), most_bytes(expected_rows), 0
    try:
        with target.open("wb") as file:
            for chunk in transport.body_of(response, transport.CHUNK_BYTES):
                if not written:
                    bounds.extend(FILE_TIMEOUT, transport.READ_TIMEOUT, 2 * most)
                if should_stop():
                    raise UnavailableError("The download was stopped.")
                if written + len(chunk) > most:
                    raise OversizedFileError(_oversized(expected_rows, most))
                file.write(chunk)
                written += len(chunk)
        received = response.raw.tell()
    except UnusableAnswerError as error:
        raise IncompleteFileError(str(error)) from None
    except (urllib3.exceptions.HTTPError, zlib.error, EOFError, ValueError) as error:
        if any(isinstance(one, (TimeoutError, urllib3.exceptions.TimeoutError)) for one in causes(error)):
            raise StalledDownloadError(f"The download has stalled after {written:,} bytes.") from None
        raise IncompleteFileError(f"The transfer broke off after {written:,} bytes: {transport.why(error)}.") from None
    if declared.isascii() and declared.isdecimal() and received != int(declared[:20]):
        raise IncompleteFileError(f"Only {received:,} of {int(declared[:20]):,} bytes came.")
    return written


def _oversized(expected_rows: int | None, most: int) -> str:
    announced = "no number of rows" if expected_rows is None else f"{expected_rows:,} rows"
    return (
        f"The file is larger than {most >> 20:,} MB, though LinkedIn announced {announced}. The rest was not received."
    )
