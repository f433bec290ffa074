"""`salesnav report`, as a user or an orchestrator calls it, and as whoever gets the file opens it."""

import csv
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salesnav_source.cli import main
from salesnav_source.marts.dashboard import pages
from salesnav_source.marts.dashboard.model import PAGES

from .browser import assert_accessible, assert_is_no_wider_than, opened
from .conftest import DAYS, ONE, TWO, Built, name_teams
from .test_numbers import ask, number

pytestmark = pytest.mark.long(
    "each makes a whole report, and opens it in a browser or draws its charts",
    but=(
        "test_it_says_all_without_javascript",
        "test_axe_finds_nothing",
        "test_names_contracts_and_days_are_as_asked",
        "test_tables_alone_are_files",
        "options0-There is no DuckDB file none.duckdb",
    ),
)

MB = 1_000_000


def report(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "salesnav_source", "report", *options]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DESTINATION__"))}
    # no terminal, and none to ask
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "RUNTIME__DLTHUB_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )


@pytest.fixture(scope="module")
def written(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    done = report(path.parent, "--database", str(built.database), "--output", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}\n", "")
    return path


def people(built: Built) -> set[str]:
    return {
        name
        for (name,) in ask(built, "SELECT DISTINCT unnest([full_name, email]) FROM salesnav_marts.salesnav__seats")
        if name
    }


def test_the_file_can_be_mailed(written: Path, built: Built) -> None:
    text = written.read_text(encoding="utf-8")
    assert len(text.encode()) <= 2 * MB
    assert not [name for name in people(built) if name in text]


def test_it_opens_from_disk_with_the_network_cut(browser: Any, written: Path, built: Built) -> None:
    scope, filters = built.scope, built.scope.filters(names=False)
    with opened(browser, "file:", offline=True, color_scheme="dark") as page:
        page.goto(written.as_uri())
        page.wait_for_selector("body[data-drawn]")
        for key, title in PAGES.items():
            expected = pages.build(key, built.marts, filters, scope)
            section = page.locator(f"section#{key}")
            assert section.locator("h2").inner_text() == title
            assert section.locator(".headline").inner_text() == expected.headline
            assert section.locator(".number .value").all_inner_texts() == [one.value for one in expected.numbers]
            drawn = [figure for figure in expected.figures if figure.chart is not None]
            assert section.locator("figure .chart.live svg").count() == len(drawn)
        # a card leads to the list behind it
        page.locator("section#usage .number a", has_text="seats to take back").click()
        assert page.url.endswith("#seats-to-take-back")
        assert_is_no_wider_than(page, 1280)
        page.set_viewport_size({"width": 390, "height": 800})
        assert_is_no_wider_than(page, 390)
        with page.expect_download() as download:
            page.locator("#usage-by-person a", has_text="as CSV").click()
        rows = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
        (people,) = ask(built, "SELECT count(*) FROM salesnav_marts.salesnav__holders")[0]
        assert len(rows) == 1 + people


def test_it_says_all_without_javascript(browser: Any, written: Path, built: Built) -> None:
    filters = built.scope.filters(names=False)
    drawn = [
        figure
        for key in PAGES
        for figure in pages.build(key, built.marts, filters, built.scope).figures
        if figure.chart is not None
    ]
    with opened(browser, "file:", java_script_enabled=False) as page:
        page.goto(written.as_uri())
        assert page.locator("figure .chart svg").count() == len(drawn)
        for figure in drawn:
            picture = page.locator(f"#{figure.key} .chart svg")
            box = picture.bounding_box()
            assert box["width"] > 300 and box["height"] > 20
            assert page.locator(f"#{figure.key} .summary").inner_text() == figure.summary
        assert page.locator("#usage-by-person tbody tr").count()


@pytest.mark.parametrize("scripts", [False, True], ids=["static", "live"])
def test_no_chart_is_cut_on_a4(browser: Any, written: Path, scripts: bool) -> None:
    # the height of the paper's inside, at 96 points to the inch
    paper = (297 - 28) / 25.4 * 96
    with opened(browser, "file:", java_script_enabled=scripts) as page:
        page.set_viewport_size({"width": 688, "height": 1000})
        page.goto(written.as_uri())
        if scripts:
            page.wait_for_selector("body[data-drawn]")
        page.emulate_media(media="print")
        for figure in page.locator("figure").all():
            box = figure.bounding_box()
            assert box["height"] < paper and box["width"] <= 688
            assert figure.evaluate("one => getComputedStyle(one).breakInside") == "avoid"
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_axe_finds_nothing(browser: Any, written: Path) -> None:
    with opened(browser, "file:") as page:
        page.goto(written.as_uri())
        page.wait_for_selector("body[data-drawn]")
        assert_accessible(page, "the report")


def test_only_its_own_scripts_run(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert "unsafe" not in policy and policy.startswith("default-src 'none'")
    assert policy.count("'sha256-") == 3, "two scripts and a style"


def test_names_contracts_and_days_are_as_asked(built: Built, tmp_path: Path) -> None:
    day = str(built.last)
    done = report(
        tmp_path,
        *(
            "--database",
            str(built.database),
            "--output",
            "r.html",
            "--contract",
            "one",
            "--from",
            day,
            "--to",
            day,
            "--names",
        ),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.html").stat().st_mode & 0o777 == 0o600
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    names = {
        name
        for (name,) in ask(built, f"SELECT full_name FROM salesnav_marts.salesnav__seats WHERE contract = '{ONE}'")
        if name
    }
    assert names
    assert all(name in text for name in names)
    ((used,),) = ask(
        built,
        f"SELECT count(DISTINCT seat_id) FROM salesnav.activities WHERE contract = '{ONE}' AND activity_date = '{day}'",
    )
    filters = built.scope.filters(built.last, built.last, contracts=(ONE,))
    shown = number(pages.build("usage", built.marts, filters, built.scope), "seats used")
    assert shown.startswith(f"{used} of ")
    assert f">{shown}<" in text


def test_tables_alone_are_files(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    options = ["--database", str(built.database), "--output", str(folder), "--format", "csv"]
    assert main(["report", *options]) == 0
    rows = list(csv.DictReader((folder / "inmail-inmails-by-person.csv").open(encoding="utf-8", newline="")))
    (senders,) = ask(
        built, "SELECT count(DISTINCT (contract, seat_id, holder_number)) FROM salesnav_marts.salesnav__inmails"
    )[0]
    assert len(rows) == senders, "every row is there"
    assert all(re.fullmatch(r"(\d+\.\d)?", row["% accepted"]) for row in rows)
    rows = list(csv.DictReader((folder / "usage-activities-per-day-data.csv").open(encoding="utf-8", newline="")))
    assert [row["day"] for row in rows][:1] == [str(built.first)] and len(rows) == DAYS


def test_a_period_without_data_is_incomplete(built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--from", "2020-01-01", "--to", "2020-02-01", "--database", str(built.database)]
    assert main(["report", *options, "--output", str(tmp_path / "r.html")]) == 3
    assert "There is nothing to report, 1 Jan to 1 Feb 2020" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_weeks_before_a_period_are_no_data_of_it(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    period = ["--from", str(built.last + timedelta(2)), "--to", str(built.last + timedelta(20))]
    assert main(["report", *period, "--database", str(built.database), "--output", str(tmp_path / "r.html")]) == 3
    assert "No day of it has data. Nothing was written." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_team_of_which_nobody_is_in_the_contract_is_a_sentence(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name_teams(own, {ONE: "North", TWO: None})
    output = tmp_path / "r.html"
    options = ["report", "--database", str(own), "--team", "North", "--contract", "Two", "--output", str(output)]
    assert main(options) == 3
    assert "Nobody of the team North has or had a seat in Two. Nothing was written." in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("NORTH", "There are the teams North and north. Write NORTH as one of them is written."),
        ("East", "no team East"),
    ],
)
def test_a_team_that_may_be_two_is_asked_back(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, said: str
) -> None:
    name_teams(own, {ONE: "North", TWO: "north"})
    output = tmp_path / "r.html"
    assert main(["report", "--database", str(own), "--team", asked, "--output", str(output)]) == 2
    assert said in capsys.readouterr().err


def test_charts_alone_are_pictures(built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<svg")):
        assert (
            main(["report", "--database", str(built.database), "--output", str(tmp_path / kind), "--format", kind]) == 0
        )
        files = sorted((tmp_path / kind).iterdir())
        assert sorted(Path(line).name for line in capsys.readouterr().out.splitlines()) == [file.name for file in files]
        assert "usage-seats-used-per-week." + kind in [file.name for file in files]
        assert all(file.read_bytes().startswith(begins) for file in files)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--database", "none.duckdb"], "There is no DuckDB file none.duckdb"),
        (["--database", "empty.duckdb"], "Build them with `salesnav transform --database empty.duckdb`"),
        (["--database", "BUILT", "--contract", "Nobody"], "There is no contract Nobody"),
        (["--database", "BUILT", "--from", "soon"], "--from takes a day"),
        (["--database", "BUILT", "--from", "2026-03-02", "--to", "2026-03-01"], "before it begins"),
        (["--database", "BUILT", "--format", "png", "--output", "chart.png"], "name a folder"),
        (["--database", "BUILT", "--format", "csv", "--output", "r.html"], "name a folder"),
        (["--database", "BUILT", "--output", "r.pdf"], "does not end in .html"),
        (["--database", "BUILT", "--output", "r"], "Name r.html"),
        (["--database", "BUILT", "--team", "Nobody"], "There is no team Nobody"),
        (["--database", "BUILT", "--dataset", "nothing"], "There are no loaded tables in nothing"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    built: Built,
    tmp_path: Path,
    options: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    duckdb.connect("empty.duckdb").close()
    options = [str(built.database) if option == "BUILT" else option for option in options]
    assert main(["report", "--output", "r.html", *options]) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["empty.duckdb"]
