"""Each fault of LinkedIn's, of the way to it and of the machine: nothing is lost, doubled or made up."""

import contextlib
import datetime as dt
import http.server
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseTerminalException, DatabaseTransientException
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import AccessDeniedError, AccessTokenError, DestinationError, UnavailableError
from salesnav_source.linkedin.spool import Spool
from salesnav_source.run import exit_codes
from salesnav_source.run.errors import explain
from salesnav_source.run.result import RunReport
from salesnav_source.run.text import render
from salesnav_source.sandbox import Fault, faults
from salesnav_source.sandbox.transforms import drop_columns
from salesnav_source.warehouse.connection import OpenWarehouse

from .house import (
    DAY,
    NAMES,
    ONE,
    SHUT,
    SPECS,
    TWO,
    Clock,
    House,
    Timer,
    TKey,
    assert_no_day_asked_twice,
    assert_protocol,
    house,
    overlapping,
    wait_until,
    windows,
)

pytestmark = pytest.mark.long(
    "each is a run with a fault and one without, 2.5 s of CPU; one stands for each kind of fault and what follows"
    " from it",
    but=(
        "2-2.0-3.5",
        "create",
        "reset",
        "create-503",
        "test_5xx_for_ever_on_contracts_ends_the_run_with_a_plain_message",
        "refused",
        "test_linkedin_away_for_good_keeps_the_jobs_for_the_next_run",
        "lost",
        "test_data_delay_leaves_the_delayed_day_open_and_is_no_failure",
        "unknown-status",
        "activities-activityId",
        "test_token_revoked_in_mid_run_without_a_way_to_renew_stops_cleanly_and_keeps_the_jobs",
        "test_load_that_finds_the_database_locked_is_taken_up_by_the_next_run",
        "test_a_download_from_another_host_gets_no_token",
        "test_clock_passes_midnight_in_mid_run",
    ),
)

HIT = ("activities", TWO)
"""The export of the contract that a fault hits for good."""

