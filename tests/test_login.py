"""Signing in: over real sockets against the sandbox's consent page, with everything that a person may get wrong."""

import contextlib
import io
import logging
import os
import random
import re
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import dlt
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source import cli
from salesnav_source.cli import login
from salesnav_source.exceptions import SignInError
from salesnav_source.linkedin.loopback import Callback, awaited
from salesnav_source.linkedin.signin import SignIn, StrayAnswerError
from salesnav_source.run.sync import sync
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f
from salesnav_source.settings.configuration import SalesnavCredentials, resolve_settings
from salesnav_source.settings.names import DEFAULT_PIPELINE
from salesnav_source.settings.secrets_file import write_credentials

NORTH, SOUTH, CLOSED = (f"urn:li:contract:{number}" for number in (1, 2, 3))
SPECS = (
    ContractSpec(NORTH, "North"),
    ContractSpec(SOUTH, "South"),
    ContractSpec(CLOSED, "Closed", has_reporting_access=False),
)
PREFIX = "SOURCES__SALESNAV__"
CLIENT_SECRET = "WPLsecretClientSecret3K"
STATE = "the-state-of-this-attempt"


def free_port() -> int:
    """Returns a port below those that systems give away, so that no other test is given it meanwhile."""
    for port in random.SystemRandom().sample(range(20000, 30000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def fetched(url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Returns status, text, and where the answer leads."""
    data = None if form is None else urlencode(form).encode()
    try:
        with urllib.request.build_opener(_NoRedirect).open(url, data, 30) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers.get("Location", "")


def answered(url: str, decision: str = "allow") -> str:
    """Answers LinkedIn's page as a person does; returns where the browser ends: an address, or the page if it stays there."""
    status, page, back = fetched(url)
    if back:
        return back
    request = re.search(r'name="request" value="([^"]+)"', page)
    if status != 200 or request is None:
        return page
    return fetched(urljoin(url, "/oauth/v2/authorization"), {"request": request[1], "decision": decision})[2]


@dataclass
class Browser:
    """Stands in for the person's browser: opens what it is told in the background, as a real one does."""

    decision: str = "allow"
    before: Callable[[str], None] = lambda address: None
    """Called with the address to which the person is sent back."""
    pages: list[tuple[int, str]] = field(default_factory=list)
    """What was shown to the person after coming back."""
    ends: list[str] = field(default_factory=list)
    works: bool = True
    name: str = "firefox"

    def open(self, url: str) -> bool:
        self.thread = threading.Thread(target=self._visit, args=(url,), daemon=True)
        self.thread.start()
        return self.works

    def _visit(self, url: str) -> None:
        end = answered(url, self.decision)
        self.ends.append(end)
        if end.startswith("http"):
            self.before(end)
            status, text, _ = fetched(end)
            self.pages.append((status, text))


@dataclass
class Result:
    code: int
    out: str
    err: str


TServe = Callable[..., Sandbox]
TRun = Callable[..., Result]


@pytest.fixture(autouse=True)
def browser(project: Path, monkeypatch: pytest.MonkeyPatch) -> Browser:
    made = Browser()
    monkeypatch.setattr("webbrowser.get", lambda: made)
    # a test that fails does not wait for as long as a person may
    monkeypatch.setattr(login, "WAIT_SECONDS", 60.0)
    return made


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[TServe]:
    """Serves LinkedIn, and configures an application in the environment."""
    with contextlib.ExitStack() as stack:

        def start(*faults: f.Fault, specs: tuple[ContractSpec, ...] = SPECS, **options: Any) -> Sandbox:
            world = World(contracts=specs, seats_per_contract=2, activities_per_seat=2)
            sandbox = stack.enter_context(Sandbox(world, faults=faults, client_secret=CLIENT_SECRET, **options))
            configure(monkeypatch, sandbox)
            return sandbox

        yield start


def configure(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv(f"{PREFIX}BASE_URL", sandbox.base_url)
    values = {
        "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": CLIENT_SECRET,
        "AUTHORIZATION_URL": sandbox.authorization_url,
        "TOKEN_URL": sandbox.token_url,
        "REDIRECT_URL": f"http://localhost:{free_port()}/callback",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"{PREFIX}CREDENTIALS__{name}", value)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> TRun:
    def command(*argv: str) -> Result:
        capsys.readouterr()
        code = cli.main(["login", *argv])
        return Result(code, *capsys.readouterr())

    return command


def credentials(project: Path) -> dict[str, Any]:
    path = project / ".dlt/secrets.toml"
    if not path.exists():
        return {}
    found: Any = tomlkit.parse(path.read_text()).unwrap()
    return dict(found.get("sources", {}).get("salesnav", {}).get("credentials", {}))


def assert_refused(result: Result, project: Path, *parts: str) -> None:
    """Makes sure that one sentence or two say what is wrong, and that nothing was written."""
    assert result.code == 2, result
    said = result.err.strip().splitlines()
    assert len(said) == 1 and all(part in said[0] for part in parts), result.err
    assert credentials(project) == {}


def test_signing_in_writes_the_tokens_and_says_what_they_reach(
    serve: TServe, run: TRun, project: Path, browser: Browser
) -> None:
    sandbox = serve()
    result = run()
    assert (result.code, result.err) == (0, "")
    assert credentials(project) == {"access_token": sandbox.access_token, "refresh_token": sandbox.refresh_token}
    assert stat.S_IMODE((project / ".dlt/secrets.toml").stat().st_mode) == 0o600
    assert "It lives 60 days, until 20" in result.out and "It is renewed by itself, until 20" in result.out
    assert "It reaches 3 contracts, of which 2 may be exported:" in result.out
    assert all(urn in result.out for urn in (NORTH, SOUTH, CLOSED)) and "Next: `salesnav load duckdb`" in result.out
    browser.thread.join(60)
    ((status, page),) = browser.pages
    assert status == 200 and "You can close this page" in page
    assert [request.call for request in sandbox.requests] == ["authorize", "authorize", "exchange", "contracts"]
    assert resolve_settings({}).credentials.access_token == sandbox.access_token


def test_most_applications_get_no_refresh_token(serve: TServe, run: TRun, project: Path) -> None:
    sandbox = serve(f.no_refresh_token())
    result = run()
    assert (result.code, result.err) == (0, "")
    assert credentials(project) == {"access_token": sandbox.access_token}
    assert "LinkedIn gave no refresh token: run `salesnav login` again before then." in result.out


def test_the_refresh_token_of_an_earlier_sign_in_goes(serve: TServe, run: TRun, project: Path) -> None:
    write_credentials(project / ".dlt/secrets.toml", {"access_token": "sandbox-old", "refresh_token": "sandbox-older"})
    sandbox = serve(f.no_refresh_token())
    result = run()
    assert result.code == 0 and "The refresh token of an earlier sign-in was removed" in result.err
    assert credentials(project) == {"access_token": sandbox.access_token}


def test_all_else_in_the_file_stays(serve: TServe, run: TRun, project: Path) -> None:
    path = project / ".dlt/secrets.toml"
    path.parent.mkdir()
    before = (Path(cli.__file__).parent / "starter/secrets.toml.example").read_text()
    path.write_text(before)
    path.chmod(0o644)
    sandbox = serve()
    assert run().code == 0
    after = path.read_text().splitlines()
    assert f'access_token = "{sandbox.access_token}"' in after and f'refresh_token = "{sandbox.refresh_token}"' in after
    assert [line for line in before.splitlines() if line not in after] == ['access_token = ""']
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "before",
    [
        "[sources.salesnav.credentials]\nclient_id = 'x' # mine\n\n# BigQuery\n# [destination.bigquery]\n",
        "[sources.salesnav.credentials]\r\naccess_token = 'old' # until spring\r\n\r\n[runtime]\r\nb = 1\r\n",
        "[sources.salesnav]\na = 1\n\n[other]\nb = 1\n",
        "sources = {salesnav = {credentials = {client_id = 'x'}}} # inline\n",
        "sources.salesnav.credentials.client_id = 'x'\n",
        "[sources.salesnav.credentials]\n# nothing yet\n",
        "# nothing at all\n",
        "",
    ],
    ids=["comments-after", "crlf", "no-credentials", "inline", "dotted", "only-comment", "comment", "empty"],
)
def test_a_token_stands_before_the_comments_that_follow(project: Path, before: str) -> None:
    path = project / "secrets.toml"
    path.write_bytes(before.encode())
    write_credentials(path, {"access_token": "new-token", "refresh_token": None})
    after = path.read_bytes().decode()
    expected: Any = tomlkit.parse(before).unwrap()
    expected.setdefault("sources", {}).setdefault("salesnav", {}).setdefault("credentials", {})["access_token"] = (
        "new-token"
    )
    assert tomlkit.parse(after).unwrap() == expected
    comments = [re.sub(r"^[^#]*", "", line) for line in before.splitlines() if "#" in line]
    assert all(comment in after for comment in comments)
    assert "# [destination.bigquery]" not in before or after.index("new-token") < after.index("# BigQuery")
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in before else 0)


def test_cancelling_changes_nothing(serve: TServe, run: TRun, project: Path, browser: Browser) -> None:
    serve()
    browser.decision = "cancel"
    assert_refused(run(), project, "Access was not allowed", "Nothing was changed", "`salesnav login` again")
    browser.thread.join(60)
    assert [status for status, _ in browser.pages] == [200]


def test_a_redirect_url_that_is_not_registered(
    serve: TServe, run: TRun, project: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "WAIT_SECONDS", 0.5)
    serve(redirect_uris=["http://localhost:1/other"])
    result = run()
    redirect_url = os.environ[f"{PREFIX}CREDENTIALS__REDIRECT_URL"]
    assert_refused(result, project, "did not come back", f"register {redirect_url} with the application")
    assert f"must have this redirect URL registered: {redirect_url}\n" in result.out
    browser.thread.join(60)
    assert "does not match" in browser.ends[0] and not browser.pages


def test_a_client_id_that_linkedin_does_not_know(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "WAIT_SECONDS", 0.5)
    serve()
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__CLIENT_ID", "another")
    assert_refused(run(), project, "did not come back", "correct credentials.client_id")


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        (f.scope_refused(), ("may not ask for the scope r_sales_nav_analytics", "ask LinkedIn")),
        (f.other_scope(), ("has granted r_liteprofile alone", "ask LinkedIn")),
        (f.code_expired(), ("does not accept the code", "30 minutes", "`salesnav login` again")),
        (f.respond(500, "exchange"), ("did not exchange the code", "later")),
        (f.respond(429, "exchange"), ("did not exchange the code", "later")),
        (f.respond(404, "exchange"), ("gave no token", "Is credentials.token_url right?")),
        (f.reset("exchange"), ("could not be exchanged", "connection reset", "later")),
        (f.not_json().where(call="exchange"), ("gave no token", "Is credentials.token_url right?")),
        (f.change("exchange", access_token="line\nbreak"), ("gave no token",)),
        (f.product_missing(), ("was not kept", "lacks LinkedIn's product or the scope")),
        (f.unauthorized("contracts").where(times=None), ("does not accept the token", "Do base_url and", "belong together")),
    ],
    ids=[
        "scope-refused", "other-scope", "code-expired", "500", "429", "404", "reset", "no-json", "no-token", "403", "401",
    ],
)  # fmt: skip
def test_what_linkedin_refuses_is_a_sentence(
    serve: TServe, run: TRun, project: Path, fault: f.Fault, parts: tuple[str, ...]
) -> None:
    serve(fault)
    assert_refused(run(), project, *parts)


