"""Debian's Chromium, headless, without a way to any other host."""

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".venvs/axe-core"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 844}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # whatever is asked for by another name than this machine's does not exist
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Starts the browser, or skips the test."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    os.environ.setdefault("DEBUG", "")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser: Any, own: str, **options: Any) -> Iterator[Any]:
    """Opens a page on which nothing may go wrong, and from which nothing may be asked of another host.

    Args:
        browser: of `chromium`.
        own: how the addresses begin that may be asked for.
        **options: of the browser's context.
    """
    context = browser.new_context(**options)
    # a chart, a table, a filter: on a busy machine each may take its time
    context.set_default_timeout(300_000)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    allowed = (own, own.replace("http://", "ws://"), "data:", "blob:", "about:")
    assert not [url for url in asked if not url.startswith(allowed)]
    assert not wrong


def assert_is_no_wider_than(page: Any, width: int) -> None:
    """Makes sure that a page fits a window."""
    # charts are drawn anew a moment after the window has changed
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def assert_labels_are_apart(page: Any) -> None:
    """Makes sure that no label of a chart stands on another, and that no text reaches out of its card."""
    texts = """() => [...document.querySelectorAll("figure")].flatMap(figure => {
      const card = figure.getBoundingClientRect();
      return [...figure.querySelectorAll(".chart svg text")]
        .filter(text => text.textContent && text.getAttribute("opacity") !== "0")
        .map(text => [text, text.getBoundingClientRect()])
        .map(([text, box]) => ({
          chart: figure.id, text: text.textContent, isLabel: Boolean(text.closest(".role-axis-label")),
          left: box.left, right: box.right, top: box.top, bottom: box.bottom,
          isInside: box.left >= card.left && box.right <= card.right,
        }));
    })"""
    found = page.evaluate(texts)
    labels = [one for one in found if one["isLabel"]]
    assert len({one["chart"] for one in labels}) > 1, "there are charts"
    assert not [(one["chart"], one["text"]) for one in found if not one["isInside"]]
    for one, other in itertools.combinations(labels, 2):
        beside = one["right"] <= other["left"] or other["right"] <= one["left"]
        above = one["bottom"] <= other["top"] + 2 or other["bottom"] <= one["top"] + 2
        assert beside or above, (one["chart"], one["text"], other["text"])


def assert_accessible(page: Any, what: str) -> None:
    """Makes sure that axe-core finds nothing on a page: by day, by night and on a phone, with all that can be unfolded."""
    page.evaluate(_axe())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    wide = page.viewport_size
    for scheme, size in (("light", PHONE), ("dark", wide), ("light", wide)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        assert found["passes"], "it has looked at something"
        told = [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        assert not told, f"{what}, {scheme}, {size}: {told}"


def _axe() -> str:
    """Returns the script of axe-core, which npm brings where it is missing; skips the test where it cannot."""
    script = AXE / "node_modules/axe-core/axe.min.js"
    AXE.mkdir(parents=True, exist_ok=True)
    with FileLock(AXE / "lock"):
        if not script.exists():
            if shutil.which("npm") is None:
                pytest.skip("npm brings axe-core, and is not here")
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(AXE), "axe-core@4"]
            if subprocess.run(command, capture_output=True, timeout=300).returncode:
                pytest.skip("npm could not bring axe-core")
    return script.read_text(encoding="utf-8")
