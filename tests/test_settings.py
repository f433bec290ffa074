"""Settings: what they take, what they refuse and how they say so, and which days they want."""

import inspect
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source import salesnav
from salesnav_source.days.windows import Coverage, Days, Window
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.settings.configuration import (
    CHECKS,
    SalesnavConfiguration,
    SalesnavCredentials,
    Settings,
    misspelt_settings,
    resolve_settings,
)
from salesnav_source.settings.privacy import PersonalData
from tests.fakes import CLIENT_SECRET, OTHER_URN, REFRESH_TOKEN, TOKEN, URN, make_settings

ROOT = Path(__file__).parents[1]

RENEWAL = {"client_id": "id", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make_settings(**changes)
    return str(caught.value)


def test_defaults_are_those_of_the_readme() -> None:
    settings = Settings.check(SalesnavConfiguration(credentials=SalesnavCredentials(access_token=TOKEN)))
    assert settings.base_url == "https://api.linkedin.com/v2"
    assert settings.credentials.token_url == "https://www.linkedin.com/oauth/v2/accessToken"
    assert settings.contracts == ()
    assert (settings.start_date, settings.end_date) == (None, None)
    assert (settings.lookback_days, settings.max_concurrent_jobs) == (3, 30)
    assert (settings.poll_interval, settings.poll_max_interval) == (5, 60)
    assert (settings.job_timeout, settings.queue_timeout, settings.outage_timeout) == (3600, 7200, 600)
    assert settings.personal_data == PersonalData("keep")


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        pytest.param("base_url", "api.linkedin.com/v2", "http", id="url-without-scheme"),
        pytest.param("base_url", "ftp://api.linkedin.com", "http", id="url-of-another-scheme"),
        pytest.param("base_url", "", "http", id="no-url"),
        pytest.param("base_url", "https://", "http", id="url-without-host"),
        pytest.param("base_url", "https://api.linkedin.com/v2 ", "http", id="url-with-a-space"),
        pytest.param("contracts", [URN, "urn:li:seat:1"], "urn:li:contract:", id="another-urn"),
        pytest.param("contracts", ["urn:li:contract:"], "urn:li:contract:", id="urn-without-number"),
        pytest.param("start_date", "01-31-2026", "YYYY-MM-DD", id="american-day"),
        pytest.param("start_date", "2026-02-29", "YYYY-MM-DD", id="no-leap-day"),
        pytest.param("start_date", "20260101", "YYYY-MM-DD", id="basic-iso-day"),
        pytest.param("start_date", "2026-W01-1", "YYYY-MM-DD", id="iso-week"),
        pytest.param("start_date", "2026-01-01T00:00", "YYYY-MM-DD", id="time"),
        pytest.param("end_date", "yesterday", "YYYY-MM-DD", id="word"),
        pytest.param("lookback_days", -1, "0 or more", id="negative-lookback"),
        pytest.param("lookback_days", "three", "not a whole number; the default is 3", id="word-for-a-number"),
        pytest.param("max_rejected", "10%", "not a number; the default is 0.1", id="per-cent"),
        pytest.param("max_concurrent_jobs", 0, "1 or more", id="no-jobs"),
        pytest.param("poll_interval", 0, "greater than 0", id="no-interval"),
        pytest.param("poll_interval", float("nan"), "greater than 0", id="nan-interval"),
        pytest.param("poll_max_interval", -1.0, "greater than 0", id="negative-interval"),
        pytest.param("job_timeout", 0.0, "greater than 0", id="no-timeout"),
        pytest.param("personal_data", "hash", "keep, pseudonymize, drop", id="no-mode"),
    ],
)
def test_what_is_refused_is_named_with_its_value(name: str, value: Any, takes: str) -> None:
    said = refused(**{name: value})
    assert name in said
    # an address may hold a password, so it is not repeated
    assert name == "base_url" or repr(value[-1] if isinstance(value, list) else value) in said
    assert takes in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_rejected", "10%", "max_rejected = '10%' is not a number; the default is 0.1."),
        ("lookback_days", "3.5", "lookback_days = '3.5' is not a whole number; the default is 3."),
        ("job_timeout", "1h", "job_timeout = '1h' is not a number; the default is 3600."),
    ],
)
def test_what_the_environment_has_for_a_number(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv("SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv(f"SOURCES__SALESNAV__{name.upper()}", value)
    with pytest.raises(ConfigurationError) as caught:
        resolve_settings()
    assert str(caught.value) == said


@pytest.mark.parametrize("key", [None, "", "fifteen letters", "  fifteen letters "])
def test_pseudonyms_take_a_key_that_is_not_shown(key: str | None) -> None:
    said = refused(personal_data="pseudonymize", pseudonym_key=key)
    assert "pseudonym_key of at least 16 characters" in said
    assert "token_hex" in said and "fifteen" not in said


def test_a_start_after_the_end_is_refused_with_both() -> None:
    said = refused(start_date="2026-03-02", end_date="2026-03-01")
    assert all(part in said for part in ("start_date", "2026-03-02", "end_date", "2026-03-01"))


@pytest.mark.parametrize(
    "given_url", ["https://api.linkedin.com/v2", "https://api.linkedin.com/v2/", "http://[::1]:8/v2//"]
)
def test_slashes_at_the_end_of_base_url_do_not_matter(given_url: str) -> None:
    assert make_settings(given_url).base_url == given_url.rstrip("/")


def test_a_contract_named_twice_is_taken_once_in_the_order_given() -> None:
    assert make_settings(contracts=[OTHER_URN, URN, OTHER_URN]).contracts == (OTHER_URN, URN)


@pytest.mark.parametrize(
    "day",
    [
        pytest.param("2024-02-29", id="text"),
        pytest.param(date(2024, 2, 29), id="toml-day"),
        pytest.param(datetime(2024, 2, 29, 23, 59, tzinfo=timezone.utc), id="toml-time"),
    ],
)
def test_days_come_as_text_or_as_toml_writes_them(day: Any) -> None:
    assert make_settings(start_date=day).start_date == date(2024, 2, 29)


def test_an_empty_day_is_none() -> None:
    assert make_settings(start_date="").start_date is None


@pytest.mark.parametrize(
    ("given_credentials", "renewable"),
    [
        pytest.param({"access_token": TOKEN}, False, id="token"),
        pytest.param(RENEWAL, True, id="renewal"),
        pytest.param({"access_token": TOKEN, **RENEWAL}, True, id="both"),
        pytest.param(
            {"access_token": TOKEN, "client_id": "id", "client_secret": CLIENT_SECRET}, False, id="introspect"
        ),
    ],
)
def test_credentials_that_will_do(given_credentials: dict[str, str], renewable: bool) -> None:
    assert make_settings(**given_credentials).credentials.renewable is renewable


@pytest.mark.parametrize("missing", sorted(RENEWAL))
def test_what_is_missing_to_renew_a_token_is_named(missing: str) -> None:
    said = refused(**{name: value for name, value in RENEWAL.items() if name != missing})
    assert said.endswith("or set refresh_token." if missing == "refresh_token" else f"Missing: {missing}.")
    assert not any(secret in said for secret in (CLIENT_SECRET, REFRESH_TOKEN))


def test_without_credentials_it_is_said_how_to_get_going() -> None:
    said = refused(access_token="")
    for help_ in ("[sources.salesnav.credentials]", "SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN", "--sandbox"):
        assert help_ in said


@pytest.mark.parametrize("credentials", [TOKEN, {"access_token": TOKEN}, SalesnavCredentials(access_token=TOKEN)])
def test_credentials_come_as_text_table_or_object(credentials: Any) -> None:
    assert set(salesnav(credentials=credentials).resources) >= {"contracts", "activities", "seats", "export_jobs"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"access_token": 5}', "access_token is of type int"),
        ('{"refresh_token": {"Pa55word": 1}}', "refresh_token is of type dict"),
        ('{"Pa55word": 1}', "a name that is none of access_token"),
        ('{"access_token": "Pa55word"', "cannot be read as JSON"),
    ],
)
def test_json_of_another_form_is_a_sentence_without_its_values(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve_settings({"credentials": text})
    assert "Pa55" not in str(caught.value)


def test_credentials_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError):
        SalesnavCredentials().parse_native_representation(7)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("SOURCES__SALESNAV__START_DATE", "2026-02-30")
    with pytest.raises(ConfigurationError, match="start_date = '2026-02-30' is not a day"):
        salesnav()


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}\r\n"])
def test_blanks_around_a_token_do_not_count(token: str) -> None:
    assert make_settings(access_token=token).credentials.access_token == TOKEN