def test_a_wrong_secret(serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__CLIENT_SECRET", "S3cretOfAnotherApplication")
    result = run()
    assert_refused(result, project, "does not accept client_secret with this client_id (HTTP 401)", "tab Auth")
    assert "S3cretOf" not in result.out + result.err


def test_a_token_endpoint_that_does_not_answer(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__TOKEN_URL", f"http://127.0.0.1:{free_port()}/oauth/v2/accessToken")
    assert_refused(run(), project, "could not be exchanged", "connection refused", "later")


def test_one_stray_401_is_no_refusal(serve: TServe, run: TRun, project: Path) -> None:
    sandbox = serve(f.unauthorized("contracts"))
    assert run().code == 0
    assert credentials(project)["access_token"] == sandbox.access_token


def test_a_token_is_kept_though_the_contracts_cannot_be_listed(serve: TServe, run: TRun, project: Path) -> None:
    sandbox = serve(f.unavailable(503, "contracts").where(times=None))
    result = run()
    assert (
        result.code == 3 and "Which contracts it reaches is not known" in result.err and "salesnav check" in result.err
    )
    assert credentials(project)["access_token"] == sandbox.access_token


def test_no_contract_may_be_exported_yet(serve: TServe, run: TRun) -> None:
    serve(specs=SPECS[2:])
    result = run()
    assert result.code == 0 and "of which 0 may be exported" in result.out and "reporting role" in result.out
    assert "Next" not in result.out


@pytest.mark.parametrize("configured", [f'["{NORTH}", "{SOUTH}"]', "Nord"], ids=["urns", "name"])
def test_another_account_than_that_of_the_contracts_configured(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch, configured: str
) -> None:
    serve(specs=(ContractSpec("urn:li:contract:9", "Theirs"),))
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", configured)
    wanted = "Nord" if configured == "Nord" else NORTH
    assert_refused(
        run(), project, "reaches none of the contracts", wanted, "Theirs (urn:li:contract:9)", "Sign out of LinkedIn"
    )


def test_an_account_that_lacks_one_contract(serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(specs=SPECS[:1])
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f"north, {SOUTH}")
    result = run()
    assert result.code == 0 and f"does not reach {SOUTH}" in result.err


def test_another_account_than_that_of_the_contracts_loaded(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINES__PIPELINES_DIR", str(project / "places"))
    sandbox = serve(specs=SPECS[:1], job_seconds=(0, 0))
    pipeline = dlt.pipeline(DEFAULT_PIPELINE, destination="duckdb", dataset_name="salesnav")
    days = {"poll_interval": 0.05, "start_date": "2020-01-01", "end_date": "2020-01-01"}
    sync(pipeline, resolve_settings({**days, "credentials": {"access_token": sandbox.access_token}}))
    pipeline.deactivate()
    assert run().code == 0
    (project / ".dlt/secrets.toml").unlink()
    serve(specs=SPECS[1:2])
    assert_refused(run(), project, "reaches none of the contracts", f"North ({NORTH})", f"South ({SOUTH})")
    # what another folder has loaded is of no matter here
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run().code == 0


def test_a_port_that_is_taken(serve: TServe, run: TRun, project: Path, browser: Browser) -> None:
    serve()
    port = int(re.search(r":(\d+)/", os.environ[f"{PREFIX}CREDENTIALS__REDIRECT_URL"])[1])  # type: ignore[index]
    with socket.create_server(("127.0.0.1", port)):
        assert_refused(run(), project, f"Port {port} of this machine", "another `salesnav login`", "--redirect-url")
    assert not browser.ends


@pytest.mark.parametrize(
    ("redirect_url", "part"),
    [
        ("https://app.example.com/back", "--no-browser"),
        ("http://app.example.com/back", "over plain HTTP"),
        ("http://[::1]:8723/callback", "cannot wait"),
        ("https://localhost:8723/callback", "cannot wait"),
        ("localhost:8723", "Write it like http://localhost:8723/callback"),
        ("http://localhost:8723/callback#x", "Write it like"),
        ("http://localhost:0/callback", "Write it like"),
    ],
)
def test_a_redirect_url_where_nobody_can_wait(
    serve: TServe, run: TRun, project: Path, browser: Browser, redirect_url: str, part: str
) -> None:
    serve()
    assert_refused(run("--redirect-url", redirect_url), project, part)
    assert not browser.ends


@pytest.mark.parametrize("missing", [("CLIENT_ID",), ("CLIENT_SECRET",), ("CLIENT_ID", "CLIENT_SECRET")], ids=" ".join)
def test_what_is_missing_to_sign_in_is_named(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    serve()
    for name in missing:
        monkeypatch.delenv(f"{PREFIX}CREDENTIALS__{name}")
    named = f"set {' and '.join(missing).lower()} of your LinkedIn application"
    assert_refused(run(), project, named, f"{project}/.dlt/secrets.toml", "developer portal")
    for name in missing:
        monkeypatch.setenv(f"{PREFIX}CREDENTIALS__{name}", "...")
    assert_refused(run(), project, *(f"credentials.{name.lower()} is still a placeholder" for name in missing))


def test_another_folder_that_has_secrets_is_named(run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_credentials(project / ".dlt/secrets.toml", {"client_id": "x"})
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    result = run()
    assert result.code == 2 and f"There is one in {project}/.dlt: run the command in {project}" in result.err


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("BASE_URL", "https://api.linkedin.com/v2", "base_url leads to api.linkedin.com"),
        ("AUTHORIZATION_URL", "https://www.linkedin.com/oauth/v2/authorization", "Set both, or neither"),
        ("TOKEN_URL", "https://www.linkedin.com/oauth/v2/accessToken", "Set both, or neither"),
        ("AUTHORIZATION_URL", "http://login.example.com/authorization", "over plain HTTP"),
        ("TOKEN_URL", "login", "credentials.token_url is not an http(s) address"),
        ("CLIENT_SECRET", "sécret", "characters that no token has"),
    ],
)
def test_a_setting_that_cannot_be_right(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, part: str
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}{name}" if name == "BASE_URL" else f"{PREFIX}CREDENTIALS__{name}", value)
    assert_refused(run(), project, part)


def test_a_machine_without_a_browser_is_told_of_the_other_way(
    serve: TServe, run: TRun, project: Path, browser: Browser
) -> None:
    serve()
    browser.works = False
    result = run()
    assert result.code == 0 and "run `salesnav login --no-browser`" in result.err


def test_a_browser_on_the_terminal_is_none(
    serve: TServe, run: TRun, project: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setattr(login, "WAIT_SECONDS", 0.1)
    browser.name = "w3m"
    result = run()
    assert result.code == 2 and "run `salesnav login --no-browser`" in result.err and not browser.ends


def test_an_answer_with_another_state_is_not_used_and_the_right_one_is_awaited(
    serve: TServe, run: TRun, project: Path, browser: Browser
) -> None:
    sandbox = serve()
    shown: list[tuple[int, str]] = []

    def stray(address: str) -> None:
        for _ in range(2):
            status, page, _ = fetched(re.sub(r"state=[^&]*", "state=another", address))
            shown.append((status, page))

    browser.before = stray
    result = run()
    assert result.code == 0 and credentials(project)["access_token"] == sandbox.access_token
    assert [status for status, _ in shown] == [400, 400] and "out of date" in shown[0][1]
    assert result.err.count("its state is not the one that was sent") == 1
    assert [request.call for request in sandbox.requests].count("exchange") == 1


@pytest.fixture
def git(project: Path) -> Callable[..., None]:
    def command(*arguments: str) -> None:
        identity = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.com"}
        identity |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@example.com"}
        subprocess.run(
            ["git", *arguments], cwd=project, check=True, capture_output=True, env={**os.environ, **identity}
        )

    command("init")
    return command


def test_a_file_that_git_would_commit_is_refused_before_anything_is_asked(
    serve: TServe, run: TRun, project: Path, browser: Browser, git: Callable[..., None]
) -> None:
    sandbox = serve()
    assert_refused(run(), project, "git would commit", f"the line /.dlt/secrets.toml to {project}/.gitignore")
    assert not browser.ends and not sandbox.requests
    (project / ".gitignore").write_text("/.dlt/secrets.toml\n")
    assert run().code == 0


def test_a_file_that_git_has_is_refused_though_it_is_ignored(
    serve: TServe, run: TRun, project: Path, git: Callable[..., None]
) -> None:
    serve()
    path = project / ".dlt/secrets.toml"
    path.parent.mkdir()
    path.write_text("")
    git("add", ".dlt/secrets.toml")
    git("commit", "-m", "x")
    (project / ".gitignore").write_text(".dlt/secrets.toml\n")
    assert_refused(run(), project, "is in the git repository", "git rm --cached .dlt/secrets.toml")
    git("rm", "--cached", ".dlt/secrets.toml")
    assert run().code == 0


def test_where_git_does_not_tell_it_is_said(
    serve: TServe, run: TRun, project: Path, git: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setattr("salesnav_source.settings.secrets_file.shutil.which", lambda name: None)
    result = run()
    assert result.code == 0 and "Whether git ignores" in result.err


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"[sources.salesnav\naccess_token = 'S3cretToken'\n", "it is not TOML: line 1"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[sources.salesnav]\ncredentials = 'S3cretToken'\n", "with a table [sources.salesnav.credentials] in it"),
    ],
    ids=["no-toml", "no-utf8", "token-alone"],
)
def test_a_file_that_cannot_be_changed_is_refused_before_anything_is_asked(
    serve: TServe, run: TRun, project: Path, browser: Browser, content: bytes, part: str
) -> None:
    serve()
    path = project / ".dlt/secrets.toml"
    path.parent.mkdir()
    path.write_bytes(content)
    result = run()
    assert result.code == 2 and result.err.count("\n") == 1 and part in result.err and str(path) in result.err
    assert "S3cret" not in result.out + result.err
    assert path.read_bytes() == content and not browser.ends


def test_a_folder_that_cannot_be_written(serve: TServe, run: TRun, project: Path, browser: Browser) -> None:
    serve()
    (project / ".dlt").write_text("")
    result = run()
    assert result.code == 2 and "cannot be written" in result.err and not browser.ends


def test_a_token_that_goes_before_the_new_one_is_named(
    serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__ACCESS_TOKEN", "sandbox-token")
    result = run()
    assert result.code == 0 and "another access_token is set elsewhere" in result.err
    assert f"{PREFIX}CREDENTIALS__ACCESS_TOKEN" in result.err and "sandbox-token" not in result.err


def test_an_invented_token_does_not_replace_a_real_one(
    serve: TServe, run: TRun, project: Path, browser: Browser
) -> None:
    serve()
    path = project / ".dlt/secrets.toml"
    write_credentials(path, {"access_token": "AQXrealToken"})
    result = run()
    assert result.code == 2 and "in another folder" in result.err and "AQX" not in result.err
    assert credentials(project) == {"access_token": "AQXrealToken"} and not browser.ends


def test_the_sandbox_of_the_command_itself_writes_nothing(run: TRun, project: Path) -> None:
    result = run("--sandbox", "--redirect-url", f"http://127.0.0.1:{free_port()}/callback")
    assert result.code == 0 and "Signed in to the sandbox; nothing was written" in result.out
    assert "Sandbox North" in result.out and "salesnav load duckdb --sandbox" in result.out
    assert not (project / ".dlt").exists()


@pytest.fixture
def fixed_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: STATE)


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def end_of(sandbox: Sandbox, decision: str = "allow", redirect_url: str = "https://app.example.com/back") -> str:
    """Returns where a browser elsewhere ends."""
    made = SalesnavCredentials(
        client_id=sandbox.client_id,
        client_secret=CLIENT_SECRET,
        authorization_url=sandbox.authorization_url,
        token_url=sandbox.token_url,
    )
    return answered(SignIn.of(made, redirect_url, lambda: STATE).address, decision)


BACK = ("--no-browser", "--redirect-url", "https://app.example.com/back")


def test_without_a_browser_the_address_is_typed_in(
    serve: TServe, run: TRun, project: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch, fixed_state: None
) -> None:
    sandbox = serve(redirect_uris=["https://app.example.com/back"])
    end = end_of(sandbox)
    asked = f"{sandbox.authorization_url}?response_type=code&state={STATE}"
    typed(monkeypatch, "", "what?", asked, re.sub("state=[^&]*", "state=old", end), f'  "{end}" ')
    result = run(*BACK)
    assert result.code == 0 and credentials(project)["access_token"] == sandbox.access_token
    said = result.err.splitlines()
    assert len(said) == 3
    assert (
        "not the address at which the browser ends" in said[0] and "begins with https://app.example.com/back" in said[0]
    )
    assert "That is the address to open" in said[1] and "belongs to another attempt" in said[2]
    assert f"{sandbox.authorization_url}?response_type=code&" in result.out and not browser.ends


@pytest.mark.parametrize("lines", [(), ("hello",)], ids=["nothing", "nonsense"])
def test_no_address_comes(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
) -> None:
    serve()
    typed(monkeypatch, *lines)
    result = run("--no-browser")
    assert result.code == 2 and credentials(project) == {}
    assert "did not come on standard input. Run `salesnav login --no-browser` again" in result.err.splitlines()[-1]


def test_a_refusal_is_typed_in(
    serve: TServe, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch, fixed_state: None
) -> None:
    sandbox = serve()
    typed(monkeypatch, end_of(sandbox, "cancel", "http://localhost/"))
    assert_refused(run("--no-browser", "--redirect-url", "http://localhost/"), project, "Access was not allowed")


def test_no_secret_is_in_anything_printed_or_logged(
    serve: TServe, run: TRun, caplog: pytest.LogCaptureFixture, browser: Browser
) -> None:
    sandbox = serve(f.code_expired().where(times=1), access_token="AQXaccessToken7Q", refresh_token="AQWrefreshToken9Z")
    with caplog.at_level(logging.DEBUG):
        results = [run(), run()]
    assert [result.code for result in results] == [2, 0]
    codes = [request.body["code"] for request in sandbox.requests if request.path == "/oauth/v2/accessToken"]
    assert len(codes) == 2
    text = caplog.text + "".join(result.out + result.err for result in results)
    assert not any(secret in text for secret in (*codes, "AQXaccess", "AQWrefresh", CLIENT_SECRET))
    assert "localhost" in caplog.text or "127.0.0.1" in caplog.text


def test_a_bug_shows_no_code(
    serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = serve()
    monkeypatch.setattr("salesnav_source.linkedin.auth._seconds", lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        run()
    (request,) = (one for one in sandbox.requests if one.path == "/oauth/v2/accessToken")
    shown = "".join(str(part) for part in caught.traceback) + str(caught.value)
    assert request.body["code"] not in shown and CLIENT_SECRET not in shown


ATTEMPT = SignIn("id", "secret", "https://x/authorization", "https://x/token", "http://localhost:8723/callback", STATE)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)
CODES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)


@given(
    code=CODES,
    others=st.dictionaries(st.sampled_from(["x", "iss", "scope"]), ANY_TEXT.filter(str.isascii)),
    data=st.data(),
)
def test_a_pasted_address_gives_its_code(code: str, others: dict[str, str], data: st.DataObject) -> None:
    pairs = data.draw(st.permutations([("code", code), ("state", STATE), *others.items()]))
    query = urlencode(pairs)
    begin = data.draw(st.sampled_from([ATTEMPT.redirect_url + "?", "localhost:8723/callback?", "?", ""]))
    around = data.draw(st.sampled_from([("", ""), (" \t", "\n"), ('"', '"'), ("<", ">"), ("'", "'\r\n")]))
    end = data.draw(st.sampled_from(["", "#", "#_=_"]))
    assert ATTEMPT.code(around[0] + begin + query + end + around[1]) == code


@given(text=ANY_TEXT, state=ANY_TEXT.filter(lambda text: text != STATE), code=CODES)
def test_a_pasted_address_without_the_state_gives_nothing(text: str, state: str, code: str) -> None:
    for address in (text, f"?code={code}&{text}", "?" + urlencode({"code": code, "state": state}, errors="replace")):
        with pytest.raises(StrayAnswerError):
            ATTEMPT.code(address)
        assert not ATTEMPT.is_answered_by(address)


@pytest.mark.parametrize(
    "query", ["", "&code=", "&response_type=code&scope=x"], ids=["state-alone", "empty-code", "address-to-open"]
)
def test_the_state_without_a_code_is_no_answer(query: str) -> None:
    address = f"{ATTEMPT.redirect_url}?state={STATE}{query}"
    assert not ATTEMPT.is_answered_by(address)
    with pytest.raises(StrayAnswerError):
        ATTEMPT.code(address)


@given(error=ANY_TEXT, description=ANY_TEXT)
def test_whatever_linkedin_says_is_one_line(error: str, description: str) -> None:
    query = urlencode({"error": error or "x", "error_description": description, "state": STATE}, errors="replace")
    with pytest.raises(SignInError) as caught:
        ATTEMPT.code(f"{ATTEMPT.redirect_url}?{query}")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@contextlib.contextmanager
def waiting() -> Iterator[tuple[Callback, str]]:
    url = f"http://localhost:{free_port()}/callback"
    callback = Callback(url, lambda target: "state=right" in target)
    with awaited(callback, url):
        yield callback, url.replace("localhost", "127.0.0.1")


def test_only_what_is_awaited_is_answered_and_once() -> None:
    with waiting() as (callback, url):
        assert [fetched(one)[0] for one in (url, url + "/more?state=right", url.removesuffix("callback"))] == [404] * 3
        assert fetched(f"{url}?state=right", {})[0] == 501
        assert fetched(f"{url}?state=wrong&code=1")[0] == 400
        assert callback.wait(0) is None
        status, page, _ = fetched(f"{url}?state=right&code=1")
        assert status == 200 and "You can close this page" in page and "code" not in page
        assert fetched(f"{url}?state=right&code=2")[0] == 404
        assert callback.wait(60) == f"{url.replace('127.0.0.1', 'localhost')}?state=right&code=1"
        assert callback.wait(0) is None
    with pytest.raises(OSError):
        fetched(url)


def test_a_connection_that_says_nothing_does_not_hold_others_up() -> None:
    with waiting() as (_, url):
        port = int(url.rpartition(":")[2].partition("/")[0])
        with (
            socket.create_connection(("127.0.0.1", port)) as silent,
            socket.create_connection(("127.0.0.1", port)) as rude,
        ):
            rude.sendall(b"\0\xff nonsense\r\n\r\n")
            assert fetched(f"{url}?state=right")[0] == 200
            silent.close()


def test_no_other_address_of_this_machine_is_listened_on() -> None:
    with waiting() as (_, url):
        port = int(url.rpartition(":")[2].partition("/")[0])
        for host, kind in (("127.0.0.2", socket.AF_INET), ("::1", socket.AF_INET6)):
            with socket.socket(kind) as other, pytest.raises(OSError):
                other.connect((host, port))


def test_the_page_keeps_what_it_was_sent_to_itself() -> None:
    with waiting() as (_, url), urllib.request.urlopen(f"{url}?state=right&code=1") as answer:
        headers = dict(answer.headers)
    assert headers["Cache-Control"] == "no-store" and headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"] and "Server" not in headers


def started(project: Path, *argv: str, **variables: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2]), "PYTHONUNBUFFERED": "1", **variables}
    command = [sys.executable, "-m", "salesnav_source", "login", *argv]
    pipes: dict[str, Any] = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    return subprocess.Popen(command, cwd=project, env=environment, text=True, **pipes)


def address_in(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return next(line.strip() for line in process.stdout if "/oauth/v2/authorization?" in line)


def test_a_server_signs_in_by_an_address_that_is_pasted(serve: TServe, project: Path) -> None:
    sandbox = serve()
    with started(project, "--no-browser") as process:
        out, err = process.communicate(answered(address_in(process)) + "\n", timeout=120)
    assert (process.returncode, err) == (0, ""), out
    assert credentials(project)["access_token"] == sandbox.access_token


@pytest.mark.parametrize("button", ["Allow", "Cancel"])
def test_a_person_signs_in_with_chromium(serve: TServe, project: Path, button: str) -> None:
    from dashboard.browser import chromium

    sandbox = serve()
    opened = project / "opened"
    program = project / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    program.chmod(0o755)
    with chromium() as browser, started(project, BROWSER=str(program)) as process:
        address = address_in(process)
        page = browser.new_context().new_page()
        page.goto(address)
        page.get_by_role("button", name=button).click()
        page.get_by_role("heading", name="You can close this page").wait_for()
        _, err = process.communicate(timeout=120)
    assert opened.read_text() == address
    assert process.returncode == (0 if button == "Allow" else 2), err
    assert credentials(project) == (
        {"access_token": sandbox.access_token, "refresh_token": sandbox.refresh_token} if button == "Allow" else {}
    )
