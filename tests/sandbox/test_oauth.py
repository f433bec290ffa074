"""Signing in: the page that asks for consent, the exchange of its code, and the tokens that it gives."""

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from salesnav_source.sandbox import faults as f

BACK = "http://localhost:8765/callback"
RIGHT = {
    "response_type": "code",
    "client_id": "sandbox-client",
    "redirect_uri": BACK,
    "state": "a&b <c>",
    "scope": "r_sales_nav_analytics",
}


def asked(client: Any, **changes: str | None) -> Any:
    query = {name: value for name, value in {**RIGHT, **changes}.items() if value is not None}
    return client.request("GET", f"{client.sandbox.authorization_url}?{urlencode(query)}", Authorization=None)


def decided(client: Any, page: Any, decision: str) -> Any:
    request = re.search(r'name="request" value="([^"]+)"', page.content.decode())
    assert request is not None
    return client.form("/oauth/v2/authorization", request=request[1], decision=decision)


def brought_back(reply: Any, to: str = BACK) -> dict[str, str]:
    """Returns what the browser takes back."""
    assert (reply.status, reply.content) == (302, b"")
    address, _, query = reply.headers["location"].partition("?")
    assert address == to
    return {name: value for name, (value,) in parse_qs(query).items()}


def code_of(client: Any) -> str:
    return brought_back(decided(client, asked(client), "allow"))["code"]


def exchanged(client: Any, code: str, /, **changes: str) -> Any:
    values = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": "sandbox-client"}
    return client.form(client.sandbox.token_url, **{**values, "client_secret": "sandbox-secret", **changes})


def test_allowing_gives_tokens_that_work(client: Any) -> None:
    page = asked(client)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b">Allow<" in page.content and b">Cancel<" in page.content
    back = brought_back(decided(client, page, "allow"))
    assert back["state"] == RIGHT["state"]
    tokens = exchanged(client, back["code"]).json
    assert (tokens["expires_in"], tokens["refresh_token_expires_in"]) == (60 * 86400, 365 * 86400)
    assert tokens["scope"] == "r_sales_nav_analytics"
    assert client.contracts(Authorization=f"Bearer {tokens['access_token']}").status == 200
    assert client.introspect(tokens["access_token"])["status"] == "active"
    renewed = client.renew(tokens["refresh_token"]).json
    assert client.contracts(Authorization=f"Bearer {renewed['access_token']}").status == 200
    assert client.contracts(Authorization="Bearer sandbox-token").status == 200
    assert client.renew("sandbox-refresh-token").status == 200
    assert [record.call for record in client.sandbox.requests][:3] == ["authorize", "authorize", "exchange"]


def test_cancelling_gives_no_code(client: Any) -> None:
    back = brought_back(decided(client, asked(client), "cancel"))
    assert set(back) == {"error", "error_description", "state"}
    assert back["error"] == "user_cancelled_authorize"


def test_a_page_is_answered_once(client: Any) -> None:
    page = asked(client)
    assert decided(client, page, "cancel").status == 302
    again = decided(client, page, "allow")
    assert (again.status, b"Begin to sign in once more" in again.content) == (400, True)


def test_without_a_state_none_comes_back(client: Any) -> None:
    assert set(brought_back(decided(client, asked(client, state=None), "allow"))) == {"code"}


def test_a_query_of_the_redirect_url_is_kept(serve: Any) -> None:
    client = serve(redirect_uris=[f"{BACK}?from=x"])
    reply = decided(client, asked(client, redirect_uri=f"{BACK}?from=x"), "allow")
    assert set(brought_back(reply)) == {"from", "code", "state"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"redirect_uri": "https://elsewhere.example/callback"}, "redirect_uri", id="other-redirect-url"),
        pytest.param({"redirect_uri": None}, "redirect_uri", id="no-redirect-url"),
        pytest.param({"redirect_uri": "http://["}, "redirect_uri", id="no-url"),
        pytest.param({"redirect_uri": f"{BACK}\r\nX-Other: 1"}, "redirect_uri", id="line-break"),
        pytest.param({"redirect_uri": f"{BACK}/\u65e5"}, "redirect_uri", id="no-ascii"),
        pytest.param({"redirect_uri": f"{BACK}#part"}, "redirect_uri", id="fragment"),
        pytest.param({"client_id": "other"}, "client_id", id="other-client"),
        pytest.param({"response_type": "token"}, "response_type", id="other-response-type"),
        pytest.param({"scope": None}, "scope", id="no-scope"),
        pytest.param({"scope": " "}, "scope", id="blank-scope"),
    ],
)
def test_wrong_requests_are_refused_as_a_page(client: Any, changes: dict[str, Any], said: str) -> None:
    page = asked(client, **changes)
    assert (page.status, "location" in page.headers) == (400, False)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert said in page.content.decode()


