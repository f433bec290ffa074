"""What is measured: each function here runs in a process of its own and returns what it has to say about its run.

Called as `python -m benchmarks.programs NAME JSON`; the last line of the output is the answer.
"""

import contextlib
import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ACTIVITIES = """
    contract VARCHAR NOT NULL, activity_id VARCHAR NOT NULL, activity_type VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, activity_date DATE NOT NULL, seat_id BIGINT NOT NULL,
    member_identity_key VARCHAR, export_job_id BIGINT NOT NULL, _dlt_load_id VARCHAR NOT NULL"""
"""The columns of the table `activities` as the source makes it."""


def make_files(folder: str, files: list[list[Any]]) -> dict[str, Any]:
    """Prepares files of exports."""
    from benchmarks.data import ExportFile, make_file

    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [make_file(Path(folder), ExportFile(*file)) for file in files]
    return {"bytes": sum(path.stat().st_size for path in paths)}


def duckdb_read_csv(file: str, folder: str) -> dict[str, Any]:
    """DuckDB's own reader from disk into a table with the same columns: the limit on this machine."""
    import duckdb

    began = time.perf_counter()
    with duckdb.connect(f"{folder}/limit.duckdb") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TABLE activities ({ACTIVITIES})")
        connection.execute(f"""
            INSERT INTO activities
            SELECT 'urn:li:contract:1', activityId, activityType, createdAt, createdAt::DATE, seatId, memberIdentityKey,
                   100000, '1700000000.0'
            FROM read_csv('{file}', header = true, timestampformat = '%m-%d-%Y %H:%M:%S', columns = {{
                'activityId': 'VARCHAR', 'activityType': 'VARCHAR', 'createdAt': 'TIMESTAMP', 'seatId': 'BIGINT',
                'memberIdentityKey': 'VARCHAR'}})""")
        rows = _count(connection, "activities")
    return {"seconds": time.perf_counter() - began, "rows": rows}


def dlt_dicts(file: str, folder: str) -> dict[str, Any]:
    """A plain dlt pipeline that yields the dicts of csv.DictReader, and appends."""
    import dlt

    hints: dict[str, Any] = {"createdAt": {"data_type": "timestamp"}, "seatId": {"data_type": "bigint"}}

    @dlt.resource(name="activities", write_disposition="append", columns=hints)
    def activities() -> Iterator[dict[str, Any]]:
        with open(file, newline="") as lines:
            for row in csv.DictReader(lines):
                created_at = datetime.strptime(row["createdAt"], "%m-%d-%Y %H:%M:%S")
                yield {**row, "createdAt": created_at.replace(tzinfo=timezone.utc)}

    return _timed_run(folder, activities)


def dlt_pandas(file: str, folder: str) -> dict[str, Any]:
    """A plain dlt pipeline that yields the chunks of pandas.read_csv, and appends."""
    import dlt
    import pandas

    @dlt.resource(name="activities", write_disposition="append")
    def activities() -> Iterator[Any]:
        types = {"activityId": "string", "activityType": "string", "memberIdentityKey": "string"}
        for chunk in pandas.read_csv(file, chunksize=100_000, dtype=types):
            chunk["createdAt"] = pandas.to_datetime(chunk["createdAt"], format="%m-%d-%Y %H:%M:%S", utc=True)
            yield chunk

    return _timed_run(folder, activities)


def _timed_run(folder: str, resource: Callable[[], Any]) -> dict[str, Any]:
    import dlt

    database = f"{folder}/load.duckdb"
    began = time.perf_counter()
    pipeline = dlt.pipeline(
        "plain", pipelines_dir=f"{folder}/dlt", destination=dlt.destinations.duckdb(database), dataset_name="salesnav"
    )
    pipeline.run(resource())
    return {"seconds": time.perf_counter() - began, "rows": _rows_in(database, "activities")}


