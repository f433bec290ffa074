"""Defaults and the configuration of the source."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, Optional

from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import ConfigurationException, ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.typing import TSecretStrValue

from salesnav_source.days.windows import ONE_DAY, Coverage, Days, Window
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.settings import misspelt
from salesnav_source.settings import privacy as personal_data
from salesnav_source.settings.addresses import check_address
from salesnav_source.settings.privacy import KEEP, PersonalData
from salesnav_source.settings.redaction import remember_value
from salesnav_source.settings.urns import is_contract_urn, urn_of_number

SECTION = "salesnav"
"""Name of the source and of its configuration section, `sources.salesnav`."""

BASE_URL = "https://api.linkedin.com/v2"
AUTHORIZATION_URL = "https://www.linkedin.com/oauth/v2/authorization"
TOKEN_URL = "https://www.linkedin.com/oauth/v2/accessToken"
REDIRECT_URL = "http://localhost:8723/callback"
"""Where the browser comes back to after signing in; below the ports that systems give to outgoing connections."""
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

TIntervalEnd = Literal["last_millisecond", "next_midnight", "last_second"]
INTERVAL_ENDS: Mapping[TIntervalEnd, int] = {"last_millisecond": 0, "next_midnight": 1, "last_second": -999}
"""Forms of `endAt`, in the order in which `auto` tries them. The number says how many milliseconds after the window's last
millisecond the interval ends. LinkedIn documents none of them, so which one it accepts is a guess."""
AUTO: Literal["auto"] = "auto"

HOW_TO_GET_GOING = (
    "Set the client_id and client_secret of your LinkedIn application in that file, and run `salesnav login`, which writes a\n"
    "token there; or set a token that you have:\n\n"
    "    [sources.salesnav.credentials]\n"
    '    access_token = "..."\n\n'
    "or in the environment as SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN. The README says where a token comes from.\n"
    "To try without an account, add --sandbox to the command: it loads invented data from a stand-in for LinkedIn's API"
    " on this machine."
)


_PROJECT_DIR = "DLT_PROJECT_DIR="


def settings_folder() -> Path:
    """Returns the folder in which dlt looks for configuration and secrets."""
    import dlt

    return Path(dlt.current.run_context().settings_dir).absolute()


def read_files_again() -> None:
    """Lets dlt read its files again, after one was changed."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    Container()[PluggableRunContext].reload_providers()


def where_secrets_are() -> str:
    """Says where secrets were looked for, and where there are some, if the command was called from another folder."""
    path = settings_folder() / "secrets.toml"
    said = f"They were looked for in {path}, which {'holds none.' if path.is_file() else 'does not exist.'}"
    return f"{said} {secrets_elsewhere()}".rstrip()


def secrets_elsewhere() -> str:
    """Says where secrets are, if the command was called from another folder; nothing if they are nowhere near."""
    folder = settings_folder()
    script = Path(sys.argv[0]).absolute()
    for place in dict.fromkeys((*folder.parent.parents, script.parent, script.parent.parent)):
        if (place / ".dlt" / "secrets.toml").is_file() and place / ".dlt" != folder:
            return f"There is one in {place / '.dlt'}: run the command in {place}, or set DLT_PROJECT_DIR={place}."
    return ""


def _other_places(folder: Path) -> list[Path]:
    """Returns folders that may be the project's: above the current one, above the script, and above its environment."""
    script = Path(sys.argv[0]).absolute()
    environment = Path(sys.prefix).absolute()
    places = (*folder.parent.parents, *list(script.parents)[:3], environment.parent)
    return [place for place in dict.fromkeys(places) if place / ".dlt" != folder]


def misspelt_settings() -> list[str]:
    """Returns a sentence for each setting of this source that nothing reads, with what may be meant."""
    names = misspelt.Names(SECTION, frozenset(dict(SalesnavConfiguration())), frozenset(dict(SalesnavCredentials())))
    folder = settings_folder()
    unread = misspelt.unread_folder(folder, _other_places(folder), SECTION)
    return [*misspelt.misspelt_settings(names), *([unread] if unread else [])]


_PLACEHOLDER = re.compile(
    r"[.…*?_-]+|[xX]{3,}|<[^<>]*>|(?i:(your|my|the)[ _-].{0,30}|change[ _-]?me|token|paste.{0,30})"
)
"""What examples have in the place of a secret."""

_BEARER = re.compile(r"^(authorization:\s*)?bearer\s+", re.IGNORECASE)


