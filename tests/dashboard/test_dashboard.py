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
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salesnav_source.marts.dashboard import pages
from salesnav_source.marts.dashboard.marts import Marts, MartsBusyError
from salesnav_source.marts.dashboard.model import PAGES
from salesnav_source.marts.dashboard.scope import Scope

from .browser import PHONE, assert_accessible, assert_is_no_wider_than, assert_labels_are_apart, opened
from .conftest import ONE, Built, duckdb_file
from .test_numbers import ask, number

pytestmark = pytest.mark.long(
    "each opens pages in a browser, several seconds of CPU; one stands for each way to use them",
    but=(
        "test_a_person_filters_reads_follows_and_downloads",
        "test_axe_finds_nothing_on_any_page",
        "test_it_waits_while_a_load_has_the_file",
    ),
)

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def served_dashboard(database: Path, *options: str, says: str = "") -> Iterator[str]:
    """Runs the command; gives the address that it prints, before which it may have something to say."""
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
            found = re.search(r"http://\S+token=\S+", line)
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
            process.wait(300)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in "".join(lines), "".join(lines)


@pytest.fixture(scope="module")
def address(built: Built) -> Iterator[str]:
    with served_dashboard(built.database) as address:
        yield address


def base(address: str) -> str:
    """Returns an address without its token."""
    return address.split("/?")[0]


def value_of(page: Any, label: str) -> str:
    return str(page.locator(".number", has=page.get_by_text(label, exact=True)).locator(".value").inner_text())


def test_a_person_filters_reads_follows_and_downloads(browser: Any, address: str, built: Built) -> None:
    scope = built.scope
    with opened(browser, base(address), viewport={"width": 1400, "height": 1000}) as page:
        page.goto(address)
        assert "token" not in page.url, "the token is in no history"
        everything = pages.build("usage", built.marts, scope.filters(), scope)
        assert value_of(page, "seats used") == number(everything, "seats used")
        # the contract
        filters = scope.filters(contracts=(ONE,))
        with page.expect_navigation():
            page.get_by_label("Contract").select_option("One")
        expected = number(pages.build("usage", built.marts, filters, scope), "seats used")
        assert expected != number(everything, "seats used")
        assert value_of(page, "seats used") == expected
        # from a card to the list behind it, with the filter kept
        page.locator(".number a", has_text="seats to take back").click()
        page.wait_for_url("**/seats?*#seats-to-take-back")
        seats = pages.build("seats", built.marts, filters, scope)
        assert value_of(page, "seats to take back") == number(seats, "seats to take back")
        # every page, each with its charts
        for key, title in PAGES.items():
            page.locator("nav").get_by_text(title, exact=True).click()
            page.locator(f"main[data-page={key}] h2", has_text=title).wait_for()
            shown = pages.build(key, built.marts, filters, scope)
            assert page.locator(".number .value").all_inner_texts() == [one.value for one in shown.numbers]
            page.wait_for_selector("body[data-drawn]")
            drawn = [figure for figure in shown.figures if figure.chart is not None]
            assert page.locator("figure .chart.live svg").count() == len(drawn)
        # the table as CSV holds what the warehouse does
        page.locator("nav").get_by_text("Search", exact=True).click()
        page.locator("main[data-page=search]").wait_for()
        with page.expect_download() as download:
            page.locator("#search-by-person a", has_text="as CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
        # a seat that was handed on has a row for each holder
        found: Counter[int] = Counter()
        for row in rows:
            found[int(row["seat"])] += int(row["searches"])
        counted = dict(
            ask(
                built,
                "SELECT seat_id, count(*) FILTER (activity_type = 'SEARCH_PERFORMED') FROM salesnav.activities"
                f" WHERE contract = '{ONE}' GROUP BY 1",
            )
        )
        assert {seat: count for seat, count in found.items() if count} == {seat: n for seat, n in counted.items() if n}
        # the same view again, by its address
        page.goto(page.url)
        assert value_of(page, "searches") == f"{sum(found.values()):,}"


def test_spans_of_days_are_a_click_away_whatever_their_weekday(browser: Any, address: str, built: Built) -> None:
    with opened(browser, base(address)) as page:
        page.goto(address)
        for name, days in (("Last 7 days", 7), ("Last 28 days", 28)):
            page.get_by_role("link", name=name).click()
            page.wait_for_url("**span=last-*")
            for key in PAGES:
                page.goto(f"{base(address)}/{key}?span=last-{days}")
                assert page.locator(".spans [aria-current]").inner_text() == name
                assert page.locator(".headline").inner_text()
                page.wait_for_selector("body[data-drawn]")
                assert page.locator("figure .chart").count() or page.locator("figure .empty").count()


def test_one_person_by_keyboard_on_a_phone_at_night(browser: Any, address: str, built: Built) -> None:
    options = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}
    ((seat, name),) = ask(
        built,
        f"SELECT seat_id, full_name FROM salesnav_marts.salesnav__seats WHERE contract = '{ONE}' AND last_activity_date"
        " IS NOT NULL ORDER BY seat_id LIMIT 1",
    )
    with opened(browser, base(address), **options) as page:
        page.goto(address)
        page.goto(f"{base(address)}/usage?contract={ONE}&seat={seat}")
        assert name in page.locator(".headline").inner_text()
        ((activities,),) = ask(
            built,
            f"SELECT coalesce(sum(activities), 0) FROM salesnav_marts.salesnav__seat_daily d JOIN"
            f" salesnav_marts.salesnav__seats s USING (contract, seat_id, holder_number) WHERE contract = '{ONE}'"
            f" AND seat_id = {seat}",
        )
        assert value_of(page, "activities") == f"{activities:,}"
        page.wait_for_selector("body[data-drawn]")
        assert_is_no_wider_than(page, 390)
        # the first stop leads past what is on every page
        page.locator("body").press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        # pages are links: by keyboard too
        page.locator("nav a", has_text="SSI").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/ssi?*")
        assert "seat=" in page.url


