"""Sends requests and reads answers, within bounds of time and bytes. A token goes only to LinkedIn's own addresses.

An answer is read up to a bound, whatever its length or compression. Messages name a host, never a URL, because the URL of a
download is signed. No request is sent twice here, and only a download follows redirects.
"""

import contextlib
import http.client
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from salesnav_source.exceptions import (
    ApiError,
    ConfigurationError,
    DownloadRefusedError,
    UnavailableError,
    UnusableAnswerError,
    causes,
)
from salesnav_source.linkedin.answers import Answer
from salesnav_source.linkedin.bounds import BoundedAdapter, Bounds, TClock, bounded_by
from salesnav_source.settings.addresses import LONGEST_URL, is_loopback, origin
from salesnav_source.settings.installed import how_to_install
from salesnav_source.settings.redaction import RedactingFilter, clean

RESTLI_VERSION = "2.0.0"
"""Value of X-Restli-Protocol-Version on every call (documented)."""
MAX_REDIRECTS = 5
CHUNK_BYTES = 1 << 20
ANSWER_BYTES = 8 << 20
"""Most bytes of an answer that is not a file, decoded. A listing of 10,000 contracts with 300 bytes each takes 3 MB."""
ERROR_BYTES = 64 << 10
"""Most bytes of an answer that refuses; the rest is not read."""
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
ANSWER_TIMEOUT = 120.0
"""Seconds for a whole answer that is not a file."""
FIRST_BYTE_TIMEOUT = 300.0
"""Seconds until the first byte of a file: LinkedIn may have to fetch it first."""

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# these log URLs with their queries: paths at DEBUG, whole URLs in a warning about an odd header
for _name in ("connectionpool", "connection", "response", "poolmanager", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(RedactingFilter())


class BearerToken(AuthBase):
    """Puts an access token on a request, and keeps `requests` from looking for another one in .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sets the header `Authorization`."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """Keeps no cookie, follows no redirect, and looks for proxies once a host."""

    def __init__(self) -> None:
        super().__init__()
        self._environment: dict[tuple[str, str], Any] = {}
        # LinkedIn sets cookies, and refuses a call that sends them back (reported by users)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, BoundedAdapter())

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Adds what the environment says of proxies and certificates. Requests reads all of it anew for each call."""
        place = urlsplit(url)[:2]
        if place not in self._environment:
            self._environment[place] = super().merge_environment_settings(url, {}, None, None, None)
        found = self._environment[place]
        return found | {"stream": stream, "proxies": {**found["proxies"], **(proxies or {})}}

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Returns no target, because `requests` would read the whole body and build a request that is never sent."""


class Transport:
    """Sends requests from any thread.

    Args:
        base_url: root of LinkedIn's API, checked.
        api_version: value of the header `LinkedIn-Version`; not sent if None.
        clock: monotonic seconds.
    """

    def __init__(self, base_url: str, api_version: str | None = None, clock: TClock = time.monotonic) -> None:
        self._base_url = base_url
        self._headers = {"X-Restli-Protocol-Version": RESTLI_VERSION, "Accept-Encoding": "gzip, deflate"}
        if api_version:
            self._headers["LinkedIn-Version"] = str(api_version)
        self._clock = clock
        self._local = threading.local()

    def call(self, method: str, path: str, token: str, json: Any = None) -> Answer:
        """Sends a request to the API.

        Raises:
            UnavailableError: if there is no complete answer in time.
            UnusableAnswerError: if the answer is too long.
        """
        bounds = Bounds(ANSWER_TIMEOUT, READ_TIMEOUT, self._clock)
        with self._sent(method, self._base_url + path, bounds, auth=BearerToken(token), json=json) as response:
            return _read(response)

    def post_form(self, url: str, data: dict[str, str], timeout: float = READ_TIMEOUT) -> Answer:
        """Sends a form without the access token.

        Raises:
            UnavailableError: if there is no complete answer in time.
            UnusableAnswerError: if the answer is too long.
        """
        bounds = Bounds(max(timeout, ANSWER_TIMEOUT), timeout, self._clock)
        with self._sent("POST", url, bounds, auth=_no_auth, data=data) as response:
            return _read(response)

    @contextlib.contextmanager
    def open_file(self, url: str, token: str) -> Iterator[tuple[Answer, requests.Response, Bounds]]:
        """Asks for a file, and follows redirects to hosts that may get the token. The body of a file is left to the caller.

        Yields:
            The answer, with a body only if it refuses; the response with the file as its body; the bounds for reading it.

        Raises:
            DownloadRefusedError: if the URL leads to a host that must not get the token.
            UnavailableError: if there is no answer in time.
        """
        for _ in range(MAX_REDIRECTS + 1):
            self._check_host(url)
            bounds = Bounds(FIRST_BYTE_TIMEOUT, FIRST_BYTE_TIMEOUT, self._clock)
            with self._sent("GET", url, bounds, auth=BearerToken(token)) as response:
                if response.is_redirect:
                    url = _target(url, response.headers["Location"])
                    continue
                file = 200 <= response.status_code < 300 and response.status_code != 202
                yield Answer(response.status_code, response.headers) if file else _read(response), response, bounds
                return
        raise DownloadRefusedError("The download URL redirects without end.")

    @contextlib.contextmanager
    def _sent(self, method: str, url: str, bounds: Bounds, **options: Any) -> Iterator[requests.Response]:
        host = urlsplit(url).hostname or ""
        if is_loopback(host):
            # a proxy from the environment would get the token over plain HTTP
            options["proxies"] = {"http": "", "https": ""}
        timeout = (CONNECT_TIMEOUT, bounds.timeout())
        options |= {"headers": self._headers, "timeout": timeout, "allow_redirects": False, "stream": True}
        with _as_api_errors(url), bounded_by(bounds):
            response = self._session().request(method, url, **options)
        with response:
            yield response

    def _check_host(self, url: str) -> None:
        """Makes sure that a file is on LinkedIn's own host over TLS, or has the scheme, host and port of the API.

        Raises:
            DownloadRefusedError: if it does not.
        """
        try:
            scheme, host, port = origin(url)
        except ValueError:
            raise DownloadRefusedError("The download URL is not a URL.") from None
        linkedins = (scheme, port) == ("https", 443) and (host == "linkedin.com" or host.endswith(".linkedin.com"))
        if not linkedins and (scheme, host, port) != origin(self._base_url):
            raise DownloadRefusedError(
                f"The download URL leads to {scheme}://{clean(host, 100)}:{port}, which is neither LinkedIn's own host over"
                " TLS nor that of base_url. The token was not sent there."
            )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session()
        return session


def body_of(response: requests.Response, size: int) -> Iterator[bytes]:
    """Yields a body as it comes, decoded, in pieces of at most `size` bytes. It does not wait until a piece is full.

    Raises:
        UnusableAnswerError: if it has an encoding that was not asked for.
        EOFError: if a compressed body ends too early.
        zlib.error: if it is not compressed as its header says.
        urllib3.exceptions.HTTPError: if the connection fails.
    """
    raw, encoding = response.raw, response.headers.get("Content-Encoding", "").strip().lower()
    pieces = raw.stream(size, decode_content=False) if raw.chunked else iter(lambda: _next_piece(raw, size), b"")
    if encoding in ("", "identity"):
        yield from pieces
    elif encoding in ("gzip", "x-gzip", "deflate"):
        yield from _inflated(pieces, size)
    else:
        raise UnusableAnswerError(f"LinkedIn's answer is encoded as {clean(encoding, 40)}, which was not asked for.")


def why(error: BaseException) -> str:
    """Returns in a few words why a connection failed, without the URL that is in the exception's own text."""
    seen = list(causes(error))
    unresolved = (socket.gaierror, urllib3.exceptions.NameResolutionError)
    if any(isinstance(one, requests.exceptions.ProxyError) for one in seen):
        its_name = any(isinstance(one, unresolved) for one in seen)
        reason = ", as its name cannot be resolved" if its_name else ""
        return f"the proxy failed{reason} (HTTPS_PROXY or another variable names it)"
    known: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (unresolved, "its name cannot be resolved"),
        (ssl.SSLCertVerificationError, _why_not_trusted(seen)),
        ((ssl.SSLError, urllib3.exceptions.SSLError, requests.exceptions.SSLError), "the TLS connection failed"),
        (ConnectionRefusedError, "connection refused"),
        (ConnectionResetError, "connection reset"),
        ((TimeoutError, urllib3.exceptions.TimeoutError, requests.exceptions.Timeout), "timed out"),
        ((EOFError, zlib.error), "its compression is damaged"),
    )
    for kinds, words in known:
        if any(isinstance(one, kinds) for one in seen):
            return words
    return "the connection broke"


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _target(url: str, location: str) -> str:
    """Returns where a redirect leads.

    Raises:
        DownloadRefusedError: if that is no URL. The same answer would come again.
    """
    try:
        if len(location) > LONGEST_URL:
            raise ValueError
        return urljoin(url, location)
    except ValueError:
        raise DownloadRefusedError("The download URL redirects to something that is not a URL.") from None


