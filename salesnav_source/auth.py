"""The access token: which one is valid now, and renewing it once for all calls that wait."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.auth import AuthBase

from salesnav_source.exceptions import AccessTokenError, UnavailableError
from salesnav_source.files import replace_file
from salesnav_source.settings import SCOPE, SalesnavCredentials

WHAT_TO_DO = (
    "Get a new token for a member with a reporting role (scope "
    f"{SCOPE}) and put it where the old one was: .dlt/secrets.toml or SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN."
)


class BearerToken(AuthBase):
    """Puts a given access token on a request; keeps requests from looking for another in .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sets the header `Authorization`."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class TokenProvider:
    """Hands out the access token and renews it where the credentials allow."""

    def __init__(
        self,
        credentials: SalesnavCredentials,
        post: Callable[..., requests.Response],
        keep_refresh_token: Callable[[str, str], bool] | None = None,
    ) -> None:
        """Starts with the access token of the credentials, if they hold one.

        Args:
            credentials: the user's credentials.
            post: sends a form to a URL, as `requests.post`; raises UnavailableError if there is no answer.
            keep_refresh_token: called with the old and the new refresh token when LinkedIn gives a new one; tells whether
                it could be kept for the next run.
        """
        self._credentials = credentials
        self._post = post
        self._keep = keep_refresh_token or keep_in_secrets
        self._lock = threading.Lock()
        self._access_token = str(credentials.access_token or "")
        self._refresh_token = str(credentials.refresh_token or "")
        self.notes: list[str] = []
        """What the user should be told, e.g. that a new refresh token could not be kept."""

    def token(self) -> str:
        """Returns the access token to use now.

        Raises:
            AccessTokenError: if there is none and none can be had.
            UnavailableError: if the renewal was not answered.
        """
        with self._lock:
            if not self._access_token:
                self._renew()
            return self._access_token

    def renew(self, stale: str) -> None:
        """Replaces a token that LinkedIn no longer takes; calls that wait for the same renewal share it.

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
        """Returns what LinkedIn says of the access token: `active`, `status`, `expires_at` (seconds), `scope`.

        Needs the client's id and secret; None without them. Source: LinkedIn's documentation of token introspection.
        """
        if not (self._credentials.client_id and self._credentials.client_secret):
            return None
        parts = urlsplit(self._credentials.token_url)
        url = urlunsplit(parts._replace(path=parts.path.rpartition("/")[0] + "/introspectToken"))
        form = {
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
            "token": self.token(),
        }
        response = self._post(url, data=form, timeout=timeout)
        answer = _json_object(response)
        return answer if response.ok else None

    def _renew(self) -> None:
        if not (self._credentials.renewable and self._refresh_token):
            raise AccessTokenError(f"LinkedIn does not accept the access token (expired or revoked). {WHAT_TO_DO}", 401)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._refresh_token,
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        response = self._post(self._credentials.token_url, data=form)
        answer = _json_object(response)
        if response.status_code >= 500 or response.status_code == 429:
            raise UnavailableError(
                f"LinkedIn did not renew the access token: HTTP {response.status_code}.", response.status_code
            )
        token = answer.get("access_token")
        if not response.ok or not isinstance(token, str) or not token:
            raise AccessTokenError(
                f"LinkedIn refused to renew the access token (HTTP {response.status_code}): the refresh token is dead or"
                f" does not belong to client_id. {WHAT_TO_DO}",
                response.status_code,
            )
        self._access_token = token
        rotated = answer.get("refresh_token")
        if isinstance(rotated, str) and rotated and rotated != self._refresh_token:
            self._take_rotated(rotated)

    def _take_rotated(self, rotated: str) -> None:
        old, self._refresh_token = self._refresh_token, rotated
        if not self._keep(old, rotated):
            self.notes.append(
                "LinkedIn has replaced the refresh token, and the old one was not found in .dlt/secrets.toml, so the new"
                " one could not be kept: it lasts for this run. Get a new refresh token before the next one."
            )


def keep_in_secrets(old: str, new: str, path: Path | None = None) -> bool:
    """Replaces a refresh token where it stands in `.dlt/secrets.toml`, and nowhere else.

    Args:
        old: the refresh token that was in use.
        new: the one that LinkedIn gave in its place.
        path: the secrets file; the project's if None.

    Returns:
        Whether the old one was found and replaced.
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
    except OSError:
        return False
    return True


def _json_object(response: requests.Response) -> dict[str, object]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
