"""Signing in where the token server is hostile: a sentence, nothing of a secret shown, nothing broken in the file."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_client import HTTP, Ticking, dripping, flooding, talking
from test_login import (  # noqa: F401
    CLIENT_SECRET,
    PREFIX,
    TRun,
    TServe,
    assert_refused,
    browser,
    credentials,
    run,
    serve,
)

from salesnav_source.linkedin import transport
from tests.fakes import RawRequest, http_answer, serving

TOKEN = "AQXaccessToken7Q"
TSignIn = Callable[[Any], Any]


def given(**changes: Any) -> bytes:
    return http_answer(200, json.dumps({"access_token": TOKEN, "expires_in": 5184000, **changes}).encode())


@pytest.fixture
def sign_in(serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch) -> TSignIn:  # noqa: F811
    """Signs in at LinkedIn's stand-in, where the token server gives an answer of its own."""

    def sign_in(answer: Any) -> Any:
        serve(access_token=TOKEN)
        with serving(answer) as server:
            monkeypatch.setenv(f"{PREFIX}CREDENTIALS__TOKEN_URL", f"{server.origin}/token")
            return run()

    return sign_in


DEEP = b"[" * 50_000 + b"]" * 50_000
REFUSED = {
    "deep": (http_answer(200, b'{"access_token":"AQX","x":' + DEEP + b"}"), "gave no token"),
    "inflated": (http_answer(200, gzip.compress(b"x" * (64 << 20), 1), Content_Encoding="gzip"), "longer than 8 MB"),
    "html": (http_answer(200, b"<html>\x1b[31m\x07\r\n::error::x</html>", Content_Type="text/html"), "gave no token"),
    "line-break-in-token": (given(access_token="AQX\r\nrefresh_token = 1"), "gave no token"),
    "control-in-token": (given(access_token="AQX\x00"), "gave no token"),
    "endless-token": (given(access_token="A" * 100_000), "gave no token"),
    "redirect": (http_answer(307, b"", Location="http://127.0.0.1:1/steal"), "gave no token (HTTP 307)"),
    "no-http": (b"SSH-2.0-OpenSSH\r\n", "the connection broke"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_answer_without_a_usable_token_is_a_sentence(case: str, sign_in: TSignIn, project: Path) -> None:
    answer, part = REFUSED[case]
    result = sign_in(answer)
    assert_refused(result, project, part)
    assert "\x1b" not in result.err and not (project / ".dlt/secrets.toml").exists()


def test_what_a_refusal_says_holds_no_secret_and_no_command(sign_in: TSignIn, project: Path) -> None:
    sent: list[str] = []

    def echo(request: RawRequest) -> bytes:
        sent.append(request.body.decode())
        said = f"\x1b]0;title\x07\x1b[31m\u202e ##[error] {sent[0][:200]}\n::error::x"
        return http_answer(400, json.dumps({"error": "invalid_request", "error_description": said}).encode())

    result = sign_in(echo)
    assert_refused(result, project, "does not accept the code", "client_secret=***")
    assert CLIENT_SECRET in sent[0] and CLIENT_SECRET not in result.out + result.err
    assert not {"\x1b", "\x07", "\u202e"} & set(result.err) and "##[" not in result.err


ENDLESS = {
    "status-line": (b"", b"H", "too long"),
    "header": (HTTP + b"X-Name: ", b"a", "too long"),
    "body": (HTTP + b"\r\n", b" ", "longer than 8 MB"),
}


@pytest.mark.parametrize("case", ENDLESS)
@pytest.mark.parametrize("is_slow", [True, False], ids=["slow", "fast"])
def test_an_answer_that_does_not_end_is_a_sentence(
    is_slow: bool,
    case: str,
    serve: TServe,  # noqa: F811
    run: TRun,  # noqa: F811
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve()
    begin, drop, part = ENDLESS[case]
    if is_slow:
        made = transport.Transport.__init__
        monkeypatch.setattr(transport.Transport, "__init__", lambda self, url: made(self, url, None, Ticking(20.0)))
    with talking(dripping(begin, drop) if is_slow else flooding(begin, drop * 20_000)) as origin:
        monkeypatch.setenv(f"{PREFIX}CREDENTIALS__TOKEN_URL", f"{origin}/token")
        assert_refused(run(), project, "could not be exchanged", "timed out" if is_slow else part)


ODD_TOKEN = "R\"\"\"'''\\[x]#=1"


@pytest.mark.parametrize(
    ("changes", "refresh_token"),
    [
        ({"refresh_token": ODD_TOKEN}, ODD_TOKEN),
        ({"refresh_token": "R\naccess_token = 1"}, None),
        ({"expires_in": None}, None),
        ({"expires_in": -5}, None),
        ({"expires_in": float("nan")}, None),
        ({"expires_in": 1e300}, None),
    ],
    ids=["quotes", "line-break", "no-life", "negative-life", "nan", "endless-life"],
)
def test_odd_values_beside_a_good_token_break_nothing(
    changes: dict[str, Any], refresh_token: str | None, sign_in: TSignIn, project: Path
) -> None:
    result = sign_in(given(**changes))
    assert (result.code, result.err) == (0, "")
    kept = {"access_token": TOKEN} | ({"refresh_token": refresh_token} if refresh_token else {})
    assert credentials(project) == kept and TOKEN not in result.out
    if "expires_in" in changes:
        assert "LinkedIn does not say how long it lives" in result.out
