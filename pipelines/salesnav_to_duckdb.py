"""Loads LinkedIn Sales Navigator exports into a DuckDB file; `--help` tells the options."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import dlt

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.script import DATASET, SANDBOX_PIPELINE, main

PIPELINE = "salesnav_to_duckdb"


def database(options: Namespace) -> Any:
    """Returns the DuckDB file to load into.

    Raises:
        ConfigurationError: if the file has the dataset's name, which DuckDB cannot tell apart.
    """
    name = SANDBOX_PIPELINE if options.sandbox else PIPELINE
    path = Path(options.database or f"{name}.duckdb")
    if path.stem.lower() == DATASET:
        raise ConfigurationError(f"--database {path}: the file must not be called {DATASET}, as the dataset is.")
    return dlt.destinations.duckdb(str(path.absolute()))


if __name__ == "__main__":
    sys.exit(main(PIPELINE, database))
