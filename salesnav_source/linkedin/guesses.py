"""The guesses about LinkedIn that the code relies on, each with its detector.

Only LinkedIn's partners can see its files, so the code has to guess some things. Each guess has a detector: the file or the
run shows if the guess is false. Then the file is read correctly, or refused with a message that names the guess. Nothing is
made up, and nothing happens silently. `docs/linkedin.md` has this table, and `salesnav inspect` checks a file against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from salesnav_source.schema import TEvidence


@dataclass(frozen=True)
class Guess:
    """Something that the code assumes about LinkedIn."""

    name: str
    what: str
    evidence: TEvidence
    detector: str
    """How a run sees that it is false."""
    then: str
    """What follows."""
    in_file: bool = False
    """True if a single file can show whether it is true."""


_GUESSES = (
    Guess(
        "seats_are_daily",
        "Seats have a row per seat and day, and the day has a known header",
        "guess",
        "no known header is in the file, and several days were asked for",
        "a column is read as the day if all its values are days asked for, and no two rows of a seat have the same one;"
        " the note says which. If there is none, or more than one, and a seat has several different rows, the window fails and"
        " names the unknown columns. If each seat has one row, it gets the last day. A window of one day needs no day",
        in_file=True,
    ),
    Guess(
        "day_is_the_day",
        "A known header of the seats' day, such as `createdAt`, has the day of the summary",
        "guess",
        "its values are not the days asked for, or do not tell the rows of a seat apart",
        "the same; a header that could mean something else (`createdAt`, `timestamp`) counts only if all its values are days"
        " asked for",
        in_file=True,
    ),
    Guess(
        "month_first",
        "The month is before the day (documented for times, guessed for days)",
        "guess",
        "fewer values lie in the days asked for than with the day first; in outcomes, fewer are days at all",
        "the order that fits is read, with a note. If both fit, the documented one is read, with a note. If none does, the"
        " window fails",
        in_file=True,
    ),
    Guess(
        "marks_of_numbers",
        "In whole numbers a comma groups digits and a dot is a decimal mark",
        "guess",
        "other values of the column show another meaning, or the column has nothing but values like `1.000` and `1,000`",
        "if the column shows the meaning, that is read, with a note; if not, the value is null, and counted",
        in_file=True,
    ),
    Guess(
        "text_is_utf8",
        "Text is UTF-8",
        "guess",
        "bytes that are not UTF-8, or NUL",
        "a name gets a replacement mark, and is counted; any other value is null, and counted; the row is loaded unless"
        " its key is damaged. UTF-16 with a byte order mark is read",
        in_file=True,
    ),
    Guess(
        "spellings",
        "Columns have the spellings that `schema.py` lists",
        "guess",
        "a declared column is missing while an unknown one is there",
        "an unknown column is kept under its own name; a file without a key column fails, and the message names it;"
        " `export_columns` and the report say which columns came and went",
        in_file=True,
    ),
    Guess(
        "headers_keep_their_meaning",
        "Columns with different headers are different columns, in any order",
        "guess",
        "two headers would have one name in the warehouse",
        "each header keeps the column that it had first; a new one gets a name that is free",
    ),
    Guess(
        "keys_are_unique",
        "A key occurs once in a file",
        "guess",
        "a key comes again",
        "equal rows are loaded once; of rows that differ the latest is loaded, the last of equally late ones, and the others"
        " are in `rejected_rows`. If these are more than half of the file, it fails",
        in_file=True,
    ),
    Guess(
        "outcomes_lie_in_their_days",
        "A file of outcomes has the outcomes with a date in its days",
        "guess",
        "outcomes without a date, or outside the days asked for",
        "the window is replaced by key instead of by day, and the report says so",
        in_file=True,
    ),
    Guess(
        "days_end_at_midnight_utc",
        "LinkedIn's days end at midnight UTC",
        "guess",
        "rows lie outside the days of their file at one end, or a day at the edge shrinks when it is read again",
        "windows begin with one loaded day more, of which rows are added and replaced by key, and none is removed; rows on the"
        " day before or after a window are loaded by key, if that day is wanted or loaded. Both are reported",
        in_file=True,
    ),
    Guess(
        "files_are_compressed_once",
        "A file is plain CSV, or compressed by gzip once",
        "guess",
        "the bytes that it begins with",
        "gzip is unpacked up to three times; the error names any other kind of file",
        in_file=True,
    ),
    Guess(
        "key_in_one_file",
        "A key occurs in the file of one window only",
        "guess",
        "it comes again in another window of the load, or in the days next to it",
        "the row with the later time counts, once, in whatever order the days are loaded; rows are counted after that."
        " Activities are compared with those of 100 days around the days that a load replaces, outcomes with all. If more than"
        " half of a window's keys, five or more, stand elsewhere with another time, it fails: in files of the same load all"
        " keys are compared, in the warehouse up to 500 of the first windows of an export",
    ),
    Guess(
        "empty_means_nothing",
        "A file without rows says that nothing happened",
        "guess",
        "rows of these days are loaded",
        "the window fails, and nothing is replaced; `--full-refresh` accepts it",
    ),
    Guess(
        "interval_ends_with_a_day",
        "`endAt` is the last millisecond of a day",
        "guess",
        "LinkedIn refuses to create a job (400) for every window",
        "the other forms are tried once; the one that works is remembered and reported; `interval_end` fixes it",
    ),
    Guess(
        "all_days_are_kept",
        "LinkedIn exports all days that are asked for",
        "guess",
        "it refuses windows that reach far back, and not newer ones",
        "the first day it exports is found by halving; the days before are reported as not available, and tried again once a"
        " week",
    ),
    Guess(
        "contracts_are_paged",
        "The list of contracts can be paged",
        "guess",
        "a later page is refused, or repeats the ones before it though LinkedIn names a next one",
        "the contracts of the pages before it count, and the report says so",
    ),
    Guess(
        "a_seat_is_one_person",
        "A seat is one person",
        "guess",
        "the name or address of a seat changes",
        "marts and pages count from the present holder's first day on",
    ),
    Guess(
        "statuses_are_known",
        "Jobs have the statuses that a third party has named",
        "told",
        "another status",
        "the job counts as running, and a warning names the status; one that says failed ends the job",
    ),
)

GUESSES: Mapping[str, Guess] = {guess.name: guess for guess in _GUESSES}
"""All guesses, by name."""


def as_markdown() -> str:
    """Returns the guesses as the table of `docs/linkedin.md`."""
    heads = ("guess", "evidence", "how a run sees that it is false", "then")
    lines = [heads, ("---",) * len(heads)]
    lines += [(guess.what, f"`{guess.evidence}`", guess.detector, guess.then) for guess in GUESSES.values()]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
