"""`salesnav contracts`: lists the contracts, or lets a person choose among them."""

import argparse
import contextlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import dlt
import tomlkit

from salesnav_source.cli.grammar import add_sandbox
from salesnav_source.cli.terminal import one_line, say, show, width
from salesnav_source.cli.workplace import settings_of
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.linkedin.client import Client, Contract
from salesnav_source.run.contracts import NOT_LISTED, urns_where_listed
from salesnav_source.run.exit_codes import COMPLETE, NOT_TRIED
from salesnav_source.run.layout import fitted
from salesnav_source.settings.addresses import is_loopback, origin
from salesnav_source.settings.configuration import (
    SECTION,
    Settings,
    misspelt_settings,
    read_files_again,
    resolve_settings,
)
from salesnav_source.settings.toml import UnchangeableError, change_table, put


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Lists the contracts on which the token's owner has a seat, and whether they may be exported."
    parser.add_argument(
        "--choose",
        action="store_true",
        help="choose on the terminal, and write the choice to .dlt/config.toml; without a terminal, print what to put"
        " there and exit with 2",
    )
    add_sandbox(parser, "list the contracts of the sandbox")


def run(options: argparse.Namespace) -> int:
    """Lists the contracts, or lets a person choose among them."""
    with settings_of(options) as settings:
        return _show(options, settings)


def _show(options: argparse.Namespace, settings: Settings) -> int:
    for note in misspelt_settings():
        say(note)
    if options.choose:
        _refuse_invented(settings.base_url)
    client = Client(settings)
    contracts = client.contracts()
    for note in (*client.notes, *client.tokens.notes):
        say(note)
    if options.choose:
        return _choose(contracts, urns_where_listed(settings.contracts, contracts))
    show(render_contracts(contracts, settings.contracts))
    return COMPLETE


def _refuse_invented(base_url: str) -> None:
    """Makes sure that the sandbox's contracts do not get into a configuration for real ones.

    Raises:
        ConfigurationError: if the sandbox is in use, and the configuration itself does not say so.
    """
    if not is_loopback(origin(base_url)[1]):
        return
    configured = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        configured = tomlkit.parse(_config_path().read_text(encoding="utf-8"))["sources"][SECTION]["base_url"]
    if str(configured).rstrip("/") != base_url:
        raise ConfigurationError(
            f"{base_url} is a stand-in on this machine: its contracts are invented, and {_config_path()} is for real ones,"
            f" so nothing was chosen. Remove SOURCES__{SECTION.upper()}__BASE_URL from the environment. Or, to choose among"
            " invented contracts, set base_url in the configuration of a test folder."
        )


def render_contracts(contracts: Sequence[Contract], chosen: Sequence[str]) -> str:
    """Returns the contracts as a table, and below it what is configured and not listed.

    Args:
        contracts: as LinkedIn lists them.
        chosen: those that are configured, by URN or name; all if there are none.
    """
    chosen = urns_where_listed(chosen, contracts)
    listed = {contract.urn for contract in contracts}
    told = [f"{one_line(one)} {NOT_LISTED}." for one in chosen if one not in listed]
    if not contracts:
        return "\n".join(["LinkedIn lists no contract for the token's owner.", *told])
    rows = [
        (
            contract.urn,
            one_line(contract.name),
            "yes" if contract.has_reporting_access else "no",
            "yes" if contract.has_reporting_access and (not chosen or contract.urn in chosen) else "no",
            one_line(contract.description or ""),
        )
        for contract in contracts
    ]
    return "\n".join(
        [*fitted(("contract", "name", "may be exported", "is exported", "description"), rows, width()), *told]
    )


