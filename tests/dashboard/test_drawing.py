"""Drawing in another process: one that dies, lags or refuses costs a chart, and says so in a sentence."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from salesnav_source.cli import main
from salesnav_source.marts.dashboard import charts, drawing
from salesnav_source.marts.dashboard.drawing import DrawingError, Renderer

from .conftest import Built

DIES = [sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit(139)"]
LAGS = [sys.executable, "-c", "import time; time.sleep(600)"]
RAVES = [sys.executable, "-c", "input(); print('no json', flush=True); input()"]


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as renderer:
        yield renderer


def spec() -> dict[str, object]:
    drawn = charts.bars(pd.DataFrame({"name": ["Ann <b>", "Bo"], "n": [1.0, 2.0]}), "name", "n")
    return {**charts.spec(drawn.chart), "width": 300}


def test_a_chart_becomes_a_picture(renderer: Renderer) -> None:
    svg = renderer.svg(spec(), "It")
    assert svg.startswith("<svg") and "Ann &lt;b&gt;" in svg
    assert 'aria-label="' not in svg, "no mark speaks in names of fields"
    assert "style=" not in svg, "a policy against inline styles would refuse it"
    assert renderer.png(spec(), "It").startswith(b"\x89PNG")


def test_the_script_for_the_browser_can_run_without_eval(renderer: Renderer) -> None:
    assert "expressionInterpreter" in renderer.bundle()


def test_a_chart_that_is_none_is_a_sentence(renderer: Renderer) -> None:
    with pytest.raises(DrawingError, match="It could not be drawn"):
        renderer.svg({"mark": 7}, "It")
    assert renderer.svg(spec(), "It").startswith("<svg"), "the next one is drawn"


@pytest.mark.parametrize(
    ("command", "patience"), [(DIES, 60.0), (LAGS, 0.2), (RAVES, 60.0)], ids=["dies", "lags", "raves"]
)
def test_a_renderer_that_fails_is_a_sentence(command: list[str], patience: float) -> None:
    with Renderer(command, patience) as failing:
        for _ in range(2):
            with pytest.raises(DrawingError, match="It could not be drawn: the renderer ended"):
                failing.svg(spec(), "It")


def test_a_report_whose_renderer_dies_is_incomplete(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drawing.Renderer.__init__, "__defaults__", (tuple(DIES), 60.0))
    output = tmp_path / "r.html"
    assert main(["report", "--database", str(built.database), "--output", str(output)]) == 3
    said = capsys.readouterr().err
    assert "could not be drawn" in said and "--format csv" in said
    assert not output.exists()
    # figures need no drawing
    assert main(["report", "--database", str(built.database), "--output", str(tmp_path / "f"), "--format", "csv"]) == 0
