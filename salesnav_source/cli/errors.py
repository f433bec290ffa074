"""What a command says of an error, in a sentence, and the exit code that goes with it."""

import contextlib
import os
import re

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.exceptions import MissingDependencyException

from salesnav_source.cli.terminal import INCOMPLETE, NOT_TRIED
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ConfigurationError,
    DestinationError,
    JournalError,
    PipelineBusyError,
    SalesnavError,
    causes,
)
from salesnav_source.installed import how_to_install
from salesnav_source.settings import settings_folder

_TELEMETRY = "RUNTIME__DLTHUB_TELEMETRY"
_NOTHING_TRIED = (ConfigurationError, PipelineBusyError, AccessTokenError, AccessDeniedError, JournalError)


def keep_to_ourselves() -> None:
    """Switches dlt's telemetry off, unless the user has configured it."""
    configured: object = None
    with contextlib.suppress(Exception):  # a configuration that cannot be read is told of by who reads it
        configured = dlt.config.get("runtime.dlthub_telemetry")
    if configured is None:
        os.environ[_TELEMETRY] = "false"


def explain(error: Exception, while_loading: bool = False) -> tuple[str, int]:
    """Returns what to say of an error, and the exit code.

    Args:
        error: what was raised.
        while_loading: whether a run was under way, which may have loaded something.

    Raises:
        Exception: the error itself, if it is a fault of this program.
    """
    if isinstance(error, DestinationError):
        return _of_destination(str(error)), NOT_TRIED if error.in_vain else INCOMPLETE
    if isinstance(error, _NOTHING_TRIED):
        return str(error), NOT_TRIED
    if isinstance(error, SalesnavError):
        if while_loading:
            return f"{error}\nNothing was lost: a new run asks again.", INCOMPLETE
        return str(error), NOT_TRIED
    if isinstance(error, ConfigFieldMissingException):
        return _of_missing_settings(str(error)), NOT_TRIED
    if isinstance(error, MissingDependencyException):
        return f"{error.caller} needs more packages: {how_to_install(*error.dependencies)}", NOT_TRIED
    if isinstance(error, ConfigurationException):
        return f"The configuration cannot be used: {_line(error)}", NOT_TRIED
    if (cause := _of_machine(error)) is not None:
        where = f"{cause.filename!s} cannot be used" if cause.filename else "This machine cannot keep what it has to"
        return (
            f"{where}: {cause.strerror or cause}. Make room or give the rights to write there, or choose another place"
            " (DLT_DATA_DIR for dlt's folder, --database for a DuckDB file).",
            INCOMPLETE if while_loading else NOT_TRIED,
        )
    raise error


def _of_machine(error: BaseException) -> OSError | None:
    """Returns the refusal of this machine that an error comes from, if it does."""
    return next((cause for cause in causes(error) if isinstance(cause, OSError) and cause.errno is not None), None)


def _of_missing_settings(said: str) -> str:
    """Names the settings that a destination lacks; dlt lists every place in which it has looked for each."""
    first_way = said.partition("(Union 2")[0]
    keys: dict[str, str] = {}
    for field, tried in re.findall(r"for field `(\w+)` the following.*?\n((?:\s+\(.*\)\n?)+)", first_way):
        found = [
            key for key in re.findall(r"\(Environment Variables, (\w+)\)", tried) if key.startswith("DESTINATION__")
        ]
        if found:
            keys[field] = found[0]
    if not keys:
        return f"The configuration is incomplete: {_line(said)}"
    section = next(iter(keys.values())).lower().split("__")[:-1]
    advice = ""
    if "bigquery" in section:
        advice = " Or log in by `gcloud auth application-default login`; then project_id alone is enough."
    return (
        f"Settings are missing: {', '.join(keys)}. Put them into [{'.'.join(section)}] of"
        f" {settings_folder() / 'secrets.toml'}, or into the environment as {', '.join(keys.values())}.{advice} Nothing was"
        " asked of LinkedIn."
    )


def _of_destination(said: str) -> str:
    locked = re.search(r'Could not set lock on file "([^"]+)": Conflicting lock is held in (.*?)\. ', said)
    if locked:
        return (
            f"The DuckDB file {locked[1]} is open in another program, {locked[2]}: close it there and run this again, or"
            " load into another file with --database."
        )
    if "default credentials" in said.lower():
        return (
            "BigQuery cannot be used: there are no credentials of Google's on this machine. Put a service account into"
            f" [destination.bigquery.credentials] of {settings_folder() / 'secrets.toml'}, or run"
            " `gcloud auth application-default login`."
        )
    return said


def _line(error: object) -> str:
    return " ".join(str(error).split())
