"""What LinkedIn's answers say: contracts, jobs, pages. Pure; all text is cleaned here, where it enters.

An answer that cannot be used is an error, never a stack trace: UnavailableError if another try may bring a usable one,
UnusableAnswerError if it will not.
"""

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from salesnav_source.exceptions import UnavailableError, UnusableAnswerError, UnusableJobIdError
from salesnav_source.settings.redaction import clean
from salesnav_source.settings.urns import in_words, is_contract_urn

FIRST_PAGE = "q=contractsByMember"
"""The query of the listing of contracts, and of its first page."""
PAGE_SIZE = 100
LONGEST_NAME = 500
LONGEST_DESCRIPTION = 2000
LONGEST_STATUS = 100
LONGEST_QUERY = 2000
DEEPEST = 32
"""Levels of lists and objects within each other; LinkedIn's documented answers have four."""
LARGEST_NUMBER = 2**63 - 1
"""What fits into a column of integers."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """By names in any case."""
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """True for the statuses from 200 to 299."""
        return 200 <= self.status < 300


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


@dataclass(frozen=True)
class Page:
    """A page of the listing of contracts."""

    contracts: tuple[Contract, ...]
    notes: tuple[str, ...]
    """A sentence for each entry that cannot be used, for the report."""
    entries: frozenset[int]
    """A number for each entry, to notice a page that repeats."""
    size: int
    next_query: str | None
    """The query of the next page, None for the last page."""
    says_more: bool
    """True if a link or the total says that there is a next page; without them, a full page only may have one."""


def json_object(answer: Answer) -> dict[str, Any] | None:
    """Returns the JSON object in the body of an answer, None if the body is something else.

    Raises:
        UnusableAnswerError: if the body is nested too deeply or is not UTF-8.
    """
    try:
        given = json.loads(answer.body.decode("utf-8-sig"), parse_int=_integer)
    except RecursionError:
        raise UnusableAnswerError("LinkedIn's answer is nested too deeply to be read.", answer.status) from None
    except UnicodeDecodeError:
        raise UnusableAnswerError("LinkedIn's answer is not UTF-8.", answer.status) from None
    except ValueError:
        return None
    if _is_deep(given):
        raise UnusableAnswerError("LinkedIn's answer is nested too deeply to be read.", answer.status)
    return given if isinstance(given, dict) else None


def require_object(answer: Answer, what: str) -> dict[str, Any]:
    """Returns the JSON object in the body of an answer.

    Raises:
        UnavailableError: if there is none.
        UnusableAnswerError: as `json_object` does.
    """
    given = json_object(answer)
    if given is None:
        raise UnavailableError(f"LinkedIn answered {what} with something that is not a JSON object.", answer.status)
    return given


def page_of(answer: Answer, query: str) -> Page:
    """Returns a page of the listing of contracts.

    Args:
        answer: LinkedIn's answer.
        query: the query of this page.

    Raises:
        UnavailableError: if the answer is no page.
        UnusableAnswerError: as `json_object` does.
    """
    given = require_object(answer, "the listing of contracts")
    elements = given.get("elements")
    if not isinstance(elements, list):
        raise UnavailableError("LinkedIn's answer to the listing of contracts has no elements.", answer.status)
    read = [_contract(element) for element in elements]
    next_query, says_more = _next_query(given.get("paging"), query, len(elements))
    return Page(
        contracts=tuple(one for one in read if isinstance(one, Contract)),
        notes=tuple(one for one in read if isinstance(one, str)),
        entries=frozenset(hash(json.dumps(element, sort_keys=True)) for element in elements),
        size=len(elements),
        next_query=next_query,
        says_more=says_more,
    )


def polled_job(answer: Answer, job_id: int) -> Job:
    """Returns the job that the answer to a poll describes.

    Raises:
        UnavailableError: if the answer is no JSON object.
        UnusableAnswerError: if it describes no job.
    """
    given = require_object(answer, "the query of a job")
    value = given.get("value")
    return _job(value if isinstance(value, dict) else given, job_id)


def created_job(answer: Answer) -> Job:
    """Returns the job that an answer names, in its body or in the header `x-restli-id` (documented for a sibling).

    Raises:
        UnavailableError: if the answer is a page, as during maintenance.
        UnusableAnswerError: if it names no job.
    """
    given = json_object(answer)
    if given is None and answer.body.strip():
        raise UnavailableError("LinkedIn answered the creation of a job with a page.", answer.status)
    value = (given or {}).get("value")
    described = (
        value if isinstance(value, dict) else {"id": value if isinstance(value, (int, str)) else None, **(given or {})}
    )
    if described.get("id") is None:
        described = {**described, "id": _id_in_headers(answer.headers)}
    return _job(described)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns how many seconds the answer says to wait, None if it says nothing usable."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        when = _http_date(text)
        if when is None:
            return None
        seconds = (when - (_http_date(headers.get("Date", "")) or datetime.now(timezone.utc))).total_seconds()
    return seconds if 0 <= seconds < math.inf else None


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Returns the time in the header `Date`, None if it is missing or unreadable."""
    return _http_date(headers.get("Date", ""))


