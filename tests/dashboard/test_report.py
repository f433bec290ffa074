"""`salesnav report`, as a user or an orchestrator calls it, and as whoever gets the file opens it."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from salesnav_source.cli import main
from salesnav_source.dashboard import pages
from salesnav_source.dashboard.model import PAGES

from .browser import assert_is_no_wider_than, chromium, opened
from .conftest import ONE, Built
from .test_numbers import ask, number

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


def test_it_opens_from_disk_with_the_network_cut(written: Path, built: Built) -> None:
    scope, filters = built.scope, built.scope.filters(names=False)
    with chromium() as browser, opened(browser, "file:", offline=True, color_scheme="dark") as page:
        page.goto(written.as_uri())
        page.wait_for_selector("body[data-drawn]")
        for key, title in PAGES.items():
            expected = pages.build(key, built.marts, filters, scope)
            section = page.locator(f"section#{key}")
            assert section.locator("h2").inner_text() == title
            assert section.locator(".headline").inner_text() == expected.headline
            assert section.locator(".number .value").all_inner_texts() == [one.value for one in expected.numbers]
            drawn = [figure for figure in expected.figures if figure.chart is not None]
            assert section.locator("figure svg.marks").count() == len(drawn)
        # a page links to the one that tells more
        page.locator(".number a", has_text="licences to take back").click()
        assert page.url.endswith("#seats")
        assert_is_no_wider_than(page, 1280)
        page.set_viewport_size({"width": 390, "height": 800})
        assert_is_no_wider_than(page, 390)
        with page.expect_download() as download:
            page.locator("section#usage details summary").click()
            page.locator("section#usage details a").click()
        rows = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
        assert len(rows) == 1 + ask(built, "SELECT count(*) FROM salesnav_marts.salesnav__seats")[0][0]


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
