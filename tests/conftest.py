"""What all tests share: which of them `make test` runs, how examples are tried, signals, and servers.

A server starts with the first test of a module that asks for it.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from emulators import servers
from hypothesis import settings

# how long an example takes depends on what else the machine does
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LONGEST_FIRST = ("orchestrators", "destinations", "dbt", "dashboard", "runs")
"""Folders whose files take longest. They are begun first, so that no worker has one of them left when the others are done."""


_PR_SET_CHILD_SUBREAPER = 36


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="leave out the tests that are marked long, as `make test` does"
    )


def pytest_configure() -> None:
    # a shell that puts the tests into the background has SIGINT ignored, by them and by all that they start
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path.parent.name))
    if not config.getoption("quick"):
        return
    unknown: dict[tuple[str, str], set[str]] = {}
    left_out = []
    for item in items:
        # the nearest one
        mark = item.get_closest_marker("long")
        if mark is None:
            continue
        if len(mark.args) != 1 or set(mark.kwargs) - {"but"}:
            raise pytest.UsageError(f"{item.nodeid}: `long` takes the reason, and perhaps what stays in, but=(…)")
        staying = set(mark.kwargs.get("but", ()))
        unknown.setdefault((item.path.name, mark.args[0]), set(staying)).difference_update(_names(item))
        if not _names(item) & staying:
            left_out.append(item)
    if config.args == config.getini("testpaths"):
        for (file, _), names in unknown.items():
            if names:
                raise pytest.UsageError(f"{file}: no test and no case of one is named {', '.join(sorted(names))}")
    config.hook.pytest_deselected(items=left_out)
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]


def _rank(folder: str) -> int:
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def _names(item: pytest.Item) -> set[str]:
    """Returns what a mark may call a test: its name, that of its case, or both."""
    name = getattr(item, "originalname", item.name)
    return {name, item.name, item.name.removeprefix(name)[1:-1]}


@pytest.fixture(scope="session", autouse=True)
def _nothing_outlives_the_tests() -> Iterator[None]:
    """Ends what tests have started and left behind, as one that fails may do; known on Linux only."""
    if sys.platform != "linux":
        yield
        return
    # what loses its parent becomes a child of this process, and can be found
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    yield
    for pid in _descendants(os.getpid()):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            os.kill(pid, signal.SIGKILL)
            # the servants of multiprocessing end with this process
            if command and "multiprocessing" not in command:
                warnings.warn(f"a test has left this running, which is ended now: {command}", stacklevel=1)


def _descendants(pid: int) -> list[int]:
    """Returns the processes that descend from one and run."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(path.parent.name)] = int(parent)
    found, new = [], [pid]
    while new := [child for child, parent in parents.items() if parent in new]:
        found += new
    return found


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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project folder, with nothing configured and nothing kept from another test."""
    for name in [name for name in os.environ if name.startswith(("SOURCES__SALESNAV__", "PIPELINES", "CREDENTIALS"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    Container()[PluggableRunContext].reload_providers()
    yield tmp_path
    monkeypatch.undo()
    Container()[PluggableRunContext].reload_providers()


@pytest.fixture(scope="module")
def gcs() -> Iterator[int]:
    """Google Cloud Storage as fake-gcs-server plays it; gives its port."""
    yield from _started(servers.fake_gcs, "gcsfs")


@pytest.fixture(scope="module")
def azure() -> Iterator[int]:
    """Azure's Blob Storage as azurite plays it; gives its port."""
    yield from _started(servers.azurite, "adlfs")


MIDNIGHT_SECONDS = 60
"""How long before midnight UTC no test begins: one that loads by the real date would see a day more in its midst."""


def pytest_runtest_setup() -> None:
    left = -time.time() % 86400
    if left < MIDNIGHT_SECONDS:
        time.sleep(left)
