"""Which keys the files of a load have: whether one stands in the files of two windows, or on other days of the warehouse."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from salesnav_source.jobs.lanes import TLane
from salesnav_source.jobs.task import Task
from salesnav_source.linkedin.reader import hash_parts
from salesnav_source.linkedin.reader.files import read_tables
from salesnav_source.linkedin.reader.hash_parts import Disk, HashParts
from salesnav_source.linkedin.reader.hashes import hash_rows
from salesnav_source.linkedin.reader.rejections import is_much
from salesnav_source.schema import EXPORTS

MOMENT = "created_at"
"""The column with the time of a row: of two rows with one key the later one is loaded."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9_.+/=-]+")

SAMPLE = 500
"""How many keys are looked for in the warehouse."""


FEWEST = 5
"""Fewest keys that tell no rows apart: of fewer, all may be rows that LinkedIn has dated anew."""


_MOST_BYTES = 8 << 20
"""Most bytes of keys in memory, of the window that is looked at, and of all others."""


@dataclass(frozen=True)
class Shared:
    """Keys of a window that stand elsewhere as well."""

    keys: int
    """How many keys were looked for."""
    again: int
    """How many of them stand elsewhere."""
    otherwise: int
    """How many stand there with another time, so that one of the two rows is not loaded."""
    in_load: bool
    """True if that is in the file of another window of the load, false if on other days of the warehouse."""

    @property
    def where(self) -> str:
        """Where they stand, in words."""
        return "in the file of another window" if self.in_load else "on other days of the warehouse"

    @property
    def note(self) -> str | None:
        """What is noted of a window that is loaded, if anything is."""
        # the sample of the warehouse is of few keys, and equal rows on other days are those that the file brings once more
        count = self.again if self.in_load else self.otherwise
        return f"{count:,} keys stand {self.where}, too: the row with the later time is loaded" if count else None

    def refusal(self, most: float) -> str | None:
        """Returns why the window is not to be loaded, None if it is: more than half of its rows are no versions of others.

        Args:
            most: the share of rows that may be rejected.
        """
        if self.otherwise < FEWEST or 2 * self.otherwise <= self.keys or not is_much(self.otherwise, self.keys, most):
            return None
        return (
            f"{self.otherwise:,} of {self.keys:,} keys stand {self.where} with another time. So they tell no rows apart, or the"
            " days of one of the two were read wrongly. Nothing of it is loaded, and loaded rows are not replaced by it. If the"
            " other days are wrong, load or import those again first; max_rejected = 1 loads it as it is"
        )


class LoadedKeys:
    """The keys of the files that a load has taken, and their times: sixteen bytes each. If they are many, they are on disk."""

    def __init__(self, folder: Path) -> None:
        """Writes nothing yet.

        Args:
            folder: where to make a file without a name, if one is needed.
        """
        self._disk = Disk(folder)
        self._windows: dict[TLane, list[HashParts]] = defaultdict(list)
        self._held = 0

    def close(self) -> None:
        """Forgets all keys."""
        self._disk.close()
        self._windows.clear()

    def of(self, task: Task) -> HashParts:
        """Returns the keys of a window; the earliest time of all where a row has none."""
        key = _key_of(task)
        found = HashParts(self._disk, words=2)
        for batch in _batches(task, [*key, MOMENT]):
            hashes = hash_rows(_plain(batch.select(key)))
            times = batch.column(MOMENT).cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
            order = np.argsort(hashes)
            found.add(np.column_stack((hashes[order], times[order].view(np.uint64))))
            if found.held >= _MOST_BYTES:
                found.write()
        return found

    def shared(self, lane: TLane, keys: HashParts) -> Shared:
        """Returns how many keys of a window stand in other windows of its lane as well."""
        looked_for = again = otherwise = 0
        for number in range(hash_parts.PARTS):
            own = keys.read(number)
            others = [window.read(number) for window in self._windows[lane]]
            looked_for += len(own)
            if len(own) and any(map(len, others)):
                own = own[np.argsort(own[:, 0])]
                found = np.concatenate(others)
                places = np.minimum(np.searchsorted(own[:, 0], found[:, 0]), len(own) - 1)
                same = own[places, 0] == found[:, 0]
                again += len(np.unique(places[same]))
                otherwise += len(np.unique(places[same & (own[places, 1] != found[:, 1])]))
        return Shared(looked_for, again, otherwise, in_load=True)

    def keep(self, lane: TLane, keys: HashParts) -> None:
        """Adds the keys of a window that is loaded."""
        self._windows[lane].append(keys)
        self._held += keys.held
        if self._held >= _MOST_BYTES:
            for window in chain.from_iterable(self._windows.values()):
                if window.held:
                    window.write()
            self._held = 0


def sample_of(task: Task, rows: int) -> list[dict[str, Any]]:
    """Returns key and time of the first rows of a window, but of those that need care in a query."""
    names = [*_key_of(task), MOMENT]
    found = [row for batch in islice(_batches(task, names), 1) for row in batch.slice(0, rows).to_pylist()]
    return [row for row in found if _PLAIN_ID.fullmatch(row["activity_id"])]


def in_warehouse(sample: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> Shared:
    """Returns which keys of a sample stand in rows of the warehouse, both by column."""
    times = defaultdict(set)
    for row in rows:
        times[tuple(str(row[name]) for name in key)].add(_in_utc(row[MOMENT]))
    found = [(times.get(tuple(str(row[name]) for name in key)), _in_utc(row[MOMENT])) for row in sample]
    again = [(others, own) for others, own in found if others]
    return Shared(len(sample), len(again), sum(own not in others for others, own in again), in_load=False)


def _in_utc(moment: datetime | None) -> datetime | None:
    # some drivers give the time in UTC without a zone
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


def _key_of(task: Task) -> list[str]:
    return [name for name in EXPORTS[task.export].key if name != "contract"]


def _batches(task: Task, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    path: Path | None = task.received.rows
    if path is not None:
        for table in read_tables(path, columns):
            yield from table.to_batches()


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)
