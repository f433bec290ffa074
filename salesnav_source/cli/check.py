"""`salesnav check`: checks token, access and addresses, and says how long the token lives."""

import argparse
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from dlt.common.configuration.exceptions import ConfigurationException

from salesnav_source.cli.grammar import add_sandbox, exit_codes
from salesnav_source.cli.terminal import one_line, show
from salesnav_source.cli.workplace import settings_of
from salesnav_source.days.windows import Coverage, utc_day
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    SalesnavError,
    ThrottledError,
)
from salesnav_source.linkedin.auth import WHAT_TO_DO
from salesnav_source.linkedin.client import Client, Contract
from salesnav_source.run.contracts import NOT_LISTED, urns_where_listed
from salesnav_source.run.exit_codes import COMPLETE, NOT_TRIED
from salesnav_source.settings.configuration import BASE_URL, SCOPE, Settings, misspelt_settings
from salesnav_source.settings.urns import in_words

SECONDS_A_DAY = 86400.0
WARN_DAYS = 7
"""With fewer days left, there is a warning about the token."""
CLOCK_TOLERANCE = 300.0
"""Seconds by which this machine's clock and LinkedIn's may differ without a warning."""

TLevel = Literal["ok", "warn", "fail"]


class Finding(TypedDict):
    """What `check` has found about one subject."""

    level: TLevel
    subject: str
    text: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Checks configuration, token, access, addresses and the clock, and says how long the token lives. Asks LinkedIn,"
        " and creates no job."
    )
    parser.epilog = exit_codes(_0="everything is right, there may be warnings", _2="a run would fail")
    add_sandbox(parser, "check against the sandbox")


def run(options: argparse.Namespace) -> int:
    """Says what is right and what is wrong."""
    findings: list[Finding] = []
    try:
        with settings_of(options) as settings:
            findings += examine(settings)
        findings += [_finding("warn", "settings", note) for note in misspelt_settings()]
    except (SalesnavError, ConfigurationException) as error:
        findings = [_finding("fail", "configuration", str(error))]
    show(_render_findings(findings))
    return NOT_TRIED if any(finding["level"] == "fail" for finding in findings) else COMPLETE


def examine(settings: Settings, now: Callable[[], float] = time.time) -> list[Finding]:
    """Checks token, access and addresses.

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
    days = settings.wanted(utc_day(now), Coverage())
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
    if refused is None or isinstance(refused, (AccessTokenError, AccessDeniedError, ThrottledError)):
        own = settings.base_url == BASE_URL
        yield _finding("ok", "address", f"{settings.base_url} answers" + ("" if own else "; it is not LinkedIn's own"))
    else:
        advice = (
            "Try again later." if settings.base_url == BASE_URL else f"Is base_url right? LinkedIn's is {BASE_URL}."
        )
        yield _finding("fail", "address", f"{settings.base_url}: {refused} {advice}")


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return _finding("warn", "clock", "It could not be compared: LinkedIn's answers had no date.")
    if abs(ahead) > CLOCK_TOLERANCE:
        return _finding(
            "warn",
            "clock",
            f"This machine's clock is {abs(ahead) / 60:,.0f} minutes {'ahead of' if ahead > 0 else 'behind'} LinkedIn's."
            " Set it right: it decides which days have ended.",
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
            f"How long it still lives is not known: {host} did not say with these client_id, client_secret, token_url.",
        )
    elif refused is None or isinstance(refused, AccessDeniedError):
        yield _finding(
            "ok",
            "token",
            "LinkedIn accepts it. LinkedIn says how long it still lives only with client_id and client_secret; tokens live"
            " 60 days from the day they were made.",
        )


def _lifetime(told: dict[str, object], refused: ApiError | None, renewable: bool, now: float) -> Iterator[Finding]:
    """Yields what LinkedIn's introspection says about the token."""
    if told.get("active") is not True:
        status = told.get("status") if told.get("status") in ("expired", "revoked") else "not active"
        if refused is None:
            text = f"LinkedIn accepts it, but tells this client_id that it is {status}: was it made for another application?"
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
        return _finding("ok", "refresh token", "It is there: access tokens are renewed with it.")
    return _finding(
        "ok",
        "refresh token",
        "There is none, so `salesnav login` has to be run every 60 days. LinkedIn gives refresh tokens to some partners only.",
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
    names = ", ".join(one_line(contract.name) for contract in allowed) or "none"
    if allowed:
        yield _finding("ok", "contracts", f"{len(listed)} listed, {len(allowed)} may be exported: {names}.")
    else:
        yield _finding(
            "fail",
            "contracts",
            f"{len(listed)} listed, none may be exported: ask a contract's administrator for a reporting role. Exports"
            " also need a contract of the edition Advanced or Advanced Plus.",
        )
    known = {contract.urn: contract.name for contract in contracts}
    for urn in urns_where_listed(settings.contracts, contracts):
        if urn not in listed:
            text = f"{urn} {NOT_LISTED}: remove it, or use another member's token."
            yield _finding("fail", "contracts", text)
        elif not listed[urn].has_reporting_access:
            text = (
                f"{in_words(urn, known)} is configured, but may not be exported: ask its administrator for a reporting role, or"
                " remove it."
            )
            yield _finding("fail", "contracts", text)


def _finding(level: TLevel, subject: str, text: str) -> Finding:
    return Finding(level=level, subject=subject, text=one_line(text))


def _render_findings(findings: Iterable[Finding]) -> str:
    return "\n".join(f"{one['level']:<5} {one['subject']:<14} {one['text']}" for one in findings)
