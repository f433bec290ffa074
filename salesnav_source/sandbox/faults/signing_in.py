"""Faults of signing in: of the page that asks for consent, and of the exchange of its code."""

from salesnav_source.sandbox.faults.calls import change, respond
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import Change, RefuseConsent
from salesnav_source.sandbox.faults.model import CODE_REFUSED, Fault

_GROUP = "Signing in"


@declared(_GROUP)
def scope_refused() -> Fault:
    """Asking for consent sends the browser back: the application may not ask for the scope."""
    description = 'Scope "r_sales_nav_analytics" is not authorized for your application'
    return Fault("authorize", RefuseConsent("unauthorized_scope_error", description), times=None)


@declared(_GROUP, value="SCOPE")
def other_scope(scope: str = "r_liteprofile") -> Fault:
    """A code is exchanged for a token of another scope (r_liteprofile)."""
    return change("exchange", scope=scope).where(times=None)


@declared(_GROUP)
def no_refresh_token() -> Fault:
    """A code is exchanged for an access token alone, as most partners have it."""
    return Fault("exchange", Change(omit=("refresh_token", "refresh_token_expires_in")), times=None)


@declared(_GROUP)
def code_expired() -> Fault:
    """A code is refused (400) as expired."""
    return respond(400, "exchange", body=CODE_REFUSED)