@pytest.mark.parametrize("token", ["your token…", "line\nbreak"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_told(token: str) -> None:
    said = refused(access_token=token)
    assert "access_token" in said
    assert token not in said


@pytest.mark.parametrize("shown", [repr, str])
@pytest.mark.parametrize("kind", ["settings", "credentials", "configuration"])
def test_secrets_are_not_shown(kind: str, shown: Any) -> None:
    settings = make_settings(access_token=TOKEN, **RENEWAL)
    configuration = SalesnavConfiguration(credentials=settings.credentials)
    text = shown({"settings": settings, "credentials": settings.credentials, "configuration": configuration}[kind])
    assert not any(secret in text for secret in (TOKEN, CLIENT_SECRET, REFRESH_TOKEN))


TODAY = date(2024, 3, 1)
YESTERDAY = date(2024, 2, 29)


def test_ninety_days_up_to_yesterday_are_wanted_by_default() -> None:
    assert make_settings().wanted(TODAY, Coverage()) == Days((Window(date(2023, 12, 2), YESTERDAY),))
    assert len(make_settings().wanted(TODAY, Coverage())) == 90


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param({"start_date": "2024-01-01"}, Window(date(2024, 1, 1), YESTERDAY), id="start"),
        pytest.param({"start_date": "2024-02-29"}, Window(YESTERDAY, YESTERDAY), id="start-yesterday"),
        pytest.param({"start_date": "2024-03-01"}, None, id="start-today"),
        pytest.param({"start_date": "2025-01-01"}, None, id="start-in-the-future"),
        pytest.param({"end_date": "2024-01-31"}, Window(date(2023, 11, 3), date(2024, 1, 31)), id="end"),
        pytest.param({"end_date": "2024-03-01"}, Window(date(2023, 12, 2), YESTERDAY), id="end-today"),
        pytest.param({"end_date": "9999-12-31"}, Window(date(2023, 12, 2), YESTERDAY), id="end-never"),
        pytest.param(
            {"start_date": "2023-12-31", "end_date": "2024-01-01"},
            Window(date(2023, 12, 31), date(2024, 1, 1)),
            id="both",
        ),
        pytest.param(
            {"start_date": "2020-01-01", "end_date": "2030-01-01"},
            Window(date(2020, 1, 1), YESTERDAY),
            id="end-in-the-future",
        ),
    ],
)
def test_days_wanted(changes: dict[str, str], wanted: Window | None) -> None:
    assert make_settings(**changes).wanted(TODAY, Coverage()) == (Days((wanted,)) if wanted else Days())