@pytest.mark.parametrize("key", [key for key in PAGES if key != "data"])
def test_labels_are_apart_on_a_phone(browser: Any, address: str, key: str) -> None:
    with opened(browser, base(address), viewport=PHONE) as page:
        page.goto(address)
        page.goto(f"{base(address)}/{key}")
        page.wait_for_selector("body[data-drawn]")
        assert_labels_are_apart(page)


def test_days_are_the_same_in_a_browser_of_any_zone(browser: Any, address: str) -> None:
    labels = []
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        with opened(browser, base(address), timezone_id=zone) as page:
            page.goto(address)
            page.wait_for_selector("body[data-drawn]")
            shown = page.locator("#activities-per-day .chart.live svg")
            labels.append((shown.locator("text").all_inner_texts(), shown.locator("path").count()))
    assert labels[0] == labels[1]


def test_a_tooltip_is_a_sentence(browser: Any, address: str) -> None:
    with opened(browser, base(address)) as page:
        page.goto(address)
        page.wait_for_selector("body[data-drawn]")
        page.locator("#what-they-do .chart.live svg .mark-rect path").first.hover()
        page.wait_for_function("getComputedStyle(document.querySelector('.tip')).visibility === 'visible'")
        assert re.fullmatch(r"[a-z ]+ · [\d,]+", page.locator(".tip").inner_text())


def test_the_picture_of_a_chart_is_saved_where_it_stands(browser: Any, address: str) -> None:
    with opened(browser, base(address)) as page:
        page.goto(address)
        page.wait_for_selector("body[data-drawn]")
        with page.expect_download() as download:
            page.locator("#what-they-do").get_by_role("button", name="Picture").click()
        assert download.value.suggested_filename == "what-they-do.png"
        assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_axe_finds_nothing_on_any_page(browser: Any, address: str) -> None:
    with opened(browser, base(address)) as page:
        page.goto(address)
        for key in PAGES:
            page.goto(f"{base(address)}/{key}")
            page.wait_for_selector("body[data-drawn]")
            assert_accessible(page, key)
            # each chart has a name, and its figures in a sentence and in a table
            for figure in page.locator("figure:has(.chart)").all():
                assert figure.locator(".chart").get_attribute("aria-label").endswith(".")
                assert figure.locator(".summary").inner_text()
                assert figure.locator("details table tbody tr").count()


def test_axe_finds_nothing_where_it_says_what_is_wrong(browser: Any, address: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        # the browser notes an answer of 400 as an error of the page
        page.goto(f"{base(address)}/usage?contract=Nobody")
        assert "There is no contract Nobody" in page.get_by_role("alert").inner_text()
        assert_accessible(page, "a page that says what is wrong")


def test_another_address_comes_with_a_word(built: Built) -> None:
    with served_dashboard(built.database, "--host", "0.0.0.0", "--hide-names", says="everything but names"):
        pass


def test_the_file_is_free_while_somebody_looks(browser: Any, own: Path, built: Built) -> None:
    with served_dashboard(own) as address, opened(browser, base(address)) as page:
        page.goto(address)
        before = number(pages.build("usage", built.marts, built.scope.filters(), built.scope), "seats used")
        assert value_of(page, "seats used") == before
        # a load or a build writes while the page is open
        with duckdb.connect(str(own)) as writing:
            writing.execute("DELETE FROM salesnav_marts.salesnav__seat_daily WHERE contract = 'urn:li:contract:2'")
        page.reload()
        one = pages.build("usage", built.marts, built.scope.filters(contracts=(ONE,)), built.scope)
        assert value_of(page, "seats used") == number(one, "seats used")


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
