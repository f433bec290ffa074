"""The command `salesnav`: loading, and what goes with it. Each command has a file of its own here.

The options are declared apart from what they do, and a command's own file is imported when it is called, so that `--help`
and `--version` answer at once.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from salesnav_source.cli.options import command_parser
from salesnav_source.cli.terminal import PIPE_CLOSED, STOPPED, say


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        argv: the options; those of the process if None.
    """
    options = command_parser().parse_args(argv)
    try:
        from salesnav_source.cli.errors import explain, keep_to_ourselves

        keep_to_ourselves()
        run: Callable[[argparse.Namespace], int] = import_module(f"{__name__}.{options.command}").run
        try:
            return run(options)
        except BrokenPipeError:
            raise
        except Exception as error:
            said, code = explain(error)
            say(said)
            return code
    except (KeyboardInterrupt, EOFError):
        say("Stopped.")
        return STOPPED
    except BrokenPipeError:
        # who reads what is printed has seen enough, e.g. `head`; nothing may be printed when Python ends either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
