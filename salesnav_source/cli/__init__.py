"""The command `salesnav`. Each of its commands has a file here, with its options.

The file of a command is imported only when the command is called, so that `--help` and `--version` answer at once.
"""

import argparse
import atexit
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType, ModuleType
from typing import NoReturn

from salesnav_source.cli.grammar import Parser, add_version, exit_codes
from salesnav_source.cli.terminal import OutputError, print_any_letter, say, stop_output
from salesnav_source.run.exit_codes import INCOMPLETE, PIPE_CLOSED, STOPPED

COMMANDS = {
    "load": "load what is missing into a warehouse",
    "import": "load export files that were obtained earlier, or a list of people and teams; takes no token",
    "init": "write configuration, an example of secrets and a script into a folder",
    "login": "sign in to LinkedIn in a browser, and keep the token",
    "contracts": "list the contracts, or choose which to export",
    "shards": "divide the contracts among several pipelines",
    "move": "move contracts from one pipeline to another, with what is loaded",
    "check": "check configuration, token, access and addresses",
    "status": "show which days are covered, open or failed, and what is in flight",
    "erase": "remove a seat holder's rows from all tables, and keep the seat out of later loads",
    "compact": "write the DuckDB file anew, without the room that replaced rows have left",
    "transform": "build the models of the dbt package on the loaded tables",
    "dashboard": "show the models in a browser",
    "report": "write the models' pages as one HTML file, or as pictures or CSV",
    "inspect": "compare a file with the declared schema, and show what its values look like, not the values",
    "sandbox": "serve a stand-in for LinkedIn's API, with invented data",
}
"""The commands, each in the module of its name, with their line in `--help`."""

_MODULES = {"import": "importing"}
"""Modules of commands whose name is a word of Python."""


def _module(command: str) -> ModuleType:
    return import_module(f"{__name__}.{_MODULES.get(command, command)}")


def command_parser(*called: str) -> argparse.ArgumentParser:
    """Returns the parser of the command `salesnav`.

    Args:
        called: the commands whose options are declared.
    """
    parser = Parser(
        prog="salesnav",
        description="Loads LinkedIn Sales Navigator exports into a warehouse, and shows what was loaded. Settings come from"
        " .dlt/*.toml in the current folder and from the environment.",
        epilog=exit_codes(
            _0="done, or everything is right",
            _2="not done, or something is wrong",
            _3="incomplete",
            _130="stopped by Ctrl-C",
        ),
    )
    add_version(parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, meaning in COMMANDS.items():
        own = commands.add_parser(name, help=meaning)
        own.set_defaults(command=name)
        if name in called:
            _module(name).add_options(own)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        argv: the options; those of the process if None.
    """
    _heed_sigterm()
    print_any_letter()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        parser = command_parser(*words[:1])
        options, left = parser.parse_known_args(words)
        if left:
            parser.error(f"unrecognized arguments: {' '.join(left)} (`--help` in their place lists the options)")
        from salesnav_source.settings.files import private_files

        module = _module(options.command)
        run: Callable[[argparse.Namespace], int] = module.run
        # most commands need dlt; to import it takes a second
        if not hasattr(module, "uses_dlt") or module.uses_dlt(options):
            from salesnav_source.run.errors import keep_to_ourselves

            keep_to_ourselves()
        try:
            # dbt and DuckDB write rows into files of their own, which are the owner's alone as well
            with private_files():
                return run(options)
        except (BrokenPipeError, OutputError):
            raise
        except Exception as error:
            from salesnav_source.run.errors import explain

            said, code = explain(error)
            say(said)
            return code
    except (KeyboardInterrupt, EOFError):
        say("Stopped.")
        return STOPPED
    except BrokenPipeError:
        stop_output()
        return PIPE_CLOSED
    except OutputError as error:
        stop_output()
        say(str(error))
        return INCOMPLETE
    finally:
        # the last registered function is called first
        atexit.unregister(_end_undisturbed)
        atexit.register(_end_undisturbed)


def _heed_sigterm() -> None:
    """Lets SIGTERM end the command from its first moment, because imports take a second or two.

    The first process of a container would ignore SIGTERM until then. A caller's own handler stays.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)


def _end_undisturbed() -> None:
    """Ignores signals while the process ends, so that they change no exit code and leave no stack trace."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    say("Stopped.")
    raise SystemExit(128 + number)


__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
