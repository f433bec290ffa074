"""Secrets go over TLS, or stay on this machine."""

from typing import Any

import pytest

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.linkedin.client import Client
from salesnav_source.settings.addresses import check_address
from tests.fakes import CLIENT_SECRET, REFRESH_TOKEN, make_settings


@pytest.mark.parametrize(
    "url",
    [
        "https://api.linkedin.com/v2", "https://gateway.example:8443/linkedin/", "http://127.0.0.1:8080/v2",
        "http://localhost/v2", "http://[::1]:80/v2", "http://127.9.9.9/", "HTTPS://API.LINKEDIN.COM/v2",
    ],
)  # fmt: skip
def test_tls_and_this_machine_are_accepted(url: str) -> None:
    assert check_address("base_url", url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/v2", "http://10.0.0.1/v2", "http://localhost.example/v2", "http://127.0.0.1.example/",
        "ftp:x", "ftp://host/x", "", "nonsense", "https://", "https:///x", "https://user:Pa55@host/v2", "https://host\\@x/",
        "https://host:port/", "https://[::1", "https://h/v2?key=Pa55", "https://h/v2#Pa55", "https://h h/", "https://h/\nx",
        "http://2130706433/", "http://0.0.0.0/v2", "https://" + "a" * 9000, None,
    ],
)  # fmt: skip
def test_other_addresses_are_refused_and_not_repeated(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        check_address("base_url", url)
    assert "Pa55" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://gateway.example/token", "ftp:x", "https://user:Pa55@host/token"])
def test_a_client_sends_no_secret_over_plain_http(url: str) -> None:
    given = {"client_id": "id", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN, "token_url": url}
    with pytest.raises(ConfigurationError, match="token_url"):
        Client(make_settings(**given))
