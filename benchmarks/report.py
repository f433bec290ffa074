"""The results as Markdown and as a chart."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("salesnav-source", "dlt", "duckdb", "pyarrow", "pandas", "numpy")


class Bar(NamedTuple):
    """A bar of the chart."""

    label: str
    seconds: float
    own: bool


class Section(NamedTuple):
    """A table with its title and what is to be said about it."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    bars: Sequence[Bar] = ()

    def render(self) -> str:
        """Returns the section as Markdown."""
        lines = [f"## {self.title}", ""]
        lines.append("| " + " | ".join(self.heads) + " |")
        lines.append("|---" + "|--:" * (len(self.heads) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)


def render(sections: Iterable[Section], quick: bool) -> str:
    """Returns all sections as a Markdown document that tells the machine and the versions."""
    lines = ["# Benchmarks", ""]
    command = "make bench-quick" if quick else "make bench"
    lines.append(f"Made by `{command}` on {datetime.now(timezone.utc):%Y-%m-%d}. {machine()} {versions()}")
    if quick:
        lines += ["", "In small, to see that the benchmarks work: the figures say nothing."]
    for section in sections:
        lines += ["", section.render()]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Says on what machine this runs."""
    return f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB of memory; {_system()}."


def versions() -> str:
    """Says with what versions this runs."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, {packages}."


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _system() -> str:
    for line in _lines("/etc/os-release"):
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return f"{platform.system()} {platform.release()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


_WIDTH, _LABELS, _ROW, _BAR = 760, 300, 34, 20
_STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 15px }
    .bar { fill: #b0b8c1 }
    .own { fill: #0a66c2 }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #57606a } .own { fill: #58a6ff } }"""


def chart(title: str, bars: Sequence[Bar]) -> str:
    """Returns bars, shortest first, as an SVG; those too long for the scale are cut, with their value beside them."""
    bars = sorted(bars, key=lambda bar: bar.seconds)
    # a few slow ones must not squeeze the others into nothing
    longest = max(bar.seconds for bar in bars if bar.seconds <= 8 * bars[0].seconds)
    height = 44 + _ROW * len(bars) + 8
    room = _WIDTH - _LABELS - 110
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
        f' role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}\n</style>",
        f'<text class="title" x="8" y="24">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars):
        top = 44 + _ROW * number
        cut = bar.seconds > longest
        width = room if cut else max(2.0, room * bar.seconds / longest * 0.8)
        middle = top + _BAR * 0.75
        parts.append(f'<text x="{_LABELS - 8}" y="{middle:.0f}" text-anchor="end">{escape(bar.label)}</text>')
        parts.append(
            f'<rect class="{"own" if bar.own else "bar"}" x="{_LABELS}" y="{top}" width="{width:.0f}" height="{_BAR}"/>'
        )
        told = f"{bar.seconds:,.1f} s" + (" (cut)" if cut else "")
        parts.append(f'<text x="{_LABELS + width + 8:.0f}" y="{middle:.0f}">{told}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
