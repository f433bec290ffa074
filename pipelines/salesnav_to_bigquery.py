"""Loads LinkedIn Sales Navigator exports into BigQuery; `--help` tells the options, docs/warehouses.md the set-up."""

import sys

from salesnav_source.cli.load import main
from salesnav_source.destinations import bigquery

PIPELINE = "salesnav_to_bigquery"

if __name__ == "__main__":
    sys.exit(main(PIPELINE, bigquery))
