"""Signing in: a member allows the application, in a browser, to read the exports; what comes back is exchanged for a token.

Three-legged OAuth 2.0 (RFC 6749, section 4.1). Source of LinkedIn's addresses, parameters and errors: its documentation of the
authorization code flow (https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow).

oauthlib writes the requests and reads what the browser brings. It takes HTTPS alone, also on this machine, so it is given the
queries of addresses. Which addresses may be plain HTTP is decided here: those on loopback (RFC 8252, section 7.3).
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from oauthlib.oauth2 import MismatchingStateError, MissingCodeError, OAuth2Error, WebApplicationClient

from salesnav_source.exceptions import ConfigurationError, SignInError, UnavailableError, UnusableAnswerError
from salesnav_source.linkedin.answers import Answer
from salesnav_source.linkedin.auth import Grant
from salesnav_source.linkedin.refusals import words
from salesnav_source.settings.addresses import LONGEST_URL, check_address, is_loopback, origin
from salesnav_source.settings.configuration import (
    AUTHORIZATION_URL,
    REDIRECT_URL,
    SCOPE,
    TOKEN_URL,
    SalesnavCredentials,
    secrets_elsewhere,
    settings_folder,
)
from salesnav_source.settings.redaction import MASK, clean, redact, remember

TPost = Callable[..., Answer]
"""Sends a form: `post(url, data=form)`."""

CANCELLED = frozenset(("user_cancelled_login", "user_cancelled_authorize", "access_denied"))
"""What LinkedIn (documented) and RFC 6749 call it if the member refuses."""
SCOPE_REFUSED = frozenset(("unauthorized_scope_error", "invalid_scope"))
"""What LinkedIn (reported by users) and RFC 6749 call it if the application may not ask for the scope."""
_AGAIN = "Run `salesnav login` again"
_ANY = "https://-/"
"""An address whose query alone matters."""
_NEEDS_SCOPE = (
    f"the application may not ask for the scope {SCOPE}. Only applications that LinkedIn has admitted to the Sales Navigator"
    " Analytics Services have it: look for it in the application's products, or ask LinkedIn."
)


@dataclass(frozen=True)
class SignIn:
    """One attempt to sign in."""

    client_id: str
    client_secret: str = field(repr=False)
    authorization_url: str
    token_url: str
    redirect_url: str
    state: str = field(repr=False)
    """A random text that the browser brings back: an answer with another one belongs to another attempt, or to an attacker."""

    @staticmethod
    def of(
        credentials: SalesnavCredentials,
        redirect_url: str | None = None,
        new_state: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> "SignIn":
        """Begins an attempt.

        Args:
            credentials: the application's id and secret, and the addresses.
            redirect_url: where the browser comes back to; as configured if None.
            new_state: returns a random text.

        Raises:
            ConfigurationError: if a setting is missing or wrong.
        """
        credentials.tidy()
        # an example's "..." is nothing, either
        missing = [
            name for name in ("client_id", "client_secret") if not str(getattr(credentials, name) or "").strip(".…<> ")
        ]
        if missing:
            path = settings_folder() / "secrets.toml"
            elsewhere = "" if path.exists() else f" {secrets_elsewhere()}".rstrip()
            raise ConfigurationError(
                f"To sign in, set {' and '.join(missing)} of your LinkedIn application in [sources.salesnav.credentials] of"
                f" {path}, or in the environment as"
                f" {' and '.join(f'SOURCES__SALESNAV__CREDENTIALS__{name.upper()}' for name in missing)}. LinkedIn's developer"
                f" portal shows them on the application's tab Auth.{elsewhere}"
            )
        remember(credentials.client_secret)
        return SignIn(
            str(credentials.client_id),
            str(credentials.client_secret),
            *_servers(credentials),
            _redirect_url(redirect_url or credentials.redirect_url),
            new_state(),
        )

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        asked = self._client.prepare_request_uri(_ANY, redirect_uri=self.redirect_url, scope=[SCOPE], state=self.state)
        return f"{self.authorization_url}?{urlsplit(asked).query}"

    def is_answered_by(self, address: str) -> bool:
        """Returns true if the browser ended at this address in this attempt."""
        query = dict(parse_qsl(urlsplit(f"{_ANY}?{_query(address)}").query))
        own = secrets.compare_digest(query.get("state", "").encode("utf-8", "replace"), self.state.encode())
        return own and ("code" in query or "error" in query)

    def code(self, address: str) -> str:
        """Returns the code that the browser has brought back.

        Args:
            address: the one at which the browser has ended; of a pasted one, what is around it does not matter.

        Raises:
            StrayAnswerError: if it is not the answer to this attempt.
            SignInError: if access was not granted.
        """
        query = _query(address)
        try:
            found = self._client.parse_request_uri_response(f"{_ANY}?{query}", state=self.state)
        except (MismatchingStateError, MissingCodeError):
            raise StrayAnswerError(_what_else(query, self)) from None
        except OAuth2Error as error:
            raise SignInError(_refused(str(error.error or ""), str(error.description or ""))) from None
        code = str(found["code"])
        if not (code.isascii() and code.isprintable()):
            raise StrayAnswerError(
                "The code in that address is damaged: copy the whole address at which the browser ends."
            )
        remember(code)
        return code

    def exchange(self, code: str, post: TPost) -> Grant:
        """Exchanges a code for a token. A code can be exchanged once, so this is not tried again.

        Raises:
            SignInError: if the code, the application or the scope is refused.
            UnavailableError: if there is no answer.
        """
        # the form that the library writes is sent as its fields
        body = self._client.prepare_request_body(code, self.redirect_url, client_secret=self.client_secret)
        try:
            answer = post(self.token_url, data=dict(parse_qsl(body)))
        except (UnavailableError, UnusableAnswerError) as error:
            raise UnavailableError(f"The code could not be exchanged for a token. {error} {_AGAIN} later.") from None
        grant = Grant.of(answer)
        if grant is None:
            raise self._not_exchanged(answer, code)
        if grant.scopes and SCOPE not in grant.scopes:
            raise SignInError(f"LinkedIn has granted {clean(', '.join(grant.scopes), 200)} alone: {_NEEDS_SCOPE}")
        return grant

    @property
    def _client(self) -> Any:
        return WebApplicationClient(self.client_id)

    def _not_exchanged(self, answer: Answer, code: str) -> SignInError | UnavailableError:
        said, status = words(answer, [code, self.client_secret]), f"(HTTP {answer.status})"
        quoted = f' LinkedIn says: "{said}".' if said else ""
        if answer.status >= 500 or answer.status == 429:
            return UnavailableError(
                f"LinkedIn did not exchange the code for a token {status}.{quoted} {_AGAIN} later.", answer.status
            )
        if answer.status == 401:
            return SignInError(
                f"LinkedIn does not accept client_secret with this client_id {status}.{quoted} Copy both anew from the tab Auth"
                f" of the application in LinkedIn's developer portal. {_AGAIN} then."
            )
        if answer.status == 400:
            return SignInError(
                f"LinkedIn does not accept the code {status}.{quoted} A code lives for 30 minutes, and can be used once."
                f" {_AGAIN}."
            )
        host = urlsplit(self.token_url).hostname
        return SignInError(f"{host} gave no token {status}.{quoted} Is credentials.token_url right? {_AGAIN} then.")


class StrayAnswerError(SignInError):
    """An address that is not the answer to this attempt; the right one may still come."""


def _servers(credentials: SalesnavCredentials) -> tuple[str, str]:
    """Returns where the member is asked, and where the code is exchanged.

    Raises:
        ConfigurationError: if an address may not be used, or one of them is another server than the other.
    """
    urls = [
        check_address(f"credentials.{name}", getattr(credentials, name)) for name in ("authorization_url", "token_url")
    ]
    hosts = [origin(url)[1] for url in urls]
    linkedins = [origin(url)[1] for url in (AUTHORIZATION_URL, TOKEN_URL)]
    if [one == other for one, other in zip(hosts, linkedins)] in ([True, False], [False, True]):
        raise ConfigurationError(
            f"credentials.authorization_url leads to {hosts[0]}, and credentials.token_url to {hosts[1]}: one is LinkedIn's,"
            " the other is not. Set both, or neither."
        )
    return urls[0], urls[1]


def _redirect_url(url: str) -> str:
    """Returns the address at which the browser comes back, as it is: LinkedIn compares it letter by letter.

    Raises:
        ConfigurationError: if none can come back there. The message does not repeat it, as it may hold a password.
    """
    try:
        scheme, host, port = origin(url)
    except (ValueError, TypeError, AttributeError):
        scheme = host = ""
        port = 0
    if not host or not port or "#" in url:
        raise ConfigurationError(
            f"credentials.redirect_url is no address at which a browser can end. Write it like {REDIRECT_URL}, letter by letter"
            " as it is registered with the application."
        )
    if scheme != "https" and not is_loopback(host):
        raise ConfigurationError(
            f"credentials.redirect_url leads to {host} over plain HTTP, where anyone on the way can read the code. Register one"
            f" with https://, or one on this machine such as {REDIRECT_URL}."
        )
    return url


def _query(address: str) -> str:
    """Returns the query of an address that a person may have pasted: in quotes, without what is before it, or broken."""
    text = "".join(address[: 2 * LONGEST_URL].split()).strip("<>\"'`")
    _, mark, query = text.partition("?")
    return (query if mark else text).partition("#")[0]


def _what_else(query: str, attempt: SignIn) -> str:
    """Says what an address is that is not the answer."""
    found = dict(parse_qsl(query))
    if "response_type" in found:
        return (
            "That is the address to open, not the one at which the browser ends: open it, allow access, and copy the address"
            f" that the browser shows then. It begins with {attempt.redirect_url}."
        )
    if found.get("state") not in (None, attempt.state):
        return (
            "That answer belongs to another attempt to sign in: its state is not the one that was sent. Answer in the page that"
            " was opened last, and close older ones."
        )
    return (
        f"That is not the address at which the browser ends: it begins with {attempt.redirect_url}, and holds a code and a"
        " state."
    )


def _refused(error: str, description: str) -> str:
    if error in CANCELLED:
        return (
            f"Access was not allowed: LinkedIn's page was cancelled. Nothing was changed. {_AGAIN}, and allow access."
        )
    if error in SCOPE_REFUSED:
        return f"Access was not granted: {_NEEDS_SCOPE}"
    said = clean(redact(f"{error}: {description}" if description else error), 300).replace('"', "'")
    return f'LinkedIn has not granted access, and says: "{said or MASK}". {_AGAIN}.'


__all__ = ["SignIn", "StrayAnswerError"]
