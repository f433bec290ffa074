"""Serves fakesnow over HTTP, with the SQL added that dlt sends and fakesnow does not know. `python snowflake_server.py PORT`.

Runs in an environment of its own, see snowflake.txt. What is added is spelled as fakesnow 0.12 has it:

- PUT and COPY with the stage as a quoted literal, options set apart by commas, and Parquet options
- COPY of JSON with MATCH_BY_COLUMN_NAME
- CREATE OR REPLACE TABLE … CLONE
- transactions behind comments, and a quoted schema at connect

And moments that are null are null: fakesnow answers them as 1970.
"""

import re
import sys
from typing import Any

import fakesnow.arrow
import fakesnow.instance
import fakesnow.server
import pyarrow as pa
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.expr import normalise_ident
from fakesnow.transforms import stage as stages

PUT = re.compile(r"^\s*PUT\s+('(?:[^'\\]|\\.)*')\s+'@((?:[^'\\]|\\.)*)'(.*)$", re.S | re.I)
COPY = re.compile(r"^\s*COPY\s+INTO\s+(?P<table>\S+)\s+FROM\s+'@(?P<stage>(?:[^'\\]|\\.)*)'", re.I)
JSON_FORMAT = re.compile(r"TYPE\s*=\s*'JSON'", re.I)
UNKNOWN_OPTIONS = re.compile(
    r",\s*(BINARY_AS_TEXT|USE_LOGICAL_TYPE|BINARY_FORMAT|USE_VECTORIZED_SCANNER)\s*=\s*('[^']*'|\w+)", re.I
)
MATCH_BY_NAME = re.compile(r"MATCH_BY_COLUMN_NAME\s*=\s*'(\w+)'", re.I)
CLONE = re.compile(r"^\s*CREATE\s+OR\s+REPLACE\s+TABLE\s+(\S+)\s+CLONE\s+(\S+?);?\s*$", re.I)
TEMPORARY = re.compile(r"^(\s*create\s+(?:or\s+replace)?)\s+temp(?:orary)?(?=\s+(?:table|view)\s)", re.I)
COMMENT = re.compile(r"--[^\n]*(?:\n|$)|/\*.*?\*/", re.S)
TRANSACTIONS = {"begin": "BEGIN TRANSACTION", "begin transaction": "BEGIN TRANSACTION"} | {
    word: word.upper() for word in ("commit", "rollback")
}

execute_originally = FakeSnowflakeCursor.execute
connect_originally = fakesnow.instance.FakeSnow.connect
struct_originally = fakesnow.arrow.timestamp_to_sf_struct


def execute(cursor: FakeSnowflakeCursor, command: Any, params: Any = None, *args: Any, **options: Any) -> Any:
    """Runs a statement, rewritten into one that fakesnow knows."""
    if isinstance(command, str):
        command = rewritten(cursor, command)
    return execute_originally(cursor, command, params, *args, **options)


def rewritten(cursor: FakeSnowflakeCursor, command: str) -> str:
    """Returns the statement as fakesnow knows it; a part of it may have been run by then."""
    if put := PUT.match(command):
        stage, path = parts_of(put[2])
        return f"PUT {put[1]} @{stage}/{path}{put[3].replace(',', ' ')}"
    if copy := COPY.match(command):
        stage, path = parts_of(copy["stage"])
        if JSON_FORMAT.search(command):
            rows = copy_json(cursor, copy["table"], stage, path)
            return f"select '{stage}/{path}' as file, 'LOADED' as status, {rows} as rows_parsed, {rows} as rows_loaded"
        command = command[: copy.start("stage") - 2] + f"@{stage}/{path}" + command[copy.end("stage") + 1 :]
        return MATCH_BY_NAME.sub(r"MATCH_BY_COLUMN_NAME=\1", UNKNOWN_OPTIONS.sub("", command))
    bare = COMMENT.sub(" ", command).strip().rstrip(";").strip().lower()
    if bare in TRANSACTIONS:
        return TRANSACTIONS[bare]
    if clone := CLONE.match(command):
        execute_originally(cursor, f"DROP TABLE IF EXISTS {clone[1]}")
        return f"CREATE TABLE {clone[1]} CLONE {clone[2]}"
    # tools that make fully qualified temporary relations drop them themselves
    return TEMPORARY.sub(r"\1 ", command)


def parts_of(reference: str) -> tuple[str, str]:
    """Returns the stage of a reference and the path on it."""
    stage, _, path = reference.partition("/")
    return stage, path.replace('"', "")


def copy_json(cursor: FakeSnowflakeCursor, table: str, stage: str, path: str) -> int:
    """Loads lines of JSON by the names of the columns, in whatever case; returns how many."""
    database, schema, name = stages.parts_from_var(stage, cursor._conn.database, cursor._conn.schema)
    file = stages.internal_dir(f"{database}.{schema}.{name}") + path
    target = f"{database}.{table}" if table.count(".") == 1 else table
    duckdb = cursor._duck_conn
    lines = f"read_json_objects('{file}', format='newline_delimited')"
    keys = {
        key.upper(): key
        for (key,) in duckdb.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {lines}").fetchall()
    }
    values = [
        f'{json_value(keys[column.upper()], kind.upper())} AS "{column}"'
        for column, kind, *_ in duckdb.execute(f"DESCRIBE {target}").fetchall()
        if column.upper() in keys
    ]
    duckdb.execute(f"INSERT INTO {target} BY NAME SELECT {', '.join(values)} FROM {lines}")
    return int(duckdb.fetchall()[0][0])


def json_value(key: str, kind: str) -> str:
    """Returns the expression of a field of a JSON line as a type."""
    path = f"""'$."{key}"'"""
    if kind == "JSON":
        return f"nullif(json->{path}, 'null'::json)"
    if kind == "BLOB":
        return f"from_base64(json->>{path})"
    return f"CAST(json->>{path} AS {kind})"


def connect(instance: Any, database: Any = None, schema: Any = None, **options: Any) -> Any:
    """Connects, also where the schema comes quoted."""
    return connect_originally(instance, database, normalise_ident(schema) if schema else schema, **options)


def struct_of(moments: pa.ChunkedArray) -> pa.Array:
    """Returns moments as Snowflake's driver takes them, nulls included."""
    struct = struct_originally(moments)
    nulls = moments.combine_chunks().is_null()
    return pa.StructArray.from_arrays(
        [part.fill_null(0) for part in struct.flatten()], fields=list(struct.type), mask=nulls
    )


FakeSnowflakeCursor.execute = execute
fakesnow.arrow.timestamp_to_sf_struct = struct_of
fakesnow.instance.FakeSnow.connect = connect

if __name__ == "__main__":
    uvicorn.run(fakesnow.server.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
