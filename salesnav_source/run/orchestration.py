"""`try_sync`: a run for orchestrators. It returns an outcome with an exit code where `sync` raises."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.exceptions import TransientException

from salesnav_source.exceptions import DestinationError
from salesnav_source.jobs.results import WindowResult
from salesnav_source.run.account import Commit
from salesnav_source.run.errors import explain, keep_to_ourselves
from salesnav_source.run.exit_codes import INCOMPLETE
from salesnav_source.run.planning import Refresh
from salesnav_source.run.record import as_record
from salesnav_source.run.result import RunReport
from salesnav_source.run.sync import sync
from salesnav_source.run.text import INCOMPLETE_HEADING
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.configuration import misspelt_settings, resolve_settings
from salesnav_source.settings.redaction import printable
from salesnav_source.settings.urns import in_words

MOST_NAMED = 20
"""How many failed windows a message names; the record has them all."""


@dataclass(frozen=True)
class Outcome:
    """How a run has ended."""

    exit_code: int
    """That of `salesnav load`: 0 complete, 2 nothing was changed, 3 incomplete."""
    message: str
    """What happened, and what to do."""
    may_retry: bool
    """True if a new run can help without anyone changing anything."""
    record: dict[str, Any]
    """What `--report-json` would write; its form is docs/report.schema.json."""
    report: RunReport | None
    """What `sync` returned; None if it raised."""


def try_sync(
    pipeline: Callable[[], dlt.Pipeline],
    settings: Mapping[str, Any] | None = None,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: Refresh | bool = False,
    on_commit: Callable[[Commit], object] | None = None,
) -> Outcome:
    """Runs `sync`, and returns how it ended, with an exit code. Interrupts and bugs are raised.

    Args:
        pipeline: creates the pipeline; called once the settings are checked.
        settings: settings by name; they override dlt's configuration.
        exports: names of the exports wanted.
        full_refresh: as for `sync`.
        on_commit: as for `sync`.
    """
    keep_to_ourselves()
    report = RunReport()
    try:
        checked = resolve_settings(dict(settings or {}))
        checked.require_days(datetime.now(timezone.utc).date())
        for note in misspelt_settings():
            logger.warning(note)
        sync(pipeline(), checked, exports, full_refresh, on_commit=on_commit, report=report)
    except Exception as error:
        said, code = explain(error, report.begun)
        message = printable(said)
        may_retry = code == INCOMPLETE or isinstance(error, (TransientException, DestinationError))
        return Outcome(code, message, may_retry, as_record(report, code, message), None)
    message = name_windows(report.failed, INCOMPLETE_HEADING, report.names) if report.failed else "Complete."
    code = report.exit_code
    return Outcome(code, message, bool(report.failed), as_record(report, code, message), report)


def name_windows(windows: Iterable[WindowResult], heading: str, names: Mapping[str, str]) -> str:
    """Returns a heading and a line for each window, with its reason; it may be shown.

    Args:
        windows: to be named.
        heading: the first line.
        names: the known names of contracts, by URN.
    """
    named = sorted({(one.contract, one.export, one.window, one.reason) for one in windows})
    lines = [
        f"{export} of {in_words(contract, names)}, {window}: {reason}"
        for contract, export, window, reason in named[:MOST_NAMED]
    ]
    more = [f"and {len(named) - MOST_NAMED:,} more windows."] if len(named) > MOST_NAMED else []
    return printable("\n".join([heading, *lines, *more]))
