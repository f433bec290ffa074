"""The access token: renewed once for all, with the refresh token kept where the old one stood and nowhere else."""

import logging
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from salesnav_source.exceptions import AccessTokenError, SalesnavError, UnavailableError
from salesnav_source.linkedin.answers import Answer
from salesnav_source.linkedin.auth import TokenProvider, keep_in_secrets
from salesnav_source.linkedin.client import Client
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f
from salesnav_source.settings.configuration import SalesnavCredentials
from tests.fakes import CLIENT_SECRET, REFRESH_TOKEN, TODAY, TOKEN, URN, RawRequest, http_answer, make_settings, serving


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World(contracts=(ContractSpec(URN, "One"),), seats_per_contract=2, today=lambda: TODAY)
    with Sandbox(world, access_token=TOKEN, refresh_token=REFRESH_TOKEN, client_secret=CLIENT_SECRET) as server:
        yield server


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Refresh tokens that would have been written to the project's secrets."""
    written: list[tuple[str, str]] = []

    def keep(old: str, new: str) -> bool:
        written.append((old, new))
        return True

    monkeypatch.setattr("salesnav_source.linkedin.auth.keep_in_secrets", keep)
    return written


def client_of(sandbox: Sandbox, **changes: Any) -> Client:
    given: dict[str, Any] = {
        "access_token": TOKEN,
        "client_id": sandbox.client_id,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "token_url": sandbox.token_url,
        **changes,
    }
    return Client(make_settings(sandbox.base_url, **{name: value for name, value in given.items() if value}))


def renewals(sandbox: Sandbox) -> list[dict[str, str]]:
    return [request.body for request in sandbox.requests if request.path == "/oauth/v2/accessToken"]


def test_a_token_that_lives_is_not_renewed(sandbox: Sandbox) -> None:
    client_of(sandbox).contracts()
    assert renewals(sandbox) == []


def test_a_dead_token_is_renewed_and_the_call_repeated(sandbox: Sandbox) -> None:
    sandbox.revoke_token()
    client = client_of(sandbox)
    assert len(client.contracts()) == 1
    assert renewals(sandbox) == [
        {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH_TOKEN,
            "client_id": sandbox.client_id,
            "client_secret": CLIENT_SECRET,
        }
    ]
    assert client.tokens.token() == sandbox.access_token
    client.contracts()
    assert len(renewals(sandbox)) == 1


def test_renewing_does_not_send_the_access_token(sandbox: Sandbox) -> None:
    sandbox.revoke_token()
    client_of(sandbox).contracts()
    request = next(one for one in sandbox.requests if one.path == "/oauth/v2/accessToken")
    assert "authorization" not in request.headers
    assert request.raw_query == ""


def test_without_an_access_token_one_is_got_first(sandbox: Sandbox) -> None:
    assert len(client_of(sandbox, access_token=None).contracts()) == 1
    assert len(renewals(sandbox)) == 1
    assert len(sandbox.requests) == 2


def test_one_renewal_serves_all_waiting_threads(sandbox: Sandbox) -> None:
    sandbox.revoke_token()
    sandbox.add_fault(f.hang(0.2, "token"))
    client, together, errors = client_of(sandbox), threading.Barrier(12), []

    def work() -> None:
        together.wait(300)
        try:
            client.contracts()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert errors == []
    assert len(renewals(sandbox)) == 1


def test_the_rotated_refresh_token_is_used_next_and_kept(sandbox: Sandbox, kept: list[tuple[str, str]]) -> None:
    client = client_of(sandbox)
    for _ in range(2):
        sandbox.revoke_token()
        client.contracts()
    used = [form["refresh_token"] for form in renewals(sandbox)]
    assert used == [REFRESH_TOKEN, f"{REFRESH_TOKEN}-2"]
    assert kept == [(REFRESH_TOKEN, f"{REFRESH_TOKEN}-2"), (f"{REFRESH_TOKEN}-2", f"{REFRESH_TOKEN}-3")]
    assert client.tokens.notes == []


