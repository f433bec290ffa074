"""Loads LinkedIn Sales Navigator exports into a DuckDB file: `salesnav load duckdb` as a script; `--help` tells the options."""

import sys

from salesnav_source.cli import main

if __name__ == "__main__":
    sys.exit(main(["load", "duckdb", *sys.argv[1:]]))
