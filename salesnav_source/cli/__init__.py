"""The command `salesnav`: loading, and what goes with it. Each command has a file of its own here.

The options are declared apart from what they do, and a command's own file is imported when it is called, so that `--help`
and `--version` answer at once.
"""

import argparse
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from salesnav_source.cli.options import command_parser
from salesnav_source.cli.terminal import PIPE_CLOSED, STOPPED, say


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        argv: the options; those of the process if None.
    """
    _heed_sigterm()
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
    finally:
        # the last one that is registered is called first
        atexit.unregister(_end_undisturbed)
        atexit.register(_end_undisturbed)


def _heed_sigterm() -> None:
    """Lets SIGTERM end the command from its first moment, as what it imports takes a second or two.

    As the first process of a container it would be ignored until then. A caller's own handler stays.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)


def _end_undisturbed() -> None:
    """Lets no signal change what the command has come to, or leave a stack trace, while the process ends."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    say("Stopped.")
    raise SystemExit(128 + number)


__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
