"""Keys that occur again in a file.

Rows that are equal to others are left out. Of rows with one key and different values the last one stays, and the others are
rejected.

Only the hash of each key is kept. If hashes are equal, the rows themselves are compared, by reading the file again.
"""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from salesnav_source.linkedin.reader import hash_parts
from salesnav_source.linkedin.reader.arrays import TInts, TWords
from salesnav_source.linkedin.reader.hash_parts import Disk, HashParts
from salesnav_source.linkedin.reader.hashes import hash_rows
from salesnav_source.linkedin.reader.rejections import CONTRADICTED, Reason
from salesnav_source.linkedin.reader.typed import TypedBlock


def key_hashes(keys: pa.RecordBatch) -> TWords:
    """Returns the hashes of a block's keys, sorted."""
    hashes = hash_rows(keys)
    hashes.sort()
    return hashes


class KeyHashes:
    """The hashes of all keys of a file, eight bytes each. If they are many, they are on disk."""

    def __init__(self, folder: Path) -> None:
        """Writes nothing yet.

        Args:
            folder: where to make a file without a name, if one is needed.
        """
        self._disk = Disk(folder)
        self._hashes = HashParts(self._disk)

    def __enter__(self) -> "KeyHashes":
        return self

    def __exit__(self, *_: object) -> None:
        self._disk.close()

    def add(self, hashes: TWords) -> None:
        """Adds the sorted hashes of a block's keys."""
        self._hashes.add(hashes)
        if self._hashes.held >= hash_parts.MOST_BYTES:
            self._hashes.write()

    def repeated(self) -> TWords:
        """Returns, sorted, the hashes that occur more than once."""
        return np.concatenate([_repeated(self._read(number)) for number in range(hash_parts.PARTS)])

    def count_distinct(self) -> int:
        """Returns how many different hashes there are."""
        return sum(len(np.unique(self._read(number))) for number in range(hash_parts.PARTS))

    def _read(self, number: int) -> TWords:
        return self._hashes.read(number)[:, 0]


def _repeated(hashes: TWords) -> TWords:
    # blocks come sorted, and a stable sort merges them in a third of the time
    hashes.sort(kind="stable")
    again = hashes[1:][hashes[1:] == hashes[:-1]]
    return np.unique(again) if len(again) else again


@dataclass(frozen=True)
class Repetitions:
    """The rows of a file to leave out because their key occurs again, by their place among the loadable rows."""

    places: TInts
    again: TInts
    """The line on which the key occurs again with other values; 0 if the row only repeats an earlier one."""

    def drop_from(self, typed: TypedBlock, start: int) -> TypedBlock:
        """Returns a block without the rows that repeat; its first loadable row has the place `start`."""
        first, last = np.searchsorted(self.places, [start, start + len(typed.numbers)])
        if first == last:
            return typed
        places, again = self.places[first:last] - start, self.again[first:last]
        reasons = {
            place: Reason(CONTRADICTED, f" on line {line}", looks=f" on line {line}")
            for place, line in zip(places.tolist(), again.tolist(), strict=True)
            if line
        }
        return typed.without(places, reasons)


NO_REPETITIONS = Repetitions(np.zeros(0, np.int64), np.zeros(0, np.int64))


class Sightings:
    """The rows of a file whose key may occur more than once, because its hash does."""

    def __init__(self, repeated_hashes: TWords) -> None:
        self._hashes = repeated_hashes
        self._keys = bytearray()
        self._rows = bytearray()
        self._places: list[TInts] = []
        self._times: list[TInts] = []
        self._lines: list[TInts] = []

    def add(self, typed: TypedBlock, key: list[str], start: int) -> None:
        """Adds the rows of a block; its first loadable row has the place `start`."""
        hashes = hash_rows(typed.batch.select(key))
        near = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        seen = np.flatnonzero(self._hashes[near] == hashes)
        if not len(seen):
            return
        batch = typed.batch.take(pa.array(seen))
        self._keys += _digests(batch.select(key))
        self._rows += _digests(batch)
        self._places.append(seen + start)
        self._times.append(_times_of(batch))
        self._lines.append(typed.lines(seen))

    def repetitions(self) -> Repetitions:
        """Returns the rows that repeat others, and those whose key occurs again with other values.

        Of rows with one key the latest is left, and of equally late ones the last: so it is the same one that is left where
        the rows stand in the files of two windows.
        """
        keys = np.frombuffer(self._keys, np.uint64).reshape(-1, 2)
        rows = np.frombuffer(self._rows, np.uint64).reshape(-1, 2)
        places, lines = np.concatenate(self._places), np.concatenate(self._lines)
        order = np.lexsort((places, np.concatenate(self._times), keys[:, 0], keys[:, 1]))
        keys, rows, places, lines = keys[order], rows[order], places[order], lines[order]
        same_key = np.append(False, (keys[1:] == keys[:-1]).all(axis=1))
        same_row = same_key & np.append(False, (rows[1:] == rows[:-1]).all(axis=1))
        others = np.flatnonzero(~same_row)
        replaced = same_key[others[1:]]
        again = np.concatenate((np.zeros(np.count_nonzero(same_row), np.int64), lines[others[1:]][replaced]))
        dropped = np.concatenate((places[same_row], places[others[:-1]][replaced]))
        by_place = np.argsort(dropped)
        return Repetitions(dropped[by_place], again[by_place])


def _times_of(batch: pa.RecordBatch) -> TInts:
    """Returns the times of rows as numbers; the earliest of all where there is none."""
    if "created_at" not in batch.schema.names:
        return np.zeros(len(batch), np.int64)
    times: TInts = batch.column("created_at").view(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    return times


def _digests(batch: pa.RecordBatch) -> bytes:
    """Returns sixteen bytes per row that are equal only for equal rows."""
    rows = zip(*(_plain(column).to_pylist() for column in batch.columns), strict=True)
    return b"".join(blake2b(repr(row).encode(), digest_size=16).digest() for row in rows)


def _plain(column: pa.Array) -> pa.Array:
    """Returns a column with times as numbers, of which Python makes objects much faster."""
    return column.view(f"int{column.type.bit_width}") if pa.types.is_temporal(column.type) else column
