"""Hostile and broken answers in whole runs: one window fails, the others are loaded, and nothing is a stack trace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.days.windows import Window
from salesnav_source.run.text import render
from salesnav_source.sandbox import faults
from salesnav_source.sandbox.faults import TCall

from .house import ONE, House, Process, house

pytestmark = pytest.mark.long(
    "each is a whole run, 2 s of CPU; what is made of each answer is tested in tests/test_client.py",
    but=(
        "create-deep",
        "test_an_odd_name_is_loaded_clean",
    ),
)

DEEP = b'{"value":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
UNUSABLE = {
    "deep": DEEP,
    "long": b'{"value":"' + b"x" * (9 << 20) + b'"}',
    "not-utf-8": b'{"status":"\xe9"}',
}
HIT = ("seats", ONE)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


@pytest.mark.parametrize("body", UNUSABLE)
@pytest.mark.parametrize("call", ["create", "poll"])
def test_an_answer_that_cannot_be_used_costs_its_window(home: House, call: TCall, body: str) -> None:
    fault = faults.respond(200, call, body=UNUSABLE[body])
    home.sandbox.add_fault(fault.where(export="seats", contract=ONE, times=None))
    report = home.sync()
    assert [(window.export, window.contract) for window in report.failed] == [HIT]
    home.assert_truth(missing={HIT: [Window(home.first_day, home.yesterday)]})
    home.sandbox.clear_faults()
    assert not home.sync().not_loaded
    home.assert_truth()


def test_an_error_body_that_cannot_be_read_is_retried_by_its_status(home: House) -> None:
    home.sandbox.add_fault(faults.respond(503, "poll", body=DEEP).where(times=3))
    assert not home.sync().not_loaded
    home.assert_truth()


def test_a_malformed_redirect_of_a_file_costs_its_window(home: House) -> None:
    fault = faults.respond(302, "download", body=b"", headers={"Location": "http://["})
    home.sandbox.add_fault(fault.where(export="seats", contract=ONE, times=None))
    report = home.sync()
    assert [(window.export, window.contract) for window in report.failed] == [HIT]
    assert "not a URL" in report.failed[0].reason
    assert len([one for one in home.calls("download") if one.status == 302]) == 1
    home.assert_truth(missing={HIT: [Window(home.first_day, home.yesterday)]})


def listed(home: House, *odd: dict[str, Any]) -> bytes:
    return json.dumps({"elements": [*odd, *home.world.contracts()]}).encode()


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"contract": "urn:li:contract:4' OR ''='"}, id="quote"),
        pytest.param({"contract": "urn:li:contract:4\\"}, id="backslash"),
        pytest.param({"contract": "urn:li:contract:\ud800"}, id="surrogate"),
        pytest.param({"contract": "urn:li:contract:4\x00"}, id="nul"),
        pytest.param({"contract": "urn:li:contract:4\n::error::x"}, id="command"),
    ],
)
def test_a_contract_with_an_odd_urn_costs_itself_alone(home: House, odd: dict[str, Any]) -> None:
    entry = {"name": "Four", "hasReportingAccess": True, **odd}
    home.sandbox.add_fault(faults.respond(200, "contracts", body=listed(home, entry)).where(times=None))
    report = home.sync(contracts=None)
    assert not report.not_loaded
    (note,) = report.notes
    assert "not the URN of a contract" in note and note in render(report)
    home.assert_truth()


def test_an_odd_name_is_loaded_clean(home: House) -> None:
    name = "A\x00B\ud800\x1b[31m\n::error::x" + "y" * 10_000
    body = listed(home).replace(b'"name": "One"', b'"name": ' + json.dumps(name).encode())
    home.sandbox.add_fault(faults.respond(200, "contracts", body=body).where(times=None))
    assert not home.sync(contracts=None).not_loaded
    ((kept,),) = home.rows(f"SELECT name FROM salesnav.contracts WHERE contract = '{ONE}'")
    assert kept.startswith("A B\ufffd [31m ::error::xyyy") and len(kept) == 500


@pytest.mark.parametrize("call", ["contracts", "create"])
def test_a_version_that_is_switched_off_is_named_with_what_to_do(home: House, call: TCall) -> None:
    said = {"status": 426, "code": "NONEXISTENT_VERSION", "message": "Requested version 20240401 is not active"}
    home.sandbox.add_fault(faults.respond(426, call, body=json.dumps(said).encode()).where(times=None))
    ended = Process(home).run()
    printed = ended.stdout + ended.stderr
    assert ended.returncode in (2, 3)
    for part in ("426", "NONEXISTENT_VERSION", "20240401 is not active", "api_version"):
        assert part in printed
    assert "Traceback" not in printed
