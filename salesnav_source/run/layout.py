"""Tables and paragraphs as text that fits a terminal."""

import textwrap
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a table. Columns of numbers are aligned to the right."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    number = [all(_is_number(row[i]) for row in rows) for i in range(len(heads))]
    lines = []
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, number)]
        lines.append("  ".join(cells).rstrip())
    return lines


def fitted(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Returns the lines of a table whose first column is the contract, in the first form that fits.

    If it is too wide, contracts become headings, then empty columns are left out, then long cells are wrapped. No cell is cut.

    Args:
        heads: of the columns.
        rows: the cells; "-" and "0" count as empty.
        width: most characters of a line; no limit if None.
    """
    lines = table(heads, rows)
    if _fits(lines, width):
        return lines
    assert width is not None
    full = [i for i in range(1, len(heads)) if any(row[i] not in ("-", "0") for row in rows)]
    columns = list(range(1, len(heads)))
    for chosen in (columns, full, [i for i in full if heads[i] != "files"]):
        own = [heads[i] for i in chosen]
        body = [[row[i] for i in chosen] for row in rows]
        lines = _by_contract(own, body, [row[0] for row in rows])
        if _fits(lines, width):
            return lines
    longest = max(range(len(own)), key=lambda i: max(len(row[i]) for row in body))
    room = width - max(map(len, lines)) + max(len(row[longest]) for row in body)
    broken, contracts = [], []
    for row, contract in zip(body, (row[0] for row in rows)):
        parts = textwrap.wrap(row[longest], max(room, 13)) or [""]
        for number, part in enumerate(parts):
            cells = row if number == 0 else [""] * len(row)
            broken.append([*cells[:longest], part, *cells[longest + 1 :]])
            contracts.append(contract)
    return _by_contract(own, broken, contracts)


def _by_contract(heads: Sequence[str], rows: Sequence[Sequence[str]], contracts: Sequence[str]) -> list[str]:
    head, rule, *body = table(heads, rows)
    lines = [head, rule]
    for number, (contract, line) in enumerate(zip(contracts, body)):
        if number == 0 or contract != contracts[number - 1]:
            lines.append(contract)
        lines.append(line)
    return lines


def _fits(lines: Sequence[str], width: int | None) -> bool:
    return width is None or max(map(len, lines)) <= width


def wrapped(lines: Iterable[str], width: int | None) -> str:
    """Returns lines as text. Long lines are wrapped between words."""
    if width is None:
        return "\n".join(lines)
    told: list[str] = []
    for line in lines:
        inset = " " * (len(line) - len(line.lstrip()) + 2 * line.startswith("  "))
        told += [line] if len(line) <= width else textwrap.wrap(line, width, subsequent_indent=inset)
    return "\n".join(told)


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdigit() or cell in ("-", "")
