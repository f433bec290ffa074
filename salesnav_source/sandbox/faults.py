"""Faults of the sandbox: which requests they hit and what happens to those.

A `Fault` is made by one of the functions here and narrowed with `Fault.where`:

    throttle(retry_after="5").where(times=3)
    too_large(longer_than=30).where(export="activities")
    reset_download(after_bytes=4096).where(contract="urn:li:contract:210001", after=1)

Faults hit requests that the API would accept; what it refuses is refused all the same. All faults that match a request
hit it together. docs/sandbox.md lists the ready-made ones.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from salesnav_source.sandbox import transforms as t
from salesnav_source.sandbox.data import DEFAULT_CONTRACTS
from salesnav_source.sandbox.transforms import TTransform, fewer_rows, more_rows, nothing

TCall = Literal["contracts", "create", "poll", "download", "token", "introspect"]
"""The calls of the API: list contracts, create a job, query it, download its file, renew a token, look into one."""

EXPORT_CALLS: tuple[TCall, ...] = ("contracts", "create", "poll", "download")
"""All calls that carry the access token."""

TEmpty = Literal["body", "line", "mark", "gzip", "204", "404"]
"""How a file without rows comes: as no byte at all, as 204, or as 404."""

TCut = Literal["reset", "close"]
"""How a connection ends before its time: reset by the server, or closed."""

_MAINTENANCE = b"<!DOCTYPE html><html><head><title>LinkedIn</title></head><body>We'll be back soon</body></html>"
_HTML = b"<!DOCTYPE html><html><head><title>LinkedIn</title></head><body>Something went wrong</body></html>"


@dataclass(frozen=True)
class Call:
    """A request that the API accepts, as faults see it."""

    kind: TCall
    today: dt.date
    contract: str | None = None
    export: str | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    job: int | None = None
    """Which job it concerns: 1 is the first one created."""
    now: float = 0.0
    """When it came, in seconds since the epoch."""
    age: float | None = None
    """How many seconds ago its job was created."""
    cookies: bool = False
    """Whether it brought cookies."""

    @property
    def days(self) -> int:
        """How many days the window has; none without a window."""
        return (self.last_day - self.first_day).days + 1 if self.first_day and self.last_day else 0


@dataclass
class Answer:
    """What the API answers, and how it is sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] | None = None
    body: bytes = b""
    """What is sent if there are neither `fields` nor `records` nor `chunks`."""
    chunks: Callable[[], Iterable[bytes]] | None = None
    """The file of a download, in pieces."""
    records: Callable[[], Iterable[bytes]] | None = None
    """The file of a download, line by line."""
    transforms: list[TTransform] = field(default_factory=list)
    wait: float = 0.0
    cut: TCut | None = None
    ending: TCut | None = None
    stop_after: int | None = None
    extra_length: int | None = None
    gzip: Literal["encoding", "file"] | None = None
    bytes_per_second: float | None = None
    pause: tuple[int, float] | None = None
    """After so many bytes of the body nothing comes for so many seconds."""

    @property
    def is_file(self) -> bool:
        """Tells whether a file is sent, as a stream."""
        return self.chunks is not None

    def replace_body(self, body: bytes) -> None:
        """Makes `body` all that is answered."""
        self.fields, self.chunks, self.records, self.body = None, None, None, body


@dataclass
class JobPlan:
    """What is to become of a job."""

    seconds: float
    outcome: str = "COMPLETED"
    transforms: list[TTransform] = field(default_factory=list)
    row_count: int | Literal["true"] | None = None
    """What the job says of the rows of its file: a number, those of the file before it was changed, or after (None)."""
    empty: TEmpty | None = None
    """How the file comes if it has no rows; None for a header alone."""
    name: Callable[[int], int | str] = int
    """Makes the id that is told of the job from its number."""


@dataclass
class Listing:
    """A page of the list of contracts that is about to be cut."""

    elements: list[dict[str, Any] | None]
    """All entries; None for one that is left out after the page was cut."""
    start: int
    size: int
    links: Literal["none", "next", "endless"] = "none"
    """Whether the page links to the next one: never, where there is one, or always."""
    total: bool = False
    """Whether the page tells how many entries there are."""

    def fields(self, path: str) -> dict[str, Any]:
        """Returns the answer; `path` is where the list lies."""
        page = [element for element in self.elements[self.start : self.start + self.size] if element is not None]
        after = self.start + self.size
        paging: dict[str, Any] = {"count": self.size, "start": self.start, "links": []}
        if self.links == "endless" or (self.links == "next" and after < len(self.elements)):
            href = f"{path}?q=contractsByMember&start={after}&count={self.size}"
            paging["links"] = [{"type": "application/json", "rel": "next", "href": href}]
        if self.total:
            paging["total"] = len(self.elements)
        return {"elements": page, "paging": paging}


