"""Answers saved queries of the project in the working directory: `python saved_queries.py NAME…`. Runs in dbt's environment."""

import sys

from click.testing import CliRunner
from dbt_metricflow.cli.main import cli

for name in sys.argv[1:]:
    # a process each would start MetricFlow anew
    done = CliRunner().invoke(cli, ["query", "--saved-query", name, "--csv", f"{name}.csv"])
    if done.exit_code:
        sys.exit(f"{name}: {done.output}{done.exception or ''}")
