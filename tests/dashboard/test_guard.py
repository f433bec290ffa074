"""Who is served by the dashboard: whoever has the cookie, by its own name, from its own pages; everything else is refused."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from salesnav_source.marts.dashboard.server import LOOPBACK, Guard

HOST = "127.0.0.1:8000"


@pytest.fixture
def guard() -> Guard:
    return Guard(PlainTextResponse("rows"), LOOPBACK, 8000)


def ask(guard: Guard, path: str = "/usage", method: str = "GET", query: str = "", **headers: str) -> tuple[int, Any]:
    """Returns status and headers of an answer."""
    given = {"host": HOST, **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": raw}
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def cookie_of(guard: Guard) -> str:
    return str(ask(guard, query=f"token={guard.token}")[1]["set-cookie"].partition(";")[0])


@pytest.mark.parametrize("host", [HOST, "localhost:1", "LOCALHOST", "[::1]:8000"])
def test_the_cookie_is_served_by_every_name_of_this_machine(guard: Guard, host: str) -> None:
    assert ask(guard, host=host, cookie=cookie_of(guard), origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "127.0.0.1#x", "127.0.0.1, x", "[::1", "\xff"],
)
def test_another_name_is_refused(guard: Guard, host: str) -> None:
    assert ask(guard, host=host, cookie=cookie_of(guard))[0] == 403


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://[",
        "http://127.0.0.1:9000",
        f"http://{HOST}.evil.example",
        f"http://evil@{HOST}",
        f"ftp://{HOST}",
    ],
)
def test_pages_of_another_origin_get_nothing(guard: Guard, origin: str) -> None:
    assert ask(guard, cookie=cookie_of(guard), origin=origin)[0] == 403


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"method": "POST"},
        {"method": "OPTIONS"},
        {"host": "evil.example"},
        {"origin": "http://["},
        {"query": "token=x"},
        {"query": "token=%00%ff&&"},
        {"cookie": "salesnav_8000="},
        {"cookie": "a[b=c;;=;"},
    ],
    ids=repr,
)
def test_every_refusal_has_the_headers_of_a_page(guard: Guard, asked: dict[str, Any]) -> None:
    status, headers = ask(guard, **asked)
    assert status in (401, 403, 405)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["//evil.example//", "/\\evil.example", "/\r\nSet-Cookie: x=y"])
def test_the_token_leads_to_no_other_place(guard: Guard, path: str) -> None:
    status, headers = ask(guard, path, query=f"token={guard.token}&a=b")
    assert status == 303
    assert headers["location"].startswith("/") and headers["location"][1] not in "/\\"
    assert not set("\r\n") & set(headers["location"]) and guard.token not in headers["location"]
