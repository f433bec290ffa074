"""The body of an answer, in pieces."""

import json
import zlib
from collections.abc import Iterable, Iterator

from salesnav_source.sandbox.faults.model import Answer

_PIECE = 64 * 1024


def body_of(answer: Answer) -> Iterator[bytes]:
    """Yields the body of an answer in pieces that are not empty."""
    if answer.fields is not None:
        pieces: Iterable[bytes] = [json.dumps(answer.fields).encode()]
    elif answer.changes and answer.records is not None:
        pieces = answer.changes.apply(answer.records())
    else:
        pieces = [answer.body] if answer.chunks is None else answer.chunks()
    pieces = _gather(pieces)
    return _gather(_compress(pieces)) if answer.gzip else pieces


def _gather(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the same bytes in pieces of some size."""
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(gathered)
            gathered, size = [], 0
    if size:
        yield b"".join(gathered)


def _compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the bytes as a gzip file."""
    compressor = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def stop(pieces: Iterable[bytes], after: int | None) -> Iterator[bytes]:
    """Yields so many bytes; a negative number leaves out so many at the end."""
    if after is None:
        yield from pieces
    elif after < 0:
        yield b"".join(pieces)[:after]
    else:
        for piece in pieces:
            if after <= 0:
                return
            yield piece[:after]
            after -= len(piece)
