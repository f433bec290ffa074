"""Loading from a terminal or a scheduler: options, credentials, messages and exit codes."""

import argparse
import contextlib
import ctypes
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import dlt
from dlt.common.exceptions import SignalReceivedException

from salesnav_source import destinations
from salesnav_source.cli.display import chosen_display
from salesnav_source.cli.errors import explain, keep_to_ourselves
from salesnav_source.cli.options import script_parser
from salesnav_source.cli.record import RunRecord, check_writable
from salesnav_source.cli.terminal import BROKEN, COMPLETE, INCOMPLETE, NOT_TRIED, SANDBOX_POLL_INTERVAL, say, width
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.files import private_files
from salesnav_source.loading import CHECKPOINT, plan, sync
from salesnav_source.misspelt import misspelt_settings
from salesnav_source.names import DATASET, SANDBOX_PIPELINE
from salesnav_source.planning import Refresh
from salesnav_source.report import render, render_plan
from salesnav_source.schema import EXPORTS
from salesnav_source.session import Session
from salesnav_source.settings import SECTION, resolve_settings
from salesnav_source.warehouse import database_file

_M_ARENA_MAX, _ARENAS = -8, 2
"""glibc's name of the setting in `mallopt`, and how many arenas there are to be."""

_REMEMBERED = "duckdb_database"
"""dlt's name in a pipeline's local state for the DuckDB file that it reads."""

_STOPS = (signal.SIGTERM, signal.SIGINT)


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
    """Runs a script that loads into a destination of its own, and returns its exit code.

    Args:
        pipeline_name: name of the pipeline; the sandbox has one of its own.
        destination: gives the destination for the options; raises ConfigurationError if they do not fit it.
        argv: the options; those of the process if None.
    """
    options = script_parser(pipeline_name).parse_args(argv)
    keep_to_ourselves()
    return _load(destination, options)


def run(options: argparse.Namespace) -> int:
    """Loads into one of the destinations that the command knows."""
    return _load(getattr(destinations, options.destination), options)


def _load(destination: Callable[[argparse.Namespace], Any], options: argparse.Namespace) -> int:
    share_memory()
    record = RunRecord(options.pipeline)
    said: str | None = None
    try:
        if options.report_json:
            check_writable(Path(options.report_json))
    except ConfigurationError as error:
        say(str(error))
        return NOT_TRIED
    try:
        with _stoppable(), private_files():
            code = _run(destination, options, record)
    except (KeyboardInterrupt, SignalReceivedException) as stop:
        number = getattr(stop, "signal_code", getattr(stop, "number", signal.SIGINT))
        code, said = 128 + int(number), "Stopped. Jobs in flight are kept; a new run goes on from them."
    except Exception as error:
        try:
            said, code = explain(error, while_loading=record.loads)
        except Exception:
            _write(
                record,
                options,
                BROKEN,
                f"A bug broke the run off ({type(error).__name__}); its stack trace was printed.",
            )
            raise
    if said is not None:
        say(said)
    return _write(record, options, code, said)


def _write(record: RunRecord, options: argparse.Namespace, code: int, said: str | None) -> int:
    """Writes the report for machines where one is asked for; returns the exit code."""
    if options.report_json:
        try:
            record.write(Path(options.report_json), code, said)
        except OSError as error:
            say(f"The report could not be written to {options.report_json}: {error.strerror or error}.")
            return code or NOT_TRIED
    return code


def _run(destination: Callable[[argparse.Namespace], Any], options: argparse.Namespace, record: RunRecord) -> int:
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
            explicit.update(stack.enter_context(_sandbox(options.quiet)))
        settings = resolve_settings(explicit)
        if options.sandbox:
            # the contracts configured are real ones
            settings = replace(settings, contracts=tuple(options.contract or ()))
        settings.require_days(datetime.now(timezone.utc).date())
        for note in misspelt_settings():
            say(note)
        warehouse, name, dataset = destination(options), options.pipeline, DATASET
        if options.sandbox:
            name, dataset = apart(warehouse)
        display = chosen_display(options.quiet)
        stack.enter_context(display.shown())
        pipeline = dlt.pipeline(name, destination=warehouse, dataset_name=dataset, progress=display.collector)
        if options.command is None and _forget_file(pipeline):
            # a script's own destination may name its file by a relative path
            warehouse = destination(options)
            pipeline = dlt.pipeline(name, destination=warehouse, dataset_name=dataset, progress=display.collector)
        record.into(pipeline)
        exports = tuple(dict.fromkeys(options.export or EXPORTS))
        refresh: Refresh | bool = False
        if options.full_refresh:
            named = (options.start_date and settings.start_date, options.end_date and settings.end_date)
            refresh = Refresh(named[0] or None, named[1] or None)
        if options.plan:
            planned = plan(pipeline, settings, exports, refresh)
            record.planned = planned
            if not options.quiet:
                print(render_plan(planned, width()))
            return COMPLETE
        record.session = Session(settings, limits=CHECKPOINT)
        display.watch(record.session)
        record.loads = True
        try:
            report = sync(pipeline, settings, exports, refresh, session=record.session)
        finally:
            remember_file(pipeline)
        record.report = report
        display.close()
        code = INCOMPLETE if report.failed else COMPLETE
        if not (options.quiet and code == COMPLETE):
            print(render(report, width()))
        return code


def remember_file(pipeline: dlt.Pipeline) -> None:
    """Has `dlt.attach` and `dlt pipeline` read the DuckDB file that was loaded, where it is not the one they would guess."""
    path = database_file(pipeline)
    if path is None or not (Path(pipeline.working_dir) / pipeline.STATE_FILE).exists():
        return
    guessed = Path(pipeline.get_local_state_val("initial_cwd")) / f"{pipeline.pipeline_name}.duckdb"
    with contextlib.suppress(OSError):
        pipeline.set_local_state_val(_REMEMBERED, None if path == guessed else str(path))


def _forget_file(pipeline: dlt.Pipeline) -> bool:
    """Forgets the file that was loaded last, which dlt would take for any relative path; tells whether there was one."""
    with contextlib.suppress(KeyError):
        if pipeline.get_local_state_val(_REMEMBERED) is not None:
            pipeline.set_local_state_val(_REMEMBERED, None)
            return True
    return False


def share_memory() -> None:
    """Has the threads of this process allocate from a few arenas, where glibc has one for each, which never give back much.

    In a long backfill the peak of memory grows by 6 to 13 % that way, and by 13 to 22 % otherwise (measured).
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def apart(warehouse: Any) -> tuple[str, str]:
    """Returns the names of pipeline and dataset that keep invented rows and their state apart from real ones."""
    if warehouse.destination_name == "duckdb":
        # the file is one of its own, and must not have the dataset's name
        return SANDBOX_PIPELINE, DATASET
    return f"{SANDBOX_PIPELINE}_{warehouse.destination_name}", SANDBOX_PIPELINE


@contextlib.contextmanager
def _sandbox(quiet: bool) -> Iterator[dict[str, Any]]:
    """Serves the stand-in, and gives the settings with which it is asked; the user's own credentials stay out."""
    from salesnav_source.sandbox import Sandbox

    with Sandbox() as sandbox:
        if not quiet:
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