class Effect:
    """What happens to a request."""

    def prevents(self, call: Call) -> bool:
        """Tells whether nothing is done about the call, e.g. no job is created."""
        return False

    def on_call(self, call: Call, answer: Answer) -> None:
        """Changes the answer, knowing the call; what `on_answer` does comes later."""

    def on_listing(self, listing: Listing) -> None:
        """Changes a page of the list of contracts."""

    def on_job(self, plan: JobPlan) -> None:
        """Changes what becomes of a job that is created."""

    def on_answer(self, answer: Answer) -> None:
        """Changes the answer."""


@dataclass(frozen=True)
class Respond(Effect):
    """Another answer takes the place of the true one."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    made: bool = False
    """Whether the job is created nevertheless."""

    def prevents(self, call: Call) -> bool:
        """Tells whether nothing is done about the call."""
        return not self.made

    def on_answer(self, answer: Answer) -> None:
        """Replaces the answer."""
        answer.status = self.status
        answer.headers = dict(self.headers)
        answer.replace_body(self.body)


@dataclass(frozen=True)
class Disconnect(Effect):
    """The connection ends without an answer."""

    how: TCut
    made: bool = False
    """Whether the job is created nevertheless."""

    def prevents(self, call: Call) -> bool:
        """Tells whether nothing is done about the call."""
        return not self.made

    def on_answer(self, answer: Answer) -> None:
        """Takes the answer away."""
        answer.cut = self.how


@dataclass(frozen=True)
class Hang(Effect):
    """The answer lets one wait; what was asked is done before."""

    seconds: float

    def on_answer(self, answer: Answer) -> None:
        """Delays the answer."""
        answer.wait += self.seconds


@dataclass(frozen=True)
class Change(Effect):
    """Fields of a JSON answer are other than they should be, or missing."""

    values: Mapping[str, Any] = field(default_factory=dict)
    omit: tuple[str, ...] = ()

    def on_answer(self, answer: Answer) -> None:
        """Changes the fields; those of the job, where the answer wraps one."""
        if answer.fields is None:
            return
        target = answer.fields.get("value", answer.fields)
        target.update(self.values)
        for name in self.omit:
            target.pop(name, None)


@dataclass(frozen=True)
class Rewrite(Effect):
    """The fields of a JSON answer that tells of a job are written differently."""

    function: Callable[[dict[str, Any]], dict[str, Any]]

    def on_answer(self, answer: Answer) -> None:
        """Changes the fields; those of the job, where the answer wraps one."""
        if answer.fields is None:
            return
        if "value" in answer.fields:
            answer.fields = {**answer.fields, "value": self.function(answer.fields["value"])}
        else:
            answer.fields = self.function(answer.fields)


@dataclass(frozen=True)
class BareCreated(Effect):
    """A job that was created is told by 201, no body, and its id in a header."""

    header: str

    def on_answer(self, answer: Answer) -> None:
        """Moves the id from the body into the header."""
        if answer.fields is not None:
            answer.status, answer.headers[self.header] = 201, str(answer.fields["value"]["id"])
            answer.replace_body(b"")


@dataclass(frozen=True)
class Status(Effect):
    """The job is said to have this status, whatever it really has."""

    status: str

    def on_answer(self, answer: Answer) -> None:
        """Leaves only the id of the job and the status."""
        if answer.fields is not None:
            answer.fields = {"id": answer.fields.get("id"), "status": self.status}


@dataclass(frozen=True)
class Outcome(Effect):
    """A job that is created ends like this, after this time."""

    status: str = "COMPLETED"
    seconds: float | None = None
    """None for the time it would have taken anyway."""

    def on_job(self, plan: JobPlan) -> None:
        """Decides what becomes of the job."""
        plan.outcome = self.status
        plan.seconds = plan.seconds if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Named(Effect):
    """A job that is created gets another id."""

    name: Callable[[int], int | str]

    def on_job(self, plan: JobPlan) -> None:
        """Decides how the job is called."""
        plan.name = self.name


@dataclass(frozen=True)
class Empty(Effect):
    """A file without rows comes without its header."""

    how: TEmpty
    always: bool = False
    """Whether the file loses the rows it has."""

    def on_job(self, plan: JobPlan) -> None:
        """Decides how the file of the job comes."""
        plan.empty = self.how
        if self.always:
            plan.transforms.append(nothing)


@dataclass(frozen=True)
class Content(Effect):
    """The file is changed: that of a job (and its rowCount with it), or that of one download only."""

    transform: TTransform
    row_count: int | Literal["true"] | None = None

    def on_job(self, plan: JobPlan) -> None:
        """Changes the file of the job."""
        plan.transforms.append(self.transform)
        plan.row_count = plan.row_count if self.row_count is None else self.row_count

    def on_answer(self, answer: Answer) -> None:
        """Changes the file that is sent."""
        answer.transforms.append(self.transform)


@dataclass(frozen=True)
class Transfer(Effect):
    """The body is not sent as it should be."""

    stop_after: int | None = None
    """Bytes of the body that are sent; a negative number counts from its end."""
    ending: TCut | None = None
    """How the connection ends after the body, instead of the body ending properly."""
    extra_length: int | None = None
    """Content-Length claims so many bytes more than there are."""
    gzip: Literal["encoding", "file"] | None = None
    """Whether the body is compressed, and says so in Content-Encoding or not."""
    bytes_per_second: float | None = None
    pause: tuple[int, float] | None = None
    """After so many bytes nothing comes for so many seconds."""

    def on_answer(self, answer: Answer) -> None:
        """Decides how the body is sent."""
        for name in (f.name for f in fields(self)):
            if getattr(self, name) is not None:
                setattr(answer, name, getattr(self, name))


@dataclass(frozen=True)
class IgnorePaging(Effect):
    """The list of contracts ignores `start` and repeats its first page."""

    def on_listing(self, listing: Listing) -> None:
        """Begins at the first entry."""
        listing.start = 0


@dataclass(frozen=True)
class Paging(Effect):
    """The list of contracts leaves out entries after it was cut into pages, and tells of more pages in some way."""

    hidden: tuple[int, ...] = ()
    """Before which entries there is one that the member may not see."""
    page_size: int | None = None
    links: Literal["none", "next", "endless"] = "none"
    total: bool = False

    def on_listing(self, listing: Listing) -> None:
        """Changes the list and what the page tells."""
        for position in sorted(self.hidden, reverse=True):
            listing.elements.insert(position, None)
        listing.size = min(listing.size, self.page_size or listing.size)
        listing.links, listing.total = self.links, self.total


@dataclass(frozen=True)
class Entry(Effect):
    """An entry of the list of contracts lacks fields or has others."""

    entry: int | str
    """Its number from 0, or the contract's URN."""
    values: Mapping[str, Any]
    omit: tuple[str, ...]

    def on_listing(self, listing: Listing) -> None:
        """Changes the entry."""
        for number, element in enumerate(listing.elements):
            if element is not None and self.entry in (number, element.get("contract")):
                changed = {**element, **self.values}
                listing.elements[number] = {name: changed[name] for name in changed if name not in self.omit}


