"""`salesnav sandbox`: serves the stand-in for LinkedIn's API until it is stopped."""

import argparse
import threading
from typing import Any

from salesnav_source.cli.terminal import SANDBOX_POLL_INTERVAL, put
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.exit_codes import COMPLETE
from salesnav_source.sandbox import Fault, Sandbox, World, parse_fault
from salesnav_source.sandbox.faults.declaring import declarations
from salesnav_source.settings.configuration import SECTION

_LONGEST_LATENCY_MS = 60_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    faults = declarations()
    width = max(len(fault.name) for fault in faults)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "Serves a stand-in for LinkedIn's API on this machine until Ctrl-C, and says how to use it."
    parser.epilog = "faults:\n" + "\n".join(f"  {fault.name:<{width}}  {fault.help}" for fault in faults)
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default any free one")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed invents the same data; default 1"
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[=VALUE][:TIMES]",
        help="what goes wrong, and how many times, or 'always' (may be repeated)",
    )
    parser.add_argument(
        "--job-seconds",
        type=float,
        nargs=2,
        default=(1.0, 3.0),
        metavar=("MIN", "MAX"),
        help="how long a job takes; default 1 to 3",
    )
    parser.add_argument(
        "--latency-ms", type=float, default=0.0, metavar="MS", help="how long every answer takes; default 0"
    )
    parser.add_argument(
        "--redirect-url",
        action="append",
        metavar="URL",
        help="a redirect URL that is registered (may be repeated); default all on this machine",
    )


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Serves the stand-in for LinkedIn's API until it is stopped."""
    shortest, longest = options.job_seconds
    if not 0 <= shortest <= longest:
        raise ConfigurationError(f"--job-seconds {shortest:g} {longest:g}: the shortest time comes first.")
    if not 0 <= options.latency_ms <= _LONGEST_LATENCY_MS:
        raise ConfigurationError(f"--latency-ms {options.latency_ms:g}: give a time from 0 to {_LONGEST_LATENCY_MS}.")
    try:
        with Sandbox(
            World(options.seed),
            faults=options.fault,
            port=options.port,
            job_seconds=(shortest, longest),
            latency=options.latency_ms / 1000,
            redirect_uris=options.redirect_url,
        ) as sandbox:
            put(_render_sandbox(sandbox))
            threading.Event().wait()
    except BrokenPipeError:
        raise
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"The sandbox cannot serve on port {options.port}: {error}") from None
    return COMPLETE


def _render_sandbox(sandbox: Any) -> str:
    prefix = f"export SOURCES__{SECTION.upper()}__"
    own = f"SOURCES__{SECTION.upper()}__CREDENTIALS__"
    credentials = {
        "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": sandbox.client_secret,
        "REFRESH_TOKEN": sandbox.refresh_token,
        "TOKEN_URL": sandbox.token_url,
    }
    return "\n".join(
        [
            f"The sandbox stands in for LinkedIn at {sandbox.base_url}, token {sandbox.access_token}: all data are invented.",
            "Ctrl-C ends it. To use it, run in another shell:",
            "",
            f"{prefix}BASE_URL={sandbox.base_url}",
            f"{prefix}CREDENTIALS__ACCESS_TOKEN={sandbox.access_token}",
            f"{prefix}POLL_INTERVAL={SANDBOX_POLL_INTERVAL}",
            "# a separate folder for the pipelines' state, so that invented days never count as loaded",
            'export DLT_DATA_DIR="$PWD/_work/sandbox"',
            "# and load into a separate file or dataset, e.g. with --database try.duckdb",
            "",
            "# to let the token be renewed and checked as well:",
            *(f"{prefix}CREDENTIALS__{name}={value}" for name, value in credentials.items()),
            "",
            "# to get the tokens by `salesnav login` instead, as from LinkedIn:",
            f"{prefix}CREDENTIALS__AUTHORIZATION_URL={sandbox.authorization_url}",
            f"unset {own}ACCESS_TOKEN {own}REFRESH_TOKEN",
        ]
    )
