"""Runs dbt again and again in one process: reads lists of arguments as lines of JSON, answers with whether it went well.

Runs in an environment of dbt, without the project. To start dbt and to read the package anew takes longer than to build little.
"""

import contextlib
import io
import json
import sys

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner


def main() -> None:
    """Reads the package once, then does what each line says."""
    answers = sys.stdout
    manifest = None
    for line in sys.stdin:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            done = dbtRunner(manifest=manifest).invoke(json.loads(line))
        # a file that is open here can be opened by nobody else
        DuckDBConnectionManager.close_all_connections()
        if manifest is None:
            manifest = done.result
        results = getattr(done.result, "results", [])
        broken = [f"{one.node.name}: {one.message}" for one in results if str(one.status) in ("error", "fail")]
        told = str(done.exception or "; ".join(broken) or said.getvalue()[-2000:])
        print(json.dumps({"well": bool(done.success), "said": told}), file=answers, flush=True)


main()
