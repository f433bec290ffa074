"""What all tests share: how examples are tried, and servers, which start with the first test of a module that asks for them."""

from collections.abc import Iterator

import pytest
from emulators import servers
from hypothesis import settings

# how long an example takes depends on what else the machine does
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="module")
def postgres() -> Iterator[int]:
    """PostgreSQL, where a worker that stands still locks nobody out; gives its port."""
    pytest.importorskip("psycopg2")
    try:
        with servers.postgres() as port:
            yield port
    except servers.NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def s3() -> Iterator[int]:
    """Amazon S3 as moto plays it; gives its port."""
    pytest.importorskip("s3fs")
    try:
        with servers.moto() as port:
            yield port
    except servers.NoServerError as error:
        pytest.skip(str(error))
