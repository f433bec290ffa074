"""LinkedIn's official clients and Airbyte's CDK against the sandbox: `make clients`."""

import csv
import datetime as dt
import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from emulators.environments import ROOT, python_of

from salesnav_source.sandbox import FILE_COLUMNS, ContractSpec, Sandbox, World
from salesnav_source.schema import EXPORTS

HERE = Path(__file__).parent
TODAY = dt.datetime.now(dt.timezone.utc).date()
FIRST, LAST = TODAY - dt.timedelta(days=40), TODAY - dt.timedelta(days=1)
DAY_MS = 86_400_000
SECONDS = 300
# thirteen contracts are two pages
CONTRACTS = [ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", has_reporting_access=n != 5) for n in range(1, 14)]
EXPORTED = [spec.urn for spec in CONTRACTS if spec.has_reporting_access]

pytestmark = pytest.mark.skipif(
    not os.environ.get("SALESNAV_CLIENTS"), reason="takes minutes to install: `make clients` runs it"
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(contracts=CONTRACTS, seats_per_contract=2, activities_per_seat=10, mix={"INMAIL_SENT": 1, "X": 2})


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, job_seconds=(0.0, 0.1)) as serving:
        yield serving


def npm_folder() -> Path:
    """Returns where LinkedIn's client for JavaScript is, which is fetched where it is missing."""
    package = HERE / "package.json"
    folder = ROOT / f"npm-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    if not (folder / ".ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(package, folder)
        run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"], folder)
        (folder / ".ready").touch()
    return folder


def run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def told(sandbox: Sandbox) -> str:
    """Returns what the official clients must know."""
    first = (FIRST - dt.date(1970, 1, 1)).days * DAY_MS
    return json.dumps(
        {
            "base_url": sandbox.base_url,
            "oauth_url": sandbox.token_url.rpartition("/")[0],
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "redirect_url": "http://localhost:8765/callback",
            "actions": [export.action for export in EXPORTS.values()],
            "start": first,
            "end": first + 40 * DAY_MS - 1,
        }
    )


def rows_of(content: str) -> list[tuple[str, ...]]:
    return sorted(tuple(row) for row in csv.reader(io.StringIO(content, newline="")))


def truth(world: World, export: str, contract: str) -> list[tuple[str, ...]]:
    return rows_of(b"".join(world.csv(export, contract, FIRST, LAST)).decode())


def assert_every_row(world: World, files: dict[str, dict[str, str]]) -> None:
    for export in EXPORTS.values():
        assert set(files[export.action]) == set(EXPORTED)
        for contract, content in files[export.action].items():
            assert rows_of(content) == truth(world, export.name, contract)


def assert_nothing_was_refused(sandbox: Sandbox) -> None:
    assert not [record for record in sandbox.requests if record.status not in (200, 302)]
    assert [record for record in sandbox.requests if record.call is None] == []


def assert_queries_were_tunnelled(sandbox: Sandbox) -> None:
    assert "x-http-method-override" in {name for record in sandbox.requests for name in record.headers}


def test_the_official_client_for_python_gets_every_row(sandbox: Sandbox, world: World, tmp_path: Path) -> None:
    python = python_of("linkedin-api-client", HERE / "official.txt")
    files = json.loads(run([str(python), str(HERE / "official.py"), told(sandbox)], tmp_path))
    assert_every_row(world, files)
    assert_nothing_was_refused(sandbox)
    assert_queries_were_tunnelled(sandbox)


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm here")
def test_the_official_client_for_javascript_gets_every_row(sandbox: Sandbox, world: World) -> None:
    folder = npm_folder()
    shutil.copy(HERE / "official.cjs", folder)
    assert_every_row(world, json.loads(run(["node", "official.cjs", told(sandbox)], folder)))
    assert_nothing_was_refused(sandbox)
    assert_queries_were_tunnelled(sandbox)


def read_by_airbyte(sandbox: Sandbox, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns the records of each stream."""
    config = {"base_url": sandbox.base_url, "access_token": sandbox.access_token}
    config |= {"start_day": str(FIRST), "end_day": str(LAST)}
    streams = [
        {
            "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "append",
        }
        for name in ("contracts", *EXPORTS)
    ]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps({"streams": streams}))
    program = python_of("airbyte-cdk", HERE / "airbyte.txt").with_name("source-declarative-manifest")
    files = ["--config", "config.json", "--catalog", "catalog.json", "--manifest-path", str(HERE / "airbyte.yaml")]
    found: dict[str, list[dict[str, Any]]] = {stream["stream"]["name"]: [] for stream in streams}  # type: ignore[index]
    for line in run([str(program), "read", *files], folder).splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            found[message["record"]["stream"]].append(message["record"]["data"])
    return found


def test_the_async_retriever_of_airbyte_gets_every_row(sandbox: Sandbox, world: World, tmp_path: Path) -> None:
    found = read_by_airbyte(sandbox, tmp_path)
    assert sorted(record["contract"] for record in found["contracts"]) == sorted(EXPORTED)
    for export, columns in FILE_COLUMNS.items():
        rows = sorted((row["contract"], *(row[name] or "" for name in columns)) for row in found[export])
        expected = [
            (urn, *row) for urn in EXPORTED for row in truth(world, export, urn) if row[0] != next(iter(columns))
        ]
        assert rows == sorted(expected) != []
    assert_nothing_was_refused(sandbox)
