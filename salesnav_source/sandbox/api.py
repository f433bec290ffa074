"""The sandbox's answers to requests: its calls and what they accept, without any socket."""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, unquote_plus

from salesnav_source.sandbox.data import World
from salesnav_source.sandbox.faults.model import Answer, Call, Effect, Fault, Listing, TCall
from salesnav_source.sandbox.interval import DAY_MS, Interval, day_of
from salesnav_source.sandbox.jobs import ACTIONS, JobRecord, Jobs, send_file
from salesnav_source.sandbox.oauth import AUTHORIZATION, OAuth
from salesnav_source.sandbox.refusal import RefusedError, oauth_refused, refused, unpermitted
from salesnav_source.sandbox.request import JSON, RequestRecord

TPerform = Callable[[Sequence[Effect]], Answer]
"""Does what an accepted request asks for."""

TAccepted = tuple[Call, TPerform]

MAX_DAYS = 90
_MAX_QUERY = 4096
_LATEST_VERSION = (2, 0, 0)
_CONTRACT = re.compile(r"urn:li:contract:\d+")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_JOB_FIELDS = {"startAt", "endAt", "contract"}


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
        """Returns true if the fault hits this call, and counts the call."""
        if call.now < self.since + self.fault.wait or not self.fault.matches(call):
            return False
        self.seen += 1
        struck = self.seen - self.fault.after
        if struck <= 0 or (self.fault.times is not None and struck > self.fault.times):
            return False
        self.struck_at = call.now if self.struck_at is None else self.struck_at
        return self.fault.seconds is None or call.now < self.struck_at + self.fault.seconds


