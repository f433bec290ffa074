"""Loads LinkedIn Sales Navigator exports into BigQuery: `salesnav load bigquery` as a script; `--help` tells the options."""

import sys

from salesnav_source.cli import main

if __name__ == "__main__":
    sys.exit(main(["load", "bigquery", *sys.argv[1:]]))