def _read(response: requests.Response) -> Answer:
    """Reads an answer that is not a file.

    Raises:
        UnavailableError: if it does not come completely.
        UnusableAnswerError: if it is too long. Of an answer that refuses, only the beginning is read.
    """
    status, parts, size = response.status_code, [], 0
    most = ANSWER_BYTES if 200 <= status < 300 else ERROR_BYTES
    with _as_api_errors(response.url, refused=status if most == ERROR_BYTES else None):
        for part in body_of(response, ERROR_BYTES):
            parts.append(part)
            size += len(part)
            if size > most:
                break
    if size > most == ANSWER_BYTES:
        raise UnusableAnswerError(f"LinkedIn's answer is longer than {most >> 20} MB.", status)
    return Answer(status, response.headers, b"".join(parts)[:most])


@contextlib.contextmanager
def _as_api_errors(url: str, refused: int | None = None) -> Iterator[None]:
    """Turns errors of a connection into errors of the API.

    Args:
        url: where the request goes.
        refused: the status of an answer that refuses. Then errors while reading its body are ignored.
    """
    host = urlsplit(url).hostname
    try:
        yield
    except ApiError:
        if refused is None:
            raise
    except (
        requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError, EOFError,
        zlib.error,
    ) as error:  # fmt: skip
        if refused is not None:
            return
        if wrong := (url.startswith("https:") and _wrong_certificates()) or _wrong_proxy(url):
            raise ConfigurationError(wrong) from None
        if any(type(one) in (http.client.LineTooLong, http.client.HTTPException) for one in causes(error)):
            raise UnusableAnswerError(f"The header of the answer of {host} is too long.") from None
        # the text of the exception has the URL, which may be signed
        raise UnavailableError(f"{host} cannot be reached: {why(error)}.") from None