@given(st.dates(date(2020, 1, 1), date(2024, 2, 28)), st.integers(0, 400))
def test_days_once_wanted_stay_wanted_without_a_start(first: date, pause: int) -> None:
    coverage = Coverage(Days((Window(first, first),)))
    today = max(first, TODAY) + timedelta(days=pause)
    wanted = make_settings().wanted(today, coverage).windows[0]
    assert wanted.first == min(first, today - timedelta(days=90))
    assert wanted.last == today - timedelta(days=1)


def test_a_start_given_leaves_earlier_days_alone() -> None:
    coverage = Coverage(Days((Window(date(2023, 1, 1), YESTERDAY),)))
    wanted = make_settings(start_date="2024-02-01").wanted(TODAY, coverage)
    assert wanted == Days((Window(date(2024, 2, 1), YESTERDAY),))


def test_the_source_is_named_as_its_configuration() -> None:
    source = salesnav(credentials=TOKEN)
    assert (source.name, source.section) == ("salesnav", "salesnav")
    assert isinstance(source, dlt.sources.DltSource)


def test_a_setting_is_the_same_wherever_it_is_declared() -> None:
    declared = dict(SalesnavConfiguration())
    parameters = inspect.signature(salesnav).parameters
    assert set(parameters) == set(declared)
    assert {name: parameters[name].default for name in declared if name != "credentials"} == {
        name: value for name, value in declared.items() if name != "credentials"
    }
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in declared if f"`{name}`" not in documented and f"`{name}." not in documented]
    missing += [
        name
        for name in dict(SalesnavCredentials())
        if f"`credentials.{name}`" not in documented and f"`.{name}`" not in documented
    ]
    assert missing == []
    assert set(CHECKS) | {"credentials", "personal_data", "pseudonym_key", "keep_columns"} == set(declared)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        make_settings(base_url="no address", lookback_days=-1, start_date="yesterday", interval_end="noon")
    assert all(name in str(refused.value) for name in ("base_url", "lookback_days", "start_date", "interval_end"))


def test_a_contract_may_be_given_by_urn_number_or_name() -> None:
    settings = make_settings(contracts=[URN, "210001", "North America"])
    assert settings.contracts == (URN, "urn:li:contract:210001", "North America")