def whole_number(given: Any) -> int | None:
    """Returns a non-negative 64-bit integer, whether JSON has it as a number or as text; None for anything else."""
    if isinstance(given, str):
        given = given.strip()
        given = int(given) if given.isascii() and given.isdecimal() and len(given) < 20 else None
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    usable = isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= LARGEST_NUMBER
    return given if usable else None


def _integer(digits: str) -> int | None:
    """Returns an integer of JSON, None if it has more than 100 digits."""
    return int(digits) if len(digits) <= 100 else None


def _http_date(text: str) -> datetime | None:
    with contextlib.suppress(TypeError, ValueError, IndexError, OverflowError):
        when = parsedate_to_datetime(text)
        return when if when.tzinfo else when.replace(tzinfo=timezone.utc)
    return None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, (dict, list)) for one in level)


def _contract(element: Any) -> Contract | str:
    """Returns an entry of the listing, or a sentence for the report if it cannot be used."""
    given = element if isinstance(element, dict) else {}
    urn, name, access = given.get("contract"), given.get("name"), given.get("hasReportingAccess")
    if isinstance(urn, str) and urn and not is_contract_urn(urn):
        return (
            f'LinkedIn lists a contract as "{clean(urn, 80)}", which is not the URN of a contract (urn:li:contract:123456).'
            " It is left out; the others are loaded."
        )
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
        named = {str(urn): name} if isinstance(name, str) else {}
        which = in_words(urn, named) if isinstance(urn, str) and urn else "one contract"
        return f"LinkedIn lists {which} without a usable {', '.join(absent)}. It is left out; the others are loaded."
    description = given.get("description")
    if description is not None:
        text = description if isinstance(description, str) else json.dumps(description, ensure_ascii=False)
        description = clean(text, LONGEST_DESCRIPTION)
    return Contract(str(urn), clean(str(name), LONGEST_NAME), description, bool(access))


def _next_query(paging: Any, query: str, size: int) -> tuple[str | None, bool]:
    """Returns the query of the next page of a listing, None after the last page, and whether LinkedIn says that there is one.

    Links come first, then the total. Without both, a page shorter than its `count` is the last (documented).
    """
    if not isinstance(paging, dict):
        return None, False
    start = whole_number(parse_qs(query).get("start", ["0"])[0]) or 0
    links = paging.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "next":
            own = _query_of(link.get("href"))
            given = parse_qs(own)
            begin = whole_number(given.get("start", [""])[0])
            # a link without a start has a page token of its own
            if begin is None and set(given) - {"q", "count"}:
                return own, True
            return _page_query(begin if begin is not None and begin > start else start + max(size, 1)), True
    total, count = whole_number(paging.get("total")), whole_number(paging.get("count"))
    if total is not None:
        after = start + (count or max(size, 1))
        return (_page_query(after), True) if after < total else (None, False)
    return _page_query(start + size) if count is not None and 0 < count <= size else None, False


def _page_query(start: int) -> str:
    return f"{FIRST_PAGE}&start={start}&count={PAGE_SIZE}"


def _query_of(url: Any) -> str:
    """Returns the query of a link; an empty one if it cannot be sent unchanged."""
    try:
        query = urlsplit(str(url)).query if len(str(url)) <= LONGEST_QUERY else ""
    except ValueError:
        return ""
    return query if query.isascii() and query.isprintable() and " " not in query else ""


def _id_in_headers(headers: Mapping[str, str]) -> str | None:
    """Returns the id of a new job from the headers: the id itself, or the end of its address."""
    address = ""
    with contextlib.suppress(ValueError):
        address = urlsplit(headers.get("Location") or "").path.rstrip("/").rpartition("/")[2]
    return headers.get("x-restli-id") or headers.get("x-linkedin-id") or (address if address.isdecimal() else None)


def _job(given: Mapping[str, Any], job_id: int | None = None) -> Job:
    own = given.get("id")
    if own is None:
        own = job_id
    if own is None or isinstance(own, bool):
        raise UnusableAnswerError("LinkedIn's answer names no job id.")
    number = whole_number(own)
    if number is None:
        raise UnusableJobIdError(
            f'LinkedIn gave the job the id "{clean(str(own), 40)}", which is not a 64-bit number, so its rows could not be'
            " told apart."
        )
    status = given.get("status")
    url = given.get("downloadUrl") or given.get("downloadURL")
    return Job(
        id=number,
        status=(clean(status, LONGEST_STATUS) or None) if isinstance(status, str) else None,
        download_url=url if isinstance(url, str) and url else None,
        row_count=whole_number(given.get("rowCount")),
    )
