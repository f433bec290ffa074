"""LinkedIn's Sales Navigator Analytics API as typed calls. No policy: what to do about an answer is decided elsewhere.

Source of the calls and their answers: LinkedIn's documentation of Sales Navigator Analytics Services
(https://learn.microsoft.com/linkedin/sales/analytics/).
"""

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import requests
import urllib3

from salesnav_source.auth import WHAT_TO_DO, BearerToken, TokenProvider
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    DownloadRefusedError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    NotReadyError,
    RequestRefusedError,
    StalledDownloadError,
    ThrottledError,
    UnavailableError,
    UnusableAnswerError,
    UnusableJobIdError,
    causes,
)
from salesnav_source.settings import Settings
from salesnav_source.spool import Spool
from salesnav_source.windows import Window

RESTLI_VERSION = "2.0.0"
"""Value of X-Restli-Protocol-Version on every call (documented)."""

FIRST_PAGE = "q=contractsByMember"
"""The query of the listing of contracts, and of its first page."""
PAGE_SIZE = 100
MAX_PAGES = 1000
MAX_EMPTY_PAGES = 3
"""Pages in a row without an entry after which a listing ends, whatever links it has."""
MAX_REDIRECTS = 5
PASSING = frozenset((302, 303, 307, 408, 409, 423, 425))
"""Statuses that say that a call is not answered now, as do those from 500: a redirect for the time being, such as to a page on
maintenance, and conflicts with what LinkedIn is doing."""
CHUNK_BYTES = 1 << 20
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
FIRST_BYTE_TIMEOUT = 300.0
"""Seconds that the first byte of a file may take: LinkedIn may have to fetch it first."""
STANDSTILL_SECONDS, STANDSTILL_BYTES = 30.0, 4096
"""A download of which so few bytes have come in so many seconds has come to a standstill."""


@dataclass(frozen=True)
class Contract:
    """A Sales Navigator contract on which the token's owner has a seat."""

    urn: str
    name: str
    description: str | None
    has_reporting_access: bool


@dataclass(frozen=True)
class Job:
    """An export job as LinkedIn describes it."""

    id: int
    status: str | None
    """None if the answer names no status."""
    download_url: str | None = field(default=None, repr=False)
    """Signed and short-lived: a secret."""
    row_count: int | None = None


