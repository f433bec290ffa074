"""Debian's Chromium, headless, without a way to any other host."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
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
    context.set_default_timeout(60_000)
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
