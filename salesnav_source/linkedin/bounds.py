"""Bounds on reading from a connection: seconds in total, seconds for each read, and bytes of the header.

They are checked at the socket, below urllib3, which reads a header or a chunk in one call, however slowly it comes. The bounds
of the current request are in a context variable, because urllib3 makes the objects that read.
"""

import contextlib
import http.client
import io
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

from salesnav_source.exceptions import StalledDownloadError, UnusableAnswerError

HEADER_BYTES = 128 * 1024
"""Most bytes of the status line and the header together."""
LINE_BYTES = 64 * 1024
ANSWER_BYTES = 16 << 20
"""Most bytes of an answer that is not a file, as they come: header, chunk sizes, body and trailer."""
STANDSTILL_SECONDS, STANDSTILL_BYTES = 30.0, 4096
"""A download has stalled if fewer bytes than this have come in so many seconds."""

TClock = Callable[[], float]


class Bounds:
    """How much time and how many bytes one answer may take.

    Args:
        seconds: for the whole answer.
        read_seconds: for each read.
        clock: monotonic seconds.
        most: bytes of the whole answer as they come. Bytes of an encoding or of a trailer may hold no content at all.
    """

    def __init__(
        self, seconds: float, read_seconds: float, clock: TClock = time.monotonic, most: int = ANSWER_BYTES
    ) -> None:
        self._clock = clock
        self._most = most
        self._seconds, self._read_seconds = seconds, read_seconds
        self._deadline = clock() + seconds
        self._header_left: int | None = None
        self._paced_since: float | None = None
        self._received = self._paced_from = 0

    def extend(self, seconds: float, read_seconds: float, most: int) -> None:
        """Sets new bounds from now on, and checks the speed from now on: for the body of a file."""
        now = self._clock()
        self._most = self._received + most
        self._seconds, self._read_seconds = seconds, read_seconds
        self._deadline, self._paced_since, self._paced_from = now + seconds, now, self._received

    @contextlib.contextmanager
    def header(self) -> Iterator[None]:
        """Bounds the bytes that are read meanwhile."""
        self._header_left = HEADER_BYTES
        try:
            yield
        finally:
            self._header_left = None

    def timeout(self) -> float:
        """Returns the seconds that the next read may take.

        Raises:
            TimeoutError: if the time for the whole answer is over.
        """
        left = self._deadline - self._clock()
        if left <= 0:
            raise TimeoutError(f"the answer took longer than {self._seconds:g} s")
        return min(left, self._read_seconds)

    def received(self, size: int) -> None:
        """Counts bytes that have come.

        Raises:
            UnusableAnswerError: if the header or the whole answer is too long.
            StalledDownloadError: if hardly anything has come for a while.
        """
        self._received += size
        if self._received > self._most:
            raise UnusableAnswerError(f"LinkedIn's answer is still not complete after {self._received >> 20:,} MB.")
        if self._header_left is not None:
            self._header_left -= size
            if self._header_left < 0:
                raise UnusableAnswerError("The header of LinkedIn's answer is too long.")
        if self._paced_since is None or (now := self._clock()) - self._paced_since < STANDSTILL_SECONDS:
            return
        got = self._received - self._paced_from
        if got < STANDSTILL_BYTES:
            raise StalledDownloadError(f"The download has stalled: {got:,} bytes in {now - self._paced_since:.0f} s.")
        self._paced_since, self._paced_from = now, self._received


_current: ContextVar[Bounds | None] = ContextVar("bounds", default=None)


@contextlib.contextmanager
def bounded_by(bounds: Bounds) -> Iterator[None]:
    """Applies bounds to the answer whose header is read meanwhile, and to its body."""
    token = _current.set(bounds)
    try:
        yield
    finally:
        _current.reset(token)


class _Source(io.RawIOBase):
    """The bytes of a socket, within bounds."""

    def __init__(self, raw: io.RawIOBase, sock: Any, bounds: Bounds) -> None:
        self._raw, self._sock, self._bounds = raw, sock, bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._bounds.timeout())
        size = self._raw.readinto(buffer)
        self._bounds.received(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader(io.BufferedReader):
    """Reads lines up to a bound, even if the caller names none, as urllib3 does for the sizes of chunks."""

    def readline(self, size: int | None = -1, /) -> bytes:
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(LINE_BYTES + 1)
        if len(line) > LINE_BYTES:
            raise http.client.LineTooLong("line")
        return line


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._bounds = _current.get()
        if self._bounds is not None:
            self.fp = _Reader(_Source(self.fp.detach(), sock, self._bounds))

    def begin(self) -> None:
        with self._bounds.header() if self._bounds is not None else contextlib.nullcontext():
            super().begin()


class _HTTPConnection(urllib3.connection.HTTPConnection):
    response_class = _Response


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    response_class = _Response


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class BoundedAdapter(HTTPAdapter):
    """Sends requests over connections with bounds. Connections over a SOCKS proxy have none."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Makes the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the pools of connections over a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, urllib3.ProxyManager):
            manager.pool_classes_by_scheme = _POOLS
        return manager
