"""Credit as SQL hands it out, against plain Python on paths drawn at random, and Shapley against every coalition.

The models run alone, over a few rows in memory: a build would take seconds for each draw.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations
from math import factorial
from typing import Any

import duckdb
import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from configuration.paths import REPOSITORY
from forecasting.attribution import removal_effects

MODELS = REPOSITORY / "dbt" / "models"
START = datetime(2026, 1, 1)
CHANNELS = ("email", "direct", "display", "webinar")
# Conversions as (amount in cents, [(channel, hours since the start)]).
Conversions = Sequence[tuple[int | None, Sequence[tuple[str, int]]]]
CONVERSIONS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-10_000_000, 10_000_000)),
        st.lists(st.tuples(st.sampled_from(CHANNELS), st.integers(0, 2000)), max_size=8),
    ),
    min_size=1,
    max_size=8,
)


def sql_of(path: str) -> str:
    """A model as plain SQL: what it reads are tables of their bare names."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    text = (MODELS / path).read_text()
    return environment.from_string(text).render(ref=lambda name: name, source=lambda _, name: name)


TRANSITIONS, CREDITS = (
    sql_of("intermediate/marketing/int_attribution_transitions.sql"),
    sql_of("marts/marketing/fct_attribution.sql"),
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def handed_out(
    connection: duckdb.DuckDBPyConnection, conversions: Conversions, *, threads: int = 2, backwards: bool = False
) -> list[dict[str, Any]]:
    """Rows of fct_attribution on the contact's level, in the order of the path."""
    connection.execute(f"set threads = {threads}")
    connection.execute(
        "create or replace table int_attribution_conversions (conversion_key text, conversion_event text, "
        "amount_reporting decimal(18, 2), conversion_date date);"
        "create or replace table int_attribution_paths (path_key text, touch_key text, conversion_event text, "
        "level text, channel text, place bigint, touches bigint, is_converted boolean, touched_at timestamp, "
        "touch_date date);"
        "create or replace table attribution_rules as select '7.0' as half_life_days"
    )
    told, paths = [], []
    for number, (cents, touches) in enumerate(conversions):
        amount = None if cents is None else f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
        told.append((f"d{number}", "won", amount, "2026-06-01"))
        for place, (channel, hours) in enumerate(sorted(touches, key=lambda touch: touch[1]), start=1):
            paths.append(
                (f"d{number}", f"t{number}.{place}", "won", "contact", channel, place, len(touches), True,
                 START + timedelta(hours=hours), START.date())
            )  # fmt: skip
    if backwards:
        told.reverse()
        paths.reverse()
    connection.executemany("insert into int_attribution_conversions values (?, ?, ?, ?)", told)
    if paths:
        connection.executemany("insert into int_attribution_paths values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", paths)
    steps = connection.execute(f"select from_channel, to_channel, transitions from ({TRANSITIONS})").fetchall()
    effects = removal_effects({(before, after): count for before, after, count in steps})
    connection.execute(
        "create or replace table int_attribution_removals "
        "(conversion_event text, level text, channel text, removal_effect double)"
    )
    for channel, effect in effects.items():
        connection.execute("insert into int_attribution_removals values ('won', 'contact', ?, ?)", [channel, effect])
    query = f"select * from ({CREDITS}) where level = 'contact' order by model, conversion_key, touch_key"
    return connection.execute(query).to_arrow_table().to_pylist()


def shares(model: str, path: Sequence[tuple[str, int]]) -> list[Fraction]:
    """What each touch of a path in order of time gets, exactly."""
    size = len(path)
    alone = {"first": 0, "last": size - 1}
    if model == "last_non_direct":
        others = [place for place, (channel, _) in enumerate(path) if channel != "direct"]
        alone[model] = others[-1] if others else size - 1
    if model in alone:
        return [Fraction(int(place == alone[model])) for place in range(size)]
    if model == "linear":
        return [Fraction(1, size)] * size
    if model == "position":
        if size < 3:
            return [Fraction(1, size)] * size
        return [Fraction(2, 5), *[Fraction(1, 5) / (size - 2)] * (size - 2), Fraction(2, 5)]
    weights = [Fraction(0.5 ** ((path[-1][1] - hours) / 24 / 7)) for _, hours in path]
    return [weight / sum(weights) for weight in weights]


@given(CONVERSIONS)
@example([(None, [("email", hours) for hours in (1, 1, 1, 1, 16, 16, 1552)])])
@settings(max_examples=25, deadline=None)
def test_every_model_hands_out_what_plain_python_does(
    connection: duckdb.DuckDBPyConnection, conversions: Conversions
) -> None:
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in handed_out(connection, conversions):
        found[row["model"], row["conversion_key"]][row["touch_key"]] = row
    assert len(found) == 8 * len(conversions)
    for (model, key), rows in found.items():
        cents, touches = conversions[int(key[1:])]
        path = sorted(touches, key=lambda touch: touch[1])
        assert sum(row["credit"] for row in rows.values()) == 1
        amounts = [row["credited_amount_reporting"] for row in rows.values()]
        assert (sum(amounts) * 100 if cents is not None else set(amounts)) == (cents if cents is not None else {None})
        if not path:
            assert [row["channel"] for row in rows.values()] == ["unattributed"]
        elif model not in ("markov", "shapley"):
            for place, share in enumerate(shares(model, path), start=1):
                row = rows.get(f"t{key[1:]}.{place}")
                assert (row is not None) == (share > 0)
                # Less than one part off, as two roundings are; weights of decay are rounded themselves.
                assert row is None or abs(Fraction(row["credit"]) - share) < Fraction(2, 10**9)
                if row is not None and cents is not None:
                    assert abs(Fraction(row["credited_amount_reporting"] * 100) - cents * share) < Fraction(11, 10)


@given(CONVERSIONS)
@settings(max_examples=15, deadline=None)
def test_shapley_is_the_mean_over_every_coalition(
    connection: duckdb.DuckDBPyConnection, conversions: Conversions
) -> None:
    """A coalition of channels is worth the conversions that need no other."""
    needed = [frozenset(channel for channel, _ in touches) for _, touches in conversions if touches]

    def worth(coalition: frozenset[str]) -> int:
        return sum(one <= coalition for one in needed)

    expected = dict.fromkeys(CHANNELS, Fraction(0))
    for channel in CHANNELS:
        rest = [other for other in CHANNELS if other != channel]
        for size in range(len(rest) + 1):
            weight = Fraction(factorial(size) * factorial(len(rest) - size), factorial(len(CHANNELS)))
            for others in map(frozenset, combinations(rest, size)):
                expected[channel] += weight * (worth(others | {channel}) - worth(others))
    found = dict.fromkeys((*CHANNELS, "unattributed"), Fraction(0))
    for row in handed_out(connection, conversions):
        if row["model"] == "shapley":
            found[row["channel"]] += Fraction(row["credit"])
    for channel in CHANNELS:
        assert abs(found[channel] - expected[channel]) < Fraction(100, 10**9)


def test_neither_threads_nor_the_order_of_rows_change_a_row(connection: duckdb.DuckDBPyConnection) -> None:
    conversions: Conversions = [
        (1000 + 7 * number, [(CHANNELS[(number * turn) % 4], number % 5 * turn) for turn in range(number % 8)])
        for number in range(100)
    ]
    rows = handed_out(connection, conversions, threads=1)
    assert len(rows) > 1000
    assert handed_out(connection, conversions, threads=4, backwards=True) == rows


def test_a_path_longer_than_any_weight_is_made_for(connection: duckdb.DuckDBPyConnection) -> None:
    path = [(CHANNELS[turn % 3 % 2], 1000 * turn) for turn in range(400)]
    rows = handed_out(connection, [(10_000_000_000_000, path)])
    for model in ("linear", "position", "time_decay", "markov", "shapley"):
        own = [row for row in rows if row["model"] == model]
        assert sum(row["credit"] for row in own) == 1
        assert sum(row["credited_amount_reporting"] for row in own) == 100_000_000_000
