"""The message and the exit code of an error."""

import contextlib
import logging
import os
import re

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.exceptions import MissingDependencyException

from salesnav_source.exceptions import (
    DestinationError,
    causes,
    consequence_of,
    one_line,
)
from salesnav_source.run.exit_codes import INCOMPLETE, NOT_TRIED
from salesnav_source.settings.configuration import of_unreadable_file, settings_folder
from salesnav_source.settings.given import remember_secrets
from salesnav_source.settings.installed import how_to_install
from salesnav_source.settings.redaction import RedactingFilter

_BEFORE_REASON = "The actual reason given is: "
_DAMAGED = re.compile("Corrupt database file|Could not read enough bytes from file|not a valid DuckDB database")
_TELEMETRY = "RUNTIME__DLTHUB_TELEMETRY"


def keep_to_ourselves() -> None:
    """Switches dlt's telemetry off, unless the user has configured it, and keeps configured secrets out of its log.

    So it does with what other libraries log where no logging is set up, which Python prints.
    """
    configured: object = None
    with contextlib.suppress(Exception):  # if the configuration cannot be read, a later step says so
        configured = dlt.config.get("runtime.dlthub_telemetry")
        remember_secrets()
    if configured is None:
        os.environ[_TELEMETRY] = "false"
    for log in (logging.getLogger("dlt"), logging.lastResort):
        if log is not None and not any(isinstance(one, RedactingFilter) for one in log.filters):
            log.addFilter(RedactingFilter())


def explain(error: Exception, while_loading: bool = False) -> tuple[str, int]:
    """Returns the message of an error, and the exit code.

    Args:
        error: what was raised.
        while_loading: true if a run was at work, which may have loaded something.

    Raises:
        Exception: the error itself, if it is a bug of this program.
    """
    follows = consequence_of(error)
    if follows is not None:
        if isinstance(error, DestinationError):
            return _of_destination(str(error)), follows.exit_code
        if while_loading and follows.exit_code == INCOMPLETE:
            return f"{error}\nNothing was lost: a new run asks again.", INCOMPLETE
        return str(error), NOT_TRIED
    if isinstance(error, ConfigFieldMissingException):
        return _of_missing_settings(str(error)), NOT_TRIED
    if isinstance(error, MissingDependencyException):
        return f"{error.caller} needs more packages: {how_to_install(*error.dependencies)}", NOT_TRIED
    if isinstance(error, TomlProviderReadException):
        return of_unreadable_file(error), NOT_TRIED
    if isinstance(error, ConfigurationException):
        return f"The configuration cannot be used: {one_line(error)}", NOT_TRIED
    if (cause := _of_machine(error)) is not None:
        where = (
            f"{cause.filename!s} cannot be used" if cause.filename else "This machine cannot store the files it needs"
        )
        return (
            f"{where}: {cause.strerror or cause}. Free space, or allow writing there, or choose another place"
            " (DLT_DATA_DIR for dlt's folder, --database for a DuckDB file).",
            INCOMPLETE if while_loading else NOT_TRIED,
        )
    raise error


def _of_machine(error: BaseException) -> OSError | None:
    """Returns the error of this machine that caused an error, None if there is none."""
    return next((cause for cause in causes(error) if isinstance(cause, OSError) and cause.errno is not None), None)


def _of_missing_settings(said: str) -> str:
    """Returns a message with the missing settings of a destination. dlt's own lists every place it has looked in."""
    first_way = said.partition("(Union 2")[0]
    keys: dict[str, str] = {}
    for field, tried in re.findall(r"for field `(\w+)` the following.*?\n((?:\s+\(.*\)\n?)+)", first_way):
        found = [
            key for key in re.findall(r"\(Environment Variables, (\w+)\)", tried) if key.startswith("DESTINATION__")
        ]
        if found:
            keys[field] = found[0]
    if not keys:
        return f"The configuration is incomplete: {one_line(said)}"
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
    if re.search("database file with version number .* can only read", said):
        from duckdb import __version__ as installed

        return (
            f"The DuckDB file was made by a newer DuckDB than {installed}, which is installed here and cannot read it. Copy it"
            " with the newer one into a file that both can read: ATTACH 'copy.duckdb' AS copied (STORAGE_VERSION 'v1.0.0');"
            " COPY FROM DATABASE … TO copied. Or load into another file with --database."
        )
    if _DAMAGED.search(said):
        named = re.search(r'file "([^"]+)"', said)
        which = f"The file {named[1]}" if named else "The file"
        return (
            f"{which} is no DuckDB database, or is damaged: {_reason(said)} Put it away, or bring it back from a backup; or"
            " name another with --database."
        )
    if "default credentials" in said.lower():
        return (
            "BigQuery cannot be used: there are no Google credentials on this machine. Put a service account into"
            f" [destination.bigquery.credentials] of {settings_folder() / 'secrets.toml'}, or run"
            " `gcloud auth application-default login`."
        )
    return _reason(said)


def _reason(said: str) -> str:
    """Returns a message without the sentences about credentials that dlt begins each one about a connection with."""
    before, mark, reason = said.partition(_BEFORE_REASON)
    return before.partition("Connection with `client_type=")[0] + reason if mark else said
