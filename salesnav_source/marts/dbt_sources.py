"""Writes the dbt package's `sources.yml` from the declared tables: `python -m salesnav_source.marts.dbt_sources [PATH]`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from salesnav_source.schema import EXPORT_JOBS, TABLES, Column, Table

PATH = Path(__file__).parents[2] / "dbt" / "models" / "staging" / "sources.yml"
"""Where the file is in the repository."""

_HEAD = """\
# Made by `python -m salesnav_source.marts.dbt_sources` from the tables that the source declares; do not edit.
version: 2

sources:
  - name: salesnav
    description: LinkedIn Sales Navigator exports, as salesnav-source loads them
    database: "{{ var('salesnav_database', target.database) }}"
    schema: "{{ var('salesnav_schema', 'salesnav') }}"
    tables:
"""

_FRESHNESS = """\
        config:
          # when a job has ended, not when somebody did something: a quiet weekend is no outage
          loaded_at_field: completed_at
          freshness:
            warn_after: {count: 36, period: hour}
            error_after: {count: 72, period: hour}
"""


def render() -> str:
    """Returns the text of `sources.yml`."""
    return _HEAD + "".join(line for table in TABLES for line in _table(table))


def _table(table: Table) -> Iterator[str]:
    yield f"      - name: {table.name}\n"
    yield f"        description: {_text(table.description)}\n"
    yield f"        identifier: \"{{{{ var('salesnav_{table.name}_identifier', '{table.name}') }}}}\"\n"
    if table is EXPORT_JOBS:
        yield _FRESHNESS
    yield "        columns:\n"
    for column in table.columns:
        yield from _column(column)


def _column(column: Column) -> Iterator[str]:
    yield f"          - name: {column.name}\n"
    yield f"            description: {_text(column.description)}\n"
    personal = ", personal: true" if column.personal else ""
    yield f"            config: {{meta: {{type: {column.type}{personal}}}}}\n"


def _text(text: str) -> str:
    # a JSON string is a YAML string
    return json.dumps(text, ensure_ascii=False)


def main() -> None:
    """Writes the file."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PATH
    path.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
