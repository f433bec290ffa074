"""LinkedIn's OAuth server as the sandbox plays it: consent, codes, access tokens and refresh tokens."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from salesnav_source.sandbox.consent import ask_for_consent, refused_page
from salesnav_source.sandbox.faults.model import CODE_REFUSED, Answer
from salesnav_source.sandbox.refusal import RefusedError, oauth_refused
from salesnav_source.sandbox.request import RequestRecord

SCOPE = "r_sales_nav_analytics"
AUTHORIZATION = "/oauth/v2/authorization"
_CODE_SECONDS = 30 * 60.0
_REFRESH_SECONDS = 365 * 86400.0
_PLAIN = re.compile(r"[!-~]+")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass
class _Token:
    """An access token and how long it lives."""

    created_at: float
    expires_at: float
    revoked: bool = False

    def status(self, now: float) -> str:
        return "revoked" if self.revoked else "expired" if now >= self.expires_at else "active"


@dataclass(frozen=True)
class Asked:
    """What an application has asked a member for."""

    redirect_uri: str
    state: str | None

    def back(self, **query: str) -> Answer:
        """Sends the browser back."""
        state = {} if self.state is None else {"state": self.state}
        mark = "&" if urlsplit(self.redirect_uri).query else "?"
        return Answer(302, {"Location": f"{self.redirect_uri}{mark}{urlencode({**query, **state})}"})

    def cancel(self) -> Answer:
        """Sends the browser back without access."""
        return self.back(error="user_cancelled_authorize", error_description="The user cancelled the authorization")


@dataclass
class OAuth:
    """An application, the consent of one member, and all tokens that were given."""

    clock: Callable[[], float]
    make_secret: Callable[[int], str]
    """Returns a text of so many random bytes."""
    client_id: str
    client_secret: str
    redirect_uris: Sequence[str] | None
    """The redirect URLs that are registered; None for all on loopback."""
    token_seconds: float
    rotate_refresh_token: bool

    def __post_init__(self) -> None:
        self.access_token = ""
        self.refresh_token = ""
        self._tokens: dict[str, _Token] = {}
        self._refresh_tokens: dict[str, float] = {}
        self._questions: dict[str, Asked] = {}
        self._codes: dict[str, tuple[Asked, float]] = {}
        self._first = ("", "")
        self._issued = 1

    def start(self, access_token: str, refresh_token: str) -> None:
        """Makes these the valid tokens."""
        self._first = (access_token, refresh_token)
        self._give_refresh_token(refresh_token, self.clock() + _REFRESH_SECONDS)
        self.issue(access_token)

    def issue(self, access_token: str) -> None:
        """Makes this a valid access token."""
        self.access_token = access_token
        self._tokens[access_token] = _Token(self.clock(), self.clock() + self.token_seconds)

    def revoke(self) -> None:
        """Kills the access token that was given last."""
        self._tokens[self.access_token].revoked = True

    def status(self, access_token: str) -> str | None:
        """Returns whether an access token is active, expired or revoked; None if it was never given."""
        known = self._tokens.get(access_token)
        return None if known is None else known.status(self.clock())

    def asked(self, request: RequestRecord) -> Asked:
        """Returns what is asked for by sending a browser to the authorization page.

        Raises:
            RefusedError: if LinkedIn shows an error, because it cannot trust the redirect URL, or is not asked rightly.
        """
        query = dict(parse_qsl(request.raw_query, keep_blank_values=True))
        if query.get("client_id") != self.client_id:
            raise refused_page("The passed in client_id is invalid.")
        redirect_uri = query.get("redirect_uri", "")
        if not self._is_registered(redirect_uri):
            raise refused_page("The redirect_uri does not match the registered value.")
        if query.get("response_type") != "code":
            raise refused_page("The response_type must be code.")
        scopes = query.get("scope", "").split()
        if not scopes:
            raise refused_page("A required parameter is missing: scope.")
        asked = Asked(redirect_uri, query.get("state"))
        for scope in scopes:
            if scope != SCOPE:
                message = f'Scope "{scope}" is not authorized for your application'
                raise RefusedError(asked.back(error="unauthorized_scope_error", error_description=message))
        return asked

    def ask(self, asked: Asked) -> Answer:
        """Shows the page on which the member decides."""
        name = self.make_secret(12)
        self._questions[name] = asked
        return ask_for_consent(AUTHORIZATION, name, self.client_id, SCOPE, asked.redirect_uri)

    def decided(self, request: RequestRecord) -> tuple[Asked, bool]:
        """Returns what a member has decided about, and whether access is allowed.

        Raises:
            RefusedError: if nothing is to be decided.
        """
        form = request.body if request.is_form and isinstance(request.body, dict) else {}
        asked = self._questions.pop(form.get("request", ""), None)
        if asked is None:
            raise refused_page("This page was answered already. Begin to sign in once more.")
        return asked, form.get("decision") == "allow"

    def give_code(self, asked: Asked) -> Answer:
        """Sends the browser back with a code."""
        code = self.make_secret(48)
        self._codes[code] = (asked, self.clock() + _CODE_SECONDS)
        return asked.back(code=code)

    def client_form(self, request: RequestRecord) -> dict[str, str]:
        """Returns the form that an application sends about tokens.

        Raises:
            RefusedError: if it is none, or the application does not prove who it is.
        """
        if request.method != "POST":
            raise oauth_refused(405, "invalid_request", "The method must be POST")
        if not request.is_form or not isinstance(request.body, dict):
            raise oauth_refused(400, "invalid_request", "The body must be a form")
        form: dict[str, str] = request.body
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise oauth_refused(401, "invalid_client", "Client authentication failed")
        return form

    def check_code(self, form: dict[str, str]) -> None:
        """Checks that a code may be exchanged.

        Raises:
            RefusedError: if it was never given, was exchanged before, has expired, or went to another redirect URL.
        """
        if not form.get("code"):
            raise oauth_refused(400, "invalid_request", 'A required parameter "code" is missing')
        asked, expires_at = self._codes.get(form["code"], (None, 0.0))
        if asked is None or self.clock() >= expires_at or form.get("redirect_uri") != asked.redirect_uri:
            raise RefusedError(Answer(400, fields=dict(CODE_REFUSED)))

    def exchange(self, form: dict[str, str]) -> Answer:
        """Exchanges a code for tokens."""
        del self._codes[form["code"]]
        self._issued += 1
        self._give_refresh_token(f"{self._first[1]}-{self._issued}", self.clock() + _REFRESH_SECONDS)
        return self._give_access_token(self.refresh_token)

    def check_refresh_token(self, form: dict[str, str]) -> None:
        """Checks that a refresh token is valid.

        Raises:
            RefusedError: if it was never given, was replaced, or has expired.
        """
        if form.get("grant_type") != "refresh_token":
            raise oauth_refused(400, "unsupported_grant_type", "There is no such grant type")
        if self.clock() >= self._refresh_tokens.get(form.get("refresh_token", ""), 0.0):
            raise oauth_refused(400, "invalid_request", "The provided refresh token is invalid, expired or revoked")

    def renew(self, form: dict[str, str]) -> Answer:
        """Gives a new access token for a refresh token, and a new refresh token too if they rotate."""
        self._issued += 1
        used = form["refresh_token"]
        if self.rotate_refresh_token:
            self._give_refresh_token(f"{self._first[1]}-{self._issued}", self._refresh_tokens.pop(used))
            used = self.refresh_token
        return self._give_access_token(used)

    def introspect(self, token: str) -> dict[str, Any]:
        """Returns the answer about an access token."""
        known = self._tokens.get(token)
        if known is None:
            return {"active": False}
        status = known.status(self.clock())
        return {
            "active": status == "active",
            "client_id": self.client_id,
            "authorized_at": int(known.created_at),
            "created_at": int(known.created_at),
            "status": status,
            "expires_at": int(known.expires_at),
            "scope": SCOPE,
            "auth_type": "3L",
        }

    def _is_registered(self, redirect_uri: str) -> bool:
        if self.redirect_uris is not None:
            return redirect_uri in self.redirect_uris
        if not _PLAIN.fullmatch(redirect_uri):
            return False
        try:
            parts = urlsplit(redirect_uri)
        except ValueError:
            return False
        return parts.scheme == "http" and parts.hostname in _LOOPBACK and not parts.fragment

    def _give_refresh_token(self, token: str, expires_at: float) -> None:
        self.refresh_token = token
        self._refresh_tokens[token] = expires_at

    def _give_access_token(self, refresh_token: str) -> Answer:
        self.issue(f"{self._first[0]}-{self._issued}")
        expires_at = self._refresh_tokens[refresh_token]
        return Answer(
            fields={
                "access_token": self.access_token,
                "expires_in": int(self.token_seconds),
                "refresh_token": refresh_token,
                "refresh_token_expires_in": int(expires_at - self.clock()),
                "scope": SCOPE,
            }
        )
