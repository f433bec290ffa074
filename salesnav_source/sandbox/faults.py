"""Faults of the sandbox: which requests they hit and what happens to those.

A `Fault` is made by one of the functions here and narrowed with `Fault.where`:

    throttle(retry_after="5").where(times=3)
    too_large(longer_than=30).where(export="activities")
    reset_download(after_bytes=4096).where(contract="urn:li:contract:210001", after=1)

Faults hit requests that the API would accept; what it refuses is refused all the same. All faults that match a request
hit it together.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from salesnav_source.sandbox.transforms import TTransform, fewer_rows, more_rows, nothing

TCall = Literal["contracts", "create", "poll", "download", "token", "introspect"]
"""The calls of the API: list contracts, create a job, query it, download its file, renew a token, look into one."""

TCut = Literal["reset", "close"]
"""How a connection ends before its time: reset by the server, or closed."""

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
    row_count: int | None = None
    """What the job says of the rows of its file; None for the truth."""


class Effect:
    """What happens to a request."""

    @property
    def prevents_job(self) -> bool:
        """Tells whether no job is created, if this hits the call that creates one."""
        return False

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

    @property
    def prevents_job(self) -> bool:
        """Tells whether no job is created."""
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

    @property
    def prevents_job(self) -> bool:
        """Tells whether no job is created."""
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
class Content(Effect):
    """The file is changed: that of a job (and its rowCount with it), or that of one download only."""

    transform: TTransform
    row_count: int | None = None

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

    def on_answer(self, answer: Answer) -> None:
        """Decides how the body is sent."""
        for name in (f.name for f in fields(self)):
            if getattr(self, name) is not None:
                setattr(answer, name, getattr(self, name))


@dataclass(frozen=True)
class IgnorePaging(Effect):
    """The list of contracts ignores `start` and repeats its first page."""


@dataclass(frozen=True)
class Fault:
    """Which requests are hit, and by what.

    A request must meet all that is given; `where` gives more.
    """

    call: TCall
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

    def where(self, **changes: Any) -> "Fault":
        """Returns this fault with other conditions.

        Args:
            **changes: Attributes of the fault: call, contract, export, day, longer_than, later_than, newest_days, job,
                when, times, after.
        """
        return replace(self, **changes)

    def matches(self, call: Call) -> bool:
        """Tells whether the call meets the conditions, however often it was hit before."""
        first, last = call.first_day, call.last_day
        return (
            self.call == call.kind
            and self.contract in (None, call.contract)
            and self.export in (None, call.export)
            and self.job in (None, call.job)
            and (self.day is None or bool(first and last and first <= self.day <= last))
            and (self.longer_than is None or call.days > self.longer_than)
            and (self.later_than is None or bool(last and last > self.later_than))
            and (self.newest_days is None or bool(last and (call.today - last).days <= self.newest_days))
            and (self.when is None or self.when(call))
        )


def error_body(status: int, message: str, code: int | None = None) -> dict[str, Any]:
    """Returns the body of an error as LinkedIn writes it."""
    return {"message": message, "serviceErrorCode": status if code is None else code, "status": status}


def respond(
    status: int,
    call: TCall = "poll",
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


def omit(*names: str, call: TCall = "poll") -> Fault:
    """Fields are missing from a JSON answer, e.g. status, downloadUrl or rowCount."""
    return Fault(call, Change(omit=names or ("rowCount",)))


def change(call: TCall = "poll", **values: Any) -> Fault:
    """Fields of a JSON answer have other values, e.g. downloadUrl, rowCount or expireAt."""
    return Fault(call, Change(values))


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


def timed_out() -> Fault:
    """A job fails because it took LinkedIn too long."""
    return Fault("create", Outcome("FAILED_DUE_TO_TIMED_OUT"))


def internal_error() -> Fault:
    """A job fails because of an error at LinkedIn."""
    return Fault("create", Outcome("FAILED_DUE_TO_INTERNAL_ERROR"))


def failed_job(status: str) -> Fault:
    """A job ends with this status."""
    return Fault("create", Outcome(status))


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
    transform: TTransform, row_count: int | None = None, call: Literal["create", "download"] = "create"
) -> Fault:
    """A file is changed.

    Args:
        transform: From the records of the true file to those that are sent.
        row_count: What the job says of the rows; None for the rows that the changed file has.
        call: "create" to change the file of the job, "download" to change one download of it and not what the job says.
    """
    return Fault(call, Content(transform, row_count))


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
}
"""Ready-made faults by the name they have on the command line; the first line of each docstring describes it."""


def describe(name: str) -> str:
    """Returns a line about a ready-made fault."""
    return (FAULTS[name].__doc__ or "").partition("\n")[0]


def parse_fault(text: str) -> Fault:
    """Returns the ready-made fault that `NAME[:times]` names; `times` is a number or `always`.

    Raises:
        ValueError: if there is no such fault, or `times` is neither.
    """
    name, _, times = text.partition(":")
    if name not in FAULTS:
        raise ValueError(f"There is no fault {name!r}; there are: {', '.join(FAULTS)}.")
    fault = FAULTS[name]()
    if not times:
        return fault
    if times == "always":
        return fault.where(times=None)
    if not times.isdecimal() or not int(times):
        raise ValueError(f"{text!r}: after the colon stands how many times, or 'always'.")
    return fault.where(times=int(times))
