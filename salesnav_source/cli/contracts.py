"""`salesnav contracts`: lists the contracts, or lets a person choose among them."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import tomlkit

from salesnav_source.cli.terminal import COMPLETE, NOT_TRIED, one_line, say, width
from salesnav_source.client import Client, Contract
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.files import replace_file
from salesnav_source.misspelt import misspelt_settings
from salesnav_source.report import fitted
from salesnav_source.settings import SECTION, resolve_settings


def run(options: argparse.Namespace) -> int:
    """Lists the contracts, or lets a person choose among them."""
    settings = resolve_settings({})
    for note in misspelt_settings():
        say(note)
    if options.choose:
        _refuse_invented(settings.base_url)
    client = Client(settings)
    contracts = client.contracts()
    for note in client.tokens.notes:
        say(note)
    if options.choose:
        return _choose(contracts, settings.contracts)
    print(_render_contracts(contracts, settings.contracts))
    return COMPLETE


def _refuse_invented(base_url: str) -> None:
    """Makes sure that contracts of the sandbox do not get into the configuration of real ones.

    Raises:
        ConfigurationError: if the sandbox is asked, and the configuration itself does not say so.
    """
    if urlsplit(base_url).hostname not in ("localhost", "127.0.0.1", "::1"):
        return
    configured = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        configured = tomlkit.parse(_config_path().read_text(encoding="utf-8"))["sources"][SECTION]["base_url"]
    if str(configured).rstrip("/") != base_url:
        raise ConfigurationError(
            f"{base_url} is a stand-in on this machine: its contracts are invented, and {_config_path()} is for real ones,"
            f" so nothing was chosen. Take SOURCES__{SECTION.upper()}__BASE_URL out of the environment, or, to choose among"
            " invented contracts, set base_url in the configuration of a folder for trying."
        )


def _render_contracts(contracts: Sequence[Contract], chosen: Sequence[str]) -> str:
    if not contracts:
        return "LinkedIn lists no contract for the token's owner."
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
    return "\n".join(fitted(("contract", "name", "may be exported", "is exported", "description"), rows, width()))


def _choose(contracts: Sequence[Contract], present: Sequence[str]) -> int:
    """Lets a person choose contracts on the terminal, and writes the choice to the configuration."""
    if not any(contract.has_reporting_access for contract in contracts):
        raise ConfigurationError(
            "There is nothing to choose: none of the contracts listed may be exported. Ask a contract's administrator for"
            " a reporting role."
        )
    path = _config_path()
    if not _on_terminal():
        say(f"This is no terminal, so nothing was chosen. Put what you want of this into {path}:")
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
            title=f"{one_line(contract.name)}  {contract.urn}",
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
        replace_file(path, changed.replace("\n", newline).encode("utf-8"))
    except (OSError, ValueError, TypeError, AttributeError, TOMLKitError) as error:
        raise ConfigurationError(
            f"{path} could not be changed: {error}. Put this there by hand:\n\n{_to_paste(chosen)}"
        ) from None


def _set_contracts(document: Any, chosen: Sequence[Contract]) -> None:
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
        array.add_line(contract.urn, comment=one_line(contract.name) or None)


def _unordered(document: dict[str, Any]) -> dict[str, Any]:
    document["sources"][SECTION]["contracts"].sort()
    return document


def _warn_if_overruled(chosen: Sequence[Contract]) -> None:
    """Says so if the environment or another file goes before what was written."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    Container()[PluggableRunContext].reload_providers()
    valid = resolve_settings({}).contracts
    if set(valid) != {contract.urn for contract in chosen}:
        say(
            f"Mind: contracts are set elsewhere too, and that goes first ({', '.join(valid) or 'all'}): look in the"
            f" environment (SOURCES__{SECTION.upper()}__CONTRACTS) and in secrets.toml."
        )


def _to_paste(contracts: Iterable[Contract]) -> str:
    lines = [f'    "{contract.urn}",  # {one_line(contract.name)}' for contract in contracts]
    return "\n".join([f"[sources.{SECTION}]", "contracts = [", *lines, "]"])


def _config_path() -> Path:
    return Path(dlt.current.run_context().settings_dir) / "config.toml"


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
