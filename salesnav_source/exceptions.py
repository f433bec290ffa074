"""Errors of this source. Each message says what happened, to which contract, export and days, and what to do.

    SalesnavError
    ├── ConfigurationError              a setting is missing or wrong
    ├── SignInError                     signing in has not ended with a token
    ├── PipelineBusyError               another run of the pipeline is at work
    ├── DestinationError                the warehouse refuses or does not answer
    ├── JournalError                    the journal of jobs cannot be written
    │   └── JournalUnreachableError     its folder or bucket does not answer
    ├── LeaseLostError                  another worker has taken over this pipeline
    ├── ApiError                        LinkedIn refuses or does not answer
    │   ├── UnavailableError            no answer, or a 5xx
    │   ├── ThrottledError              429
    │   ├── AccessTokenError            401, and the token cannot be renewed
    │   ├── AccessDeniedError           403
    │   ├── RequestRefusedError         another 4xx
    │   │   ├── JobNotFoundError        404 for a job
    │   │   └── ApiVersionError         426: this version of the API is switched off
    │   ├── DownloadUrlExpiredError     the URL of a file is no longer accepted
    │   ├── NotReadyError               202: the file is not there yet
    │   └── UnusableAnswerError         an answer that no retry improves
    │       └── UnusableJobIdError      the job's id is not a 64-bit number
    ├── DownloadRefusedError            the URL of a file leads to a host that must not get the token
    ├── IncompleteFileError             not the file that LinkedIn announced
    │   ├── EmptyFileError              no content, not even a header
    │   ├── StalledDownloadError        the download stalled or is too slow
    │   ├── OversizedFileError          larger than the announced rows can be
    │   └── UnendedFileError            the last line has no line break
    └── ReadError                       the file cannot be read as the export

What follows from each is in one table, `CONSEQUENCES`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from dlt.common.exceptions import DltException, TerminalException, TransientException


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error, then the errors that caused it. Each comes once, even if they name each other in a circle."""
    seen: set[int] = set()
    cause: object = error
    while isinstance(cause, BaseException) and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = [getattr(cause, name, None) for name in ("exception", "reason")]  # names that dlt and urllib3 use
        found = [one for one in (*inner, *cause.args) if isinstance(one, BaseException)]
        cause = found[0] if found else cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def one_line(error: object) -> str:
    """Returns what an error says, on one line."""
    return " ".join(str(error).split())


class SalesnavError(DltException):
    """Base of all errors that this source raises."""


class ConfigurationError(SalesnavError, TerminalException):
    """A setting is missing or wrong; no export job was created."""


class SignInError(SalesnavError, TerminalException):
    """Signing in has not ended with a token that can be used; what was there stays."""


class PipelineBusyError(SalesnavError, TransientException):
    """Another run of the same pipeline is at work in the same working directory."""


class DestinationError(SalesnavError):
    """The destination refused or cannot be reached.

    Attributes:
        in_vain: true if no export job was created.
    """

    def __init__(self, message: str, in_vain: bool) -> None:
        super().__init__(message)
        self.in_vain = in_vain


class JournalError(SalesnavError, TransientException):
    """The journal of jobs in flight cannot be written."""


class JournalUnreachableError(JournalError):
    """The folder or bucket of the journal does not answer."""


class LeaseLostError(SalesnavError, TransientException):
    """This worker stalled for too long, and another one has taken over the pipeline."""