def test_only_registered_redirect_urls_are_taken(serve: Any) -> None:
    client = serve(redirect_uris=[BACK])
    assert asked(client).status == 200
    assert asked(client, redirect_uri=f"{BACK}/").status == 400


def test_a_scope_that_the_application_lacks_sends_the_browser_back(client: Any) -> None:
    back = brought_back(asked(client, scope="r_sales_nav_analytics w_member_social"))
    assert (back["error"], back["state"]) == ("unauthorized_scope_error", RIGHT["state"])


def test_what_the_application_sends_stands_in_the_page_as_text(client: Any) -> None:
    page = asked(client, redirect_uri=f"{BACK}?<i>&quot;")
    assert b"<i>" not in page.content
    assert b"&lt;i&gt;" in page.content


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        pytest.param({"client_secret": "other"}, 401, "invalid_client", id="wrong-secret"),
        pytest.param({"client_id": "other"}, 401, "invalid_client", id="other-client"),
        pytest.param({"redirect_uri": "http://localhost:1/"}, 400, "invalid_request", id="other-redirect-url"),
        pytest.param({"code": "other"}, 400, "invalid_request", id="unknown-code"),
        pytest.param({"code": ""}, 400, "invalid_request", id="no-code"),
        pytest.param({"grant_type": "password"}, 400, "unsupported_grant_type", id="other-grant"),
    ],
)
def test_wrong_exchanges_are_refused(client: Any, changes: dict[str, str], status: int, error: str) -> None:
    code = code_of(client)
    reply = exchanged(client, code, **changes)
    assert (reply.status, reply.json["error"]) == (status, error)
    assert reply.json["error_description"]
    assert client.sandbox.access_token == "sandbox-token"
    assert exchanged(client, code).status == 200


def test_a_code_is_exchanged_once(client: Any) -> None:
    code = code_of(client)
    assert [exchanged(client, code).status for _ in range(2)] == [200, 400]


def test_a_code_lives_for_half_an_hour(client: Any) -> None:
    young, old = code_of(client), code_of(client)
    client.clock.now += 30 * 60 - 1
    assert exchanged(client, young).status == 200
    client.clock.now += 1
    assert exchanged(client, old).status == 400


def test_refresh_tokens_of_two_grants_live_side_by_side(client: Any) -> None:
    first, second = (exchanged(client, code_of(client)).json["refresh_token"] for _ in range(2))
    assert first != second
    third = client.renew(first).json["refresh_token"]
    assert [client.renew(token).status for token in (first, second, third)] == [400, 200, 200]


def test_introspection_needs_a_token(client: Any) -> None:
    url = client.sandbox.introspection_url
    reply = client.form(url, client_id="sandbox-client", client_secret="sandbox-secret")
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_faults_of_signing_in(serve: Any) -> None:
    back = brought_back(asked(serve(f.scope_refused())))
    assert (back["error"], back["state"]) == ("unauthorized_scope_error", RIGHT["state"])
    client = serve(f.no_refresh_token(), f.other_scope())
    tokens = exchanged(client, code_of(client)).json
    assert (set(tokens), tokens["scope"]) == ({"access_token", "expires_in", "scope"}, "r_liteprofile")
    client = serve(f.code_expired())
    code = code_of(client)
    assert [exchanged(client, code).status for _ in range(2)] == [400, 200]


@pytest.mark.parametrize(("button", "answer"), [("Allow", "code"), ("Cancel", "error")])
def test_a_browser_walks_through_it(serve: Any, button: str, answer: str) -> None:
    from dashboard.browser import chromium

    client, target = serve(), serve()
    back = f"{target.sandbox.base_url.removesuffix('/v2')}/callback"
    query = urlencode({**RIGHT, "redirect_uri": back})
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{client.sandbox.authorization_url}?{query}")
        assert page.title() == "Allow access?"
        page.get_by_role("button", name=button).click()
        page.wait_for_url(f"{back}?*")
        brought = parse_qs(urlsplit(page.url).query)
        context.close()
    assert answer in brought and brought["state"] == [RIGHT["state"]]
