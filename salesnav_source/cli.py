"""The command `salesnav`, for the person beside the pipeline: contracts, check, status and sandbox."""

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException

from salesnav_source.auth import WHAT_TO_DO
from salesnav_source.client import Client, Contract
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    ConfigurationError,
    SalesnavError,
    ThrottledError,
)
from salesnav_source.report import table
from salesnav_source.script import COMPLETE, NOT_TRIED, SANDBOX_PIPELINE, SANDBOX_POLL_INTERVAL, resolve_settings
from salesnav_source.settings import BASE_URL, SCOPE, SECTION, Settings
from salesnav_source.windows import Coverage

if TYPE_CHECKING:
    from salesnav_source.sandbox import Fault

STOPPED = 130
DEFAULT_PIPELINE = "salesnav_to_duckdb"

SECONDS_A_DAY = 86400.0
WARN_DAYS = 7
"""A token with less than so many days left is warned of."""
CLOCK_TOLERANCE = 300.0
"""Seconds by which this machine's clock and LinkedIn's may differ without a warning."""

TLevel = Literal["ok", "warn", "fail"]


class Finding(TypedDict):
    """What `check` has found out about one thing."""

    level: TLevel
    subject: str
    text: str


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        argv: the options; those of the process if None.
    """
    options = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (KeyboardInterrupt, EOFError):
        _say("Stopped.")
        return STOPPED
    except SalesnavError as error:
        _say(str(error))
        return NOT_TRIED
    except (ConfigurationException, MissingDependencyException) as error:
        _say(f"The configuration is incomplete: {error}")
        return NOT_TRIED


def contracts_command(options: argparse.Namespace) -> int:
    """Lists the contracts, or lets a person choose among them."""
    settings = resolve_settings({})
    client = Client(settings)
    contracts = client.contracts()
    for note in client.tokens.notes:
        _say(note)
    if options.choose:
        return _choose(contracts, settings.contracts)
    print(_render_contracts(contracts, settings.contracts))
    return COMPLETE


def check_command(options: argparse.Namespace) -> int:
    """Says what is in order and what is not."""
    try:
        settings = resolve_settings({})
    except (SalesnavError, ConfigurationException) as error:
        findings = [_finding("fail", "configuration", str(error))]
    else:
        findings = examine(settings)
    print(_render_findings(findings))
    return NOT_TRIED if any(finding["level"] == "fail" for finding in findings) else COMPLETE


def status_command(options: argparse.Namespace) -> int:
    """Shows where a pipeline stands, without asking LinkedIn."""
    from salesnav_source.status import collect, render

    # LinkedIn is not asked, so it takes no credentials
    settings = resolve_settings({"credentials": "none"})
    if options.pipeline == SANDBOX_PIPELINE:
        # the contracts configured are real ones
        settings = replace(settings, contracts=())
    status = collect(options.pipeline, settings, options.pipelines_dir)
    print(json.dumps(status, indent=2) if options.json else render(status))
    return COMPLETE


def sandbox_command(options: argparse.Namespace) -> int:
    """Serves the stand-in for LinkedIn's API until it is stopped."""
    from salesnav_source.sandbox import Sandbox, World

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


def examine(settings: Settings, now: Callable[[], float] = time.time) -> list[Finding]:
    """Finds out whether token, access and addresses are in order.

    Args:
        settings: the user's settings.
        now: this machine's clock, seconds since the epoch.
    """
    client = Client(settings)
    contracts: list[Contract] = []
    refused: ApiError | None = None
    try:
        contracts = client.contracts()
    except ApiError as error:
        refused = error
    ahead = now() - client.server_time.timestamp() if client.server_time else None
    return [
        _configuration(settings, now()),
        *_address(settings, refused),
        _clock(ahead),
        *_token(client, settings, refused, now() - (ahead or 0.0)),
        _refresh_token(settings),
        *(_finding("warn", "refresh token", note) for note in client.tokens.notes),
        *_access(settings, contracts, refused),
    ]


def _configuration(settings: Settings, now: float) -> Finding:
    days = settings.wanted(datetime.fromtimestamp(now, timezone.utc).date(), Coverage())
    if not days:
        return _finding(
            "fail",
            "configuration",
            f"No day is wanted: start_date {settings.start_date or 'is not set'}, end_date"
            f" {settings.end_date or 'is not set'}. Days up to yesterday, UTC, can be loaded: set an earlier start_date.",
        )
    number = len(settings.contracts)
    which = f"{number} contract{'s' * (number != 1)} configured" if number else "all contracts with reporting access"
    return _finding("ok", "configuration", f"{days} of {which}, where not loaded yet")


