"""Arrays of NumPy or Arrow: names of their types, views that copy nothing."""

from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TInts = npt.NDArray[np.int64]
TWords = npt.NDArray[np.uint64]
TBytes = npt.NDArray[np.uint8]
TMask = npt.NDArray[np.bool_]


def as_bytes(buffer: bytes, start: int, end: int) -> TBytes:
    """Returns a part of a buffer as an array."""
    return np.frombuffer(buffer, np.uint8, end - start, start)


def is_null(values: pa.Array) -> TMask:
    """Returns which values are null."""
    return cast(TMask, values.is_null().to_numpy(zero_copy_only=False))


def text_bytes(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], TBytes]:
    """Returns the offset of each text in the bytes of all texts, and these bytes. The last offset is the end."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int32), np.zeros(0, np.uint8)
    return np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset), np.frombuffer(data, np.uint8)
