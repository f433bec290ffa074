"""What the tests of the reader have in common: rows, and reading them in memory."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import pytest

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.linkedin.reader import read_export, read_rejected, read_tables
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, Export

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2024, 3, 30)
HEADER = b"activityId,activityType,createdAt,seatId,memberIdentityKey\n"
OUTCOMES_HEADER = HEADER
GOOD = b"a-1,SAVED_LEAD,02-29-2024 23:59:59,123456789,-77\n"
OUTCOME = "a-{},X,{},,\n"
A1, A2 = b"a,T,01-01-2024 00:00:00,5,1\n", b"a,T,01-01-2024 00:00:00,5,2\n"
B1 = b"b,T,01-01-2024 00:00:00,5,3\n"


class Read:
    """A file read, all of it in memory."""

    def __init__(
        self,
        content: bytes,
        export: Export = ACTIVITIES,
        expected_rows: int | None = None,
        constants: Mapping[str, str | int] = MappingProxyType({}),
        compressed: bool = True,
        max_rejected: float = 1.0,
        **options: Any,
    ) -> None:
        with TemporaryDirectory() as folder:
            source, target = Path(folder, "file.csv"), Path(folder, "file.parquet")
            source.write_bytes(content)
            try:
                self.result = read_export(
                    source,
                    target,
                    export,
                    FIRST_DAY,
                    LAST_DAY,
                    expected_rows,
                    constants,
                    compressed,
                    max_rejected=max_rejected,
                    **options,
                )
            finally:
                self.left = sorted(path.name for path in Path(folder).iterdir())
            tables = list(read_tables(target))
            self.schema = tables[0].schema
            self.row_groups = [len(table) for table in tables]
            self.rows: list[dict[str, Any]] = [row for table in tables for row in table.to_pylist()]
            self.rejected: list[dict[str, Any]] = [row for batch in read_rejected(target) for row in batch.to_pylist()]

    def column(self, name: str) -> list[Any]:
        """Returns the values of a column."""
        return [row[name] for row in self.rows]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Rows in total, loaded, rejected, repeated."""
        result = self.result
        return result.rows, result.rows_loaded, result.rows_rejected, result.rows_repeated


def refused(
    content: bytes,
    export: Export = ACTIVITIES,
    expected_rows: int | None = None,
    max_rejected: float = 1.0,
    **options: Any,
) -> Exception:
    """Returns the error that reading raises, having checked that it leaves nothing behind."""
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "file.csv"), Path(folder, "file.parquet")
        source.write_bytes(content)
        with pytest.raises((ReadError, IncompleteFileError)) as caught:
            read_export(
                source, target, export, FIRST_DAY, LAST_DAY, expected_rows, {}, max_rejected=max_rejected, **options
            )
        assert [path.name for path in Path(folder).iterdir()] == ["file.csv"]
        return caught.value


def outcomes(*times: str) -> Read:
    """Returns a file of outcomes at these times."""
    rows = "".join(OUTCOME.format(number, time) for number, time in enumerate(times))
    return Read(OUTCOMES_HEADER + rows.encode(), ACTIVITY_OUTCOMES)