class ApiError(SalesnavError):
    """LinkedIn refused a call, did not answer it, or gave an answer that cannot be used.

    Attributes:
        status: HTTP status of the answer, None if there was none.
        code: LinkedIn's serviceErrorCode, None if the answer named none.
    """

    def __init__(self, message: str, status: int | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class UnavailableError(ApiError, TransientException):
    """No answer, an answer that is not JSON, or a 5xx."""


class ThrottledError(ApiError, TransientException):
    """429: too many calls.

    Attributes:
        retry_after: seconds to wait, as the answer says; None if it says nothing usable.
    """

    def __init__(self, message: str, retry_after: float | None = None, code: int | None = None) -> None:
        super().__init__(message, 429, code)
        self.retry_after = retry_after


class AccessTokenError(ApiError, TerminalException):
    """The access token is missing, expired or revoked, and could not be renewed."""


class AccessDeniedError(ApiError, TerminalException):
    """403: the application or the token's owner may not do this, or LinkedIn does not accept a field of the request."""


class RequestRefusedError(ApiError, TerminalException):
    """Another 4xx: the same request would be refused again."""


class ApiVersionError(RequestRefusedError):
    """426, or the code NONEXISTENT_VERSION: LinkedIn has switched off this version of its API."""


class JobNotFoundError(RequestRefusedError):
    """404: LinkedIn does not know the job, or does not show it to the token's owner."""


class DownloadUrlExpiredError(ApiError, TransientException):
    """The download URL is no longer accepted; the next poll of the job brings a fresh one."""


class NotReadyError(ApiError, TransientException):
    """202: the file is not there yet.

    Attributes:
        retry_after: seconds to wait, as the answer says; None if it says nothing usable.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, 202)
        self.retry_after = retry_after


class UnusableAnswerError(ApiError, TerminalException):
    """An answer that cannot be used. Repeating the call would not help, or could create a job twice."""


class UnusableJobIdError(UnusableAnswerError):
    """A job's id is not a 64-bit number. The ids of other jobs will not be either."""


class DownloadRefusedError(SalesnavError, TerminalException):
    """The download URL leads to a host, port or protocol that must not get the token."""


class IncompleteFileError(SalesnavError, TransientException):
    """The file received is not the file that LinkedIn announced."""


class EmptyFileError(IncompleteFileError):
    """The file received has no content, not even a header."""


class StalledDownloadError(IncompleteFileError):
    """The download has stalled, or is too slow."""


class OversizedFileError(IncompleteFileError):
    """The file is larger than the rows that LinkedIn announced can be. The rest of it was not received."""


class UnendedFileError(IncompleteFileError):
    """The file received does not end with a line break: it was cut short, or LinkedIn does not end the last line.

    Attributes:
        bytes: size of the file received.
    """

    def __init__(self, bytes: int) -> None:
        super().__init__(f"The file ends in the middle of a line, after {bytes:,} bytes.")
        self.bytes = bytes


class ReadError(SalesnavError, TerminalException):
    """The file was received but cannot be read as the export, e.g. a key column is missing."""


TScope = Literal["window", "lane", "creation", "quota", "run"]
"""How far a failure reaches: the window, the contract's export, all jobs to be created, all calls, or the whole run."""


@dataclass(frozen=True)
class Consequence:
    """What follows from an error that stays after all retries."""

    scope: TScope
    """What fails with it."""
    retry: bool
    """True if the same request can succeed later. False: something must be changed first."""
    exit_code: int
    """2 or 3, if the run has created export jobs. If it has not, it ends with 2 whatever the error is."""


_NOT_TRIED, _INCOMPLETE = 2, 3

CONSEQUENCES: Mapping[type[SalesnavError], Consequence] = MappingProxyType(
    {
        SalesnavError: Consequence("window", False, _INCOMPLETE),
        ConfigurationError: Consequence("run", False, _NOT_TRIED),
        SignInError: Consequence("run", False, _NOT_TRIED),
        PipelineBusyError: Consequence("run", True, _NOT_TRIED),
        DestinationError: Consequence("run", False, _INCOMPLETE),
        JournalError: Consequence("run", True, _INCOMPLETE),
        JournalUnreachableError: Consequence("creation", True, _NOT_TRIED),
        LeaseLostError: Consequence("run", True, _INCOMPLETE),
        ApiError: Consequence("window", False, _INCOMPLETE),
        UnavailableError: Consequence("window", True, _INCOMPLETE),
        ThrottledError: Consequence("quota", True, _INCOMPLETE),
        AccessTokenError: Consequence("run", False, _NOT_TRIED),
        AccessDeniedError: Consequence("lane", False, _NOT_TRIED),
        RequestRefusedError: Consequence("window", False, _INCOMPLETE),
        JobNotFoundError: Consequence("window", False, _INCOMPLETE),
        ApiVersionError: Consequence("run", False, _INCOMPLETE),
        DownloadUrlExpiredError: Consequence("window", True, _INCOMPLETE),
        NotReadyError: Consequence("window", True, _INCOMPLETE),
        UnusableAnswerError: Consequence("window", False, _INCOMPLETE),
        UnusableJobIdError: Consequence("lane", False, _INCOMPLETE),
        DownloadRefusedError: Consequence("window", False, _INCOMPLETE),
        IncompleteFileError: Consequence("window", True, _INCOMPLETE),
        EmptyFileError: Consequence("window", True, _INCOMPLETE),
        StalledDownloadError: Consequence("window", True, _INCOMPLETE),
        OversizedFileError: Consequence("window", True, _INCOMPLETE),
        UnendedFileError: Consequence("window", True, _INCOMPLETE),
        ReadError: Consequence("window", False, _INCOMPLETE),
    }
)


def consequence_of(error: BaseException) -> Consequence | None:
    """Returns what follows from an error, by its nearest class in the table; None if it is not an error of this source."""
    found = next((CONSEQUENCES[kind] for kind in type(error).__mro__ if kind in CONSEQUENCES), None)
    if found is not None and isinstance(error, DestinationError) and error.in_vain:
        return replace(found, exit_code=_NOT_TRIED)
    return found