CALLED = {spec.urn: spec.name for spec in SPECS}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged as a warning or worse."""
    told: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logging.getLogger("dlt").addHandler(listener)
    monkeypatch.setattr(listener, "close", lambda: None)
    return told


def at(fault: Fault, key: TKey = HIT, **conditions: Any) -> Fault:
    return fault.where(export=key[0], contract=key[1], **conditions)


def assert_failed(home: House, report: RunReport, days: Mapping[TKey, Sequence[Window]], reason: str) -> None:
    """The report and export_jobs name these days as failed, and no others; all else is the truth."""
    failed = {key: Days.of(w.window for w in report.failed if (w.export, w.contract) == key) for key in days}
    assert failed == {key: Days.of(windows) for key, windows in days.items()}
    assert {(w.export, w.contract) for w in report.failed} == set(days)
    text = render(report)
    assert "Incomplete: a new run asks for what is missing." in text
    for export, contract in days:
        for window in report.failed:
            if (window.export, window.contract) == (export, contract):
                line = f"{export} of {CALLED[contract]} ({contract}), {window.window}: "
                told = next(one for one in text.splitlines() if one.strip().startswith(line))
                assert reason in told, told
        noted = [row["error"] or "" for row in home.jobs(f"export = '{export}' AND contract = '{contract}'")]
        assert any(reason in error for error in noted), noted
    home.assert_truth(missing=days)


def assert_next_run_fills(home: House, days: Mapping[TKey, Sequence[Window]], new_jobs: int | None = None) -> None:
    """The next run asks for the missing days only, and ends in the truth."""
    home.sandbox.clear_faults()
    seen, jobs = len(home.sandbox.requests), len(home.sandbox.jobs)
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    if new_jobs is None:
        assert windows(home.posts(seen)) == {key: _asked_for(home, key, Days.of(gaps)) for key, gaps in days.items()}
    else:
        assert len(home.posts(seen)) == len(home.sandbox.jobs) - jobs == new_jobs


def _asked_for(home: House, key: TKey, gaps: Days) -> Days:
    """Returns the days that fill gaps: where keys may come again, with the loaded day before each, which is not replaced."""
    loaded = Days((whole(home),)) - gaps
    before = [Window(gap.first - DAY, gap.first - DAY) for gap in gaps if key[0] != "seats"]
    return gaps | Days.of(day for day in before if loaded.contains(day))


def whole(home: House) -> Window:
    return Window(home.first_day, home.yesterday)


def jobs_of(home: House, key: TKey) -> list[Any]:
    return [job for job in home.sandbox.jobs if (job.export, job.contract) == key]


def downloads_of(home: House, key: TKey) -> int:
    """Returns how many downloads the sandbox accepted of jobs of an export of a contract."""
    ids = {f"{job.id}" for job in jobs_of(home, key)}
    polls = [r for r in home.calls("poll") if r.path.rpartition("/")[2] in ids]
    return len(polls)


def test_download_url_expired_before_and_between_asks_for_a_fresh_url_and_no_new_job(home: House) -> None:
    home.sandbox.add_fault(faults.expired_url().where(contract=ONE, times=3))
    home.sandbox.add_fault(faults.reset_download(200).where(contract=TWO, export="activities"))
    home.sandbox.add_fault(faults.expired_url().where(contract=TWO, export="activities", after=1))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.posts()) == 6
    assert len(home.calls("download")) == 6 + 3 + 2


def test_download_url_that_really_expires_is_renewed(tmp_path: Path) -> None:
    with house(tmp_path, url_seconds=0.2) as home:
        home.sandbox.add_fault(faults.hang(0.5, "download").where(times=2))
        home.sandbox.add_fault(faults.reset_download(100).where(times=2))
        home.sync()
        home.assert_truth()
        assert len(home.posts()) == 6


def test_download_url_that_is_always_expired_fails_its_window_alone(home: House) -> None:
    home.sandbox.add_fault(at(faults.expired_url(), times=None))
    report = home.sync()
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, "The download URL is no longer valid")
    assert len(home.posts()) == 5 + 3
    assert_next_run_fills(home, missing)


INCOMPLETE: dict[str, Callable[[], Fault]] = {
    "reset": lambda: faults.reset_download(150),
    "without-last-chunk": lambda: faults.missing_last_chunk(),
    "without-last-chunks": lambda: faults.missing_last_chunk(100),
    "cut-mid-row": lambda: faults.cut_download(-200),
    "cut-at-a-row": lambda: faults.short_file(1),
    "more-rows": lambda: faults.long_file(2),
    "false-length": lambda: faults.false_length(),
    "html": lambda: faults.html_download(),
    "empty": lambda: faults.empty_download(),
    "cut-gzip": lambda: faults.gzip_download(stop_after=60),
    "header-only": lambda: faults.short_file(10_000),
}


@pytest.mark.parametrize("fault", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_file_is_fetched_again_then_a_new_job_then_failed(home: House, fault: Callable[[], Fault]) -> None:
    home.sandbox.add_fault(at(fault(), ("activities", ONE), times=1))
    home.sandbox.add_fault(at(fault(), ("seats", ONE), times=4))
    home.sandbox.add_fault(at(fault(), times=None))
    report = home.sync()
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, "(tried 3 jobs)")
    assert len(jobs_of(home, ("activities", ONE))) == 1
    assert len(jobs_of(home, ("seats", ONE))) == 2
    assert len(jobs_of(home, HIT)) == 3
    assert len(home.calls("download")) == 3 + 2 + 5 + 9
    assert_next_run_fills(home, missing)


@pytest.mark.parametrize("bytes_lost", [1, 4, 12])
def test_file_cut_in_the_last_row_is_fetched_again_from_the_same_job(home: House, bytes_lost: int) -> None:
    for export in NAMES:
        for contract in (ONE, TWO):
            home.sandbox.add_fault(at(faults.cut_download(-bytes_lost), (export, contract)))
    home.sync()
    home.assert_truth()
    assert len(home.posts()) == 6
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(0,)]


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("2", 2.0, 3.5),
        ("date", 1.0, 600.0),
        (None, 0.0, 1.5),
        ("99999999", 0.0, 1.5),
        ("-5", 0.0, 1.5),
        ("soon", 0.0, 1.5),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 0.0, 1.5),
    ],
)
def test_throttled_calls_wait_as_told_within_reason(home: House, told: str | None, least: float, most: float) -> None:
    retry_after = formatdate(home.clock() + 600, usegmt=True) if told == "date" else told
    for call in ("contracts", "create", "poll", "download"):
        home.sandbox.add_fault(faults.throttle(retry_after, call))  # type: ignore[arg-type]
    timer = Timer(home.clock, jumps=True)
    report = home.sync(timer=timer)
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6
    assert Counter(request.status for request in home.sandbox.requests)[429] == 4
    assert all(least <= pause <= most for pause in timer.slept), timer.slept


def test_while_one_call_is_throttled_all_calls_wait_as_told(home: House) -> None:
    home.sandbox.add_fault(at(faults.throttle("1")))
    home.sync()
    home.assert_truth()
    throttled = next(request.time for request in home.calls("poll") if request.status == 429)
    later = [request.time for request in home.calls("poll") + home.calls("create") if request.time > throttled + 0.3]
    assert later and min(later) >= throttled + 1.0


@pytest.mark.parametrize("call", ["create", "poll", "download"])
def test_quota_that_does_not_recover_stops_the_asking_and_keeps_the_jobs(home: House, call: Any) -> None:
    home.sandbox.add_fault(faults.throttle(None, call).where(times=None, after=2))
    report = home.sync(jumps=True, outage_timeout=60.0, poll_max_interval=10.0)
    assert report.failed
    text = render(report)
    assert "quota" in text and "midnight UTC" in text
    refused = Counter(request.status for request in home.sandbox.requests)[429]
    assert refused <= 6 * 20
    last = max(request.time for request in home.sandbox.requests)
    kept = len(home.sandbox.jobs)
    time.sleep(0.2)
    assert max(request.time for request in home.sandbox.requests) == last
    missing: dict[TKey, list[Window]] = {}
    for window in report.failed:
        missing.setdefault((window.export, window.contract), []).append(window.window)
    home.assert_truth(missing=missing)
    assert_next_run_fills(home, missing, new_jobs=6 - kept)
    assert len(home.sandbox.jobs) == 6


def test_quota_that_does_not_recover_for_contracts_ends_the_run_plainly(home: House) -> None:
    home.sandbox.add_fault(faults.throttle(None, "contracts").where(times=None))
    with pytest.raises(UnavailableError, match=r"quota .*could not be listed.* midnight UTC"):
        home.sync(jumps=True, outage_timeout=60.0, poll_max_interval=10.0)
    assert len(home.sandbox.requests) <= 30


@pytest.mark.parametrize(
    "fault", [faults.unavailable, faults.reset, faults.close, faults.empty_answer, faults.not_json]
)
def test_calls_that_fail_a_few_times_are_repeated(home: House, fault: Callable[..., Fault]) -> None:
    for call in ("contracts", "poll"):
        home.sandbox.add_fault(fault(call=call).where(times=3))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.sandbox.jobs) == len(home.posts()) == 6


@pytest.mark.parametrize(("call", "status"), [("create", 503), ("poll", 500), ("poll", 504), ("download", 502)])
def test_5xx_for_ever_fails_the_window_alone(home: House, call: Any, status: int) -> None:
    home.sandbox.add_fault(at(faults.unavailable(status, call), times=None))
    report = home.sync(jumps=True, outage_timeout=60.0, poll_max_interval=10.0)
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, f"HTTP {status}")
    assert 6 <= Counter(request.status for request in home.sandbox.requests)[status] <= 60
    assert_next_run_fills(home, missing, new_jobs=1 if call == "create" else 0)


def test_5xx_for_ever_on_contracts_ends_the_run_with_a_plain_message(home: House) -> None:
    home.sandbox.add_fault(faults.unavailable(503, "contracts").where(times=None))
    with pytest.raises(UnavailableError, match=r"The contracts could not be listed\. .*HTTP 503.* Tried for \d+ s\."):
        home.sync(jumps=True, outage_timeout=60.0, poll_max_interval=10.0)
    assert 6 <= len(home.sandbox.requests) <= 30


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:1/v2", "connection refused"),
        ("https://nonexistent.invalid/v2", "its name cannot be resolved"),
        ("https{origin}/v2", "the TLS connection failed"),
    ],
    ids=["refused", "dns", "tls"],
)
def test_address_that_cannot_be_reached_ends_the_run_with_a_plain_message(
    home: House, address: str, reason: str
) -> None:
    base_url = address.replace("{origin}", home.sandbox.base_url.removeprefix("http").removesuffix("/v2"))
    with pytest.raises(
        UnavailableError, match=rf"^The contracts could not be listed\. \S+ cannot be reached: {reason}"
    ):
        home.sync(jumps=True, base_url=base_url)
    assert not home.sandbox.requests


def test_linkedin_away_in_mid_run_is_waited_for(tmp_path: Path) -> None:
    with house(tmp_path, job_seconds=(0.3, 0.4)) as home:
        with _away_after_creating(home, 6, seconds=0.15):
            report = home.sync()
        assert not report.not_loaded
        home.assert_truth()
        assert len(home.sandbox.jobs) == 6


def test_linkedin_away_for_good_keeps_the_jobs_for_the_next_run(tmp_path: Path) -> None:
    with house(tmp_path, job_seconds=(3600, 3601)) as home:
        with _away_after_creating(home, 6, seconds=None):
            report = home.sync(poll_max_interval=0.05)
        assert len(report.failed) == 6
        assert "connection refused" in render(report)
        home.clock.offset += 4000
        with home.sandbox:
            assert_next_run_fills(home, {}, new_jobs=0)
            assert len(home.sandbox.jobs) == 6
        home.sandbox.__enter__()


@contextlib.contextmanager
def _away_after_creating(home: House, jobs: int, seconds: float | None) -> Iterator[None]:
    def leave() -> None:
        wait_until(lambda: len(home.sandbox.jobs) >= jobs and len(home.posts()) >= jobs)
        time.sleep(0.1)
        home.sandbox.__exit__(None, None, None)
        if seconds is not None:
            time.sleep(seconds)
            home.sandbox.__enter__()

    thread = threading.Thread(target=leave)
    thread.start()
    yield
    thread.join()


AMBIGUOUS: dict[str, Callable[[], Fault]] = {
    "lost": faults.lost_create,
    "closed": lambda: faults.close("create", made=True),
    "504": lambda: faults.respond(504, "create", made=True),
    "no-json": lambda: faults.not_json("create"),
    "without-id": lambda: faults.omit("id", call="create"),
    "hangs": lambda: faults.hang(1.5, "create"),
}


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_ambiguous_post_costs_at_most_one_more_job_and_loses_no_window(
    home: House, fault: Callable[[], Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salesnav_source.linkedin.transport.READ_TIMEOUT", 0.5)
    home.sandbox.add_fault(fault().where(times=2))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.posts()) == len(home.sandbox.jobs) == 6 + 2


def test_create_without_a_status_is_a_job_all_the_same(home: House) -> None:
    home.sandbox.add_fault(faults.omit("status", call="create").where(times=None))
    home.sync()
    home.assert_truth()
    assert len(home.posts()) == 6


def test_too_large_is_halved(home: House) -> None:
    home.sandbox.add_fault(at(faults.too_large(longer_than=3)))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    # 10 days, 5 + 5, and of each 3 + 2
    assert sorted(((job.last_day - job.first_day).days + 1) for job in jobs_of(home, HIT)) == [2, 2, 3, 3, 5, 5, 10]
    assert_protocol(home.sandbox)
    assert [row["status"] for row in home.jobs()].count("FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR") == 3


def test_too_large_down_to_single_days(tmp_path: Path) -> None:
    with house(tmp_path, days=5) as home:
        home.sandbox.add_fault(at(faults.too_large(longer_than=1)))
        assert not home.sync().not_loaded
        home.assert_truth()
        assert len([job for job in jobs_of(home, HIT) if job.first_day == job.last_day]) == 5


def test_a_single_day_too_large_fails_alone_with_advice(home: House) -> None:
    day = home.day(4)
    home.sandbox.add_fault(at(faults.too_large(longer_than=0), day=day))
    report = home.sync()
    missing = {HIT: [Window(day, day)]}
    assert_failed(home, report, missing, "too large for LinkedIn. A single day cannot be split further")
    assert_next_run_fills(home, missing)


def test_data_delay_leaves_the_delayed_day_open_and_is_no_failure(home: House) -> None:
    home.sandbox.add_fault(faults.data_delay().where(times=None))
    report = home.sync()
    open_days = {
        (export, contract): [Window(home.yesterday, home.yesterday)] for export in NAMES for contract in (ONE, TWO)
    }
    assert not report.failed
    assert {(w.export, w.contract): [w.window] for w in report.not_loaded} == open_days
    text = render(report)
    assert "Complete, except for the open days" in text
    assert f"activities of One ({ONE}), {home.yesterday}: LinkedIn has no data for these days yet (data delay)" in text
    home.assert_truth(missing=open_days)
    assert_next_run_fills(home, open_days)


def test_data_delay_of_several_days_loads_what_there_is(home: House) -> None:
    home.sandbox.add_fault(at(faults.data_delay(later_than=home.day(5))))
    report = home.sync()
    delayed = {HIT: [Window(home.day(4), home.day(1))]}
    assert not report.failed
    assert Days.of(w.window for w in report.not_loaded) == Days.of(delayed[HIT])
    home.assert_truth(missing=delayed)
    assert_next_run_fills(home, delayed)


def test_data_delay_of_all_days(tmp_path: Path) -> None:
    with house(tmp_path, days=3) as home:
        home.sandbox.add_fault(faults.data_delay(later_than=dt.date(2020, 1, 1)))
        report = home.sync()
        assert not report.failed
        delayed = {(export, contract): [whole(home)] for export in NAMES for contract in (ONE, TWO)}
        home.assert_truth(missing=delayed)
        assert_next_run_fills(home, delayed)


def test_timed_out_and_internal_error_make_a_new_job(home: House) -> None:
    home.sandbox.add_fault(at(faults.timed_out(), times=2))
    home.sandbox.add_fault(at(faults.internal_error(), ("seats", ONE), times=2))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(jobs_of(home, HIT)) == len(jobs_of(home, ("seats", ONE))) == 3
    assert len(home.posts()) == 4 + 6
    errors = [row["error"] for row in home.jobs("error IS NOT NULL")]
    assert len(errors) == 4


def test_timed_out_again_and_again_is_halved(home: House) -> None:
    home.sandbox.add_fault(at(faults.timed_out(), longer_than=5, times=None))
    assert not home.sync().not_loaded
    home.assert_truth()
    assert sorted(((job.last_day - job.first_day).days + 1) for job in jobs_of(home, HIT)) == [5, 5, 10, 10, 10]


def test_internal_error_for_ever_fails_its_window_alone(home: House) -> None:
    home.sandbox.add_fault(at(faults.internal_error(), times=None))
    report = home.sync()
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, "LinkedIn had an internal error (tried 3 jobs)")
    assert len(jobs_of(home, HIT)) == 3
    assert_next_run_fills(home, missing)


PUZZLES: dict[str, Callable[[], Fault]] = {
    "unknown-status": lambda: faults.unknown_status("ON_HOLD"),
    "no-status": lambda: faults.omit("status"),
    "no-json": lambda: faults.not_json(),
    "no-row-count": lambda: faults.omit("rowCount"),
    "no-url": lambda: faults.omit("downloadUrl"),
    "status-is-a-number": lambda: faults.change("poll", status=7),
    "row-count-is-text": lambda: faults.change("poll", rowCount="many"),
}


@pytest.mark.parametrize("fault", PUZZLES.values(), ids=PUZZLES)
def test_answers_nobody_documented_are_waited_for(home: House, fault: Callable[[], Fault], warnings: list[str]) -> None:
    home.sandbox.add_fault(fault().where(times=4))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.posts()) == 6
    assert len([text for text in warnings if "unknown status" in text]) <= 1


@pytest.mark.parametrize("name", ["unknown-status", "no-status"])
def test_answers_nobody_documented_for_ever_end_at_the_deadline_and_the_next_run_adopts_the_job(
    home: House, name: str, warnings: list[str]
) -> None:
    home.sandbox.add_fault(at(PUZZLES[name](), times=None))
    report = home.sync(jumps=True, job_timeout=600.0, queue_timeout=600.0, poll_max_interval=30.0)
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, "_timeout); the next run goes on waiting for it")
    (job,) = jobs_of(home, HIT)
    polls = [r for r in home.calls("poll") if r.path.endswith(f"/{job.id}")]
    # some 28 while the pauses grow to 30 s, and 20 of these
    assert 3 <= len(polls) <= 60
    assert len([text for text in warnings if "unknown status" in text]) <= 1
    assert_next_run_fills(home, missing, new_jobs=0)
    assert home.rows(f"SELECT DISTINCT export_job_id FROM salesnav.activities WHERE contract = '{TWO}'") == [(job.id,)]
    assert len(home.jobs(f"job_id = {job.id} AND contract = '{TWO}'")) == 1


def test_a_young_job_that_linkedin_does_not_know_yet_is_asked_for_again(home: House) -> None:
    home.sandbox.add_fault(at(faults.not_found("poll")))
    assert not home.sync().not_loaded
    home.assert_truth()
    assert len(jobs_of(home, HIT)) == 1


def test_files_without_a_count_are_loaded_and_said_to_be_uncounted(home: House) -> None:
    home.sandbox.add_fault(faults.omit("rowCount").where(times=None))
    report = home.sync()
    home.assert_truth()
    assert "uncounted" in render(report)
    assert home.rows("SELECT DISTINCT note IS NOT NULL, row_count IS NULL FROM salesnav.export_jobs") == [(True, True)]


def test_forbidden_in_mid_run_fails_that_export_of_that_contract_only(tmp_path: Path) -> None:
    with house(tmp_path, days=200) as home:
        home.sandbox.add_fault(at(faults.forbidden("create"), times=None))
        report = home.sync(max_concurrent_jobs=1)
        missing = {HIT: [whole(home)]}
        assert_failed(home, report, missing, "reporting or administrator role on the contract")
        assert Counter(request.status for request in home.sandbox.requests)[403] == 1
        assert_next_run_fills(home, missing)


def test_forbidden_polls_fail_their_window_alone(home: House) -> None:
    home.sandbox.add_fault(at(faults.forbidden("poll"), times=None))
    report = home.sync()
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, "HTTP 403")
    assert_next_run_fills(home, missing)


def test_forbidden_contracts_end_the_run_with_what_to_do(home: House) -> None:
    home.sandbox.add_fault(faults.forbidden("contracts").where(times=None))
    with pytest.raises(AccessDeniedError, match=r"The contracts cannot be listed.*reporting or administrator role"):
        home.sync()
    assert len(home.sandbox.requests) == 1


def test_a_refused_request_fails_its_window_alone(home: House) -> None:
    home.sandbox.add_fault(at(faults.respond(400, "create"), times=None))
    report = home.sync()
    missing = {HIT: [whole(home)]}
    assert_failed(home, report, missing, "HTTP 400")
    assert_next_run_fills(home, missing)


@pytest.mark.parametrize(
    ("export", "column"), [("activities", "activityId"), ("seats", "seatId"), ("activities", "createdAt")]
)
def test_a_missing_key_column_fails_its_window_and_is_named(home: House, export: str, column: str) -> None:
    home.sandbox.add_fault(at(faults.content(drop_columns(column)), (export, TWO), times=None))
    report = home.sync()
    missing = {(export, TWO): [whole(home)]}
    assert_failed(home, report, missing, column)
    assert len(home.posts()) == 6
    assert_next_run_fills(home, missing)


def _revoke_at(home: House, call: str, number: int) -> None:
    """Revokes the access token when so many calls of a kind were accepted."""
    count = 0

    def strike(_: Any) -> bool:
        nonlocal count
        count += 1
        if count == number:
            home.sandbox.revoke_token()
        return False

    home.sandbox.add_fault(faults.hang(0, call).where(when=strike, times=None))  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["contracts", "create", "poll", "download"])
def test_token_revoked_in_mid_run_is_renewed_once_for_all(tmp_path: Path, call: str) -> None:
    with house(tmp_path, job_seconds=(0.1, 0.15)) as home:
        _revoke_at(home, call, 1 if call == "contracts" else 3)
        report = home.sync(credentials=home.credentials(renewable=True))
        assert not report.not_loaded
        home.assert_truth()
        assert len(home.calls("token")) == 1
        assert len(home.sandbox.jobs) == 6


def test_token_that_expires_over_and_over_is_renewed_each_time(tmp_path: Path) -> None:
    with house(tmp_path, days=200, job_seconds=(50.0, 70.0), token_seconds=60.0) as home:
        credentials = home.credentials(renewable=True)
        report = home.sync(jumps=True, credentials=credentials, max_concurrent_jobs=4, poll_max_interval=5.0)
        assert not report.not_loaded
        home.assert_truth()
        assert 2 <= len(home.calls("token")) <= 20
        assert len(home.sandbox.jobs) == 18


def test_token_revoked_in_mid_run_without_a_way_to_renew_stops_cleanly_and_keeps_the_jobs(tmp_path: Path) -> None:
    with house(tmp_path, job_seconds=(0.2, 0.3)) as home:
        _revoke_at(home, "poll", 6)
        report = home.sync()
        assert report.failed
        text = render(report)
        assert "Get a new token" in text and "SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN" in text
        kept = len(home.sandbox.jobs)
        seen = len(home.sandbox.requests)
        time.sleep(0.2)
        assert len(home.sandbox.requests) == seen
        home.sandbox.issue_token("another-token")
        assert_next_run_fills(home, {}, new_jobs=6 - kept)
        assert len(home.sandbox.jobs) == 6


def test_token_whose_renewal_is_refused_says_what_to_do(home: House) -> None:
    credentials = home.credentials(renewable=True)
    credentials.refresh_token = "dead"
    home.sandbox.revoke_token()
    with pytest.raises(AccessTokenError, match=r"refused to renew the access token \(HTTP 400\).* Get a new token"):
        home.sync(credentials=credentials)
    assert not home.sandbox.jobs


def test_token_renewal_that_is_not_answered_at_once_is_tried_again(home: House) -> None:
    home.sandbox.revoke_token()
    home.sandbox.add_fault(faults.unavailable(503, "token").where(times=2))
    assert not home.sync(credentials=home.credentials(renewable=True)).not_loaded
    home.assert_truth()


def test_token_refused_before_anything_is_tried(home: House) -> None:
    home.sandbox.revoke_token()
    with pytest.raises(AccessTokenError, match="Get a new token"):
        home.sync()
    assert len(home.sandbox.requests) == 4


def test_a_single_401_on_a_valid_token_ends_nothing(home: House) -> None:
    for call in ("contracts", "poll", "download"):
        home.sandbox.add_fault(faults.unauthorized(call))
    assert not home.sync().not_loaded
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6


def test_load_that_finds_the_database_locked_is_taken_up_by_the_next_run(home: House) -> None:
    home.sync(end_date=str(home.day(5)))
    lockers: list[subprocess.Popen[str]] = []

    def lock(_: Any) -> bool:
        if not lockers:
            lockers.append(_lock_database(home.database))
        return False

    home.sandbox.add_fault(faults.hang(0, "download").where(when=lock, times=None))
    with pytest.raises(DestinationError, match="the next run fetches their files again") as refused:
        home.sync()
    assert not refused.value.in_vain
    with pytest.raises(DestinationError):
        home.sync()
    for locker in lockers:
        locker.kill()
        locker.communicate()
    home.assert_truth([Window(home.first_day, home.day(5))])
    seen = len(home.sandbox.requests)
    report = home.sync()
    assert not report.not_loaded
    assert not home.posts(seen)
    home.assert_truth()
    assert_no_day_asked_twice(home.posts())
    assert len(home.jobs()) == len(home.sandbox.jobs)


def test_a_file_that_another_thread_is_closing_is_opened_a_moment_later(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, refused = DuckDbConnectionPool.borrow_conn, []

    def borrow(self: DuckDbConnectionPool, *args: Any, **named: Any) -> Any:
        if not refused:
            refused.append(True)
            raise duckdb.BinderException('Unique file handle conflict: Cannot attach "warehouse"')
        return good(self, *args, **named)

    home.sync(end_date=str(home.day(5)))
    monkeypatch.setattr(DuckDbConnectionPool, "borrow_conn", borrow)
    home.sync()
    assert refused
    home.assert_truth()


def _lock_database(path: Path) -> "subprocess.Popen[str]":
    code = f"import duckdb, time; c = duckdb.connect({str(path)!r}); print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_database_locked_before_the_run_is_said_and_nothing_is_asked(home: House) -> None:
    home.sync()
    locker = _lock_database(home.database)
    seen = len(home.sandbox.requests)
    try:
        with pytest.raises(DestinationError, match="cannot be used") as refused:
            home.sync(start_date=str(home.first_day - 5 * DAY))
        assert refused.value.in_vain
        assert len(home.sandbox.requests) == seen
    finally:
        locker.kill()
        locker.communicate()


@pytest.mark.parametrize(
    "error",
    [
        duckdb.IOException("Could not write to file: No space left on device"),
        DatabaseTerminalException(duckdb.ConstraintException("the destination refuses")),
        OSError(28, "No space left on device"),
    ],
    ids=["disk-full", "refused", "no-space"],
)
def test_load_that_fails_for_any_reason_loses_no_window(
    home: House, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = DuckDbCopyJob.run

    def run(job: DuckDbCopyJob) -> None:
        if "activities" in job.file_name():
            raise error
        good(job)

    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "2")
    monkeypatch.setattr(DuckDbCopyJob, "run", run)
    with pytest.raises(DestinationError, match=r"failed while loading|cannot be used") as refused:
        home.sync()
    assert "Traceback" not in str(refused.value)
    monkeypatch.setattr(DuckDbCopyJob, "run", good)
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.jobs()) == len({job["job_id"] for job in home.jobs()})
    assert len(home.sandbox.jobs) == 6, "what was received is not asked for again"


@pytest.mark.parametrize("question", ["rows_of_keys", "describe_columns"])
def test_warehouse_that_refuses_a_question_in_mid_run_is_said_in_a_sentence(
    home: House, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync(end_date=str(home.day(5)))

    def refuse(*_: Any) -> None:
        raise DatabaseTransientException(duckdb.IOException("the server has gone away"))

    with monkeypatch.context() as gone:
        gone.setattr(OpenWarehouse, question, refuse)
        with pytest.raises(DestinationError, match="gone away\nThe jobs are kept at LinkedIn for 7 days") as refused:
            home.sync()
    assert explain(refused.value, while_loading=True)[1] == exit_codes.INCOMPLETE
    home.sync()
    home.assert_truth()
    assert len(home.sandbox.jobs) == len({job["job_id"] for job in home.jobs()})
    assert_no_day_asked_twice(home.posts())


@pytest.mark.parametrize("kind", ["garbage", "truncated", "older", "newer", "other-columns"])
def test_a_journal_that_cannot_be_used_is_set_aside(home: House, kind: str) -> None:
    home.sync(end_date=str(home.day(5)))
    path = home.folder / home.machine / "house.salesnav.sqlite"
    if kind == "garbage":
        path.write_bytes(b"this is no database" * 500)
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with contextlib.closing(sqlite3.connect(path)) as db:
            if kind == "other-columns":
                db.execute("ALTER TABLE jobs RENAME COLUMN job_id TO id")
            else:
                db.execute(f"PRAGMA user_version = {0 if kind == 'older' else 99}")
            db.commit()
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert "it was set aside as house.salesnav.sqlite.unusable-1" in render(report)
    assert path.with_name(path.name + ".unusable-1").exists()


def test_a_download_from_another_host_gets_no_token(home: House) -> None:
    with _listener() as (port, heard):
        elsewhere = f"http://localhost:{port}/file?x-li-ambry-ep=SIGNED"
        home.sandbox.add_fault(at(faults.download_url(elsewhere), ("activities", ONE), times=None))
        home.sandbox.add_fault(at(faults.redirect_download(elsewhere), times=None))
        home.sandbox.add_fault(
            at(faults.download_url("http://www.linkedin.com/ambry/?a=b"), ("seats", TWO), times=None)
        )
        report = home.sync()
        assert heard == []
    missing = {("activities", ONE): [whole(home)], HIT: [whole(home)], ("seats", TWO): [whole(home)]}
    assert "SIGNED" not in render(report)
    assert_failed(home, report, missing, "The token was not sent there")
    assert_next_run_fills(home, missing)


@contextlib.contextmanager
def _listener() -> Iterator[tuple[int, list[str]]]:
    heard: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], heard
    server.shutdown()
    server.server_close()


def test_clock_just_after_and_just_before_midnight(tmp_path: Path) -> None:
    with house(tmp_path, days=5, at=dt.time(23, 50)) as home:
        home.sync()
        home.assert_truth()
        home.clock.offset += 601
        seen = len(home.sandbox.requests)
        home.sync()
        home.assert_truth()
        assert set(windows(home.posts(seen)).values()) == overlapping(Days((Window(home.day(4), home.day(1)),)))
        assert_no_day_asked_twice(home.posts(seen))


def test_clock_passes_midnight_in_mid_run(tmp_path: Path) -> None:
    with house(tmp_path, days=5, at=dt.time(23, 50), job_seconds=(0.2, 0.3)) as home:
        yesterday = home.yesterday
        turned = []

        def turn(_: Any) -> bool:
            if not turned:
                turned.append(True)
                home.clock.offset += 601
            return False

        home.sandbox.add_fault(faults.hang(0, "create").where(when=turn, after=3, times=None))
        home.sync()
        assert home.yesterday == yesterday + DAY
        home.assert_truth([Window(home.first_day, yesterday)])
        home.sync()
        home.assert_truth()


def test_clock_on_a_leap_day(tmp_path: Path) -> None:
    with house(tmp_path, days=3, day=dt.date(2024, 2, 29)) as home:
        for _ in range(2):
            home.sync()
            home.assert_truth()
            home.clock.next_day()
        home.sync()
        home.assert_truth()
        leap = home.rows("SELECT count(*) FROM salesnav.seats WHERE snapshot_date = '2024-02-29'")
        assert leap == [(7,)]


@pytest.mark.parametrize(
    ("zone", "hour"), [("America/New_York", 0), ("America/New_York", 23), ("Pacific/Kiritimati", 23)]
)
def test_clock_of_a_local_zone_with_daylight_saving_counts_utc_days(
    tmp_path: Path, zone: str, hour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        # New York's clocks change on 8 March 2026
        with house(tmp_path, days=3, day=dt.date(2026, 3, 9), at=dt.time(hour, 30)) as home:
            home.sync(exports=["activities"])
            home.assert_truth(exports=["activities"])
            home.clock.next_day()
            home.sync(exports=["activities"])
            home.assert_truth(exports=["activities"])
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("wrong_by", "hour"), [(-13, 2), (-5, 2), (-5, 22), (5, 22), (13, 22)])
def test_clock_wrong_by_hours_never_asks_for_the_future(tmp_path: Path, wrong_by: int, hour: int) -> None:
    with house(tmp_path, days=5, at=dt.time(hour)) as home:
        own = Clock()
        own.offset = home.clock.offset + wrong_by * 3600
        report = home.sync(timer=Timer(own), exports=["activities"])
        assert not report.failed
        assert Counter(request.status for request in home.sandbox.requests)[400] == 0
        last = min(own.today, home.clock.today) - DAY
        home.assert_truth([Window(home.first_day, last)], exports=["activities"])
        own.offset += 86400
        home.clock.next_day()
        home.sync(timer=Timer(own), exports=["activities"])
        home.assert_truth([Window(home.first_day, last + DAY)], exports=["activities"])


def test_no_contract_with_access_is_said(tmp_path: Path) -> None:
    from salesnav_source.exceptions import ConfigurationError

    with (
        house(tmp_path, contracts=(SHUT,)) as home,
        pytest.raises(ConfigurationError, match="No contract can be exported"),
    ):
        home.sync()


def test_a_file_that_cannot_be_kept_is_said(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Spool.make

    def full(spool: Spool) -> Any:
        if spool.path.name.startswith("activities-"):
            raise OSError(28, "No space left on device")
        return good(spool)

    monkeypatch.setattr(Spool, "make", full)
    report = home.sync()
    monkeypatch.setattr(Spool, "make", good)
    assert {window.export for window in report.failed} == {"activities"}
    assert "No space left on device" in render(report)
    assert_next_run_fills(home, {}, new_jobs=0)


def test_the_repeated_page_of_contracts_ends(home: House) -> None:
    home.sandbox.add_fault(faults.repeat_page())
    home.sync()
    home.assert_truth()
    assert len(home.calls("contracts")) <= 2


def test_dlt_is_told_nothing_of_the_telemetry() -> None:
    assert os.environ["RUNTIME__DLTHUB_TELEMETRY"] == "false"
    assert dlt.config.get("runtime.dlthub_telemetry", bool) is False
