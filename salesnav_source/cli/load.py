"""Loading from a terminal or a scheduler: options, credentials, messages and exit codes."""

import argparse
import contextlib
import ctypes
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any, NoReturn

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException, SignalReceivedException
from dlt.common.runtime.collector import LogCollector, TqdmCollector

from salesnav_source.cli.terminal import (
    COMPLETE,
    DATASET,
    INCOMPLETE,
    NOT_TRIED,
    SANDBOX_PIPELINE,
    SANDBOX_POLL_INTERVAL,
    say,
)
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ConfigurationError,
    DestinationError,
    PipelineBusyError,
    SalesnavError,
)
from salesnav_source.loading import plan, sync
from salesnav_source.planning import Refresh
from salesnav_source.report import render, render_plan
from salesnav_source.schema import EXPORTS
from salesnav_source.settings import SECTION, resolve_settings

_M_ARENA_MAX, _ARENAS = -8, 2
"""glibc's name of the setting in `mallopt`, and how many arenas there are to be."""


_STOPS = (signal.SIGTERM, signal.SIGINT)


class _WithoutTraces(logging.Filter):
    """Takes the stack traces off what dlt logs, e.g. of a load that the destination refused, unless DEBUG asks for them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass."""
        if not logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
            said = record.getMessage()
            if "Traceback (most recent" in said:
                record.msg, record.args = said.partition("Traceback (most recent")[0].rstrip(), ()
            record.exc_info = record.exc_text = None
        return True


class _Stopped(KeyboardInterrupt):
    """A signal that ends the run has come.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main(
    pipeline_name: str, destination: Callable[[argparse.Namespace], Any], argv: Sequence[str] | None = None
) -> int:
    """Runs a pipeline script and returns its exit code.

    Args:
        pipeline_name: name of the pipeline; the sandbox has one of its own.
        destination: gives the destination for the options; raises ConfigurationError if they do not fit it.
        argv: the options; those of the process if None.
    """
    options = _parser(pipeline_name).parse_args(argv)
    share_memory()
    logging.getLogger("dlt").addFilter(_WithoutTraces())
    try:
        with _stoppable():
            return _run(pipeline_name, destination, options)
    except (KeyboardInterrupt, SignalReceivedException) as stop:
        number = getattr(stop, "signal_code", getattr(stop, "number", signal.SIGINT))
        say("Stopped. Jobs in flight are kept; a new run goes on from them.")
        return 128 + int(number)
    except DestinationError as error:
        say(str(error))
        return NOT_TRIED if error.in_vain else INCOMPLETE
    except (ConfigurationError, PipelineBusyError, AccessTokenError, AccessDeniedError) as error:
        say(str(error))
        return NOT_TRIED
    except SalesnavError as error:
        say(f"{error}\nNothing was lost: a new run asks again.")
        return INCOMPLETE
    except (ConfigurationException, MissingDependencyException) as error:
        say(f"The configuration is incomplete: {error}")
        return NOT_TRIED


def _run(pipeline_name: str, destination: Callable[[argparse.Namespace], Any], options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        explicit = {
            name: value
            for name, value in (
                ("contracts", options.contract),
                ("start_date", options.start_date),
                ("end_date", options.end_date),
            )
            if value is not None
        }
        if options.sandbox:
            explicit.update(stack.enter_context(_sandbox()))
        settings = resolve_settings(explicit)
        if options.sandbox:
            # the contracts configured are real ones
            settings = replace(settings, contracts=tuple(options.contract or ()))
        warehouse, dataset = destination(options), DATASET
        if options.sandbox:
            pipeline_name, dataset = _apart(warehouse)
        pipeline = dlt.pipeline(pipeline_name, destination=warehouse, dataset_name=dataset, progress=_progress())
        exports = tuple(dict.fromkeys(options.export or EXPORTS))
        refresh: Refresh | bool = False
        if options.full_refresh:
            named = (options.start_date and settings.start_date, options.end_date and settings.end_date)
            refresh = Refresh(named[0] or None, named[1] or None)
        if options.plan:
            print(render_plan(plan(pipeline, settings, exports, refresh), listed=not settings.contracts))
            return COMPLETE
        report = sync(pipeline, settings, exports, refresh)
        print(render(report))
        return INCOMPLETE if report.failed else COMPLETE


def share_memory() -> None:
    """Has the threads of this process allocate from a few arenas, where glibc has one for each, which never give back much.

    In a long backfill the peak of memory grows by 6 to 13 % that way, and by 13 to 22 % otherwise (measured).
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def _apart(warehouse: Any) -> tuple[str, str]:
    """Returns the names of pipeline and dataset that keep invented rows and their state apart from real ones."""
    if warehouse.destination_name == "duckdb":
        # the file is one of its own, and must not have the dataset's name
        return SANDBOX_PIPELINE, DATASET
    return f"{SANDBOX_PIPELINE}_{warehouse.destination_name}", SANDBOX_PIPELINE


