"""The access token that is valid now. It is renewed once for all calls that wait for it."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from salesnav_source.exceptions import AccessTokenError, UnavailableError, UnusableAnswerError
from salesnav_source.linkedin.answers import Answer, json_object
from salesnav_source.linkedin.refusals import WHAT_TO_DO, words
from salesnav_source.settings.addresses import check_address
from salesnav_source.settings.configuration import SalesnavCredentials
from salesnav_source.settings.files import replace_file
from salesnav_source.settings.redaction import clean, remember

LONGEST_TOKEN = 8192
_LONGEST_LIFE = 100 * 365 * 86400


@dataclass(frozen=True)
class Grant:
    """Tokens that LinkedIn has given, and for how many seconds they live."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    """None for most applications: LinkedIn gives refresh tokens to some partners only (documented)."""
    expires_in: float | None = None
    refresh_token_expires_in: float | None = None
    scopes: tuple[str, ...] = ()
    """Empty if the answer names none: then they are those asked for (RFC 6749, section 5.1)."""

    @staticmethod
    def of(answer: Answer) -> "Grant | None":
        """Returns what an answer of the token endpoint gives; None if it holds no token."""
        given = _object_of(answer)
        token, refresh_token = _token(given.get("access_token")), _token(given.get("refresh_token"))
        if not answer.ok or token is None:
            return None
        remember(token, refresh_token)
        scope = given.get("scope")
        return Grant(
            token,
            refresh_token,
            _seconds(given.get("expires_in")),
            _seconds(given.get("refresh_token_expires_in")),
            # LinkedIn puts commas between scopes (reported by users), RFC 6749 blanks
            tuple(clean(scope).replace(",", " ").split()) if isinstance(scope, str) else (),
        )


class TokenProvider:
    """Hands out the access token and renews it where the credentials allow."""

    def __init__(
        self,
        credentials: SalesnavCredentials,
        post: Callable[..., Answer],
        keep_refresh_token: Callable[[str, str], bool] | None = None,
    ) -> None:
        """Starts with the access token of the credentials, if they have one.

        Args:
            credentials: the user's credentials.
            post: sends a form to a URL: `post(url, data=form)`; raises UnavailableError if there is no answer.
            keep_refresh_token: called with the old and the new refresh token when LinkedIn gives a new one; returns true
                if it is kept for the next run.

        Raises:
            ConfigurationError: if `token_url` is an address that must not get a secret.
        """
        self._credentials = credentials
        self._token_url = check_address("credentials.token_url", credentials.token_url)
        self._post = post
        self._keep = keep_refresh_token or keep_in_secrets
        self._lock = threading.Lock()
        self._access_token = str(credentials.access_token or "")
        self._refresh_token = str(credentials.refresh_token or "")
        remember(self._access_token, self._refresh_token, str(credentials.client_secret or ""))
        self.notes: list[str] = []
        """What the user should know, e.g. that a new refresh token could not be kept."""

    def token(self) -> str:
        """Returns the current access token.

        Raises:
            AccessTokenError: if there is none and it cannot be renewed.
            UnavailableError: if the renewal was not answered.
        """
        with self._lock:
            if not self._access_token:
                self._renew()
            return self._access_token

    def renew(self, stale: str) -> None:
        """Replaces a token that LinkedIn no longer accepts. Calls that need the same renewal share one.

        Args:
            stale: the token that was refused.

        Raises:
            AccessTokenError: if the token cannot be renewed.
            UnavailableError: if the renewal was not answered.
        """
        with self._lock:
            if self._access_token == stale:
                self._renew()

    def introspect(self, timeout: float = 30.0) -> dict[str, object] | None:
        """Returns LinkedIn's description of the access token: `active`, `status`, `expires_at` (seconds), `scope`.

        Returns None without client id and secret. Source: LinkedIn's documentation of token introspection.
        """
        if not (self._credentials.client_id and self._credentials.client_secret):
            return None
        parts = urlsplit(self._token_url)
        url = urlunsplit(parts._replace(path=parts.path.rpartition("/")[0] + "/introspectToken"))
        form = {
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
            "token": self.token(),
        }
        answer = self._post(url, data=form, timeout=timeout)
        if not answer.ok:
            return None
        return {name: clean(value) if isinstance(value, str) else value for name, value in _object_of(answer).items()}

    def _renew(self) -> None:
        if not (self._credentials.renewable and self._refresh_token):
            raise AccessTokenError(f"LinkedIn does not accept the access token (expired or revoked). {WHAT_TO_DO}", 401)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._refresh_token,
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        answer = self._post(self._token_url, data=form)
        said = words(answer) if not answer.ok else ""
        quoted = f' LinkedIn says: "{said}".' if said else ""
        if answer.status >= 500 or answer.status == 429:
            raise UnavailableError(
                f"LinkedIn did not renew the access token (HTTP {answer.status}).{quoted}", answer.status
            )
        grant = Grant.of(answer)
        if grant is None:
            raise AccessTokenError(
                f"LinkedIn refused to renew the access token (HTTP {answer.status}).{quoted} The refresh token has expired"
                f" or does not belong to client_id. {WHAT_TO_DO}",
                answer.status,
            )
        self._access_token, rotated = grant.access_token, grant.refresh_token
        if rotated and rotated != self._refresh_token:
            self._replace_refresh_token(rotated)

    def _replace_refresh_token(self, rotated: str) -> None:
        old, self._refresh_token = self._refresh_token, rotated
        if not self._keep(old, rotated):
            self.notes.append(
                "LinkedIn has replaced the refresh token. The old one is not in .dlt/secrets.toml, so the new one could not be"
                " saved and is lost after this run. Get a new refresh token before the next run."
            )


def keep_in_secrets(old: str, new: str, path: Path | None = None) -> bool:
    """Replaces a refresh token in `.dlt/secrets.toml`, and changes nothing else there.

    Args:
        old: the refresh token that was in use.
        new: the one that LinkedIn has given instead.
        path: the secrets file; the project's if None.

    Returns:
        True if the old one was found and replaced.
    """
    import dlt

    path = path or Path(dlt.current.run_context().settings_dir) / "secrets.toml"
    try:
        path = path.resolve()
        text = path.read_bytes().decode("utf-8")
        quoted, escaped = re.compile(rf"""(["']){re.escape(old)}\1"""), json.dumps(new)
        if not quoted.search(text):
            return False
        replace_file(path, quoted.sub(lambda _: escaped, text).encode())
    except (OSError, UnicodeDecodeError):
        return False
    return True


def _object_of(answer: Answer) -> dict[str, Any]:
    try:
        return json_object(answer) or {}
    except UnusableAnswerError:
        return {}


def _token(given: object) -> str | None:
    """Returns the value if it is a token that fits a header, else None."""
    usable = isinstance(given, str) and given.isascii() and given.isprintable() and " " not in given
    return str(given) if usable and 0 < len(str(given)) <= LONGEST_TOKEN else None


def _seconds(given: object) -> float | None:
    """Returns how long a token lives, None if the value does not say it."""
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    return float(given) if number and 0 < given < _LONGEST_LIFE else None  # type: ignore[arg-type, operator]


__all__ = ["WHAT_TO_DO", "Grant", "TokenProvider", "keep_in_secrets"]
