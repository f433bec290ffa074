"""What all tests share: how examples are tried, and servers, which start with the first test of a module that asks for them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from emulators import servers
from hypothesis import settings

# how long an example takes depends on what else the machine does
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def _started(start: Callable[[], AbstractContextManager[int]], module: str) -> Iterator[int]:
    """Yields the port of a server; skips the test where there is none, or no module to talk to it."""
    pytest.importorskip(module)
    try:
        with start() as port:
            yield port
    except servers.NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def postgres() -> Iterator[int]:
    """PostgreSQL, where a worker that stands still locks nobody out; gives its port."""
    yield from _started(servers.postgres, "psycopg2")


@pytest.fixture(scope="module")
def s3() -> Iterator[int]:
    """Amazon S3 as moto plays it; gives its port."""
    yield from _started(servers.moto, "s3fs")
