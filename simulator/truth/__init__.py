"""What the marts must say about the simulated company at one moment, computed from its own event log.

What belongs here: each definition of a mart, once more and by other means: plain Python and pandas over the log, no
SQL, nothing of the product. What does not: how vendors show the log, and the comparison with a release (verify.py).

Two moments matter. `as_of_end` is the instant at which the day `as_of` ends where the company reports: fields that keep
a history are read just before it, records made later do not exist, and who leaves later is still there. `now` is when
the vendors were asked: fields without a history (names of accounts), merges, deletions, restorations and restated ad
figures are what could be known then. A deletion that was undone before `now` leaves no trace but
with who had read it.

Readings of the definitions that are not spelled out elsewhere:
- Entering an exit (lost, disqualified, recycled) is a step forward, however far; leaving one is a step backward. A
  skip is a step forward by more than one canonical stage; a change of pipeline is a transfer whatever the stages.
- A stage counts as entered at the first visit to it or to a later stage, so a deal that begins late has skipped.
- At the instant of a change the new value holds: a date that moves in the instant of the close does not move while
  open. A date that was cleared and set again has moved from where it was before.
- A deal that was lost once and is not now has no reason of loss.
"""

from __future__ import annotations

from simulator.truth import (
    ads,
    attention,
    attribution,
    bottlenecks,
    carts,
    changes,
    coverage,
    creation,
    customers,
    deals,
    funnel,
    health,
    outcomes,
    people,
    pipeline,
    plans,
    products,
    responses,
    restatements,
    routing,
    scores,
    slips,
    sources,
    splits,
    submissions,
    team,
    touches,
    velocity,
    web,
)
from simulator.truth.log import Moment, absent

COMPARISONS = [
    *people.COMPARISONS, *deals.COMPARISONS, *funnel.COMPARISONS, *web.COMPARISONS, *ads.COMPARISONS,
    *plans.COMPARISONS, *team.COMPARISONS, *velocity.COMPARISONS, *pipeline.COMPARISONS,
    *outcomes.COMPARISONS, *responses.COMPARISONS, *slips.COMPARISONS, *changes.COMPARISONS,
    *coverage.COMPARISONS, *health.COMPARISONS, *carts.COMPARISONS, *touches.COMPARISONS,
    *sources.COMPARISONS, *routing.COMPARISONS, *restatements.COMPARISONS,
    *products.COMPARISONS, *customers.COMPARISONS, *splits.COMPARISONS, *attribution.COMPARISONS,
    *creation.COMPARISONS, *scores.COMPARISONS, *submissions.COMPARISONS,
    *attention.COMPARISONS,
    *bottlenecks.COMPARISONS,
]  # fmt: skip


class World(
    velocity.Velocity,
    bottlenecks.Bottlenecks,
    attribution.Attribution,
    attention.Attention,
    scores.Scores,
    touches.Touches,
    sources.Sources,
    restatements.ClosedFigures,
    ads.Ads,
    team.RepStages,
    slips.Slips,
    changes.Changes,
    submissions.Submissions,
    health.Health,
    products.Products,
    routing.Routing,
    customers.Customers,
    creation.Creation,
):
    """Every area together."""


__all__ = ["COMPARISONS", "Moment", "World", "absent"]
