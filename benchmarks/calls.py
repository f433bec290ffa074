"""Calls: how often LinkedIn is asked, and what a run with nothing to do costs."""

from statistics import median

from benchmarks.process import run_program
from benchmarks.report import Section
from benchmarks.scale import Scale
from benchmarks.server import running
from benchmarks.workspace import Period, Workspace, load_activities


def measure(space: Workspace, scale: Scale, newest: Period) -> list[Section]:
    """Counts the calls of single jobs of some durations, and measures a run with nothing to do.

    Args:
        space: where files go.
        scale: how much.
        newest: days to load before there is nothing left to do.
    """
    rows = []
    for seconds in scale.job_durations:
        with space.emptied() as folder:
            answer = run_program("polls", folder, seconds=seconds, folder=str(folder)).answer
        rows.append(
            (
                f"{seconds:,.0f}",
                str(answer["creates"]),
                str(answer["lists"]),
                str(answer["polls"]),
                f"{answer['late']:.1f}",
            )
        )
    notes = ["Default settings, one window, on a time that passes by itself."]
    heads = ("job takes, s", "POSTs", "listings", "polls", "noticed late by, s")
    return [Section("Calls per job", heads, rows, notes), _nothing_to_do(space, scale, newest)]


def _nothing_to_do(space: Workspace, scale: Scale, newest: Period) -> Section:
    data = space.prepare("few", [("urn:li:contract:1", "activities", newest, 1000)])
    ours, dlts = [], []
    with space.emptied() as loaded, space.emptied() as empty:
        with running(data) as server:
            load_activities(loaded, server, newest)
        run_program("nothing_to_do", empty, folder=str(empty))
        with running(data) as server:
            for _ in range(max(3, scale.rounds)):
                ours.append(load_activities(loaded, server, newest))
                dlts.append(run_program("nothing_to_do", empty, folder=str(empty)))
            calls = sum(server.stats()["calls"].values()) / len(ours)
    rows = []
    for name, runs, count in (
        ("`pipeline.run(salesnav())`", ours, f"{calls:g}"),
        ("`import dlt` and `pipeline.run([])`", dlts, "-"),
    ):
        wall, seconds = median(run.wall for run in runs), median(run.seconds for run in runs)
        rows.append((name, f"{wall:.2f}", f"{seconds:.2f}", count))
    notes = [f"Medians of {len(ours)}, in turns; all days wanted are loaded."]
    return Section("A run with nothing to do", ("", "whole process, s", "without imports, s", "calls"), rows, notes)
