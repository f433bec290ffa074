"""The script that people run: options, exit codes and messages, in a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from salesnav_source.days.windows import Window
from salesnav_source.sandbox import faults

from .house import DAY, NAMES, ONE, SHUT, TWO, House, Process, assert_warehouse_is_truth, house, tables

pytestmark = pytest.mark.long(
    "each is the script in a process of its own, 3 s of CPU",
    but=(
        "test_a_run_and_a_second_one",
        "test_a_failed_window_is_exit_3_and_named",
        "no-credentials",
        "dead-token",
        "test_a_rotated_refresh_token_is_kept_for_the_next_run",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None) as made:
        yield made


def whole(home: House) -> Window:
    return Window(home.first_day, home.yesterday)


def test_a_run_and_a_second_one(home: House) -> None:
    script = Process(home)
    first = script.run()
    assert (first.returncode, "Complete." in first.stdout) == (0, True), first.stdout + first.stderr
    home.assert_truth()
    for export in NAMES:
        assert export in first.stdout
    seen = len(home.sandbox.requests)
    second = script.run()
    assert second.returncode == 0
    assert "Nothing to ask for: every day wanted is loaded." in second.stdout
    assert [request.call for request in home.sandbox.requests[seen:]] == ["contracts"]


def test_a_plan_prints_windows_and_calls_and_creates_nothing(home: House) -> None:
    planned = Process(home).run("--plan", SOURCES__SALESNAV__CONTRACTS=None)
    assert planned.returncode == 0
    assert f"{home.first_day} to {home.yesterday}" in planned.stdout
    assert "6 windows, 6 jobs to create, at least 19 calls in all" in planned.stdout
    assert [request.call for request in home.sandbox.requests] == ["contracts"]
    assert not home.database.exists() or not tables(home.database)


def test_contracts_exports_and_days_are_options(home: House) -> None:
    ended = Process(home).run(
        *("--contract", ONE, "--export", "seats", "--start-date", str(home.day(4)), "--end-date", str(home.day(2)))
    )
    assert ended.returncode == 0
    days = [Window(home.day(4), home.day(2))]
    assert_warehouse_is_truth(home.database, home.world, [ONE], days, exports=["seats"])
    assert [(job.contract, job.export) for job in home.sandbox.jobs] == [(ONE, "seats")]


def test_full_refresh_is_an_option(home: House) -> None:
    script = Process(home)
    script.run("--export", "seats")
    home.world.withdraw("seats", ONE, lambda row: row["snapshot_date"] == home.day(8))
    assert script.run("--export", "seats", "--full-refresh").returncode == 0
    home.assert_truth(exports=["seats"])


def test_a_failed_window_is_exit_3_and_named(home: House) -> None:
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=None))
    script = Process(home)
    ended = script.run()
    assert ended.returncode == 3
    assert f"seats of Two ({TWO}), {whole(home)}: LinkedIn had an internal error (tried 3 jobs)" in ended.stdout
    home.assert_truth(missing={("seats", TWO): [whole(home)]})
    home.sandbox.clear_faults()
    assert script.run().returncode == 0
    home.assert_truth()


def test_a_contract_without_access_is_exit_3(home: House) -> None:
    ended = Process(home).run("--contract", ONE, "--contract", SHUT)
    assert ended.returncode == 3
    assert SHUT in ended.stdout and "ask its administrator for a reporting role" in ended.stdout


def test_delayed_data_are_exit_0_and_named(home: House) -> None:
    home.sandbox.add_fault(faults.data_delay())
    ended = Process(home).run()
    assert ended.returncode == 0
    assert f"activities of One ({ONE}), {home.yesterday}: LinkedIn has no data for these days yet" in ended.stdout


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        ((), {"SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN": None}, "No credentials for LinkedIn were found"),
        ((), {"SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN": "dead"}, "Get a new token"),
        (("--start-date", "01.02.2026"), {}, "is not a day; write it as YYYY-MM-DD"),
        (("--start-date", "2026-03-05", "--end-date", "2026-03-04"), {}, "no day is left to load"),
        (("--contract", "urn:li:contract:"), {}, "is not the URN of a contract"),
        (("--contract", "Nobody's"), {}, "is not a contract: it is neither a URN or number"),
        (("--contract", SHUT), {}, "No contract can be exported"),
        ((), {"SOURCES__SALESNAV__BASE_URL": "api.linkedin.com"}, "is not an http(s) address"),
        ((), {"SOURCES__SALESNAV__LOOKBACK_DAYS": "-1"}, "lookback_days = -1 must be 0 or more"),
        ((), {"SOURCES__SALESNAV__LOOKBACK_DAYS": "few"}, "LOOKBACK_DAYS"),
        (("--database", "salesnav.duckdb"), {}, "the file must not be called salesnav"),
        (("--export", "leads"), {}, "invalid choice"),
    ],
    ids=[
        *("no-credentials", "dead-token", "no-day", "no-days", "no-urn", "no-name", "no-access"),
        *("no-address", "negative", "no-number", "database-name", "no-export"),
    ],
)
def test_what_cannot_be_tried_is_exit_2_and_says_what_to_do(
    home: House, options: tuple[str, ...], environment: dict[str, str | None], says: str
) -> None:
    ended = Process(home).run(*options, **environment)
    assert ended.returncode == 2
    assert says.lower() in ended.stderr.lower(), ended.stderr
    assert not home.sandbox.jobs


def test_linkedin_that_cannot_be_reached_is_said_plainly(home: House) -> None:
    ended = Process(home).run(SOURCES__SALESNAV__BASE_URL="https://nonexistent.invalid/v2")
    # the contracts could not be listed, so no export job was created
    assert ended.returncode == 2
    assert "nonexistent.invalid cannot be reached: its name cannot be resolved" in ended.stderr


def test_a_load_that_fails_is_said_plainly_and_taken_up(home: House) -> None:
    script = Process(home)
    ended = script.run(
        patch="""
        from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
        def full(job):
            raise OSError(28, "No space left on device")
        DuckDbCopyJob.run = full
        """
    )
    assert ended.returncode == 3
    assert "No space left on device" in ended.stderr
    assert "the next run fetches their files again" in ended.stderr
    again = script.run()
    assert again.returncode == 0
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6


def test_the_sandbox_needs_nothing(tmp_path: Path) -> None:
    with house(tmp_path, day=None) as home:
        ended = Process(home).run(
            *(
                "--sandbox",
                "--export",
                "seats",
                "--contract",
                "urn:li:contract:210003",
                "--start-date",
                str(home.day(3)),
            ),
            SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN=None,
            SOURCES__SALESNAV__BASE_URL=None,
            SOURCES__SALESNAV__CONTRACTS=None,
        )
        assert ended.returncode == 0
        assert "all data are invented" in ended.stdout
        assert home.rows("SELECT count(*) FROM salesnav.seats") == [(60,)]


def test_a_rotated_refresh_token_is_kept_for_the_next_run(home: House) -> None:
    script = Process(home)
    folder = script.folder / ".dlt"
    folder.mkdir()
    secrets = folder / "secrets.toml"
    secrets.write_text(
        "# keep me\n[sources.salesnav.credentials]\n"
        f'client_id = "{home.sandbox.client_id}"\nclient_secret = "{home.sandbox.client_secret}"\n'
        f'refresh_token = "{home.sandbox.refresh_token}"\ntoken_url = "{home.sandbox.token_url}"\n'
    )
    secrets.chmod(0o600)
    for run in range(2):
        home.first_day -= DAY
        ended = script.run("--export", "seats", SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN=None)
        assert ended.returncode == 0, ended.stderr
        text = secrets.read_text()
        assert f'refresh_token = "{home.sandbox.refresh_token}"' in text and text.startswith("# keep me")
        assert secrets.stat().st_mode & 0o777 == 0o600
        assert len(home.calls("token")) == run + 1
    home.assert_truth(exports=["seats"])


def test_a_rotated_refresh_token_that_cannot_be_kept_is_told(home: House) -> None:
    ended = Process(home).run(
        *("--export", "seats"),
        SOURCES__SALESNAV__CREDENTIALS__CLIENT_ID=home.sandbox.client_id,
        SOURCES__SALESNAV__CREDENTIALS__CLIENT_SECRET=home.sandbox.client_secret,
        SOURCES__SALESNAV__CREDENTIALS__REFRESH_TOKEN=home.sandbox.refresh_token,
        SOURCES__SALESNAV__CREDENTIALS__TOKEN_URL=home.sandbox.token_url,
        SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN=None,
    )
    assert ended.returncode == 0, ended.stderr
    assert "LinkedIn has replaced the refresh token" in ended.stdout + ended.stderr


def test_a_full_disk_while_rows_are_kept_loses_nothing(home: House) -> None:
    process = Process(home)
    full = process.run(
        patch="""
        import salesnav_source.run.items
        def fail(*args):
            raise OSError(28, "No space left on device")
        salesnav_source.run.items.read_tables = fail
        """
    )
    assert full.returncode == 3
    assert "No space left on device" in full.stderr
    assert process.run().returncode == 0
    assert len(home.sandbox.jobs) == 6
    home.assert_truth()


def test_duckdb_is_configured_by_the_environment(home: House) -> None:
    configured = '{"memory_limit": "250MB"}'
    ended = Process(home).run("--export", "seats", DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG=configured)
    assert ended.returncode == 0, ended.stderr
    home.assert_truth(exports=["seats"])