@contextlib.contextmanager
def _sandbox() -> Iterator[dict[str, Any]]:
    """Serves the stand-in, and gives the settings with which it is asked; the user's own credentials stay out."""
    from salesnav_source.sandbox import Sandbox

    with Sandbox() as sandbox:
        print(f"The sandbox stands in for LinkedIn at {sandbox.base_url}: all data are invented.", flush=True)
        yield {
            "base_url": sandbox.base_url,
            "credentials": {
                "access_token": sandbox.access_token,
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "refresh_token": sandbox.refresh_token,
                "token_url": sandbox.token_url,
            },
            **({} if dlt.config.get(f"sources.{SECTION}.poll_interval") else {"poll_interval": SANDBOX_POLL_INTERVAL}),
        }


def _progress() -> Any:
    """Returns bars for a terminal and lines for a log, unless the user has chosen."""
    chosen = dlt.config.get("progress", str)
    if chosen:
        return chosen
    if sys.stderr.isatty():
        return TqdmCollector()
    return LogCollector(log_period=10.0, logger=sys.stderr, dump_system_stats=False)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Lets SIGTERM and SIGINT end the run at once, wherever it is.

    Raises:
        _Stopped: when a signal has come, also where something in between has swallowed the exception.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        received.append(number)
        raise _Stopped(number)

    before = {number: signal.signal(number, stop) for number in _STOPS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
        if received:
            raise _Stopped(received[-1])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser(pipeline_name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Loads LinkedIn Sales Navigator exports, incrementally. Settings come from .dlt/*.toml and the"
        " environment; options go first.",
        epilog="Exit codes: 0 complete, or only waiting for LinkedIn's data; 2 nothing was tried (configuration, token or"
        " access refused); 3 incomplete, a new run takes up what is missing; 130, 143 stopped by SIGINT, SIGTERM.",
    )
    parser.add_argument("--sandbox", action="store_true", help="load invented data from a stand-in for LinkedIn's API")
    parser.add_argument("--contract", action="append", metavar="URN", help="a contract to export (may be repeated)")
    parser.add_argument(
        "--export", action="append", choices=list(EXPORTS), metavar="NAME", help=f"one of {', '.join(EXPORTS)}"
    )
    parser.add_argument("--start-date", metavar="DAY", help="first day wanted, YYYY-MM-DD, UTC; default 90 days back")
    parser.add_argument("--end-date", metavar="DAY", help="last day wanted, YYYY-MM-DD, UTC; default yesterday")
    parser.add_argument("--database", metavar="PATH", help=f"where to load; default {pipeline_name}.duckdb for DuckDB")
    parser.add_argument("--plan", action="store_true", help="print what would be asked for, and create no job")
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="ask again for what is named (exports, contracts, days), or for all that is wanted or loaded, and replace each"
        " day when it has come",
    )
    return parser
