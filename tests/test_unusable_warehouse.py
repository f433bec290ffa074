"""Warehouses that cannot be opened: one sentence that says why, without a secret, and exit code 2."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from salesnav_source.exceptions import DestinationError, SalesnavError
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.run.errors import explain
from salesnav_source.settings.redaction import printable
from salesnav_source.warehouse.requirements import require_credentials


def pipeline_with(destination: Any, folder: Path) -> Any:
    return dlt.pipeline("unusable", pipelines_dir=str(folder), destination=destination, dataset_name="salesnav")


@pytest.mark.parametrize(
    ("name", "credentials"),
    [
        pytest.param("sqlalchemy", "mysql+nodriver://me@corp.com:Pa55 'word@127.0.0.1/x", id="no-driver"),
        pytest.param(
            "bigquery",
            '{"type": "service_account", "project_id": "p", "private_key": ["Pa55word"], "client_email": "x@example.com"}',
            id="key-that-is-a-list",
        ),
    ],
)
def test_credentials_that_a_driver_cannot_use_are_a_sentence(
    name: str, credentials: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DESTINATION__{name.upper()}__CREDENTIALS", credentials)
    with pytest.raises(DestinationError) as caught:
        require_credentials(pipeline_with(getattr(dlt.destinations, name)(), tmp_path))
    said, code = explain(caught.value)
    assert code == 2
    assert "cannot be used" in said and "credentials right?" in said
    assert "Pa55" not in printable(said)


def test_the_secrets_of_a_script_s_own_destination_are_known(tmp_path: Path) -> None:
    require_credentials(
        pipeline_with(dlt.destinations.postgres("postgresql://u:Pa55 with blanks@127.0.0.1/x"), tmp_path)
    )
    assert printable("it says: Pa55 with blanks") == "it says: ***"


def damaged(path: Path) -> None:
    duckdb.connect(str(path)).close()
    content = bytearray(path.read_bytes())
    content[5000:9000] = b"\xff" * 4000
    path.write_bytes(content)


FILES: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(b"no database at all" * 1000),
    "empty": lambda path: path.touch(),
    "damaged": damaged,
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_database_is_called_so(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "own.duckdb"
    FILES[kind](path)
    marts = Marts(dlt.destinations.duckdb(credentials={"database": str(path), "read_only": True}))
    for look in (lambda: marts.frames({}), marts.has_source):
        with pytest.raises(SalesnavError) as caught:
            look()
        said, code = explain(caught.value)
        assert code == 2
        assert "is no DuckDB database, or is damaged" in said and "backup" in said
        assert "credentials" not in said
