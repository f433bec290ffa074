"""Settings that nothing reads: most of them are misspelt."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS
from salesnav_source.settings import SECTION, SalesnavConfiguration, SalesnavCredentials

_PREFIX = f"SOURCES__{SECTION.upper()}__"

_SETTINGS, _CREDENTIALS = frozenset(dict(SalesnavConfiguration())), frozenset(dict(SalesnavCredentials()))

_OF_DLT = {
    "schema_contract",
    "max_table_nesting",
    "extract",
    "normalize",
    "data_writer",
    "workers",
    "parallelism_strategy",
}
"""What dlt itself reads in the section of a source."""


def misspelt_settings() -> list[str]:
    """Returns a sentence for each setting of this source that has no meaning, with the one that may be meant."""
    known = _SETTINGS
    tables = {CONTRACTS.name, EXPORT_JOBS.name, REJECTED_ROWS.name, *EXPORTS, SECTION}
    credentials = _CREDENTIALS
    notes = []
    for where, name in _given():
        section, _, rest = name.partition(".")
        if section == "credentials" and rest:
            candidates, said, prefix = credentials, rest, "credentials."
        else:
            candidates, said, prefix = known | _OF_DLT | tables, section, ""
        if said not in candidates:
            close = (
                ["access_token"]
                if said in ("token", "api_key")
                else get_close_matches(said.replace("-", "_"), sorted(known | credentials), 1, 0.7)
            )
            meant = f" Is {_spelt(close[0], where)} meant?" if close else ""
            notes.append(f"{where} sets {_spelt(prefix + said, where)}, which is no setting and has no effect.{meant}")
    return list(dict.fromkeys(notes))


def _spelt(name: str, where: str) -> str:
    if where != "The environment":
        return name
    in_credentials = name in _CREDENTIALS - _SETTINGS
    return _PREFIX + (("CREDENTIALS__" if in_credentials else "") + name.replace(".", "__")).upper()


def _given() -> Iterator[tuple[str, str]]:
    """Yields where each setting of this source is made, and its name."""
    for variable in sorted(os.environ):
        if variable.startswith(_PREFIX):
            yield "The environment", variable.removeprefix(_PREFIX).lower().replace("__", ".")
    for provider in Container()[PluggableRunContext].providers.providers:
        if provider.name in ("config.toml", "secrets.toml"):
            section, _ = provider.get_value(SECTION, dict, "", "sources")
            for name in _names(section):
                yield provider.name, name


def _names(section: Any) -> Iterator[str]:
    if not isinstance(section, Mapping):
        return
    for name, value in section.items():
        if name == "credentials" and isinstance(value, Mapping):
            yield from (f"credentials.{inner}" for inner in value)
        else:
            yield str(name)
