"""Loads LinkedIn Sales Navigator exports into Snowflake: `salesnav load snowflake` as a script; `--help` tells the options."""

import sys

from salesnav_source.cli import main

if __name__ == "__main__":
    sys.exit(main(["load", "snowflake", *sys.argv[1:]]))
