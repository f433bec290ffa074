"""`salesnav status`: shows the state of a pipeline, without asking LinkedIn."""

import argparse
import json
from dataclasses import replace

from salesnav_source.cli.grammar import add_contract, add_pipeline, add_sandbox, exit_codes
from salesnav_source.cli.terminal import show, width
from salesnav_source.run.exit_codes import COMPLETE, INCOMPLETE
from salesnav_source.run.upkeep.status import Status, collect
from salesnav_source.run.upkeep.status_text import render
from salesnav_source.settings.configuration import resolve_settings
from salesnav_source.settings.names import DEFAULT_PIPELINE, SANDBOX_PIPELINE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Shows which days of each contract and export a pipeline has loaded, which are open or failed and why, and"
        " which jobs are in flight. Asks the warehouse and the journal, not LinkedIn."
    )
    parser.epilog = exit_codes(
        _0="shown", _2="there is no such pipeline", _3="days are missing or not known, with --fail-on"
    )
    add_pipeline(parser, f"default {DEFAULT_PIPELINE}")
    add_sandbox(parser, f"the pipeline {SANDBOX_PIPELINE}, which loads with --sandbox")
    add_contract(parser, "a contract to show; default all")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--fail-on",
        choices=("failed", "open"),
        metavar="failed|open",
        help="failed: exit with 3 if days have failed; open: also if days are open or no contract is known; both: also if the"
        " warehouse cannot be read",
    )


def run(options: argparse.Namespace) -> int:
    """Shows the state of a pipeline, without asking LinkedIn."""
    name = options.pipeline or (SANDBOX_PIPELINE if options.sandbox else DEFAULT_PIPELINE)
    explicit = {"contracts": options.contract} if options.contract else {}
    settings = resolve_settings(explicit, needs_token=False)
    if name.startswith(SANDBOX_PIPELINE) and not options.contract:
        # the contracts configured are real ones
        settings = replace(settings, contracts=())
    status = collect(name, settings, options.pipelines_dir)
    show(json.dumps(status, indent=2) if options.json else render(status, width()))
    return INCOMPLETE if _fails(status, options.fail_on) else COMPLETE


def _fails(status: Status, fail_on: str | None) -> bool:
    """Tells whether a monitor has to know; what is not known is not taken for good."""
    if fail_on is None:
        return False
    if status["trouble"] is not None and not status["running"]:
        return True
    if fail_on == "open" and not status["next_run"]["contracts_known"]:
        return True
    return any(one["failed"] or (fail_on == "open" and one["open"]) for one in status["exports"])
