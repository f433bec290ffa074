"""Faults of the columns of files and of their values."""

from salesnav_source.sandbox import transforms as t
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import Planned
from salesnav_source.sandbox.faults.files import always, content
from salesnav_source.sandbox.faults.model import Fault, Stage

_GROUP = "Columns and values"
_UNLISTED = "calendarDate"
_TEAM, _TEAM_AGAIN = "Team Name", "team_name"


@declared(_GROUP)
def renamed_columns() -> Fault:
    """Files have memberIdentityKey and totalSavedLeads under other headers."""
    return always(
        t.rename_columns({"memberIdentityKey": "leadReference", "totalSavedLeads": "leadTally"}), Stage.HEADERS
    )


@declared(_GROUP)
def removed_columns() -> Fault:
    """Files lack memberIdentityKey and totalSavedLeads."""
    return always(t.drop_columns("memberIdentityKey", "totalSavedLeads"), Stage.HEADERS)


@declared(_GROUP)
def added_columns() -> Fault:
    """Files have two columns more."""
    return always(t.extra_columns({"salesRegion": "north", "tier": ""}))


@declared(_GROUP)
def iso_timestamps() -> Fault:
    """Files have timestamps by ISO 8601."""
    return always(t.restamp("%Y-%m-%dT%H:%M:%SZ"))


@declared(_GROUP)
def odd_timestamps(form: str = "%d.%m.%y %H.%M", every: int = 2) -> Fault:
    """Every other row of files has its timestamp in a form that cannot be read."""
    return always(t.restamp(form, every))


@declared(_GROUP)
def no_value_metrics() -> Fault:
    """Seats' empty metrics are N/A."""
    return always(t.fill_empty("N/A", *t.METRICS))


@declared(_GROUP)
def thousands_separators() -> Fault:
    """Seats' whole numbers are written 1,234."""
    return always(t.thousands("totalConnections", "totalSavedLeads"))


@declared(_GROUP)
def dotted_thousands() -> Fault:
    """Seats' whole numbers are written 1.234."""
    return always(t.thousands("totalConnections", "totalSavedLeads", mark="."))


@declared(_GROUP)
def round_thousands() -> Fault:
    """Seats' whole numbers are thousands, written 1.000: nothing in the file shows what the dot means."""
    return always(t.compose(*(t.map_column(name, _to_thousands) for name in ("totalConnections", "totalSavedLeads"))))


def _to_thousands(value: str) -> str:
    return value and f"{max(round(int(value) / 1000), 1)}.000"


@declared(_GROUP)
def day_first_dates() -> Fault:
    """Files have timestamps with the day before the month: DD-MM-YYYY."""
    return always(t.restamp("%d-%m-%Y %H:%M:%S"))


@declared(_GROUP)
def slash_dates() -> Fault:
    """Files have timestamps with slashes: MM/DD/YYYY."""
    return always(t.restamp("%m/%d/%Y %H:%M:%S"))


@declared(_GROUP)
def day_first_slash_dates() -> Fault:
    """Files have timestamps with slashes and the day before the month: DD/MM/YYYY."""
    return always(t.restamp("%d/%m/%Y %H:%M:%S"))


@declared(_GROUP)
def iso_dates() -> Fault:
    """Files have timestamps with the year first, and neither T nor zone: YYYY-MM-DD HH:MM:SS."""
    return always(t.restamp("%Y-%m-%d %H:%M:%S"))


@declared(_GROUP)
def days_without_time() -> Fault:
    """Seats' days have no time of day: MM-DD-YYYY."""
    return always(t.restamp("%m-%d-%Y")).where(export="seats")


@declared(_GROUP, value="HEADER")
def unknown_day_header(header: str = _UNLISTED) -> Fault:
    """The day of seats has a header that is not listed (calendarDate)."""
    return always(t.rename_columns({"date": header}), Stage.HEADERS).where(export="seats")


@declared(_GROUP)
def foreign_day_header() -> Fault:
    """The day of seats has a header in another script."""
    return unknown_day_header("\u65e5\u4ed8")


@declared(_GROUP)
def unnamed_day_header() -> Fault:
    """The day of seats has an empty header."""
    return unknown_day_header("")


@declared(_GROUP)
def seat_created_at() -> Fault:
    """Seats have createdAt, which is when the seat was made; the day has a header that is not listed."""
    transform = t.compose(t.seat_made_at, t.rename_columns({"date": _UNLISTED}))
    return always(transform, Stage.HEADERS).where(export="seats")


@declared(_GROUP)
def seat_created_at_alone() -> Fault:
    """Files of seats have a row per seat, with createdAt, which is when the seat was made, and no day."""
    transform = t.compose(t.first_of_each("seatId"), t.seat_made_at, t.drop_columns("date"))
    return content(transform, stage=Stage.HEADERS).where(export="seats", times=None)


@declared(_GROUP)
def latin_1_name() -> Fault:
    """A letter in the first name of some seats is not UTF-8."""
    return always(t.latin_1_name).where(export="seats")


@declared(_GROUP)
def swapped_columns() -> Fault:
    """Files have two columns more, Team Name and team_name, which swap places from one file to the next."""
    return Fault("create", Planned(lambda plan: t.extra_columns(_team_columns(plan.place))), times=None)


def _team_columns(place: int) -> dict[str, str]:
    columns = {_TEAM: "north", _TEAM_AGAIN: "A7"}
    return columns if place % 2 else dict(reversed(columns.items()))


def ssi_names(overall: str, brand: str, find: str, engage: str, build: str) -> Fault:
    """The SSI and its parts have other headers."""
    names = {"ssi": overall, "ssiBrand": brand, "ssiFind": find, "ssiEngage": engage, "ssiBuild": build}
    return always(t.rename_columns(names), Stage.HEADERS).where(export="seats")


@declared(_GROUP)
def ssi_screen_names() -> Fault:
    """The SSI and its parts have LinkedIn's names of them: overall, PROFESSIONAL_BRAND and so on."""
    return ssi_names("overall", "PROFESSIONAL_BRAND", "FIND_RIGHT_PEOPLE", "INSIGHT_ENGAGEMENT", "STRONG_RELATIONSHIP")


@declared(_GROUP)
def ssi_camel_names() -> Fault:
    """The SSI and its parts have LinkedIn's names of them: overall, professionalBrand and so on."""
    return ssi_names("overall", "professionalBrand", "findRightPeople", "insightEngagement", "strongRelationship")


@declared(_GROUP)
def ssi_score_names() -> Fault:
    """The SSI and its parts have LinkedIn's names of them: overallScore, insightEngagementScore and so on."""
    return ssi_names(
        "overallScore",
        "professionalBrandScore",
        "findRightPeopleScore",
        "insightEngagementScore",
        "strongRelationshipScore",
    )


@declared(_GROUP)
def ssi_short_names() -> Fault:
    """The SSI and its parts have short names: overall, profBrand, findPeople, engagement, relationship."""
    return ssi_names("overall", "profBrand", "findPeople", "engagement", "relationship")
