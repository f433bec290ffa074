"""The status of a pipeline as text for a person."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from salesnav_source.run.layout import fitted, table, wrapped
from salesnav_source.run.upkeep.status import ExportStatus, JobAtLinkedIn, MissingSpan, Span, Status
from salesnav_source.settings.urns import in_words


def render(status: Status, width: int | None = None) -> str:
    """Returns the status as text for a person.

    Args:
        status: what is known.
        width: how long lines may be; as long as they are if None.
    """
    names = status["names"]
    lines = [
        f"Pipeline {status['pipeline']} to {status['destination'] or 'no destination'}, dataset {status['dataset']},"
        f" as of {_minute(status['as_of'])}",
        f"Its working folder is {status['working_dir']}.",
    ]
    if status["database"] is not None:
        lines.append(f"Its last run loaded into {status['database']}.")
    if status["running"]:
        lines.append("A run is at work.")
    if status["interrupted"]:
        lines.append("A run was interrupted while it loaded: what it had received is fetched again.")
    lines.append("")
    if status["exports"]:
        lines += fitted(
            ("contract", "export", "days covered", "covered", "open", "failed"),
            [
                (
                    in_words(one["contract"], names),
                    one["export"],
                    ", ".join(map(_text, one["covered"])) or "none",
                    _count(one["covered"]),
                    _count(one["open"]),
                    _count(one["failed"]),
                )
                for one in status["exports"]
            ],
            width,
        )
        lines.append("")
    for head, missing in (
        ("Open:", [(one, span) for one in status["exports"] for span in one["open"] if span["job_id"] is None]),
        ("Failed:", [(one, span) for one in status["exports"] for span in one["failed"]]),
    ):
        if missing:
            lines += [head, *(_missing_line(one, span, names) for one, span in missing), ""]
    changes = [line for one in status["exports"] for line in _columns_lines(one, names)]
    if changes:
        lines += ["Columns of the files changed:", *changes, ""]
    if status["jobs"]:
        lines += ["In flight:", *_jobs_table(status["jobs"], status["running"], names), ""]
    return wrapped([*lines, *status["notes"], _outlook(status)], width)


def _text(span: Span) -> str:
    return span["first"] if span["first"] == span["last"] else f"{span['first']} to {span['last']}"


def _count(spans: Iterable[Span]) -> str:
    return f"{sum(span['days'] for span in spans) or '-':,}" if spans else "-"


def _missing_line(one: ExportStatus, span: MissingSpan, names: Mapping[str, str]) -> str:
    return (
        f"  {one['export']} of {in_words(one['contract'], names)}, {_text(span)}: {span['reason'] or 'reason unknown'}"
    )


def _columns_lines(one: ExportStatus, names: Mapping[str, str]) -> list[str]:
    changed = one["columns_changed"]
    if changed is None:
        return []
    kinds = ((changed["gone"], "gone"), (changed["come"], "new"))
    parts = [f"{', '.join(columns)} {word}" for columns, word in kinds if columns]
    return [f"  {one['export']} of {in_words(one['contract'], names)}, on {changed['on']}: {'; '.join(parts)}"]


def _jobs_table(jobs: Sequence[JobAtLinkedIn], running: bool, names: Mapping[str, str]) -> list[str]:
    heads = ("job", "contract", "export", "days asked for", "since") + (() if running else ("next run",))
    rows = [
        (str(job["job_id"]), in_words(job["contract"], names), job["export"], _text(job), _minute(job["created_at"]))
        + (() if running else ("goes on with it" if job["taken_over"] else "asks again",))
        for job in jobs
    ]
    return [f"  {line}" for line in table(heads, rows)]


def _outlook(status: Status) -> str:
    coming = status["next_run"]
    if status["running"]:
        return "Next: the run at work goes on; ask again when it has ended."
    parts = []
    if not coming["contracts_known"]:
        parts.append("asks LinkedIn for the contracts, of which none is known so far")
    if coming["jobs_to_take_over"]:
        parts.append(f"goes on with {_number(coming['jobs_to_take_over'], 'job')} in flight")
    if coming["jobs_to_create"]:
        parts.append(f"creates {_number(coming['jobs_to_create'], 'job')}")
    if coming["days"]:
        parts[-1] += f" ({coming['days']:,} days in all, over contracts and exports)"
    if not parts:
        return "Next: nothing to ask for; every day wanted is covered."
    return f"Next: a run {', then '.join(parts)}."


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("s" if count != 1 else "")


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
