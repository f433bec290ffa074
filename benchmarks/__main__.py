"""Runs the benchmarks and writes their results: `python -m benchmarks [--quick]`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks import backlog, big, calls, contracts, growth, makespan, marts, memory, postgres, throughput
from benchmarks.process import ROOT, ProgramError
from benchmarks.report import Section, chart, render
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.workspace import WINDOW_DAYS, Period, Workspace, days_until, workspace, yesterday

BIG = "files"
"""Folder of the files that most benchmarks share."""

BIG_FILE = "big"
"""What is measured only when it is asked for, as it takes gigabytes and minutes."""

MARTS = "marts"
"""Likewise, as it needs a dbt."""

BACKLOG = "backlog"
"""Likewise, as it makes tens of thousands of jobs."""

TMeasure = Callable[[], list[Section]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks chosen, prints the results and writes them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in small, in less than two minutes, into _work/")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="throughput, memory, growth, makespan, calls, contracts, postgres, big, marts or backlog",
    )
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    with workspace(ROOT / "_work" / "benchmarks") as space:
        sections = _measure_all(space, scale, options.only)
    text = render(sections, options.quick)
    print(text)
    if options.only:
        return 0
    target = ROOT / "_work" / "quick" if options.quick else Path(__file__).parent
    target.mkdir(parents=True, exist_ok=True)
    (target / "results.md").write_text(text)
    drawn = next(section for section in sections if section.bars)
    (target / "results.svg").write_text(chart(f"{drawn.title}, seconds", drawn.bars))
    return 0


def _measure_all(space: Workspace, scale: Scale, only: Sequence[str] | None) -> list[Section]:
    # days are added up to yesterday, so what is loaded before ends so many days earlier
    last = yesterday() - timedelta(days=scale.days)
    newest = days_until(last, WINDOW_DAYS)
    history = days_until(last, WINDOW_DAYS * scale.windows)
    table = days_until(last, WINDOW_DAYS * scale.table_windows)
    benchmarks: dict[str, TMeasure] = {
        "throughput": lambda: throughput.measure(space, scale, newest, _files(space, newest, scale)),
        "memory": lambda: [memory.measure(space, scale, newest, history, _files(space, history, scale))],
        "growth": lambda: [growth.measure(space, scale, table, _files(space, table, scale))],
        "makespan": lambda: [makespan.measure(space, scale, newest)],
        "calls": lambda: calls.measure(space, scale, newest),
        "contracts": lambda: [contracts.measure(space, scale, newest)],
        "postgres": lambda: postgres.measure(space, scale, newest),
        BIG_FILE: lambda: [big.measure(space, scale, newest)],
        MARTS: lambda: [marts.measure(space, scale.marts)],
        BACKLOG: lambda: [backlog.measure(space, scale, newest)],
    }
    sections = []
    for name, measure in benchmarks.items():
        if name not in only if only else name in (BIG_FILE, MARTS, BACKLOG):
            continue
        began = time.monotonic()
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        sections += measure()
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return sections


def _files(space: Workspace, period: Period, scale: Scale) -> str:
    space.prepare_windows(BIG, period, scale.window_rows)
    return BIG


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProgramError as error:
        sys.exit(str(error))
