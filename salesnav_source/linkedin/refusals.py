"""Turns an answer that refuses into an error. Its message has LinkedIn's own words, and says what to do.

The kind of error depends only on status and code, as LinkedIn documents. LinkedIn's words only decide what the advice is.
"""

import re
from collections.abc import Iterable
from typing import Any

from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    ApiVersionError,
    RequestRefusedError,
    ThrottledError,
    UnavailableError,
    UnusableAnswerError,
)
from salesnav_source.linkedin.answers import Answer, json_object, retry_after
from salesnav_source.settings.configuration import SCOPE
from salesnav_source.settings.redaction import MASK, clean, redact

PASSING = frozenset((302, 303, 307, 408, 409, 423, 425))
"""Statuses that mean "not now", like those from 500 on: a temporary redirect, such as to a page about maintenance, and
conflicts with something that LinkedIn is doing."""
LONGEST_WORDS = 300
SUPPORT_HEADERS = ("x-li-uuid", "x-li-request-id")
"""What LinkedIn's support asks for (documented)."""
VERSION_GONE = "NONEXISTENT_VERSION"

WHAT_TO_DO = (
    "Get a new token by `salesnav login`, as a member with a reporting role; or put one that you got elsewhere (scope"
    f" {SCOPE}) where the old one was: .dlt/secrets.toml or SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN."
)
NEEDS_PRODUCT = (
    f"The application of this token lacks LinkedIn's product or the scope {SCOPE}. Ask LinkedIn to grant it to the application,"
    " then get a new token with that scope."
)
NEEDS_OTHER_FIELDS = (
    "LinkedIn does not accept a field or parameter of this request, so its API may have changed. Install the newest"
    " salesnav-source; if that does not help, report this message."
)
NEEDS_ROLE = "The token's owner needs a reporting or administrator role on the contract."
NEEDS_VERSION = (
    "This version of LinkedIn's API is switched off. Set api_version in [sources.salesnav] to one that is active (YYYYMM), or"
    " install the newest salesnav-source."
)


def check(answer: Answer, what: str, hide: Iterable[str] = ()) -> None:
    """Makes sure that an answer does not refuse.

    Args:
        answer: LinkedIn's answer.
        what: the call, for the message.
        hide: secrets to replace in LinkedIn's words, in addition to those that are known.

    Raises:
        ApiError: the kind for the status.
    """
    if not answer.ok:
        raise error_of(answer, what, hide)


def error_of(answer: Answer, what: str, hide: Iterable[str] = ()) -> ApiError:
    """Returns the error for an answer that refuses."""
    status, given = answer.status, _object(answer)
    code, name = given.get("serviceErrorCode"), given.get("code")
    code = code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 2**63 else None
    name = clean(name, 60) if isinstance(name, str) else None
    facts = [f"HTTP {status}", *(f"code {one}" for one in (code, name) if one)]
    facts += [f"{name} {clean(answer.headers[name], 80)}" for name in SUPPORT_HEADERS if name in answer.headers]
    details, said = f"({', '.join(facts)})", words(answer, hide)
    quoted = f' LinkedIn says: "{said}".' if said else ""
    if status == 429:
        return ThrottledError(f"LinkedIn throttles {what} {details}.{quoted}", retry_after(answer.headers), code)
    if status >= 500 or status in PASSING:
        return UnavailableError(f"LinkedIn failed to answer {what} {details}.{quoted}", status, code)
    if status == 401:
        return AccessTokenError(
            f"LinkedIn does not accept the access token {details}.{quoted} {WHAT_TO_DO}", status, code
        )
    if status == 426 or name == VERSION_GONE:
        return ApiVersionError(f"LinkedIn refused {what} {details}.{quoted} {NEEDS_VERSION}", status, code)
    if status == 403:
        return AccessDeniedError(
            f"LinkedIn denies access to {what} {details}.{quoted} {_what_is_missing(said)}", status, code
        )
    return RequestRefusedError(f"LinkedIn refused {what} {details}.{quoted}", status, code)


def words(answer: Answer, hide: Iterable[str] = ()) -> str:
    """Returns LinkedIn's own words in an answer that refuses, on one short line without secrets; empty if there are none."""
    given = _object(answer)
    found: Any = next(
        (given[name] for name in ("message", "error_description", "error") if isinstance(given.get(name), str)), ""
    )
    if not given and answer.headers.get("Content-Type", "").lower().startswith("text/plain"):
        found = answer.body.decode("utf-8", "replace")
    text = redact(clean(found, 4 * LONGEST_WORDS))
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return clean(text, LONGEST_WORDS).replace('"', "'").rstrip(".")


def _what_is_missing(said: str) -> str:
    """Returns what to do about a 403. LinkedIn has three kinds of it (reported about its other APIs)."""
    if re.match(r"Not enough permissions to access", said, re.IGNORECASE):
        return NEEDS_PRODUCT
    if re.match(r"Unpermitted fields? present", said, re.IGNORECASE):
        return NEEDS_OTHER_FIELDS
    return NEEDS_ROLE


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return json_object(answer) or {}
    except UnusableAnswerError:
        return {}
