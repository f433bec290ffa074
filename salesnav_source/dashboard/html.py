"""A page as HTML, for the report and the dashboard alike."""

import base64
from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd

from salesnav_source.dashboard.model import Figure, Number, Page, Table, day_text

STYLE = """
.sn {
  --ink: #1c2430; --faint: #5a6472; --line: #dfe3e8; --card: #fff; --accent: #14588a; --warn: #fff4de; --warn-ink: #6b4700;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
  color: var(--ink); line-height: 1.45;
}
.sn-dark, .dark .sn {
  --ink: #e6e8eb; --faint: #a9b0ba; --line: #3a414b; --card: #1b2027; --accent: #7cc0f0; --warn: #3d3014; --warn-ink: #ffdf9e;
}
.sn h1 { font-size: 1.5rem; line-height: 1.2; margin: 0; }
.sn h2 { font-size: 1.25rem; line-height: 1.2; margin: 0 0 .25rem; }
.sn h3 { font-size: 1rem; line-height: 1.3; margin: 0; font-weight: 600; }
.sn p { margin: 0; }
.sn a { color: var(--accent); }
.sn a:focus-visible, .sn summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.sn .headline { font-size: 1.15rem; margin: 0 0 1rem; max-width: 60rem; }
.sn .warning {
  background: var(--warn); color: var(--warn-ink); padding: .5rem .75rem; border-radius: .4rem; margin: 0 0 1rem;
}
.sn .numbers {
  display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(min(10.5rem, 45%), 1fr));
  margin: 0 0 1.25rem; padding: 0;
}
.sn .number {
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem .9rem;
  display: flex; flex-direction: column; min-width: 0;
}
.sn .number dt { font-size: .9rem; color: var(--faint); font-weight: normal; }
.sn .number dd { margin: 0; }
.sn .number .value {
  font-size: 1.75rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums;
}
.sn .number .hint { font-size: .82rem; color: var(--faint); }
@media (max-width: 30rem) {
  .sn .number .value { font-size: 1.4rem; }
  .sn .number { padding: .6rem .7rem; }
}
.sn .figures {
  display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); margin: 0 0 1.25rem;
}
.sn figure {
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .9rem; margin: 0; min-width: 0;
  display: flex; flex-direction: column;
}
.sn figcaption { margin: 0 0 .5rem; }
.sn .caption { font-size: .82rem; color: var(--faint); }
.sn .chart { width: 100%; }
.sn .empty { color: var(--faint); padding: 2rem 0; text-align: center; margin: auto; }
.sn .scroll { overflow-x: auto; }
.sn table { border-collapse: collapse; font-size: .88rem; width: 100%; font-variant-numeric: tabular-nums; }
.sn th, .sn td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
.sn th { font-weight: 600; color: var(--faint); }
.sn .right { text-align: right; }
.sn .wide { white-space: normal; min-width: 16rem; }
.sn summary { cursor: pointer; padding: .4rem 0; font-weight: 600; }
"""
"""Rules for what is below an element of the class `sn`, and `sn-dark` on a dark page."""


def body(page: Page, link: Callable[[str], str], draw: Callable[[Figure], str]) -> str:
    """Returns a page without its tables.

    Args:
        page: the page.
        link: gives the address of another page.
        draw: gives the HTML of a chart.
    """
    figures = "".join(_figure(figure, draw) for figure in page.figures)
    return (
        f'<h2>{escape(page.title)}</h2><p class="headline">{escape(page.headline)}</p>'
        f'{_warnings(page)}{_numbers(page, link)}<div class="figures">{figures}</div>'
    )


def _figure(figure: Figure, draw: Callable[[Figure], str]) -> str:
    inside = f'<p class="empty">{escape(figure.empty)}</p>' if figure.chart is None else draw(figure)
    caption = f'<h3>{escape(figure.title)}</h3><p class="caption">{escape(figure.caption)}</p>'
    return f"<figure><figcaption>{caption}</figcaption>{inside}</figure>"


def _numbers(page: Page, link: Callable[[str], str]) -> str:
    return f'<dl class="numbers">{"".join(_number(number, link) for number in page.numbers)}</dl>'


def _number(number: Number, link: Callable[[str], str]) -> str:
    label = escape(number.label)
    if number.page:
        label = f'<a href="{escape(link(number.page))}">{label}</a>'
    return (
        f'<div class="number"><dt>{label}</dt><dd class="value">{escape(number.value)}</dd>'
        f'<dd class="hint">{escape(number.hint)}</dd></div>'
    )


def _warnings(page: Page) -> str:
    return "".join(f'<p class="warning" role="note">{escape(text)}</p>' for text in page.warnings)


def table(shown: Table, most: int) -> str:
    """Returns a table as HTML.

    Args:
        shown: the table.
        most: rows to show.
    """
    frame = shown.frame.head(most)
    if frame.empty:
        return f"<p>{escape(shown.empty)}</p>"
    kinds = {name: _alignment(str(name), shown.frame[name]) for name in frame.columns}
    head = "".join(f'<th scope="col" class="{kinds[name]}">{escape(str(name))}</th>' for name in frame.columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kinds[name]}">{escape(cell(name, value))}</td>' for name, value in zip(frame.columns, row)
        )
        + "</tr>"
        for row in frame.itertuples(index=False, name=None)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _alignment(name: str, values: pd.Series) -> str:
    if name == "error":
        return "wide"
    is_number = pd.api.types.is_numeric_dtype(values) and name != "seat"
    return "right" if is_number else ""


def cell(name: str, value: Any) -> str:
    """Returns a value as people read it.

    Args:
        name: of the column; a share's begins with %.
        value: of the cell.
    """
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "–"
    if isinstance(value, pd.Timestamp):
        return day_text(value.date()) if value.tz is None else f"{day_text(value.date())} {value:%H:%M} UTC"
    if name.startswith("%"):
        return f"{value:.0%}"
    if isinstance(value, float):
        # no -0.0
        return f"{round(value, 1) + 0.0:,.1f}"
    return str(value) if isinstance(value, str) or name == "seat" else f"{value:,}"


def csv(shown: Table) -> bytes:
    """Returns all rows of a table as CSV in UTF-8, days and moments in ISO's form."""
    frame = shown.frame.copy()
    for name in frame.columns:
        # a spreadsheet would run a text that begins like a formula
        if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name]):
            frame[name] = frame[name].map(
                lambda text: f"'{text}" if isinstance(text, str) and text[:1] in "=+-@\t\r" else text
            )
    return str(frame.to_csv(index=False)).encode("utf-8")


def data_address(content: bytes, kind: str) -> str:
    """Returns an address that holds the content itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
