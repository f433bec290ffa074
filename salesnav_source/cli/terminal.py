"""What the commands share: exit codes, names, and how to talk to a terminal."""

import shutil
import sys

COMPLETE = 0
BROKEN = 1
NOT_TRIED = 2
INCOMPLETE = 3
STOPPED = 130
PIPE_CLOSED = 141

SANDBOX_POLL_INTERVAL = 0.5


def one_line(text: str) -> str:
    """Returns a text on one line, without characters that cannot be printed."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def say(message: str) -> None:
    """Tells the person, apart from what the command prints for others."""
    print(message, file=sys.stderr)


def width() -> int | None:
    """Returns how many columns the terminal has; None where the output goes elsewhere, and lines may be long."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
