"""One row per event, level and channel: its removal effect in the chain of channels."""

import pyarrow as pa

from forecasting.attribution import removal_effects


def model(dbt, session):
    dbt.config(materialized="table")
    chains = {}
    for event, level, before, after, transitions in (
        dbt.ref("int_attribution_transitions")
        .project("conversion_event, level, from_channel, to_channel, transitions")
        .fetchall()
    ):
        chains.setdefault((event, level), {})[before, after] = transitions
    rows = [
        (event, level, channel, round(effect, 9))
        for (event, level), chain in sorted(chains.items())
        for channel, effect in removal_effects(chain).items()
    ]
    columns = {"conversion_event": pa.string(), "level": pa.string(), "channel": pa.string()}
    columns["removal_effect"] = pa.float64()
    return pa.table(
        {name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(columns.items())}
    )