def _address(settings: Settings, refused: ApiError | None) -> Iterator[Finding]:
    url = urlsplit(settings.base_url)
    if refused is None or isinstance(refused, (AccessTokenError, AccessDeniedError, ThrottledError)):
        own = settings.base_url == BASE_URL
        yield _finding("ok", "address", f"{settings.base_url} answers" + ("" if own else "; it is not LinkedIn's own"))
    else:
        advice = (
            "Try again later." if settings.base_url == BASE_URL else f"Is base_url right? LinkedIn's is {BASE_URL}."
        )
        yield _finding("fail", "address", f"{settings.base_url}: {refused} {advice}")
    if url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
        yield _finding("warn", "address", "The token travels unencrypted to base_url: use https.")


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return _finding("warn", "clock", "It could not be compared: no answer of LinkedIn's bore a date.")
    if abs(ahead) > CLOCK_TOLERANCE:
        return _finding(
            "warn",
            "clock",
            f"This machine's clock is {abs(ahead) / 60:,.0f} minutes {'ahead of' if ahead > 0 else 'behind'} LinkedIn's."
            " Set it right: by it the days are counted that have ended.",
        )
    return _finding("ok", "clock", "This machine's clock agrees with LinkedIn's.")


def _token(client: Client, settings: Settings, refused: ApiError | None, now: float) -> Iterator[Finding]:
    told = None
    with contextlib.suppress(ApiError):
        told = client.tokens.introspect()
    if isinstance(refused, AccessTokenError):
        status = told.get("status") if told else None
        more = f" LinkedIn calls it {status}." if status in ("expired", "revoked") else ""
        yield _finding("fail", "token", f"{refused}{more}")
    elif told is not None:
        yield from _lifetime(told, refused, settings.credentials.renewable, now)
    elif settings.credentials.client_id and settings.credentials.client_secret:
        host = urlsplit(settings.credentials.token_url).hostname
        yield _finding(
            "warn",
            "token",
            f"How long it still lives is not known: {host} did not tell with these client_id, client_secret, token_url.",
        )
    elif refused is None or isinstance(refused, AccessDeniedError):
        yield _finding(
            "ok",
            "token",
            "LinkedIn takes it. How long it still lives LinkedIn tells only with client_id and client_secret; tokens"
            " live 60 days from the day they were made.",
        )


def _lifetime(told: dict[str, object], refused: ApiError | None, renewable: bool, now: float) -> Iterator[Finding]:
    """Says what LinkedIn's introspection tells of the token."""
    if told.get("active") is not True:
        status = told.get("status") if told.get("status") in ("expired", "revoked") else "not active"
        if refused is None:
            text = f"LinkedIn takes it, but says to this client_id that it is {status}: was it made for another application?"
            yield _finding("warn", "token", text)
        else:
            yield _finding("fail", "token", f"It is {status}. {WHAT_TO_DO}")
        return
    scope = told.get("scope")
    if isinstance(scope, str) and SCOPE not in scope.replace(",", " ").split():
        yield _finding("fail", "token", f"It lacks the scope {SCOPE}. {WHAT_TO_DO}")
    expires_at = told.get("expires_at")
    if not isinstance(expires_at, (int, float)) or isinstance(expires_at, bool):
        yield _finding("ok", "token", "It is active; LinkedIn does not say until when.")
        return
    days = (expires_at - now) / SECONDS_A_DAY
    left = f"{int(days)} days" if days >= 2 else f"{max(days, 0) * 24:.0f} hours"
    until = f"It lives {left} more, until {datetime.fromtimestamp(expires_at, timezone.utc):%Y-%m-%d %H:%M} UTC."
    if days >= WARN_DAYS:
        yield _finding("ok", "token", until)
    elif renewable:
        yield _finding("warn", "token", f"{until} It is renewed then, if the refresh token is still alive.")
    else:
        yield _finding("warn", "token", f"{until} {WHAT_TO_DO}")


def _refresh_token(settings: Settings) -> Finding:
    if settings.credentials.renewable:
        return _finding("ok", "refresh token", "It is in place: access tokens are renewed with it.")
    return _finding(
        "ok",
        "refresh token",
        "There is none, so the access token has to be replaced by hand every 60 days. LinkedIn gives refresh tokens to"
        " some partners only.",
    )