@dataclass(frozen=True)
class Lost(Effect):
    """A contract is no longer given to the member."""

    contract: str
    listed: bool
    """Whether the list still names it, without reporting access."""

    def prevents(self, call: Call) -> bool:
        """Tells whether the call concerns the contract."""
        return call.contract == self.contract

    def on_listing(self, listing: Listing) -> None:
        """Takes the access or the entry away."""
        there = [element for element in listing.elements if element is None or element["contract"] != self.contract]
        if self.listed:
            listing.elements = [
                element if element in there or element is None else {**element, "hasReportingAccess": False}
                for element in listing.elements
            ]
        else:
            listing.elements = there

    def on_call(self, call: Call, answer: Answer) -> None:
        """Refuses what concerns the contract."""
        if call.contract == self.contract:
            status = 403 if self.listed else 404
            answer.status, answer.headers = status, {}
            answer.replace_body(b"")
            answer.fields = error_body(status, f"No access to {self.contract}", 100 if self.listed else None)


@dataclass(frozen=True)
class Cookies(Effect):
    """LinkedIn sets a cookie, and refuses who sends it back."""

    def prevents(self, call: Call) -> bool:
        """Tells whether a cookie came back."""
        return call.cookies

    def on_call(self, call: Call, answer: Answer) -> None:
        """Sets a cookie, or refuses one."""
        if call.cookies:
            answer.status, answer.headers = 403, {}
            answer.replace_body(b"")
            answer.fields = error_body(403, "The request is not trusted", 100)
        answer.headers["Set-Cookie"] = 'bcookie="v=2&sandbox"; Path=/; Max-Age=31536000'