def _fault_of(secret: Any) -> str | None:
    """Returns what is wrong with a secret or an id, None if it may be one."""
    if not isinstance(secret, str):
        return f"is of type {type(secret).__name__}; write it as text, in quotes."
    if _PLACEHOLDER.fullmatch(secret):
        return "is still a placeholder. Put your own value there."
    if not (secret.isascii() and secret.isprintable()):
        return "has characters that no token has. Paste it again."
    return None


TCheck = Callable[[str, Any], Any]
"""Checks one setting: gets its name and the value given, and returns the value to use. Raises ConfigurationError."""


@configspec
class SalesnavCredentials(CredentialsConfiguration):
    """An access token for LinkedIn's API, or what is needed to renew one."""

    access_token: Optional[TSecretStrValue] = None
    """Bearer token of a member with a reporting or administrator role on the contracts; lives 60 days."""
    client_id: Optional[str] = None
    """Id of the LinkedIn application, to sign in and to renew tokens."""
    client_secret: Optional[TSecretStrValue] = None
    """Secret of the LinkedIn application."""
    refresh_token: Optional[TSecretStrValue] = None
    """Refresh token; LinkedIn gives one to some partners only."""
    authorization_url: str = AUTHORIZATION_URL
    """Where the browser asks the member for consent."""
    token_url: str = TOKEN_URL
    """Where tokens are given and renewed."""
    redirect_url: str = REDIRECT_URL
    """Where the browser comes back to; registered with the application, letter by letter."""

    __config_gen_annotations__: ClassVar[list[str]] = ["access_token"]

    def parse_native_representation(self, native_value: Any) -> None:
        """Reads a plain string as the access token, or a JSON object as all credentials.

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
        # a name may be a secret that was put in the wrong place
        if not set(given) <= set(self.keys()):
            raise ConfigurationError(f"credentials hold a name that is none of {', '.join(self.keys())}. Correct it.")
        for name, value in given.items():
            setattr(self, name, value)

    @property
    def renewable(self) -> bool:
        """True if the access token can be renewed."""
        return bool(self.client_id and self.client_secret and self.refresh_token)

    def tidy(self) -> None:
        """Removes what was pasted along with a secret: blanks, and `Bearer` before a token.

        Raises:
            ConfigurationError: if secrets hold what none has. It names all of them.
        """
        faults = []
        for name in ("access_token", "client_id", "client_secret", "refresh_token"):
            value = getattr(self, name)
            if isinstance(value, str):
                value = value.strip()
                value = _BEARER.sub("", value) if name == "access_token" else value
            fault = None if value is None else _fault_of(value)
            if fault:
                faults.append(f"credentials.{name} {fault}")
            else:
                setattr(self, name, value or None)
        if faults:
            raise ConfigurationError(" ".join(faults))

    def require_addresses(self) -> None:
        """Makes sure that secrets are sent only over TLS, or to this machine.

        Raises:
            ConfigurationError: if an address is another one.
        """
        for name in ("token_url", "authorization_url"):
            check_address(f"credentials.{name}", getattr(self, name))

    def require(self) -> None:
        """Makes sure that there is a token or a way to one.

        Raises:
            ConfigurationError: if there is neither.
        """
        self.tidy()
        if self.access_token or self.renewable:
            return
        given = [name for name in ("client_id", "client_secret", "refresh_token") if getattr(self, name)]
        if given == ["client_id", "client_secret"]:
            raise ConfigurationError(
                "client_id and client_secret are set, and no token: run `salesnav login`, which gets one, or set refresh_token."
            )
        if given:
            missing = sorted({"client_id", "client_secret", "refresh_token"} - set(given))
            raise ConfigurationError(
                f"To renew access tokens, [sources.salesnav.credentials] must have client_id, client_secret and refresh_token."
                f" Missing: {', '.join(missing)}."
            )
        raise ConfigurationError(f"No credentials for LinkedIn were found. {where_secrets_are()}\n{HOW_TO_GET_GOING}")


@configspec
class SalesnavConfiguration(BaseConfiguration):
    """The settings of the source, from `[sources.salesnav]` or the environment."""

    credentials: Optional[SalesnavCredentials] = None
    base_url: str = BASE_URL
    """Root of LinkedIn's API."""
    contracts: Optional[Any] = None
    """URNs of the contracts to export, as a list or separated by commas; all with reporting access if not set."""
    start_date: Optional[str] = None
    """First day wanted, ISO, UTC; 90 days back if not set."""
    end_date: Optional[str] = None
    """Last day wanted, ISO, UTC; yesterday if not set."""
    lookback_days: int = LOOKBACK_DAYS
    """Days read again once a day, for late rows."""
    max_concurrent_jobs: int = MAX_CONCURRENT_JOBS
    """Most export jobs at LinkedIn at a time, over all contracts and exports; at most two for each contract and export."""
    max_rejected: float = MAX_REJECTED
    """Share of a file's rows that may be rejected; above it the window fails and replaces nothing."""
    poll_interval: float = POLL_INTERVAL
    """Seconds before the first poll of a job."""
    poll_max_interval: float = POLL_MAX_INTERVAL
    """Seconds at most between two polls of a job."""
    job_timeout: float = JOB_TIMEOUT
    """Seconds that LinkedIn may work on a job, counted from when its turn has come."""
    queue_timeout: float = QUEUE_TIMEOUT
    """Seconds that a job may wait in LinkedIn's queue while no job of ours is ahead of it."""
    outage_timeout: float = OUTAGE_TIMEOUT
    """Seconds without an answer from LinkedIn, or from the journal's bucket, after which the run gives up."""
    journal_url: Optional[str] = None
    """Folder or bucket (an fsspec URL) for the journal of jobs in flight; only this machine has it if not set."""
    interval_end: str = AUTO
    """Form of the end of an interval: auto, last_millisecond, next_midnight or last_second."""
    api_version: Optional[str] = None
    """Value of the header LinkedIn-Version, YYYYMM; none is sent if not set."""
    personal_data: str = KEEP
    """What becomes of names, e-mail addresses and member keys: keep, pseudonymize or drop."""
    pseudonym_key: Optional[TSecretStrValue] = None
    """Key of the pseudonyms, at least 16 characters."""
    keep_columns: Optional[Any] = None
    """Undocumented columns to load even if personal data are not kept, as a list or separated by commas."""


