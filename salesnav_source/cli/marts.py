"""Where `salesnav dashboard` and `salesnav report` find the marts."""

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt

from salesnav_source import destinations
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.installed import how_to_install, of_extra
from salesnav_source.names import DATASET, DEFAULT_PIPELINE, SANDBOX_PIPELINE

if TYPE_CHECKING:
    from salesnav_source.dashboard.marts import Marts

_MODULES = ("altair", "marimo", "vl_convert")


def require_extra() -> None:
    """Makes sure that the packages of the extra are installed.

    Raises:
        ConfigurationError: with the command that installs them.
    """
    if any(importlib.util.find_spec(module) is None for module in _MODULES):
        raise ConfigurationError(
            "The packages that draw are not installed. Install them with\n\n"
            f"    {how_to_install(*of_extra('dashboard'))}\n"
        )


def marts_of(options: argparse.Namespace) -> "Marts":
    """Returns the marts of the warehouse that the options and dlt's configuration name.

    Raises:
        ConfigurationError: if the warehouse is not there.
    """
    from salesnav_source.dashboard.marts import Marts

    build = ["salesnav", "transform"]
    if options.destination != "duckdb":
        build.append(options.destination)
    if options.sandbox:
        build.append("--sandbox")
    if options.database:
        build += ["--database", options.database]
    sandbox_dataset = SANDBOX_PIPELINE if options.sandbox and options.destination != "duckdb" else DATASET
    source = options.dataset or sandbox_dataset
    return Marts(_destination(options), options.schema, source, " ".join(build))


def _destination(options: argparse.Namespace) -> Any:
    if options.destination != "duckdb":
        destinations.require(options.destination)
        return getattr(destinations, options.destination)(options)
    path = Path(options.database or f"{SANDBOX_PIPELINE if options.sandbox else DEFAULT_PIPELINE}.duckdb")
    if not path.is_file():
        load = "salesnav load duckdb --sandbox" if options.sandbox else "salesnav load duckdb"
        raise ConfigurationError(
            f"There is no DuckDB file {path}. Load into it first (`{load}`), or name one with --database."
        )
    # for reading only, so that several can look at once
    return dlt.destinations.duckdb(credentials={"database": str(path.absolute()), "read_only": True})
