import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dlt
import pytest
import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from salesnav_source import cli
from salesnav_source.cli import contracts
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.linkedin.client import Contract
from salesnav_source.run.sync import sync
from salesnav_source.sandbox import FAULTS, ContractSpec, Sandbox, World
from salesnav_source.sandbox.faults import change, forbidden, throttle
from salesnav_source.settings.configuration import resolve_settings
from salesnav_source.settings.names import DEFAULT_PIPELINE, SANDBOX_PIPELINE
from salesnav_source.warehouse import destinations

NORTH, SOUTH, CLOSED = (f"urn:li:contract:{number}" for number in (1, 2, 3))
SPECS = (
    ContractSpec(NORTH, "North", "New business"),
    ContractSpec(SOUTH, "South"),
    ContractSpec(CLOSED, "Closed", has_reporting_access=False),
)
COMMAND = [sys.executable, "-m", "salesnav_source"]
DOWN, SPACE, ENTER, CTRL_C = "\x1b[B", " ", "\r", "\x03"
PREFIX = "SOURCES__SALESNAV__"

pytestmark = pytest.mark.usefixtures("project")


@dataclass
class Result:
    code: int
    out: str
    err: str


TRun = Callable[..., Result]
TServe = Callable[..., Sandbox]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[TServe]:
    """Serves a small world, and points the configuration in the environment to it."""
    with contextlib.ExitStack() as stack:

        def start(specs: tuple[ContractSpec, ...] = SPECS, **options: object) -> Sandbox:
            world = World(contracts=specs, seats_per_contract=2, activities_per_seat=2)
            sandbox = stack.enter_context(Sandbox(world, **options))  # type: ignore[arg-type]
            monkeypatch.setenv(f"{PREFIX}BASE_URL", sandbox.base_url)
            monkeypatch.setattr(contracts, "_refuse_invented", lambda base_url: None)
            monkeypatch.setenv(f"{PREFIX}CREDENTIALS__ACCESS_TOKEN", sandbox.access_token)
            monkeypatch.setenv(f"{PREFIX}CREDENTIALS__TOKEN_URL", sandbox.token_url)
            return sandbox

        yield start


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> TRun:
    """Runs the command in this process."""

    def command(*argv: str) -> Result:
        capsys.readouterr()
        code = cli.main(argv)
        return Result(code, *capsys.readouterr())

    return command


@pytest.fixture
def client_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__CLIENT_ID", "sandbox-client")
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__CLIENT_SECRET", "sandbox-secret")


def findings(result: Result) -> list[tuple[str, str, str]]:
    return [(line[:5].strip(), line[6:20].strip(), line[21:]) for line in result.out.splitlines()]


def finding(result: Result, subject: str, level: str | None = None) -> tuple[str, str]:
    """Returns the level and the text of the finding about something; the first of that level."""
    return next((lvl, text) for lvl, what, text in findings(result) if what == subject and level in (None, lvl))


def test_contracts_are_listed_with_one_call(serve: TServe, run: TRun) -> None:
    sandbox = serve()
    result = run("contracts")
    assert (result.code, result.err) == (0, "")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[2] == [NORTH, "North", "yes", "yes", "New", "business"]
    assert lines[4] == [CLOSED, "Closed", "no", "no"]
    assert [request.call for request in sandbox.requests] == ["contracts"]


def test_contracts_may_be_configured_by_name(serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", "south")
    lines = [line.split()[2:4] for line in run("contracts").out.splitlines()[2:]]
    assert lines == [["yes", "no"], ["yes", "yes"], ["no", "no"]]
    assert run("check").code == 0


def test_many_contracts_are_listed_page_by_page(serve: TServe, run: TRun) -> None:
    serve(tuple(ContractSpec(f"urn:li:contract:{number}", f"Team {number}") for number in range(25)))
    assert run("contracts").out.count("urn:li:contract:") == 25


def test_the_listing_tells_which_contracts_are_configured(
    serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f'["{SOUTH}"]')
    lines = [line.split()[2:4] for line in run("contracts").out.splitlines()[2:]]
    assert lines == [["yes", "no"], ["yes", "yes"], ["no", "no"]]
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f'["{SOUTH}", "urn:li:contract:999"]')
    (told,) = run("contracts").out.splitlines()[5:]
    assert told == "urn:li:contract:999 is configured, but not listed for the token's owner."


