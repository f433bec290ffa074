"""The Exports Schema, declared: exports, their columns, the evidence for each.

LinkedIn documents the columns of activities, and the content (not the spelling) of outcomes and seats:
https://learn.microsoft.com/linkedin/sales/analytics/exports-schema. Each column says on what it rests:

- `doc`: stated by LinkedIn's documentation
- `seen`: visible in published screenshots of real data
- `told`: said by a third party
- `guess`: inference

A new export, column, spelling or form of a value is one entry here; the reader, the tables and their descriptions follow
from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

TEvidence = Literal["doc", "seen", "told", "guess"]
"""On what a fact about LinkedIn's files rests."""

TColumnType = Literal["text", "bigint", "double", "bool", "timestamp", "date"]
"""Types of columns, named as dlt names them; timestamps are in UTC with microseconds."""

TPersonal = Literal["name", "email", "employee", "member", "row"]
"""What a personal column holds: a name, an e-mail address, an employee's number, the key of a member, or text of a file."""

PII = "x-annotation-pii"
"""The annotation of personal columns in dlt's schema."""

LOAD_ID = "_dlt_load_id"
"""dlt's column that names the load of a row; this source fills it, as dlt leaves it out of rows that come as Arrow."""


def simplify(header: str) -> str:
    """Returns a column's header without case and punctuation, as spellings are compared."""
    return re.sub(r"[\W_]+", "", header).lower()


@dataclass(frozen=True)
class Form:
    """A way to write the values of a type."""

    name: str
    """What it looks like, as people see it in messages."""
    pattern: str
    """What the whole of a value must match, as RE2 and Python understand it. In times, its groups are the parts: `first` and
    `second` are month and day, in the order that the file shows."""
    evidence: TEvidence
    day_first: str | None = None
    """What it looks like with the day before the month, None if the form has one order only."""