def _wrong_certificates() -> str | None:
    """Returns what is wrong with the certificates that the environment names, None if nothing is."""
    for name in CA_VARIABLES:
        if path := os.environ.get(name):
            try:
                place = Path(path)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(**({"capath": path} if place.is_dir() else {"cafile": path}))
            except (OSError, ValueError):
                fault = "does not hold certificates" if place.exists() else "does not exist"
                return f"{name} = {path} {fault}. Name a file or folder of CA certificates there, or unset {name}."
            return None
    return None


def _why_not_trusted(errors: Sequence[BaseException]) -> str:
    """Says why a certificate is not trusted, in the words of OpenSSL, and where certificates of one's own are named."""
    said = next((str(one.verify_message) for one in errors if hasattr(one, "verify_message")), "")
    named = next((f"{name} names {os.environ[name]}" for name in CA_VARIABLES if os.environ.get(name)), None)
    own = named or f"{CA_VARIABLES[0]} names certificates of your own"
    return f"its certificate is not trusted here ({clean(said, 200).rstrip('.') + '; ' if said else ''}{own})"


def _wrong_proxy(url: str) -> str | None:
    """Returns what is wrong with the proxy that the environment names for a URL, None if nothing is or there is none.

    The address is not repeated, because it may hold a password.
    """
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not proxy or is_loopback(urlsplit(url).hostname or ""):
        return None
    named = (
        name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value.strip() == proxy.strip()
    )
    name = next(named, "The setting of this machine for a proxy")
    try:
        # as requests goes about it; without a scheme it is HTTP
        address = requests.utils.prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        host = urllib3.util.parse_url(address).host or ""
        requests.adapters.HTTPAdapter().proxy_manager_for(address)
        is_one = bool(host.encode("idna")) and not any(letter.isspace() for letter in host)
        is_one = is_one and ("://" in proxy or "//" not in proxy)
    except requests.exceptions.InvalidSchema:
        return f"{name} names a SOCKS proxy, for which a package is missing: {how_to_install('pysocks')}"
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError):
        is_one = False
    if is_one:
        return None
    return f"{name} is not the address of a proxy. Write it like http://proxy.example:8080, or unset it."


def _next_piece(raw: Any, size: int) -> bytes:
    piece: bytes = raw.read1(size, decode_content=False)
    return piece


def _inflated(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Decodes gzip or zlib, also with several members, in pieces of at most `size` bytes."""
    decoder, begun = zlib.decompressobj(zlib.MAX_WBITS | 32), False
    for piece in pieces:
        while piece:
            if decoder.eof:
                if not piece.strip(b"\0"):
                    break
                decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
            begun = True
            if decoded := decoder.decompress(piece, size):
                yield decoded
            piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if begun and not decoder.eof:
        raise EOFError("the compressed body has no end")
