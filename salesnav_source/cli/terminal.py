"""How the commands print."""

import io
import os
import shutil
import sys
import threading
import traceback
from types import TracebackType

from salesnav_source.settings.redaction import printable

SANDBOX_POLL_INTERVAL = 0.5


def one_line(text: str) -> str:
    """Returns a text on one line, without characters that cannot be printed."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def say(message: str) -> None:
    """Prints a message for the person to stderr, apart from the output of the command."""
    print(printable(message), file=sys.stderr)


def show(text: str) -> None:
    """Prints the output of a command, without secrets and control characters."""
    print(printable(text), flush=True)


def print_any_letter() -> None:
    """Lets the output replace letters that it cannot show, which would end the command, and secrets in stack traces.

    An output that was closed before the command began takes everything and shows nothing.
    """
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.excepthook = _say_bug
    threading.excepthook = lambda bug: _say_bug(bug.exc_type, bug.exc_value, bug.exc_traceback)


def stop_output() -> None:
    """Prints nothing more to an output that its reader, e.g. `head`, has closed; nor does Python when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_bug(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):
        say("".join(traceback.format_exception(kind, error, trace)).rstrip())


def width() -> int | None:
    """Returns how many columns the terminal has; None if the output is not a terminal, and lines may be long."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
