"""Waiting on this machine for the browser to come back after signing in."""

import contextlib
import queue
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.settings.addresses import origin
from salesnav_source.settings.configuration import REDIRECT_URL

HOST = "127.0.0.1"
_NAMES = ("localhost", HOST)
_READ_SECONDS = 10.0
"""Browsers open connections that they may never use; one that says nothing is closed after this time."""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; color: #1d2226 }}
</style>
</head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
_ARRIVED = ("You can close this page", "LinkedIn's answer has arrived. The terminal says how it goes on.")
_STRAY = (
    "This page is out of date",
    "The answer belongs to another attempt to sign in. Answer in the page that was opened last, and close this one.",
)
_NOTHING = ("Nothing is here", "Only the answer of LinkedIn to <code>salesnav login</code> is awaited here.")


class Callback:
    """Takes the address at which the browser comes back, once.

    Args:
        redirect_url: where the browser is sent.
        is_awaited: returns true if an address is the answer that is awaited.
        on_stray: called when the browser brings another answer than the one awaited.
    """

    def __init__(
        self, redirect_url: str, is_awaited: Callable[[str], bool], on_stray: Callable[[], None] = lambda: None
    ) -> None:
        self._path = urlsplit(redirect_url).path or "/"
        self._redirect_url = redirect_url
        self._is_awaited, self._on_stray = is_awaited, on_stray
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock, self._taken = threading.Lock(), False

    def wait(self, seconds: float) -> str | None:
        """Returns the address at which the browser has come back, None if it has not within so many seconds."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None

    def page(self, target: str) -> tuple[int, tuple[str, str]]:
        """Returns the status, and title and text of the page, for a request.

        Args:
            target: path and query of the request.
        """
        path, _, query = target.partition("?")
        with self._lock:
            if path != self._path or self._taken or not query:
                return 404, _NOTHING
            self._taken = self._is_awaited(target)
        if self._taken:
            return 200, _ARRIVED
        self._on_stray()
        return 400, _STRAY

    def take(self, target: str) -> None:
        """Hands over the answer, after the person was shown a page."""
        self._answers.put(f"{self._redirect_url.partition('?')[0]}?{target.partition('?')[2]}")


@contextlib.contextmanager
def awaited(callback: Callback, redirect_url: str) -> Iterator[None]:
    """Serves the address to which the browser comes back, on 127.0.0.1 alone.

    Raises:
        ConfigurationError: if this program cannot wait there.
    """
    scheme, host, port = origin(redirect_url)
    if scheme != "http" or host not in _NAMES:
        raise ConfigurationError(
            f"The browser is sent to {scheme}://{host}, where this command cannot wait for it. Run `salesnav login"
            f" --no-browser`, or register an address like {REDIRECT_URL} and set it as credentials.redirect_url."
        )
    try:
        server = _Server((HOST, port), callback)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of this machine cannot be waited on ({error.strerror or error}): another program, or another"
            " `salesnav login`, has it. End that; or register an address with another port with the application, and name it by"
            " --redirect-url. `--no-browser` needs no port."
        ) from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    """One thread for each connection: a browser may open one and say nothing."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], callback: Callback) -> None:
        self.callback = callback
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: a stack trace could show the code."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _READ_SECONDS
    server: _Server

    def do_GET(self) -> None:
        """Shows a page, and hands over what is awaited."""
        status, (title, text) = self.server.callback.page(self.path)
        page = _PAGE.format(title=title, text=text).encode()
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            for name, value in {**_HEADERS, "Content-Length": str(len(page)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page)
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
        if status == 200:
            self.server.callback.take(self.path)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the address holds the code."""