@pytest.mark.parametrize("argv", [["contracts"], ["contracts", "--choose"]], ids=" ".join)
def test_contracts_without_credentials(run: TRun, argv: list[str]) -> None:
    result = run(*argv)
    assert (result.code, result.out) == (2, "")
    assert "No credentials for LinkedIn were found" in result.err


def test_a_refused_token_is_a_message(serve: TServe, run: TRun) -> None:
    serve().revoke_token()
    result = run("contracts")
    assert (result.code, result.out) == (2, "")
    assert "does not accept the access token" in result.err and "sandbox-token" not in result.err
    assert "by `salesnav login`" in result.err


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_damaged_configuration_is_a_message(project: Path, name: str) -> None:
    (project / ".dlt").mkdir()
    (project / ".dlt" / name).write_text("[sources.salesnav\n")
    result = subprocess.run([*COMMAND, "check"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (2, "")
    assert result.stdout.startswith("fail  configuration") and f"{project}/.dlt/{name}" in result.stdout
    assert "at line 1" in result.stdout and "Correct that line" in result.stdout


def test_choosing_without_a_terminal_prints_what_to_configure(serve: TServe, run: TRun, project: Path) -> None:
    serve()
    result = run("contracts", "--choose")
    assert result.code == 2
    assert tomlkit.parse(result.out).unwrap() == {"sources": {"salesnav": {"contracts": [NORTH, SOUTH]}}}
    assert "not a terminal" in result.err and "config.toml" in result.err
    assert not (project / ".dlt").exists()


def test_there_may_be_nothing_to_choose(serve: TServe, run: TRun) -> None:
    serve(SPECS[2:])
    result = run("contracts", "--choose")
    assert result.code == 2 and "nothing to choose" in result.err


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Stands in for a terminal on which keys are pressed."""
    monkeypatch.setattr(contracts, "_on_terminal", lambda: True)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe.send_text


@pytest.mark.parametrize(
    ("configured", "pressed", "chosen"),
    [
        (None, ENTER, [NORTH, SOUTH]),
        (None, SPACE + ENTER, [SOUTH]),
        ([SOUTH], ENTER, [SOUTH]),
        ([SOUTH], SPACE + ENTER, [SOUTH, NORTH]),
        ([NORTH], SPACE + DOWN + SPACE + ENTER, [SOUTH]),
        ([NORTH], SPACE + ENTER + SPACE + ENTER, [NORTH]),
        ([CLOSED, NORTH], ENTER, [NORTH]),
    ],
    ids=[
        "all-at-first",
        "one-taken-out",
        "present-choice-kept",
        "one-added",
        "another-one",
        "none-is-not-taken",
        "without-access-dropped",
    ],
)
def test_a_choice_is_written(
    serve: TServe,
    run: TRun,
    keys: Callable[[str], None],
    project: Path,
    configured: list[str] | None,
    pressed: str,
    chosen: list[str],
) -> None:
    serve()
    path = project / ".dlt/config.toml"
    if configured is not None:
        path.parent.mkdir()
        path.write_text(f"[sources.salesnav]\ncontracts = {json.dumps(configured, indent=1)}\n")
        Container()[PluggableRunContext].reload_providers()
    keys(pressed)
    result = run("contracts", "--choose")
    assert (result.code, result.err) == (0, "")
    assert tomlkit.parse(path.read_text()).unwrap()["sources"]["salesnav"]["contracts"] == chosen
    assert set(resolve_settings({}).contracts) == set(chosen)


def test_ctrl_c_leaves_the_choice_as_it_is(
    serve: TServe, run: TRun, keys: Callable[[str], None], project: Path
) -> None:
    serve()
    keys(SPACE + CTRL_C)
    assert run("contracts", "--choose").code == 130
    assert not (project / ".dlt").exists()


def test_a_choice_that_has_no_effect_is_told(
    serve: TServe, run: TRun, keys: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f'["{SOUTH}"]')
    keys(SPACE + ENTER)
    result = run("contracts", "--choose")
    assert result.code == 0 and f"{PREFIX}CONTRACTS" in result.err


def test_choosing_on_a_real_terminal(serve: TServe, project: Path) -> None:
    (project / ".dlt").mkdir()
    base_url = serve().base_url
    (project / ".dlt/config.toml").write_text(f'[sources.salesnav]\nbase_url = "{base_url}"\n')
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = subprocess.Popen(
        [*COMMAND, "contracts", "--choose"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        start_new_session=True,
    )
    os.close(follower)
    with contextlib.closing(os.fdopen(leader, "rb+", buffering=0)) as terminal:
        shown = _read_until(terminal.fileno(), b"(no reporting access)")
        assert b"North" in shown
        terminal.write((DOWN + SPACE + ENTER).encode())
        shown = _read_until(terminal.fileno(), b"1 contract chosen")
        assert process.wait(300) == 0, shown
    assert tomlkit.parse((project / ".dlt/config.toml").read_text()).unwrap() == {
        "sources": {"salesnav": {"base_url": base_url, "contracts": [NORTH]}}
    }


def _read_until(descriptor: int, text: bytes, seconds: float = 300.0) -> bytes:
    shown, deadline = b"", time.monotonic() + seconds
    while text not in shown and time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                shown += os.read(descriptor, 4096)
            except OSError:
                break
    return shown


CHOSEN = [Contract(NORTH, 'North "A"\n= 1', None, True), Contract(SOUTH, "Süd", None, True)]


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# nothing but a comment",
        "[runtime]\nlog_level = 'INFO'  # why\n",
        "[sources.salesnav]\n# contracts = []\nlookback_days = 2  # two\n\n[runtime]\nlog_level = 'INFO'\n",
        "[sources.salesnav.credentials]\nclient_id = 'x'\n",
        "[sources]\nother = 1\n\n[sources.salesnav.credentials]\nclient_id = 'x'\n",
        "[sources.salesnav]\na = 1\n\n[runtime]\nb = 1\n\n[sources.salesnav.credentials]\nc = 1\n",
        "[sources.salesnav.credentials]\na = 1\n\n[runtime]\nb = 1\n\n[sources.other]\nc = 1\n",
        f"[sources.salesnav]\ncontracts = ['{CLOSED}', '{SOUTH}']  # the present ones\nlookback_days = 2\n",
        f"[sources.salesnav]\ncontracts = [\n  '{CLOSED}',\n  # ours\n  '{SOUTH}',  # the south\n]\nlookback_days = 2\n",
        f"[sources.salesnav]\ncontracts = [\n  '{SOUTH}'\n]",
        "[sources.salesnav]\ncontracts = 'urn:li:contract:3'\n",
        "[sources.salesnav]\r\na = 1  # one\r\n\r\n[runtime]\r\nb = 1\r\n",
        "sources.salesnav.a = 1\n",
        "sources = {salesnav = {a = 1}}\n",
    ],
    ids=[
        "empty",
        "comment",
        "other-section",
        "section",
        "credentials-only",
        "sources",
        "out-of-order",
        "no-section-between",
        "list",
        "list-with-comments",
        "list-at-the-end",
        "no-list",
        "crlf",
        "dotted",
        "inline",
    ],
)
def test_writing_a_choice_keeps_all_else(project: Path, before: str) -> None:
    path = project / "config.toml"
    path.write_bytes(before.encode())
    path.chmod(0o600)
    contracts.write_choice(path, CHOSEN)
    after = path.read_bytes().decode()
    expected = tomlkit.parse(before).unwrap()
    expected.setdefault("sources", {}).setdefault("salesnav", {})["contracts"] = [NORTH, SOUTH]
    found = tomlkit.parse(after).unwrap()
    found["sources"]["salesnav"]["contracts"].sort()
    assert found == expected
    kept = [line for line in before.splitlines() if CLOSED not in line and not line.startswith("sources = ")]
    assert set(line.rstrip(",") for line in kept) <= set(line.rstrip(",") for line in after.splitlines())
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in before else 0)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(project) == ["config.toml"]


def test_writing_a_choice_twice_changes_nothing(project: Path) -> None:
    path = project / "config.toml"
    contracts.write_choice(path, CHOSEN)
    once = path.read_text()
    assert f'"{NORTH}", # North "A" = 1' in once
    contracts.write_choice(path, CHOSEN)
    assert path.read_text() == once


@pytest.mark.parametrize(
    "before", ["sources = 3\n", "[[sources.salesnav]]\na = 1\n", "[sources\n", "\udcff"], ids=ascii
)
def test_a_file_that_cannot_be_changed_is_left(project: Path, before: str) -> None:
    path = project / "config.toml"
    path.write_bytes(before.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match=r"could not be changed.*by hand") as raised:
        contracts.write_choice(path, CHOSEN)
    assert NORTH in str(raised.value)
    assert path.read_bytes() == before.encode(errors="surrogateescape")
    assert os.listdir(project) == ["config.toml"]


def test_a_link_to_the_configuration_stays_one(project: Path) -> None:
    path = project / "config.toml"
    path.symlink_to("real.toml")
    contracts.write_choice(path, CHOSEN)
    assert path.is_symlink() and NORTH in (project / "real.toml").read_text()


def test_all_in_order(serve: TServe, run: TRun, client_known: None) -> None:
    sandbox = serve()
    result = run("check")
    assert (result.code, result.err) == (0, "")
    assert {(level, subject) for level, subject, _ in findings(result)} == {
        ("ok", subject) for subject in ("configuration", "address", "clock", "token", "refresh token", "contracts")
    }
    assert "59 days" in finding(result, "token")[1]
    assert finding(result, "contracts")[1] == "3 listed, 2 may be exported: North, South."
    assert "sandbox-token" not in result.out and "sandbox-secret" not in result.out
    assert [request.call for request in sandbox.requests] == ["contracts", "introspect"]


def test_the_life_of_a_token_is_not_told_without_a_client(serve: TServe, run: TRun) -> None:
    serve()
    result = run("check")
    assert result.code == 0
    level, text = finding(result, "token")
    assert level == "ok" and "client_id and client_secret" in text and "60 days" in text


@pytest.mark.parametrize(("days", "level"), [(8, "ok"), (6.5, "warn"), (0.1, "warn")], ids=["8", "6.5", "0.1"])
def test_a_token_that_ends_soon_is_warned_of(
    serve: TServe, run: TRun, client_known: None, days: float, level: str
) -> None:
    serve(token_seconds=days * 86400)
    result = run("check")
    assert result.code == 0
    assert finding(result, "token")[0] == level
    assert ("Get a new token by `salesnav login`" in finding(result, "token")[1]) == (level == "warn")


def test_a_revoked_token(serve: TServe, run: TRun, client_known: None) -> None:
    serve().revoke_token()
    result = run("check")
    assert result.code == 2
    level, text = finding(result, "token")
    assert level == "fail" and "LinkedIn calls it revoked" in text and "Get a new token" in text


def test_a_token_is_renewed_where_it_can_be(
    serve: TServe, run: TRun, client_known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = serve(rotate_refresh_token=False)
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__REFRESH_TOKEN", sandbox.refresh_token)
    sandbox.revoke_token()
    result = run("check")
    assert result.code == 0
    assert finding(result, "token")[0] == "ok"
    assert "renewed with it" in finding(result, "refresh token")[1]


@pytest.mark.parametrize(
    ("answer", "level", "text"),
    [
        ({"scope": "r_liteprofile,r_emailaddress"}, "fail", "lacks the scope r_sales_nav_analytics"),
        ({"scope": "r_liteprofile r_sales_nav_analytics"}, "ok", "59 days"),
        ({"active": False, "status": "expired"}, "warn", "another application"),
        ({"expires_at": None}, "ok", "does not say until when"),
    ],
    ids=["scope-missing", "scope-among-others", "of-another-application", "no-end"],
)
def test_what_introspection_tells(
    serve: TServe, run: TRun, client_known: None, answer: dict[str, object], level: str, text: str
) -> None:
    serve(faults=[change("introspect", **answer)])
    result = run("check")
    assert result.code == (2 if level == "fail" else 0)
    assert text in finding(result, "token", level)[1]


def test_a_client_that_linkedin_does_not_know(
    serve: TServe, run: TRun, client_known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CREDENTIALS__CLIENT_SECRET", "another")
    result = run("check")
    assert result.code == 0 and finding(result, "token")[0] == "warn"


@pytest.mark.parametrize(("off", "level"), [(-3600.0, "warn"), (3600.0, "warn"), (60.0, "ok")], ids=str)
def test_clocks_are_compared(serve: TServe, run: TRun, client_known: None, off: float, level: str) -> None:
    serve(clock=lambda: time.time() + off)
    result = run("check")
    assert result.code == 0 and finding(result, "clock")[0] == level
    if level == "warn":
        assert f"60 minutes {'behind' if off > 0 else 'ahead of'} LinkedIn's" in finding(result, "clock")[1]
    # the life of the token is counted by LinkedIn's clock
    assert "59 days" in finding(result, "token")[1] or "60 days" in finding(result, "token")[1]


@pytest.mark.parametrize(
    ("urn", "text"),
    [(CLOSED, f"Closed ({CLOSED}) is configured, but may not be exported"), ("urn:li:contract:9", "not listed")],
    ids=["closed", "unknown"],
)
def test_configured_contracts_must_be_exportable(
    serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch, urn: str, text: str
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f'["{NORTH}", "{urn}"]')
    result = run("check")
    assert result.code == 2 and text in finding(result, "contracts", "fail")[1]


def test_no_contract_may_be_exported(serve: TServe, run: TRun) -> None:
    serve(SPECS[2:])
    result = run("check")
    assert result.code == 2 and "Advanced" in finding(result, "contracts", "fail")[1]


@pytest.mark.parametrize(
    ("fault", "subject"),
    [
        (forbidden("contracts"), "contracts"),
        (throttle(call="contracts"), "contracts"),
        (FAULTS["not-json"]().where(call="contracts"), "address"),
        (FAULTS["reset"]().where(call="contracts"), "address"),
        (FAULTS["unavailable"]().where(call="contracts"), "address"),
    ],
    ids=["403", "429", "no-json", "reset", "503"],
)
def test_contracts_that_cannot_be_listed(serve: TServe, run: TRun, fault: object, subject: str) -> None:
    serve(faults=[fault])
    result = run("check")
    assert result.code == 2 and finding(result, subject)[0] == "fail"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v2", "{base_url}x"], ids=["nobody-there", "wrong-path"])
def test_a_wrong_address(serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(f"{PREFIX}BASE_URL", url.format(base_url=serve().base_url))
    result = run("check")
    assert result.code == 2
    level, text = finding(result, "address")
    assert level == "fail" and "Is base_url right?" in text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("START_DATE", "tomorrow", "is not a day"),
        ("START_DATE", "2999-01-01", "No day is wanted"),
        ("BASE_URL", "linkedin", "is not an http(s) address"),
        ("LOOKBACK_DAYS", "-1", "must be 0 or more"),
        ("CREDENTIALS__ACCESS_TOKEN", "", "No credentials"),
    ],
)
def test_a_wrong_setting(
    serve: TServe, run: TRun, monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str
) -> None:
    serve()
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    result = run("check")
    assert result.code == 2
    level, found = finding(result, "configuration")
    assert level == "fail" and text in found


@pytest.fixture
def loaded(serve: TServe, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pipelines that have loaded a day each: the one of the script, and that of its sandbox."""
    serve(SPECS[:1], job_seconds=(0, 0))
    monkeypatch.setenv("PIPELINES__PIPELINES_DIR", str(project / "places"))
    settings = resolve_settings({"poll_interval": 0.05, "start_date": "2020-01-01", "end_date": "2020-01-01"})
    for name in (DEFAULT_PIPELINE, SANDBOX_PIPELINE):
        pipeline = dlt.pipeline(name, destination="duckdb", dataset_name="salesnav")
        sync(pipeline, settings)
        pipeline.deactivate()


def test_the_status_of_a_pipeline(loaded: None, run: TRun, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "CREDENTIALS__ACCESS_TOKEN"):
        monkeypatch.delenv(f"{PREFIX}{name}")
    result = run("status", "--json")
    assert (result.code, result.err) == (0, "")
    status = json.loads(result.out)
    assert status["working_dir"] == str(project / "places" / DEFAULT_PIPELINE)
    assert [one["contract"] for one in status["exports"]] == [NORTH] * 3
    assert status["exports"][0]["covered"] == [{"first": "2020-01-01", "last": "2020-01-01", "days": 1}]
    assert status["exports"][0]["open"][0]["first"] == "2020-01-02"

    text = run("status", "--pipelines-dir", str(project / "places"))
    assert text.code == 0 and "2020-01-01  " in text.out and "not asked for yet" in text.out


def test_real_contracts_are_not_wanted_of_the_sandbox(loaded: None, run: TRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f'["{SOUTH}"]')
    for name, wanted in ((DEFAULT_PIPELINE, {NORTH, SOUTH}), (SANDBOX_PIPELINE, {NORTH})):
        status = json.loads(run("status", "--json", "--pipeline", name).out)
        assert {one["contract"] for one in status["exports"]} == wanted


def test_the_status_of_no_pipeline(run: TRun, project: Path) -> None:
    result = run("status", "--pipeline", "nothing")
    assert (result.code, result.out) == (2, "")
    assert "There is no pipeline nothing in" in result.err
    assert not list(project.rglob("nothing"))


def test_help_lists_the_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["sandbox", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert {line.split()[0] for line in lines[lines.index("faults:") + 1 :]} == set(FAULTS)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "required: COMMAND"),
        (["sandbox", "--fault", "nonsense"], "no fault 'nonsense'"),
        (["sandbox", "--fault", "throttle:often"], "how many times"),
    ],
    ids=["no-command", "unknown-fault", "no-number"],
)
def test_wrong_options(capsys: pytest.CaptureFixture[str], argv: list[str], text: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    assert ended.value.code == 2 and text in capsys.readouterr().err


def test_a_sandbox_that_cannot_be_served(run: TRun, serve: TServe) -> None:
    port = serve().base_url.rpartition(":")[2].partition("/")[0]
    result = run("sandbox", "--port", port)
    assert result.code == 2 and f"cannot serve on port {port}" in result.err
    assert run("sandbox", "--job-seconds", "3", "1").code == 2


def test_the_sandbox_is_served_until_ctrl_c(project: Path) -> None:
    served = subprocess.Popen(
        [*COMMAND, "sandbox", "--fault", "unavailable", "--job-seconds", "0", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert served.stdout is not None
    environment = {}
    for line in served.stdout:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            environment[name] = value
        if "TOKEN_URL" in line:
            break
    environment = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    check = subprocess.run([*COMMAND, "check"], env={**os.environ, **environment}, capture_output=True, text=True)
    served.send_signal(signal.SIGINT)
    _, err = served.communicate(timeout=300)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "Sandbox North" in check.stdout and "renewed with it" in check.stdout
    assert (served.returncode, err) == (130, "Stopped.\n")


def test_shards_divides_the_contracts_that_may_be_exported(run: TRun, serve: TServe) -> None:
    sandbox = serve()
    result = run("shards", "--count", "2", "--json")
    assert result.code == 0, result.err
    shards = json.loads(result.out)
    assert {shard["pipeline"] for shard in shards} <= {"salesnav_1", "salesnav_2"}
    assert sorted(urn for shard in shards for urn in shard["contracts"]) == [NORTH, SOUTH]
    printed = run("shards", "--count", "3")
    assert [line.split()[0] for line in printed.out.splitlines()] == ["1", "2", "3"]
    assert {request.call for request in sandbox.requests} == {"contracts"}


def test_shards_asks_nobody_where_contracts_are_configured(run: TRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}CONTRACTS", f"{NORTH}, {SOUTH}, {CLOSED}")
    result = run("shards", "--count", "1")
    assert (result.code, result.out) == (0, f" 1  3 contracts: {NORTH}, {SOUTH}, {CLOSED}\n")


def test_shards_takes_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["shards", "--count", "0"])
    assert "'0' is not a number from 1 on" in capsys.readouterr().err


def test_move_lets_another_pipeline_go_on_with_a_contract(
    run: TRun, serve: TServe, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = serve(job_seconds=(0.0, 0.0))
    monkeypatch.setenv(f"{PREFIX}POLL_INTERVAL", "0.02")
    load = ("load", "duckdb", "--database", str(project / "one.duckdb"), "--quiet", "--pipeline")
    assert run(*load, "first", "--contract", NORTH, "--contract", SOUTH).code == 0
    result = run("move", "duckdb", "--contract", SOUTH, "--from", "first", "--to", "second", *load[2:4])
    assert result.code == 0, result.err
    assert [line.split() for line in result.out.splitlines()[2:5]] == [
        ["South", f"({SOUTH})", export, "90"] for export in ("activities", "activity_outcomes", "seats")
    ]
    assert "second loads these contracts from now on" in result.out
    seen = len(sandbox.jobs)
    assert run(*load, "second", "--contract", SOUTH).code == 0
    assert run(*load, "first", "--contract", NORTH).code == 0
    assert len(sandbox.jobs) == seen
    again = run("move", "duckdb", "--contract", SOUTH, "--from", "first", "--to", "second", *load[2:4])
    assert (again.code, again.out) == (2, "")
    assert f"Of South ({SOUTH}) pipeline first has loaded nothing" in again.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_is_swallowed_ends_the_command_also_if_something_fails_of_it(
    monkeypatch: pytest.MonkeyPatch, project: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    def swallow(*args: object, **options: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        raise ConfigurationError("Nothing is configured.")

    monkeypatch.setattr("salesnav_source.cli.execution.settings_of", swallow)
    assert cli.main(["load", "duckdb"]) == 128 + number
    assert "Nothing is configured" not in capsys.readouterr().err


def test_an_option_that_there_is_not_says_where_the_options_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["status", "--from", "2026-01-01"])
    assert ended.value.code == 2
    assert "--from 2026-01-01 (`--help` in their place lists the options)" in capsys.readouterr().err


def test_a_warehouse_by_its_own_name_leads_to_the_name_that_dlt_has_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for called, named in destinations.OTHER_NAMES.items():
        assert named in destinations.DESTINATIONS
        with pytest.raises(SystemExit):
            cli.main(["load", called])
        assert f"Did you mean {named}?" in capsys.readouterr().err