@pytest.fixture
def settings_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes a folder the current one, with a file of settings."""

    def make(folder: Path, file: str | None = None, text: str = "") -> None:
        if file is not None:
            (folder / ".dlt").mkdir(parents=True)
            (folder / ".dlt" / file).write_text(text)
        monkeypatch.setattr("sys.argv", [str(folder / "script.py")])
        monkeypatch.chdir(folder)
        Container()[PluggableRunContext].reload_providers()

    yield make
    monkeypatch.undo()
    Container()[PluggableRunContext].reload_providers()


@pytest.mark.parametrize(
    ("file", "text", "advice"),
    [
        pytest.param(
            "config.toml",
            "[source.salesnav]\nlookback_days = 1",
            "lookback_days in the section [sources.salesnav]",
            id="source",
        ),
        pytest.param(
            "config.toml",
            '[sources.sales_nav]\nstart_date = "2026-01-01"',
            "start_date in the section [sources.salesnav]",
            id="sales_nav",
        ),
        pytest.param(
            "secrets.toml",
            '[salesnav.credentials]\naccess_token = "x"',
            "access_token in the section [sources.salesnav.credentials]",
            id="no-sources",
        ),
        pytest.param(
            "secrets.toml",
            '[sources.salesnav]\naccess_token = "x"',
            "access_token in the section [sources.salesnav.credentials]",
            id="a-level-too-high",
        ),
        pytest.param(
            "secrets.toml",
            'access_token = "x"',
            "access_token in the section [sources.salesnav.credentials]",
            id="top",
        ),
    ],
)
def test_sections_that_nothing_reads(
    file: str, text: str, advice: str, tmp_path: Path, settings_in: Callable[..., None]
) -> None:
    settings_in(tmp_path, file, text)
    (note,) = misspelt_settings()
    assert note.startswith(f"{file} sets ") and note.endswith(f"has no effect. Write {advice}.")


@pytest.mark.parametrize(
    "name",
    [
        "SOURCES_SALESNAV_START_DATE",
        "SOURCES_SALESNAV__START_DATE",
        "SOURCES__SALESNAV_START_DATE",
        "SOURCE__SALESNAV__START_DATE",
        "SOURCES__SALES_NAV__START_DATE",
        "SALESNAV_START_DATE",
    ],
)
def test_variables_that_nothing_reads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_in: Callable[..., None]
) -> None:
    settings_in(tmp_path)
    monkeypatch.setenv(name, "2026-01-01")
    (note,) = misspelt_settings()
    assert f"sets {name}, " in note and "Write SOURCES__SALESNAV__START_DATE, " in note


def test_other_sources_and_variables_are_no_near_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_in: Callable[..., None]
) -> None:
    text = '[sources.github]\ntoken = "x"\n[sources]\nx = 1\n[destination.duckdb]\ny = 1\n[sources.salesnav]\nlookback_days = 1'
    settings_in(tmp_path, "config.toml", text)
    for name in ("SALESNAV_ACCESS", "SALESNAV_ORCHESTRATORS", "ACCESS_TOKEN", "SOURCES__GITHUB__ACCESS_TOKEN"):
        monkeypatch.setenv(name, "x")
    assert misspelt_settings() == []


@pytest.mark.parametrize("value", ["...", "…", "<token>", "your token here", "xxx", "CHANGE_ME"])
def test_a_placeholder_is_no_token(value: str) -> None:
    assert "access_token is still a placeholder" in refused(access_token=value)


def test_all_placeholders_are_named_at_once() -> None:
    said = refused(access_token=None, client_id="<your id>", client_secret="...", refresh_token="xxx")
    for name in ("client_id", "client_secret", "refresh_token"):
        assert f"credentials.{name} is still a placeholder" in said


def test_all_wrong_settings_are_named_at_once_and_near_misses_first(
    tmp_path: Path, settings_in: Callable[..., None]
) -> None:
    settings_in(tmp_path, "config.toml", "[source.salesnav]\nlookback_days = 1")
    with pytest.raises(ConfigurationError) as caught:
        resolve_settings({"max_rejected": 2.0, "start_date": "yesterday"})
    near, *_ = lines = str(caught.value).splitlines()
    assert "[source.salesnav]" in near
    positions = [
        next(i for i, line in enumerate(lines) if part in line) for part in ("yesterday", "max_rejected", "No c")
    ]
    assert positions == sorted(positions)


def test_settings_of_the_project_are_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_in: Callable[..., None]
) -> None:
    project = tmp_path / "project"
    settings_in(project, "config.toml", "[sources.salesnav]\nlookback_days = 1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings_in(elsewhere)
    assert misspelt_settings() == []
    monkeypatch.setattr("sys.argv", [str(project / ".venv/bin/salesnav")])
    (note,) = misspelt_settings()
    assert f"settings in {project / '.dlt'} that are not read" in note and f"DLT_PROJECT_DIR={project}" in note


@pytest.mark.parametrize("name", ["token_url", "authorization_url"])
@pytest.mark.parametrize(
    "url", ["http://gateway.example/token", "ftp:x", "ftp://gateway.example/token", "gateway.example"]
)
def test_addresses_that_get_secrets_are_checked_with_the_other_settings(name: str, url: str) -> None:
    given = {"client_id": "a", "client_secret": "b", "refresh_token": "c", name: url}
    with pytest.raises(ConfigurationError, match=rf"credentials\.{name}"):
        resolve_settings({"credentials": given})
