"""`python -m salesnav_source`: the command `salesnav`."""

import sys

from salesnav_source.cli import main

if __name__ == "__main__":
    sys.exit(main())
