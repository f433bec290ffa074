"""LinkedIn's Sales Navigator Analytics API as typed calls. No policy: what to do about an answer is decided elsewhere.

Source of the calls and their answers: LinkedIn's documentation of Sales Navigator Analytics Services
(https://learn.microsoft.com/linkedin/sales/analytics/).
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from salesnav_source.days.windows import Window
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    DownloadUrlExpiredError,
    JobNotFoundError,
    NotReadyError,
    RequestRefusedError,
    UnavailableError,
    UnusableAnswerError,
)
from salesnav_source.linkedin import answers, refusals
from salesnav_source.linkedin.answers import FIRST_PAGE, Answer, Contract, Job, Page
from salesnav_source.linkedin.auth import TokenProvider
from salesnav_source.linkedin.bounds import TClock
from salesnav_source.linkedin.download import receive
from salesnav_source.linkedin.spool import Spool
from salesnav_source.linkedin.transport import Transport
from salesnav_source.settings.addresses import check_address
from salesnav_source.settings.configuration import INTERVAL_ENDS, Settings, TIntervalEnd

MAX_PAGES = 1000
MAX_ENTRIES = 100_000
"""A listing ends after so many entries, which is ten times what anybody is known to have."""
MOST_NOTES = 20
"""Notes on a listing; of more, the number is said."""
MAX_EMPTY_PAGES = 3
"""A listing ends after so many empty pages in a row, whatever links they have."""


class Client:
    """Calls LinkedIn's API with one token, from any thread."""

    def __init__(
        self,
        settings: Settings,
        should_stop: Callable[[], bool] = lambda: False,
        before_post: Callable[[], None] = lambda: None,
        clock: TClock = time.monotonic,
    ) -> None:
        """Opens nothing yet.

        Args:
            settings: where the API is, and the credentials.
            should_stop: asked during downloads; a download ends with UnavailableError once it returns true.
            before_post: called right before each POST; if it raises, nothing is posted.
            clock: monotonic seconds, for time-outs.

        Raises:
            ConfigurationError: if an address must not get a secret.
        """
        self._transport = Transport(check_address("base_url", settings.base_url), settings.api_version, clock)
        self._should_stop = should_stop
        self._before_post = before_post
        self.tokens = TokenProvider(settings.credentials, self._transport.post_form)
        self.server_time: datetime | None = None
        """The time in LinkedIn's last answer, if it had one."""
        self.notes: list[str] = []
        """What the user should know, e.g. of an entry in the listing of contracts that cannot be used."""

    def contracts(self) -> list[Contract]:
        """Lists the contracts of the token's owner, page by page.

        A page may have fewer entries than `count` without being the last one (reported by users), so links and the total say
        whether more comes. If a server ignores `start` and repeats its page, the listing ends, and no contract is doubled. An
        entry that cannot be used is left out, with a note. If a later page is refused, the pages before it count, with a note.

        Raises:
            ApiError: if LinkedIn refuses the first page, or does not answer.
        """
        found: dict[str, Contract] = {}
        notes: list[str] = []
        seen: set[int] = set()
        asked: set[str] = set()
        empty, says_more = 0, False
        query: str | None = FIRST_PAGE
        while query is not None and query not in asked and empty < MAX_EMPTY_PAGES and len(asked) < MAX_PAGES:
            asked.add(query)
            try:
                page = self._page(query)
            except ApiError as error:
                if len(asked) == 1 or not _is_refused(error):
                    raise
                notes.append(
                    f"LinkedIn refused page {len(asked)} of the listing of contracts, so contracts may be missing. The"
                    f" {len(found)} listed before it count. {error}"
                )
                break
            notes += page.notes
            for contract in page.contracts:
                found.setdefault(contract.urn, contract)
            if page.entries and page.entries <= seen:
                if says_more:
                    notes.append(
                        f"LinkedIn's listing of contracts names a page {len(asked)}, which repeats the ones before it, so"
                        f" contracts may be missing. The {len(found)} that were listed count."
                    )
                break
            says_more = page.says_more
            seen |= page.entries
            if len(seen) > MAX_ENTRIES:
                notes.append(
                    f"LinkedIn's listing of contracts has no end. The {len(found)} that were read so far count."
                )
                break
            # all entries of a page may be hidden from the member
            empty = 0 if page.size else empty + 1
            query = page.next_query
        self.notes = _shortened(list(dict.fromkeys(notes)))
        return list(found.values())

    def create_job(
        self, action: str, contract: str, window: Window, interval_end: TIntervalEnd = "last_millisecond"
    ) -> Job:
        """Creates an export job.

        Args:
            action: what is exported, e.g. `exportActivityData`.
            contract: URN of the contract.
            window: the days, whole and at most 90 (documented).
            interval_end: the form of `endAt`: the last millisecond or second of the last day, or the midnight after it.

        Raises:
            UnusableAnswerError: if LinkedIn has created a job without naming its id.
            ApiError: if LinkedIn refuses or does not answer. After an UnavailableError the job may exist or not.
        """
        end = window.end_ms + INTERVAL_ENDS[interval_end]
        body = {"startAt": window.start_ms, "endAt": end, "contract": contract}
        answer = self._call("POST", f"/salesAnalyticsExportJobs?action={action}", json=body)
        return answers.created_job(answer)

    def job(self, job_id: int, contract: str) -> Job:
        """Returns an export job as it is now; a completed one gets a fresh download URL.

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
        return answers.polled_job(answer, job_id)

    def download(self, url: str, target: Path | Spool, expected_rows: int | None = None) -> int:
        """Streams a file to disk.

        Args:
            url: the download URL of a completed job.
            target: where the file goes; what is there is replaced.
            expected_rows: how many rows LinkedIn announced; they bound the size of the file.

        Returns:
            The number of bytes written.

        Raises:
            DownloadRefusedError: if the URL leads to a host that must not get the token.
            DownloadUrlExpiredError: if LinkedIn no longer accepts the URL.
            NotReadyError: if the file is not there yet.
            IncompleteFileError: if the transfer breaks off, stalls, or is larger than announced.
            ApiError: if LinkedIn refuses or does not answer.
        """
        with self._transport.open_file(url, self.tokens.token()) as (answer, response, bounds):
            status = answer.status
            if status == 202:
                raise NotReadyError("The file is not ready yet (HTTP 202).", answers.retry_after(answer.headers))
            if status in (401, 403, 404, 410):
                raise DownloadUrlExpiredError(f"The download URL is no longer valid (HTTP {status}).", status)
            refusals.check(answer, "the download", _secrets_of(url))
            return receive(response, target, bounds, expected_rows, self._should_stop)

    def _page(self, query: str) -> Page:
        return answers.page_of(self._call("GET", f"/salesContracts?{query}"), query)

    def _call(self, method: str, path: str, json: Any = None) -> Answer:
        token = self.tokens.token()
        answer = self._send(method, path, token, json)
        self.server_time = answers.server_time(answer.headers) or self.server_time
        if answer.status == 401:
            self.tokens.renew(token)
            answer = self._send(method, path, self.tokens.token(), json)
        refusals.check(answer, f"{method} {path.partition('?')[0]}")
        return answer

    def _send(self, method: str, path: str, token: str, json: Any) -> Answer:
        if method == "POST":
            self._before_post()
        return self._transport.call(method, path, token, json)


def _shortened(notes: list[str]) -> list[str]:
    """Returns the last note, which may say why a listing ended, and some of those before it."""
    left_out = len(notes) - MOST_NOTES
    return (
        [*notes[: MOST_NOTES - 1], f"{left_out:,} more notes like these are left out.", notes[-1]]
        if left_out > 0
        else notes
    )


def _is_refused(error: ApiError) -> bool:
    """Returns true if a retry of the same page would fail again: a 4xx, or an answer that cannot be read."""
    if isinstance(error, AccessTokenError):
        return False
    return isinstance(error, (AccessDeniedError, RequestRefusedError, UnusableAnswerError)) or (
        isinstance(error, UnavailableError) and error.status is not None and error.status < 300
    )


def _secrets_of(url: str) -> list[str]:
    """Returns the parts of a signed URL that must not be shown."""
    query = urlsplit(url).query
    return [query, *(value for _, value in parse_qsl(query))]


__all__ = ["ApiError", "Client", "Contract", "Job"]
