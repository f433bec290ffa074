"""What a fault is: which calls it hits, and the pieces of an answer that an effect may change."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from operator import itemgetter
from typing import Any, Literal

from salesnav_source.sandbox.interval import Interval
from salesnav_source.sandbox.transforms import TTransform

TCall = Literal["contracts", "create", "poll", "download", "token", "introspect", "authorize", "exchange"]
"""The calls: list contracts, create a job, query it, download its file, renew a token, look into one, ask for consent,
exchange a code for a token."""

API_CALLS: tuple[TCall, ...] = ("contracts", "create", "poll")
"""The calls of the API itself; files come from another host."""

EXPORT_CALLS: tuple[TCall, ...] = (*API_CALLS, "download")
"""All calls that carry the access token."""

TEmpty = Literal["body", "line", "mark", "gzip", "204", "404"]
"""How a file without rows comes: as no byte at all, as 204, or as 404."""

TCut = Literal["reset", "close"]
"""How a connection ends before its time: reset by the server, or closed."""


class Stage(IntEnum):
    """When a change to a file is applied, so that faults combine whatever their order."""

    ROWS = 0
    """True rows come or go; `rowCount` knows of them."""
    VALUES = 1
    """Values change, and columns come."""
    HEADERS = 2
    """Headers change."""
    LINES = 3
    """Lines are written in another way."""
    BYTES = 4
    """The file as a whole is encoded or compressed."""


class Changes:
    """Changes to a file."""

    def __init__(self) -> None:
        self._steps: list[tuple[Stage, TTransform]] = []

    def __bool__(self) -> bool:
        return bool(self._steps)

    def add(self, transform: TTransform, stage: Stage = Stage.VALUES) -> None:
        """Adds a change; those of one stage are applied in the order in which they were added."""
        self._steps.append((stage, transform))

    def apply(self, records: Iterable[bytes], last: Stage = Stage.BYTES) -> Iterable[bytes]:
        """Returns the changed records.

        Args:
            records: The records of the file, header first.
            last: The last stage that is applied.
        """
        for stage, transform in sorted(self._steps, key=itemgetter(0)):
            if stage <= last:
                records = transform(records)
        return records


@dataclass(frozen=True)
class Call:
    """A request that the API accepts, as faults see it."""

    kind: TCall
    today: dt.date
    contract: str | None = None
    export: str | None = None
    interval: Interval | None = None
    """The time that a job is about."""
    job: int | None = None
    """Which job it concerns: 1 is the first one created."""
    now: float = 0.0
    """When it came, in seconds since the epoch."""
    age: float | None = None
    """How many seconds ago its job was created."""
    again: bool = False
    """True if an earlier job of the lane that was completed has one of its days."""
    start: int = 0
    """The first entry that is asked for of a list."""
    parameters: frozenset[str] = frozenset()
    """The names of the parameters of the address."""
    redirect_uri: str = ""
    """Where the browser goes once the member has decided."""
    state: str | None = None
    """The answer for the browser."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the request brought, by lower-case names."""

    @property
    def first_day(self) -> dt.date | None:
        """First day of the window."""
        return self.interval.first_day if self.interval else None

    @property
    def last_day(self) -> dt.date | None:
        """Last day of the window."""
        return self.interval.last_day if self.interval else None

    @property
    def days(self) -> int:
        """How many days the window has; none without a window."""
        return self.interval.days if self.interval else 0

    @property
    def reach(self) -> int:
        """How many days before today the window begins."""
        return (self.today - self.interval.first_day).days if self.interval else 0


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
    changes: Changes = field(default_factory=Changes)
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
        """True if a file is sent, as a stream."""
        return self.chunks is not None

    def replace_body(self, body: bytes) -> None:
        """Makes `body` all that is answered."""
        self.fields, self.chunks, self.records, self.body = None, None, None, body

    def replace_error(self, status: int, fields: dict[str, Any]) -> None:
        """Makes an error all that is answered."""
        self.status, self.headers = status, {}
        self.replace_body(b"")
        self.fields = fields


@dataclass
class JobPlan:
    """What is to become of a job."""

    seconds: float
    place: int = 1
    """Which job of its lane it is: 1 is the first one created."""
    interval: Interval = field(default_factory=lambda: Interval(0, 0))
    """The time that it is about."""
    before: Callable[[int], Iterable[bytes]] = lambda days: ()
    """Returns the true rows of so many days before the first one of the window."""
    outcome: str = "COMPLETED"
    changes: Changes = field(default_factory=Changes)
    row_count: int | Literal["true"] | None = None
    """What the job says of the rows of its file: a number, those of the file before it was changed, or after (None)."""
    empty: TEmpty | None = None
    """How the file comes if it has no rows; None for a header alone."""
    name: Callable[[int], int | str] = int
    """Makes the id of the job in answers from its number."""
    day_hour: int = 0
    """The hour, UTC, at which the days of activities and outcomes begin."""


@dataclass
class Listing:
    """A page of the list of contracts that is about to be cut."""

    elements: list[dict[str, Any] | None]
    """All entries; None for one that is left out after the page was cut."""
    start: int
    size: int
    links: Literal["full", "none", "next", "endless"] = "full"
    """When a page links to the next one: if it is full, never, if there is one, or always."""
    total: bool = False
    """True if the page says how many entries there are."""

    def fields(self, path: str) -> dict[str, Any]:
        """Returns the answer; `path` is that of the list."""
        cut = self.elements[self.start : self.start + self.size]
        after = self.start + self.size
        linked = {
            "full": 0 < len(cut) == self.size,
            "none": False,
            "next": after < len(self.elements),
            "endless": True,
        }[self.links]
        links = [self._link(path, "next", after)] if linked else []
        if self.size and self.start and self.links == "full":
            links.insert(0, self._link(path, "prev", max(self.start - self.size, 0)))
        paging: dict[str, Any] = {"count": self.size, "start": self.start, "links": links}
        if self.total:
            paging["total"] = len(self.elements)
        return {"elements": [element for element in cut if element is not None], "paging": paging}

    def _link(self, path: str, which: str, start: int) -> dict[str, str]:
        href = f"{path}?q=contractsByMember&start={start}&count={self.size}"
        return {"type": "application/json", "rel": which, "href": href}


class Effect:
    """What happens to a request."""

    def prevents(self, call: Call) -> bool:
        """Returns true if the call has no effect, e.g. no job is created."""
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
        """Returns true if the call meets the conditions, however often it was hit before."""
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


CODE_REFUSED = {
    "error": "invalid_request",
    "error_description": "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization"
    " code. Or authorization code expired. Or external member binding exists",
}
"""The body of LinkedIn's answer to a code that cannot be exchanged."""


def error_body(status: int, message: str, code: int | None = None) -> dict[str, Any]:
    """Returns the body of an error as LinkedIn writes it."""
    return {"message": message, "serviceErrorCode": status if code is None else code, "status": status}
