"""What can happen to a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from urllib.parse import urlencode

from salesnav_source.sandbox.faults.model import (
    Answer,
    Call,
    Effect,
    JobPlan,
    Listing,
    Stage,
    TCut,
    TEmpty,
    error_body,
)
from salesnav_source.sandbox.transforms import TTransform, nothing


@dataclass(frozen=True)
class Respond(Effect):
    """Another answer replaces the true one."""

    status: int
    body: bytes | Mapping[str, Any]
    """Bytes as they are sent, or the fields of an error of the API."""
    headers: Mapping[str, str] = field(default_factory=dict)
    made: bool = False
    """Whether the job is created nevertheless."""

    def prevents(self, call: Call) -> bool:
        """Returns true if the call has no effect."""
        return not self.made

    def on_answer(self, answer: Answer) -> None:
        """Replaces the answer."""
        answer.status = self.status
        answer.headers = dict(self.headers)
        if isinstance(self.body, bytes):
            answer.replace_body(self.body)
        else:
            answer.replace_body(b"")
            answer.fields = dict(self.body)


@dataclass(frozen=True)
class Disconnect(Effect):
    """The connection ends without an answer."""

    how: TCut
    made: bool = False
    """Whether the job is created nevertheless."""

    def prevents(self, call: Call) -> bool:
        """Returns true if the call has no effect."""
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
        """Changes the fields; if the answer wraps a job, those of the job."""
        if answer.fields is None:
            return
        target = answer.fields.get("value", answer.fields)
        target.update(self.values)
        for name in self.omit:
            target.pop(name, None)


@dataclass(frozen=True)
class Rewrite(Effect):
    """The fields of a JSON answer about a job are written differently."""

    function: Callable[[dict[str, Any]], dict[str, Any]]

    def on_answer(self, answer: Answer) -> None:
        """Changes the fields; if the answer wraps a job, those of the job."""
        if answer.fields is None:
            return
        if "value" in answer.fields:
            answer.fields = {**answer.fields, "value": self.function(answer.fields["value"])}
        else:
            answer.fields = self.function(answer.fields)


@dataclass(frozen=True)
class BareCreated(Effect):
    """The answer to a created job is 201 without a body, with the id in a header."""

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
            plan.changes.add(nothing, Stage.BYTES)


@dataclass(frozen=True)
class Content(Effect):
    """The file is changed: that of a job (and its rowCount with it), or that of one download only."""

    transform: TTransform
    row_count: int | Literal["true"] | None = None
    stage: Stage = Stage.VALUES

    def on_job(self, plan: JobPlan) -> None:
        """Changes the file of the job."""
        plan.changes.add(self.transform, self.stage)
        plan.row_count = plan.row_count if self.row_count is None else self.row_count

    def on_answer(self, answer: Answer) -> None:
        """Changes the file that is sent."""
        answer.changes.add(self.transform, self.stage)


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
    """The list of contracts leaves out entries after it was cut into pages, and announces more pages in some way."""

    hidden: tuple[int, ...] = ()
    """Before which entries there is one that the member may not see."""
    page_size: int | None = None
    links: Literal["full", "none", "next", "endless"] = "full"
    total: bool = False

    def on_listing(self, listing: Listing) -> None:
        """Changes the list and what the page says."""
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
        """Returns true if the call concerns the contract."""
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
            code = 100 if self.listed else None
            answer.replace_error(status, error_body(status, f"No access to {self.contract}", code))


@dataclass(frozen=True)
class Cookies(Effect):
    """LinkedIn sets a cookie, and refuses a request that sends it back."""

    def prevents(self, call: Call) -> bool:
        """Returns true if a cookie came back."""
        return "cookie" in call.headers

    def on_call(self, call: Call, answer: Answer) -> None:
        """Sets a cookie, or refuses one."""
        if "cookie" in call.headers:
            answer.replace_error(403, error_body(403, "The request is not trusted", 100))
        answer.headers["Set-Cookie"] = 'bcookie="v=2&sandbox"; Path=/; Max-Age=31536000'


@dataclass(frozen=True)
class Planned(Effect):
    """The file of a job that is created is changed in a way that follows from its window or its place in the lane."""

    change: Callable[[JobPlan], TTransform]
    stage: Stage = Stage.VALUES

    def on_job(self, plan: JobPlan) -> None:
        """Changes the file of the job."""
        plan.changes.add(self.change(plan), self.stage)
        plan.row_count = plan.row_count if self.stage is Stage.ROWS else "true"


@dataclass(frozen=True)
class DayHour(Effect):
    """The days of activities and outcomes begin at another hour than midnight UTC."""

    hour: int

    def on_job(self, plan: JobPlan) -> None:
        """Moves the time that the job is about."""
        plan.day_hour = self.hour


@dataclass(frozen=True)
class RefuseConsent(Effect):
    """The browser goes back with an error, and no page is shown."""

    error: str
    description: str

    def prevents(self, call: Call) -> bool:
        """Returns true if the call has no effect."""
        return True

    def on_call(self, call: Call, answer: Answer) -> None:
        """Sends the browser back."""
        query = {"error": self.error, "error_description": self.description}
        state = {} if call.state is None else {"state": call.state}
        answer.status, answer.headers["Location"] = 302, f"{call.redirect_uri}?{urlencode({**query, **state})}"
