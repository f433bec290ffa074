"""Writes the answers in dbt/README.md anew, from the sandbox's world on a fixed day: `python -m dbt.answers` in tests/."""

import datetime as dt
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from runs.house import Clock, House

from dbt.package import PACKAGE, dbt
from salesnav_source.sandbox import Sandbox, World, paperwork

README = PACKAGE / "README.md"
TODAY = dt.date(2026, 9, 28)
DAYS = 90
QUESTION = re.compile(r"(?P<query>```sql\n(?P<sql>.*?)\n```\n)\n(?P<answer>(?:\|[^\n]*\n)+)", re.S)
"""A query and the table with its answer."""


def build(folder: Path) -> Path:
    """Loads what `make demo` does on the fixed day, and builds the marts; returns the DuckDB file."""
    clock = Clock(TODAY)
    world = World(today=lambda: clock.today)
    contracts = [element["contract"] for element in world.contracts() if element["hasReportingAccess"]]
    with Sandbox(world, clock=clock, job_seconds=(0.0, 0.05)) as sandbox:
        house = House(folder, sandbox, clock, DAYS, contracts)
        house.sync()
    paperwork.write(house.database, "salesnav", world)
    terms = '{"salesnav_contract_terms": "salesnav.contract_terms"}'
    dbt(folder, {"type": "duckdb", "path": str(house.database), "threads": 2}, "run", "--vars", terms)
    return house.database


def answered(text: str, database: Path) -> str:
    """Returns the text with each answer as the marts give it now."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET schema = 'salesnav_marts'")

        def answer(question: "re.Match[str]") -> str:
            found = connection.execute(question["sql"])
            names = [column[0] for column in found.description or ()]
            return question["query"] + "\n" + table(names, found.fetchall())

        return QUESTION.sub(answer, text)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Returns a table in Markdown."""
    lines = [names, ["---"] * len(names), *([shown(value) for value in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(answered(README.read_text(encoding="utf-8"), build(Path(folder))), encoding="utf-8")
