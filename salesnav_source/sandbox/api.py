"""What the sandbox answers to a request: the protocol, tokens and export jobs, without any socket."""

import base64
import codecs
import datetime as dt
import gzip
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus

from salesnav_source.sandbox.data import CsvFile, World
from salesnav_source.sandbox.faults import Answer, Call, Effect, Fault, JobPlan, Listing, TCall, error_body
from salesnav_source.schema import EXPORTS

TPerform = Callable[[Sequence[Effect]], Answer]
"""Does what an accepted request asks for."""

ACTIONS = {export.action: name for name, export in EXPORTS.items()}
"""The exports by the action that creates their jobs."""

MAX_DAYS = 90
_FIRST_JOB_ID = 100_002
_DAY_MS = 86_400_000
_EPOCH = dt.date(1970, 1, 1)
_CONTRACT = re.compile(r"urn:li:contract:\d+")
_SCOPE = "r_sales_nav_analytics"
_REFRESH_SECONDS = 365 * 86400.0


@dataclass
class RequestRecord:
    """A request that the sandbox received."""

    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    """By lower-case names."""
    content: bytes
    time: float
    status: int | None = None
    """The HTTP status that was answered; None if nothing was."""
    call: TCall | None = None
    """Which call it is; None if it was refused."""

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address, decoded."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @property
    def is_form(self) -> bool:
        """Tells whether the body is a form."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    @cached_property
    def body(self) -> Any:
        """The body: parsed JSON or form, the text of what is neither, None if there is none."""
        if not self.content:
            return None
        if self.is_form:
            return dict(parse_qsl(self.content.decode(errors="replace"), keep_blank_values=True))
        try:
            return json.loads(self.content)
        except ValueError:
            return self.content.decode(errors="replace")


@dataclass
class JobRecord:
    """An export job that was created."""

    id: int | str
    """The id that is told."""
    number: int
    """Its number: 1 is the first job created."""
    contract: str
    action: str
    export: str
    first_day: dt.date
    last_day: dt.date
    created_at: float
    plan: JobPlan = field(repr=False)
    file: CsvFile = field(repr=False)
    clock: Callable[[], float] = field(repr=False)
    ahead: "JobRecord | None" = field(default=None, repr=False)
    """The job of its lane that was created before it; None without one, or without lanes."""

    def __post_init__(self) -> None:
        self.starts_at = self.created_at if self.ahead is None else max(self.created_at, self.ahead.ends_at)
        """When its turn comes: as soon as the job ahead of it has ended."""

    @property
    def ends_at(self) -> float:
        """When it ends; `plan.seconds` is how long it takes once its turn has come."""
        return self.starts_at + self.plan.seconds

    @property
    def status(self) -> str:
        """The status of the job now."""
        age = self.clock() - self.starts_at
        if age >= self.plan.seconds:
            return self.plan.outcome
        return "ENQUEUED" if age < self.plan.seconds / 3 else "PROCESSING"

    @cached_property
    def row_count(self) -> int:
        """How many rows the job says its file has."""
        if isinstance(self.plan.row_count, int):
            return self.plan.row_count
        if not self.plan.transforms or self.plan.row_count == "true":
            return self.file.row_count
        return max(sum(1 for _ in self.records()) - 1, 0)

    def records(self) -> Iterable[bytes]:
        """Returns the file line by line."""
        records: Iterable[bytes] = self.file.records()
        for transform in self.plan.transforms:
            records = transform(records)
        return records

    def chunks(self) -> Iterable[bytes]:
        """Returns the file in pieces."""
        return self.records() if self.plan.transforms else self.file.chunks()


@dataclass
class _Token:
    """An access token and how long it lives."""

    created_at: float
    expires_at: float
    revoked: bool = False

    def status(self, now: float) -> str:
        return "revoked" if self.revoked else "expired" if now >= self.expires_at else "active"


@dataclass
class _Armed:
    """A fault and how often it matched so far."""

    fault: Fault
    since: float
    """When it was added."""
    seen: int = 0
    struck_at: float | None = None
    """When it hit for the first time."""

    def strike(self, call: Call) -> bool:
        """Tells whether the fault hits this call, and counts."""
        if call.now < self.since + self.fault.wait or not self.fault.matches(call):
            return False
        self.seen += 1
        struck = self.seen - self.fault.after
        if struck <= 0 or (self.fault.times is not None and struck > self.fault.times):
            return False
        self.struck_at = call.now if self.struck_at is None else self.struck_at
        return self.fault.seconds is None or call.now < self.struck_at + self.fault.seconds


class RefusedError(Exception):
    """The request is not accepted."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _refused(status: int, message: str, code: int | None = None) -> RefusedError:
    return RefusedError(Answer(status, fields=error_body(status, message, code)))


