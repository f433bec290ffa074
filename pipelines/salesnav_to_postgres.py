"""Loads LinkedIn Sales Navigator exports into PostgreSQL: `salesnav load postgres` as a script; `--help` tells the options."""

import sys

from salesnav_source.cli import main

if __name__ == "__main__":
    sys.exit(main(["load", "postgres", *sys.argv[1:]]))
