"""The command `salesnav`: loading, and what goes with it. Each command has a file of its own here.

The options are declared apart from what they do, and a command's own file is imported when it is called, so that `--help`
and `--version` answer at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from salesnav_source.cli.terminal import COMPLETE, DEFAULT_PIPELINE, NOT_TRIED, STOPPED, say


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        argv: the options; those of the process if None.
    """
    options = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = import_module(f"{__name__}.{options.command}").run
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.common.exceptions import MissingDependencyException

    from salesnav_source.exceptions import SalesnavError

    try:
        return run(options)
    except (KeyboardInterrupt, EOFError):
        say("Stopped.")
        return STOPPED
    except SalesnavError as error:
        say(str(error))
        return NOT_TRIED
    except (ConfigurationException, MissingDependencyException) as error:
        say(f"The configuration is incomplete: {error}")
        return NOT_TRIED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="salesnav",
        description="What goes with loading LinkedIn Sales Navigator exports. Settings come from .dlt/*.toml and the"
        " environment.",
        epilog="Exit codes: 0 done, or in order; 2 not done, or not in order; 130 stopped by Ctrl-C.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    contracts = commands.add_parser("contracts", help="list the contracts, or choose which to export")
    contracts.add_argument(
        "--choose",
        action="store_true",
        help="choose on the terminal, and write the choice to .dlt/config.toml; without a terminal, print what to put"
        " there and exit with 2",
    )
    contracts.set_defaults(command="contracts")

    check = commands.add_parser("check", help="say whether configuration, token, access and addresses are in order")
    check.set_defaults(command="check")

    status = commands.add_parser("status", help="show which days are covered, open or failed, and what is in flight")
    status.add_argument("--pipeline", default=DEFAULT_PIPELINE, metavar="NAME", help=f"default {DEFAULT_PIPELINE}")
    status.add_argument(
        "--pipelines-dir", metavar="DIR", help="where pipelines keep their state; default dlt's own place"
    )
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(command="status")

    inspect = commands.add_parser(
        "inspect", help="hold a file against the declared schema, and show what its values look like, not the values"
    )
    inspect.add_argument("file", metavar="FILE", help="a file that LinkedIn has exported, plain or compressed by gzip")
    inspect.add_argument(
        "--export",
        choices=("activities", "activity_outcomes", "seats"),
        help="what it is an export of; default the one whose columns it has most of",
    )
    inspect.set_defaults(command="inspect")

    _add_sandbox(commands)
    return parser


def _add_sandbox(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from salesnav_source.sandbox import FAULTS, describe

    width = max(map(len, FAULTS))
    sandbox = commands.add_parser(
        "sandbox",
        help="serve a stand-in for LinkedIn's API, with invented data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serves a stand-in for LinkedIn's API on loopback until Ctrl-C, and tells how to use it.",
        epilog="faults:\n" + "\n".join(f"  {name:<{width}}  {describe(name)}" for name in FAULTS),
    )
    sandbox.add_argument("--port", type=int, default=0, metavar="N", help="default any free one")
    sandbox.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed invents the same data; default 1"
    )
    sandbox.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[:TIMES]",
        help="what goes wrong, and how many times, or 'always' (may be repeated)",
    )
    sandbox.add_argument(
        "--job-seconds",
        type=float,
        nargs=2,
        default=(1.0, 3.0),
        metavar=("MIN", "MAX"),
        help="how long a job takes; default 1 to 3",
    )
    sandbox.set_defaults(command="sandbox")


def _fault(text: str) -> object:
    from salesnav_source.sandbox import parse_fault

    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


__all__ = ["COMPLETE", "main"]

if __name__ == "__main__":
    sys.exit(main())
