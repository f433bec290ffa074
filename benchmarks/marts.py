"""The marts: what `salesnav transform` takes on a small and on a large file, whole, with nothing new, and with one more day.

Needs a dbt: the one beside this Python, that on the path, or the one that the environment's SALESNAV_DBT names.
"""

import os
import resource
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.process import run_command
from benchmarks.report import Section
from benchmarks.workspace import Workspace

FIRST_DAY = date(2024, 1, 1)
CONTRACTS = 4

_TYPES = """
    CASE WHEN dice < 5846 THEN 'PROFILE_VIEWED' WHEN dice < 8769 THEN 'SEARCH_PERFORMED'
         WHEN dice < 9361 THEN 'SAVED_LEAD' WHEN dice < 9922 THEN 'CONNECTION_MADE'
         WHEN dice < 9952 THEN 'SAVED_ACCOUNT' WHEN dice < 9982 THEN 'INMAIL_SENT' ELSE 'MESSAGE_SENT' END"""

_SCHEMA = """
    CREATE SCHEMA salesnav;
    CREATE TABLE salesnav.contracts AS
      SELECT 'urn:li:contract:' || c AS contract, 'Contract ' || c AS name, true AS has_reporting_access, '0' AS _dlt_load_id
      FROM range({contracts}) t(c);
    CREATE TABLE salesnav.activities (contract VARCHAR, activity_id VARCHAR, activity_type VARCHAR, created_at TIMESTAMPTZ,
      activity_date DATE, seat_id BIGINT, member_identity_key VARCHAR, export_job_id BIGINT, _dlt_load_id VARCHAR);
    CREATE TABLE salesnav.activity_outcomes (contract VARCHAR, activity_id VARCHAR, activity_type VARCHAR,
      created_at TIMESTAMPTZ, outcome_date DATE, seat_id BIGINT, member_identity_key VARCHAR, export_job_id BIGINT,
      _dlt_load_id VARCHAR);
    CREATE TABLE salesnav.seats (contract VARCHAR, seat_id BIGINT, snapshot_date DATE, first_name VARCHAR, last_name VARCHAR,
      email VARCHAR, seat_status VARCHAR, ssi DOUBLE, ssi_brand DOUBLE, ssi_find DOUBLE, ssi_engage DOUBLE, ssi_build DOUBLE,
      total_connections BIGINT, total_saved_leads BIGINT, export_job_id BIGINT, _dlt_load_id VARCHAR);
    CREATE TABLE salesnav.export_jobs (job_id BIGINT, contract VARCHAR, export VARCHAR, window_start DATE, window_end DATE,
      status VARCHAR, rows_rejected BIGINT, completed_at TIMESTAMPTZ, error VARCHAR, _dlt_load_id VARCHAR);
"""

_ROWS = """
    INSERT INTO salesnav.activities
    WITH numbers AS (SELECT range AS i, (hash(range, '{first}') % 10000)::INTEGER AS dice,
        (hash(range, '{first}', 2) % {seats})::BIGINT AS seat, hash(range, '{first}', 3) AS member,
        DATE '{first}' + (range * {days} // {rows})::INTEGER AS day, hash(range, 4) % 86400 AS second FROM range({rows}))
    SELECT 'urn:li:contract:' || seat % {contracts}, '{first}-' || i, {types},
      (day::VARCHAR || ' 00:00:00+00')::TIMESTAMPTZ + to_seconds(second), day, 1000 + seat,
      CASE WHEN dice BETWEEN 5846 AND 8768 THEN '-1' ELSE (member % 20000000)::VARCHAR END, 1, '{load}' FROM numbers;
    INSERT INTO salesnav.activity_outcomes
    SELECT contract, activity_id, CASE WHEN hash(activity_id) % 3 = 0 THEN 'INMAIL_ACCEPTED' ELSE 'INMAIL_DECLINED' END,
      created_at + INTERVAL 3 DAY, activity_date + 3, seat_id, member_identity_key, 2, '{load}' FROM salesnav.activities
    WHERE activity_type = 'INMAIL_SENT' AND _dlt_load_id = '{load}' AND hash(activity_id) % 2 = 0;
    INSERT INTO salesnav.seats
    SELECT 'urn:li:contract:' || seat % {contracts}, 1000 + seat, DATE '{first}' + day::INTEGER, 'First ' || seat,
      'Last ' || seat, 'seat' || seat || '@example.com', 'ACTIVE', 50 + hash(seat, day) % 20, 15, 14, 9, 12, 500, 60, 3,
      '{load}'
    FROM range({days}) d(day), range({seats}) s(seat);
    INSERT INTO salesnav.export_jobs
    SELECT 1, 'urn:li:contract:' || c, e, '{first}', '{last}', 'COMPLETED', 0, '2026-11-01 00:00:00+00'::TIMESTAMPTZ, NULL,
      '{load}' FROM range({contracts}) t(c), (VALUES ('activities'), ('activity_outcomes'), ('seats')) x(e);
"""