def test_a_refresh_token_that_stays_is_not_written(kept: list[tuple[str, str]]) -> None:
    world = World(contracts=(ContractSpec(URN, "One"),))
    with Sandbox(
        world, access_token=TOKEN, refresh_token=REFRESH_TOKEN, client_secret=CLIENT_SECRET, rotate_refresh_token=False
    ) as sandbox:
        sandbox.revoke_token()
        client_of(sandbox).contracts()
    assert kept == []


def test_a_refresh_token_that_cannot_be_kept_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salesnav_source.linkedin.auth.keep_in_secrets", lambda old, new: False)
    sandbox.revoke_token()
    client = client_of(sandbox)
    assert len(client.contracts()) == 1
    assert len(client.tokens.notes) == 1
    assert "refresh token" in client.tokens.notes[0] and REFRESH_TOKEN not in client.tokens.notes[0]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"refresh_token": "S3cretRefreshTokenOfOld"}, id="dead-refresh-token"),
        pytest.param({"client_secret": "S3cretOfTheClientOfOld"}, id="wrong-client"),
        pytest.param({"client_id": None, "client_secret": None, "refresh_token": None}, id="nothing-to-renew-with"),
    ],
)
def test_a_token_that_cannot_be_renewed_says_what_to_do(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    sandbox.revoke_token()
    with pytest.raises(AccessTokenError) as caught:
        client_of(sandbox, **changes).contracts()
    said = str(caught.value)
    assert "r_sales_nav_analytics" in said and "secrets.toml" in said
    assert not any(secret in said for secret in (TOKEN, REFRESH_TOKEN, CLIENT_SECRET))
    assert len(renewals(sandbox)) <= 1


def test_a_new_token_that_is_refused_as_well_ends_it(sandbox: Sandbox) -> None:
    sandbox.add_fault(f.unauthorized("contracts").where(times=None))
    with pytest.raises(AccessTokenError):
        client_of(sandbox).contracts()
    assert len(renewals(sandbox)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        f.unavailable(503, "token"), f.respond(429, "token"), f.respond(500, "token"), f.reset("token"), f.close("token"),
    ],
    ids=["503", "429", "500", "reset", "closed"],
)  # fmt: skip
def test_a_renewal_without_an_answer_may_be_tried_again(sandbox: Sandbox, fault: f.Fault) -> None:
    sandbox.revoke_token()
    sandbox.add_fault(fault)
    client = client_of(sandbox)
    with pytest.raises(UnavailableError):
        client.contracts()
    assert len(client.contracts()) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"access_token":7}', b'{"access_token":""}'])
