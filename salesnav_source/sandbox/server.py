"""The sandbox as a whole: an invented world, its API, and the server."""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from salesnav_source.sandbox.api import Api
from salesnav_source.sandbox.data import World
from salesnav_source.sandbox.faults.model import Fault
from salesnav_source.sandbox.jobs import JobRecord, Jobs
from salesnav_source.sandbox.oauth import AUTHORIZATION, OAuth
from salesnav_source.sandbox.request import RequestRecord
from salesnav_source.sandbox.serving import HOST, Server


class Sandbox:
    """A stand-in for LinkedIn's Sales Navigator Analytics API, serving an invented world on loopback.

    It serves from entering to leaving the context. Entered once more it serves on the same port, with all it knew.

    Args:
        world: What it serves; by default a world whose today follows the clock.
        faults: What goes wrong.
        port: Port to listen on; 0 for any free one.
        job_seconds: The shortest and the longest time a job takes, once its turn has come.
        url_seconds: How long a download URL lives; then it answers 401, and asking for the job gives a fresh one.
        file_seconds: How long a job and its file are kept after the job has ended; then both are not found (404).
        lanes: Whether jobs of one contract's export run one after another, as LinkedIn says; side by side if not.
        page_size: Contracts per page at most.
        access_token: The first access token.
        refresh_token: The first refresh token.
        client_id: Id of the client that may renew tokens.
        client_secret: Secret of that client.
        token_seconds: How long an access token lives.
        clock: Tells the time, in seconds since the epoch.
        base_path: Path under which the API lies.
        rotate_refresh_token: Whether renewing the access token renews the refresh token too.
        redirect_uris: Redirect URLs that the client has registered; None for any on loopback.
        latency: Seconds that every answer takes.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        faults: Sequence[Fault] = (),
        port: int = 0,
        job_seconds: tuple[float, float] = (1.0, 3.0),
        url_seconds: float = 3600.0,
        file_seconds: float = 7 * 86400.0,
        lanes: bool = True,
        page_size: int = 10,
        access_token: str = "sandbox-token",
        refresh_token: str = "sandbox-refresh-token",
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",
        token_seconds: float = 60 * 86400.0,
        clock: Callable[[], float] = time.time,
        base_path: str = "/v2",
        rotate_refresh_token: bool = True,
        redirect_uris: Sequence[str] | None = None,
        latency: float = 0.0,
    ) -> None:
        self.world = world or World(today=lambda: dt.datetime.fromtimestamp(clock(), dt.timezone.utc).date())
        self.requests: list[RequestRecord] = []
        self.client_id = client_id
        self.client_secret = client_secret
        self._port = port
        self._latency = latency
        self._server: Server | None = None
        jobs = Jobs(self.world, clock, job_seconds, url_seconds, file_seconds, lanes)
        oauth = OAuth(
            clock, jobs.random_text, client_id, client_secret, redirect_uris, token_seconds, rotate_refresh_token
        )
        oauth.start(access_token, refresh_token)
        self._api = Api(self.world, clock, jobs, oauth, page_size, base_path)
        for fault in faults:
            self.add_fault(fault)

    def __enter__(self) -> "Sandbox":
        if self._server is not None:
            raise RuntimeError("The sandbox is serving already.")
        self._server = Server((HOST, self._port), self._api, self.requests, self._latency)
        self._port = self._server.server_address[1]
        self._api.origin = self._origin
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def base_url(self) -> str:
        """Address of the API."""
        return f"{self._origin}{self._api.base_path}"

    @property
    def token_url(self) -> str:
        """Address at which a token is renewed."""
        return f"{self._origin}/oauth/v2/accessToken"

    @property
    def authorization_url(self) -> str:
        """Address at which a member is asked for consent."""
        return f"{self._origin}{AUTHORIZATION}"

    @property
    def introspection_url(self) -> str:
        """Address at which one may look into a token."""
        return f"{self._origin}/oauth/v2/introspectToken"

    @property
    def access_token(self) -> str:
        """The access token that was given last."""
        return self._api.oauth.access_token

    @property
    def refresh_token(self) -> str:
        """The refresh token that is valid now."""
        return self._api.oauth.refresh_token

    @property
    def jobs(self) -> list[JobRecord]:
        """Every job that was created."""
        return self._api.jobs.created

    def revoke_token(self) -> None:
        """Kills the access token; only renewing it gives another."""
        with self._api.lock:
            self._api.oauth.revoke()

    def issue_token(self, access_token: str) -> None:
        """Makes this a valid access token too."""
        with self._api.lock:
            self._api.oauth.issue(access_token)

    def add_fault(self, fault: Fault) -> None:
        """Lets something more go wrong from now on."""
        self._api.arm(fault)

    def clear_faults(self) -> None:
        """Lets nothing go wrong from now on; what became of jobs already created stays."""
        self._api.disarm()

    @property
    def _origin(self) -> str:
        if not self._port:
            raise RuntimeError("The sandbox has no address before it serves.")
        return f"http://{HOST}:{self._port}"
