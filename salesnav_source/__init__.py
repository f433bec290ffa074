"""dlt source for LinkedIn Sales Navigator analytics: who did what, what came of it, and who holds the seats.

import dlt
from salesnav_source import salesnav

pipeline = dlt.pipeline("sales", destination="duckdb", dataset_name="salesnav")
pipeline.run(salesnav())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salesnav_source.attempt import Outcome, try_sync
    from salesnav_source.erasing import erase
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
    from salesnav_source.loading import Report, plan, sync
    from salesnav_source.planning import Plan, Refresh
    from salesnav_source.session import Commit
    from salesnav_source.settings import SalesnavCredentials, Settings, resolve_settings
    from salesnav_source.source import salesnav

__version__ = "0.2.0"

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
    "Commit": "session",
    "Outcome": "attempt",
    "Plan": "planning",
    "Refresh": "planning",
    "Report": "loading",
    "erase": "erasing",
    "plan": "loading",
    "sync": "loading",
    "try_sync": "attempt",
    "SalesnavCredentials": "settings",
    "Settings": "settings",
    "resolve_settings": "settings",
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
    "Report",
    "SalesnavCredentials",
    "SalesnavError",
    "Settings",
    "UnavailableError",
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