@dataclass(frozen=True)
class Fault:
    """Which requests are hit, and by what.

    A request must meet all that is given; `where` gives more.
    """

    call: TCall | tuple[TCall, ...]
    effect: Effect
    contract: str | None = None
    """URN of the contract it concerns."""
    export: str | None = None
    """Name of the export it concerns."""
    day: dt.date | None = None
    """A day that the window includes."""
    longer_than: int | None = None
    """The window has more days than this."""
    later_than: dt.date | None = None
    """The window includes a day after this one."""
    newest_days: int | None = None
    """The window includes one of the last so many days before today."""
    job: int | None = None
    """Which job it concerns: 1 is the first one created."""
    when: Callable[[Call], bool] | None = None
    """A further condition."""
    times: int | None = 1
    """How many matching requests are hit; None for all."""
    after: int = 0
    """How many matching requests are spared first."""
    younger_than: float | None = None
    """The job was created less than so many seconds ago."""
    wait: float = 0.0
    """Nothing is hit for so many seconds, by the sandbox's clock, since the fault was added."""
    seconds: float | None = None
    """Nothing is hit once so many seconds have passed since the first request that was; None for no such end."""

    def where(self, **changes: Any) -> "Fault":
        """Returns this fault with other conditions.

        Args:
            **changes: Attributes of the fault: call, contract, export, day, longer_than, later_than, newest_days, job,
                when, times, after, younger_than, wait, seconds.
        """
        return replace(self, **changes)

    def matches(self, call: Call) -> bool:
        """Tells whether the call meets the conditions, however often it was hit before."""
        first, last = call.first_day, call.last_day
        return (
            call.kind in ((self.call,) if isinstance(self.call, str) else self.call)
            and self.contract in (None, call.contract)
            and self.export in (None, call.export)
            and self.job in (None, call.job)
            and (self.day is None or bool(first and last and first <= self.day <= last))
            and (self.longer_than is None or call.days > self.longer_than)
            and (self.later_than is None or bool(last and last > self.later_than))
            and (self.newest_days is None or bool(last and (call.today - last).days <= self.newest_days))
            and (self.younger_than is None or (call.age is not None and call.age < self.younger_than))
            and (self.when is None or self.when(call))
        )


def error_body(status: int, message: str, code: int | None = None) -> dict[str, Any]:
    """Returns the body of an error as LinkedIn writes it."""
    return {"message": message, "serviceErrorCode": status if code is None else code, "status": status}


def respond(
    status: int,
    call: TCall | tuple[TCall, ...] = "poll",
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    code: int | None = None,
    made: bool = False,
) -> Fault:
    """Another answer takes the place of the true one.

    Args:
        status: HTTP status.
        call: The call that is answered so.
        body: The body; None for an error in LinkedIn's words.
        headers: Further headers.
        code: LinkedIn's code of the error.
        made: Whether a job is created nevertheless.
    """
    error = json.dumps(error_body(status, f"Sandbox fault {status}", code)).encode()
    types = {"Content-Type": "application/json"} if body is None else {}
    return Fault(call, Respond(status, error if body is None else body, {**types, **(headers or {})}, made))


def throttle(retry_after: str | None = "1", call: TCall = "poll") -> Fault:
    """A call is throttled (429); Retry-After may be seconds, a date, nonsense or absent (None)."""
    return respond(429, call, headers={} if retry_after is None else {"Retry-After": retry_after}, code=101)


def unavailable(status: int = 503, call: TCall = "poll") -> Fault:
    """A call is answered with a 5xx."""
    return respond(status, call)


def unauthorized(call: TCall = "poll", code: int = 65601) -> Fault:
    """A call is answered as if the token were dead (401), though it is not."""
    return respond(401, call, code=code)


def forbidden(call: TCall = "create") -> Fault:
    """A call is answered with 403: not enough access."""
    return respond(403, call, code=100)


def not_found(call: TCall = "poll") -> Fault:
    """A call is answered with 404: LinkedIn forgot the job."""
    return respond(404, call)


def not_json(call: TCall = "poll") -> Fault:
    """A call is answered with 200 and a page that is no JSON."""
    return respond(200, call, body=_HTML, headers={"Content-Type": "text/html"}, made=True)


def empty_answer(call: TCall = "poll") -> Fault:
    """A call is answered with 200 and no body."""
    return respond(200, call, body=b"", made=True)


def outage(seconds: float = 300.0, status: int = 503) -> Fault:
    """All calls are answered with 503 for five minutes, by the clock, from the first one on."""
    return respond(status, EXPORT_CALLS).where(times=None, seconds=seconds)


def maintenance(seconds: float = 300.0, status: int = 503) -> Fault:
    """All calls are answered with 503 and a maintenance page for five minutes."""
    headers = {"Content-Type": "text/html; charset=utf-8"}
    answer = respond(status, EXPORT_CALLS, body=_MAINTENANCE, headers=headers)
    return answer.where(times=None, seconds=seconds)


def maintenance_200(seconds: float = 300.0) -> Fault:
    """All calls are answered with 200 and a maintenance page for five minutes."""
    return maintenance(seconds, 200)


