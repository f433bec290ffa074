"""What `sync` returns."""

from salesnav_source.run.account import RunAccount
from salesnav_source.run.text import render


class RunReport(RunAccount):
    """The report of a run. `print(report)` shows it."""

    def __str__(self) -> str:
        return render(self)
