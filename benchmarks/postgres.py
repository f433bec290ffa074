"""PostgreSQL: a window into a table, beside psql's own copy of the file as it is."""

import subprocess
import time
from statistics import median

from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.workspace import Period, Workspace, load_from
from tests.emulators.servers import NoServerError, postgres

_RAW = "activity_id text, activity_type text, created_at timestamp, seat_id bigint, member_identity_key text"
_STAGES = ("dlt extract", "dlt normalize", "load: copy", "load: merge")


def measure(space: Workspace, scale: Scale, newest: Period) -> list[Section]:
    """Measures one window; nothing where PostgreSQL is not installed.

    Args:
        space: where files go.
        scale: how much.
        newest: the window.
    """
    data = space.prepare_windows("postgres", newest, scale.postgres_rows)
    (file,) = data.glob("*.csv")
    limits, own, stages = [], [], []
    try:
        with postgres() as port:
            url = f"postgresql://loader:loader@127.0.0.1:{port}"
            for number in range(scale.rounds):
                _psql(f"{url}/postgres", f"CREATE DATABASE raw{number}", f"CREATE DATABASE own{number}")
                _psql(f"{url}/raw{number}", f"CREATE TABLE raw ({_RAW})")
                began = time.perf_counter()
                _psql(
                    f"{url}/raw{number}", "SET datestyle = MDY", f"\\copy raw FROM '{file}' WITH (FORMAT csv, HEADER)"
                )
                limits.append(time.perf_counter() - began)
                with space.emptied() as folder:
                    run = load_from(data, folder, newest, mode="sync", traced=True, postgres=f"{url}/own{number}")
                own.append(run.seconds)
                stages.append({stage["stage"]: stage["seconds"] for stage in run.answer["stages"]})
    except NoServerError:
        return []
    rows = [
        ("psql's `\\copy`", f"{median(limits):.2f}", "1.00 ×", *[""] * len(_STAGES)),
        (
            "as the scripts do",
            f"{median(own):.2f}",
            f"{median(own) / median(limits):.2f} ×",
            *(f"{median(one.get(stage, 0.0) for one in stages):.2f}" for stage in _STAGES),
        ),
    ]
    note = (
        f"{scale.postgres_rows:,} activities, medians of {scale.rounds} rounds in turns, into new tables of a server on this"
        " machine that does not wait for its disk. `\\copy` reads the five columns as they are; this source checks and types"
        " them, adds four, stages and merges."
    )
    heads = ("", "seconds", "to \\copy", *(f"{stage}, s" for stage in _STAGES))
    return [Section("PostgreSQL", heads, rows, [note])]


def _psql(url: str, *commands: str) -> None:
    options = [part for command in commands for part in ("-c", command)]
    subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url, *options], check=True, capture_output=True)