def test_a_renewal_that_brings_no_token_is_no_renewal(body: bytes) -> None:
    def answer(request: RawRequest) -> bytes:
        return http_answer(200, body) if "accessToken" in request.target else http_answer(401, b"{}")

    with serving(answer) as server:
        given = {"client_id": "id", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
        token_url = f"{server.origin}/oauth/v2/accessToken"
        client = Client(make_settings(f"{server.origin}/v2", access_token=TOKEN, token_url=token_url, **given))
        with pytest.raises(SalesnavError) as caught:
            client.contracts()
        assert isinstance(caught.value, (AccessTokenError, UnavailableError))


def test_a_renewal_is_not_redirected() -> None:
    with serving(http_answer(200, b'{"access_token":"x"}')) as elsewhere:
        with serving(http_answer(307, Location=elsewhere.origin)) as server:
            given = {"client_id": "id", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
            client = Client(make_settings(f"{server.origin}/v2", token_url=f"{server.origin}/token", **given))
            with pytest.raises(SalesnavError):
                client.contracts()
        assert elsewhere.requests == []


def test_introspection_tells_of_the_token(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    told = client.tokens.introspect()
    assert told is not None
    assert (told["active"], told["status"], told["scope"]) == (True, "active", "r_sales_nav_analytics")
    sandbox.revoke_token()
    told = client.tokens.introspect()
    assert told is not None and (told["active"], told["status"]) == (False, "revoked")
    request = sandbox.requests[-1]
    assert request.path == "/oauth/v2/introspectToken" and request.raw_query == ""
    assert request.body["token"] == TOKEN


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": None, "client_secret": None, "refresh_token": None}, id="no-client"),
        pytest.param({"client_secret": "wrong"}, id="wrong-client"),
    ],
)
def test_introspection_that_is_not_possible_tells_nothing(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    assert client_of(sandbox, **changes).tokens.introspect() is None


def test_nothing_of_it_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        sandbox.revoke_token()
        client = client_of(sandbox)
        client.contracts()
        client.tokens.introspect()
    for text in (caplog.text, repr(client.tokens), repr(client.tokens._credentials)):
        assert not any(secret in text for secret in (TOKEN, REFRESH_TOKEN, CLIENT_SECRET))


def test_the_provider_takes_any_way_to_post_and_to_keep() -> None:
    def post(url: str, data: dict[str, str], **more: Any) -> Answer:
        return Answer(200, {}, b'{"access_token":"new","refresh_token":"rotated"}')

    kept: list[tuple[str, str]] = []
    credentials = SalesnavCredentials(client_id="id", client_secret="secret", refresh_token="old")
    provider = TokenProvider(credentials, post, lambda old, new: not kept.append((old, new)))
    assert provider.token() == "new"
    provider.renew("another")
    assert kept == [("old", "rotated")]


SECRETS = """\
# keep this file out of git
[sources.salesnav.credentials]
client_id = "id"       # the application
refresh_token = "R-1"  # replaced by each renewal

[destination.bigquery.credentials]
private_key = '''
-----BEGIN-----
'''
"""


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text(SECRETS)
    path.chmod(0o600)
    return path


def test_the_new_refresh_token_stands_where_the_old_one_stood(secrets: Path) -> None:
    assert keep_in_secrets("R-1", "R-2", secrets) is True
    assert secrets.read_text() == SECRETS.replace('"R-1"', '"R-2"')
    assert [path.name for path in secrets.parent.iterdir()] == ["secrets.toml"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
def test_the_mode_of_the_secrets_stays(secrets: Path, mode: int) -> None:
    secrets.chmod(mode)
    keep_in_secrets("R-1", "R-2", secrets)
    assert stat.S_IMODE(secrets.stat().st_mode) == mode


@pytest.mark.parametrize("content", [SECRETS.replace("R-1", "other"), "", "[sources]\n"])
def test_secrets_without_the_old_token_stay_as_they_are(secrets: Path, content: str) -> None:
    secrets.write_text(content)
    before = secrets.stat().st_mtime_ns
    assert keep_in_secrets("R-1", "R-2", secrets) is False
    assert (secrets.read_text(), secrets.stat().st_mtime_ns) == (content, before)


def test_secrets_that_are_not_there_are_not_made(tmp_path: Path) -> None:
    assert keep_in_secrets("R-1", "R-2", tmp_path / "secrets.toml") is False
    assert list(tmp_path.iterdir()) == []


def test_values_that_merely_contain_the_old_token_stay(secrets: Path) -> None:
    secrets.write_text('access_token = "R-1-and-more"\nrefresh_token = "R-1"\n')
    assert keep_in_secrets("R-1", "R-2", secrets) is True
    assert secrets.read_text() == 'access_token = "R-1-and-more"\nrefresh_token = "R-2"\n'


@pytest.mark.parametrize("new", ['with"quote', "with\\backslash", "plain_-.~+/="])
def test_the_file_can_be_read_whatever_the_new_token_is(secrets: Path, new: str) -> None:
    kept = keep_in_secrets("R-1", new, secrets)
    read: Any = tomlkit.parse(secrets.read_text())
    assert read["sources"]["salesnav"]["credentials"]["refresh_token"] == (new if kept else "R-1")


def test_line_ends_stay(secrets: Path) -> None:
    secrets.write_bytes(SECRETS.replace("\n", "\r\n").encode())
    assert keep_in_secrets("R-1", "R-2", secrets) is True
    assert secrets.read_bytes() == SECRETS.replace("R-1", "R-2").replace("\n", "\r\n").encode()


def test_a_link_to_the_secrets_stays_a_link(secrets: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(secrets)
    assert keep_in_secrets("R-1", "R-2", link) is True
    assert link.is_symlink()
    assert "R-2" in secrets.read_text()