def _choose(contracts: Sequence[Contract], present: Sequence[str]) -> int:
    """Lets a person choose contracts on the terminal, and writes the choice to the configuration."""
    if not any(contract.has_reporting_access for contract in contracts):
        raise ConfigurationError(
            "There is nothing to choose: none of the listed contracts may be exported. Ask a contract's administrator for"
            " a reporting role."
        )
    path = _config_path()
    if not _on_terminal():
        say(f"This is not a terminal, so nothing was chosen. Copy the contracts that you want into {path}:")
        show(_to_paste([contract for contract in contracts if contract.has_reporting_access]))
        return NOT_TRIED
    chosen = _ask(contracts, present)
    write_choice(path, chosen)
    show(f"{path}: {len(chosen)} contract{'s' * (len(chosen) != 1)} chosen.")
    dropped = [urn for urn in present if urn not in {contract.urn for contract in chosen}]
    if dropped:
        show(f"No longer exported: {', '.join(dropped)}.")
    _warn_if_overruled(chosen)
    return COMPLETE


def _ask(contracts: Sequence[Contract], present: Sequence[str]) -> list[Contract]:
    """Asks which contracts to export. Those exported at present are preselected."""
    import questionary

    choices = [
        questionary.Choice(
            title=f"{one_line(contract.name)}  {contract.urn}",
            value=contract,
            disabled=None if contract.has_reporting_access else "no reporting access",
            checked=contract.has_reporting_access and (not present or contract.urn in present),
        )
        for contract in contracts
    ]
    question = questionary.checkbox(
        "Which contracts do you want to export?",
        choices,
        instruction="(arrows move, space chooses, a chooses all, enter writes, Ctrl-C leaves it as it is)",
        validate=lambda chosen: bool(chosen) or "Choose at least one.",
    )
    chosen: list[Contract] = question.unsafe_ask()
    return chosen


def write_choice(path: Path, chosen: Sequence[Contract]) -> None:
    """Writes `contracts` into `[sources.salesnav]` of a configuration file, and keeps everything else in it.

    Args:
        path: the file; created if it is missing.
        chosen: the contracts to export.

    Raises:
        ConfigurationError: if the file cannot be read or written, or does not have the expected form.
    """
    values = {"contracts": [contract.urn for contract in chosen]}
    try:
        change_table(path, ("sources", SECTION), values, lambda section: _set_contracts(section, chosen))
    except UnchangeableError as error:
        raise ConfigurationError(
            f"{path} could not be changed: {error}. Put this there by hand:\n\n{_to_paste(chosen)}"
        ) from None


def _set_contracts(section: Any, chosen: Sequence[Contract]) -> None:
    from tomlkit.items import Array

    array = section.get("contracts")
    if isinstance(array, Array) and "\n" in array.as_string():
        # changed in place, because it may have comments
        wanted = {contract.urn for contract in chosen}
        for position in reversed(range(len(array))):
            if array[position] not in wanted:
                del array[position]
        _add_lines(array, [contract for contract in chosen if contract.urn not in array])
    else:
        array = tomlkit.array()
        _add_lines(array, chosen)
        array.add_line(indent="")
        put(section, "contracts", array)


def _add_lines(array: Any, contracts: Iterable[Contract]) -> None:
    for contract in contracts:
        array.add_line(contract.urn, comment=one_line(contract.name) or None)


def _warn_if_overruled(chosen: Sequence[Contract]) -> None:
    """Says so if the environment or another file goes before what was written."""
    read_files_again()
    valid = resolve_settings({}).contracts
    if set(valid) != {contract.urn for contract in chosen}:
        say(
            f"Warning: contracts are also set elsewhere, and that overrides the choice ({', '.join(valid) or 'all'}). Look in"
            f" the environment (SOURCES__{SECTION.upper()}__CONTRACTS) and in secrets.toml."
        )


def _to_paste(contracts: Iterable[Contract]) -> str:
    lines = [f'    "{contract.urn}",  # {one_line(contract.name)}' for contract in contracts]
    return "\n".join([f"[sources.{SECTION}]", "contracts = [", *lines, "]"])


def _config_path() -> Path:
    return Path(dlt.current.run_context().settings_dir) / "config.toml"


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
