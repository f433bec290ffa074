"""The sandbox on a socket: HTTP/1.1 on loopback, with every way to fail that a connection has."""

import contextlib
import datetime as dt
import itertools
import json
import socket
import socketserver
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any

from salesnav_source.sandbox.api import Api, JobRecord, RequestRecord
from salesnav_source.sandbox.data import World
from salesnav_source.sandbox.faults import Answer, Fault, TCut

_HOST = "127.0.0.1"
_PIECE = 64 * 1024
_MAX_BODY = 2**20


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
    ) -> None:
        self.world = world or World(today=lambda: dt.datetime.fromtimestamp(clock(), dt.timezone.utc).date())
        self.requests: list[RequestRecord] = []
        self.client_id = client_id
        self.client_secret = client_secret
        self._port = port
        self._server: _Server | None = None
        self._api = Api(
            world=self.world,
            clock=clock,
            job_seconds=job_seconds,
            url_seconds=url_seconds,
            file_seconds=file_seconds,
            lanes=lanes,
            page_size=page_size,
            client_id=client_id,
            client_secret=client_secret,
            token_seconds=token_seconds,
            rotate_refresh_token=rotate_refresh_token,
            base_path=base_path,
        )
        self._api.start_tokens(access_token, refresh_token)
        for fault in faults:
            self.add_fault(fault)

    def __enter__(self) -> "Sandbox":
        if self._server is not None:
            raise RuntimeError("The sandbox is serving already.")
        self._server = _Server((_HOST, self._port), self._api, self.requests)
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
    def introspection_url(self) -> str:
        """Address at which one may look into a token."""
        return f"{self._origin}/oauth/v2/introspectToken"

    @property
    def access_token(self) -> str:
        """The access token that was given last."""
        return self._api.access_token

    @property
    def refresh_token(self) -> str:
        """The refresh token that is valid now."""
        return self._api.refresh_token

    @property
    def jobs(self) -> list[JobRecord]:
        """Every job that was created."""
        return self._api.jobs

    def revoke_token(self) -> None:
        """Kills the access token; only renewing it gives another."""
        self._api.revoke_token()

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
        return f"http://{_HOST}:{self._port}"


class _Server(socketserver.ThreadingTCPServer):
    """Serves connections, each on a thread of its own, and ends with all of them."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: Api, requests: list[RequestRecord]) -> None:
        self.api = api
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
            socket.create_connection((_HOST, self.server_address[1]), timeout=1).close()
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
    server: _Server

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
        length = self.headers.get("Content-Length", "0")
        content = self.rfile.read(min(int(length), _MAX_BODY)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return RequestRecord(self.command, path, query, headers, content, self.server.api.clock())

    def _send(self, request: RequestRecord, answer: Answer) -> None:
        if answer.wait and self.server.stopping.wait(answer.wait):
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
        whole = b"".join(_body(answer))
        sent = b"".join(_stop([whole], answer.stop_after))
        length = len(whole) + (answer.extra_length or 0)
        if length != len(sent):
            answer.ending = answer.ending or "close"
        head = self._head(answer, {} if answer.status == 204 else {"Content-Length": str(length)})
        for piece in itertools.chain([head], self._timed([sent], answer)):
            self.wfile.write(piece)

    def _send_chunked(self, answer: Answer) -> None:
        pieces: Iterable[bytes] = _stop(_body(answer), answer.stop_after)
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
        """Yields the body in small pieces, no faster than told, and stops with the server."""
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


def _body(answer: Answer) -> Iterator[bytes]:
    """Yields the body of an answer in pieces that are not empty."""
    if answer.fields is not None:
        pieces: Iterable[bytes] = [json.dumps(answer.fields).encode()]
    elif answer.transforms and answer.records is not None:
        pieces = answer.records()
        for transform in answer.transforms:
            pieces = transform(pieces)
    else:
        pieces = [answer.body] if answer.chunks is None else answer.chunks()
    pieces = _gather(pieces)
    return _gather(_compress(pieces)) if answer.gzip else pieces


def _gather(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the same bytes in pieces of some size."""
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(gathered)
            gathered, size = [], 0
    if size:
        yield b"".join(gathered)


def _compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the bytes as a gzip file."""
    compressor = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def _stop(pieces: Iterable[bytes], after: int | None) -> Iterator[bytes]:
    """Yields so many bytes; a negative number leaves out so many at the end."""
    if after is None:
        yield from pieces
    elif after < 0:
        yield b"".join(pieces)[:after]
    else:
        for piece in pieces:
            if after <= 0:
                return
            yield piece[:after]
            after -= len(piece)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
