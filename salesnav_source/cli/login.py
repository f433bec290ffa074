"""`salesnav login`: signs in to LinkedIn in a browser, and keeps the token."""

import argparse
import os
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import dlt

from salesnav_source.cli.contracts import render_contracts
from salesnav_source.cli.grammar import add_sandbox, exit_codes
from salesnav_source.cli.terminal import put, say, show
from salesnav_source.cli.workplace import settings_of
from salesnav_source.exceptions import AccessDeniedError, AccessTokenError, ApiError, ConfigurationError, SignInError
from salesnav_source.linkedin.auth import Grant
from salesnav_source.linkedin.client import Client, Contract
from salesnav_source.linkedin.loopback import Callback, awaited
from salesnav_source.linkedin.signin import SignIn, StrayAnswerError
from salesnav_source.linkedin.transport import Transport
from salesnav_source.run.contracts import urns_where_listed
from salesnav_source.run.exit_codes import COMPLETE, INCOMPLETE
from salesnav_source.run.upkeep.status import loaded_contracts
from salesnav_source.settings.addresses import is_loopback, origin
from salesnav_source.settings.configuration import (
    SECTION,
    SalesnavCredentials,
    Settings,
    misspelt_settings,
    read_files_again,
    resolve_settings,
    settings_folder,
)
from salesnav_source.settings.names import SANDBOX_TOKENS
from salesnav_source.settings.secrets_file import credentials_in, require_writable, write_credentials
from salesnav_source.settings.urns import in_words

WAIT_SECONDS = 600.0
"""How long the browser may take to come back."""
_ON_TERMINAL = frozenset(("www-browser", "links", "elinks", "lynx", "w3m"))
"""Browsers that take over the terminal."""
_DAY = 86400.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Signs in to LinkedIn in a browser, as a member with a reporting role on the contracts, and writes the token to"
        " .dlt/secrets.toml. It takes client_id and client_secret of a LinkedIn application in the settings, and the redirect"
        " URL registered with it."
    )
    parser.epilog = exit_codes(
        _0="signed in",
        _2="not signed in, nothing was written",
        _3="signed in, but the contracts could not be listed",
    )
    parser.add_argument(
        "--no-browser",
        action="store_true",
        help="for a machine without a browser: print the address to open elsewhere, and read the address at which that browser"
        " ends from standard input",
    )
    parser.add_argument(
        "--redirect-url",
        metavar="URL",
        help="where the browser comes back to, as registered with the application; default credentials.redirect_url",
    )
    add_sandbox(parser, "sign in to the sandbox, to see how it goes; writes nothing")


def run(options: argparse.Namespace) -> int:
    """Signs in, and keeps the token if it reaches the contracts that are wanted."""
    path = settings_folder() / "secrets.toml"
    notes = [] if options.sandbox else require_writable(path)
    with settings_of(options, needs_token=False) as settings:
        for note in (*misspelt_settings(), *notes):
            say(note)
        sign_in = SignIn.of(settings.credentials, options.redirect_url)
        if not options.sandbox:
            _require_one_place(settings)
            _refuse_invented(path, sign_in)
        code = _pasted_code(sign_in) if options.no_browser else _code_from_browser(sign_in)
        grant = sign_in.exchange(code, Transport(settings.base_url).post_form)
        contracts, trouble = _contracts(settings, grant)
        if trouble is None and not options.sandbox:
            _require_wanted(
                settings.contracts, loaded_contracts(Path(dlt.current.run_context().run_dir).absolute()), contracts
            )
    if options.sandbox:
        show("Signed in to the sandbox; nothing was written, as its tokens end with this command.")
    else:
        notes = _keep(path, grant)
        show(f"Signed in. The token is in {path}, which only you can read.")
        for note in notes:
            say(note)
    show(_life(grant, time.time()))
    if trouble is not None:
        say(f"Which contracts it reaches is not known: {trouble} `salesnav check` looks again.")
        return INCOMPLETE
    show(_reach(contracts, settings.contracts))
    if any(contract.has_reporting_access for contract in contracts):
        show(f"\nNext: `salesnav load duckdb{' --sandbox' if options.sandbox else ''}`.")
    return COMPLETE


