"""Names with markup are text, wherever they are shown. The names are harmless: they could only set a mark on the page."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salesnav_source.marts.dashboard.model import PAGES

from .browser import assert_accessible, opened
from .conftest import ONE, TWO, Built
from .test_dashboard import base, served_dashboard
from .test_report import report

pytestmark = pytest.mark.long("the marts are built anew for a world of odd names")

MARK = "document.body.dataset.ran = 1"
NAMES = {
    "closing": f"</SCRIPT><script>{MARK}</script>",
    "comment": f"<!-- <script> {MARK}",
    "image": f'"><img src=x onerror="{MARK}">',
    "style": "</style></title></textarea><b>bold",
    "entity": "a &lt;b&gt; & 'c' \u2028 d",
    "expression": "{{7*7}} ${7*7} \\u003cb\\u003e",
}


@pytest.fixture(scope="module")
def hostile(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose contracts, teams, people, statuses and errors are called by markup."""
    database = Path(shutil.copy(built.database, tmp_path_factory.mktemp("hostile") / "own.duckdb"))
    names = list(NAMES.values())
    with duckdb.connect(str(database)) as connection:
        for contract, name in ((ONE, names[0]), (TWO, names[1])):
            connection.execute(
                "UPDATE salesnav_marts.salesnav__contract_overview SET name = ? WHERE contract = ?", [name, contract]
            )
        for table in ("salesnav__holders", "salesnav__seats", "salesnav__coaching"):
            columns = {row[0] for row in connection.execute(f"DESCRIBE salesnav_marts.{table}").fetchall()}
            for column in columns & {"full_name", "email", "team", "seat_status", "sentence", "area_label"}:
                cases = " ".join(f"WHEN {n} THEN ?" for n in range(len(names)))
                connection.execute(
                    f"UPDATE salesnav_marts.{table} SET {column} = CASE seat_id % {len(names)} {cases} END", names
                )
        for table in ("salesnav__changes", "salesnav__teams_weekly", "salesnav__ssi_means"):
            connection.execute(f"UPDATE salesnav_marts.{table} SET team = ? WHERE team = 'No team'", [names[2]])
        connection.execute("UPDATE salesnav_marts.salesnav__changes SET sentence = ?", [names[2]])
        connection.execute("UPDATE salesnav.export_jobs SET status = ?, error = ?", [names[3], names[0]])
    return database


@pytest.fixture(scope="module")
def address(hostile: Path) -> Iterator[str]:
    with served_dashboard(hostile) as address:
        yield address


def assert_is_text(page: Any) -> None:
    page.wait_for_selector("body[data-drawn]")
    assert page.evaluate("document.body.dataset.ran") is None
    assert page.locator("main b, main img, main script:not(#specs)").count() == 0
    text = page.evaluate("document.body.innerText")
    assert NAMES["closing"] in text


def test_names_are_text_on_every_page(browser: Any, address: str) -> None:
    with opened(browser, base(address)) as page:
        page.goto(address)
        for key in PAGES:
            page.goto(f"{base(address)}/{key}")
            if key != "search":
                assert_is_text(page)
            assert page.evaluate("document.body.dataset.ran") is None
        options = page.locator("select[name=contract] option").all_inner_texts()
        assert NAMES["closing"] in options
        # in a filter, and in what is said of an address
        page.goto(f"{base(address)}/usage?person=bold")
        assert page.locator("main b").count() == 0
        page.goto(f"{base(address)}/inmail")
        page.wait_for_selector("body[data-drawn]")
        assert_accessible(page, "inmail")


def test_names_are_text_in_a_tooltip(browser: Any, address: str) -> None:
    with opened(browser, base(address)) as page:
        page.goto(address)
        page.goto(f"{base(address)}/data")
        page.wait_for_selector("body[data-drawn]")
        page.locator("#coverage .chart.live svg .mark-rect path").first.hover()
        page.wait_for_function("getComputedStyle(document.querySelector('.tip')).visibility === 'visible'")
        assert "<" in page.locator(".tip").inner_text()
        assert page.locator(".tip *").count() == 0


@pytest.mark.parametrize("scripts", [True, False], ids=["live", "static"])
def test_names_are_text_in_the_report(browser: Any, hostile: Path, tmp_path: Path, scripts: bool) -> None:
    written = tmp_path / "r.html"
    done = report(tmp_path, "--database", str(hostile), "--output", str(written), "--names")
    assert done.returncode == 0, done.stderr
    with opened(browser, "file:", java_script_enabled=scripts) as page:
        page.goto(written.as_uri())
        if scripts:
            assert_is_text(page)
            assert_accessible(page, "the report")
        assert page.locator("main b, main img").count() == 0
        assert NAMES["closing"] in page.locator("header").inner_text() or page.get_by_text(NAMES["closing"]).count()


def test_names_are_no_names_of_files(hostile: Path, tmp_path: Path) -> None:
    done = report(tmp_path, "--database", str(hostile), "--output", "tables", "--format", "csv", "--names")
    assert done.returncode == 0, done.stderr
    for path in tmp_path.rglob("*"):
        assert path.name.replace("-", "").replace(".csv", "").isalnum()
