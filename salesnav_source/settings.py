"""Defaults and the configuration of the source."""

import json
import re
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Optional

from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import ConfigurationException, ConfigValueCannotBeCoercedException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.typing import TSecretStrValue

from salesnav_source import personal_data
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.personal_data import KEEP, PersonalData
from salesnav_source.windows import ONE_DAY, Coverage, Days, Window

SECTION = "salesnav"
"""Name of the source and of its configuration section, `sources.salesnav`."""

BASE_URL = "https://api.linkedin.com/v2"
TOKEN_URL = "https://www.linkedin.com/oauth/v2/accessToken"
SCOPE = "r_sales_nav_analytics"
"""The OAuth scope that exports need (documented)."""

DEFAULT_DAYS_BACK = 90
LOOKBACK_DAYS = 3
MAX_CONCURRENT_JOBS = 30
MAX_REJECTED = 0.1
POLL_INTERVAL = 5.0
POLL_MAX_INTERVAL = 60.0
JOB_TIMEOUT = 3600.0
QUEUE_TIMEOUT = 7200.0
OUTAGE_TIMEOUT = 600.0

HOW_TO_GET_GOING = (
    "Set an access token in that file:\n\n"
    "    [sources.salesnav.credentials]\n"
    '    access_token = "..."\n\n'
    "or in the environment as SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN. The README tells where a token comes from.\n"
    "To try without an account, add --sandbox to the command: it loads invented data from a stand-in for LinkedIn's API"
    " on this machine."
)


def settings_folder() -> Path:
    """Returns the folder in which dlt looks for configuration and secrets."""
    import dlt

    return Path(dlt.current.run_context().settings_dir).absolute()


def where_secrets_are() -> str:
    """Says where secrets were looked for, and where there are some, if the command was called from another folder."""
    folder = settings_folder()
    said = f"They were looked for in {folder / 'secrets.toml'}, which " + (
        "holds none." if (folder / "secrets.toml").is_file() else "does not exist."
    )
    script = Path(sys.argv[0]).absolute()
    for place in dict.fromkeys((*folder.parent.parents, script.parent, script.parent.parent)):
        if (place / ".dlt" / "secrets.toml").is_file() and place / ".dlt" != folder:
            return (
                f"{said} There is one in {place / '.dlt'}: run the command in {place}, or set DLT_PROJECT_DIR={place}."
            )
    return said


@configspec
class SalesnavCredentials(CredentialsConfiguration):
    """An access token for LinkedIn's API, or what it takes to renew one."""

    access_token: Optional[TSecretStrValue] = None
    """Bearer token of a member with a reporting or administrator role on the contracts; lives 60 days."""
    client_id: Optional[str] = None
    """Id of the LinkedIn application, to renew tokens."""
    client_secret: Optional[TSecretStrValue] = None
    """Secret of the LinkedIn application."""
    refresh_token: Optional[TSecretStrValue] = None
    """Refresh token; LinkedIn gives one to some partners only."""
    token_url: str = TOKEN_URL
    """Where tokens are renewed."""

    __config_gen_annotations__: ClassVar[list[str]] = ["access_token"]

    def parse_native_representation(self, native_value: Any) -> None:
        """Takes a bare string as the access token, or a JSON object as all of the credentials.

        Raises:
            ConfigurationError: if the object cannot be read, or holds something else.
            ValueError: if the value is no string.
        """
        if not isinstance(native_value, str):
            raise ValueError(native_value)
        if not native_value.lstrip().startswith("{"):
            self.access_token = native_value
            return
        try:
            given = json.loads(native_value)
        except ValueError:
            raise ConfigurationError(
                'credentials begin like JSON, but cannot be read as JSON. Write {"access_token": "..."}, or the token alone.'
            ) from None
        unknown = sorted(set(given) - set(self.keys()))
        if unknown:
            raise ConfigurationError(
                f"credentials hold {', '.join(unknown)}, which is none of {', '.join(self.keys())}. Correct the name."
            )
        for name, value in given.items():
            setattr(self, name, value)

    @property
    def renewable(self) -> bool:
        """Tells whether there is all it takes to renew the access token."""
        return bool(self.client_id and self.client_secret and self.refresh_token)

    def require(self) -> None:
        """Makes sure that there is a token or a way to one.

        Raises:
            ConfigurationError: if there is neither.
        """
        for name in ("access_token", "client_secret", "refresh_token"):
            value = (getattr(self, name) or "").strip()
            if name == "access_token":
                value = re.sub(r"^(authorization:\s*)?bearer\s+", "", value, flags=re.IGNORECASE)
            if not (value.isascii() and value.isprintable()):
                raise ConfigurationError(f"credentials.{name} holds characters that no token has; paste it anew.")
            setattr(self, name, value or None)
        if self.access_token or self.renewable:
            return
        given = [name for name in ("client_id", "client_secret", "refresh_token") if getattr(self, name)]
        if given:
            missing = sorted({"client_id", "client_secret", "refresh_token"} - set(given))
            raise ConfigurationError(
                f"To renew access tokens, client_id, client_secret and refresh_token belong together in"
                f" [sources.salesnav.credentials]; missing: {', '.join(missing)}."
            )
        raise ConfigurationError(f"No credentials for LinkedIn were found. {where_secrets_are()}\n{HOW_TO_GET_GOING}")


