"""`try_sync`: a run for orchestrators, which ends in an outcome with an exit code where `sync` raises."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.exceptions import TransientException

from salesnav_source.cli.errors import explain, keep_to_ourselves
from salesnav_source.cli.record import RunRecord
from salesnav_source.cli.terminal import COMPLETE, INCOMPLETE
from salesnav_source.exceptions import DestinationError
from salesnav_source.jobs.runner import WindowReport
from salesnav_source.loading import CHECKPOINT, Report, sync
from salesnav_source.misspelt import misspelt_settings
from salesnav_source.planning import Refresh
from salesnav_source.schema import EXPORTS
from salesnav_source.session import Commit, Session
from salesnav_source.settings import resolve_settings

INCOMPLETE_HEADING = "Incomplete: a new run asks for what is missing."
MOST_NAMED = 20
"""How many failed windows a message names; the record holds them all."""


@dataclass(frozen=True)
class Outcome:
    """How a run has ended."""

    exit_code: int
    """That of `salesnav load`: 0 complete, 2 nothing was tried, 3 incomplete."""
    message: str
    """What happened, and what to do."""
    may_retry: bool
    """Whether a new run can help without anyone changing anything."""
    record: dict[str, Any]
    """What `--report-json` would write; its form is docs/report.schema.json."""
    report: Report | None
    """What `sync` returned; None if it raised."""


def try_sync(
    pipeline: Callable[[], dlt.Pipeline],
    settings: Mapping[str, Any] | None = None,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: Refresh | bool = False,
    on_commit: Callable[[Commit], object] | None = None,
) -> Outcome:
    """Runs `sync`, and tells by an exit code how it ended. What interrupts a process is passed on, and so are bugs.

    Args:
        pipeline: makes the pipeline; called once the settings are known to be good.
        settings: settings by name, before those of dlt's configuration.
        exports: names of the exports wanted.
        full_refresh: as for `sync`.
        on_commit: as for `sync`.
    """
    keep_to_ourselves()
    record = RunRecord("")
    try:
        checked = resolve_settings(dict(settings or {}))
        checked.require_days(datetime.now(timezone.utc).date())
        for note in misspelt_settings():
            logger.warning(note)
        into = pipeline()
        record.into(into)
        record.session = Session(checked, limits=CHECKPOINT)
        record.loads = True
        report = sync(into, checked, exports, full_refresh, session=record.session, on_commit=on_commit)
    except Exception as error:
        message, code = explain(error, while_loading=record.loads)
        may_retry = code == INCOMPLETE or isinstance(error, (TransientException, DestinationError))
        return Outcome(code, message, may_retry, record.as_dict(code, message), None)
    record.report = report
    code = INCOMPLETE if report.failed else COMPLETE
    message = tell_windows(report.failed, INCOMPLETE_HEADING) if report.failed else "Complete."
    return Outcome(code, message, bool(report.failed), record.as_dict(code, message), report)


def tell_windows(windows: Iterable[WindowReport], heading: str) -> str:
    """Returns a heading and a line for each window, with its reason."""
    named = sorted({(one.contract, one.export, one.window, one.reason) for one in windows})
    lines = [f"{export} of {contract}, {window}: {reason}" for contract, export, window, reason in named[:MOST_NAMED]]
    more = [f"and {len(named) - MOST_NAMED:,} more windows."] if len(named) > MOST_NAMED else []
    return "\n".join([heading, *lines, *more])
