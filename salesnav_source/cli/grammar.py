"""The options that commands share, each declared once. Nothing heavy is imported, so that `--help` answers at once."""

import argparse
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from salesnav_source.cli.terminal import put
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.names import DATASET, DEFAULT_PIPELINE, MARTS, RELEASE, SANDBOX_PIPELINE
from salesnav_source.warehouse.destinations import DESTINATIONS, OTHER_NAMES


class Parser(argparse.ArgumentParser):
    """A parser that suggests the right spelling of an option or command."""

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse's own says nothing of an output that cannot be written
        if file is sys.stdout:
            put(message, end="")
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Ends the process with what is wrong, and a suggestion."""
        close = _close_to(message, self)
        super().error(f"{message}. Did you mean {close}?" if close else message)

    def spellings(self) -> list[str]:
        """Returns all options and commands, including those of the command that is called."""
        found = [option for action in self._actions for option in action.option_strings]
        for action in self._actions:
            found += [str(choice) for choice in action.choices or ()]
            if isinstance(action.choices, dict):
                found += [one for parser in action.choices.values() for one in parser.spellings()]
        return found


def _close_to(message: str, parser: Parser) -> str | None:
    if "invalid choice" not in message and "unrecognized" not in message:
        return None
    wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)", message)
    if wrong is None:
        return None
    word = (wrong[1] or wrong[2]).partition("=")[0]
    if word.lower() in OTHER_NAMES:
        return OTHER_NAMES[word.lower()]
    alike = [one for one in parser.spellings() if one.startswith("-") == word.startswith("-")]
    return next(iter(get_close_matches(word, alike, 1, 0.6)), None)


def add_version(parser: argparse.ArgumentParser) -> None:
    """Adds `--version`."""
    parser.add_argument("--version", action="version", version=f"salesnav-source {RELEASE}")


def add_sandbox(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Adds `--sandbox`, which every command with a pipeline has."""
    parser.add_argument("--sandbox", action="store_true", help=meaning)


def add_contract(
    parser: argparse.ArgumentParser, meaning: str, required: bool = False, is_single: bool = False
) -> None:
    """Adds `--contract`, by URN, number or name; the command refuses a second one where `is_single`."""
    parser.add_argument(
        "--contract",
        action="append",
        required=required,
        metavar="CONTRACT",
        help=f"{meaning}, by URN, number or name" + ("" if is_single else " (may be repeated)"),
    )


def add_export(parser: argparse.ArgumentParser) -> None:
    """Adds `--export`."""
    parser.add_argument(
        "--export",
        action="append",
        choices=tuple(EXPORTS),
        metavar="NAME",
        help=f"one of {', '.join(EXPORTS)} (may be repeated)",
    )


def add_days(parser: argparse.ArgumentParser, first: str, last: str) -> None:
    """Adds `--start-date` and `--end-date`."""
    parser.add_argument("--start-date", metavar="DAY", help=f"{first}, YYYY-MM-DD, UTC")
    parser.add_argument("--end-date", metavar="DAY", help=f"{last}, YYYY-MM-DD, UTC")


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Adds the destination as an optional word, and `--database`."""
    parser.add_argument(
        "destination", nargs="?", default="duckdb", choices=list(DESTINATIONS), help="default %(default)s"
    )
    add_database(parser)


def add_database(parser: argparse.ArgumentParser) -> None:
    """Adds `--database`."""
    parser.add_argument("--database", metavar="NAME", help="the DuckDB file, database or project; as in loading")


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Adds `--dataset`."""
    parser.add_argument("--dataset", metavar="NAME", help="where the tables are; default as in loading")


def add_where_marts_are(parser: argparse.ArgumentParser, verb: str = "look at") -> None:
    """Adds the options that say where the marts are."""
    add_destination(parser)
    add_sandbox(parser, f"{verb} what was loaded with --sandbox")
    add_dataset(parser)
    parser.add_argument("--schema", default=MARTS, metavar="NAME", help="where the models are; default %(default)s")


def database_of(options: argparse.Namespace) -> Path:
    """Returns the DuckDB file below the marts."""
    return Path(options.database or f"{SANDBOX_PIPELINE if options.sandbox else DEFAULT_PIPELINE}.duckdb")


def dataset_of(options: argparse.Namespace) -> str:
    """Returns the dataset with the tables below the marts."""
    sandbox_dataset = SANDBOX_PIPELINE if options.sandbox and options.destination != "duckdb" else DATASET
    return str(options.dataset or sandbox_dataset)


def add_pipeline(
    parser: argparse.ArgumentParser, meaning: str = "the pipeline that loads; default as in loading"
) -> None:
    """Adds `--pipeline` and `--pipelines-dir`."""
    parser.add_argument("--pipeline", metavar="NAME", help=meaning)
    parser.add_argument(
        "--pipelines-dir", metavar="DIR", help="where pipelines keep their state; default dlt's own place"
    )


def exit_codes(**codes: str) -> str:
    """Returns the line of `--help` that says what each exit code means, e.g. `_0="done"` or `_130_143="stopped"`."""
    named = ((code.strip("_").replace("_", ", "), meaning) for code, meaning in codes.items())
    return "exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in named)
