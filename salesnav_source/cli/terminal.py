"""How the commands print."""

import io
import os
import shutil
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from salesnav_source.settings.redaction import printable

SANDBOX_POLL_INTERVAL = 0.5


class OutputError(Exception):
    """Standard output cannot be written, e.g. because the disk below it is full."""


class _Messages(io.FileIO):
    """Standard error: what cannot be written there is dropped, because messages that nobody can get must not end a run."""

    def write(self, text: Any) -> int:
        """Writes what can be written, and returns as many bytes as need not be written again."""
        try:
            return super().write(text)
        except OSError:
            return memoryview(text).nbytes


def one_line(text: str) -> str:
    """Returns a text on one line, without characters that cannot be printed."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def say(message: str) -> None:
    """Prints a message for the person to stderr, apart from the output of the command."""
    print(printable(message), file=sys.stderr)


def show(text: str) -> None:
    """Prints the output of a command, without secrets and control characters."""
    put(printable(text))


def put(text: str, end: str = "\n") -> None:
    """Prints to standard output as it is, at once.

    Raises:
        BrokenPipeError: if its reader has closed it.
        OutputError: if it cannot be written for another reason.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"The output could not be written: {error.strerror or error}. What was done by then stays. Make room where the"
            " output goes, or send it elsewhere, and run this again."
        ) from None


def print_any_letter() -> None:
    """Lets the output replace letters that it cannot show, which would end the command, and secrets in stack traces.

    An output that was closed before the command began takes everything and shows nothing.
    """
    own = sys.__stderr__
    if own is not None and sys.stderr is own:
        kept = io.BufferedWriter(_Messages(own.fileno(), "w", closefd=False))
        sys.stderr = io.TextIOWrapper(kept, own.encoding, line_buffering=True)
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.excepthook = _say_bug
    threading.excepthook = lambda bug: _say_bug(bug.exc_type, bug.exc_value, bug.exc_traceback)


def stop_output() -> None:
    """Prints nothing more to an output that is full or was closed, e.g. by `head`; nor does Python when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_bug(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):
        say("".join(traceback.format_exception(kind, error, trace)).rstrip())


def width() -> int | None:
    """Returns how many columns the terminal has; None if the output is not a terminal, and lines may be long."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
