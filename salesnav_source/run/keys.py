"""Which keys the files of a load have: whether one stands in the files of two windows, or on other days of the warehouse."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salesnav_source.jobs.lanes import TLane
from salesnav_source.jobs.task import Task
from salesnav_source.linkedin.reader.arrays import TInts, TWords
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


@dataclass
class LoadedKeys:
    """The keys of the files that a load has taken, by lane: sixteen bytes each, and only where a lane has several windows."""

    _seen: dict[TLane, list[tuple[TWords, TInts]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, task: Task) -> Shared:
        """Adds the keys of a window, and says how many of them stand in other windows of its lane as well."""
        hashes, times = _keys_of(task)
        again = otherwise = 0
        for others, other_times in self._seen[task.lane]:
            if not len(others):
                continue
            places = np.minimum(np.searchsorted(others, hashes), len(others) - 1)
            same = others[places] == hashes
            again += int(same.sum())
            otherwise += int((same & (other_times[places] != times)).sum())
        self._seen[task.lane].append((hashes, times))
        return Shared(len(hashes), again, otherwise, in_load=True)

    def drop_last(self, lane: TLane) -> None:
        """Forgets the keys of the window of a lane that was added last."""
        self._seen[lane].pop()


def sample_of(task: Task, rows: int) -> list[dict[str, Any]]:
    """Returns key and time of the first rows of a window, but of those that need care in a query."""
    names = [*_key_of(task), MOMENT]
    found = [row for batch in islice(_batches(task, names, rows), 1) for row in batch.to_pylist()]
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


def _keys_of(task: Task) -> tuple[TWords, TInts]:
    """Returns the hashes of the keys of typed rows, sorted, and their times; the earliest of all where there is none."""
    key = _key_of(task)
    hashes, times = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for batch in _batches(task, [*key, MOMENT]):
        hashes.append(hash_rows(_plain(batch.select(key))))
        times.append(batch.column(MOMENT).cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy())
    found = np.concatenate(hashes)
    order = np.argsort(found, kind="stable")
    return found[order], np.concatenate(times)[order]


def _batches(task: Task, columns: list[str], rows: int = 65536) -> Iterator[pa.RecordBatch]:
    path: Path | None = task.received.rows
    if path is not None:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)