@dataclass(frozen=True)
class Settings:
    """The checked settings that the rest of the package uses."""

    credentials: SalesnavCredentials
    base_url: str
    contracts: tuple[str, ...]
    """URNs or names of the contracts to export; empty: all with reporting access."""
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
    interval_end: TIntervalEnd | Literal["auto"] = AUTO
    api_version: str | None = None

    @staticmethod
    def check(configuration: SalesnavConfiguration, needs_token: bool = True) -> "Settings":
        """Returns the settings with every value checked.

        Args:
            configuration: the settings as given.
            needs_token: false if LinkedIn is not asked, so that credentials may be missing.

        Raises:
            ConfigurationError: naming each wrong setting, its value and what is allowed.
        """
        checked, wrong = dict[str, Any](), list[str]()
        for name, check in CHECKS.items():
            try:
                checked[name] = check(name, getattr(configuration, name))
            except ConfigurationError as error:
                wrong.append(str(error))
        try:
            checked["personal_data"] = _personal_data(configuration)
        except ConfigurationError as error:
            wrong.append(str(error))
        first, last = checked.get("start_date"), checked.get("end_date")
        if first and last and first > last:
            wrong.append(f"start_date {first} is after end_date {last}: no day is left to load.")
        credentials = configuration.credentials or SalesnavCredentials()
        for require in (credentials.require_addresses, *([credentials.require] if needs_token else [])):
            try:
                require()
            except ConfigurationError as error:
                wrong.append(str(error))
        if wrong:
            raise ConfigurationError("\n".join(wrong))
        return Settings(credentials=credentials, **checked)

    def require_days(self, today: date) -> None:
        """Makes sure that there are days to load.

        Args:
            today: the current UTC day.

        Raises:
            ConfigurationError: if there are none.
        """
        if not self.wanted(today, Coverage()):
            first, last = self.start_date or "is not set", self.end_date or "is not set"
            raise ConfigurationError(
                f"No day is wanted: start_date {first}, end_date {last}. Days up to yesterday ({today - ONE_DAY}, UTC) can be"
                " loaded: set an earlier start_date. Nothing was asked of LinkedIn."
            )

    def wanted(self, today: date, coverage: Coverage) -> Days:
        """Returns the days wanted of a contract's export, up to yesterday at the latest.

        Without a `start_date`, the first loaded day stays the first wanted day. So a long pause leaves no gap.

        Args:
            today: the current UTC day.
            coverage: the days that are loaded.
        """
        last = min(self.end_date or today - ONE_DAY, today - ONE_DAY)
        first = self.start_date
        if first is None:
            first = last - timedelta(days=DEFAULT_DAYS_BACK - 1)
            if coverage.loaded:
                first = min(first, coverage.loaded.windows[0].first)
        return Days((Window(first, last),)) if first <= last else Days()


