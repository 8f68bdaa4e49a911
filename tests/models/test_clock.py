"""No model asks what time it is or draws at random: a rerun for any day gives the same tables."""

import re

import pytest

from configuration.paths import REPOSITORY

DBT = REPOSITORY / "dbt"
# Functions and literals of DuckDB that give another value with each run, and what dbt knows of the run itself.
CLOCK = re.compile(
    r"""\b(?: now | today | get_current_time(?:stamp)? | transaction_timestamp | statement_timestamp | clock_timestamp
        | getdate | sysdate | unixepoch | random | rand | setseed | uuid | uuidv4 | uuidv7 | gen_random_uuid
        | nextval | txid_current )\s*\(
    | \b(?: current_date | current_time | current_timestamp | current_localtime | current_localtimestamp | localtime
        | localtimestamp | run_started_at | invocation_id | tablesample )\b
    | \busing\s+sample\b
    | \bmodules\.(?: datetime | pytz | time )\b
    | \b(?: date | time | timestamp | timestamptz )\s*'(?: now | today | yesterday | tomorrow | epoch_now )'
    | '(?: now | today | yesterday | tomorrow )'\s*(?: :: | as\s+(?: date | time ) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
COMMENTS = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)


def told(text: str) -> list[str]:
    """What of the text asks the clock or chance, comments left out."""
    return [found.group(0) for found in CLOCK.finditer(COMMENTS.sub(" ", text))]


@pytest.mark.parametrize("folder", ["models", "macros", "tests"])
def test_nothing_that_is_built_reads_the_clock(folder: str) -> None:
    files = sorted((DBT / folder).rglob("*.sql"))
    assert len(files) > 5
    asked = {str(path.relative_to(DBT)): told(path.read_text()) for path in files}
    assert {path: words for path, words in asked.items() if words} == {}


# Python models and what they call: seconds that a forecast took are measured and stand in no table.
PYTHON_CLOCK = re.compile(
    r"""\b(?: now | today | utcnow | monotonic | getpid | urandom | uuid[1-7]? | gmtime | localtime )\s*\(
    | \btime\.(?: time | time_ns )\b | \bdefault_rng\(\s*\) | \bnp\.random\.(?! default_rng\b | Generator\b )
    | \bimport\s+(?: random | secrets | uuid )\b | \bfrom\s+(?: random | secrets | uuid )\s+import\b | \benviron\b
    """,
    re.VERBOSE,
)


def test_no_python_model_reads_the_clock_or_draws_without_a_seed() -> None:
    files = sorted([*(DBT / "models").rglob("*.py"), *(REPOSITORY / "forecasting").rglob("*.py")])
    assert len(files) > 10
    told_by = {path.name: PYTHON_CLOCK.findall(re.sub(r"#[^\n]*", " ", path.read_text())) for path in files}
    assert {name: words for name, words in told_by.items() if words} == {}


@pytest.mark.parametrize(
    "python", ["date.today()", "datetime.now(UTC)", "time.time()", "np.random.default_rng()", "np.random.normal(0, 1)"]
)
def test_the_check_finds_it_in_python(python: str) -> None:
    assert PYTHON_CLOCK.search(python)
    assert not PYTHON_CLOCK.search("np.random.default_rng(seed); time.perf_counter(); np.random.Generator")


@pytest.mark.parametrize(
    "sql",
    [
        "select now()",
        "where day < current_date",
        "select CURRENT_TIMESTAMP as at",
        "select today ()",
        "order by random()",
        "select uuid() as id",
        "{{ run_started_at }}",
        "{{ modules.datetime.date.today() }}",
        "select date 'today'",
        "select cast('now' as timestamp)",
        "from deals using sample 10%",
    ],
)
def test_the_check_finds_it(sql: str) -> None:
    assert told(sql)


@pytest.mark.parametrize(
    "sql", ["-- not now()", "{# current_date #} select 1", "select is_current, known_at, 'now' as period_label"]
)
def test_the_check_leaves_the_rest_alone(sql: str) -> None:
    assert told(sql) == []
