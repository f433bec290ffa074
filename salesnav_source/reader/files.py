"""What was read, as files of Arrow batches: the typed rows at a target, the rejected ones beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from salesnav_source.reader.typed import TypedBlock


def read_batches(target: Path) -> Iterator[pa.RecordBatch]:
    """Yields the typed rows that `read_export` wrote; at least one batch, if only to tell the columns."""
    with pa.OSFile(str(target), "rb") as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def read_rejected(target: Path) -> Iterator[pa.RecordBatch]:
    """Yields the rejected rows of the file that `read_export` wrote to `target`: line_number, reason and row."""
    path = _rejected_path(target)
    if path.exists():
        yield from read_batches(path)


def remove(target: Path) -> None:
    """Removes what was written to `target` and beside it."""
    target.unlink(missing_ok=True)
    _rejected_path(target).unlink(missing_ok=True)


def _rejected_path(target: Path) -> Path:
    return target.with_name(target.name + ".rejected")


class Writer:
    """Writes typed rows and, if there are any, rejected ones, and counts them."""

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        self.loaded = self.rejected = self.outside = 0
        self._target = target
        self._schema = schema
        self._streams: dict[Path, tuple[pa.NativeFile, pa.ipc.RecordBatchStreamWriter]] = {}

    def __enter__(self) -> "Writer":
        remove(self._target)
        return self

    def __exit__(self, *_: object) -> None:
        if self._target not in self._streams:
            self._write(self._target, pa.RecordBatch.from_pylist([], self._schema))
        for file, stream in self._streams.values():
            stream.close()
            file.close()

    def write(self, typed: TypedBlock) -> None:
        """Writes the rows of a block."""
        self.loaded += len(typed.batch)
        self.rejected += len(typed.reasons)
        self.outside += int(np.count_nonzero(typed.outside))
        if len(typed.batch):
            self._write(self._target, typed.batch)
        if typed.reasons:
            self._write(_rejected_path(self._target), typed.rejected_batch())

    def _write(self, path: Path, batch: pa.RecordBatch) -> None:
        if path not in self._streams:
            file = pa.OSFile(str(path), "wb")
            self._streams[path] = file, pa.ipc.new_stream(file, batch.schema)
        self._streams[path][1].write_batch(batch)
