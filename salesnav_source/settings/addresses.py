"""Which addresses may get a secret."""

import ipaddress
from urllib.parse import urlsplit

from salesnav_source.exceptions import ConfigurationError

LONGEST_URL = 8192
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int]:
    """Returns scheme, host and port of a URL.

    Raises:
        ValueError: if it is not an absolute http(s) URL, or is written so that programs may read it differently.
    """
    if len(url) > LONGEST_URL or "\\" in url or " " in url or not url.isprintable():
        raise ValueError("not a URL")
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in _PORTS or not host or " " in parts.netloc or "@" in parts.netloc:
        raise ValueError("not a URL")
    return parts.scheme, host, _PORTS[parts.scheme] if parts.port is None else parts.port


def is_loopback(host: str) -> bool:
    """Returns true if a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(name: str, url: str) -> str:
    """Returns the address of an API without a slash at its end.

    Args:
        name: the setting that holds the address.
        url: its value.

    Raises:
        ConfigurationError: if no secret may go there. The message does not repeat the value, which may hold one.
    """
    try:
        scheme, host, _ = origin(url)
        extra = urlsplit(url).query or urlsplit(url).fragment
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{name} is not an http(s) address without user and password. Write it like https://api.linkedin.com/v2."
        ) from None
    if extra:
        raise ConfigurationError(f"{name} has a query or a fragment; write the address without it.")
    if scheme != "https" and not is_loopback(host):
        raise ConfigurationError(
            f"{name} leads to {host} over plain HTTP, where anyone on the way can read the token. Write https://. Plain HTTP is"
            " accepted for this machine only (127.0.0.1, localhost)."
        )
    return url.rstrip("/")
