"""A load from a terminal or a scheduler: handles signals, prints, and returns the exit code."""

import argparse
import contextlib
import ctypes
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.exceptions import SignalReceivedException

from salesnav_source.cli.display import chosen_display
from salesnav_source.cli.terminal import OutputError, say, show, stop_output, width
from salesnav_source.cli.workplace import apart, forget_file, remember_file, settings_of
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.context import ExportRun
from salesnav_source.run.errors import explain, keep_to_ourselves
from salesnav_source.run.exit_codes import BROKEN, COMPLETE, INCOMPLETE, NOT_TRIED, PIPE_CLOSED
from salesnav_source.run.planning import Refresh
from salesnav_source.run.record import check_writable, write_record
from salesnav_source.run.result import RunReport
from salesnav_source.run.sync import plan, sync
from salesnav_source.run.text import render, render_plan
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.configuration import misspelt_settings
from salesnav_source.settings.files import private_files
from salesnav_source.settings.names import DATASET

_M_ARENA_MAX, _ARENAS = -8, 2
"""glibc's number of the setting in `mallopt`, and the number of arenas."""

_STOPS = (signal.SIGTERM, signal.SIGINT)


class _Stopped(KeyboardInterrupt):
    """A signal has come that ends the run.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


TWork = Callable[[RunReport, list[threading.Event]], int]
"""Does what a command is called for: fills the report, adds the events that a stop sets, and returns the exit code."""


def load(destination: Callable[[argparse.Namespace], Any], options: argparse.Namespace) -> int:
    """Loads as the options say, and returns the exit code.

    Args:
        destination: returns the destination for the options; raises ConfigurationError if they do not fit it.
        options: of `salesnav load` or of a script.
    """

    def work(report: RunReport, stop_events: list[threading.Event]) -> int:
        return _run(destination, options, report, stop_events)

    return run_reported(options, work, "Stopped. Jobs in flight are kept; a new run goes on from them.")


def run_reported(options: argparse.Namespace, work: TWork, when_stopped: str) -> int:
    """Does the work of a command that loads; says how it ended, writes the report for machines, and returns the exit code.

    Args:
        options: of the command; `pipeline` names the pipeline, `report_json` the file.
        work: what it is called for.
        when_stopped: what is said if it is stopped.
    """
    keep_to_ourselves()
    share_memory()
    report = RunReport(options.pipeline)
    said: str | None = None
    try:
        if options.report_json:
            check_writable(Path(options.report_json))
    except ConfigurationError as error:
        say(str(error))
        return NOT_TRIED
    try:
        with _stoppable() as stop_events, private_files():
            code = work(report, stop_events)
    except (KeyboardInterrupt, SignalReceivedException) as stop:
        number = getattr(stop, "signal_code", getattr(stop, "number", signal.SIGINT))
        code, said = 128 + int(number), when_stopped
    except BrokenPipeError:
        stop_output()
        code = PIPE_CLOSED
    except OutputError as error:
        stop_output()
        said, code = str(error), INCOMPLETE if report.begun else NOT_TRIED
    except Exception as error:
        try:
            said, code = explain(error, report.begun)
        except Exception:
            _write(
                report,
                options,
                BROKEN,
                f"A bug ended the run ({type(error).__name__}); its stack trace was printed.",
            )
            raise
    if said is not None:
        say(said)
    return _write(report, options, code, said)


def _write(report: RunReport, options: argparse.Namespace, code: int, said: str | None) -> int:
    """Writes the report for machines, if one is wanted. Returns the exit code."""
    if options.report_json:
        try:
            write_record(Path(options.report_json), report, code, said)
        except OSError as error:
            say(f"The report could not be written to {options.report_json}: {error.strerror or error}.")
            return code or NOT_TRIED
    return code


def _run(
    destination: Callable[[argparse.Namespace], Any],
    options: argparse.Namespace,
    report: RunReport,
    stop_events: list[threading.Event],
) -> int:
    def watch(run: ExportRun) -> None:
        stop_events.append(run.stopping)
        display.watch(run)

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
        # missing packages come first, then settings, then the token
        warehouse, name, dataset = destination(options), options.pipeline, DATASET
        try:
            settings = stack.enter_context(settings_of(options, explicit, quiet=options.quiet))
        except ConfigurationError as error:
            raise ConfigurationError("\n".join([*_missing_settings(warehouse), str(error)])) from None
        settings.require_days(datetime.now(timezone.utc).date())
        for note in misspelt_settings():
            say(note)
        if options.sandbox:
            name, dataset = apart(warehouse)
        display = chosen_display(options.quiet)
        stack.enter_context(display.shown())
        pipeline = dlt.pipeline(name, destination=warehouse, dataset_name=dataset, progress=display.collector)
        if options.is_script and forget_file(pipeline):
            # a script's own destination may name its file by a relative path
            warehouse = destination(options)
            pipeline = dlt.pipeline(name, destination=warehouse, dataset_name=dataset, progress=display.collector)
        report.into(pipeline)
        exports = tuple(dict.fromkeys(options.export or EXPORTS))
        refresh: Refresh | bool = False
        if options.full_refresh:
            named = (options.start_date and settings.start_date, options.end_date and settings.end_date)
            refresh = Refresh(named[0] or None, named[1] or None)
        if options.plan:
            planned = plan(pipeline, settings, exports, refresh)
            report.dry_run, report.not_loaded = planned.tasks, list(planned.out_of_reach)
            if not options.quiet:
                show(render_plan(planned, width()))
            return COMPLETE
        try:
            sync(pipeline, settings, exports, refresh, on_start=watch, report=report)
        finally:
            remember_file(pipeline)
        display.close()
        code = report.exit_code
        if not (options.quiet and code == COMPLETE):
            show(render(report, width()))
        return code


def _missing_settings(warehouse: Any) -> list[str]:
    """Returns a message about missing settings of the warehouse; empty if none are missing."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            dlt.pipeline("salesnav", folder, destination=warehouse, dataset_name=DATASET).destination_client()
        except ConfigFieldMissingException as error:
            return [explain(error)[0]]
        except Exception:  # only missing settings are reported here; a run reports other errors
            return []
    return []


def share_memory() -> None:
    """Lets all threads of this process allocate memory from two arenas. glibc has one for each thread, and frees little of it.

    In a long backfill, peak memory grows by 6 to 13 % this way, and by 13 to 22 % otherwise (measured).
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


@contextlib.contextmanager
def _stoppable() -> Iterator[list[threading.Event]]:
    """Lets SIGTERM and SIGINT end the run at once, wherever it is. Gives a list of events that they also set.

    Raises:
        _Stopped: when a signal has come, even if other code has swallowed the exception.
    """
    received: list[int] = []
    stop_events: list[threading.Event] = []

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        received.append(number)
        # an exception in one of Python's own callbacks, such as a finalizer, does not end the run
        for event in stop_events:
            event.set()
        raise _Stopped(number)

    before = {number: signal.signal(number, stop) for number in _STOPS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        try:
            yield stop_events
        except (Exception, KeyboardInterrupt):
            # code that has swallowed the signal may fail later, or end by its event, which does not tell which signal it was
            if not received:
                raise
        if received:
            raise _Stopped(received[-1])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
