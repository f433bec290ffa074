"""Loads LinkedIn Sales Navigator exports into BigQuery; `--help` tells the options, docs/warehouses.md the set-up."""

import sys

from salesnav_source.script import main
from salesnav_source.warehouses import bigquery

PIPELINE = "salesnav_to_bigquery"

if __name__ == "__main__":
    sys.exit(main(PIPELINE, bigquery))