def _code_from_browser(sign_in: SignIn) -> str:
    """Opens the browser, and returns the code that it brings back.

    Raises:
        SignInError: if it does not come back in time, or access was not allowed.
    """
    callback = Callback(sign_in.redirect_url, sign_in.is_answered_by, _once(_say_stray))
    with awaited(callback, sign_in.redirect_url):
        _print_address(
            sign_in, "Sign in on the page that opens in the browser. If none opens, open this address on this machine:"
        )
        if not _opened(sign_in.address):
            say("No browser could be opened here. If this machine has none, run `salesnav login --no-browser`.")
        address = callback.wait(WAIT_SECONDS)
    if address is None:
        raise SignInError(
            f"The browser did not come back in {WAIT_SECONDS / 60:.0f} minutes. Nothing was changed. If LinkedIn's page says"
            f" that the redirect URL does not match, register {sign_in.redirect_url} with the application. If it says that the"
            " client_id is invalid, correct credentials.client_id. Then run `salesnav login` again."
        )
    return sign_in.code(address)


def _opened(address: str) -> bool:
    """Opens an address in a browser; returns false if there is none. One on this terminal does not count: it has no scripts."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    return getattr(browser, "name", None) not in _ON_TERMINAL and browser.open(address)


def _pasted_code(sign_in: SignIn) -> str:
    """Returns the code in the address that is typed or piped in; asks again if it is another address.

    Raises:
        SignInError: if no address comes, or access was not allowed.
    """
    _print_address(sign_in, "Open this address in a browser, and sign in:")
    show(
        f"The browser ends at an address that begins with {sign_in.redirect_url}. It may say that the page cannot be reached."
        "\nPaste that whole address here, and press enter:"
    )
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            return sign_in.code(line)
        except StrayAnswerError as error:
            say(f"{error} Paste it here:")
    raise SignInError(
        "The address at which the browser ends did not come on standard input. Run `salesnav login --no-browser` again, and"
        " paste it."
    )


def _print_address(sign_in: SignIn, what_for: str) -> None:
    show(f"The application must have this redirect URL registered: {sign_in.redirect_url}\n{what_for}\n")
    # not by `show`, which takes the query of an address for a secret; this one holds none
    put(sign_in.address, end="\n\n")


def _say_stray() -> None:
    say(
        "An answer to another attempt to sign in has come, and was not used: its state is not the one that was sent. Sign in on"
        " the page that was opened last, and close older ones."
    )


def _once(act: Callable[[], None]) -> Callable[[], None]:
    done: list[bool] = []

    def first() -> None:
        if not done:
            done.append(True)
            act()

    return first


def _contracts(settings: Settings, grant: Grant) -> tuple[list[Contract], ApiError | None]:
    """Lists the contracts with a new token; returns why it cannot be done, if the token may still be good.

    Raises:
        SignInError: if LinkedIn does not accept the token.
        AccessDeniedError: if its application may not use the API.
    """
    client = Client(replace(settings, credentials=SalesnavCredentials(access_token=grant.access_token)))
    try:
        try:
            contracts = client.contracts()
        except AccessTokenError:
            # LinkedIn refuses valid tokens now and then (reported by users)
            contracts = client.contracts()
    except AccessTokenError:
        raise SignInError(
            f"{settings.base_url} does not accept the token that {urlsplit(settings.credentials.token_url).hostname} has just"
            " given, so it was not kept. Do base_url and credentials.token_url belong together? Correct them, and run"
            " `salesnav login` again."
        ) from None
    except AccessDeniedError as error:
        raise AccessDeniedError(
            f"The new token may not list contracts, so it was not kept. {error}", error.status, error.code
        ) from None
    except ApiError as error:
        return [], error
    for note in client.notes:
        say(note)
    return contracts, None


def _require_wanted(configured: Sequence[str], loaded: Mapping[str, str], contracts: Sequence[Contract]) -> None:
    """Makes sure that the account is the one of the contracts that are configured or loaded; says which it lacks.

    Raises:
        SignInError: if it reaches none of them.
    """
    reached = {contract.urn for contract in contracts}
    wanted = dict.fromkeys(urns_where_listed(configured, contracts), "") | dict(loaded)
    lacking = [in_words(one, wanted) for one in wanted if one not in reached]
    if wanted and len(lacking) == len(wanted):
        reaches = "; ".join(in_words(contract.urn, {contract.urn: contract.name}) for contract in contracts) or "none"
        raise SignInError(
            f"This account reaches none of the contracts that are configured or loaded here: {'; '.join(lacking)}. It reaches:"
            f" {reaches}. The token was not kept. Sign out of LinkedIn in the browser, and run `salesnav login` again with the"
            " other account; or load this account's contracts in a folder of its own (`salesnav init FOLDER`)."
        )
    if lacking:
        say(f"This account does not reach {'; '.join(lacking)}, which is configured or loaded here.")


def _keep(path: Path, grant: Grant) -> list[str]:
    """Writes the tokens; those of an earlier sign-in go, so that they are never used with these.

    Returns:
        What the user should know.
    """
    notes = []
    before = credentials_in(path)
    write_credentials(path, {"access_token": grant.access_token, "refresh_token": grant.refresh_token})
    if before.get("refresh_token") and grant.refresh_token is None:
        notes.append("The refresh token of an earlier sign-in was removed, as LinkedIn gave none this time.")
    read_files_again()
    valid = resolve_settings({}, needs_token=False).credentials
    for name in ("access_token", "refresh_token"):
        if (getattr(valid, name) or None) != getattr(grant, name):
            notes.append(
                f"But it is not used: another {name} is set elsewhere, and goes before it. Take that out of the environment"
                f" (SOURCES__{SECTION.upper()}__CREDENTIALS__{name.upper()}) or of config.toml."
            )
    return notes


def _life(grant: Grant, now: float) -> str:
    """Says how long the tokens live."""
    lives = "LinkedIn does not say how long it lives; tokens live 60 days"
    if grant.expires_in is not None:
        lives = f"It lives {_span(grant.expires_in)}, until {_date(now + grant.expires_in)}"
    if grant.refresh_token is None:
        return f"{lives}. LinkedIn gave no refresh token: run `salesnav login` again before then."
    if grant.refresh_token_expires_in is None:
        return f"{lives}. It is renewed by itself, with the refresh token that came with it."
    end = _date(now + grant.refresh_token_expires_in)
    return f"{lives}. It is renewed by itself, until {end}: run `salesnav login` again before then."


def _span(seconds: float) -> str:
    days = round(seconds / _DAY)
    return f"{days} days" if seconds >= 2 * _DAY else f"{seconds / 3600:.0f} hours"


def _date(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, timezone.utc):%Y-%m-%d %H:%M} UTC"


def _reach(contracts: Sequence[Contract], configured: Sequence[str]) -> str:
    """Says which contracts the token reaches."""
    allowed = sum(contract.has_reporting_access for contract in contracts)
    if not contracts:
        return (
            "It reaches no contract: this member has no seat. Sign in as a member with a reporting role on a contract of the"
            " edition Advanced or Advanced Plus."
        )
    count = f"{len(contracts)} contract{'s' * (len(contracts) != 1)}"
    lines = [f"It reaches {count}, of which {allowed} may be exported:", "", render_contracts(contracts, configured)]
    if not allowed:
        lines += ["", "Ask a contract's administrator for a reporting role; that takes no new sign-in."]
    return "\n".join(lines)


def _require_one_place(settings: Settings) -> None:
    """Makes sure that no real token is shown to a stand-in on this machine, and no invented one to LinkedIn.

    Raises:
        ConfigurationError: if one of the addresses is on this machine, and the other is not.
    """
    hosts = [origin(url)[1] for url in (settings.base_url, settings.credentials.token_url)]
    if is_loopback(hosts[0]) != is_loopback(hosts[1]):
        raise ConfigurationError(
            f"base_url leads to {hosts[0]}, and credentials.token_url to {hosts[1]}: one is on this machine, the other is not."
            " Set both, or neither."
        )


def _refuse_invented(path: Path, sign_in: SignIn) -> None:
    """Makes sure that a token of a stand-in does not replace a real one.

    Raises:
        ConfigurationError: if the environment names a stand-in, and the file has a token of somewhere else.
    """
    variable = f"SOURCES__{SECTION.upper()}__CREDENTIALS__TOKEN_URL"
    present = str(credentials_in(path).get("access_token") or "")
    if not is_loopback(origin(sign_in.token_url)[1]) or variable not in os.environ or not present:
        return
    if not present.startswith(SANDBOX_TOKENS):
        raise ConfigurationError(
            f"{variable} names a stand-in on this machine, whose tokens are invented, and {path} has a token: it would be lost."
            " Sign in to the stand-in in another folder, or take the variable out of the environment."
        )
