"""Which keys the files of a load have: whether one stands in the files of two windows, or in the warehouse already."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salesnav_source.jobs.task import Task
from salesnav_source.linkedin.reader.arrays import TWords
from salesnav_source.linkedin.reader.repetitions import key_hashes
from salesnav_source.schema import EXPORTS


@dataclass
class LoadedKeys:
    """The keys of the files that a load has taken, by lane: eight bytes each, and only where a lane has several windows."""

    _seen: dict[tuple[str, str], list[TWords]] = field(default_factory=lambda: defaultdict(list))

    def add(self, task: Task) -> int:
        """Adds the keys of a window, and returns how many of them stand in other windows of its lane as well."""
        path = task.received.rows
        if path is None:
            return 0
        hashes = _hashes_of(path, [name for name in EXPORTS[task.export].key if name != "contract"])
        earlier = self._seen[task.lane]
        again = sum(int(np.isin(hashes, one, assume_unique=True).sum()) for one in earlier)
        earlier.append(hashes)
        return again


def _hashes_of(path: Path, key: list[str]) -> TWords:
    """Returns the hashes of the keys of typed rows; two keys that have one hash cost a comparison and nothing else."""
    with pq.ParquetFile(path) as file:
        found = [key_hashes(_plain(batch)) for batch in file.iter_batches(columns=key)]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)
