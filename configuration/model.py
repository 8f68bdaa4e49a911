"""`saleshouse.yml`: its shape, its defaults, and how a mistake in it is told.

What belongs here: reading and checking the one file that a company edits. What does not: secrets (the file
names environment variables, `secret` reads them when extraction starts) and what the settings lead to.

Every scalar is text until the model says otherwise, so that `NO` is a country and `0123` an id, and a value
may be written `${NAME}` or `${NAME:-default}` to come from the environment (`$${` is a plain `${`).
"""

import datetime
import difflib
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from configuration.entities import ENTITIES
from configuration.errors import AuthenticationError, ConfigurationError
from configuration.kinds import Count, Currency, FilePath, Pattern, Section, Share, VariableName, WebAddress, Zone
from configuration.sources import sections

FILE_NAME = "saleshouse.yml"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DEEPEST = 20
_DAY_MINUTES = 24 * 60
_YAML = "tag:yaml.org,2002:"
_SAFE_TAGS = {_YAML + name for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")}
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


# --- sections ----------------------------------------------------------------------------------------------


def _dates(value: Any) -> Any:
    """One declaration for all date columns is stored under '*'."""
    return {"*": value} if isinstance(value, str) else value


class Temperature(Section):
    """Which stated purchase time frames (labels of the source, any case) make a lead hot, warm or cold."""

    hot: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
    cold: tuple[str, ...] = ()


class Hours(Section):
    """Minutes since midnight, by the clock on the wall, at which a working day begins and ends."""

    opens: Annotated[int, Field(ge=0, le=_DAY_MINUTES)]
    closes: Annotated[int, Field(ge=0, le=_DAY_MINUTES)]


def _hours(value: Any) -> Any:
    """`09:00-17:00` as its two minutes of the day."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", value.replace(" ", ""))
    parts = [int(part) for part in found.groups()] if found else []
    opens, closes = (60 * parts[0] + parts[1], 60 * parts[2] + parts[3]) if parts else (0, 0)
    if not opens < closes <= _DAY_MINUTES:
        raise ValueError("is not a span of hours; write it as 09:00-17:00, at most to 24:00")
    return {"opens": opens, "closes": closes}


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_OFFICE = Hours(opens=9 * 60, closes=17 * 60)


def _some_day(value: dict[Weekday, Hours]) -> dict[Weekday, Hours]:
    if not value:
        raise ValueError("holds no day; name at least one, for example monday: 09:00-17:00")
    return value


Weekly = Annotated[
    dict[Weekday, Annotated[Hours, BeforeValidator(_hours)]],
    AfterValidator(_some_day),
]


class WorkCalendar(Section):
    """Of whom other hours or holidays hold than the company's: `teams` as a source names them, `owners` by e-mail, name
    or id, who go before their team. What is left out is as the company has it.
    """

    teams: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    timezone: Zone | None = None
    weekly: Weekly | None = None
    holiday_region: str | None = None


class BusinessHours(Section):
    """When the company answers. `weekly`: hours by weekday, a day that is left out is off. `holiday_region`: whose
    holidays (sources.files, entity holidays) are off, beside those that name no region. `response_sla_hours`: within
    how many business hours a lead is to be answered. `calendars`: of whom other hours or holidays hold."""

    weekly: Weekly = dict.fromkeys(WEEKDAYS[:5], _OFFICE)  # type: ignore[arg-type]
    holiday_region: str | None = None
    response_sla_hours: Annotated[float, Field(gt=0)] = 4.0
    calendars: tuple[WorkCalendar, ...] = ()

    @model_validator(mode="after")
    def _calendars_apart(self) -> "BusinessHours":
        seen: set[tuple[str, str]] = set()
        for number, calendar in enumerate(self.calendars):
            names = [*(("teams", one.lower()) for one in calendar.teams)]
            names += [("owners", one.lower()) for one in calendar.owners]
            if not names:
                raise _wrong(("calendars", number), "holds for nobody", "name teams or owners, or take it out")
            for level, name in names:
                if (level, name) in seen:
                    raise _wrong(("calendars", number, level), f"{name!r} has a calendar already", "name it once")
                seen.add((level, name))
        return self


class MotionRule(Section):
    """How customers are sold to: the first rule of the list whose conditions all hold. What is left out always holds.

    `segments` and `industries` are words of the accounts, in any case; `has_account`: a company, not a person alone;
    `has_contract`: something recurs on the day.
    """

    motion: Literal["b2c", "b2b", "enterprise", "saas"]
    segments: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    minimum_employees: Annotated[int, Field(ge=1)] | None = None
    has_account: bool | None = None
    has_contract: bool | None = None


class Attribution(Section):
    """To whom conversions are credited. `events`: what counts as one. `purposes`: of which pipelines deals count.

    `lookback_days`: how long before a conversion a touch may lie. `half_life_days`: after how many days a touch counts
    half in the model of time decay.
    """

    events: Annotated[tuple[Literal["lead", "opportunity", "won"], ...], Field(min_length=1)] = (
        "lead",
        "opportunity",
        "won",
    )
    purposes: Annotated[tuple[Literal["new_business", "renewal", "upsell"], ...], Field(min_length=1)] = (
        "new_business",
    )
    lookback_days: Annotated[int, Field(ge=1, le=3650)] = 365
    half_life_days: Annotated[float, Field(gt=0, le=3650)] = 7.0


class LeadScore(Section):
    """What leads are scored for: the chance of reaching `target` (a deal, or a won one) within `horizon_days` of their
    creation. `method`: logistic, or points for a card of whole points."""

    target: Literal["opportunity", "won"] = "opportunity"
    horizon_days: Annotated[int, Field(ge=7, le=730)] = 90
    method: Literal["logistic", "points"] = "logistic"


class Migration(Section):
    """Days on which a migration brought records into `source`, the first and the last one counted.

    Whatever `source` (a CRM, or the system of a file's mapping) says was created on them was brought, and what happened
    to it until their end was the migration's doing. `source_types`: only records whose first stage the source notes as
    set in one of these ways (HubSpot: IMPORT, MIGRATION, INTEGRATION, FORM, CRM_UI and others), in any case.
    """

    source: str
    first_day: datetime.date
    last_day: datetime.date
    source_types: tuple[Annotated[str, Field(pattern=r"^\S+$")], ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> "Migration":
        if self.last_day < self.first_day:
            raise _wrong(("last_day",), f"{self.last_day} is before first_day {self.first_day}", "correct one of them")
        return self


class Company(Section):
    name: str
    reporting_timezone: Zone
    reporting_currency: Currency
    locale: str = "en_GB"
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] = 1
    first_weekday: Weekday = "monday"
    close_day: Literal["crm_close_date", "stage_event"] = "crm_close_date"
    # Which of a deal's amounts every figure counts: the CRM's own, or a part that it tells beside it.
    headline_amount: Literal["amount", "tcv", "acv", "arr"] = "amount"
    temperature: Temperature = Temperature()
    business_hours: BusinessHours = BusinessHours()
    # After how many days without activity an open deal is idle.
    idle_days: Annotated[int, Field(gt=0)] = 21
    # The share of a starter's target that counts in the month of the start, in the next one, and so on; then all of it.
    quota_ramp: tuple[Annotated[Decimal, Field(ge=0, le=1, decimal_places=6)], ...] = ()
    # What is left of a booking after what it costs to deliver, as a share; payback is told only where it is given.
    gross_margin: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)] | None = None
    # Hours after the last addition until a cart that nobody bought is abandoned; it is recovered within seven days.
    cart_abandoned_after_hours: Annotated[float, Field(gt=0, le=168)] = 24.0
    motions: tuple[MotionRule, ...] = (
        MotionRule(motion="enterprise", segments=("enterprise",)),
        MotionRule(motion="saas", has_contract=True),
        MotionRule(motion="b2c", has_account=False),
        MotionRule(motion="b2b"),
    )
    attribution: Attribution = Attribution()
    lead_score: LeadScore = LeadScore()
    migrations: tuple[Migration, ...] = ()
    # Users of a CRM that are other software, by e-mail, name or id in any case; figures by rep have them as unassigned.
    integration_owners: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    # No figure of customer feedback is shown that rests on fewer answers.
    feedback_minimum_answers: Annotated[int, Field(ge=1)] = 10
    # So many working days after the end of a period its bookings are what forecasts are scored against.
    actuals_frozen_after_days: Annotated[int, Field(ge=1, le=60)] = 5
    # Where a deal opens in its CRM, by source: hubspot: https://app.hubspot.com/contacts/<portal>/record/0-3/{id}
    deal_links: dict[str, WebAddress] = Field(default_factory=dict)

    @property
    def first_weekday_number(self) -> int:
        """1 is Monday, 7 is Sunday."""
        return WEEKDAYS.index(self.first_weekday) + 1

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        from babel import localedata

        if not re.fullmatch(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?", value) or not localedata.exists(value):
            raise ValueError("is not a locale; write it as en_GB or cs_CZ")
        return value

    @model_validator(mode="after")
    def _migrations_apart(self) -> "Company":
        for number, later in enumerate(self.migrations):
            for earlier in self.migrations[:number]:
                if earlier.source == later.source and (
                    earlier.first_day <= later.last_day and later.first_day <= earlier.last_day
                ):
                    days = f"{earlier.first_day} to {earlier.last_day}"
                    what = f"overlaps the migration of {later.source} from {days}"
                    raise _wrong(("migrations", number, "first_day"), what, "make them one, or correct the days")
        return self


class Mappings(Section):
    """The CSV files by which a company translates its own words."""

    stages: FilePath
    channels: FilePath
    pipelines: FilePath
    loss_reasons: FilePath | None = None
    creator_kinds: FilePath | None = None

    def files(self) -> dict[str, FilePath]:
        """Name -> file of those that the company has."""
        return {name: path for name in type(self).model_fields if (path := getattr(self, name)) is not None}


class FlaggedRecords(Section):
    """Contacts, leads and accounts to flag as tests: e-mail domains and whole names, any case."""

    email_domains: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Rule(Section):
    """One test on a column of the file, in any case; a flag is true when one of its rules holds."""

    column: str
    equals: str | None = None
    contains: str | None = None

    @model_validator(mode="after")
    def _one_test(self) -> "Rule":
        if (self.equals is None) == (self.contains is None):
            raise ValueError("needs exactly one of equals and contains")
        return self


class FileMapping(Section):
    """How the files under one path become rows of one canonical entity. See ingestion/files/README.md."""

    name: str
    entity: str
    system: str
    path: Pattern
    format: Literal["csv", "xlsx", "jsonl", "parquet"] | None = None
    sheet: str | None = None
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    currency_sign: str | None = None
    in_percent: tuple[str, ...] = ()
    dates: Annotated[dict[str, str], BeforeValidator(_dates)] = Field(default_factory=dict)
    timezone: Zone | None = None
    currency: Currency | None = None
    columns: dict[str, str]
    constants: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str | None]] = Field(default_factory=dict)
    null_values: tuple[str, ...] = ()
    flags: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)

    @field_validator("name", "system")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", value):
            raise ValueError("takes small letters, digits and underscores, starting with a letter")
        return value

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, value: str) -> str:
        if value not in ENTITIES:
            raise ValueError(f"is not an entity{_did_you_mean(value, ENTITIES)}; choose one of {', '.join(ENTITIES)}")
        return value

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, value: str) -> str:
        value = {"\\t": "\t", "tab": "\t"}.get(value, value)
        if len(value) != 1 or value in "\r\n":
            raise ValueError("takes one character (tab for a tabulator)")
        return value

    @field_validator("currency_sign")
    @classmethod
    def _a_sign(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[^\d\s.,'+\-%]{1,5}", value):
            raise ValueError("takes what stands beside amounts, such as $ or EUR: up to five letters or signs")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError as exc:
            raise ValueError("is not an encoding; write utf-8, utf-16, cp1252 or latin-1") from exc
        return value

    @field_validator("dates")
    @classmethod
    def _known_orders(cls, value: dict[str, str]) -> dict[str, str]:
        for declared in value.values():
            if not _is_date_declaration(declared):
                raise ValueError(
                    f"{declared!r} is no date format; write an order such as d/m/Y or m/d/Y with the file's signs, "
                    "a format such as '%d %b %Y', epoch_s or epoch_ms"
                )
        return value

    @model_validator(mode="after")
    def _fits_its_entity(self) -> "FileMapping":
        columns = ENTITIES[self.entity]
        for section in ("columns", "constants", "values", "flags", "dates"):
            for name in getattr(self, section):
                if name in columns or (section, name) == ("dates", "*"):
                    continue
                fix = f"it has {', '.join(columns)}"
                raise _wrong((section, name), f"{self.entity} has no such column{_did_you_mean(name, columns)}", fix)
        for name in self.dates:
            if name != "*" and columns[name].kind not in ("date", "timestamp"):
                raise _wrong(("dates", name), "holds no dates", "take it out")
        for name in self.in_percent:
            if name not in columns:
                fix = f"it has {', '.join(columns)}"
                raise _wrong(("in_percent",), f"{self.entity} has no {name}{_did_you_mean(name, columns)}", fix)
            if columns[name].kind != "share":
                raise _wrong(("in_percent",), f"{name} is no share of one", "take it out")
        for name in self.flags:
            if columns[name].kind != "boolean":
                raise _wrong(("flags", name), "is not a true/false column", "take it out")
        for name in self.constants:
            if name in self.columns:
                raise _wrong(("constants", name), "stands in columns as well", "keep one of them")
        for name, column in columns.items():
            given = name in self.columns or name in self.constants
            given = given or (column.kind == "currency" and self.currency is not None)
            if column.required and not given:
                raise _wrong(("columns",), f"{self.entity} needs {name}", "add it here or to constants")
        if self.decimal == self.thousands:
            raise _wrong(("thousands",), "is the same sign as decimal", "correct one of them")
        return self


def _is_date_declaration(text: str) -> bool:
    if text in ("epoch_s", "epoch_ms"):
        return True
    if "%" not in text:
        return sorted(re.sub("[^A-Za-z]", "", text)) in (sorted("dmY"), sorted("dmy"))
    try:
        moment = datetime.datetime(2001, 2, 3)
        return datetime.datetime.strptime(moment.strftime(text), text).date() == moment.date()
    except ValueError:
        return False


def _wrong(at: tuple[str | int, ...], what: str, fix: str) -> PydanticCustomError:
    """An error at a key below the section that is being checked."""
    return PydanticCustomError("below", "{message}", {"message": f"{what}; {fix}", "at": at})


class _Sources(Section):
    files: tuple[FileMapping, ...] = ()

    @property
    def enabled(self) -> frozenset[str]:
        """Names of the sources that are switched on; files are when any is listed."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return frozenset(name for name, section in sections.items() if getattr(section, "enabled", bool(section)))

    @field_validator("files")
    @classmethod
    def _names_differ(cls, value: tuple[FileMapping, ...]) -> tuple[FileMapping, ...]:
        names = [mapping.name for mapping in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two mappings are called {name!r}; give each its own name")
        return value


if TYPE_CHECKING:

    class Sources(_Sources):
        def __getattr__(self, source: str) -> Any: ...

else:
    Sources = create_model(
        "Sources",
        __base__=_Sources,
        __doc__="Everything that is read; each is off until it is switched on or, for files, listed.",
        **{name: (section, section()) for name, section in sections().items()},
    )


def _a_source(value: str) -> str:
    if value not in Sources.model_fields:
        raise ValueError(f"is not a source{_did_you_mean(value, Sources.model_fields)}; name one of sources")
    return value


SourceName = Annotated[str, AfterValidator(_a_source)]


class Gate(Section):
    """What stops a release: shares are 0 to 1, freshness is hours since the newest record by source."""

    unmapped_share_block: Share = 0.05
    row_drop_block: Share = 0.3
    freshness_hours: dict[Annotated[str, AfterValidator(_a_source)], Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict
    )


class Publish(Section):
    """How many releases are kept."""

    keep_daily: Count = 7
    keep_weekly: Count = 4
    keep_monthly: Count = 12


class Alerts(Section):
    """`webhook_env` names the variable that holds the address to post failures to."""

    webhook_env: VariableName | None = None


class Settings(Section):
    """The whole file. `file` is where it was read."""

    company: Company
    start_date: datetime.date
    mappings: Mappings
    test_records: FlaggedRecords = FlaggedRecords()
    sources: Sources = Sources()
    gate: Gate = Gate()
    publish: Publish = Publish()
    alerts: Alerts = Alerts()
    file: Annotated[Path, Field(exclude=True)]

    @property
    def folder(self) -> Path:
        """Where relative paths of the file start."""
        return self.file.parent

    @model_validator(mode="after")
    def _migrations_of_sources(self) -> "Settings":
        known = {name for name in type(self.sources).model_fields if name != "files"}
        known |= {mapping.system for mapping in self.sources.files}
        for number, migration in enumerate(self.company.migrations):
            if migration.source not in known:
                what = f"{migration.source!r} is not a source{_did_you_mean(migration.source, known)}"
                fix = "name one of sources, or the system of a file"
                raise _wrong(("company", "migrations", number, "source"), what, fix)
        return self

    @model_validator(mode="after")
    def _headline_of_files(self) -> "Settings":
        chosen = self.company.headline_amount
        for number, mapping in enumerate(self.sources.files):
            if mapping.entity == "deals" and chosen != "amount" and chosen not in mapping.columns | mapping.constants:
                what = f"has no {chosen}, which company.headline_amount names: none of its deals would have an amount"
                fix = f"map the file's {chosen}, or name another headline_amount"
                raise _wrong(("sources", "files", number, "columns"), what, fix)
        return self


# --- reading -----------------------------------------------------------------------------------------------


def load(path: Path | str | None = None) -> Settings:
    """Reads and checks the file at `path`, else at $SALESHOUSE_CONFIG, else ./saleshouse.yml.

    Raises ConfigurationError: one line with file, line, key, what is wrong and the fix.
    """
    file = Path(path or os.environ.get("SALESHOUSE_CONFIG") or FILE_NAME).absolute()
    document, lines = _read(file)
    if "file" in document:
        raise _mistake(file, lines, ("file",), "unknown key", "remove it")
    try:
        return Settings.model_validate(document | {"file": file}, context={"folder": file.parent})
    except ValidationError as exc:
        raise _explain(file, lines, exc) from exc


def secret(name: str, *, where: str) -> str:
    """The value of the environment variable `name`, asked for when extraction starts and never kept.

    Raises AuthenticationError if it is unset or empty.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        raise AuthenticationError(
            f"the environment variable {name} is not set",
            where=where,
            effect="nothing was read from this source",
            fix=f"set {name} and run saleshouse doctor",
        )
    return value


Location = tuple[str | int, ...]


def _mistake(file: Path, lines: dict[Location, int], at: Location, what: str, fix: str) -> ConfigurationError:
    known = at
    while known and known not in lines:
        known = known[:-1]
    line = f":{lines[known]}" if known in lines else ""
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".")
    where = f"{file.name}{line} {key}".strip()
    return ConfigurationError(what, where=where, effect="nothing was run", fix=fix)


def _read(file: Path) -> tuple[dict[str, Any], dict[Location, int]]:
    """The document as text, lists and dictionaries, and the line of each key."""
    if not file.is_file():
        raise ConfigurationError(
            "there is no such file",
            where=str(file),
            effect="nothing was run",
            fix=f"go to the folder of your {FILE_NAME}, or name it in SALESHOUSE_CONFIG",
        )
    lines: dict[Location, int] = {}
    try:
        text = file.read_text(encoding="utf-8-sig")
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            lines[()] = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                raise _mistake(file, lines, (), "aliases (*name) are not used here", "write the value out")
            if depth > _DEEPEST:
                raise _mistake(file, lines, (), "nested too deeply", "check the indentation")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as exc:
        raise _mistake(file, {}, (), "is not UTF-8 text", "save it as UTF-8") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        at: dict[Location, int] = {(): mark.line + 1} if mark else {}
        raise _mistake(file, at, (), f"not valid YAML: {exc.problem}", "check indentation, colons and quotes") from exc
    except yaml.YAMLError as exc:
        raise _mistake(file, {}, (), f"not valid YAML: {exc}", "remove the special characters") from exc
    if not isinstance(node, yaml.MappingNode):
        raise _mistake(file, {(): 1}, (), "holds no settings", "start from the example in the repository")
    lines.clear()
    document: dict[str, Any] = _value(file, node, (), lines)
    return document, lines


def _value(file: Path, node: yaml.Node, at: Location, lines: dict[Location, int]) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if node.tag not in _SAFE_TAGS:
        tag = node.tag.replace(_YAML, "!!")
        raise _mistake(file, lines, at, f"the tag {tag} is refused", "write a plain value")
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                raise _mistake(file, lines, at, "a key is not plain text", "write key: value")
            key = key_node.value
            lines[(*at, key)] = key_node.start_mark.line + 1
            if key in result:
                raise _mistake(file, lines, (*at, key), "the key stands twice", "keep one of them")
            result[key] = _value(file, value_node, (*at, key), lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_value(file, item, (*at, number), lines) for number, item in enumerate(node.value)]
    if node.tag == _YAML + "null":
        return None
    return _expanded(file, node.value, at, lines)


def _expanded(file: Path, text: str, at: Location, lines: dict[Location, int]) -> str:
    def replace(match: re.Match[str]) -> str:
        name, default = match.groups()
        if name is None:
            return "${"
        value = os.environ.get(name) or default
        if value is None:
            fix = f"set it or write ${{{name}:-default}}"
            raise _mistake(file, lines, at, f"the environment variable {name} is not set", fix)
        return value

    return _VARIABLE.sub(replace, text)


def _explain(file: Path, lines: dict[Location, int], exc: ValidationError) -> ConfigurationError:
    # A misspelt key is missing too: what is told is the word to correct.
    errors = sorted(exc.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    error = errors[0]
    at: Location = tuple(part for part in error["loc"] if part != "[key]")
    name = str(at[-1]) if at else file.name
    what, _, fix = error["msg"].removeprefix("Value error, ").partition("; ")
    if error["type"] == "below":
        at += tuple(error["ctx"]["at"])
    elif error["type"] in ("model_type", "dict_type"):
        what, fix = "is not a list of keys", "write key: value lines below it"
    elif error["type"] == "extra_forbidden":
        known = _keys_at(Settings, at[:-1])
        what = f"unknown key {name!r}{_did_you_mean(name, known)}"
        fix = f"use one of {', '.join(known)}" if known else "remove it"
    elif error["type"] == "missing":
        what, fix = f"the key {name!r} is missing", "add it"
    elif error["type"] != "value_error":
        given = error["input"]
        shown = f", not {given!r}" if isinstance(given, str) and len(given) < 60 else ""
        what = what[0].lower() + what[1:] + shown
    elif isinstance(error["input"], str) and not name.endswith("_env"):
        what = f"{error['input']!r} {what}"
    if len(errors) > 1:
        what += f" (and {len(errors) - 1} more)"
    return _mistake(file, lines, at, what, fix or "correct the value")


def _keys_at(model: type[BaseModel], at: Location) -> list[str]:
    """The keys that the section at `at` knows; empty where any key is allowed."""
    for part in at:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = [field.annotation, *get_args(field.annotation)] if field else []
        inner += [deeper for one in inner for deeper in get_args(one)]
        models = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
        if not models:
            return []
        model = models[0]
    return [name for name in model.model_fields if name != "file"]


def _did_you_mean(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""