def throttled_for(seconds: float = 300.0) -> Fault:
    """All calls are throttled (429), without Retry-After, for five minutes."""
    return respond(429, EXPORT_CALLS, code=101).where(times=None, seconds=seconds)


def stray_unauthorized() -> Fault:
    """One call, whichever it is, is answered with 401 (65601), though the token is valid."""
    return respond(401, EXPORT_CALLS, code=65601)


def cookies() -> Fault:
    """Every answer sets a cookie, and who sends it back is answered with 403."""
    return Fault(EXPORT_CALLS, Cookies(), times=None)


def omit(*names: str, call: TCall = "poll") -> Fault:
    """Fields are missing from a JSON answer, e.g. status, downloadUrl or rowCount."""
    return Fault(call, Change(omit=names or ("rowCount",)))


def change(call: TCall = "poll", **values: Any) -> Fault:
    """Fields of a JSON answer have other values, e.g. downloadUrl, rowCount or expireAt."""
    return Fault(call, Change(values))


def null_row_count() -> Fault:
    """Completed jobs have null for rowCount."""
    return _rewrite(lambda job: {**job, "rowCount": None} if "rowCount" in job else job)


def text_row_count() -> Fault:
    """Completed jobs have rowCount as text."""
    return _rewrite(lambda job: {name: str(job[name]) if name == "rowCount" else job[name] for name in job})


def upper_case_url() -> Fault:
    """Completed jobs name their URL downloadURL, as LinkedIn's tutorial does once."""
    return _rewrite(lambda job: {"downloadURL" if name == "downloadUrl" else name: job[name] for name in job})


def lower_case_status() -> Fault:
    """Statuses of jobs are written in lower case."""
    return _rewrite(lambda job: {name: job[name].lower() if name == "status" else job[name] for name in job})