def _access(settings: Settings, contracts: Sequence[Contract], refused: ApiError | None) -> Iterator[Finding]:
    if isinstance(refused, AccessDeniedError):
        text = f"The contracts cannot be listed. {refused} Has the application access to Sales Navigator Analytics?"
        yield _finding("fail", "contracts", text)
    elif isinstance(refused, ThrottledError):
        yield _finding("fail", "contracts", f"{refused} Quotas are reset at midnight UTC: try again then.")
    if refused is not None:
        return
    listed = {contract.urn: contract for contract in contracts}
    allowed = [contract for contract in contracts if contract.has_reporting_access]
    names = ", ".join(_one_line(contract.name) for contract in allowed) or "none"
    if allowed:
        yield _finding("ok", "contracts", f"{len(listed)} listed, {len(allowed)} may be exported: {names}.")
    else:
        yield _finding(
            "fail",
            "contracts",
            f"{len(listed)} listed, none may be exported: ask a contract's administrator for a reporting role. Exports"
            " also take a contract of the edition Advanced or Advanced Plus.",
        )
    for urn in settings.contracts:
        if urn not in listed:
            text = f"{urn} is configured, but not listed for the token's owner: take it out, or use another member's token."
            yield _finding("fail", "contracts", text)
        elif not listed[urn].has_reporting_access:
            text = f"{urn} is configured, but may not be exported: ask its administrator for a reporting role, or take it out."
            yield _finding("fail", "contracts", text)


def _finding(level: TLevel, subject: str, text: str) -> Finding:
    return Finding(level=level, subject=subject, text=_one_line(text))


def _render_findings(findings: Iterable[Finding]) -> str:
    return "\n".join(f"{one['level']:<5} {one['subject']:<14} {one['text']}" for one in findings)


def _render_contracts(contracts: Sequence[Contract], chosen: Sequence[str]) -> str:
    if not contracts:
        return "LinkedIn lists no contract for the token's owner."
    rows = [
        (
            contract.urn,
            _one_line(contract.name),
            "yes" if contract.has_reporting_access else "no",
            "yes" if contract.has_reporting_access and (not chosen or contract.urn in chosen) else "no",
            _one_line(contract.description or ""),
        )
        for contract in contracts
    ]
    return "\n".join(table(("contract", "name", "may be exported", "is exported", "description"), rows))


def _choose(contracts: Sequence[Contract], present: Sequence[str]) -> int:
    """Lets a person choose contracts on the terminal, and writes the choice to the configuration."""
    if not any(contract.has_reporting_access for contract in contracts):
        raise ConfigurationError(
            "There is nothing to choose: none of the contracts listed may be exported. Ask a contract's administrator for"
            " a reporting role."
        )
    path = _config_path()
    if not _on_terminal():
        _say(f"This is no terminal, so nothing was chosen. Put what you want of this into {path}:")
        print(_to_paste([contract for contract in contracts if contract.has_reporting_access]))
        return NOT_TRIED
    chosen = _ask(contracts, present)
    write_choice(path, chosen)
    print(f"{path}: {len(chosen)} contract{'s' * (len(chosen) != 1)} chosen.")
    dropped = [urn for urn in present if urn not in {contract.urn for contract in chosen}]
    if dropped:
        print(f"No longer exported: {', '.join(dropped)}.")
    _warn_if_overruled(chosen)
    return COMPLETE


def _ask(contracts: Sequence[Contract], present: Sequence[str]) -> list[Contract]:
    """Asks which contracts to export; those exported at present are preselected."""
    import questionary

    choices = [
        questionary.Choice(
            title=f"{_one_line(contract.name)}  {contract.urn}",
            value=contract,
            disabled=None if contract.has_reporting_access else "no reporting access",
            checked=contract.has_reporting_access and (not present or contract.urn in present),
        )
        for contract in contracts
    ]
    question = questionary.checkbox(
        "Which contracts are to be exported?",
        choices,
        instruction="(arrows move, space chooses, a chooses all, enter writes, Ctrl-C leaves it as it is)",
        validate=lambda chosen: bool(chosen) or "Choose at least one.",
    )
    chosen: list[Contract] = question.unsafe_ask()
    return chosen


