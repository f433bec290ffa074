"""Where `salesnav dashboard` and `salesnav report` find the marts."""

import argparse
import importlib.util
from typing import TYPE_CHECKING, Any

import dlt

from salesnav_source.cli.grammar import database_of, dataset_of
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.settings.installed import how_to_install, of_extra
from salesnav_source.warehouse import destinations

if TYPE_CHECKING:
    from salesnav_source.marts.dashboard.marts import Marts

_MODULES = ("altair", "starlette", "uvicorn", "vl_convert")


def require_extra() -> None:
    """Makes sure that the packages of the extra are installed.

    Raises:
        ConfigurationError: with the command that installs them.
    """
    if any(importlib.util.find_spec(module) is None for module in _MODULES):
        raise ConfigurationError(
            "The packages that draw charts are not installed. Install them with\n\n"
            f"    {how_to_install(*of_extra('dashboard'))}\n"
        )


def marts_of(options: argparse.Namespace) -> "Marts":
    """Returns the marts of the warehouse that the options and dlt's configuration name.

    Raises:
        ConfigurationError: if there is no such warehouse.
    """
    from salesnav_source.marts.dashboard.marts import Marts

    build = ["salesnav", "transform"]
    if options.destination != "duckdb":
        build.append(options.destination)
    if options.sandbox:
        build.append("--sandbox")
    if options.database:
        build += ["--database", options.database]
    marts = Marts(_destination(options), options.schema, dataset_of(options), " ".join(build))
    if options.dataset and not marts.has_source():
        raise ConfigurationError(
            f"There are no loaded tables in {options.dataset}. Name the dataset that `salesnav load` writes, or leave out"
            " --dataset."
        )
    return marts


def _destination(options: argparse.Namespace) -> Any:
    if options.destination != "duckdb":
        return destinations.make(options)
    path = database_of(options)
    if not path.is_file():
        load = "salesnav load duckdb --sandbox" if options.sandbox else "salesnav load duckdb"
        raise ConfigurationError(
            f"There is no DuckDB file {path}. Load into it first (`{load}`), or name one with --database."
        )
    # for reading only, so that several can look at once
    return dlt.destinations.duckdb(credentials={"database": str(path.absolute()), "read_only": True})