@configspec
class SalesnavConfiguration(BaseConfiguration):
    """The settings of the source, from `[sources.salesnav]` or the environment."""

    credentials: Optional[SalesnavCredentials] = None
    base_url: str = BASE_URL
    """Root of LinkedIn's API."""
    contracts: Optional[Any] = None
    """URNs of the contracts to export, as a list or with commas between; all with reporting access if not set."""
    start_date: Optional[str] = None
    """First day wanted, ISO, UTC; 90 days back if not set."""
    end_date: Optional[str] = None
    """Last day wanted, ISO, UTC; yesterday if not set."""
    lookback_days: int = LOOKBACK_DAYS
    """Days read again once a day, for late rows."""
    max_concurrent_jobs: int = MAX_CONCURRENT_JOBS
    """Export jobs at LinkedIn at a time, over all contracts and exports; at most two of a contract's export."""
    max_rejected: float = MAX_REJECTED
    """Share of a file's rows that may be rejected; above it the window fails and replaces nothing."""
    poll_interval: float = POLL_INTERVAL
    """Seconds before the first poll of a job."""
    poll_max_interval: float = POLL_MAX_INTERVAL
    """Seconds at most between two polls of a job."""
    job_timeout: float = JOB_TIMEOUT
    """Seconds that LinkedIn may work on a job, from when its turn has come."""
    queue_timeout: float = QUEUE_TIMEOUT
    """Seconds that a job may stand in LinkedIn's queue though none of ours is before it."""
    outage_timeout: float = OUTAGE_TIMEOUT
    """Seconds that LinkedIn, or the place of the journal, may fail to answer before the run is given up."""
    journal_url: Optional[str] = None
    """A folder or bucket, as fsspec takes it, for the journal of jobs in flight; on this machine alone if not set."""
    personal_data: str = KEEP
    """What becomes of names, e-mail addresses and member keys: keep, pseudonymize or drop."""
    pseudonym_key: Optional[TSecretStrValue] = None
    """Key of the pseudonyms, at least 16 characters."""
    keep_columns: Optional[Any] = None
    """Undocumented columns that are kept where personal data are not, as a list or with commas between."""


@dataclass(frozen=True)
class Settings:
    """Checked settings: what the rest of the package works with."""

    credentials: SalesnavCredentials
    base_url: str
    contracts: tuple[str, ...]
    """URNs of the contracts to export; empty: all with reporting access."""
    start_date: date | None
    end_date: date | None
    lookback_days: int
    max_concurrent_jobs: int
    max_rejected: float
    poll_interval: float
    poll_max_interval: float
    job_timeout: float
    queue_timeout: float
    outage_timeout: float
    personal_data: PersonalData
    journal_url: str | None = None

    @staticmethod
    def check(configuration: SalesnavConfiguration) -> "Settings":
        """Returns the settings with every value checked.

        Raises:
            ConfigurationError: naming the setting, its value and what it takes.
        """
        credentials = configuration.credentials or SalesnavCredentials()
        credentials.require()
        for name, value in configuration.items():
            # what is given in Python is taken as it is
            if _takes_number(name) and not isinstance(value, (int, float)):
                raise ConfigurationError(_no_number(name, value))
        settings = Settings(
            credentials=credentials,
            base_url=_url(configuration.base_url),
            contracts=tuple(dict.fromkeys(map(_urn, _list(configuration.contracts)))),
            start_date=_day("start_date", configuration.start_date),
            end_date=_day("end_date", configuration.end_date),
            lookback_days=int(_at_least("lookback_days", configuration.lookback_days, 0)),
            max_concurrent_jobs=int(_at_least("max_concurrent_jobs", configuration.max_concurrent_jobs, 1)),
            max_rejected=_share("max_rejected", configuration.max_rejected),
            poll_interval=_positive("poll_interval", configuration.poll_interval),
            poll_max_interval=_positive("poll_max_interval", configuration.poll_max_interval),
            job_timeout=_positive("job_timeout", configuration.job_timeout),
            queue_timeout=_positive("queue_timeout", configuration.queue_timeout),
            outage_timeout=_positive("outage_timeout", configuration.outage_timeout),
            personal_data=_personal_data(configuration),
            journal_url=(configuration.journal_url or "").strip() or None,
        )
        if settings.start_date and settings.end_date and settings.start_date > settings.end_date:
            raise ConfigurationError(
                f"start_date {settings.start_date} is after end_date {settings.end_date}: no day is left to load."
            )
        return settings

    def require_days(self, today: date) -> None:
        """Makes sure that there are days to load.

        Args:
            today: the current UTC day.

        Raises:
            ConfigurationError: if there is none.
        """
        if not self.wanted(today, Coverage()):
            first, last = self.start_date or "is not set", self.end_date or "is not set"
            raise ConfigurationError(
                f"No day is wanted: start_date {first}, end_date {last}. Days up to yesterday ({today - ONE_DAY}, UTC) can be"
                " loaded: set an earlier start_date. Nothing was asked of LinkedIn."
            )

    def wanted(self, today: date, coverage: Coverage) -> Days:
        """Returns the days wanted of an export of a contract, up to yesterday at the latest.

        Without a `start_date`, days that were wanted once stay wanted, so that a long pause leaves no gap.

        Args:
            today: the current UTC day.
            coverage: what is loaded.
        """
        last = min(self.end_date or today - ONE_DAY, today - ONE_DAY)
        first = self.start_date
        if first is None:
            first = last - timedelta(days=DEFAULT_DAYS_BACK - 1)
            if coverage.loaded:
                first = min(first, coverage.loaded.windows[0].first)
        return Days((Window(first, last),)) if first <= last else Days()