class _WithoutQueries(logging.Filter):
    """Takes the query off the paths that urllib3 logs at DEBUG: those of downloads are signed."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] + "?…" if isinstance(arg, str) and "?" in arg else arg for arg in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQueries())


class Client:
    """Calls LinkedIn's API with one token, from any thread."""

    def __init__(
        self,
        settings: Settings,
        should_stop: Callable[[], bool] = lambda: False,
        before_post: Callable[[], None] = lambda: None,
    ) -> None:
        """Opens nothing yet.

        Args:
            settings: where the API is, and the credentials.
            should_stop: asked during downloads; a download ends with UnavailableError once it says True.
            before_post: called right before each POST, which an error of it prevents.
        """
        self._base_url = settings.base_url
        self._should_stop = should_stop
        self._before_post = before_post
        self._local = threading.local()
        self.tokens = TokenProvider(settings.credentials, self._post_form)
        self.server_time: datetime | None = None
        """The time that LinkedIn's last answer bore, if it bore one."""
        self.notes: list[str] = []
        """What the user should be told, e.g. of an entry in the listing of contracts that cannot be used."""

    def contracts(self) -> list[Contract]:
        """Lists the contracts of the token's owner, page by page.

        A page may hold fewer entries than it should without being the last one (told), so links and the total say whether
        more comes. A server that ignores `start` and repeats its page ends the listing and doubles nothing. An entry that
        cannot be used is noted and left out.

        Raises:
            ApiError: if LinkedIn refuses or does not answer.
        """
        found: dict[str, Contract] = {}
        notes: list[str] = []
        seen: set[str] = set()
        asked: set[str] = set()
        empty = 0
        query: str | None = FIRST_PAGE
        while query is not None and query not in asked and empty < MAX_EMPTY_PAGES and len(asked) < MAX_PAGES:
            asked.add(query)
            answer = self._call("GET", f"/salesContracts?{query}")
            elements = answer.get("elements")
            if not isinstance(elements, list):
                raise UnavailableError("LinkedIn's answer to the listing of contracts has no elements.")
            known = len(seen)
            for element in elements:
                seen.add(json.dumps(element, sort_keys=True))
                contract = _contract(element)
                if isinstance(contract, str):
                    notes.append(contract)
                else:
                    found.setdefault(contract.urn, contract)
            if elements and len(seen) == known:
                break
            # all entries of a page may be hidden from the member
            empty = 0 if elements else empty + 1
            query = _next_page(answer.get("paging"), query, len(elements))
        self.notes = list(dict.fromkeys(notes))
        return list(found.values())

    def create_job(self, action: str, contract: str, window: Window) -> Job:
        """Creates an export job.

        Args:
            action: what is exported, e.g. `exportActivityData`.
            contract: URN of the contract.
            window: the days, whole and at most 90 (documented).

        Raises:
            UnusableAnswerError: if LinkedIn has created a job and does not say which.
            ApiError: if LinkedIn refuses or does not answer; after an UnavailableError the job may exist or not.
        """
        body = {"startAt": window.start_ms, "endAt": window.end_ms, "contract": contract}
        path = f"/salesAnalyticsExportJobs?action={action}"
        created: Job = self._call("POST", path, json=body, read=_created_job)
        return created

    def job(self, job_id: int, contract: str) -> Job:
        """Asks how an export job is doing; a completed one gets a fresh download URL.

        Raises:
            JobNotFoundError: if LinkedIn does not know the job.
            ApiError: if LinkedIn refuses or does not answer.
        """
        try:
            answer = self._call("GET", f"/salesAnalyticsExportJobs/{job_id}?contract={quote(contract, safe='')}")
        except RequestRefusedError as error:
            if error.status == 404:
                raise JobNotFoundError(str(error), error.status, error.code) from None
            raise
        value = answer.get("value")
        return _job(value if isinstance(value, dict) else answer, job_id)

    def download(self, url: str, target: Path | Spool) -> int:
        """Streams a file to disk.

        Args:
            url: the download URL of a completed job.
            target: where the file goes; what is there is replaced.

        Returns:
            The number of bytes written.

        Raises:
            DownloadRefusedError: if the URL leads where no token may go.
            DownloadUrlExpiredError: if LinkedIn no longer takes the URL.
            NotReadyError: if the file is not there yet.
            IncompleteFileError: if the transfer broke off, or came to a standstill.
            ApiError: if LinkedIn refuses or does not answer.
        """
        for _ in range(MAX_REDIRECTS + 1):
            self._check_download_host(url)
            response = self._send("GET", url, self.tokens.token(), stream=True)
            with response:
                if response.is_redirect:
                    url = urljoin(url, response.headers["Location"])
                    continue
                if response.status_code == 202:
                    raise NotReadyError("The file is not ready yet (HTTP 202).", _retry_after(response))
                if response.status_code in (401, 403, 404, 410):
                    raise DownloadUrlExpiredError(
                        f"The download URL is no longer valid (HTTP {response.status_code}).", response.status_code
                    )
                _raise_for_status(response, "the download")
                return self._receive(response, target)
        raise DownloadRefusedError("The download URL redirects without end.")

    def _receive(self, response: requests.Response, target: Path | Spool) -> int:
        declared = response.headers.get("Content-Length")
        received = written = 0
        pace: _Pace | None = None
        try:
            with target.open("wb") as file:
                for chunk in _chunks(response):
                    if pace is None:
                        pace = _Pace()
                        _set_timeout(response, READ_TIMEOUT)
                    if self._should_stop():
                        raise UnavailableError("The download was stopped.")
                    file.write(chunk)
                    written += len(chunk)
                    pace.check(response.raw.tell())
            received = response.raw.tell()
        except (urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError, ssl.SSLError)):
                raise
            if any(isinstance(one, (TimeoutError, urllib3.exceptions.TimeoutError)) for one in causes(error)):
                raise StalledDownloadError(f"The download stands still after {written:,} bytes.") from None
            raise IncompleteFileError(f"The transfer broke off after {written:,} bytes: {_why(error)}.") from None
        if declared is not None and declared.isdigit() and received != int(declared):
            raise IncompleteFileError(f"Only {received:,} of {int(declared):,} bytes came.")
        return written

    def _check_download_host(self, url: str) -> None:
        try:
            if "\\" in url:
                raise ValueError
            parts, own = urlsplit(url), urlsplit(self._base_url)
            host = (parts.hostname or "").rstrip(".").lower()
            parts.port  # noqa: B018  an impossible port raises ValueError
        except ValueError:
            raise DownloadRefusedError("The download URL is not a URL.") from None
        same_host = host == (own.hostname or "").lower() and (parts.scheme == "https" or parts.scheme == own.scheme)
        linkedins = parts.scheme == "https" and (host == "linkedin.com" or host.endswith(".linkedin.com"))
        if parts.scheme not in ("http", "https") or not (same_host or linkedins):
            raise DownloadRefusedError(
                f"The download URL leads to {parts.scheme or '?'}://{host or '?'}, which is neither LinkedIn's own host"
                " over TLS nor that of base_url. The token was not sent there."
            )

    def _call(
        self, method: str, path: str, json: Any = None, read: Callable[[requests.Response], Any] | None = None
    ) -> Any:
        token = self.tokens.token()
        response = self._send(method, self._base_url + path, token, json=json)
        self._note_time(response)
        if response.status_code == 401:
            self.tokens.renew(token)
            response = self._send(method, self._base_url + path, self.tokens.token(), json=json)
        _raise_for_status(response, f"{method} {path.partition('?')[0]}")
        if read is not None:
            return read(response)
        answer = _json_object(response)
        if answer is None:
            raise UnavailableError(
                f"LinkedIn answered {method} {path.partition('?')[0]} with something that is not a JSON object.",
                response.status_code,
            )
        return answer

    def _note_time(self, response: requests.Response) -> None:
        try:
            told = parsedate_to_datetime(response.headers.get("Date", ""))
        except (TypeError, ValueError):
            return
        self.server_time = told if told.tzinfo else told.replace(tzinfo=timezone.utc)

    def _send(self, method: str, url: str, token: str, json: Any = None, stream: bool = False) -> requests.Response:
        if method == "POST":
            self._before_post()
        try:
            return self._session().request(
                method,
                url,
                json=json,
                headers={"X-Restli-Protocol-Version": RESTLI_VERSION},
                auth=BearerToken(token),
                timeout=(CONNECT_TIMEOUT, FIRST_BYTE_TIMEOUT if stream else READ_TIMEOUT),
                allow_redirects=False,
                stream=stream,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # the text of the exception holds the URL, which may be signed
            raise UnavailableError(f"{urlsplit(url).hostname} cannot be reached: {_why(error)}.") from None

    def _post_form(self, url: str, data: dict[str, str], timeout: float = READ_TIMEOUT) -> requests.Response:
        try:
            return self._session().post(
                url, data=data, timeout=(CONNECT_TIMEOUT, timeout), allow_redirects=False, auth=_no_auth
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UnavailableError(f"{urlsplit(url).hostname} cannot be reached: {_why(error)}.") from None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # LinkedIn sets cookies, and refuses a call that sends them back (reported by users)
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _next_page(paging: Any, query: str, elements: int) -> str | None:
    """Returns the query of the page of a listing that follows one, None if there is none.

    Links and the total say so where LinkedIn gives them; otherwise a page shorter than its `count` is the last (documented).

    Args:
        paging: what the page says of paging.
        query: by which it was asked for.
        elements: how many entries it has.
    """
    if not isinstance(paging, dict):
        return None
    start = _count(parse_qs(query).get("start", ["0"])[0]) or 0
    links = paging.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "next":
            own = _query_of(link.get("href"))
            told = parse_qs(own)
            begin = _count(told.get("start", [""])[0])
            # a link without a start leads on by a mark of its own
            if begin is None and set(told) - {"q", "count"}:
                return own
            return _page(begin if begin is not None and begin > start else start + max(elements, 1))
    total, count = _count(paging.get("total")), _count(paging.get("count"))
    if total is not None:
        after = start + (count or max(elements, 1))
        return _page(after) if after < total else None
    return _page(start + elements) if count is not None and 0 < count <= elements else None


def _page(start: int) -> str:
    return f"{FIRST_PAGE}&start={start}&count={PAGE_SIZE}"


def _query_of(url: Any) -> str:
    try:
        return urlsplit(str(url)).query
    except ValueError:
        return ""


def _contract(element: Any) -> Contract | str:
    """Returns an entry of the listing, or what is to be said of one that cannot be used."""
    given = element if isinstance(element, dict) else {}
    urn, name, access = given.get("contract"), given.get("name"), given.get("hasReportingAccess")
    absent = [
        field
        for field, usable in (
            ("contract", isinstance(urn, str) and bool(urn)),
            ("name", isinstance(name, str)),
            ("hasReportingAccess", isinstance(access, bool)),
        )
        if not usable
    ]
    if absent:
        which = urn if isinstance(urn, str) and urn else "one of them"
        return (
            f"LinkedIn's listing of contracts tells no {', '.join(absent)} of {which}, so that contract is left out; the"
            " others are loaded."
        )
    description = given.get("description")
    text = description if isinstance(description, str) or description is None else json.dumps(description)
    return Contract(str(urn), str(name), text, bool(access))


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _created_job(response: requests.Response) -> Job:
    """Returns the job that an answer tells of, in its body or in the header `x-restli-id` (documented for a sibling).

    Raises:
        UnavailableError: if the answer is a page, as while LinkedIn is being maintained.
        UnusableAnswerError: if it names no job.
    """
    answer = _json_object(response)
    if answer is None and response.content.strip():
        raise UnavailableError("LinkedIn answered the creation of a job with a page.", response.status_code)
    value = (answer or {}).get("value")
    told = (
        value if isinstance(value, dict) else {"id": value if isinstance(value, (int, str)) else None, **(answer or {})}
    )
    if told.get("id") is None:
        told = {**told, "id": _id_in_headers(response)}
    return _job(told)


def _id_in_headers(response: requests.Response) -> str | None:
    """Returns the id of what was created as the headers tell it: by itself, or as the end of its address."""
    headers = response.headers
    address = urlsplit(headers.get("Location") or "").path.rstrip("/").rpartition("/")[2]
    return headers.get("x-restli-id") or headers.get("x-linkedin-id") or (address if address.isdecimal() else None)


_LARGEST_ID = 2**63 - 1


def _job(answer: dict[str, Any], job_id: int | None = None) -> Job:
    given = job_id if answer.get("id") is None else answer["id"]
    if given is None or isinstance(given, bool):
        raise UnusableAnswerError("LinkedIn's answer names no job id.")
    text = str(int(given) if isinstance(given, float) and given.is_integer() else given).strip()
    if not text.isdecimal() or int(text) > _LARGEST_ID:
        raise UnusableJobIdError(
            f"LinkedIn calls the job {text[:40]!r}, which is no number of 64 bits, so its rows could not be told apart"
        )
    status = answer.get("status")
    url = answer.get("downloadUrl") or answer.get("downloadURL")
    return Job(
        id=int(text),
        status=status if isinstance(status, str) and status else None,
        download_url=url if isinstance(url, str) and url else None,
        row_count=_count(answer.get("rowCount")),
    )


def _count(told: Any) -> int | None:
    if isinstance(told, str) and told.strip().isdecimal():
        told = int(told)
    if isinstance(told, float) and told.is_integer():
        told = int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


class _Pace:
    """Notices a download that stands still or trickles."""

    def __init__(self) -> None:
        self._since, self._bytes = time.monotonic(), 0

    def check(self, received: int) -> None:
        """Looks at how much has come.

        Raises:
            StalledDownloadError: if it is hardly more than a while ago.
        """
        now = time.monotonic()
        if now - self._since < STANDSTILL_SECONDS:
            return
        if received - self._bytes < STANDSTILL_BYTES:
            raise StalledDownloadError(
                f"The download has come to a standstill: {received - self._bytes:,} bytes in {now - self._since:.0f} s."
            )
        self._since, self._bytes = now, received


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yields what has come of a file, without waiting until a chunk is full."""
    if response.raw.chunked:
        yield from response.raw.stream(CHUNK_BYTES, decode_content=True)
        return
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        yield chunk


def _set_timeout(response: requests.Response, seconds: float) -> None:
    """Sets for how long more of a body is waited for, once its first bytes have come."""
    sock = getattr(getattr(response.raw, "connection", None), "sock", None)
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.settimeout(seconds)


def _raise_for_status(response: requests.Response, what: str) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    code = _service_code(response)
    told = f"HTTP {status}" + (f", code {code}" if code is not None else "")
    told += "".join(
        f", {name} {response.headers[name]}" for name in ("x-li-uuid", "x-li-request-id") if name in response.headers
    )
    if status == 429:
        raise ThrottledError(f"LinkedIn throttles {what} ({told}).", _retry_after(response), code)
    if status >= 500 or status in PASSING:
        raise UnavailableError(f"LinkedIn failed to answer {what} ({told}).", status, code)
    if status == 401:
        raise AccessTokenError(f"LinkedIn does not accept the access token ({told}). {WHAT_TO_DO}", status, code)
    if status == 403:
        raise AccessDeniedError(
            f"LinkedIn denies access to {what} ({told}): it takes a reporting or administrator role on the contract.",
            status,
            code,
        )
    raise RequestRefusedError(f"LinkedIn refused {what} ({told}).", status, code)


def _service_code(response: requests.Response) -> int | None:
    try:
        code = response.json().get("serviceErrorCode")
    except (ValueError, AttributeError, requests.RequestException):
        return None
    return code if isinstance(code, int) else None


def _retry_after(response: requests.Response) -> float | None:
    told = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(told)
    except ValueError:
        try:
            when = parsedate_to_datetime(told)
        except (TypeError, ValueError):
            return None
        now = datetime.now(timezone.utc)
        if "Date" in response.headers:
            with contextlib.suppress(TypeError, ValueError):
                now = parsedate_to_datetime(response.headers["Date"])
        try:
            seconds = (when - now).total_seconds()
        except TypeError:
            return None
    return seconds if 0 <= seconds < float("inf") else None


def _why(error: BaseException) -> str:
    """Says in a few words why a connection failed, without the URL that the exception's own text holds."""
    seen = list(causes(error))
    known: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        ((socket.gaierror, urllib3.exceptions.NameResolutionError), "its name cannot be resolved"),
        ((ssl.SSLError, urllib3.exceptions.SSLError, requests.exceptions.SSLError), "the TLS connection failed"),
        (requests.exceptions.ProxyError, "the proxy failed"),
        (ConnectionRefusedError, "connection refused"),
        (ConnectionResetError, "connection reset"),
        ((TimeoutError, urllib3.exceptions.TimeoutError, requests.exceptions.Timeout), "timed out"),
    )
    for kinds, words in known:
        if any(isinstance(one, kinds) for one in seen):
            return words
    return "the connection broke"


__all__ = ["ApiError", "Client", "Contract", "Job"]