def salesnav_run(
    folder: str,
    base_url: str,
    token: str,
    mode: str = "bare",
    exports: list[str] | None = None,
    traced: bool = False,
    postgres: str | None = None,
    configuration: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """This source: `pipeline.run(salesnav())` or, in mode `sync`, what the scripts in `pipelines/` do.

    Args:
        folder: where the pipeline and the database go on from, or begin.
        base_url: the API.
        token: an access token.
        mode: `bare` or `sync`.
        exports: names of the exports wanted; all if None.
        traced: whether to tell what was done when, and how much memory was used then.
        postgres: URL of a database of PostgreSQL; loads into DuckDB, a file in the folder, if None.
        configuration: settings of the source.
    """
    import dlt

    from salesnav_source import salesnav
    from salesnav_source.cli.execution import share_memory
    from salesnav_source.run.sync import sync
    from salesnav_source.settings.configuration import resolve_settings

    given = {"credentials": token, "base_url": base_url, **(configuration or {})}
    database = f"{folder}/load.duckdb"
    with _traced() if traced else contextlib.nullcontext() as trace:
        read_before = _bytes_read()
        began, cpu = time.perf_counter(), time.process_time()
        if mode == "sync":
            share_memory()
        pipeline = dlt.pipeline(
            "bench",
            pipelines_dir=f"{folder}/dlt",
            destination=dlt.destinations.postgres(postgres) if postgres else dlt.destinations.duckdb(database),
            dataset_name="salesnav",
        )
        if mode == "sync":
            names = tuple(exports) if exports else ("activities", "activity_outcomes", "seats")
            sync(pipeline, resolve_settings(given), names)
        else:
            source = salesnav(**given)
            if exports:
                source = source.with_resources("contracts", *exports, "export_jobs", "rejected_rows")
            pipeline.run(source)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        read = {name: after - read_before[name] for name, after in _bytes_read().items()}
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "ended": time.time(),
        "read": read,
        "state_bytes": len(json.dumps(pipeline.state.get("sources", {}))),
        "database_bytes": 0 if postgres else os.path.getsize(database),
        "rows": _rows_by(pipeline, "activities") if postgres else _rows_in(database, "activities"),
        **({"stages": trace.stages(pipeline)} if trace else {}),
    }


def _traced() -> Any:
    from benchmarks.trace import Trace

    return Trace()


def nothing_to_do(folder: str) -> dict[str, Any]:
    """What dlt needs by itself: `import dlt` and a run without data on a pipeline that has loaded before."""
    import dlt

    began = time.perf_counter()
    pipeline = dlt.pipeline(
        "empty",
        pipelines_dir=f"{folder}/dlt",
        destination=dlt.destinations.duckdb(f"{folder}/empty.duckdb"),
        dataset_name="salesnav",
    )
    pipeline.run([], table_name="nothing")
    return {"seconds": time.perf_counter() - began}


def polls(seconds: float, folder: str) -> dict[str, Any]:
    """One job of a given duration, with default settings and a time that passes by itself."""
    from benchmarks.fake_time import run_one_job

    return run_one_job(seconds, Path(folder))


def states(years: list[int]) -> dict[str, Any]:
    """How large the coverage of one export of one contract gets when a day is loaded every day."""
    from datetime import date, timedelta

    from salesnav_source.days.windows import Coverage, Days, Window, plan_windows

    sizes, coverage, first = {}, Coverage(), date(2020, 1, 1)
    for number in range(max(years) * 365):
        today = first + timedelta(days=number + 1)
        wanted = Days((Window(first, today - timedelta(days=1)),))
        for window in plan_windows(wanted, coverage, today, 3):
            coverage = coverage.with_window(window, today, 3)
        if (number + 1) % 365 == 0 and (number + 1) // 365 in years:
            sizes[(number + 1) // 365] = len(json.dumps(coverage.to_state()))
    return {"bytes": sizes}


def _bytes_read() -> dict[str, int]:
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return {}
    counts = dict(line.split(": ") for line in lines)
    return {name: int(counts[name]) for name in ("rchar", "read_bytes")}


def _rows_by(pipeline: Any, table: str) -> int:
    with pipeline.sql_client() as client:
        ((rows,),) = client.execute_sql(f"SELECT count(*) FROM {table}")
    return int(rows)


def _rows_in(database: str, table: str) -> int:
    import duckdb

    with duckdb.connect(database, read_only=True) as connection:
        found = connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = ? AND schema_name = 'salesnav'", [table]
        )
        return _count(connection, f"salesnav.{table}") if found.fetchone() else 0


def _count(connection: Any, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


PROGRAMS: dict[str, Callable[..., dict[str, Any]]] = {
    program.__name__: program
    for program in (make_files, duckdb_read_csv, dlt_dicts, dlt_pandas, salesnav_run, nothing_to_do, polls, states)
}


if __name__ == "__main__":
    print("\n" + json.dumps(PROGRAMS[sys.argv[1]](**json.loads(sys.argv[2]))))