_MONTH_OR_DAY_FIRST = (
    "(?P<first>[0-9]{1,2})(?P<mark>[-/.])(?P<second>[0-9]{1,2})(?P<other_mark>[-/.])(?P<year>[0-9]{4})"
)
_YEAR_FIRST = "(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P<other_mark>[-/.])(?P<day>[0-9]{1,2})"
_CLOCK = (
    "(?:(?:T|,? )(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second_of_minute>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    "(?: ?(?P<half>[AaPp][Mm]))? ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_SINCE_1970 = Form("milliseconds since 1970", "(?P<milliseconds>[1-9][0-9]{12})", "guess")
_GROUPED = {mark: f"[+-]?[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})" for mark in ",. '\u00a0\u202f\u2019"}
_MARKS_OF_FRACTIONS = {",": "[.]", ".": ","}
"""The decimal mark if another mark groups digits; either of the two if neither does."""


def _grouped(fraction: str, least: Mapping[str, int]) -> str:
    """Returns the pattern of numbers whose digits are grouped, with a fraction, or of so many groups without one."""
    whole = [f"{group}{{{least.get(mark, 1)},}}" for mark, group in _GROUPED.items()]
    broken = [f"{group}+{_MARKS_OF_FRACTIONS.get(mark, '[.,]')}{fraction}" for mark, group in _GROUPED.items()]
    return "|".join(whole + broken)


FORMS: Mapping[TColumnType, tuple[Form, ...]] = {
    "timestamp": (
        Form("MM-DD-YYYY HH:MM:SS", _MONTH_OR_DAY_FIRST + _CLOCK, "doc", "DD-MM-YYYY HH:MM:SS"),
        Form("YYYY-MM-DDTHH:MM:SSZ (ISO 8601)", _YEAR_FIRST + _CLOCK, "guess"),
        _SINCE_1970,
    ),
    "date": (
        Form("MM-DD-YYYY", _MONTH_OR_DAY_FIRST + _CLOCK, "guess", "DD-MM-YYYY"),
        Form("YYYY-MM-DD", _YEAR_FIRST + _CLOCK, "guess"),
        Form("YYYYMMDD", "(?P<year>[12][0-9]{3})(?P<month>[0-9]{2})(?P<day>[0-9]{2})", "guess"),
        _SINCE_1970,
    ),
    "bigint": (
        Form("1234", "[+-]?[0-9]+(?:[.,]0*)?", "doc"),
        Form("1,234", _grouped("0*", {}), "guess"),
    ),
    "double": (
        Form("1234.5", r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?", "doc"),
        Form("1,234.5", _grouped("[0-9]+", {",": 2, ".": 2}), "guess"),
    ),
}
"""How the values of each type may be written, the usual way first; blanks around them do not matter.

Times are in UTC where they name no zone; `-`, `/` and `.` are read alike between month, day and year. LinkedIn documents the
first form of times, and no form of dates. What one value does not show, such as the order of month and day or whether
`1.000` is a thousand, the file has to show: `reader/styles.py`.
"""

NO_VALUES = frozenset(
    (
        "",
        "n/a",
        "na",
        "#n/a",
        "n.a.",
        "null",
        "(null)",
        "<null>",
        "\\n",
        "none",
        "nil",
        "nan",
        "undefined",
        "-",
        "--",
        "---",
    )
    + ("–", "—")
)
"""Texts that mean no value in a column of numbers or times, in any case. In a column of text they are texts."""


def is_no_value(text: str) -> bool:
    """True if a text means no value in a column of numbers or times."""
    return text.strip().lower() in NO_VALUES


@dataclass(frozen=True)
class Column:
    """A column of a table: its name here, and the headers that it may have in a file."""

    name: str
    type: TColumnType
    description: str
    evidence: TEvidence | None = None
    """How certain it is that the file has this column; None if it does not come from the file."""
    spellings: tuple[str, ...] = ()
    """Headers that it may have, compared by `simplify`, in this order; the column's own name counts as well."""
    spelling_evidence: TEvidence | None = None
    """How certain the first spelling is, if that differs from `evidence`."""
    known_elsewhere: Mapping[str, TEvidence] = field(default_factory=dict, hash=False)
    """Spellings that LinkedIn or others use for it in other places. That files use them is a guess."""
    doubtful: frozenset[str] = frozenset()
    """Spellings that could also mean another column: they count only if all values are days asked for."""
    most: float | None = None
    """The highest possible value, None if there is none."""
    nullable: bool = True
    personal: TPersonal | None = None
    """The kind of personal data, None if the values are not personal."""

    @property
    def from_file(self) -> bool:
        """True if the column is read from the file, not added by this source."""
        return self.evidence is not None

    def hints(self) -> dict[str, Any]:
        """Returns the column as dlt's column hints."""
        return {
            "name": self.name,
            "data_type": self.type,
            "nullable": self.nullable,
            "description": self.description,
            **({PII: True} if self.personal else {}),
        }


@dataclass(frozen=True)
class Table:
    """A table that this source writes: its columns in order, and what is unique in it."""

    name: str
    columns: tuple[Column, ...]
    description: str
    key: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """Returns the column called `name`.

        Raises:
            KeyError: if the table declares no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """The columns that are read from the file."""
        return tuple(column for column in self.columns if column.from_file)

    def has_spelling(self, text: str) -> bool:
        """True if a text is the header of a declared column."""
        return simplify(text) in self._spellings

    @cached_property
    def _spellings(self) -> frozenset[str]:
        return frozenset(simplify(name) for column in self.file_columns for name in (column.name, *column.spellings))

    def match(self, header: list[str]) -> dict[int, Column]:
        """Returns the declared columns of a file's header, by position.

        A column is found under its own name or the first of its spellings that the header has; each position serves one
        column. Positions that no column claims are not in the answer: the file's own, undocumented columns.
        """
        positions: dict[str, int] = {}
        for position, name in enumerate(header):
            positions.setdefault(simplify(name), position)
        matched: dict[int, Column] = {}
        for column in self.file_columns:
            for spelling in (*column.spellings, column.name):
                position = positions.get(simplify(spelling), -1)
                if position >= 0 and position not in matched:
                    matched[position] = column
                    break
        return matched


@dataclass(frozen=True)
class Export(Table):
    """A kind of data that LinkedIn exports, one job per contract and window of days."""

    action: str = ""
    """The `action` of the call that creates the job."""
    day_column: str = ""
    """The column with the day of the window to which a row belongs."""
    strict_days: bool = True
    """True if a row dated outside the window of its job is a fault of the file."""

    @property
    def key_holds_day(self) -> bool:
        """True if the day is part of the key, so that the files of two windows have no key in common."""
        return self.day_column in self.key

    @property
    def guesses_day(self) -> bool:
        """True if the header of the day is a guess: then the day is looked for by its values, too."""
        return self.strict_days and self.column(self.day_column).from_file


_CONTRACT = Column("contract", "text", "URN of the contract, e.g. urn:li:contract:123456", nullable=False)
_EXPORT_JOB_ID = Column(
    "export_job_id",
    "bigint",
    "LinkedIn's id of the export job that brought the row; negative if a file was imported",
    nullable=False,
)


def _ssi_part(
    name: str, meaning: str, *other_names: str, known_elsewhere: Mapping[str, TEvidence] = MappingProxyType({})
) -> Column:
    """Returns one of the four parts of the SSI, under its names with and without `ssi` and `score` around them."""
    patterns = ("ssi{}", "{}", "ssi{}Score", "{}Score", "{}Ssi", "{}SsiScore")
    names = dict.fromkeys((name, *other_names, *known_elsewhere))
    spellings = tuple(pattern.format(other) for other in names for pattern in patterns)
    description = f"Part of the SSI: {meaning}, 0 to 25"
    return Column(
        f"ssi_{name}", "double", description, "seen", spellings, "guess", known_elsewhere=known_elsewhere, most=25
    )


CONTRACTS = Table(
    name="contracts",
    description="Sales Navigator contracts on which the token's owner has a seat",
    key=("contract",),
    columns=(
        _CONTRACT,
        Column("name", "text", "Name of the contract", nullable=False),
        Column("description", "text", "Description of the contract, where it has one"),
        Column("has_reporting_access", "bool", "Whether the token's owner may export this contract", nullable=False),
    ),
)

ACTIVITY_TYPES = frozenset(
    ("SAVED_LEAD", "SAVED_ACCOUNT", "SEARCH_PERFORMED", "PROFILE_VIEWED", "PROFILE_VIEW", "INMAIL_SENT", "MESSAGE_SENT")
    + ("CONNECTION_MADE",)
)
"""Types of activities: LinkedIn's documentation has all but PROFILE_VIEW, which was seen. It may add others."""

OUTCOME_WORDS = ("ACCEPT", "DECLIN", "REJECT")
"""Parts of types of outcomes, whose spelling is not documented (a guess)."""

ACTIVITIES = Export(
    name="activities",
    description="What seat holders did in Sales Navigator, one row per activity",
    action="exportActivityData",
    day_column="activity_date",
    key=("contract", "activity_id"),
    columns=(
        _CONTRACT,
        Column("activity_id", "text", "Unique id of the activity", "doc", ("activityId",), nullable=False),
        Column(
            "activity_type",
            "text",
            "What was done, e.g. SAVED_LEAD, SEARCH_PERFORMED, PROFILE_VIEWED, INMAIL_SENT; LinkedIn may add values",
            "doc",
            ("activityType",),
            nullable=False,
        ),
        Column("created_at", "timestamp", "When the activity took place, UTC", "doc", ("createdAt",), nullable=False),
        Column("activity_date", "date", "Day of the activity, UTC", nullable=False),
        Column("seat_id", "bigint", "The seat holder who acted", "doc", ("seatId",), nullable=False),
        Column(
            "member_identity_key",
            "text",
            "The lead concerned; no value, or a constant one, for activities that concern no lead. Not a key",
            "doc",
            ("memberIdentityKey",),
            personal="member",
        ),
        _EXPORT_JOB_ID,
    ),
)

ACTIVITY_OUTCOMES = Export(
    name="activity_outcomes",
    description="What came of activities, e.g. InMails accepted, one row per activity and type of outcome",
    action="exportActivityOutcomeData",
    day_column="created_at",
    strict_days=False,
    key=("contract", "activity_id", "activity_type"),
    columns=(
        _CONTRACT,
        Column("activity_id", "text", "The activity this is an outcome of", "doc", ("activityId",), nullable=False),
        Column(
            "activity_type",
            "text",
            "Type of the outcome (LinkedIn calls it activityType too); the spellings are not documented",
            "doc",
            ("activityType", "outcomeType", "activityOutcomeType"),
            nullable=False,
        ),
        Column(
            "created_at",
            "timestamp",
            "When the outcome took place, UTC; null if the file does not say",
            "guess",
            ("createdAt", "outcomeCreatedAt", "outcomeAt", "occurredAt", "timestamp"),
        ),
        Column("outcome_date", "date", "Day of the outcome, UTC; null where created_at is null"),
        Column("seat_id", "bigint", "The seat holder who acted", "guess", ("seatId", "seat")),
        Column(
            "member_identity_key",
            "text",
            "The lead concerned",
            "guess",
            ("memberIdentityKey", "memberKey"),
            personal="member",
        ),
        _EXPORT_JOB_ID,
    ),
)

SEATS = Export(
    name="seats",
    description="Daily summary per seat holder, with the Social Selling Index (SSI)",
    action="exportSeatData",
    day_column="snapshot_date",
    key=("contract", "seat_id", "snapshot_date"),
    columns=(
        _CONTRACT,
        Column("seat_id", "bigint", "The seat", "guess", ("seatId", "seat", "id"), nullable=False),
        Column(
            "snapshot_date",
            "date",
            "Day of the summary, UTC; the last day of the job's window if the file does not say",
            "guess",
            (
                "snapshotDate",
                "date",
                "day",
                "summaryDate",
                "reportDate",
                "reportingDate",
                "activityDate",
                "seatDate",
                "dataDate",
                "snapshotDay",
                "summaryDay",
                "reportDay",
                "statDate",
                "metricDate",
                "asOfDate",
                "asOf",
                "snapshotAt",
                "createdAt",
                "timestamp",
            ),
            nullable=False,
            doubtful=frozenset(("createdat", "timestamp")),
        ),
        Column(
            "first_name",
            "text",
            "First name of the holder",
            "doc",
            ("firstName", "givenName"),
            "guess",
            personal="name",
        ),
        Column(
            "last_name",
            "text",
            "Last name of the holder",
            "doc",
            ("lastName", "familyName", "surname"),
            "guess",
            personal="name",
        ),
        Column(
            "full_name",
            "text",
            "Name of the holder, where the file has it in one column",
            "doc",
            ("fullName", "name", "seatHolderName", "seatHolder", "holderName", "memberName", "userName", "displayName"),
            "guess",
            personal="name",
        ),
        Column(
            "email",
            "text",
            "E-mail address of the holder",
            "seen",
            ("email", "emailAddress", "mail", "memberEmail", "userEmail", "holderEmail"),
            "guess",
            personal="email",
        ),
        Column(
            "seat_status",
            "text",
            "Status of the seat; the values are not documented",
            "doc",
            ("seatStatus", "status", "seatState", "licenseStatus"),
            "guess",
        ),
        Column(
            "ssi",
            "double",
            "Social Selling Index, 0 to 100",
            "doc",
            (
                "ssi",
                "ssiScore",
                "ssiTotal",
                "totalSsi",
                "overallSsi",
                "socialSellingIndex",
                "socialSellingIndexScore",
                "overall",
                "overallScore",
                "ssiOverall",
                "overallSsiScore",
            ),
            "guess",
            known_elsewhere={"overall": "seen"},
            most=100,
        ),
        _ssi_part(
            "brand",
            "establish your professional brand",
            "professionalBrand",
            "establishBrand",
            known_elsewhere={"PROFESSIONAL_BRAND": "seen", "prof_brand": "told"},
        ),
        _ssi_part(
            "find",
            "find the right people",
            "findPeople",
            "findRightPeople",
            "findTheRightPeople",
            known_elsewhere={"FIND_RIGHT_PEOPLE": "seen"},
        ),
        _ssi_part(
            "engage",
            "engage with insights",
            "engageInsights",
            "engageWithInsights",
            known_elsewhere={"INSIGHT_ENGAGEMENT": "seen"},
        ),
        _ssi_part(
            "build",
            "build relationships",
            "relationships",
            "buildRelationships",
            "buildStrongRelationships",
            known_elsewhere={"STRONG_RELATIONSHIP": "seen", "relationship": "told"},
        ),
        Column(
            "total_connections",
            "bigint",
            "Connections of the holder in total",
            "doc",
            (
                "totalConnections",
                "connections",
                "connectionCount",
                "connectionsCount",
                "numConnections",
                "totalConnectionCount",
                "totalNumberOfConnections",
                "numberOfConnections",
            ),
            "guess",
        ),
        Column(
            "total_saved_leads",
            "bigint",
            "Leads that the holder has saved in total",
            "told",
            (
                "totalSavedLeads",
                "totalLeadsSaved",
                "savedLeads",
                "leadsSaved",
                "savedLeadCount",
                "savedLeadsCount",
                "numSavedLeads",
                "totalSavedLeadCount",
                "totalLeads",
                "totalNumberOfLeadsSaved",
                "numberOfSavedLeads",
            ),
            "guess",
        ),
        _EXPORT_JOB_ID,
    ),
)

EXPORTS: Mapping[str, Export] = {export.name: export for export in (ACTIVITIES, ACTIVITY_OUTCOMES, SEATS)}
"""The exports by the name of their table and resource."""

EXPORT_JOBS = Table(
    name="export_jobs",
    description="One row per export job that has ended: what was asked, what came, what went wrong",
    columns=(
        Column(
            "job_id",
            "bigint",
            "LinkedIn's id of the job; null where LinkedIn refused to create one, or a file was imported",
        ),
        _CONTRACT,
        Column("export", "text", "The export: activities, activity_outcomes or seats", nullable=False),
        Column("window_start", "date", "First day asked for, UTC", nullable=False),
        Column("window_end", "date", "Last day asked for, UTC", nullable=False),
        Column(
            "status",
            "text",
            "Last status LinkedIn gave the job; NOT_CREATED where it refused to create one, NOT_AVAILABLE where days are so"
            " far back that it does not give them, IMPORTED for a file that was handed over",
            nullable=False,
        ),
        Column("row_count", "bigint", "Rows that LinkedIn says the file holds"),
        Column("rows_loaded", "bigint", "Rows loaded from the file"),
        Column("rows_rejected", "bigint", "Rows of the file that could not be loaded and are in rejected_rows"),
        Column("values_rejected", "bigint", "Values that could not be read of rows that were loaded without them"),
        Column("rows_repeated", "bigint", "Rows of the file left out because an equal row came before"),
        Column("bytes", "bigint", "Size of the file received, in bytes"),
        Column("attempts", "bigint", "Jobs asked for so far for this window, this one included"),
        Column("created_at", "timestamp", "When the job was created, UTC"),
        Column("completed_at", "timestamp", "When the job was seen to have ended, UTC"),
        Column("error", "text", "Why the job brought nothing; null if its file was loaded"),
        Column("note", "text", "What is particular about the job, e.g. that LinkedIn gave no row count"),
    ),
)

REJECTED_ROWS = Table(
    name="rejected_rows",
    description="Rows of received files that could not be loaded, or lack a value that could not be read, whole and with the"
    " reason",
    columns=(
        Column(
            "export_job_id",
            "bigint",
            "LinkedIn's id of the export job whose file holds the row; negative if a file was imported",
        ),
        Column("contract", "text", "URN of the contract"),
        Column("export", "text", "The export: activities, activity_outcomes or seats"),
        Column("line_number", "bigint", "Line of the file on which the row begins; the header begins on line 1"),
        Column("reason", "text", "Why the row was rejected, or a value of it", personal="row"),
        Column(
            "row",
            "text",
            "The row as it stands in the file; null where personal data are not kept, or the seat holder was erased",
            personal="row",
        ),
    ),
)

ERASED_SEATS = Table(
    name="erased_seats",
    description="Seats that were erased: no row of theirs is loaded any more. Made by the first `salesnav erase`",
    key=("contract", "seat_id"),
    columns=(
        _CONTRACT,
        Column("seat_id", "bigint", "The seat", nullable=False),
        Column("erased_at", "timestamp", "When it was erased, UTC", nullable=False),
    ),
)

EXPORT_COLUMNS = Table(
    name="export_columns",
    description="Which columns the files had, and on which days: one row per contract, export and header",
    key=("contract", "export", "header"),
    columns=(
        _CONTRACT,
        Column("export", "text", "The export: activities, activity_outcomes or seats", nullable=False),
        Column(
            "header",
            "text",
            "The header as the files have it; of a declared column that no file has had, the column's name",
            nullable=False,
        ),
        Column("column_name", "text", "The column of the table that holds its values; null if it is not loaded"),
        Column(
            "state",
            "text",
            "`declared`, `kept` (not declared, loaded as text), `left_out` (not loaded, as it may hold personal data) or"
            " `missing` (declared, and no file has had it)",
            nullable=False,
        ),
        Column("first_day", "date", "First day of the files of which this is known, UTC"),
        Column("last_day", "date", "Last day of the files of which this is known, UTC"),
    ),
)

SEAT_DIRECTORY = Table(
    name="seat_directory",
    description="Who belongs to which team: the list of users of LinkedIn's Admin Center, or one of your own. Made by the first"
    " `salesnav import --as directory`",
    columns=(
        Column(
            "contract",
            "text",
            "URN of the contract; null if an entry holds in all",
            "guess",
            ("contract", "contractUrn", "contractId", "contractName"),
        ),
        Column("seat_id", "text", "Number of the seat, as the list has it", "doc", ("seat_id", "seat", "seatNumber")),
        Column(
            "email",
            "text",
            "E-mail address",
            "doc",
            ("invited_email_address", "email", "emailAddress", "workEmail", "mail", "userEmail", "address"),
            personal="email",
        ),
        Column(
            "employee_id",
            "text",
            "Number of the employee",
            "doc",
            ("employee_id", "unique_user_id", "employeeNumber", "personnelNumber"),
            personal="employee",
        ),
        Column("name", "text", "Name", "guess", ("name", "fullName", "displayName", "employeeName"), personal="name"),
        Column(
            "license_status",
            "text",
            "Status of the licence, as the Admin Center names it",
            "doc",
            ("sales_license_current_status", "licenseStatus", "licenceStatus", "seatStatus", "status"),
        ),
        Column("admin_permission", "text", "admin or reporting", "doc", ("admin_permission", "permission", "role")),
        Column("team", "text", "Team", "guess", ("team", "teamName", "salesTeam", "department", "unit")),
        Column(
            "manager",
            "text",
            "Manager",
            "guess",
            ("manager", "managerName", "lead", "teamLead", "reportsTo", "supervisor"),
            personal="name",
        ),
        Column("region", "text", "Region", "guess", ("region", "territory", "area", "country", "market")),
        Column("groups", "text", "Groups of the Admin Center", "doc", ("groups", "group", "groupNames")),
        Column("target_active_days_28", "double", "Days with activity in 28 days that are asked for", "guess"),
        Column("target_inmails_28", "double", "InMails in 28 days that are asked for", "guess"),
        Column("target_leads_saved_28", "double", "Leads saved in 28 days that are asked for", "guess"),
        Column(
            "target_acceptance_rate", "double", "Share of InMails accepted that is asked for, 0 to 1", "guess", most=1
        ),
        Column("target_ssi", "double", "SSI that is asked for, 0 to 100", "guess", most=100),
        Column("imported_at", "timestamp", "When the list was imported, UTC", nullable=False),
    ),
)
"""Spellings of the Admin Center are documented by LinkedIn (help, a7762565); the others are guesses at lists of one's own."""

PARTS_OF_NAMES = (
    ("preferred_first_name", "firstName", "givenName"),
    ("preferred_last_name", "lastName", "surname", "familyName"),
)
"""Headers of a directory that make up `name` together, where it has no column for it."""

TABLES: tuple[Table, ...] = (CONTRACTS, *EXPORTS.values(), EXPORT_JOBS, REJECTED_ROWS, EXPORT_COLUMNS)
"""The tables that a run loads."""
