"""saleshouse.yml: what it accepts, and the one line in which each mistake is told."""

from pathlib import Path

import pytest

from configuration.errors import AuthenticationError, ConfigurationError
from configuration.model import load, secret
from configuration.paths import REPOSITORY

SOUND = """\
company: {name: Aldergate, reporting_timezone: Europe/Prague, reporting_currency: EUR}
start_date: 2023-07-01
mappings: {stages: maps/stages.csv, channels: maps/channels.csv, pipelines: maps/pipelines.csv}
"""
FILE = """\
sources:
  files:
    - name: leads
      entity: leads
      system: crm
      path: exports/*.csv
      columns:
        lead_id: Lead No
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "saleshouse.yml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(written(folder, text))
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.fix
    return line


def test_defaults_leave_every_source_off(tmp_path: Path) -> None:
    settings = load(written(tmp_path, SOUND))
    sources = settings.sources
    assert [sources.hubspot.enabled, sources.google_ads.enabled, sources.ga4.enabled] == [False] * 3
    assert sources.files == ()
    assert settings.company.locale == "en_GB"
    assert settings.company.first_weekday_number == 1
    assert settings.gate.unmapped_share_block == 0.05
    assert (settings.publish.keep_daily, settings.publish.keep_weekly, settings.publish.keep_monthly) == (7, 4, 12)


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, SOUND + FILE)
    monkeypatch.chdir("/")
    settings = load(path)
    assert settings.mappings.stages == tmp_path / "maps/stages.csv"
    assert settings.sources.files[0].path == str(tmp_path / "exports/*.csv")
    assert settings.folder == tmp_path


def test_the_place_of_the_file_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALESHOUSE_CONFIG", str(written(tmp_path, SOUND)))
    assert load().company.name == "Aldergate"


def test_values_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZONE_OF_TEST", "UTC")
    monkeypatch.delenv("NAME_OF_TEST", raising=False)
    text = SOUND.replace("Europe/Prague", '"${ZONE_OF_TEST:-Europe/Prague}"').replace(
        "Aldergate", '"${NAME_OF_TEST:-Alder} $${x}"'
    )
    settings = load(written(tmp_path, text))
    assert settings.company.reporting_timezone == "UTC"
    assert settings.company.name == "Alder ${x}"
    line = mistake(tmp_path, SOUND.replace("Aldergate", '"${NAME_OF_TEST}"'))
    assert "saleshouse.yml:1 company.name: the environment variable NAME_OF_TEST is not set" in line


def test_scalars_are_text_until_the_model_says_otherwise(tmp_path: Path) -> None:
    text = (
        SOUND.replace("Aldergate", "0123") + FILE + "      values: {is_converted: {1: true, No: false, Select: null}}\n"
    )
    settings = load(written(tmp_path, text))
    assert settings.company.name == "0123"
    assert settings.sources.files[0].values == {"is_converted": {"1": "true", "No": "false", "Select": None}}


def test_a_headline_that_a_file_of_deals_does_not_have_is_one_line(tmp_path: Path) -> None:
    text = SOUND.replace("reporting_currency: EUR", "reporting_currency: EUR, headline_amount: arr") + FILE.replace(
        "entity: leads", "entity: deals"
    ).replace("lead_id", "deal_id")
    line = mistake(tmp_path, text)
    assert "saleshouse.yml:10 sources.files[1].columns: has no arr, which company.headline_amount names" in line
    settings = load(written(tmp_path, text + "        arr: Recurring\n"))
    assert settings.company.headline_amount == "arr"
    line = mistake(tmp_path, text.replace("headline_amount: arr", "headline_amount: mrr"))
    assert "company.headline_amount: input should be 'amount', 'tcv', 'acv' or 'arr', not 'mrr'" in line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gat: {}\n", "saleshouse.yml:4 gat: unknown key 'gat', did you mean 'gate'?"),
        ("gate:\n  row_drop: 1\n", "saleshouse.yml:5 gate.row_drop: unknown key 'row_drop'"),
        ("gate: {unmapped_share_block: 3}\n", "less than or equal to 1, not '3'"),
        ("gate: {freshness_hours: {hubspott: 3}}\n", "saleshouse.yml:4 gate.freshness_hours.hubspott"),
        ("publish:\n  keep_daily: many\n", "saleshouse.yml:5 publish.keep_daily"),
        ("start_date: 2024-01-01\n", "saleshouse.yml:4 start_date: the key stands twice"),
        ("sources:\n  ga4:\n    enabled: true\n", "saleshouse.yml:5 sources.ga4: is enabled without path"),
        ("sources: {google_ads: {enabled: true}}\n", "is enabled without customer_ids"),
        ("company\n", "not valid YAML"),
        ("gate: &a {}\npublish: *a\n", "saleshouse.yml:5: aliases (*name) are not used here"),
        ("gate: " + "[" * 40 + "]" * 40 + "\n", "nested too deeply"),
        ("file: x\n", "saleshouse.yml:4 file: unknown key"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    assert says in mistake(tmp_path, SOUND + text)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Europe/Prague", "Europe/Prag", "'Europe/Prag' is not a time zone"),
        ("currency: EUR", "currency: euro", "'euro' is not a currency"),
        ("2023-07-01", "2023-02-30", "saleshouse.yml:2 start_date"),
        ("start_date: 2023-07-01\n", "startdate: 2023-07-01\n", "unknown key 'startdate', did you mean 'start_date'?"),
        ("reporting_currency: EUR", "reporting_currency: EUR, locale: xx_YY", "'xx_YY' is not a locale"),
        ("start_date: 2023-07-01\n", "", "the key 'start_date' is missing"),
        (SOUND, "", "holds no settings"),
        (SOUND, "- a\n", "holds no settings"),
        (SOUND, "company: x\n", "saleshouse.yml:1 company: is not a list of keys"),
    ],
)
def test_a_wrong_value_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert says in mistake(tmp_path, SOUND.replace(old, new))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("        emial: E-mail\n", "saleshouse.yml:12 sources.files[1].columns.emial: leads has no such column, did"),
        ("      constants: {lead_id: 1}\n", "saleshouse.yml:12 sources.files[1].constants.lead_id: stands in columns"),
        ("      dates: x/y\n", "'x/y' is no date format"),
        ("      dates: '%Q'\n", "'%Q' is no date format"),
        ("      dates: {email: d/m/Y}\n", "sources.files[1].dates.email: holds no dates"),
        ("      flags: {email: [{column: A, equals: x}]}\n", "flags.email: is not a true/false column"),
        ("      flags: {is_test: [{column: A}]}\n", "needs exactly one of equals and contains"),
        ("      encoding: utf-88\n", "'utf-88' is not an encoding"),
        ("      delimiter: ;;\n", "takes one character"),
        ("      decimal: ','\n      thousands: ','\n", "thousands: is the same sign as decimal"),
        ("      currency_sign: '%'\n", "currency_sign: '%' takes what stands beside amounts"),
        ("      in_percent: [email]\n", "in_percent: email is no share of one"),
        ("      in_percent: [emial]\n", "in_percent: leads has no emial, did you mean"),
        (FILE.removeprefix("sources:\n  files:\n"), "two mappings are called 'leads'"),
    ],
)
def test_a_wrong_file_mapping_is_told(tmp_path: Path, text: str, says: str) -> None:
    assert says in mistake(tmp_path, SOUND + FILE + text)


def test_a_needed_column_must_be_mapped(tmp_path: Path) -> None:
    line = mistake(tmp_path, SOUND + FILE.replace("lead_id", "email"))
    assert "saleshouse.yml:10 sources.files[1].columns: leads needs lead_id" in line
    assert "did you mean 'leads'?" in mistake(tmp_path, SOUND + FILE.replace("entity: leads", "entity: lead"))


def test_a_missing_file_is_told_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load(tmp_path / "saleshouse.yml")


@pytest.mark.fault(72)
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!!set", "!own"])
def test_tags_that_make_objects_are_refused(tmp_path: Path, tag: str) -> None:
    line = mistake(tmp_path, SOUND + f"gate: {tag} [id]\n")
    assert f"saleshouse.yml:4 gate: the tag {tag} is refused" in line


def test_a_secret_in_the_place_of_its_name_is_refused_and_not_repeated(tmp_path: Path) -> None:
    line = mistake(tmp_path, SOUND + "sources:\n  hubspot:\n    token_env: pat-eu1-0123-abcd\n")
    assert "saleshouse.yml:6 sources.hubspot.token_env: takes the name of an environment variable" in line
    assert "pat-eu1" not in line


def test_a_secret_is_read_from_the_environment_or_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", " abc ")
    assert secret("TOKEN_OF_TEST", where="hubspot") == "abc"
    monkeypatch.delenv("TOKEN_OF_TEST")
    with pytest.raises(AuthenticationError, match="TOKEN_OF_TEST is not set"):
        secret("TOKEN_OF_TEST", where="hubspot")


def test_the_companys_own_file_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SALESHOUSE_HOME", "HUBSPOT_BASE_URL", "GOOGLE_ADS_BASE_URL", "GOOGLE_ADS_TOKEN_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = load(REPOSITORY / "saleshouse.yml")
    assert settings.sources.hubspot.base_url == "http://127.0.0.1:8765/hubspot"
    assert {mapping.entity for mapping in settings.sources.files} == {
        "targets",
        "rates",
        "budgets",
        "holidays",
        "addressable_accounts",
        "contracts",
        "deal_splits",
        "feedback",
        "forecast_submissions",
    }


def test_a_motion_or_a_condition_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    for rule, named in (("{motion: b2x}", "motions[1].motion"), ("{motion: b2b, colour: red}", "motions[1]")):
        text = SOUND.replace("company: {", f"company: {{motions: [{rule}], ", 1)
        assert named in mistake(tmp_path, text)


@pytest.mark.parametrize("hours", ["9-17", "17:00-09:00", "09:00-24:30", "09:00-09:00"])
def test_hours_that_are_no_span_are_refused(tmp_path: Path, hours: str) -> None:
    text = SOUND.replace("company: {", f"company: {{business_hours: {{weekly: {{monday: '{hours}'}}}}, ", 1)
    assert "business_hours.weekly.monday" in mistake(tmp_path, text)


def test_a_calendar_is_somebodys_and_nobody_has_two(tmp_path: Path) -> None:
    def calendars(*listed: str) -> str:
        return SOUND.replace("company: {", f"company: {{business_hours: {{calendars: [{', '.join(listed)}]}}, ", 1)

    berlin = "{teams: [Berlin], owners: ['7'], holiday_region: DE}"
    hours = load(written(tmp_path, calendars(berlin, "{teams: ['7'], timezone: UTC}"))).company.business_hours
    assert [(one.teams, one.weekly) for one in hours.calendars] == [(("Berlin",), None), (("7",), None)]
    wrong = mistake(tmp_path, calendars(berlin, "{teams: [berlin]}"))
    assert "company.business_hours.calendars[2].teams: 'berlin' has a calendar already" in wrong
    wrong = mistake(tmp_path, calendars(berlin, "{holiday_region: DE}"))
    assert "company.business_hours.calendars[2]: holds for nobody" in wrong
    wrong = mistake(tmp_path, calendars("{teams: [Berlin], timezone: Berlin}"))
    assert "company.business_hours.calendars[1].timezone" in wrong
    assert "calendars[1].weekly" in mistake(tmp_path, calendars("{teams: [Berlin], weekly: {}}"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gross_margin", "72"),
        ("gross_margin", "0"),
        ("quota_ramp", "[0.5, 1.5]"),
        ("cart_abandoned_after_hours", "200"),
    ],
)
def test_shares_and_hours_out_of_their_bounds_are_refused(tmp_path: Path, key: str, value: str) -> None:
    assert key in mistake(tmp_path, SOUND.replace("company: {", f"company: {{{key}: {value}, ", 1))


def migrations(*listed: str, file: str = FILE) -> str:
    return SOUND.replace("EUR}", f"EUR, migrations: [{', '.join(listed)}]}}") + file


def test_a_migration_names_a_source_and_days_in_order(tmp_path: Path) -> None:
    one = "{source: crm, first_day: 2026-03-01, last_day: 2026-03-02, source_types: [IMPORT]}"
    next_day = "{source: crm, first_day: 2026-03-03, last_day: 2026-03-03}"
    elsewhere = "{source: hubspot, first_day: 2026-03-01, last_day: 2026-03-01}"
    settings = load(written(tmp_path, migrations(one, next_day, elsewhere)))
    assert [(found.source, str(found.last_day)) for found in settings.company.migrations] == [
        ("crm", "2026-03-02"),
        ("crm", "2026-03-03"),
        ("hubspot", "2026-03-01"),
    ]
    wrong = mistake(tmp_path, migrations("{source: crm, first_day: 2026-03-02, last_day: 2026-03-01}"))
    assert "company.migrations[1].last_day: 2026-03-01 is before first_day 2026-03-02" in wrong
    wrong = mistake(tmp_path, migrations(one, elsewhere, "{source: crm, first_day: 2026-03-02, last_day: 2026-04-01}"))
    assert "company.migrations[3].first_day: overlaps the migration of crm from 2026-03-01 to 2026-03-02" in wrong
    wrong = mistake(tmp_path, migrations(one.replace("crm", "hubspt"), file=""))
    assert "company.migrations[1].source: 'hubspt' is not a source, did you mean 'hubspot'?" in wrong
    wrong = mistake(tmp_path, migrations(one.replace("2026-03-02", "March")))
    assert "company.migrations[1].last_day" in wrong
    wrong = mistake(tmp_path, migrations(one.replace("[IMPORT]", "['A B']")))
    assert "company.migrations[1].source_types" in wrong
