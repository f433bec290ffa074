"""Serves the dashboard to whoever has its token, and nothing to pages of other sites."""

import hmac
import os
import re
import secrets
import socket
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from salesnav_source.exceptions import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")

# scripts and styles of this server alone, none inline; nothing is fetched, framed or sent elsewhere
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")

TApp = Callable[[Any, Any, Any], Awaitable[None]]


class Guard:
    """Answers only who has the token or its cookie, and asks for this server by its own name, from a page of its own.

    Other users of the machine reach the port as well, and other sites could read along.
    """

    def __init__(self, inner: TApp, hosts: tuple[str, ...] | None, port: int) -> None:
        """Makes a token.

        Args:
            inner: the application.
            hosts: the names under which it may be asked for; any if None.
            port: tells the cookies of several dashboards of a machine apart, which have one host.
        """
        self.token = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self._inner = inner
        self._hosts = hosts
        self._cookie = f"salesnav_{port}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with_headers(message.get("headers", ()))
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._inner)(scope, receive, guarded)

    @staticmethod
    def _with_headers(headers: Any) -> list[tuple[bytes, bytes]]:
        kept = {name.lower() for name, _ in headers}
        more = {"cache-control": "no-store", **_HEADERS}
        return [
            *headers,
            *((name.encode(), value.encode()) for name, value in more.items() if name.encode() not in kept),
        ]

    def _refusal(self, scope: Any) -> Response | None:
        """Returns what is answered in place of a page, None if the request may pass."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        # behind a proxy that ends TLS, the page's own origin is https
        is_elsewhere = origin is not None and origin not in (f"http://{host}", f"https://{host}")
        if is_elsewhere or not self._is_own(host):
            return PlainTextResponse("This address is not served.", 403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Pages can be read, and nothing else.", 405)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given and self._is(given[-1], self.token):
            return self._exchange(scope["path"], [(name, value) for name, value in query if name != "token"])
        if self._is(self._kept(headers.get("cookie", "")), self._session):
            return None
        return PlainTextResponse(
            "This page is for whoever started it. Open the address that `salesnav dashboard` has printed, with the token in"
            " it; a new start has a new token.",
            401,
        )

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        return found is not None and (self._hosts is None or found[1].strip("[]").lower() in self._hosts)

    def _exchange(self, path: str, query: list[tuple[str, str]]) -> Response:
        """Returns the same address without the token, which is to stand in no history, with a cookie in its place."""
        # a path of two slashes would be another host
        place = "/" + path.lstrip("/") + (f"?{urlencode(query)}" if query else "")
        answer = RedirectResponse(place, 303)
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="lax", path="/")
        return answer

    def _kept(self, text: str) -> str:
        try:
            found = SimpleCookie(text).get(self._cookie)
        except CookieError:
            return ""
        return found.value if found else ""

    @staticmethod
    def _is(given: str, right: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


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
        application: of ASGI.
        listening: of `listen`.
    """
    with listening:
        # no line for each request: addresses have names and numbers of people in them
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        uvicorn.Server(config).run([listening])
