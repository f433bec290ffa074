"""Loads LinkedIn Sales Navigator exports into a DuckDB file; `--help` tells the options."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import dlt

from salesnav_source.cli.load import main
from salesnav_source.cli.terminal import DATASET, SANDBOX_PIPELINE
from salesnav_source.exceptions import ConfigurationError

PIPELINE = "salesnav_to_duckdb"
MEMORY_LIMIT = "300MB"


def database(options: Namespace) -> Any:
    """Returns the DuckDB file to load into.

    Raises:
        ConfigurationError: if the file has the dataset's name, which DuckDB cannot tell apart.
    """
    name = SANDBOX_PIPELINE if options.sandbox else PIPELINE
    path = Path(options.database or f"{name}.duckdb")
    if path.stem.lower() == DATASET:
        raise ConfigurationError(f"--database {path}: the file must not be called {DATASET}, as the dataset is.")
    # unless configured, DuckDB would take most of the machine's memory for a large load, and be no faster
    limits = dlt.config.get("destination.duckdb.credentials.global_config", dict) or {"memory_limit": MEMORY_LIMIT}
    return dlt.destinations.duckdb(credentials={"database": str(path.absolute()), "global_config": limits})


if __name__ == "__main__":
    sys.exit(main(PIPELINE, database))