def resolve_settings(explicit: dict[str, Any] | None = None) -> Settings:
    """Returns the settings from dlt's configuration, with explicit values first.

    Args:
        explicit: settings by name.

    Raises:
        ConfigurationError: if a setting is missing or wrong.
    """
    return Settings.check(_resolve(explicit))


def resolve_personal_data() -> PersonalData:
    """Returns what becomes of personal data by dlt's configuration, which takes no token.

    Raises:
        ConfigurationError: if a setting is missing or wrong.
    """
    return _personal_data(_resolve(None))


def _resolve(explicit: dict[str, Any] | None) -> SalesnavConfiguration:
    try:
        return resolve_configuration(
            SalesnavConfiguration(), sections=("sources", SECTION), explicit_value=explicit or {}
        )
    except ConfigValueCannotBeCoercedException as error:
        raise ConfigurationError(_other_type(error)) from None
    except ConfigurationException as error:
        raise ConfigurationError(f"The settings in [sources.{SECTION}] cannot be used: {error}") from None


def _other_type(error: ConfigValueCannotBeCoercedException) -> str:
    """Says what a setting takes that was given as something else; a value is shown of numbers alone, which are no secrets."""
    name = error.field_name
    if _takes_number(name):
        return _no_number(name, error.field_value)
    return f"{name} is of type {type(error.field_value).__name__}; write it as text, in quotes."


def _takes_number(name: str) -> bool:
    return isinstance(getattr(SalesnavConfiguration, name, None), (int, float))


def _no_number(name: str, value: Any) -> str:
    default = getattr(SalesnavConfiguration, name)
    number = "a whole number" if isinstance(default, int) else "a number"
    return f"{name} = {value!r} is not {number}; the default is {default:g}."


def _personal_data(configuration: SalesnavConfiguration) -> PersonalData:
    return personal_data.check(
        configuration.personal_data, configuration.pseudonym_key, _list(configuration.keep_columns)
    )


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+\S*", value or ""):
        raise ConfigurationError(f"base_url = {value!r} is not an http(s) address; LinkedIn's is {BASE_URL}.")
    return value.rstrip("/")


def _list(value: Any) -> list[Any]:
    """Returns the elements of a list, or of a text in which they stand with commas or as JSON."""
    if value is None:
        return []
    if not isinstance(value, str):
        return list(value) if isinstance(value, (list, tuple, set)) else [value]
    if value.lstrip().startswith("["):
        try:
            return list(json.loads(value))
        except ValueError:
            value = value.strip().strip("[]")
    return [one.strip().strip("\"'") for one in value.split(",") if one.strip()]


def _urn(value: str) -> str:
    if not re.fullmatch(r"urn:li:contract:[\w.:~%-]+", str(value)):
        raise ConfigurationError(
            f"contracts: {value!r} is not the URN of a contract (urn:li:contract:123456);"
            " `salesnav contracts` lists yours."
        )
    return str(value)


def _day(name: str, value: Any) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)):
            raise ValueError
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigurationError(f"{name} = {value!r} is not a day; write it as YYYY-MM-DD.") from None


def _at_least(name: str, value: float, least: float) -> float:
    if value < least:
        raise ConfigurationError(f"{name} = {value!r} must be {least:g} or more.")
    return value


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ConfigurationError(f"{name} = {value!r} must be greater than 0 (seconds).")
    return float(value)


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ConfigurationError(f"{name} = {value!r} must be from 0 to 1: the share of a file's rows.")
    return float(value)
