"""Records divided by the first bits of a hash: equal hashes are found part by part. If they are many, they are on disk."""

from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from salesnav_source.linkedin.reader.arrays import TWords

PARTS = 32
MOST_BYTES = 32 << 20
"""Most bytes of records in memory: the hashes of four million keys. The largest file has ten times as many."""

_FIRST_OF_PARTS = np.arange(1, PARTS, dtype=np.uint64) * np.uint64(2**64 // PARTS)


class Disk:
    """A file without a name, made where it is needed."""

    def __init__(self, folder: Path) -> None:
        """Makes nothing yet.

        Args:
            folder: where to make the file.
        """
        self._folder = folder
        self._file: BinaryIO | None = None

    def close(self) -> None:
        """Removes the file."""
        if self._file is not None:
            self._file.close()

    def append(self, data: bytearray) -> tuple[int, int]:
        """Writes bytes, and returns their place and number."""
        if self._file is None:
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115, closed at the end of all
        place = self._file.seek(0, 2)
        self._file.write(data)
        return place, len(data)

    def read(self, place: int, size: int) -> bytes:
        """Returns bytes that were written."""
        assert self._file is not None
        self._file.seek(place)
        return self._file.read(size)


class HashParts:
    """Records of some words each, of which the first one is a hash."""

    def __init__(self, disk: Disk, words: int = 1) -> None:
        """Begins without any.

        Args:
            disk: where the records go if they are many.
            words: how many words a record has.
        """
        self._disk = disk
        self._words = words
        self._parts = [bytearray() for _ in range(PARTS)]
        self._written: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]
        self.held = 0
        """Bytes in memory."""

    def add(self, records: TWords) -> None:
        """Adds records, sorted by their hashes: an array with a row for each, or of hashes alone."""
        rows = records.reshape(-1, self._words)
        places = [0, *np.searchsorted(rows[:, 0], _FIRST_OF_PARTS).tolist(), len(rows)]
        for part, first, last in zip(self._parts, places[:-1], places[1:], strict=True):
            part += rows[first:last].data
        self.held += rows.nbytes

    def write(self) -> None:
        """Moves what is in memory to disk."""
        for part, written in zip(self._parts, self._written, strict=True):
            written.append(self._disk.append(part))
            part.clear()
        self.held = 0

    def read(self, number: int) -> TWords:
        """Returns the records of a part: an array with a row for each."""
        found = bytearray()
        for place, size in self._written[number]:
            found += self._disk.read(place, size)
        return np.frombuffer(found + self._parts[number], np.uint64).reshape(-1, self._words)
