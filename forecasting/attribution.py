"""How much reaching a conversion depends on each channel, from how often one channel followed another.

What belongs here: the chain of channels, solved. What does not: paths and credits, which are counted and split in SQL
(dbt/models/intermediate/marketing/, fct_attribution).

The chain is of order 1 (E. Anderl et al., "Mapping the customer journey", 2016): from `START` over channels to
`CONVERSION` or `NULL`. The removal effect of a channel is the share of conversions that would be lost if everybody who
comes to it were lost there.
"""

from collections.abc import Mapping

import numpy as np

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"


def removal_effects(transitions: Mapping[tuple[str, str], int]) -> dict[str, float]:
    """Removal effect by channel, each in [0, 1], from counts by (from, to). They do not sum to 1.

    Solved exactly, with one matrix for all channels: without a channel those conversions are lost whose way leads over
    it, which are (chance of ever coming to it) x (chance of converting from it). Repeats of a channel after itself
    change nothing. Empty where nothing converts; every state must have a way to an end.
    """
    counted = {pair: count for pair, count in transitions.items() if count > 0 and pair[0] != pair[1]}
    names = sorted({name for pair in counted for name in pair} - {START, CONVERSION, NULL})
    place = {name: number for number, name in enumerate([START, *names])}
    counts = np.zeros((len(place), len(place)))
    converted, left = np.zeros(len(place)), np.zeros(len(place))
    for (before, after), count in sorted(counted.items()):
        left[place[before]] += count
        if after == CONVERSION:
            converted[place[before]] = count
        elif after != NULL:
            counts[place[before], place[after]] = count
    if not converted.any():
        return {}
    # A state that nobody leaves is no channel of this chain: it would have no row.
    steps = counts / left[:, None]
    visits = np.linalg.inv(np.eye(len(place)) - steps)
    chance = visits @ (converted / left)
    ever = visits[0] / np.diag(visits)
    return {name: float(ever[place[name]] * chance[place[name]] / chance[0]) for name in names}
