"""Faults that any call may meet: errors, outages, connections that end."""

from collections.abc import Mapping
from typing import Any

from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import Change, Cookies, Disconnect, Hang, Respond
from salesnav_source.sandbox.faults.model import API_CALLS, EXPORT_CALLS, Call, Fault, TCall, error_body

_GROUP = "Any call"
_MAINTENANCE = b"<!DOCTYPE html><html><head><title>LinkedIn</title></head><body>We'll be back soon</body></html>"
_HTML = b"<!DOCTYPE html><html><head><title>LinkedIn</title></head><body>Something went wrong</body></html>"
_UNPERMITTED = "Unpermitted fields present in {}: Data Processing Exception while processing fields [/{}]"


def respond(
    status: int,
    call: TCall | tuple[TCall, ...] = "poll",
    *,
    body: bytes | Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    message: str | None = None,
    code: int | None = None,
    made: bool = False,
) -> Fault:
    """Another answer replaces the true one.

    Args:
        status: HTTP status.
        call: The call that is answered so.
        body: The body, or its fields; None for those of an error of LinkedIn's.
        headers: Further headers.
        message: LinkedIn's sentence on the error.
        code: LinkedIn's code of the error.
        made: Whether a job is created nevertheless.
    """
    error = error_body(status, message or f"Sandbox fault {status}", code)
    return Fault(call, Respond(status, error if body is None else body, headers or {}, made))


@declared(_GROUP)
def throttle(retry_after: str | None = "1", call: TCall = "poll") -> Fault:
    """A call is throttled (429); Retry-After may be seconds, a date, nonsense or absent (None)."""
    return respond(429, call, headers={} if retry_after is None else {"Retry-After": retry_after}, code=101)


@declared(_GROUP)
def unavailable(status: int = 503, call: TCall = "poll") -> Fault:
    """A call is answered with a 5xx."""
    return respond(status, call)


@declared(_GROUP)
def unauthorized(call: TCall = "poll", code: int = 65601) -> Fault:
    """A call is answered as if the token were dead (401), although it is not."""
    return respond(401, call, code=code)


@declared(_GROUP)
def stray_unauthorized() -> Fault:
    """One call, whichever it is, is answered with 401 (65601), though the token is valid."""
    return respond(401, EXPORT_CALLS, code=65601)


@declared(_GROUP)
def forbidden(call: TCall = "create") -> Fault:
    """A call is answered with 403: not enough access."""
    return respond(403, call, code=100)


@declared(_GROUP)
def product_missing(call: TCall = "contracts") -> Fault:
    """Listing contracts is answered with 403: the application lacks the product, or the token its scope."""
    message = "Not enough permissions to access: salesContracts.FINDER-contractsByMember.NO_VERSION"
    return respond(403, call, message=message, code=100).where(times=None)


@declared(_GROUP, value="FIELD")
def body_field_refused(name: str = "endAt") -> Fault:
    """Creating a job is answered with 403: a field of its body (endAt) is not permitted."""
    return respond(403, "create", message=_UNPERMITTED.format("REQUEST_BODY", name), code=100).where(times=None)


@declared(_GROUP, value="PARAMETER")
def parameter_refused(name: str = "q") -> Fault:
    """Listing contracts is answered with 403: a parameter of the address (q) is not permitted."""
    return respond(403, "contracts", message=_UNPERMITTED.format("PARAMETER", name), code=100).where(
        times=None, when=lambda call: name in call.parameters
    )


@declared(_GROUP)
def role_missing() -> Fault:
    """Creating a job is answered with 403: the member has no reporting role on the contract."""
    message = "The viewer has neither the reporting nor the administrator role on the contract"
    return respond(403, "create", message=message, code=100).where(times=None)


@declared(_GROUP)
def version_gone() -> Fault:
    """All calls of the API are answered with 426: this version of it was switched off."""
    fields = {"status": 426, "code": "NONEXISTENT_VERSION", "message": "Requested version 20240401 is not active"}
    return respond(426, API_CALLS, body=fields).where(times=None)


@declared(_GROUP)
def version_required() -> Fault:
    """Calls of the API without a header LinkedIn-Version are answered with 400."""
    message = "A version must be present. Please specify a version by adding the LinkedIn-Version header."
    fields = {"status": 400, "code": "VERSION_MISSING", "message": message}
    return respond(400, API_CALLS, body=fields).where(times=None, when=_names_no_version)


def _names_no_version(call: Call) -> bool:
    return "linkedin-version" not in call.headers


@declared(_GROUP)
def not_found(call: TCall = "poll") -> Fault:
    """A call is answered with 404: LinkedIn forgot the job."""
    return respond(404, call)


@declared(_GROUP)
def not_json(call: TCall = "poll") -> Fault:
    """A call is answered with 200 and a page that is no JSON."""
    return respond(200, call, body=_HTML, headers={"Content-Type": "text/html"}, made=True)


@declared(_GROUP)
def empty_answer(call: TCall = "poll") -> Fault:
    """A call is answered with 200 and no body."""
    return respond(200, call, body=b"", made=True)


@declared(_GROUP)
def reset(call: TCall = "poll", made: bool = False) -> Fault:
    """The connection is reset instead of an answer."""
    return Fault(call, Disconnect("reset", made))


@declared(_GROUP)
def close(call: TCall = "poll", made: bool = False) -> Fault:
    """The connection is closed without an answer."""
    return Fault(call, Disconnect("close", made))


@declared(_GROUP)
def hang(seconds: float = 30.0, call: TCall = "poll") -> Fault:
    """An answer lets one wait; a job is created before."""
    return Fault(call, Hang(seconds))


@declared(_GROUP)
def outage(seconds: float = 300.0, status: int = 503) -> Fault:
    """All calls are answered with 503 for five minutes, by the clock, from the first one on."""
    return respond(status, EXPORT_CALLS).where(times=None, seconds=seconds)


@declared(_GROUP)
def maintenance(seconds: float = 300.0, status: int = 503) -> Fault:
    """All calls are answered with 503 and a maintenance page for five minutes."""
    headers = {"Content-Type": "text/html; charset=utf-8"}
    answer = respond(status, EXPORT_CALLS, body=_MAINTENANCE, headers=headers)
    return answer.where(times=None, seconds=seconds)


@declared(_GROUP)
def maintenance_200(seconds: float = 300.0) -> Fault:
    """All calls are answered with 200 and a maintenance page for five minutes."""
    return maintenance(seconds, 200)


@declared(_GROUP)
def throttled_for(seconds: float = 300.0) -> Fault:
    """All calls are throttled (429), without Retry-After, for five minutes."""
    return respond(429, EXPORT_CALLS, code=101).where(times=None, seconds=seconds)


@declared(_GROUP)
def cookies() -> Fault:
    """Every answer sets a cookie, and a request that sends it back is answered with 403."""
    return Fault(EXPORT_CALLS, Cookies(), times=None)


def change(call: TCall = "poll", **values: Any) -> Fault:
    """Fields of a JSON answer have other values, e.g. downloadUrl, rowCount or expireAt."""
    return Fault(call, Change(values))
