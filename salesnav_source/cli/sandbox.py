"""`salesnav sandbox`: serves the stand-in for LinkedIn's API until it is stopped."""

import argparse
import threading
from typing import Any

from salesnav_source.cli.terminal import COMPLETE, SANDBOX_POLL_INTERVAL
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.sandbox import Sandbox, World
from salesnav_source.settings import SECTION


def run(options: argparse.Namespace) -> int:
    """Serves the stand-in for LinkedIn's API until it is stopped."""
    shortest, longest = options.job_seconds
    if not 0 <= shortest <= longest:
        raise ConfigurationError(f"--job-seconds {shortest:g} {longest:g}: the shortest time comes first.")
    try:
        with Sandbox(
            World(options.seed), faults=options.fault, port=options.port, job_seconds=(shortest, longest)
        ) as sandbox:
            print(_render_sandbox(sandbox), flush=True)
            threading.Event().wait()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"The sandbox cannot serve on port {options.port}: {error}") from None
    return COMPLETE


def _render_sandbox(sandbox: Any) -> str:
    prefix = f"export SOURCES__{SECTION.upper()}__"
    credentials = {
        "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": sandbox.client_secret,
        "REFRESH_TOKEN": sandbox.refresh_token,
        "TOKEN_URL": sandbox.token_url,
    }
    return "\n".join(
        [
            f"The sandbox stands in for LinkedIn at {sandbox.base_url}, token {sandbox.access_token}: all data are invented.",
            "Ctrl-C ends it. To use it, say in another shell:",
            "",
            f"{prefix}BASE_URL={sandbox.base_url}",
            f"{prefix}CREDENTIALS__ACCESS_TOKEN={sandbox.access_token}",
            f"{prefix}POLL_INTERVAL={SANDBOX_POLL_INTERVAL}",
            "# a place of its own for the pipelines' state, so that invented days never count as loaded",
            'export DLT_DATA_DIR="$PWD/_work/sandbox"',
            "# and load into a file or dataset of its own, e.g. with --database try.duckdb",
            "",
            "# to have the token renewed and looked into as well:",
            *(f"{prefix}CREDENTIALS__{name}={value}" for name, value in credentials.items()),
        ]
    )
