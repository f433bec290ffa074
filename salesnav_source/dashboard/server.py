"""Serves the dashboard: marimo's app, and nothing for pages of other sites."""

import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import marimo
import uvicorn
from starlette.responses import PlainTextResponse

from salesnav_source.dashboard import served
from salesnav_source.dashboard.marts import Marts
from salesnav_source.exceptions import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")

# scripts, styles and connections of this server alone
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:;"
    " frame-ancestors 'none'"
)

# marimo's own menu, which offers the page as a file that fetches its scripts from elsewhere
_HEAD = '<style>[data-testid="notebook-actions-dropdown"] { display: none }</style>'

TApp = Callable[[Any, Any, Any], Awaitable[None]]


def make(marts: Marts, names: bool, hosts: tuple[str, ...] | None) -> Any:
    """Returns the ASGI application.

    Args:
        marts: to ask.
        names: whether people are named.
        hosts: the names under which it may be asked for; any if None.
    """
    served.serve(marts, names)
    apps = marimo.create_asgi_app(quiet=True, include_code=False, html_head=_HEAD)
    return _Guard(apps.with_app(path="", root=str(Path(__file__).parent / "app.py")).build(), hosts)


class _Guard:
    """Answers only who asks for this server by its own name, from a page of its own: another site could read along else."""

    def __init__(self, inner: TApp, hosts: tuple[str, ...] | None) -> None:
        self._inner = inner
        self._hosts = hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        name = urlsplit(f"//{host}").hostname or ""
        foreign = origin is not None and urlsplit(origin).netloc != host
        if foreign or (self._hosts is not None and name not in self._hosts):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await PlainTextResponse("This address is not served.", 403)(scope, receive, send)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", _POLICY.encode())]
            await send(message)

        await self._inner(scope, receive, guarded)


def listen(host: str, port: int) -> socket.socket:
    """Takes connections from now on.

    Args:
        host: the address.
        port: 0 for any free one.

    Raises:
        ConfigurationError: if the address is none of this machine's, or in use.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        why = str(error)
        if isinstance(error, OSError) and error.errno:
            why = os.strerror(error.errno) if error.errno > 0 else "there is no such host"
        raise ConfigurationError(
            f"The dashboard cannot be served on {host}, port {port}: {why}. Choose another with --port or --host."
        ) from None


def run(application: Any, listening: socket.socket) -> None:
    """Serves until it is interrupted.

    Args:
        application: of `make`.
        listening: of `listen`.
    """
    with listening:
        config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run([listening])