def make_file(path: Path, activities: int, seats: int, days: int) -> None:
    """Makes a DuckDB file as loads would have left it, by DuckDB itself."""
    with duckdb.connect(str(path), config={"memory_limit": "1GB"}) as connection:
        connection.execute(_SCHEMA.format(contracts=CONTRACTS))
        done = 0
        for number, (first, length) in enumerate(_windows(days)):
            until = activities * (first + length) // days
            _load(connection, first, length, until - done, seats, str(100 + number))
            done = until


def add_day(path: Path, activities: int, seats: int, days: int, number: int) -> None:
    """Adds a day, and reads the three before it again."""
    with duckdb.connect(str(path), config={"memory_limit": "1GB"}) as connection:
        first = days + number - 3
        day = f"'{FIRST_DAY + timedelta(days=first)}'"
        for table, column in (
            ("activities", "activity_date"),
            ("seats", "snapshot_date"),
            ("activity_outcomes", "outcome_date"),
        ):
            connection.execute(f"DELETE FROM salesnav.{table} WHERE {column} >= {day}")
        _load(connection, first, 4, activities * 4 // days, seats, str(900 + number))


def _windows(days: int) -> Iterable[tuple[int, int]]:
    for first in range(0, days, 90):
        yield first, min(90, days - first)


def _load(connection: duckdb.DuckDBPyConnection, first: int, days: int, rows: int, seats: int, load: str) -> None:
    begin = FIRST_DAY + timedelta(days=first)
    values = {"first": begin, "last": begin + timedelta(days=days - 1), "days": days, "rows": rows, "seats": seats}
    connection.execute(_ROWS.format(**values, contracts=CONTRACTS, load=load, types=_TYPES))


def measure(space: Workspace, sizes: Iterable[tuple[int, int, int]]) -> Section:
    """Measures `salesnav transform`.

    Args:
        space: where files go.
        sizes: of the files: activities, seats and days.
    """
    rows = []
    for activities, seats, days in sizes:
        with space.emptied() as folder:
            file = folder / "marts.duckdb"
            make_file(file, activities, seats, days)
            taken = [_transform(folder, file), _transform(folder, file)]
            add_day(file, activities, seats, days, 1)
            taken.append(_transform(folder, file))
            name = f"{activities:,} activities, {seats * days:,} seat days"
            for what, (wall, cpu, peak) in zip(("first build", "nothing new", "a day more"), taken, strict=True):
                rows.append((f"{name}: {what}", f"{wall:.1f}", f"{cpu:.1f}", f"{peak:,.0f}"))
    notes = [
        "A day more is one new day and three that were read again. Peak of dbt's process, DuckDB included; the command beside"
        " it takes 20 MB more."
    ]
    return Section("Marts", ("", "seconds", "processor seconds", "peak MB"), rows, notes)


def _transform(folder: Path, file: Path) -> tuple[float, float, float]:
    dbt = os.environ.get("SALESNAV_DBT")
    command = [sys.executable, "-m", "salesnav_source", "transform", "--database", str(file)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured, _ = run_command([*command, *(["--dbt", dbt] if dbt else [])], folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return measured.wall, cpu, measured.peak_mb
