"""Serves bqemulator, with its answers mended where they differ from BigQuery's. `python bigquery_server.py PORT GRPC_PORT`.

Runs in an environment of its own, see bigquery.txt. bqemulator 1.4.0 by itself

- answers a query that failed with 200 and no rows, so that failures pass for success
- ignores the default dataset of a query
- does not unpack uploads that came compressed
- loads BYTES from JSON without decoding their base64
- does not show columns that ALTER TABLE has added
"""

import gzip
import json
import re
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import bqemulator.api.routes.jobs as routes
import bqemulator.catalog.ddl_sync as ddl_sync
import bqemulator.jobs.executor as executor
import bqemulator.scripting.interpreter as interpreter
import bqemulator.server as server
import sqlglot
from bqemulator.cli import main
from duckdb_extensions import import_extension

TMessage = MutableMapping[str, Any]
TReceive = Callable[[], Awaitable[TMessage]]
TSend = Callable[[TMessage], Awaitable[None]]

GZIP = b"\x1f\x8b"
QUERY = re.compile(r".*/projects/([^/]+)/queries$")
RESULT = re.compile(r".*/projects/[^/]+/queries/[^/]+$")
STATUSES = {"notFound": 404, "duplicate": 409, "accessDenied": 403}

resolve_originally = executor._resolve_uri
create_app_originally = server.create_app
sync_originally = ddl_sync.sync_created_table


def unpacked(uri: str, context: Any) -> str:
    """Returns the path of an uploaded file, unpacked if it came compressed."""
    path = resolve_originally(uri, context)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return path
    if content.startswith(GZIP):
        with open(path, "wb") as file:
            file.write(gzip.decompress(content))
    return path


def load_json(path: str, table: str, context: Any) -> Any:
    """Loads lines of JSON, with BYTES in base64 as BigQuery takes them."""
    columns = [(name, kind) for name, kind, *_ in context.engine.execute(f"DESCRIBE {table}").fetchall()]
    binary = [name for name, kind in columns if kind == "BLOB"]
    if not binary:
        return context.engine.execute(f"COPY {table} FROM ? (FORMAT JSON)", [path])
    kinds = ", ".join(f"{quoted(name)}: {quoted('VARCHAR' if kind == 'BLOB' else kind)}" for name, kind in columns)
    decoded = ", ".join(f'from_base64("{name}") AS "{name}"' for name in binary)
    lines = f"read_json(?, format='newline_delimited', columns={{{kinds}}})"
    return context.engine.execute(f"INSERT INTO {table} BY NAME SELECT * REPLACE ({decoded}) FROM {lines}", [path])


def sync_table(statement: str, project: str, context: Any) -> None:
    """Notes in the catalog what a statement has made of a table: created it, or altered it."""
    sync_originally(statement, project, context)
    if not statement.lstrip().upper().startswith("ALTER TABLE"):
        return
    table = ddl_sync._split_target(sqlglot.parse_one(statement, read="bigquery").this, project)
    known = context.catalog.get_table(*table)
    if known is not None:
        columns = ddl_sync._introspect_schema(*table, context)
        context.catalog.update_table(known.model_copy(update={"schema_": columns}))


def quoted(text: str) -> str:
    """Returns a literal for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


class Mended:
    """The emulator's web application, with queries and their answers as BigQuery has them."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: TMessage, receive: TReceive, send: TSend) -> None:
        """Answers a request."""
        kind, method, path = scope["type"], scope.get("method"), scope.get("path", "")
        if kind == "http" and method == "POST" and (query := QUERY.match(path)):
            content = with_default_dataset(await body_of(scope, receive), query[1])
            headers = [pair for pair in scope["headers"] if pair[0] not in (b"content-length", b"content-encoding")]
            headers.append((b"content-length", str(len(content)).encode()))
            await self.app({**scope, "headers": headers}, once(content, receive), changing(failure_as_error, send))
        elif kind == "http" and method == "GET" and RESULT.match(path) and b"maxResults=0" in scope["query_string"]:
            await self.app(scope, receive, changing(without_empty_rows, send))
        else:
            await self.app(scope, receive, send)


async def body_of(scope: TMessage, receive: TReceive) -> bytes:
    """Returns the whole body of a request, unpacked."""
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return gzip.decompress(content) if dict(scope["headers"]).get(b"content-encoding") == b"gzip" else content


def once(content: bytes, receive: TReceive) -> TReceive:
    """Returns a `receive` that gives a body first."""
    pending = [{"type": "http.request", "body": content, "more_body": False}]

    async def received() -> TMessage:
        return pending.pop() if pending else await receive()

    return received


def changing(change: Callable[[int, dict[str, Any]], tuple[int, dict[str, Any]]], send: TSend) -> TSend:
    """Returns a `send` that changes status and body of a JSON answer."""
    start: TMessage = {}
    content = b""

    async def changed(message: TMessage) -> None:
        nonlocal content
        if message["type"] == "http.response.start":
            start.update(message)
            return
        content += message.get("body", b"")
        if message.get("more_body"):
            return
        plain = gzip.decompress(content) if content.startswith(GZIP) else content
        status = start["status"]
        try:
            status, answer = change(status, json.loads(plain))
            plain = json.dumps(answer).encode()
        except ValueError:
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(plain)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": plain})

    return changed


def with_default_dataset(content: bytes, project: str) -> bytes:
    """Returns a query's request with its tables qualified by the default dataset."""
    request = json.loads(content)
    query = request.get("query", "")
    if "INFORMATION_SCHEMA" not in query and "TEMP" not in query.upper():
        try:
            request["query"] = routes._apply_default_dataset(query, request, request_project_id=project)
        except Exception as error:
            print(f"The default dataset was not applied: {error!r}\n{query[:2000]}", flush=True)
    return json.dumps(request).encode()


def failure_as_error(status: int, answer: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Makes an HTTP error of an answer that holds errors."""
    if status != 200 or not answer.get("errors"):
        return status, answer
    error = answer["errors"][0]
    print(f"A query failed: {error}", flush=True)
    if error["reason"] == "accessDenied" and "does not exist" in error["message"]:
        error.update(reason="notFound", message="Not found: " + error["message"])
    status = STATUSES.get(error["reason"], 400)
    return status, {
        "error": {"code": status, "message": error["message"], "errors": [error], "status": error["reason"]}
    }


def without_empty_rows(status: int, answer: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Leaves out `rows` where there are none, as BigQuery does."""
    if not answer.get("rows"):
        answer.pop("rows", None)
    return status, answer


def create_app(context: Any) -> Any:
    """Returns the emulator's web application, mended."""
    app = create_app_originally(context)
    app.add_middleware(Mended)
    return app


executor._resolve_uri = unpacked
executor._LOAD_FORMAT_HANDLERS.update(
    {name: load_json for name in ("NEWLINE_DELIMITED_JSON", "JSON") if name in executor._LOAD_FORMAT_HANDLERS}
)
executor.sync_created_table = interpreter.sync_created_table = sync_table
server.create_app = create_app

if __name__ == "__main__":
    import_extension("spatial")
    ports = ["--rest-port", sys.argv[1], "--grpc-port", sys.argv[2]]
    sys.argv = ["bqemulator", "start", *ports, "--log-format", "console", "--log-level", "warning"]
    main()
