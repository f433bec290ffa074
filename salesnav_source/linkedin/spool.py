"""A file on disk that one thread fills while another already reads it.

It contains rows as LinkedIn wrote them, personal data included. So it loses its name once it is open. Nobody else can open it,
and the system removes it when the process ends, even if it is killed.
"""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast


class SpoolClosedError(Exception):
    """A write to a file that nobody will read."""


class SpoolStalledError(Exception):
    """A file that is read while it is received has stalled."""


STALL = 2.0
"""Seconds that a reader waits for more of a file."""


class Spool:
    """A file that is being received: one thread writes it, others read it from its start.

    A reader waits for what is still to come, until `end` is called or the file stalls.
    """

    def __init__(self, path: Path) -> None:
        """Prepares a file; it is created when it is opened for writing.

        Args:
            path: where it is created; what is there is removed.
        """
        self.path = path
        self.size = 0
        """Bytes written so far."""
        self._ended = False
        self._error: BaseException | None = None
        self._grown = threading.Condition()
        self._awaited: tuple[float, Callable[[], None]] | None = None
        self._called = False
        self._file: _Nameless | None = None

    def open(self, mode: Literal["rb", "wb"]) -> BinaryIO:
        """Opens the file, as `Path.open` does."""
        if mode == "wb":
            return cast(BinaryIO, _Filling(self))
        return io.BufferedReader(_Following(self), 1 << 20)

    def remove(self) -> None:
        """Frees the disk space once nobody writes or reads."""
        self._file = None

    def make(self) -> "_Nameless":
        """Creates the file.

        Raises:
            OSError: if it cannot be created.
        """
        self._file = file = _Nameless(self.path)
        return file

    def read_at(self, place: int, size: int) -> bytes:
        """Returns bytes that were written."""
        file = self._file
        return os.pread(file.descriptor, size, place) if file is not None else b""

    def notify(self, size: float, callback: Callable[[], None]) -> None:
        """Registers a function to call once the file has a size.

        After the first such call, a function is also called when the file ends.

        Args:
            size: in bytes.
            callback: called from the thread that writes, or at once if there is nothing to wait for.
        """
        with self._grown:
            self._awaited = (size, callback)
        self._call_back()

    def end(self, error: BaseException | None = None) -> bool:
        """Marks the file as ended. Only the first call counts.

        Args:
            error: why it ended, None if it is complete. It is raised in readers.

        Returns:
            True if a function of `notify` was called, so that somebody reads the file.
        """
        with self._grown:
            if not self._ended:
                self._ended, self._error = True, error
                self._grown.notify_all()
        self._call_back()
        return self._called

    def grow(self, size: int) -> None:
        """Counts bytes that were written.

        Raises:
            SpoolClosedError: if the file has ended.
        """
        with self._grown:
            if self._ended:
                raise SpoolClosedError
            self.size += size
            self._grown.notify_all()
        self._call_back()

    def wait_beyond(self, place: int) -> int:
        """Waits until there are more than `place` bytes, or the end; returns how many there are.

        Raises:
            SpoolStalledError: if the file stalls.
            BaseException: the error with which the file ended.
        """
        with self._grown:
            if not self._grown.wait_for(lambda: self.size > place or self._ended, STALL):
                raise SpoolStalledError
            if self._error is not None:
                raise self._error
            return self.size

    def _call_back(self) -> None:
        with self._grown:
            if self._awaited is None:
                return
            size, callback = self._awaited
            if self.size < size and not (self._ended and self._called):
                return
            self._awaited, self._called = None, True
        callback()


class _Nameless:
    """A file without a name; it is gone with its last reference."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        path.unlink()

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class _Filling(io.RawIOBase):
    """Writes to a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._file = spool.make()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        left = memoryview(data)
        while left:
            left = left[os.write(self._file.descriptor, left) :]
        self._spool.grow(len(data))
        return len(data)


class _Following(io.RawIOBase):
    """Reads a spool as it grows."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        assert whence == io.SEEK_SET
        self._place = offset
        return offset

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._spool.wait_beyond(self._place) - self._place)
        if size <= 0:
            return 0
        read = self._spool.read_at(self._place, size)
        buffer[: len(read)] = read
        self._place += len(read)
        return len(read)
