"""A page as HTML, for the report and the dashboard alike. All text is escaped here, where it leaves."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from salesnav_source.marts.dashboard import charts
from salesnav_source.marts.dashboard.drawing import Renderer
from salesnav_source.marts.dashboard.model import Figure, Number, Page, Person, Table
from salesnav_source.marts.dashboard.tables import as_csv, html_table

STYLE, SCRIPT = (
    Path(__file__).with_name("assets").joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
)

STATIC_WIDTH = 560
"""Of a chart as it stands on a page before a script has drawn it again."""

_MOST_IN_A_ROW = 6

MOST_ROWS = 25
"""Rows of a list that are shown at first."""

MOST_FIGURES = 120
"""Rows of the figures of a chart that are shown; all are in its CSV."""


class Surroundings:
    """What a page needs to know of what shows it. The report has one, the dashboard another."""

    rows = MOST_ROWS
    """Rows of a list that are shown."""

    def page(self, key: str) -> str:
        """Returns the address of another page."""
        raise NotImplementedError

    def csv(self, table: Table, content: Callable[[], bytes]) -> str | None:
        """Returns the address of a table's CSV, None if it has none here.

        Args:
            table: the table.
            content: gives the CSV.
        """
        raise NotImplementedError

    def more(self, table: Table) -> str:
        """Returns the address that shows all rows of a list, no text if there is none."""
        return ""

    def person(self, person: Person) -> str:
        """Returns the address that shows one person, no text if there is none."""
        return ""


class Drawn(NamedTuple):
    """A chart as it is drawn."""

    svg: str
    """It suits the page around it, light or dark."""
    spec: dict[str, Any]
    """Of Vega-Lite."""


def pictures(pages: Sequence[Page], renderer: Renderer) -> dict[str, Drawn]:
    """Returns the charts of pages as they are drawn, by key.

    Raises:
        DrawingError: if one cannot be drawn.
    """
    drawn = {}
    for figure in (figure for page in pages for figure in page.figures if figure.chart is not None):
        spec = charts.spec(figure.chart)
        svg = renderer.svg({**spec, "width": STATIC_WIDTH}, f"The chart “{figure.title}”")
        drawn[figure.key] = Drawn(svg, spec)
    return drawn


def body(page: Page, drawn: Mapping[str, Drawn], around: Surroundings) -> str:
    """Returns a page.

    Args:
        page: the page.
        drawn: of `pictures`.
        around: what shows it.
    """
    figures = "".join(_figure(figure, drawn.get(figure.key), around) for figure in page.figures)
    lists = "".join(_list(table, around) for table in page.tables)
    return (
        f'<h2>{escape(page.title)}</h2><p class="question">{escape(page.question)}</p>'
        f'<p class="headline">{escape(page.headline)}</p>'
        f"{_warnings(page)}{_numbers(page, around)}{_changes(page)}"
        f'<div class="figures">{figures}</div>{lists}'
    )


def _figure(figure: Figure, drawn: Drawn | None, around: Surroundings) -> str:
    caption = (
        f'<figcaption><h3>{escape(figure.title)}</h3><p class="small">{escape(figure.caption)}</p>'
        f'{f"""<p class="summary">{escape(figure.summary)}</p>""" if figure.summary else ""}</figcaption>'
    )
    if figure.chart is None or drawn is None:
        why = figure.empty or "This chart could not be drawn; its figures are below."
        inside = f'<p class="empty">{escape(why)}</p>'
    else:
        about = escape(f"{figure.title}. {figure.summary}")
        inside = (
            f'<div class="chart" id="chart-{figure.key}" role="img" aria-label="{about}">{_hidden(drawn.svg)}</div>'
        )
    tools = "" if figure.chart is None else _data(figure, around)
    return f'<figure id="{figure.key}">{caption}{inside}{tools}</figure>'


def _hidden(svg: str) -> str:
    """Returns a picture that screen readers pass over, as what is around it has its name: its parts say nothing in words."""
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _data(figure: Figure, around: Surroundings) -> str:
    title = escape(figure.title)
    table = html_table(figure.data, MOST_FIGURES, lambda _: "")
    return (
        f'<details class="data"><summary class="small">Figures of: {title}</summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Figures of: {title}">{table}</div></details>'
        f'<p class="tools">{_csv(figure.data, around, "Figures as CSV")}</p>'
    )


def _csv(table: Table, around: Surroundings, text: str) -> str:
    address = around.csv(table, lambda: as_csv(table))
    if address is None:
        return f'<span class="small">{escape(text)}: <code>salesnav report --format csv</code> writes them</span>'
    named = escape(f"{text}: {table.title}")
    return f'<a download="{table.key}.csv" href="{escape(address)}" aria-label="{named}">{escape(text)}</a>'


def _numbers(page: Page, around: Surroundings) -> str:
    rows = -(-len(page.numbers) // _MOST_IN_A_ROW) or 1
    # rows of about as many: none of one number alone
    beside = -(-len(page.numbers) // rows)
    shown = "".join(_number(number, around) for number in page.numbers)
    return f'<dl class="numbers by-{beside}">{shown}</dl>'


def _number(number: Number, around: Surroundings) -> str:
    label = escape(number.label)
    if number.leads_to:
        label = f'<a href="{escape(_address(number.leads_to, around))}">{label}</a>'
    change = f'<dd class="change">{escape(number.change)}</dd>' if number.change else ""
    return (
        f'<div class="number"><dt>{label}</dt><dd class="value">{escape(number.value)}</dd>{change}'
        f'<dd class="meaning">{escape(number.meaning)}</dd></div>'
    )


def _address(leads_to: str, around: Surroundings) -> str:
    page, _, place = leads_to.partition("#")
    if not place and "-" in page:
        return f"#{page}"
    return (
        f"#{place}"
        if place and around.page(page).startswith("#")
        else around.page(page) + (f"#{place}" if place else "")
    )


def _warnings(page: Page) -> str:
    return "".join(f'<p class="warning" role="note">{escape(text)}</p>' for text in page.warnings)


def _changes(page: Page) -> str:
    if not page.changes:
        return ""
    said = "".join(f"<li>{escape(text)}</li>" for text in page.changes)
    return f'<div class="changes"><h3>What changed most</h3><ul>{said}</ul></div>'


def _list(table: Table, around: Surroundings) -> str:
    rows = len(table.frame)
    note = f'<p class="small">{escape(table.note[:1].upper() + table.note[1:])}.</p>' if table.note else ""
    title = escape(table.title)
    if not rows:
        return f'<div class="list" id="{table.key}"><h3>{title}</h3>{note}<p>{escape(table.empty)}</p></div>'
    tools = _csv(table, around, f"All {rows:,} rows as CSV" if rows > 1 else "The row as CSV")
    if rows > around.rows:
        more = around.more(table)
        shown = f"{around.rows:,} of {rows:,} rows are shown"
        tools = (
            f'<span class="small">{shown}</span>{f"""<a href="{escape(more)}">Show all</a>""" if more else ""}{tools}'
        )
    shown = html_table(table, around.rows, around.person)
    # what scrolls has to be reached by keyboard; links in it can be already
    stop = "" if "<a " in shown else ' tabindex="0"'
    return (
        f'<details class="list" id="{table.key}" open><summary><h3>{title} ({rows:,})</h3></summary>{note}'
        f'<div class="scroll"{stop} role="region" aria-label="{title}">{shown}</div>'
        f'<p class="tools">{tools}</p></details>'
    )


def in_script(value: Any) -> str:
    """Returns JSON that stays data in a script element, and in a script, whatever texts are in it."""
    text = json.dumps(value, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def specs(drawn: Mapping[str, Drawn]) -> str:
    """Returns the element that holds the charts, for the script that draws them again."""
    found = {key: one.spec for key, one in drawn.items()}
    return f'<script type="application/json" id="specs">{in_script(found)}</script>'


def data_address(content: bytes, kind: str) -> str:
    """Returns an address that holds the content itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
