"""`salesnav status`: shows where a pipeline stands, without asking LinkedIn."""

import argparse
import json
from dataclasses import replace

from salesnav_source.cli.terminal import COMPLETE, INCOMPLETE, width
from salesnav_source.names import SANDBOX_PIPELINE
from salesnav_source.settings import resolve_settings
from salesnav_source.status import collect, render


def run(options: argparse.Namespace) -> int:
    """Shows where a pipeline stands, without asking LinkedIn."""
    # LinkedIn is not asked, so it takes no credentials
    settings = resolve_settings({"credentials": "none"})
    if options.pipeline == SANDBOX_PIPELINE:
        # the contracts configured are real ones
        settings = replace(settings, contracts=())
    status = collect(options.pipeline, settings, options.pipelines_dir)
    print(json.dumps(status, indent=2) if options.json else render(status, width()))
    missing = {"failed": ("failed",), "open": ("failed", "open")}.get(options.fail_on, ())
    if any(one[kind] for one in status["exports"] for kind in missing):  # type: ignore[literal-required]
        return INCOMPLETE
    return COMPLETE
