"""Nothing that a run leaves behind, prints or shows holds a secret."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from salesnav_source.sandbox import faults

from .house import PATIENCE, House, Process, house, query

pytestmark = pytest.mark.long(
    "each is a run in a process of its own, of which everything that it leaves is searched",
    but=(
        "test_a_run_full_of_failures_keeps_them",
        "test_a_run_that_ends_with_a_bug_keeps_them",
    ),
)

TOKEN = "AQXsecretAccessToken7Q"
REFRESH = "AQWsecretRefreshToken9Z"
CLIENT_SECRET = "WPLsecretClientSecret3K"
SIGNED = "x-li-ambry-ep="


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    names = {"access_token": TOKEN, "refresh_token": REFRESH, "client_secret": CLIENT_SECRET}
    with house(tmp_path, day=None, days=4, **names) as made:  # type: ignore[arg-type]
        yield made


LOUD = {"RUNTIME__LOG_LEVEL": "DEBUG", "PROGRESS": "log"}
ROOT_AT_DEBUG = """
import logging
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
logging.getLogger().setLevel(logging.DEBUG)
"""


def secrets(home: House) -> list[bytes]:
    signatures = [text.split("=", 1)[1] for text in (r.raw_query for r in home.calls("download")) if SIGNED in text]
    assert signatures or not home.calls("download")
    return [text.encode() for text in (TOKEN, REFRESH, CLIENT_SECRET, *set(signatures))]


def assert_kept(home: House, printed: str) -> None:
    """Searches what was printed, every file that is left, and every table."""
    kept = secrets(home)
    assert not [secret for secret in kept if secret in printed.encode()]
    files = [path for path in home.folder.rglob("*") if path.is_file() and path.name != "secrets.toml"]
    assert any(path.suffix == ".duckdb" for path in files) or not home.database.exists()
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in kept if secret in content], path
    if home.database.exists():
        found = "SELECT table_schema, table_name FROM information_schema.tables"
        for schema, table in query(home.database, found):
            text = repr(query(home.database, f'SELECT * FROM "{schema}"."{table}"')).encode()
            assert not [secret for secret in kept if secret in text], table


def renewable(home: House, access_token: str | None = None) -> dict[str, str | None]:
    prefix = "SOURCES__SALESNAV__CREDENTIALS__"
    return {
        f"{prefix}ACCESS_TOKEN": access_token,
        f"{prefix}CLIENT_ID": home.sandbox.client_id,
        f"{prefix}CLIENT_SECRET": CLIENT_SECRET,
        f"{prefix}REFRESH_TOKEN": home.sandbox.refresh_token,
        f"{prefix}TOKEN_URL": home.sandbox.token_url,
    }


def test_a_run_that_succeeds_and_renews_its_token_keeps_them(home: House) -> None:
    ended = Process(home).run(patch=ROOT_AT_DEBUG, **LOUD, **renewable(home))
    assert ended.returncode == 0, ended.stderr
    assert len(home.calls("token")) == 1
    assert "DEBUG" in ended.stdout
    assert_kept(home, ended.stdout + ended.stderr)


def test_a_run_full_of_failures_keeps_them(home: House) -> None:
    for fault in (
        faults.expired_url().where(times=4),
        faults.reset_download(50).where(times=4, after=4),
        faults.close("download").where(times=3, after=8),
        faults.unavailable(503, "download").where(times=2, after=11),
        faults.redirect_download("http://127.0.0.1:1/ambry/?x-li-ambry-ep=elsewhere").where(export="seats", times=None),
        faults.internal_error().where(export="activity_outcomes", times=None),
    ):
        home.sandbox.add_fault(fault)
    ended = Process(home).run(patch=ROOT_AT_DEBUG, **LOUD)
    assert ended.returncode == 3, ended.stderr
    assert "elsewhere" not in ended.stdout + ended.stderr
    assert_kept(home, ended.stdout + ended.stderr)


def test_a_run_whose_token_is_refused_keeps_them(home: House) -> None:
    home.sandbox.revoke_token()
    ended = Process(home).run(patch=ROOT_AT_DEBUG, **LOUD)
    assert ended.returncode == 2
    assert_kept(home, ended.stdout + ended.stderr)
    refused = {**renewable(home, TOKEN), "SOURCES__SALESNAV__CREDENTIALS__CLIENT_ID": "another"}
    ended = Process(home).run(patch=ROOT_AT_DEBUG, **LOUD, **refused)
    assert ended.returncode == 2
    assert_kept(home, ended.stdout + ended.stderr)


def test_a_run_that_ends_with_a_bug_keeps_them(home: House) -> None:
    process = Process(home).start(
        patch=ROOT_AT_DEBUG
        + """
import salesnav_source.jobs.fetch
def bug(*args):
    raise RuntimeError("a bug")
salesnav_source.jobs.fetch.read_export = bug
""",
        **LOUD,
        **renewable(home, TOKEN),
    )
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode not in (0, 2)
    assert "a bug" in out + err
    assert_kept(home, out + err)


def test_a_load_that_fails_keeps_them(home: House) -> None:
    process = Process(home).start(
        patch=ROOT_AT_DEBUG
        + """
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
def full(job):
    raise OSError(28, "No space left on device")
DuckDbCopyJob.run = full
""",
        **LOUD,
        **renewable(home, TOKEN),
    )
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert_kept(home, out + err)


def test_the_list_of_processes_does_not_show_them(tmp_path: Path, home: House) -> None:
    home.sandbox.add_fault(faults.slow_job(2.0).where(times=None))
    process = Process(home).start()
    while not home.sandbox.jobs and process.poll() is None:
        time.sleep(0.02)
    assert TOKEN.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    journals = list(home.folder.rglob("*.salesnav.sqlite*"))
    assert journals
    for path in journals:
        assert TOKEN.encode() not in path.read_bytes()
        assert os.stat(path).st_size >= 0
    process.kill()
    process.communicate()
