"""One row per quarter and set of facts known at capture: the chance, by the model made at the quarter's beginning."""

import pyarrow as pa

from forecasting.lead_scores import TooLittle, train

REASON = pa.struct([("fact", pa.string()), ("effect", pa.float64()), ("leads", pa.int64()), ("reached", pa.int64())])
SCHEMA = pa.schema(
    [
        ("scored_by", pa.date32()),
        ("known_at_capture", pa.list_(pa.string())),
        ("model_version", pa.string()),
        ("grade", pa.string()),
        ("not_scored_reason", pa.string()),
        ("probability", pa.float64()),
        ("reasons", pa.list_(REASON)),
    ]
)


def model(dbt, session):
    dbt.config(materialized="table")
    facts = dbt.ref("int_lead_score_facts").filter("not_scored_reason is null")
    rules = dbt.source("run", "lead_score_rules").project("target, horizon_days, method").fetchone()
    cells = facts.aggregate(
        "scored_by, known_at_capture, learned_from, count(*) filter (where is_horizon_over) as leads, "
        "count(*) filter (where is_horizon_over and is_reached) as reached"
    ).fetchall()
    rows = []
    for quarter in sorted({cell[0] for cell in cells}):
        known = {}
        for _, levels, learned_from, leads, reached in cells:
            if learned_from <= quarter and leads:
                before = known.get(tuple(levels), (0, 0))
                known[tuple(levels)] = (before[0] + leads, before[1] + reached)
        asked = sorted({tuple(cell[1]) for cell in cells if cell[0] == quarter})
        try:
            made = train(known, rules[2], f"{rules[0]}-{rules[1]}d-{quarter}-")
        except TooLittle as little:
            rows += [(quarter, list(levels), None, None, little.reason, None, []) for levels in asked]
            continue
        for levels in asked:
            score = made.score(levels)
            reasons = [vars(reason) for reason in score.reasons]
            rows.append((quarter, list(levels), made.version, score.grade, None, score.probability, reasons))
    return pa.table([pa.array([row[place] for row in rows], field.type) for place, field in enumerate(SCHEMA)], SCHEMA)
