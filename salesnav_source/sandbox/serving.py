"""HTTP/1.1 on loopback, with every way to fail that a connection has."""

import contextlib
import itertools
import re
import socket
import socketserver
import struct
import threading
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from salesnav_source.sandbox.api import Api
from salesnav_source.sandbox.body import body_of, stop
from salesnav_source.sandbox.faults.model import Answer, TCut
from salesnav_source.sandbox.request import RequestRecord

HOST = "127.0.0.1"
_MAX_BODY = 2**20
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,6})[ \t]*(;[^\r\n]*)?\r?\n")


class Server(socketserver.ThreadingTCPServer):
    """Serves connections, each on its own thread, and ends them all at its end."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: Api, requests: list[RequestRecord], latency: float) -> None:
        self.api = api
        self.latency = latency
        self.requests = requests
        self.stopping = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._connections_lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="sandbox", daemon=True)
        super().__init__(address, _Handler)

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection and every thread."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            # accept() returns on every platform when someone calls, but not when its socket is closed
            socket.create_connection((HOST, self.server_address[1]), timeout=1).close()
        self._thread.join()
        with self._connections_lock:
            connections = dict(self._connections)
        for thread, connection in connections.items():
            _shut(connection)
            thread.join()
        self.server_close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, address = self.get_request()
            except OSError:
                self.stopping.wait(0.01)
                continue
            if self.stopping.is_set():
                self.shutdown_request(connection)
            else:
                self.process_request(connection, address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection on a new thread."""
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="sandbox-connection", daemon=True
        )
        with self._connections_lock:
            self._connections[thread] = request
        thread.start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                del self._connections[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports what is not merely a client that went away."""
        if not self.stopping.is_set():
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests from a connection, and sends the API's answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        """Serves a connection until it ends."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Answers a request."""
        request = self._read()
        self.server.requests.append(request)
        self._send(request, self.server.api.answer(request))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Writes no log."""

    def _read(self) -> RequestRecord:
        path, _, query = self.path.partition("?")
        content = b"".join(self._read_body())
        headers = {name.lower(): value for name, value in self.headers.items()}
        return RequestRecord(self.command, path, query, headers, content, self.server.api.clock())

    def _read_body(self) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            said = self.headers.get("Content-Length", "0")
            length = min(int(said), _MAX_BODY) if said.isdecimal() else 0
            content = self.rfile.read(length)
            if len(content) < length:
                raise ConnectionAbortedError("The client went away in the midst of its body.")
            yield content
            return
        left = _MAX_BODY
        while (size := self._chunk_size()) and size <= left:
            yield self.rfile.read(size)
            self.rfile.readline()
            left -= size
        while self.rfile.readline().strip():
            pass

    def _chunk_size(self) -> int:
        head = _CHUNK_SIZE.fullmatch(self.rfile.readline())
        if head is None:
            raise ConnectionAbortedError("The body is not chunked as it says.")
        return int(head[1], 16)

    def _send(self, request: RequestRecord, answer: Answer) -> None:
        wait = answer.wait + self.server.latency
        if wait and self.server.stopping.wait(wait):
            answer.cut = "close"
        if answer.cut is not None:
            self._cut(answer.cut)
            return
        request.status = answer.status
        if answer.is_file and answer.extra_length is None:
            self._send_chunked(answer)
        else:
            self._send_whole(answer)
        if answer.ending is not None:
            self._cut(answer.ending)

    def _send_whole(self, answer: Answer) -> None:
        """Sends the head with the length of the whole body, and what of the body is to be sent."""
        whole = b"".join(body_of(answer))
        sent = b"".join(stop([whole], answer.stop_after))
        length = len(whole) + (answer.extra_length or 0)
        if length != len(sent):
            answer.ending = answer.ending or "close"
        head = self._head(answer, {} if answer.status == 204 else {"Content-Length": str(length)})
        for piece in itertools.chain([head], self._timed([sent], answer)):
            self.wfile.write(piece)

    def _send_chunked(self, answer: Answer) -> None:
        pieces: Iterable[bytes] = stop(body_of(answer), answer.stop_after)
        self.wfile.write(self._head(answer, {"Transfer-Encoding": "chunked"}))
        for piece in self._timed(pieces, answer):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if answer.ending is None:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, answer: Answer, framing: dict[str, str]) -> bytes:
        request_id = self.server.api.new_request_id()
        headers = {
            "Date": formatdate(self.server.api.clock(), usegmt=True),
            "x-li-uuid": request_id,
            "x-li-fabric": "sandbox",
            "x-li-request-id": request_id,
            **({"Content-Type": "application/json"} if answer.fields is not None else {}),
            **answer.headers,
            **({"Content-Encoding": "gzip"} if answer.gzip == "encoding" else {}),
            **framing,
        }
        known = {status.value: status.phrase for status in HTTPStatus}
        lines = [f"HTTP/1.1 {answer.status} {known.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _timed(self, pieces: Iterable[bytes], answer: Answer) -> Iterable[bytes]:
        """Returns the body as slowly as the answer says."""
        if answer.pause is not None:
            pieces = self._paused(pieces, *answer.pause)
        return pieces if answer.bytes_per_second is None else self._paced(pieces, answer.bytes_per_second)

    def _paused(self, pieces: Iterable[bytes], after: int, seconds: float) -> Iterator[bytes]:
        """Yields so many bytes, waits, and yields the rest, if there is one; stops with the server."""
        left: int | None = after
        for piece in pieces:
            if left is not None and len(piece) > left:
                yield from filter(None, [piece[:left]])
                self._rest(seconds)
                yield piece[left:]
                left = None
            else:
                left = None if left is None else left - len(piece)
                yield piece
        if left is not None:
            self._rest(seconds)

    def _rest(self, seconds: float) -> None:
        if self.server.stopping.wait(min(seconds, threading.TIMEOUT_MAX)):
            raise ConnectionAbortedError("The sandbox stops.")

    def _paced(self, pieces: Iterable[bytes], bytes_per_second: float) -> Iterator[bytes]:
        """Yields the body in small pieces, at a given speed, and stops with the server."""
        size = max(int(bytes_per_second / 20), 1)
        for piece in pieces:
            for start in range(0, len(piece), size):
                part = piece[start : start + size]
                yield part
                self._rest(len(part) / bytes_per_second)

    def _cut(self, how: TCut) -> None:
        self.close_connection = True
        if how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
        else:
            _shut(self.connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
