"""Blocks of every size, down to a byte."""

import pytest

from salesnav_source.linkedin.reader import blocks

BLOCK_SIZES = [1, 7, 64, 4 << 20]


@pytest.fixture(params=BLOCK_SIZES, ids=lambda size: f"blocks-of-{size}")
def block_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A size of blocks, set."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", request.param)
    return int(request.param)
