"""A stand-in for the way to an S3 server: hands requests on, and spoils some."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

TFault = Literal["503 SlowDown", "500 InternalError", "409 ConditionalRequestConflict", "cut off"]


class Way:
    """The way to a server, over a port of its own."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.port = 0
        self.requests: list[str] = []
        """The method of each request."""
        self.bare = False
        """Whether errors lack what is not in the specification of all servers: which condition failed."""
        self._faults: list[tuple[str, TFault, bool]] = []
        self._one = threading.Lock()

    def spoil(self, method: str, fault: TFault, times: int = 1, done: bool = False) -> None:
        """Spoils the next requests of a method.

        Args:
            method: e.g. `PUT`.
            fault: what is answered.
            times: how many requests.
            done: whether the server is given them all the same, and only its answer is lost.
        """
        with self._one:
            self._faults += [(method, fault, done)] * times

    @property
    def spoilt_left(self) -> int:
        """How many requests will still be spoilt."""
        return len(self._faults)

    def mend(self) -> None:
        """Spoils no more requests."""
        with self._one:
            self._faults.clear()

    def _fault(self, method: str) -> tuple[TFault, bool] | None:
        with self._one:
            self.requests.append(method)
            for number, (spoilt, fault, done) in enumerate(self._faults):
                if spoilt == method:
                    del self._faults[number]
                    return fault, done
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    way: Way

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = self.way._fault(self.command)
        if found is None or found[1]:
            answer, text = self._ask(body)
        if found is None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            if self.way.bare:
                text = text.replace(b"<Condition>If-None-Match</Condition>", b"")
            self._end(text)
        elif found[0] == "cut off":
            self.close_connection = True
        else:
            status, code = found[0].split()
            self.send_response(int(status))
            self.send_header("Content-Type", "application/xml")
            self._end(f"<Error><Code>{code}</Code><Message>Said by the way.</Message></Error>".encode())

    def _ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        server = http.client.HTTPConnection("127.0.0.1", self.way.server)
        with contextlib.closing(server):
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            server.request(self.command, self.path, body, headers)
            answer = server.getresponse()
            return answer, answer.read()

    def _end(self, text: bytes) -> None:
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _pass_on  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Prints nothing."""


@contextlib.contextmanager
def way_to(server: int) -> Iterator[Way]:
    """Serves a way to a server on loopback; `port` is where it begins."""
    way = Way(server)
    handler = type("Handler", (_Handler,), {"way": way})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        serving.daemon_threads = True
        way.port = serving.server_address[1]
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield way
        finally:
            serving.shutdown()
            thread.join()
