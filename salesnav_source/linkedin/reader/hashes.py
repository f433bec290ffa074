"""Hashes of rows, computed column by column: equal for equal rows, and seldom equal for others."""

import numpy as np
import pyarrow as pa

from salesnav_source.linkedin.reader.arrays import TBytes, TInts, TWords, is_null, text_bytes

FACTOR = np.uint64(0x9E3779B97F4A7C15)

_LONGEST_TEXT = 1024
"""How much of a text is hashed. Longer texts that differ only after that have equal hashes."""

_FIRST_BYTES = np.array([256**count - 1 for count in range(9)], np.uint64)
"""Masks for a word of which only the first bytes belong to a text, by their number."""


def hash_rows(batch: pa.RecordBatch) -> TWords:
    """Returns a hash per row."""
    hashes = np.zeros(len(batch), np.uint64)
    for column in batch.columns:
        if column.type == pa.string():
            _mix_texts(hashes, column)
        else:
            words = column.view(f"int{column.type.bit_width}")
            if words.null_count:
                _mix(hashes, is_null(words).astype(np.uint64))
                words = words.fill_null(0)
            _mix(hashes, words.to_numpy().astype(np.uint64))
    return hashes


def _mix(hashes: TWords, words: TWords) -> None:
    hashes ^= words
    hashes *= FACTOR
    hashes ^= hashes >> np.uint64(32)


def _mix_texts(hashes: TWords, texts: pa.StringArray) -> None:
    offsets, data = text_bytes(texts)
    lengths = np.diff(offsets)
    _mix(hashes, lengths.astype(np.uint64))
    longest = int(lengths.max(initial=0))
    if 8 <= longest <= _LONGEST_TEXT and lengths.min() == longest:
        # ids mostly have one length, and texts without gaps take a fraction of the time
        for offset in (*range(0, longest - 8, 8), longest - 8):
            _mix(hashes, np.ndarray(len(texts), "<u8", data, int(offsets[0]) + offset, (longest,)))
    else:
        _mix_uneven_texts(hashes, data, offsets[:-1].astype(np.int64), np.minimum(lengths, _LONGEST_TEXT))


def _mix_uneven_texts(hashes: TWords, data: TBytes, starts: TInts, lengths: TInts) -> None:
    padded = np.concatenate((data, np.zeros(8, np.uint8)))
    words = np.ndarray(len(data) + 1, "<u8", padded, 0, (1,))
    rows = np.flatnonzero(lengths)
    offset = 0
    while len(rows):
        left = lengths[rows] - offset
        mixed = hashes[rows]
        _mix(mixed, words[starts[rows] + offset] & _FIRST_BYTES[np.minimum(left, 8)])
        hashes[rows] = mixed
        rows = rows[left > 8]
        offset += 8
