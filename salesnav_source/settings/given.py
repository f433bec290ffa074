"""All that is set in the environment and in dlt's files, whoever reads it."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from salesnav_source.settings.redaction import remember_value

ENVIRONMENT = "The environment"
FILES = ("config.toml", "secrets.toml")

TPath = tuple[str, ...]
"""The sections of a setting, from the top down, and its name."""

_FOLDERS = ("pwd", "oldpwd")
"""Variables of a shell that are called like passwords."""


def given() -> Iterator[tuple[str, TPath, Any]]:
    """Yields where each setting is made, its path, and its value."""
    for variable in sorted(os.environ):
        yield ENVIRONMENT, tuple(variable.lower().split("__")), os.environ[variable]
    for provider in Container()[PluggableRunContext].providers.providers:
        if provider.name in FILES:
            document = tomlkit.parse(provider.to_toml()).unwrap()  # type: ignore[attr-defined]
            for path, value in _values(document):
                yield provider.name, path, value


def remember_secrets() -> None:
    """Makes all secrets that are configured known, those of the warehouse too, so that none of them is shown or written.

    A password that is called like the warehouse or its user is replaced in its place alone.
    """
    settings = [(path, value) for _, path, value in given() if path[0] not in _FOLDERS]
    words = {str(value) for path, value in settings if path[-1] in ("username", "database", "host")}
    for path, value in settings:
        remember_value(path[-1], value, {*words, *path})


def _values(section: Mapping[str, Any], above: TPath = ()) -> Iterator[tuple[TPath, Any]]:
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from _values(value, (*above, name))
        else:
            yield (*above, name), value
