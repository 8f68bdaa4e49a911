"""`python -m bench.attribution`: what handing out credit for a million paths costs, by every model.

What belongs here: paths drawn by hash, and the product's own models run over them in memory. What does not: a whole
build (run.py).
"""

import argparse
import json
import time

import duckdb
import jinja2

from configuration.paths import REPOSITORY
from forecasting.attribution import removal_effects

_MODELS = REPOSITORY / "dbt" / "models"
# Half have one touch, as most people do; the rest up to eight by ten channels. One in four converts.
_PATHS = """
create table paths_made as
select
    i, (hash(i, 'converted') % 4 = 0) as is_converted,
    case when hash(i, 'one') % 2 = 0 then 1 else 2 + hash(i, 'touches') % 7 end::bigint as touches
from range({paths}) as numbers (i);
create table int_attribution_paths as
select
    'd' || i as path_key, 't' || i || '.' || place as touch_key, 'won' as conversion_event, 'contact' as level,
    'channel ' || hash(i, place, 'channel') % 10 as channel, place, touches, is_converted,
    timestamp '2026-01-01' + to_hours((place * (hash(i, 'hours') % 200))::bigint) as touched_at,
    date '2026-01-01' as touch_date
from (select *, unnest(range(1, touches + 1)) as place from paths_made);
create table int_attribution_conversions as
select 'd' || i as conversion_key, 'won' as conversion_event, (hash(i, 'amount') % 100000 / 7)::decimal(18, 2)
    as amount_reporting, date '2026-06-01' as conversion_date
from paths_made where is_converted;
create table attribution_rules as select '7' as half_life_days;
"""


def _sql(path: str) -> str:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])  # noqa: S701 - SQL, no page
    text = (_MODELS / path).read_text()
    return environment.from_string(text).render(ref=lambda name: name, source=lambda _, name: name)


def run(paths: int) -> dict[str, float]:
    """Seconds of each step, and the rows that came of it."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute(_PATHS.format(paths=paths))
    began = time.monotonic()
    steps = connection.execute(
        f"select from_channel, to_channel, transitions from "
        f"({_sql('intermediate/marketing/int_attribution_transitions.sql')})"
    ).fetchall()
    counted = time.monotonic()
    effects = removal_effects({(before, after): count for before, after, count in steps})
    solved = time.monotonic()
    connection.execute("create table int_attribution_removals (conversion_event text, level text, channel text, "
                       "removal_effect double)")  # fmt: skip
    connection.executemany("insert into int_attribution_removals values ('won', 'contact', ?, ?)", effects.items())
    began_credit = time.monotonic()
    connection.execute(f"create table fct_attribution as {_sql('marts/marketing/fct_attribution.sql')}")
    ended = time.monotonic()
    (rows,) = connection.execute("select count(*) from fct_attribution").fetchone() or (0,)
    return {
        "paths": paths,
        "seconds_transitions": round(counted - began, 2),
        "seconds_markov": round(solved - counted, 4),
        "seconds_credit": round(ended - began_credit, 2),
        "rows": rows,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.attribution", description=__doc__)
    parser.add_argument("--paths", type=int, default=1_000_000)
    print(json.dumps(run(parser.parse_args().paths)))
