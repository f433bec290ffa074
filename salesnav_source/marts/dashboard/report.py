"""The report: the pages as one HTML file that asks nobody for anything, or their charts and tables as files."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from html import escape

import altair as alt

from salesnav_source.marts.dashboard import charts, html
from salesnav_source.marts.dashboard.drawing import Renderer
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.model import PAGES, Figure, Filters, Page, Table, day_text
from salesnav_source.marts.dashboard.pages import build
from salesnav_source.marts.dashboard.scope import Scope
from salesnav_source.marts.dashboard.tables import as_csv
from salesnav_source.settings.names import RELEASE

MOST_CSV = 40_000
"""Bytes of a table that are put into the file as CSV; the file stays one that can be mailed."""

PICTURE_WIDTH = 760


class _InFile(html.Surroundings):
    """Everything is in the one file."""

    def page(self, key: str) -> str:
        return f"#{key}"

    def csv(self, table: Table, content: Callable[[], bytes]) -> str | None:
        found = content()
        return html.data_address(found, "text/csv") if len(found) <= MOST_CSV else None


def all_pages(marts: Marts, filters: Filters, scope: Scope) -> list[Page]:
    """Returns all pages of a report."""
    return [build(key, marts, filters, scope) for key in PAGES]


def why_empty(pages: Sequence[Page]) -> str:
    """Returns why there is nothing to report, no text if there is something.

    Charts by week may have data from before the period, which is none of the period.
    """
    of_people = [page for page in pages if page.key != "data"]
    if any(page.has_data for page in of_people):
        return ""
    # a page without any chart says in its headline that nobody is chosen
    nobody = [page.headline for page in of_people if not page.figures]
    return nobody[0] if nobody else "No day of it has data."


def render(pages: Sequence[Page], filters: Filters, scope: Scope, renderer: Renderer) -> str:
    """Returns the pages as one HTML file.

    Args:
        pages: to show, in order.
        filters: what they show.
        scope: what there is.
        renderer: draws the charts.

    Raises:
        DrawingError: if a chart cannot be drawn.
    """
    drawn = html.pictures(pages, renderer)
    around = _InFile()
    scripts = [renderer.bundle(), html.SCRIPT]
    # a script ends at the first such letters in it, whatever they mean there
    scripts = [script.replace("</script", "<\\/script").replace("<!--", "<\\!--") for script in scripts]
    links = "".join(f'<a href="#{page.key}">{escape(page.title)}</a>' for page in pages)
    sections = "".join(f'<section id="{page.key}">{html.body(page, drawn, around)}</section>' for page in pages)
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Sales Navigator, {escape(filters.period)}</title><style>{html.STYLE}</style></head><body>",
            '<a class="skip" href="#content">Skip to the content</a>',
            f"<header><h1>Sales Navigator</h1><p>{escape(_what(filters, scope))}</p>",
            f'<nav class="pages" aria-label="Pages">{links}</nav></header><main id="content">{sections}</main>',
            f"<footer>Days are UTC. Made by salesnav-source {RELEASE}.</footer>",
            html.specs(drawn),
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>",
        ]
    )


def _policy(scripts: Sequence[str]) -> str:
    """Returns what the file may do: run its own scripts and show its own style, and fetch nothing."""
    run = " ".join(_hash(script) for script in scripts)
    style = _hash(html.STYLE)
    return (
        f"default-src 'none'; script-src {run}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"


def _what(filters: Filters, scope: Scope) -> str:
    who = ", ".join(scope.name(contract) for contract in filters.contracts) or "all contracts"
    team = f", team {filters.team}" if filters.team else ""
    there = scope.only(filters)
    at = there.read_at
    read = f" Last read {day_text(at.date())} {at:%H:%M} UTC." if at is not None else ""
    newest = f" Data up to {day_text(there.last_day)}.{read}" if there.last_day else " Nothing is loaded."
    return f"{who}{team} · {filters.period}.{newest}"


def files(pages: Sequence[Page], kind: str, renderer: Renderer) -> Iterator[tuple[str, bytes]]:
    """Gives each chart as a picture, or each table as CSV, with the name of its file.

    Args:
        pages: to write.
        kind: `png`, `svg` or `csv`.
        renderer: draws the charts.

    Raises:
        DrawingError: if a chart cannot be drawn.
    """
    for page in pages:
        if kind == "csv":
            yield from ((f"{page.key}-{key}.csv", as_csv(table)) for key, table in page.csvs().items())
            continue
        for figure in page.figures:
            if figure.chart is not None:
                yield f"{page.key}-{figure.key}.{kind}", picture(figure, kind, renderer)


def picture(figure: Figure, kind: str, renderer: Renderer) -> bytes:
    """Returns a chart with its title and caption as a picture on white.

    Args:
        figure: has a chart.
        kind: `png` or `svg`.
        renderer: draws it.

    Raises:
        DrawingError: if it cannot be drawn.
    """
    title = alt.TitleParams(
        figure.title, subtitle=_lines(figure.caption, 105), anchor="start", fontSize=17, subtitleFontSize=12, offset=14
    )
    drawn = charts.spec(figure.chart.properties(title=title, padding=16))
    drawn |= {"width": PICTURE_WIDTH, "config": charts.theme("#1c2430", "#ffffff")}
    what = f"The chart “{figure.title}”"
    if kind == "png":
        return renderer.png(drawn, what)
    svg = renderer.svg(drawn, what)
    about = f"<title>{escape(figure.title)}</title><desc>{escape(figure.summary)}</desc>"
    head, begins, rest = svg.partition(">")
    return f'{head} role="img"{begins}{about}{rest}'.encode()


def _lines(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
