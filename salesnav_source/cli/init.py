"""`salesnav init`: writes the files of a new project into a folder, and overwrites nothing."""

import argparse
from pathlib import Path
from shlex import quote

from salesnav_source.cli.terminal import show
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.exit_codes import COMPLETE
from salesnav_source.warehouse.destinations import DESTINATIONS

STARTER = Path(__file__).parent / "starter"
"""The files to write, in this package."""

SCRIPT = '''"""Loads LinkedIn Sales Navigator exports into {name}; `--help` tells the options."""

import sys

from salesnav_source.cli import main

if __name__ == "__main__":
    sys.exit(main(["load", "{name}", *sys.argv[1:]]))
'''


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Writes .dlt/config.toml, .dlt/secrets.toml.example, a script and lines of .gitignore into a folder."
        " Existing files stay as they are."
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="default the current one")
    parser.add_argument(
        "--destination",
        choices=list(DESTINATIONS),
        default="duckdb",
        metavar="NAME",
        help=f"where the script loads: one of {', '.join(DESTINATIONS)}; default %(default)s",
    )


def run(options: argparse.Namespace) -> int:
    """Writes the files that do not exist yet, and says what to do next."""
    folder = Path(options.folder)
    script = f"salesnav_to_{options.destination}.py"
    files = {
        ".dlt/config.toml": (STARTER / "config.toml").read_text(encoding="utf-8"),
        ".dlt/secrets.toml.example": (STARTER / "secrets.toml.example").read_text(encoding="utf-8"),
        script: SCRIPT.format(name=options.destination),
    }
    try:
        for name, text in files.items():
            _write_new(folder / name, text)
        _add_lines(folder / ".gitignore", (STARTER / "gitignore").read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}. Name another folder."
        ) from None
    show(
        "\nNext:\n"
        f"  cp {quote(str(folder / '.dlt/secrets.toml.example'))} {quote(str(folder / '.dlt/secrets.toml'))}"
        "   # put client_id and client_secret there\n"
        + (f"  cd {quote(str(folder))}\n" if options.folder != "." else "")
        + "  salesnav login                    # or put a token that you have into that file\n"
        "  salesnav check\n"
        f"  salesnav load {options.destination}              # add --sandbox to try without an account"
    )
    return COMPLETE


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        show(f"is there   {path}")
    else:
        show(f"written    {path}")


def _add_lines(path: Path, text: str) -> None:
    """Adds the lines that are missing in a file."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    present = set(before.splitlines())
    missing = [line for line in text.splitlines() if line not in present]
    if not missing:
        show(f"is there   {path}")
        return
    gap = "" if not before or before.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(gap + "".join(f"{line}\n" for line in missing))
    show(f"{'added to' if before else 'written'}   {' ' if not before else ''}{path}")