@dataclass
class Api:
    """LinkedIn's API over an invented world."""

    world: World
    clock: Callable[[], float]
    jobs: Jobs
    oauth: OAuth
    page_size: int
    base_path: str
    origin: str = ""
    """Where it is served, e.g. http://127.0.0.1:8080."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._armed: list[_Armed] = []

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
            except RefusedError as error:
                return self._signed(request, error.answer)
            request.call = call.kind
            call = replace(call, now=request.time, headers=request.headers)
            effects = [armed.fault.effect for armed in self._armed if armed.strike(call)]
            answer = Answer() if any(effect.prevents(call) for effect in effects) else perform(effects)
        for effect in effects:
            effect.on_call(call, answer)
            effect.on_answer(answer)
        return self._signed(request, answer)

    def new_request_id(self) -> str:
        """Returns an id for an answer."""
        with self.lock:
            return self.jobs.random_text(12)

    def _signed(self, request: RequestRecord, answer: Answer) -> Answer:
        """Adds the headers that Rest.li sends with the answers of the API, and of its own errors."""
        if answer.fields is not None and request.path.startswith(f"{self.base_path}/"):
            answer.headers.setdefault("X-RestLi-Protocol-Version", _version_of(request) or "2.0.0")
            if answer.status >= 400:
                answer.headers.setdefault("X-RestLi-Error-Response", "true")
        return answer

    def _accept(self, request: RequestRecord) -> TAccepted:
        """Returns the call that a request makes, and what it does.

        Raises:
            RefusedError: if it is not accepted.
        """
        if len(request.raw_query) > _MAX_QUERY:
            raise refused(414, "The query is too long: send it as the body of a POST")
        if request.path.startswith("/oauth/"):
            return self._accept_oauth(request)
        if request.path == "/ambry/":
            return self._accept_download(request)
        if not request.path.startswith(f"{self.base_path}/"):
            raise refused(404, "No such resource")
        request = request.untunnelled()
        match request.path.removeprefix(f"{self.base_path}/").removesuffix("/").split("/"):
            case ["salesContracts"]:
                return self._accept_contracts(request)
            case ["salesAnalyticsExportJobs"]:
                return self._accept_create(request)
            case ["salesAnalyticsExportJobs", job_id]:
                return self._accept_poll(request, unquote(job_id))
        raise refused(404, "No such resource")

    def _check(self, request: RequestRecord, method: str, parameters: set[str] | None = None) -> None:
        """Refuses what no call of the API does.

        Raises:
            RefusedError: for another method, a bad token, an unknown version of the protocol, unknown parameters.
        """
        if request.method != method:
            raise refused(400, f"{request.method} is not supported here")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        status = self.oauth.status(token) if scheme.lower() == "bearer" else None
        if status is None:
            raise refused(401, "Invalid access token", 65600)
        if status == "revoked":
            raise refused(401, "The token used in the request has been revoked by the user", 65601)
        if status == "expired":
            raise refused(401, "The token used in the request has expired", 65602)
        if _version_of(request) is None:
            raise refused(400, "X-RestLi-Protocol-Version is not supported")
        if parameters is not None and (unknown := set(request.query) - parameters):
            raise unpermitted("PARAMETER", unknown)

    def _check_access(self, contract: str) -> None:
        for element in self.world.contracts():
            if element["contract"] == contract:
                if not element["hasReportingAccess"]:
                    raise refused(403, "Not enough permissions to access the contract", 100)
                return
        raise refused(404, f"{contract} was not found")

    def _accept_contracts(self, request: RequestRecord) -> TAccepted:
        self._check(request, "GET", {"q", "start", "count"})
        query = request.query
        if query.get("q") != "contractsByMember":
            raise refused(400, "Parameter q must be contractsByMember")
        start, count = _number(query.get("start", ""), 0), _number(query.get("count", ""), 10)
        size = min(count, self.page_size)

        def perform(effects: Sequence[Effect]) -> Answer:
            listing = Listing([*self.world.contracts()], start, size)
            for effect in effects:
                effect.on_listing(listing)
            return Answer(fields=listing.fields(request.path))

        return replace(self._call("contracts"), start=start, parameters=frozenset(query)), perform

    def _accept_create(self, request: RequestRecord) -> TAccepted:
        self._check(request, "POST", {"action"})
        action, body = request.query.get("action", ""), request.body
        if action not in ACTIONS:
            raise refused(400, f"Unknown action {action!r}")
        if request.media_type != JSON or not isinstance(body, dict):
            raise refused(400, "The body must be a JSON object, with Content-Type: application/json")
        if unknown := set(body) - _JOB_FIELDS:
            raise unpermitted("REQUEST_BODY", unknown)
        contract = body.get("contract")
        if not isinstance(contract, str) or not _CONTRACT.fullmatch(contract):
            raise refused(400, "Parameter contract must be a contract URN")
        interval = self._interval(body.get("startAt"), body.get("endAt"))
        self._check_access(contract)

        def perform(effects: Sequence[Effect]) -> Answer:
            job = self.jobs.create(action, contract, interval, effects)
            return Answer(fields={"value": {"id": job.id, "status": "ENQUEUED"}})

        export, number = ACTIONS[action], len(self.jobs.created) + 1
        again = self.jobs.has_exported(contract, export, interval)
        return Call("create", self.world.today(), contract, export, interval, number, again=again), perform

    def _interval(self, start: object, end: object) -> Interval:
        """Returns the time that a job is to be about.

        Raises:
            RefusedError: if there is no such time, or it is longer than 90 days, or goes on after the midnight before today.
        """
        if type(start) is not int or type(end) is not int:
            raise refused(400, "Parameters startAt and endAt must be milliseconds since the epoch")
        if start > end:
            raise refused(400, "startAt must not be after endAt")
        if end - start > MAX_DAYS * DAY_MS:
            raise refused(400, f"The interval must not be longer than {MAX_DAYS} days")
        interval = Interval(start, end)
        try:
            day_of(start - MAX_DAYS * DAY_MS)
            ended = interval.last_day < self.world.today()
        except OverflowError:
            raise refused(400, "The time lies out of range") from None
        if not ended:
            raise refused(400, "endAt must lie before today, UTC")
        return interval

    def _accept_poll(self, request: RequestRecord, job_id: str) -> TAccepted:
        self._check(request, "GET", {"contract"})
        job = self.jobs.find(job_id)
        if job is None and not job_id.isdecimal():
            raise refused(400, "The id of a job must be a number")
        contract = _contract_in_query(request)
        if job is None or job.contract != contract:
            raise refused(404, f"Export job {job_id} was not found")
        self._check_kept(job)
        return self._call_of_job("poll", job), lambda _: Answer(fields=self.jobs.describe(job, self.origin))

    def _accept_download(self, request: RequestRecord) -> TAccepted:
        self._check(request, "GET")
        job, expired = self.jobs.behind_url(request.query.get("x-li-ambry-ep", ""))
        if job is None:
            raise refused(404, "No such file")
        if expired:
            raise refused(401, "The URL has expired")
        self._check_kept(job)
        return self._call_of_job("download", job), lambda _: send_file(job)

    def _check_kept(self, job: JobRecord) -> None:
        if not self.jobs.is_kept(job):
            raise refused(404, f"Export job {job.id} is no longer kept")

    def _accept_oauth(self, request: RequestRecord) -> TAccepted:
        if request.path == AUTHORIZATION:
            return self._accept_consent(request)
        if request.path == "/oauth/v2/accessToken":
            return self._accept_token(request)
        if request.path == "/oauth/v2/introspectToken":
            return self._accept_introspection(request)
        raise refused(404, "No such resource")

    def _accept_consent(self, request: RequestRecord) -> TAccepted:
        perform: Callable[[], Answer]
        if request.method == "POST":
            asked, allowed = self.oauth.decided(request)
            perform = (lambda: self.oauth.give_code(asked)) if allowed else asked.cancel
        else:
            asked = self.oauth.asked(request)
            perform = lambda: self.oauth.ask(asked)  # noqa: E731
        call = replace(self._call("authorize"), redirect_uri=asked.redirect_uri, state=asked.state)
        return call, lambda _: perform()

    def _accept_token(self, request: RequestRecord) -> TAccepted:
        form = self.oauth.client_form(request)
        if form.get("grant_type") == "authorization_code":
            self.oauth.check_code(form)
            return self._call("exchange"), lambda _: self.oauth.exchange(form)
        self.oauth.check_refresh_token(form)
        return self._call("token"), lambda _: self.oauth.renew(form)

    def _accept_introspection(self, request: RequestRecord) -> TAccepted:
        form = self.oauth.client_form(request)
        if "token" not in form:
            raise oauth_refused(400, "invalid_request", "A required parameter is missing: token")
        return self._call("introspect"), lambda _: Answer(fields=self.oauth.introspect(form["token"]))

    def _call(self, kind: TCall) -> Call:
        return Call(kind, self.world.today())

    def _call_of_job(self, kind: TCall, job: JobRecord) -> Call:
        age = self.clock() - job.created_at
        return Call(kind, self.world.today(), job.contract, job.export, job.interval, job.number, age=age)


def _version_of(request: RequestRecord) -> str | None:
    """Returns the version of the protocol that a request speaks: the first one if it names none; None for an unknown one."""
    text = request.headers.get("x-restli-protocol-version", "1.0.0")
    parts = _VERSION.fullmatch(text.strip())
    known = parts is not None and (1, 0, 0) <= tuple(map(int, parts.groups())) <= _LATEST_VERSION
    return text.strip() if known else None


def _number(text: str, default: int) -> int:
    """Returns what `start` or `count` says.

    Raises:
        RefusedError: if it is no number, or a negative one, or needs more than 32 bits.
    """
    digits = text.strip() or str(default)
    significant = digits.lstrip("0") or "0"
    if not (digits.isascii() and digits.isdecimal()) or len(significant) > 10 or int(significant) >= 2**31:
        raise refused(400, "Parameters start and count must be numbers, and not negative")
    return int(significant)


def _contract_in_query(request: RequestRecord) -> str:
    raw = [part[9:] for part in request.raw_query.split("&") if part.startswith("contract=")]
    # colons have a meaning of their own in the second version of the protocol
    bare = len(raw) == 1 and ":" in raw[0] and (_version_of(request) or "").startswith("2")
    if len(raw) != 1 or bare or not _CONTRACT.fullmatch(unquote_plus(raw[0])):
        raise refused(400, "Parameter contract must be a percent-encoded contract URN")
    return unquote_plus(raw[0])
