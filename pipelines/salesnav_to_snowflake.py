"""Loads LinkedIn Sales Navigator exports into Snowflake; `--help` tells the options, docs/warehouses.md the set-up."""

import sys

from salesnav_source.cli.load import main
from salesnav_source.destinations import snowflake

PIPELINE = "salesnav_to_snowflake"

if __name__ == "__main__":
    sys.exit(main(PIPELINE, snowflake))
