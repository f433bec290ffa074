"""`salesnav dashboard`, as a person uses it in a browser."""

import contextlib
import csv
import io
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from salesnav_source.dashboard import pages, served
from salesnav_source.dashboard.app import app
from salesnav_source.dashboard.marts import Marts, MartsBusyError
from salesnav_source.dashboard.model import PAGES, Table
from salesnav_source.dashboard.scope import Scope
from salesnav_source.dashboard.server import listen
from salesnav_source.exceptions import ConfigurationError

from .browser import assert_is_no_wider_than, chromium, opened
from .conftest import ONE, Built, duckdb_file
from .test_numbers import ask, number

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def served_dashboard(database: Path, *options: str, says: str = "") -> Iterator[str]:
    """Runs the command; gives its address, before which it may have something to say."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DESTINATION__"))}
    command = [
        sys.executable,
        "-m",
        "salesnav_source",
        "dashboard",
        "--database",
        str(database),
        "--no-browser",
        *options,
    ]
    process = subprocess.Popen(
        command,
        cwd=database.parent,
        env={**kept, "PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"http://\S+", line)
            if found:
                break
        else:
            pytest.fail("".join(lines))
        assert says in "".join(lines)
        # what it says later must not fill the pipe
        threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True).start()
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in "".join(lines), "".join(lines)


@pytest.fixture(scope="module")
def address(built: Built) -> Iterator[str]:
    with served_dashboard(built.database) as address:
        yield address


def shown(page: Any, label: str) -> str:
    return str(page.locator(".number", has=page.get_by_text(label, exact=True)).locator(".value").inner_text())


def wait_for(page: Any, label: str, value: str) -> None:
    card = page.locator(".number", has=page.get_by_text(label, exact=True))
    card.locator(".value", has_text=re.compile(f"^{re.escape(value)}$")).wait_for()


def test_a_person_filters_reads_follows_and_downloads(address: str, built: Built) -> None:
    scope = built.scope
    with chromium() as browser, opened(browser, address, viewport={"width": 1400, "height": 1000}) as page:
        page.goto(address)
        everything = pages.build("usage", built.marts, scope.filters(), scope)
        wait_for(page, "seats used", number(everything, "seats used"))
        # the contract
        filters = scope.filters(contracts=(ONE,))
        page.get_by_label("Contract").select_option("One")
        expected = number(pages.build("usage", built.marts, filters, scope), "seats used")
        assert expected != number(everything, "seats used")
        wait_for(page, "seats used", expected)
        # a link to the page that tells more, with the filter kept
        page.locator(".number a", has_text="licences to take back").click()
        seats = pages.build("seats", built.marts, filters, scope)
        wait_for(page, "licences to take back", number(seats, "licences to take back"))
        # every page, each with its charts
        for key, title in PAGES.items():
            page.locator("nav").get_by_text(title, exact=True).click()
            page.locator(f"#page-{key} h2", has_text=title).wait_for()
            expected_page = pages.build(key, built.marts, filters, scope)
            assert page.locator(".number .value").all_inner_texts() == [one.value for one in expected_page.numbers]
            drawn = [figure for figure in expected_page.figures if figure.chart is not None]
            for place in range(len(drawn)):
                page.locator("figure svg.marks").nth(place).wait_for()
        # the table as CSV holds what the warehouse does
        page.locator("nav").get_by_text("Search", exact=True).click()
        page.locator("#page-search h2").wait_for()
        with page.expect_download() as download:
            page.get_by_text("Download as CSV").first.click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
        found = {int(row["seat"]): int(row["searches"]) for row in rows}
        counted = dict(
            ask(
                built,
                "SELECT seat_id, count(*) FILTER (activity_type = 'SEARCH_PERFORMED') FROM salesnav.activities"
                f" WHERE contract = '{ONE}' GROUP BY 1",
            )
        )
        assert {seat: count for seat, count in found.items() if count} == {seat: n for seat, n in counted.items() if n}
        # the same view again, by its address
        again = page.locator("nav .aside").get_attribute("href")
        page.goto(address + again)
        page.locator("#page-search").wait_for()
        wait_for(page, "searches", f"{sum(found.values()):,}")


def test_one_person_by_keyboard_on_a_phone_at_night(address: str, built: Built) -> None:
    options = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}
    ((seat, name),) = ask(
        built,
        f"SELECT seat_id, full_name FROM salesnav_marts.salesnav__seats WHERE contract = '{ONE}' AND last_activity_date"
        " IS NOT NULL ORDER BY seat_id LIMIT 1",
    )
    with chromium() as browser, opened(browser, address, **options) as page:
        page.goto(f"{address}?contract={ONE}&seat={seat}")
        page.locator("#page-usage .headline", has_text=name).wait_for()
        ((activities,),) = ask(
            built, f"SELECT count(*) FROM salesnav.activities WHERE contract = '{ONE}' AND seat_id = {seat}"
        )
        wait_for(page, "activities", f"{activities:,}")
        page.locator("figure svg.marks").first.wait_for()
        assert_is_no_wider_than(page, 390)
        # pages are links: by keyboard too
        page.locator("nav a", has_text="SSI").focus()
        page.keyboard.press("Enter")
        page.locator("#page-ssi").wait_for()


def test_names_can_be_hidden(built: Built) -> None:
    names = [name for (name,) in ask(built, "SELECT full_name FROM salesnav_marts.salesnav__seats") if name]
    served.serve(built.marts, names=False)
    start = served.start({})
    view = served.View(start, None, None, *start.dates)
    told = "".join(start.people(None))
    for key in PAGES:
        page = view.page(key, lambda chart: chart._mime_()[1])
        told += page.html + "".join(table.csv.decode() + table.frame.to_csv() for table in page.tables)
    assert not [name for name in names if name in told]
    assert "@" not in re.sub(r"@media[^{]*|@\w+", "", told)


def test_the_app_runs_without_a_browser(built: Built) -> None:
    served.serve(built.marts, names=True)
    _, defined = app.run()
    expected = pages.build("usage", built.marts, built.scope.filters(), built.scope)
    assert number(expected, "seats used") in defined["view"].page("usage", lambda chart: "").html
    assert list(defined["start"].contracts) == ["All contracts", "One", "Three", "Two"]


def test_the_app_says_what_to_do_without_marts(tmp_path: Path, built: Built) -> None:
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    served.serve(Built(empty, built.first, built.last, built.hole).marts, names=True)
    assert "salesnav transform" in str(served.start({}).trouble)


def test_what_is_not_known_is_a_dash() -> None:
    days = pd.to_datetime(pd.Series(["2026-03-02", None]))
    moments = pd.to_datetime(pd.Series(["2026-03-02 08:15", None]), utc=True)
    counts, shares = pd.Series([1200, None], dtype="Int64"), pd.Series([0.5, None])
    columns = {
        "last used": days,
        "ended": moments,
        "e-mail": ["a@example.com", None],
        "rows": counts,
        "% accepted": shares,
    }
    table = served.ShownTable.of(Table("key", "Title", pd.DataFrame(columns), "Nothing."))
    shown = [
        [table.formats[name](value) if name in table.formats else value for value in table.frame[name]]
        for name in table.frame
    ]
    assert [first for first, _ in shown] == ["2026-03-02", "2026-03-02 08:15", "a@example.com", "1,200", "50%"]
    assert {second for _, second in shown} == {"–"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("127.0.0.1", 70_000), "port must be 0-65535"),
        (("192.0.2.1", 0), "Cannot assign requested address"),
        (("no-such-host.invalid", 0), "there is no such host"),
    ],
)
def test_an_address_that_cannot_be_served_is_a_sentence(given: tuple[str, int], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot be served on {given[0]}, port {given[1]}: .*{said}.*--port"):
        listen(*given)


def test_a_port_in_use_is_a_sentence() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigurationError, match="Address already in use"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_another_address_comes_with_a_word(built: Built) -> None:
    with served_dashboard(built.database, "--host", "0.0.0.0", "--hide-names", says="everything but names"):
        pass


def test_pages_of_other_sites_get_nothing(address: str) -> None:
    def status(**headers: str) -> int:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert status() == 200
    assert status(Host="evil.example") == 403
    assert status(Origin="http://evil.example") == 403


def test_the_file_is_free_while_somebody_looks(own: Path, built: Built) -> None:
    with served_dashboard(own) as address, chromium() as browser, opened(browser, address) as page:
        page.goto(address)
        before = number(pages.build("usage", built.marts, built.scope.filters(), built.scope), "seats used")
        wait_for(page, "seats used", before)
        # a load or a build writes while the page is open
        with duckdb.connect(str(own)) as writing:
            writing.execute("DELETE FROM salesnav_marts.salesnav__seat_daily WHERE contract = 'urn:li:contract:2'")
        page.get_by_role("button", name="Read again").click()
        one = pages.build("usage", built.marts, built.scope.filters(contracts=(ONE,)), built.scope)
        wait_for(page, "seats used", number(one, "seats used"))


def test_it_waits_while_a_load_has_the_file(own: Path) -> None:
    holding = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; kept = duckdb.connect({str(own)!r}); print('open', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            holding.communicate("\n")

    assert holding.stdout is not None
    assert holding.stdout.readline() == "open\n"
    try:
        with pytest.raises(MartsBusyError, match="probably a load"):
            Scope.of(Marts(duckdb_file(own), patience=0.0))
        scope = Scope.of(Marts(duckdb_file(own), sleep=sleep))
    finally:
        holding.kill()
    assert len(slept) == 3
    assert scope.name(ONE) == "One"