def _oauth_refused(status: int, error: str, message: str) -> RefusedError:
    return RefusedError(Answer(status, fields={"error": error, "error_description": message}))


@dataclass
class Api:
    """LinkedIn's API over an invented world."""

    world: World
    clock: Callable[[], float] = time.time
    job_seconds: tuple[float, float] = (1.0, 3.0)
    url_seconds: float = 3600.0
    file_seconds: float = 7 * 86400.0
    lanes: bool = True
    page_size: int = 10
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"
    token_seconds: float = 60 * 86400.0
    rotate_refresh_token: bool = True
    base_path: str = "/v2"
    origin: str = ""
    """Where it is served, e.g. http://127.0.0.1:8080."""

    def __post_init__(self) -> None:
        self.jobs: list[JobRecord] = []
        self.lock = threading.RLock()
        self._armed: list[_Armed] = []
        self._tokens: dict[str, _Token] = {}
        self._urls: dict[str, tuple[JobRecord, int]] = {}
        self._lanes: dict[tuple[str, str], JobRecord] = {}
        self._by_id: dict[str, JobRecord] = {}
        self._random = random.Random(f"{self.world.seed}/api")
        self._renewals = 1

    def start_tokens(self, access_token: str, refresh_token: str) -> None:
        """Makes these the valid tokens."""
        self.refresh_token, self._first_refresh_token = refresh_token, refresh_token
        self._first_access_token = access_token
        self._refresh_expires_at = self.clock() + _REFRESH_SECONDS
        self._issue(access_token)

    def revoke_token(self) -> None:
        """Kills the access token."""
        with self.lock:
            self._tokens[self.access_token].revoked = True

    def arm(self, fault: Fault) -> None:
        """Adds a fault."""
        with self.lock:
            self._armed.append(_Armed(fault, self.clock()))

    def disarm(self) -> None:
        """Removes all faults; what they did to jobs already created stays."""
        with self.lock:
            self._armed.clear()

    def answer(self, request: RequestRecord) -> Answer:
        """Returns the answer to a request, faults included."""
        with self.lock:
            try:
                call, perform = self._accept(request)
            except RefusedError as refused:
                return refused.answer
            request.call = call.kind
            call = replace(call, now=request.time, cookies="cookie" in request.headers)
            effects = [armed.fault.effect for armed in self._armed if armed.strike(call)]
            answer = Answer() if any(effect.prevents(call) for effect in effects) else perform(effects)
        for effect in effects:
            effect.on_call(call, answer)
            effect.on_answer(answer)
        return answer

    def new_request_id(self) -> str:
        """Returns an id for an answer."""
        with self.lock:
            return self._random_text(12)

    def _accept(self, request: RequestRecord) -> tuple[Call, TPerform]:
        """Returns the call that a request makes, and what it does.

        Raises:
            RefusedError: if it is not accepted.
        """
        path = request.path.removeprefix(self.base_path) if request.path.startswith(f"{self.base_path}/") else None
        if request.path == "/oauth/v2/accessToken":
            return self._accept_refresh(request)
        if request.path == "/oauth/v2/introspectToken":
            return self._accept_introspection(request)
        if request.path == "/ambry/":
            return self._accept_download(request)
        if path == "/salesContracts":
            return self._accept_contracts(request)
        if path == "/salesAnalyticsExportJobs":
            return self._accept_create(request)
        if path is not None and path.startswith("/salesAnalyticsExportJobs/"):
            return self._accept_poll(request, path.rpartition("/")[2])
        raise _refused(404, "No such resource")

    def _check(self, request: RequestRecord, method: str) -> None:
        """Refuses what no call of the API does.

        Raises:
            RefusedError: for another method, a bad token, another version of the protocol.
        """
        if request.method != method:
            raise _refused(405, f"{request.method} is not supported here")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = self._tokens.get(token)
        if scheme != "Bearer" or known is None:
            raise _refused(401, "Invalid access token", 65600)
        status = known.status(self.clock())
        if status == "revoked":
            raise _refused(401, "The token used in the request has been revoked by the user", 65601)
        if status == "expired":
            raise _refused(401, "The token used in the request has expired", 65602)
        if request.headers.get("x-restli-protocol-version") != "2.0.0":
            raise _refused(400, "X-RestLi-Protocol-Version must be 2.0.0")

    def _contract_in_body(self, body: dict[str, Any]) -> str:
        contract = body.get("contract")
        if not isinstance(contract, str) or not _CONTRACT.fullmatch(contract):
            raise _refused(400, "Parameter contract must be a contract URN")
        return contract

    def _contract_in_query(self, request: RequestRecord) -> str:
        raw = [part[9:] for part in request.raw_query.split("&") if part.startswith("contract=")]
        if len(raw) != 1 or ":" in raw[0] or not _CONTRACT.fullmatch(unquote_plus(raw[0])):
            raise _refused(400, "Parameter contract must be a percent-encoded contract URN")
        return unquote_plus(raw[0])

    def _check_access(self, contract: str) -> None:
        for element in self.world.contracts():
            if element["contract"] == contract:
                if not element["hasReportingAccess"]:
                    raise _refused(403, "Not enough permissions to access the contract", 100)
                return
        raise _refused(404, f"{contract} was not found")

    def _accept_contracts(self, request: RequestRecord) -> tuple[Call, TPerform]:
        self._check(request, "GET")
        query = request.query
        if query.get("q") != "contractsByMember":
            raise _refused(400, "Parameter q must be contractsByMember")
        start, count = (query.get("start", "0"), query.get("count", "10"))
        if not (start.isdecimal() and count.isdecimal() and int(count)):
            raise _refused(400, "Parameters start and count must be numbers")
        size = min(int(count), self.page_size)

        def perform(effects: Sequence[Effect]) -> Answer:
            listing = Listing([*self.world.contracts()], int(start), size)
            for effect in effects:
                effect.on_listing(listing)
            return Answer(fields=listing.fields(request.path))

        return self._call("contracts"), perform

    def _accept_create(self, request: RequestRecord) -> tuple[Call, TPerform]:
        self._check(request, "POST")
        action = request.query.get("action", "")
        if action not in ACTIONS:
            raise _refused(400, f"Unknown action {action!r}")
        body = request.body
        if not request.headers.get("content-type", "").startswith("application/json") or not isinstance(body, dict):
            raise _refused(400, "The body must be a JSON object, with Content-Type: application/json")
        unknown = set(body) - {"startAt", "endAt", "contract"}
        if unknown:
            raise _refused(400, f"Unknown parameters: {', '.join(sorted(unknown))}")
        contract = self._contract_in_body(body)
        first_day, last_day = self._window(body.get("startAt"), body.get("endAt"))
        self._check_access(contract)
        export = ACTIONS[action]

        def perform(effects: Sequence[Effect]) -> Answer:
            job = self._create(action, contract, first_day, last_day, effects)
            return Answer(fields={"value": {"id": job.id, "status": "ENQUEUED"}})

        call = Call("create", self.world.today(), contract, export, first_day, last_day, len(self.jobs) + 1)
        return call, perform

    def _window(self, start: object, end: object) -> tuple[dt.date, dt.date]:
        if type(start) is not int or type(end) is not int:
            raise _refused(400, "Parameters startAt and endAt must be milliseconds since the epoch")
        if start > end:
            raise _refused(400, "startAt must not be after endAt")
        if end - start >= MAX_DAYS * _DAY_MS:
            raise _refused(400, f"The interval must not be longer than {MAX_DAYS} days")
        if start % _DAY_MS or (end + 1) % _DAY_MS:
            raise _refused(400, "startAt and endAt must lie on the boundaries of days, UTC")
        first_day, last_day = _day(start), _day(end)
        if last_day >= self.world.today():
            raise _refused(400, "endAt must lie before today, UTC")
        return first_day, last_day

    def _create(
        self, action: str, contract: str, first_day: dt.date, last_day: dt.date, effects: Sequence[Effect]
    ) -> JobRecord:
        number, export = len(self.jobs) + 1, ACTIONS[action]
        job_id = _FIRST_JOB_ID + len(self.jobs)
        plan = JobPlan(random.Random(f"{self.world.seed}/{job_id}").uniform(*self.job_seconds))
        for effect in effects:
            effect.on_job(plan)
        file = self.world.file(export, contract, first_day, last_day)
        ahead = self._lanes.get((contract, export)) if self.lanes else None
        job = JobRecord(
            id=plan.name(job_id),
            number=number,
            contract=contract,
            action=action,
            export=export,
            first_day=first_day,
            last_day=last_day,
            created_at=self.clock(),
            plan=plan,
            file=file,
            clock=self.clock,
            ahead=ahead,
        )
        self._by_id[str(job.id)] = job
        self._lanes[contract, export] = job
        self.jobs.append(job)
        return job

    def _accept_poll(self, request: RequestRecord, job_id: str) -> tuple[Call, TPerform]:
        self._check(request, "GET")
        job = self._by_id.get(unquote(job_id))
        if job is None and not job_id.isdecimal():
            raise _refused(400, "The id of a job must be a number")
        contract = self._contract_in_query(request)
        if job is None or job.contract != contract:
            raise _refused(404, f"Export job {job_id} was not found")
        self._check_kept(job)
        return self._call_of_job("poll", job), lambda _: Answer(fields=self._describe(job))

    def _check_kept(self, job: JobRecord) -> None:
        if self.clock() >= job.ends_at + self.file_seconds:
            raise _refused(404, f"Export job {job.id} is no longer kept")

    def _describe(self, job: JobRecord) -> dict[str, Any]:
        status = job.status
        described: dict[str, Any] = {"id": job.id, "status": status}
        if status == "COMPLETED":
            token, expire_at = self._random_text(48), int((self.clock() + self.url_seconds) * 1000)
            self._urls[token] = (job, expire_at)
            described["downloadUrl"] = f"{self.origin}/ambry/?x-li-ambry-ep={token}"
            described.update(rowCount=job.row_count, expireAt=expire_at)
        return described

    def _accept_download(self, request: RequestRecord) -> tuple[Call, TPerform]:
        self._check(request, "GET")
        job, expire_at = self._urls.get(request.query.get("x-li-ambry-ep", ""), (None, 0))
        if job is None:
            raise _refused(404, "No such file")
        if self.clock() * 1000 >= expire_at:
            raise _refused(401, "The URL has expired")
        self._check_kept(job)
        found = job
        return self._call_of_job("download", found), lambda _: self._send_file(found)

    def _send_file(self, job: JobRecord) -> Answer:
        headers = {"Content-Type": "text/csv", "Content-Disposition": f'attachment; filename="{job.number}.csv"'}
        if job.plan.empty is None or job.row_count:
            return Answer(headers=headers, chunks=job.chunks, records=job.records)
        if job.plan.empty == "404":
            return Answer(404, fields=error_body(404, "No such file"))
        if job.plan.empty == "204":
            return Answer(204, headers=headers)
        nothing = {"line": b"\r\n", "mark": codecs.BOM_UTF8, "gzip": gzip.compress(b"")}
        return Answer(headers=headers, body=nothing.get(job.plan.empty, b""))

    def _accept_refresh(self, request: RequestRecord) -> tuple[Call, TPerform]:
        form = self._client_form(request)
        if form.get("grant_type") != "refresh_token":
            raise _oauth_refused(400, "unsupported_grant_type", "The grant type must be refresh_token")
        if form.get("refresh_token") != self.refresh_token or self.clock() >= self._refresh_expires_at:
            raise _oauth_refused(400, "invalid_request", "The provided refresh token is invalid, expired or revoked")

        return self._call("token"), lambda _: self._renew()

    def _renew(self) -> Answer:
        self._renewals += 1
        self._issue(f"{self._first_access_token}-{self._renewals}")
        if self.rotate_refresh_token:
            self.refresh_token = f"{self._first_refresh_token}-{self._renewals}"
        return Answer(
            fields={
                "access_token": self.access_token,
                "expires_in": int(self.token_seconds),
                "refresh_token": self.refresh_token,
                "refresh_token_expires_in": int(self._refresh_expires_at - self.clock()),
                "scope": _SCOPE,
            }
        )

    def _issue(self, token: str) -> None:
        self.access_token = token
        self._tokens[token] = _Token(self.clock(), self.clock() + self.token_seconds)

    def _accept_introspection(self, request: RequestRecord) -> tuple[Call, TPerform]:
        form = self._client_form(request)
        if "token" not in form:
            raise _oauth_refused(400, "invalid_request", "A required parameter is missing: token")
        return self._call("introspect"), lambda _: Answer(fields=self._introspect(form["token"]))

    def _introspect(self, token: str) -> dict[str, Any]:
        known = self._tokens.get(token)
        if known is None:
            return {"active": False}
        status = known.status(self.clock())
        return {
            "active": status == "active",
            "client_id": self.client_id,
            "authorized_at": int(known.created_at),
            "created_at": int(known.created_at),
            "status": status,
            "expires_at": int(known.expires_at),
            "scope": _SCOPE,
            "auth_type": "3L",
        }

    def _client_form(self, request: RequestRecord) -> dict[str, str]:
        if request.method != "POST":
            raise _oauth_refused(405, "invalid_request", "The method must be POST")
        if not request.is_form or not isinstance(request.body, dict):
            raise _oauth_refused(400, "invalid_request", "The body must be a form")
        form: dict[str, str] = request.body
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise _oauth_refused(401, "invalid_client", "Client authentication failed")
        return form

    def _call(self, kind: TCall) -> Call:
        return Call(kind, self.world.today())

    def _call_of_job(self, kind: TCall, job: JobRecord) -> Call:
        age = self.clock() - job.created_at
        call = Call(kind, self.world.today(), job.contract, job.export, job.first_day, job.last_day, job.number)
        return replace(call, age=age)

    def _random_text(self, size: int) -> str:
        return base64.urlsafe_b64encode(self._random.randbytes(size)).decode()


def _day(milliseconds: int) -> dt.date:
    try:
        return _EPOCH + dt.timedelta(days=milliseconds // _DAY_MS)
    except OverflowError:
        raise _refused(400, "The time lies out of range") from None
