"""The options of `salesnav sandbox`."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from salesnav_source import cli
from salesnav_source.sandbox.faults.declaring import declarations


def test_help_lists_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["sandbox", "--help"])
    said = capsys.readouterr().out
    for fault in declarations():
        assert re.search(rf"^  {fault.name} +{re.escape(fault.help)}$", said, re.MULTILINE)


@pytest.mark.parametrize("latency", ["-1", "nan", "inf", "60001"])
def test_a_latency_that_is_none_is_refused(latency: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sandbox", f"--latency-ms={latency}"]) == 2
    assert "--latency-ms" in capsys.readouterr().err


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a sandbox of the command's that takes its time and knows one redirect URL."""
    options = ["--latency-ms", "50", "--redirect-url", "http://localhost:1/back", "--fault", "retention=7"]
    command = [sys.executable, "-m", "salesnav_source", "sandbox", *options]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://[^/]+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()


def consent(origin: str, redirect_uri: str) -> Any:
    query = {"response_type": "code", "client_id": "sandbox-client", "scope": "r_sales_nav_analytics"}
    address = f"{origin}/oauth/v2/authorization?{urlencode({**query, 'redirect_uri': redirect_uri})}"
    return urllib.request.urlopen(address, timeout=300)


def test_the_command_serves_with_its_options(served: str) -> None:
    began = time.monotonic()
    with consent(served, "http://localhost:1/back") as page:
        assert page.status == 200
    assert time.monotonic() - began >= 0.05
    with pytest.raises(HTTPError, match="400"):
        consent(served, "http://localhost:2/back")
