"""The report: the pages as one HTML file that asks nobody for anything, or their charts as pictures."""

import json
from collections.abc import Iterator, Sequence
from html import escape

import altair as alt
import vl_convert

from salesnav_source import __version__
from salesnav_source.dashboard import html
from salesnav_source.dashboard.charts import spec, theme
from salesnav_source.dashboard.marts import Marts
from salesnav_source.dashboard.model import PAGES, Figure, Filters, Page, Table
from salesnav_source.dashboard.pages import build
from salesnav_source.dashboard.scope import Scope

MOST_ROWS = 25
"""Rows of a table that are shown; the others are in its CSV."""

MOST_CSV = 60_000
"""Bytes of a table that are put into the file as CSV; the file stays one that can be mailed."""

PICTURE_WIDTH = 760

# nothing may be fetched; Vega makes functions from its expressions
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: #f4f6f8; }
body.sn-dark { background: #12161b; }
main, header { max-width: 78rem; margin: 0 auto; padding: 1rem 1.25rem; }
header p { color: var(--faint); margin-top: .25rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: .75rem; }
section { padding-top: 1.5rem; margin-bottom: 1.5rem; border-top: 1px solid var(--line); }
footer { color: var(--faint); font-size: .82rem; padding-bottom: 2rem; }
@media print {
  body, body.sn-dark {
    background: #fff; --ink: #1c2430; --faint: #5a6472; --line: #dfe3e8; --card: #fff; --accent: #14588a; --warn: #fff4de;
    --warn-ink: #6b4700;
  }
  nav { display: none; }
  section { break-before: page; border: 0; padding-top: 0; }
  section:first-of-type { break-before: auto; }
  figure, .number, tr { break-inside: avoid; }
  .sn .figures { display: block; }
  figure { margin-bottom: 1rem !important; }
  .no-print { display: none; }
}
"""

_SCRIPT = """
const night = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.body.classList.toggle("sn-dark", night.matches);
dress();
night.addEventListener("change", dress);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
const specs = JSON.parse(document.getElementById("specs").textContent);
Promise.all(Object.entries(specs).map(([key, spec]) => vegaEmbed(document.getElementById("chart-" + key), spec)))
  .then(() => { document.body.dataset.drawn = "all"; });
"""


def all_pages(marts: Marts, filters: Filters, scope: Scope) -> list[Page]:
    """Returns all pages of a report."""
    return [build(key, marts, filters, scope) for key in PAGES]


def render(pages: Sequence[Page], filters: Filters, scope: Scope) -> str:
    """Returns the pages as one HTML file.

    Args:
        pages: to show, in order.
        filters: what they show.
        scope: what there is.
    """
    specs = {figure.key: spec(figure.chart) for page in pages for figure in page.figures if figure.chart is not None}
    who = ", ".join(scope.name(contract) for contract in filters.contracts) or "all contracts"
    read = f" Last read {scope.read_at:%d %b %Y %H:%M} UTC." if scope.read_at is not None else ""
    newest = f" Data up to {scope.last_day:%d %b %Y}.{read}" if scope.last_day else " Nothing is loaded."
    links = "".join(f'<a href="#{page.key}">{escape(page.title)}</a>' for page in pages)
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Sales Navigator, {escape(filters.period)}</title><style>{html.STYLE}{_STYLE}</style></head>",
            '<body class="sn"><header><h1>Sales Navigator</h1>',
            f"<p>{escape(who)} · {escape(filters.period)}.{escape(newest)}</p>",
            f'<nav aria-label="Pages">{links}</nav></header><main>',
            *(_section(page) for page in pages),
            f"<footer>Days are UTC. Made by salesnav-source {__version__}.</footer></main>",
            f'<script type="application/json" id="specs">{_in_script(json.dumps(specs, allow_nan=False))}</script>',
            f"<script>{_in_script(vl_convert.javascript_bundle())}</script><script>{_SCRIPT}</script></body></html>",
        ]
    )


def _section(page: Page) -> str:
    tables = "".join(_table(table) for table in page.tables)
    return f'<section id="{page.key}">{html.body(page, lambda key: f"#{key}", _chart)}{tables}</section>'


def _chart(figure: Figure) -> str:
    about = escape(f"{figure.title}: {figure.caption}")
    return f'<div class="chart" id="chart-{figure.key}" role="img" aria-label="{about}"></div>'


def _in_script(text: str) -> str:
    """Returns a text with which a script element does not end."""
    return text.replace("</script", "<\\/script")


def _table(table: Table) -> str:
    rows, content = len(table.frame), html.csv(table)
    more = f'<p class="caption">{rows - MOST_ROWS:,} more rows are not shown.</p>' if rows > MOST_ROWS else ""
    if rows and len(content) <= MOST_CSV:
        address = html.data_address(content, "text/csv")
        more += f'<p class="no-print"><a download="{table.key}.csv" href="{address}">All {rows:,} rows as CSV</a></p>'
    elif rows:
        more += '<p class="caption">All rows as CSV: in the dashboard.</p>'
    return f"<details><summary>{escape(table.title)} ({rows:,})</summary>{html.table(table, MOST_ROWS)}{more}</details>"


def pictures(pages: Sequence[Page], kind: str) -> Iterator[tuple[str, bytes]]:
    """Gives each chart as a picture, with the name of its file.

    Args:
        pages: to draw.
        kind: `png` or `svg`.
    """
    for page in pages:
        for figure in page.figures:
            if figure.chart is not None:
                yield f"{page.key}-{figure.key}.{kind}", picture(figure, kind)


def picture(figure: Figure, kind: str) -> bytes:
    """Returns a chart with its title and caption as a picture on white.

    Args:
        figure: has a chart.
        kind: `png` or `svg`.
    """
    title = alt.TitleParams(
        figure.title, subtitle=_lines(figure.caption, 105), anchor="start", fontSize=17, subtitleFontSize=12, offset=14
    )
    drawn = figure.chart.properties(width=PICTURE_WIDTH, title=title, padding=16).to_dict()
    config = theme("#1c2430", "#ffffff")
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(drawn, config=config)).encode("utf-8")
    return bytes(vl_convert.vegalite_to_png(drawn, config=config, scale=2))


def _lines(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