def _rewrite(function: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(("create", "poll"), Rewrite(function), times=None)


def bare_created(header: str = "x-restli-id") -> Fault:
    """Creating a job is answered with 201, no body, and the job's id in the header x-restli-id."""
    return Fault("create", BareCreated(header), times=None)


def text_id(name: Callable[[int], int | str] = "export-{}".format) -> Fault:
    """Jobs have ids that are no numbers."""
    return Fault("create", Named(name), times=None)


def huge_id() -> Fault:
    """Jobs have ids beyond 2^63."""
    return text_id(lambda number: 2**63 + number)


def young_job_not_found(seconds: float = 5.0) -> Fault:
    """Jobs are not found (404) in the first five seconds of their life."""
    return not_found().where(times=None, younger_than=seconds)


def reset(call: TCall = "poll", made: bool = False) -> Fault:
    """The connection is reset instead of an answer."""
    return Fault(call, Disconnect("reset", made))


def close(call: TCall = "poll", made: bool = False) -> Fault:
    """The connection is closed without an answer."""
    return Fault(call, Disconnect("close", made))


def lost_create() -> Fault:
    """A job is created, but the connection is reset before its id is told."""
    return reset("create", made=True)


def hang(seconds: float = 30.0, call: TCall = "poll") -> Fault:
    """An answer lets one wait; a job is created before."""
    return Fault(call, Hang(seconds))


def repeat_page() -> Fault:
    """The list of contracts ignores paging and repeats its first page."""
    return Fault("contracts", IgnorePaging(), times=None)


def short_page(hidden: tuple[int, ...] = (1,), page_size: int | None = 2) -> Fault:
    """The list of contracts comes in pages that may be short; a link tells whether another follows.

    Args:
        hidden: Before which entries there is one that the member may not see; it is left out after cutting pages.
        page_size: How many entries a page has at most, those left out included; None for the sandbox's own number.
    """
    return Fault("contracts", Paging(hidden, page_size, links="next"), times=None)


def short_page_total(hidden: tuple[int, ...] = (1,), page_size: int | None = 2) -> Fault:
    """The list of contracts comes in pages that may be short; a total tells how many entries there are."""
    return Fault("contracts", Paging(hidden, page_size, total=True), times=None)


def endless_links() -> Fault:
    """Every page of the list of contracts links to a next one, the last and the empty ones too."""
    return Fault("contracts", Paging(links="endless"), times=None)


def entry(which: int | str = 1, *without: str, **values: Any) -> Fault:
    """An entry of the list of contracts lacks fields or has other values.

    Args:
        which: Number of the entry from 0, or the contract's URN.
        *without: Fields that it lacks.
        **values: Fields that it has.
    """
    return Fault("contracts", Entry(which, values, without), times=None)


def entry_without_name() -> Fault:
    """The second entry of the list of contracts has no name."""
    return entry(1, "name")


def entry_without_access() -> Fault:
    """The second entry of the list of contracts does not say whether it may be exported."""
    return entry(1, "hasReportingAccess")


def entry_without_contract() -> Fault:
    """The second entry of the list of contracts has no URN."""
    return entry(1, "contract")


def null_name() -> Fault:
    """The second entry of the list of contracts has null for a name."""
    return entry(1, name=None)


def odd_description() -> Fault:
    """The second entry of the list of contracts has a description that is no text."""
    return entry(1, description={"localized": {"en_US": "Key accounts"}, "length": 12})


def lost_access(contract: str = DEFAULT_CONTRACTS[1].urn) -> Fault:
    """A contract (the sandbox's second) loses reporting access: the list says so, other calls are refused (403)."""
    return _lost(Lost(contract, listed=True))


def unlisted_contract(contract: str = DEFAULT_CONTRACTS[1].urn) -> Fault:
    """A contract (the sandbox's second) is no longer listed, and other calls do not find it (404)."""
    return _lost(Lost(contract, listed=False))


def _lost(effect: Lost) -> Fault:
    def hit(call: Call) -> bool:
        return call.kind == "contracts" or call.contract == effect.contract

    return Fault(EXPORT_CALLS, effect, when=hit, times=None)


def expired_url() -> Fault:
    """A download is answered as if its URL had expired (401)."""
    return respond(401, "download")


def reset_download(after_bytes: int = 1024) -> Fault:
    """A download is reset after some bytes, of which not all need to arrive."""
    return Fault("download", Transfer(after_bytes, "reset"))


def missing_last_chunk(after_bytes: int | None = None) -> Fault:
    """A download's connection closes without the last chunk, after some bytes or after all."""
    return Fault("download", Transfer(after_bytes, "close"))


def cut_download(after_bytes: int = -10) -> Fault:
    """A download ends properly, but in the midst of a row."""
    return Fault("download", Transfer(after_bytes))


def short_file(rows: int = 1) -> Fault:
    """A download ends properly, but lacks the last rows."""
    return Fault("download", Content(fewer_rows(rows)))


def long_file(rows: int = 1) -> Fault:
    """A download has more rows than the job says."""
    return Fault("download", Content(more_rows(rows)))


def false_length(extra: int = 100) -> Fault:
    """A download's Content-Length claims more bytes than come."""
    return Fault("download", Transfer(extra_length=extra))


def html_download() -> Fault:
    """A download is answered with 200 and an HTML page."""
    return not_json("download")


def empty_download() -> Fault:
    """A download is answered with 200 and not a byte."""
    return Fault("download", Content(nothing))


def gzip_download(stop_after: int | None = None) -> Fault:
    """A download is compressed and says so (Content-Encoding: gzip); it may stop early, though properly."""
    return Fault("download", Transfer(stop_after, gzip="encoding"))


def gzip_file() -> Fault:
    """A download is a gzip file, without Content-Encoding."""
    return Fault("download", Transfer(gzip="file"))


def slow_download(bytes_per_second: float = 10_000.0) -> Fault:
    """A download comes slowly."""
    return Fault("download", Transfer(bytes_per_second=bytes_per_second))


def trickle(bytes_per_second: float = 20.0) -> Fault:
    """A download trickles: twenty bytes a second."""
    return slow_download(bytes_per_second)


def stalled_download(after_bytes: int = 1024, seconds: float = 3600.0) -> Fault:
    """A download stands still for an hour after 1024 bytes."""
    return Fault("download", Transfer(pause=(after_bytes, seconds)))


def late_first_byte(seconds: float = 35.0) -> Fault:
    """A download is answered at once, but the first byte of its body takes 35 seconds."""
    return stalled_download(0, seconds)


def late_answer(seconds: float = 35.0) -> Fault:
    """A download is answered only after 35 seconds."""
    return hang(seconds, "download")


def not_ready(retry_after: str = "2") -> Fault:
    """A download is answered with 202, no body, and Retry-After."""
    return respond(202, "download", body=b"", headers={"Retry-After": retry_after})


def empty_file(how: TEmpty = "body", always: bool = False) -> Fault:
    """Jobs without rows have a file without a byte, not even a header.

    Args:
        how: What comes instead of a header: no byte, a blank line, a byte order mark, nothing compressed, 204, or 404.
        always: Whether it hits jobs with rows too, which lose them.
    """
    return Fault("create", Empty(how, always), times=None)


def no_content() -> Fault:
    """Jobs without rows answer the download with 204."""
    return empty_file("204")


def no_file() -> Fault:
    """Jobs without rows answer the download with 404."""
    return empty_file("404")


def redirect_download(url: str = "http://127.0.0.1:9/elsewhere", status: int = 302) -> Fault:
    """A download is redirected to another address."""
    return respond(status, "download", body=b"", headers={"Location": url})


def download_url(url: str = "http://127.0.0.1:9/elsewhere") -> Fault:
    """A job names this download URL instead of its own."""
    return change("poll", downloadUrl=url)


def too_large(longer_than: int = 30) -> Fault:
    """Jobs over more than 30 days fail because their file is too large."""
    effect = Outcome("FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR")
    return Fault("create", effect, longer_than=longer_than, times=None)


def data_delay(later_than: dt.date | None = None) -> Fault:
    """Jobs that include yesterday (or a day later than a given one) fail because the data is late."""
    newest = 1 if later_than is None else None
    effect = Outcome("FAILED_DUE_TO_DATA_DELAY")
    return Fault("create", effect, later_than=later_than, newest_days=newest, times=None)


def delayed_weeks(days: int = 21) -> Fault:
    """Jobs that include one of the last three weeks' days fail because the data is late."""
    return data_delay().where(newest_days=days)


def timed_out() -> Fault:
    """A job fails because it took LinkedIn too long."""
    return Fault("create", Outcome("FAILED_DUE_TO_TIMED_OUT"))


def internal_error() -> Fault:
    """A job fails because of an error at LinkedIn."""
    return Fault("create", Outcome("FAILED_DUE_TO_INTERNAL_ERROR"))


def failed_job(status: str) -> Fault:
    """A job ends with this status."""
    return Fault("create", Outcome(status))


def failed() -> Fault:
    """A job ends with FAILED, which is not documented."""
    return failed_job("FAILED")


def cancelled() -> Fault:
    """A job ends with CANCELLED, which is not documented."""
    return failed_job("CANCELLED")


def failed_newly(reason: str = "SHARD_REBALANCING") -> Fault:
    """A job ends with FAILED_DUE_TO_ something that is not documented."""
    return failed_job(f"FAILED_DUE_TO_{reason}")


def slow_job(seconds: float = 60.0) -> Fault:
    """A job takes a minute, or as long as told."""
    return Fault("create", Outcome(seconds=seconds))


def endless_job() -> Fault:
    """A job never ends."""
    return slow_job(float("inf"))


def unknown_status(status: str = "ON_HOLD") -> Fault:
    """A job is said to have a status that nobody documented."""
    return Fault("poll", Status(status))


def content(
    transform: TTransform,
    row_count: int | Literal["true"] | None = None,
    call: Literal["create", "download"] = "create",
) -> Fault:
    """A file is changed.

    Args:
        transform: From the records of the true file to those that are sent.
        row_count: What the job says of the rows; "true" for those of the true file, None for those that the changed
            file has.
        call: "create" to change the file of the job, "download" to change one download of it and not what the job says.
    """
    return Fault(call, Content(transform, row_count))


def _always(transform: TTransform) -> Fault:
    """Changes the files of all jobs; rowCount tells the rows that there really are."""
    return content(transform, "true").where(times=None)


def second_header() -> Fault:
    """Files repeat their header line after the first row."""
    return _always(t.repeat_header())


def footer() -> Fault:
    """Files end with a line that tells the number of rows."""
    return _always(t.footer())


def blank_rows() -> Fault:
    """Files have lines of nothing but delimiters, after every tenth row."""
    return _always(t.blank_rows(10))


def zip_file() -> Fault:
    """Files come as zip archives."""
    return _always(t.zipped)


def utf_16() -> Fault:
    """Files come in UTF-16, with a byte order mark."""
    return _always(t.utf_16())


def semicolons() -> Fault:
    """Files have semicolons for delimiters."""
    return _always(t.delimited(";"))


def renamed_columns() -> Fault:
    """Files have memberIdentityKey and totalSavedLeads under other headers."""
    return _always(t.rename_columns({"memberIdentityKey": "leadReference", "totalSavedLeads": "leadTally"}))


def removed_columns() -> Fault:
    """Files lack memberIdentityKey and totalSavedLeads."""
    return _always(t.drop_columns("memberIdentityKey", "totalSavedLeads"))


def added_columns() -> Fault:
    """Files have two columns more."""
    return _always(t.extra_columns({"salesRegion": "north", "tier": ""}))


def iso_timestamps() -> Fault:
    """Files have timestamps by ISO 8601."""
    return _always(t.restamp("%Y-%m-%dT%H:%M:%SZ"))


def odd_timestamps(form: str = "%d.%m.%y %H.%M", every: int = 2) -> Fault:
    """Every other row of files has its timestamp in a form that cannot be read."""
    return _always(t.restamp(form, every))


def no_value_metrics() -> Fault:
    """Seats' empty metrics are N/A."""
    return _always(t.fill_empty("N/A", *t.METRICS))


def thousands_separators() -> Fault:
    """Seats' whole numbers are written 1,234."""
    return _always(t.thousands("totalConnections", "totalSavedLeads"))


FAULTS: Mapping[str, Callable[[], Fault]] = {
    "throttle": throttle,
    "unavailable": unavailable,
    "unauthorized": unauthorized,
    "forbidden": forbidden,
    "not-found": not_found,
    "not-json": not_json,
    "empty-answer": empty_answer,
    "omit-row-count": omit,
    "reset": reset,
    "close": close,
    "hang": hang,
    "lost-create": lost_create,
    "repeat-page": repeat_page,
    "expired-url": expired_url,
    "reset-download": reset_download,
    "missing-last-chunk": missing_last_chunk,
    "cut-download": cut_download,
    "short-file": short_file,
    "long-file": long_file,
    "false-length": false_length,
    "html-download": html_download,
    "empty-download": empty_download,
    "gzip-download": gzip_download,
    "gzip-file": gzip_file,
    "slow-download": slow_download,
    "redirect-download": redirect_download,
    "download-url": download_url,
    "too-large": too_large,
    "data-delay": data_delay,
    "timed-out": timed_out,
    "internal-error": internal_error,
    "slow-job": slow_job,
    "endless-job": endless_job,
    "unknown-status": unknown_status,
    "outage": outage,
    "maintenance": maintenance,
    "maintenance-200": maintenance_200,
    "throttled-for": throttled_for,
    "stray-unauthorized": stray_unauthorized,
    "cookies": cookies,
    "short-page": short_page,
    "short-page-total": short_page_total,
    "endless-links": endless_links,
    "entry-without-name": entry_without_name,
    "entry-without-access": entry_without_access,
    "entry-without-contract": entry_without_contract,
    "null-name": null_name,
    "odd-description": odd_description,
    "lost-access": lost_access,
    "unlisted-contract": unlisted_contract,
    "null-row-count": null_row_count,
    "text-row-count": text_row_count,
    "upper-case-url": upper_case_url,
    "lower-case-status": lower_case_status,
    "bare-created": bare_created,
    "text-id": text_id,
    "huge-id": huge_id,
    "young-job-not-found": young_job_not_found,
    "failed": failed,
    "cancelled": cancelled,
    "failed-newly": failed_newly,
    "delayed-weeks": delayed_weeks,
    "trickle": trickle,
    "stalled-download": stalled_download,
    "late-first-byte": late_first_byte,
    "late-answer": late_answer,
    "not-ready": not_ready,
    "empty-file": empty_file,
    "no-content": no_content,
    "no-file": no_file,
    "second-header": second_header,
    "footer": footer,
    "blank-rows": blank_rows,
    "zip-file": zip_file,
    "utf-16": utf_16,
    "semicolons": semicolons,
    "renamed-columns": renamed_columns,
    "removed-columns": removed_columns,
    "added-columns": added_columns,
    "iso-timestamps": iso_timestamps,
    "odd-timestamps": odd_timestamps,
    "no-value-metrics": no_value_metrics,
    "thousands-separators": thousands_separators,
}
"""Ready-made faults by the name they have on the command line; the first line of each docstring describes it."""


def describe(name: str) -> str:
    """Returns a line about a ready-made fault."""
    return (FAULTS[name].__doc__ or "").partition("\n")[0]


def parse_fault(text: str) -> Fault:
    """Returns the ready-made fault that `NAME[:TIMES][@SECONDS]` names.

    `TIMES` is how many requests are hit: a number, `always`, or a span such as `300s`, which begins with the first
    request that is hit. `SECONDS` is how long the fault waits after the sandbox was started.

    Raises:
        ValueError: if there is no such fault, or the rest is none of these.
    """
    head, at, wait = text.partition("@")
    name, _, times = head.partition(":")
    if name not in FAULTS:
        raise ValueError(f"There is no fault {name!r}; there are: {', '.join(FAULTS)}.")
    if at and not wait.isdecimal():
        raise ValueError(f"{text!r}: after the @ stands how many seconds the fault waits.")
    fault = FAULTS[name]().where(wait=float(wait or 0))
    if not times:
        return fault
    if times == "always":
        return fault.where(times=None, seconds=None)
    span = times.removesuffix("s")
    if not span.isdecimal() or not int(span):
        raise ValueError(f"{text!r}: after the colon stands how many times, how many seconds (300s), or 'always'.")
    return fault.where(times=int(span)) if span == times else fault.where(times=None, seconds=float(span))