def write_choice(path: Path, chosen: Sequence[Contract]) -> None:
    """Writes `contracts` in `[sources.salesnav]` of a configuration file, and keeps all else that is in it.

    Args:
        path: the file; it is created if it is missing.
        chosen: the contracts to export.

    Raises:
        ConfigurationError: if the file cannot be read or written, or has not the form it should have.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = Path(os.path.realpath(path))
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        newline = "\r\n" if "\r\n" in text else "\n"
        document = tomlkit.parse(text)
        expected = document.unwrap()
        expected.setdefault("sources", {}).setdefault(SECTION, {})["contracts"] = [contract.urn for contract in chosen]
        _set_contracts(document, chosen)
        changed = tomlkit.dumps(document).replace("\r\n", "\n")
        if _unordered(tomlkit.parse(changed).unwrap()) != _unordered(expected):
            raise ValueError("it is written in a way that this command does not know")
        _replace_file(path, changed.replace("\n", newline).encode("utf-8"))
    except (OSError, ValueError, TypeError, AttributeError, TOMLKitError) as error:
        raise ConfigurationError(
            f"{path} could not be changed: {error}. Put this there by hand:\n\n{_to_paste(chosen)}"
        ) from None


def _set_contracts(document: Any, chosen: Sequence[Contract]) -> None:
    import tomlkit
    from tomlkit.items import Array

    section = document
    for name in ("sources", SECTION):
        if name not in section:
            section[name] = tomlkit.table(is_super_table=name != SECTION)
        section = section[name]
    array = section.get("contracts")
    if isinstance(array, Array) and "\n" in array.as_string():
        # changed in place, as it may hold comments
        wanted = {contract.urn for contract in chosen}
        for position in reversed(range(len(array))):
            if array[position] not in wanted:
                del array[position]
        _add_lines(array, [contract for contract in chosen if contract.urn not in array])
    else:
        array = tomlkit.array()
        _add_lines(array, chosen)
        array.add_line(indent="")
        section["contracts"] = array


def _add_lines(array: Any, contracts: Iterable[Contract]) -> None:
    for contract in contracts:
        array.add_line(contract.urn, comment=_one_line(contract.name) or None)


def _unordered(document: dict[str, Any]) -> dict[str, Any]:
    document["sources"][SECTION]["contracts"].sort()
    return document


def _replace_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _warn_if_overruled(chosen: Sequence[Contract]) -> None:
    """Says so if the environment or another file goes before what was written."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    Container()[PluggableRunContext].reload_providers()
    valid = resolve_settings({}).contracts
    if set(valid) != {contract.urn for contract in chosen}:
        _say(
            f"Mind: contracts are set elsewhere too, and that goes first ({', '.join(valid) or 'all'}): look in the"
            f" environment (SOURCES__{SECTION.upper()}__CONTRACTS) and in secrets.toml."
        )


def _to_paste(contracts: Iterable[Contract]) -> str:
    lines = [f'    "{contract.urn}",  # {_one_line(contract.name)}' for contract in contracts]
    return "\n".join([f"[sources.{SECTION}]", "contracts = [", *lines, "]"])


def _config_path() -> Path:
    return Path(dlt.current.run_context().settings_dir) / "config.toml"


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


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


def _one_line(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="salesnav",
        description="What goes with loading LinkedIn Sales Navigator exports. Settings come from .dlt/*.toml and the"
        " environment.",
        epilog="Exit codes: 0 done, or in order; 2 not done, or not in order; 130 stopped by Ctrl-C.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    contracts = commands.add_parser("contracts", help="list the contracts, or choose which to export")
    contracts.add_argument(
        "--choose",
        action="store_true",
        help="choose on the terminal, and write the choice to .dlt/config.toml; without a terminal, print what to put"
        " there and exit with 2",
    )
    contracts.set_defaults(command=contracts_command)

    check = commands.add_parser("check", help="say whether configuration, token, access and addresses are in order")
    check.set_defaults(command=check_command)

    status = commands.add_parser("status", help="show which days are covered, open or failed, and what is in flight")
    status.add_argument("--pipeline", default=DEFAULT_PIPELINE, metavar="NAME", help=f"default {DEFAULT_PIPELINE}")
    status.add_argument(
        "--pipelines-dir", metavar="DIR", help="where pipelines keep their state; default dlt's own place"
    )
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(command=status_command)

    _add_sandbox(commands)
    return parser


def _add_sandbox(commands: Any) -> None:
    from salesnav_source.sandbox import FAULTS, describe

    width = max(map(len, FAULTS))
    sandbox = commands.add_parser(
        "sandbox",
        help="serve a stand-in for LinkedIn's API, with invented data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serves a stand-in for LinkedIn's API on loopback until Ctrl-C, and tells how to use it.",
        epilog="faults:\n" + "\n".join(f"  {name:<{width}}  {describe(name)}" for name in FAULTS),
    )
    sandbox.add_argument("--port", type=int, default=0, metavar="N", help="default any free one")
    sandbox.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed invents the same data; default 1"
    )
    sandbox.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[:TIMES]",
        help="what goes wrong, and how many times, or 'always' (may be repeated)",
    )
    sandbox.add_argument(
        "--job-seconds",
        type=float,
        nargs=2,
        default=(1.0, 3.0),
        metavar=("MIN", "MAX"),
        help="how long a job takes; default 1 to 3",
    )
    sandbox.set_defaults(command=sandbox_command)


def _fault(text: str) -> "Fault":
    from salesnav_source.sandbox import parse_fault

    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
