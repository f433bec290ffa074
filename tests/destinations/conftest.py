"""One server of each kind per session of tests, started when the first test asks for it."""

import contextlib
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import duckdb
import pytest
from emulators.servers import NoServerError

from .warehouse import Server, environment, start

KINDS = ("duckdb", "postgres", "snowflake", "bigquery", "mariadb", "ducklake")
MODULES = {
    "postgres": "psycopg2",
    "snowflake": "snowflake.connector",
    "bigquery": "google.cloud.bigquery",
    "mariadb": "pymysql",
}
EXTENSIONS = {"ducklake": ("ducklake", "sqlite_scanner")}
"""What DuckDB needs for them, and DuckDB itself does not bring."""

TGetServer = Callable[[str], Server]


@pytest.fixture(scope="session")
def get_server() -> Iterator[TGetServer]:
    """Starts servers on demand, and ends them with the session."""
    with contextlib.ExitStack() as stack:
        running: dict[str, Server] = {}
        missing: dict[str, str] = {}

        def get(kind: str) -> Server:
            if kind in MODULES:
                pytest.importorskip(MODULES[kind], reason=f'pip install "salesnav-source[{kind}]" brings the driver')
            require_extensions(*EXTENSIONS.get(kind, ()))
            if kind not in running and kind not in missing:
                try:
                    running[kind] = Server(kind, stack.enter_context(start(kind)))
                except NoServerError as error:
                    missing[kind] = str(error)
            if kind in missing:
                pytest.skip(missing[kind])
            return running[kind]

        yield get


def require_extensions(*names: str) -> None:
    """Skips a test for which extensions of DuckDB are missing: installed from a package if there is one, else by DuckDB."""
    with duckdb.connect() as connection:
        for name in names:
            try:
                with contextlib.suppress(ImportError, duckdb.Error):
                    packaged = resources.files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
                    connection.execute(f"INSTALL '{packaged / f'{name}.duckdb_extension'}'")
                connection.execute(f"INSTALL {name}; LOAD {name}")
            except duckdb.Error as error:
                pytest.skip(
                    f"DuckDB {duckdb.__version__} has no extension {name} here: {' '.join(str(error).split())[:200]}"
                )


@pytest.fixture(params=KINDS)
def server(
    request: pytest.FixtureRequest,
    get_server: TGetServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server of each kind, and the environment in which clients find it."""
    found = get_server(request.param)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
    with environment(found):
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test keeps its files."""
    return tmp_path
