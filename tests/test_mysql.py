"""SQL as MySQL and MariaDB read it."""

import pytest

from salesnav_source.warehouse.mysql import as_mysql
from salesnav_source.warehouse.tables import literal


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        (f"contract = {literal('O' + chr(39) + 'Brien')}", "contract = CONCAT('O', CHAR(39 USING utf8mb4), 'Brien')"),
        (f"team = {literal(chr(92))}", "team = CHAR(92 USING utf8mb4)"),
        # a text that only looks like it
        (f"team = {literal('CHR(39)')}", "team = 'CHR(39)'"),
        (
            f"team = {literal('x' + chr(39) + ', CHR(1) ')} AND created_at >= '2026-03-01 00:00:00.000000+00:00'",
            "team = CONCAT('x', CHAR(39 USING utf8mb4), ', CHR(1) ') AND created_at >= '2026-03-01 00:00:00.000000'",
        ),
    ],
    ids=["quote", "backslash", "text", "text-behind-a-quote"],
)
def test_a_letter_by_number_and_a_moment(sql: str, written: str) -> None:
    assert as_mysql(sql) == written
