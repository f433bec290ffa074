"""What a file is to be read as."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from salesnav_source.days.windows import ONE_DAY, Days
from salesnav_source.schema import Export
from salesnav_source.settings.privacy import KEPT, PersonalData

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ReadRequest:
    """What a file is to be read as."""

    export: Export
    first_day: date
    """First of the days asked for."""
    last_day: date
    personal_data: PersonalData = KEPT
    erased_seats: Collection[int] = ()
    """Seats whose rows are not loaded."""
    known_columns: Mapping[str, str] = field(default_factory=dict)
    """The columns that headers of this export led to before; a header keeps its column."""
    only: Days | None = None
    """The days whose rows are loaded; all of those asked for if None."""
    kept_days: Days = field(default_factory=Days)
    """Days beside those asked for of which rows are loaded as well, by key: those that are loaded, or asked for, too."""

    @property
    def is_one_day(self) -> bool:
        """True if one day was asked for, so that all rows are of it."""
        return self.first_day == self.last_day

    @property
    def next_days(self) -> Days:
        """The days next to those asked for, where a file may have rows of them: LinkedIn's days may end at another hour."""
        if not self.export.strict_days or self.export.key_holds_day:
            return Days()
        return Days.of_days((self.first_day - ONE_DAY, self.last_day + ONE_DAY))

    @property
    def kept_next_days(self) -> Days:
        """Those of the days next to them whose rows are loaded."""
        return self.next_days & self.kept_days

    def __str__(self) -> str:
        return f"The file of {self.export.name} for {self.first_day} to {self.last_day}"
