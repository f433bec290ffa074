"""dlt source for LinkedIn Sales Navigator analytics: who did what, what came of it, and who holds the seats.

import dlt
from salesnav_source import salesnav

pipeline = dlt.pipeline("sales", destination="duckdb", dataset_name="salesnav")
pipeline.run(salesnav())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from salesnav_source.settings.names import RELEASE

if TYPE_CHECKING:
    from salesnav_source.exceptions import (
        AccessDeniedError,
        AccessTokenError,
        ApiError,
        ConfigurationError,
        DestinationError,
        JournalError,
        PipelineBusyError,
        SalesnavError,
        UnavailableError,
    )
    from salesnav_source.jobs.results import WindowResult
    from salesnav_source.run.account import Commit
    from salesnav_source.run.orchestration import Outcome, try_sync
    from salesnav_source.run.planning import Plan, Refresh
    from salesnav_source.run.result import RunReport
    from salesnav_source.run.sync import plan, sync
    from salesnav_source.run.upkeep.erasure import erase
    from salesnav_source.settings.configuration import SalesnavCredentials, Settings, resolve_settings
    from salesnav_source.source import salesnav


__version__ = RELEASE

_HOMES = {
    "AccessDeniedError": "exceptions",
    "AccessTokenError": "exceptions",
    "ApiError": "exceptions",
    "ConfigurationError": "exceptions",
    "DestinationError": "exceptions",
    "JournalError": "exceptions",
    "PipelineBusyError": "exceptions",
    "SalesnavError": "exceptions",
    "UnavailableError": "exceptions",
    "Commit": "run.account",
    "Outcome": "run.orchestration",
    "Plan": "run.planning",
    "Refresh": "run.planning",
    "RunReport": "run.result",
    "WindowResult": "jobs.results",
    "erase": "run.upkeep.erasure",
    "plan": "run.sync",
    "sync": "run.sync",
    "try_sync": "run.orchestration",
    "SalesnavCredentials": "settings.configuration",
    "Settings": "settings.configuration",
    "resolve_settings": "settings.configuration",
    "salesnav": "source",
}
"""Where each public name is made. It is imported when it is asked for, so that a command that needs no dlt starts at once."""

__all__ = [
    "AccessDeniedError",
    "AccessTokenError",
    "ApiError",
    "Commit",
    "ConfigurationError",
    "DestinationError",
    "JournalError",
    "Outcome",
    "PipelineBusyError",
    "Plan",
    "Refresh",
    "RunReport",
    "SalesnavCredentials",
    "SalesnavError",
    "Settings",
    "UnavailableError",
    "WindowResult",
    "__version__",
    "erase",
    "plan",
    "resolve_settings",
    "salesnav",
    "sync",
    "try_sync",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