def resolve_settings(explicit: dict[str, Any] | None = None, needs_token: bool = True) -> Settings:
    """Returns the settings from dlt's configuration.

    Args:
        explicit: settings by name; they override the configuration.
        needs_token: false if LinkedIn is not asked, so that credentials may be missing.

    Raises:
        ConfigurationError: if a setting is missing or wrong. The message also names settings that nothing reads.
    """
    try:
        return Settings.check(_resolve(explicit), needs_token)
    except TomlProviderReadException as error:
        raise ConfigurationError(of_unreadable_file(error)) from None
    except ConfigurationError as error:
        said = str(error)
        # the other folder is named once
        notes = [note for note in misspelt_settings() if not (_PROJECT_DIR in note and _PROJECT_DIR in said)]
        raise ConfigurationError("\n".join([*notes, said])) from None


def _resolve(explicit: dict[str, Any] | None) -> SalesnavConfiguration:
    try:
        return resolve_configuration(
            SalesnavConfiguration(), sections=("sources", SECTION), explicit_value=explicit or {}
        )
    except ConfigValueCannotBeCoercedException as error:
        raise ConfigurationError(_other_type(error)) from None
    except TomlProviderReadException:
        raise
    except ConfigurationException as error:
        raise ConfigurationError(f"The settings in [sources.{SECTION}] cannot be used: {error}") from None


def of_unreadable_file(error: TomlProviderReadException) -> str:
    """Says which file is no TOML, where, and what to do."""
    *_, why = str(error).strip().splitlines()
    there = [str(Path(path).absolute()) for path in error.full_paths if Path(path).is_file()]
    return f"{' or '.join(there) or error.file_name} cannot be read as TOML: {why}. Correct that line; texts stand in quotes."


def _other_type(error: ConfigValueCannotBeCoercedException) -> str:
    """Returns what a setting of the wrong type should be. Only the value of a number is shown: others may be secrets."""
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


def _list(value: Any) -> list[Any]:
    """Returns the elements of a list, or of a text that is JSON or separated by commas."""
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


def _contract(value: Any) -> str:
    """Returns the URN of a contract that is given by URN or number, or its name."""
    text = str(value).strip()
    if (urn := urn_of_number(text)) is not None:
        return urn
    if not text or (text.lower().startswith("urn:") and not is_contract_urn(text)):
        raise ConfigurationError(
            f"contracts: {value!r} is not the URN of a contract (urn:li:contract:123456);"
            " `salesnav contracts` lists yours."
        )
    return text


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


def _count(least: int) -> TCheck:
    def check(name: str, value: Any) -> int:
        if _number(name, value) < least:
            raise ConfigurationError(f"{name} = {value!r} must be {least:g} or more.")
        return int(value)

    return check


def _seconds(name: str, value: Any) -> float:
    if not _number(name, value) > 0:
        raise ConfigurationError(f"{name} = {value!r} must be greater than 0 (seconds).")
    return float(value)


def _share(name: str, value: Any) -> float:
    if not 0 <= _number(name, value) <= 1:
        raise ConfigurationError(f"{name} = {value!r} must be from 0 to 1: the share of a file's rows.")
    return float(value)


def _number(name: str, value: Any) -> float:
    # values given in Python are not converted
    if not isinstance(value, (int, float)):
        raise ConfigurationError(_no_number(name, value))
    return value


def _text(name: str, value: Any) -> str | None:
    return str(value or "").strip() or None


def _journal_url(name: str, value: Any) -> str | None:
    remember_value(name, value)
    return _text(name, value)


def _interval_end(name: str, value: Any) -> str:
    if value not in (AUTO, *INTERVAL_ENDS):
        raise ConfigurationError(f"{name} = {value!r} is none of {', '.join((AUTO, *INTERVAL_ENDS))}.")
    return str(value)


def _version(name: str, value: Any) -> str | None:
    text = _text(name, value)
    if text is not None and not re.fullmatch(r"[0-9]{6}(\.[0-9]{2})?", text):
        raise ConfigurationError(f"{name} = {value!r} is not a version of LinkedIn's API; write it as YYYYMM.")
    return text


def _contracts(name: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_contract, _list(value))))


CHECKS: Mapping[str, TCheck] = {
    "base_url": check_address,
    "contracts": _contracts,
    "start_date": _day,
    "end_date": _day,
    "lookback_days": _count(0),
    "max_concurrent_jobs": _count(1),
    "max_rejected": _share,
    "poll_interval": _seconds,
    "poll_max_interval": _seconds,
    "job_timeout": _seconds,
    "queue_timeout": _seconds,
    "outage_timeout": _seconds,
    "journal_url": _journal_url,
    "interval_end": _interval_end,
    "api_version": _version,
}
"""The check of each setting. Those for personal data are checked together; the credentials check themselves."""
