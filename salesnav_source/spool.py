"""A file on disk that one thread fills while another already reads it.

It holds rows as LinkedIn wrote them, with whatever is personal in them. So it has no name once it is open: nobody else can
open it, and the system takes it back with the process, also with one that is killed.
"""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast


class SpoolClosedError(Exception):
    """The file is written to, though nobody will read it any more."""


class SpoolStalledError(Exception):
    """Nothing has come for a while of a file that is read while it is being received."""


STALL = 2.0
"""Seconds for which a reader waits for more of a file."""


class Spool:
    """A file that is being received: opened for writing by one thread, and for reading, from its start, by others.

    Who reads waits for what is still to come, until `end` says that this was all, or for so long that it had better read
    something else.
    """

    def __init__(self, path: Path) -> None:
        """Prepares a file; it is made when it is opened for writing.

        Args:
            path: where it is to take room; what is there is removed.
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
        """Gives the room back, once nobody writes or reads any more."""
        self._file = None

    def make(self) -> "_Nameless":
        """Makes the file.

        Raises:
            OSError: if it cannot be made.
        """
        self._file = file = _Nameless(self.path)
        return file

    def read_at(self, place: int, size: int) -> bytes:
        """Returns bytes that were written."""
        file = self._file
        return os.pread(file.descriptor, size, place) if file is not None else b""

    def notify(self, size: float, callback: Callable[[], None]) -> None:
        """Has a function called once the file has a size, or, after it was called once before, at the end at the latest.

        Args:
            size: in bytes.
            callback: called from the thread that writes, or at once if there is nothing to wait for.
        """
        with self._grown:
            self._awaited = (size, callback)
        self._call_back()

    def end(self, error: BaseException | None = None) -> bool:
        """Says that no more will come; the first error wins.

        Args:
            error: why not, if not because it is whole; raised to who reads on.

        Returns:
            Whether somebody reads the file, or was told to.
        """
        with self._grown:
            if not self._ended:
                self._ended, self._error = True, error
                self._grown.notify_all()
        self._call_back()
        return self._called

    def grow(self, size: int) -> None:
        """Says that more bytes have been written.

        Raises:
            SpoolClosedError: if the end was said before.
        """
        with self._grown:
            if self._ended:
                raise SpoolClosedError
            self.size += size
            self._grown.notify_all()
        self._call_back()

    def wait_beyond(self, place: int) -> int:
        """Waits until there is more than `place` bytes, or the end; returns how many there are.

        Raises:
            SpoolStalledError: if nothing comes for a while.
            BaseException: with which the file was ended.
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
    """A file that has no name, and is gone with the last who knows it."""

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
