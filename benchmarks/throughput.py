"""Rows from a server into DuckDB: this source beside DuckDB's own reader and what else there is."""

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.process import Measured, ProgramError, run_program
from benchmarks.report import Bar, Section
from benchmarks.scale import Scale
from benchmarks.tools import Ingestr, ToolError
from benchmarks.workspace import CONTRACT, Period, Workspace, load_from

FEW = 100
"""Rows of a file that is loaded to know what it takes to start."""


class Contender(NamedTuple):
    """One way to load the file."""

    name: str
    load: Callable[[Path], Measured]
    """Loads into a folder."""
    rows: int
    """How many rows are loaded; fewer than wanted where all would take too long."""
    start: float = 0.0
    """Seconds that loading takes however few rows there are; not scaled."""

    def scaled(self, seconds: float, wanted_rows: int) -> float:
        """Returns how long as many rows as wanted would take."""
        return self.start + (seconds - self.start) * wanted_rows / self.rows

    def label(self, wanted_rows: int) -> str:
        """Returns the name, with what was loaded if that is not what was wanted."""
        if self.rows == wanted_rows:
            return self.name
        return f"{self.name} ({self.rows:,} rows, scaled linearly)"


def measure(space: Workspace, scale: Scale, newest: Period, data: str) -> list[Section]:
    """Measures the throughput, all in turns.

    Args:
        space: where files go.
        scale: how much.
        newest: the days of the file.
        data: folder of the prepared file.
    """
    folder = space.folder / data
    file = next(folder.glob(f"activities-*-{newest.last}.csv"))
    notes: list[str] = []
    ours = Contender("salesnav-source", lambda target: load_from(folder, target, newest), scale.window_rows)
    limit = Contender(
        "(a) DuckDB's read_csv, the limit", lambda target: _run("duckdb_read_csv", file, target), scale.window_rows
    )
    pandas = Contender("(c) dlt, pandas chunks", lambda target: _run("dlt_pandas", file, target), scale.window_rows)
    contenders = [ours, limit, pandas, _dicts(space, scale, newest), *_tools(space, scale, newest, notes)]
    runs: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
    for _ in range(scale.rounds):
        for contender in contenders:
            with space.emptied() as target:
                run = contender.load(target)
            if run.answer.get("rows", contender.rows) != contender.rows:
                raise ProgramError(f"{contender.name} loaded {run.answer['rows']:,} of {contender.rows:,} rows")
            runs[contender.name].append(run)
    seconds = {
        contender.name: contender.scaled(median(run.seconds for run in runs[contender.name]), scale.window_rows)
        for contender in contenders
    }
    rows = [
        (
            f"**{contender.name}**" if contender is ours else contender.label(scale.window_rows),
            f"{seconds[contender.name]:.2f}",
            f"{scale.window_rows / seconds[contender.name]:,.0f}",
            f"{seconds[contender.name] / seconds[limit.name]:.2f} ×",
            f"{seconds[contender.name] / seconds[ours.name]:.2f} ×",
            f"{max(run.peak_mb for run in runs[contender.name]):,.0f}",
        )
        for contender in sorted(contenders, key=lambda contender: seconds[contender.name])
    ]
    notes.insert(
        0,
        f"Medians of {scale.rounds} rounds in turns, each in a process of its own. Seconds without starting Python and"
        " imports (but for ingestr, a program of its own); peak memory with everything (maximum resident set)."
        " salesnav-source is a bare `pipeline.run(salesnav())`: it downloads from a server on loopback, checks that the"
        " file is whole and no row comes twice, types, replaces the days, and notes coverage and audit. All others read the"
        " file from disk and append it; ingestr leaves every column a text.",
    )
    notes.append("Seconds measured: " + "; ".join(_rounds(name, measured) for name, measured in runs.items()) + ".")
    megabytes = file.stat().st_size / 1e6
    table = Section(
        f"{scale.window_rows:,} activities ({megabytes:,.0f} MB of CSV) into DuckDB",
        ("", "seconds", "rows/s", "to (a)", "to salesnav-source", "peak MB"),
        rows,
        notes,
        [Bar(contender.name, seconds[contender.name], contender is ours) for contender in contenders],
    )
    return [table, _stages(space, newest, data)]


def _dicts(space: Workspace, scale: Scale, newest: Period) -> Contender:
    def file_of(rows: int) -> Path:
        return next(space.prepare(f"rows-{rows}", [(CONTRACT, "activities", newest, rows)]).glob("*.csv"))

    with space.emptied() as target:
        start = _run("dlt_dicts", file_of(FEW), target).seconds
    file = file_of(scale.dict_rows)
    return Contender(
        "(b) dlt, dicts of csv.DictReader", lambda target: _run("dlt_dicts", file, target), scale.dict_rows, start
    )


def _tools(space: Workspace, scale: Scale, newest: Period, notes: list[str]) -> Iterable[Contender]:
    if not scale.tool_rows:
        notes.append("(d) Other tools are left out here.")
        return
    try:
        tool = Ingestr(space)
        # the first start compiles what was installed
        tool.load(newest, FEW)
        start = tool.load(newest, FEW).seconds
    except ToolError as error:
        notes.append(f"(d) ingestr was left out: {error}.")
        return
    yield Contender(f"(d) {tool.label}", lambda _: tool.load(newest, scale.tool_rows), scale.tool_rows, start)


def _run(program: str, file: Path, target: Path) -> Measured:
    return run_program(program, target, file=str(file), folder=str(target))


def _rounds(name: str, measured: Iterable[Measured]) -> str:
    return f"{name} {', '.join(f'{run.seconds:.2f}' for run in measured)}"


def _stages(space: Workspace, newest: Period, data: str) -> Section:
    with space.emptied() as target:
        run = load_from(space.folder / data, target, newest, traced=True)
    rows = [
        (
            stage["stage"],
            f"{stage['from']:.2f}",
            f"{stage['to']:.2f}",
            f"{stage['seconds']:.2f}",
            f"{stage['peak_mb']:,.0f}",
        )
        for stage in run.answer["stages"]
    ]
    start = run.wall - run.seconds
    notes = [
        f"One more run, watched: {run.seconds:.2f} s of work, {start:.2f} s of starting Python, importing dlt and ending."
        " Downloading, reading and typing take place during `dlt extract`, copying and merging during `dlt load`."
    ]
    return Section("Stages of such a run", ("stage", "from s", "to s", "seconds", "peak MB"), rows, notes)
