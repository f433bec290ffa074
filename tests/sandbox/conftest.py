"""A raw client of the sandbox, a clock that stands still, and a tiny world."""

import contextlib
import datetime as dt
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from salesnav_source.sandbox import ContractSpec, Fault, Sandbox, World
from salesnav_source.schema import EXPORTS

URN = "urn:li:contract:1"
TODAY = dt.date(2026, 3, 2)
YESTERDAY = dt.date(2026, 3, 1)
CONTRACTS = (
    ContractSpec(URN, "One", "The first"),
    ContractSpec("urn:li:contract:2", "Two"),
    ContractSpec("urn:li:contract:3", "Three", has_reporting_access=False),
)


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = dt.datetime.combine(TODAY, dt.time(9), dt.timezone.utc).timestamp()

    def __call__(self) -> float:
        return self.now


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def milliseconds(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.timezone.utc).timestamp() * 1000)


@dataclass
class Client:
    """Calls the sandbox over real sockets, with headers as they should be unless told otherwise."""

    sandbox: Sandbox
    clock: Clock
    headers: dict[str, str | None] = field(default_factory=dict)

    def request(self, method: str, target: str, body: bytes | None = None, **headers: str | None) -> Reply:
        parts = urlsplit(target)
        sent = {
            "Authorization": f"Bearer {self.sandbox.access_token}",
            "X-Restli-Protocol-Version": "2.0.0",
            **({"Content-Type": "application/json"} if body is not None else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.sandbox.base_url).port, timeout=300)
        with contextlib.closing(connection):
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def contracts(self, **headers: str | None) -> Reply:
        return self.request("GET", "/v2/salesContracts?q=contractsByMember", **headers)

    def create(
        self,
        first_day: dt.date = dt.date(2026, 2, 20),
        last_day: dt.date = YESTERDAY,
        export: str = "activities",
        **changes: Any,
    ) -> Reply:
        window = {"startAt": milliseconds(first_day), "endAt": milliseconds(last_day) + 86_399_999, "contract": URN}
        body = json.dumps({**window, **changes}).encode()
        return self.request("POST", f"/v2/salesAnalyticsExportJobs?action={EXPORTS[export].action}", body)

    def poll(self, job_id: int | str, contract: str = quote(URN, safe="")) -> Reply:
        return self.request("GET", f"/v2/salesAnalyticsExportJobs/{job_id}?contract={contract}")

    def completed(self, **window: Any) -> dict[str, Any]:
        """Creates a job, lets it end, and returns its description."""
        job_id = self.create(**window).json["value"]["id"]
        self.clock.now += 10
        return self.poll(job_id).json

    def download(self, job: dict[str, Any], **headers: str | None) -> Reply:
        return self.request("GET", job["downloadUrl"], **headers)

    def form(self, target: str, **values: str) -> Reply:
        content_type = "application/x-www-form-urlencoded"
        return self.request("POST", target, urlencode(values).encode(), Content_Type=content_type)

    def renew(self, refresh_token: str, **changes: str) -> Reply:
        values = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "grant_type": "refresh_token"}
        return self.form(self.sandbox.token_url, **{**values, "refresh_token": refresh_token, **changes})

    def introspect(self, token: str) -> dict[str, Any]:
        url, secret = self.sandbox.introspection_url, "sandbox-secret"
        return self.form(url, client_id="sandbox-client", client_secret=secret, token=token).json


TServe = Callable[..., Client]


@pytest.fixture
def world() -> World:
    """A world of few seats, in which InMails are as frequent as anything else."""
    mix = {"SEARCH_PERFORMED": 4, "PROFILE_VIEWED": 4, "SAVED_ACCOUNT": 1, "INMAIL_SENT": 4}
    return World(contracts=CONTRACTS, seats_per_contract=4, activities_per_seat=6, today=lambda: TODAY, mix=mix)


@pytest.fixture
def serve(world: World) -> Iterator[TServe]:
    """Starts a sandbox with faults and options, and returns a client of it."""
    with contextlib.ExitStack() as stack:

        def start(*faults: Fault, **options: Any) -> Client:
            clock = Clock()
            sandbox = stack.enter_context(Sandbox(world, faults=faults, clock=clock, **options))
            return Client(sandbox, clock)

        yield start


@pytest.fixture
def client(serve: TServe) -> Client:
    """A client of a sandbox in which nothing goes wrong."""
    return serve()
