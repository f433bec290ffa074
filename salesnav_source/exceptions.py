"""Errors of this source. Each message says what happened, to which contract, export and days, and what to do."""

from collections.abc import Iterator

from dlt.common.exceptions import DltException, TerminalException, TransientException


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and, one after the other, those that it came from; each once, though errors may name each other."""
    seen: set[int] = set()
    cause: object = error
    while isinstance(cause, BaseException) and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = [getattr(cause, name, None) for name in ("exception", "reason")]  # of dlt's and urllib3's
        found = [one for one in (*inner, *cause.args) if isinstance(one, BaseException)]
        cause = found[0] if found else cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


class SalesnavError(DltException):
    """Base of all errors that this source raises."""


class ConfigurationError(SalesnavError, TerminalException):
    """A setting is missing or wrong; nothing was asked of LinkedIn."""


class PipelineBusyError(SalesnavError, TransientException):
    """Another run of the same pipeline is at work in the same working directory."""


class DestinationError(SalesnavError):
    """The destination refused or cannot be reached.

    Attributes:
        in_vain: whether nothing was tried.
    """

    def __init__(self, message: str, in_vain: bool) -> None:
        super().__init__(message)
        self.in_vain = in_vain


class JournalError(SalesnavError, TransientException):
    """The journal of jobs in flight cannot be written."""


class JournalUnreachableError(JournalError):
    """The folder or bucket that keeps the journal does not answer; trying again can help."""


class LeaseLostError(SalesnavError, TransientException):
    """Another worker has taken this pipeline over, as this one gave no sign of life."""


class ApiError(SalesnavError):
    """LinkedIn's API, or the way to it, did not answer as hoped.

    Attributes:
        status: HTTP status of the answer, None if there was none.
        code: LinkedIn's serviceErrorCode, None if the answer named none.
    """

    def __init__(self, message: str, status: int | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class UnavailableError(ApiError, TransientException):
    """No answer, an answer that is no JSON, or a 5xx: trying again can help."""


class ThrottledError(ApiError, TransientException):
    """429: too many calls.

    Attributes:
        retry_after: seconds to wait as told by the answer, None if it told nothing usable.
    """

    def __init__(self, message: str, retry_after: float | None = None, code: int | None = None) -> None:
        super().__init__(message, 429, code)
        self.retry_after = retry_after


class AccessTokenError(ApiError, TerminalException):
    """The access token is missing, expired or revoked, and could not be renewed."""


class AccessDeniedError(ApiError, TerminalException):
    """403: the token's owner may not do this, e.g. has no reporting role on the contract."""


class RequestRefusedError(ApiError, TerminalException):
    """Another 4xx: LinkedIn will not answer this request, however often it is sent."""


class JobNotFoundError(RequestRefusedError):
    """404: LinkedIn does not know the job, or does not show it to the token's owner."""


class DownloadUrlExpiredError(ApiError, TransientException):
    """The download URL is no longer valid; asking for the job again gives a fresh one."""


class NotReadyError(ApiError, TransientException):
    """202: the file is not there yet.

    Attributes:
        retry_after: seconds to wait as told by the answer, None if it told nothing usable.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, 202)
        self.retry_after = retry_after


class UnusableAnswerError(ApiError, TerminalException):
    """LinkedIn has done what it was asked, and its answer cannot be used, e.g. names no job: asking again does harm."""


class UnusableJobIdError(UnusableAnswerError):
    """LinkedIn calls a job by a name that rows cannot bear; its other jobs will be called likewise."""


class DownloadRefusedError(SalesnavError, TerminalException):
    """The download URL leads to a host, or over a way, to which no token may go."""


class IncompleteFileError(SalesnavError, TransientException):
    """The file received is not the whole file that LinkedIn announced."""


class EmptyFileError(IncompleteFileError):
    """The file received holds nothing, not even a header."""


class StalledDownloadError(IncompleteFileError):
    """The download has come to a standstill, or trickles."""


class UnendedFileError(IncompleteFileError):
    """The file received does not end with a line: it was cut short, or LinkedIn does not end the last line.

    Attributes:
        bytes: size of the file received.
    """

    def __init__(self, bytes: int) -> None:
        super().__init__(f"The file ends in the midst of a line, after {bytes:,} bytes.")
        self.bytes = bytes


class ReadError(SalesnavError, TerminalException):
    """The file was received but cannot be read as the export, e.g. lacks a key column."""
