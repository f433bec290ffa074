"""Export files as LinkedIn would give them, made by the million: unique ids, real shares of types, no order in time."""

import zlib
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb

ROWS_SUFFIX = ".rows"


class ExportFile(NamedTuple):
    """A file that a job is to have: which one, and how many rows it holds."""

    contract: str
    export: str
    first_day: str
    last_day: str
    rows: int

    @property
    def name(self) -> str:
        """Name of the file on disk."""
        return f"{self.export}-{self.contract.rpartition(':')[2]}-{self.first_day}-{self.last_day}.csv"


# the shares are those of ten thousand activities in the sample of real usage that LinkedIn published
_ACTIVITY_TYPE = """
    CASE WHEN dice < 5846 THEN 'PROFILE_VIEWED' WHEN dice < 8769 THEN 'SEARCH_PERFORMED'
         WHEN dice < 9361 THEN 'SAVED_LEAD' WHEN dice < 9922 THEN 'CONNECTION_MADE'
         WHEN dice < 9952 THEN 'SAVED_ACCOUNT' WHEN dice < 9982 THEN 'INMAIL_SENT' ELSE 'MESSAGE_SENT' END"""

_MADE = """
    WITH numbers AS (SELECT range AS i FROM range($rows)),
    drawn AS (
        SELECT
            i,
            (hash(i, $seed) % 10000)::INTEGER AS dice,
            make_timestamp($first_us + (hash(i, $seed, 1) % ($days * 86400))::BIGINT * 1000000) AS created_at,
            ($seat + hash(i, $seed, 2) % 290)::BIGINT AS seat,
            (hash(i, $seed, 3) % 4294967296)::BIGINT - 2147483648 AS member
        FROM numbers
    )"""

_QUERIES = {
    "activities": _MADE
    + f"""
    SELECT
        $prefix || lpad(lower(hex((i * 2654435761) % 268435456)), 7, '0') AS "activityId",
        {_ACTIVITY_TYPE} AS "activityType",
        strftime(created_at, '%m-%d-%Y %H:%M:%S') AS "createdAt",
        seat AS "seatId",
        CASE WHEN dice BETWEEN 5846 AND 8768 THEN '-1' ELSE member::VARCHAR END AS "memberIdentityKey"
    FROM drawn""",
    "activity_outcomes": _MADE
    + """
    SELECT
        $prefix || lpad(lower(hex((i * 2654435761) % 268435456)), 7, '0') AS "activityId",
        CASE WHEN dice < 6000 THEN 'INMAIL_ACCEPTED' ELSE 'INMAIL_DECLINED' END AS "activityType",
        strftime(created_at, '%m-%d-%Y %H:%M:%S') AS "createdAt",
        seat AS "seatId",
        member AS "memberIdentityKey"
    FROM drawn""",
    "seats": _MADE
    + """
    SELECT
        $seat + (i // $days) AS "seatId",
        strftime(make_timestamp($first_us + (i % $days) * 86400000000), '%m-%d-%Y') AS "date",
        'First ' || i // $days AS "firstName",
        'Last ' || i // $days AS "lastName",
        'seat' || i // $days || '@example.com' AS "email",
        'ACTIVE' AS "seatStatus",
        60 + dice % 20 AS "ssi", 19 AS "ssiBrand", 14 AS "ssiFind", 9 AS "ssiEngage", 18 + dice % 20 AS "ssiBuild",
        dice AS "totalConnections", dice // 2 AS "totalSavedLeads"
    FROM drawn""",
}


def make_file(folder: Path, file: ExportFile) -> Path:
    """Writes a file with its rows in no order of time, unless it is there already; returns its path.

    Args:
        folder: where the file goes.
        file: which file.
    """
    path = folder / file.name
    if not path.exists():
        first, last = date.fromisoformat(file.first_day), date.fromisoformat(file.last_day)
        seed = zlib.crc32(f"{file.contract} {file.export} {first}".encode())
        values = {
            "rows": file.rows,
            "seed": seed,
            "first_us": (first - date(1970, 1, 1)).days * 86_400_000_000,
            "days": (last - first).days + 1,
            "seat": 200_000_000 + 1000 * (zlib.crc32(file.contract.encode()) % 100_000),
            "prefix": _in_base_36(first.toordinal()),
        }
        query = _QUERIES[file.export]
        unfinished = path.with_suffix(".part")
        with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
            used = {name: value for name, value in values.items() if f"${name}" in query}
            for name, value in used.items():
                literal = f"'{value}'" if isinstance(value, str) else str(value)
                query = query.replace(f"${name}", literal)
            connection.execute(f"COPY ({query}) TO '{unfinished}' (FORMAT csv, HEADER)")
        path.with_suffix(ROWS_SUFFIX).write_text(str(file.rows))
        unfinished.replace(path)
    return path


def rows_of(path: Path) -> int:
    """Returns how many rows a file made here holds."""
    return int(path.with_suffix(ROWS_SUFFIX).read_text())


def _in_base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
