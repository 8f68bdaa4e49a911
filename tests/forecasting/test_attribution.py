"""The removal effect against what happens when a channel is really taken out of the chain."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.attribution import CONVERSION, NULL, START, removal_effects

PATHS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcde"), min_size=1, max_size=5), st.booleans()), min_size=1, max_size=12
)
Paths = list[tuple[list[str], bool]]


def steps_of(paths: Paths) -> Counter[tuple[str, str]]:
    steps: Counter[tuple[str, str]] = Counter()
    for channels, converted in paths:
        walk = [START, *channels, CONVERSION if converted else NULL]
        steps.update(pairwise(walk))
    return steps


def arriving(steps: Counter[tuple[str, str]], without: str | None = None) -> float:
    """Everybody set out and walked on until almost nobody is on the way; who comes to `without` is lost."""
    leaving: Counter[str] = Counter()
    for (before, _), count in steps.items():
        leaving[before] += count
    there, arrived = {START: 1.0}, 0.0
    for _ in range(20_000):
        moved: dict[str, float] = {}
        for (before, after), count in steps.items():
            share = there.get(before, 0.0) * count / leaving[before]
            if after == CONVERSION:
                arrived += share
            elif after not in (NULL, without):
                moved[after] = moved.get(after, 0.0) + share
        there = moved
        if sum(there.values()) < 1e-14:
            break
    return arrived


@given(PATHS)
@settings(max_examples=60, deadline=None)
def test_the_effect_is_what_is_lost_without_the_channel(paths: Paths) -> None:
    steps = steps_of(paths)
    effects = removal_effects(steps)
    if not any(converted for _, converted in paths):
        assert effects == {}
        return
    everybody = arriving(steps)
    assert effects.keys() == {channel for channels, _ in paths for channel in channels}
    for channel, effect in effects.items():
        assert effect == pytest.approx(1 - arriving(steps, channel) / everybody, abs=1e-9)
    # What stands in a path that converted is missed.
    assert all(effects[channel] > 1e-6 for channels, converted in paths if converted for channel in channels)


def test_by_hand() -> None:
    # Half go over a, half of these on to b; b converts two in three, a alone never.
    steps = {(START, "a"): 2, (START, "b"): 2, ("a", "b"): 1, ("a", NULL): 1, ("b", CONVERSION): 2, ("b", NULL): 1}
    # 3/4 come to b, so half convert; without a only the 1/2 that begin at b, of whom 2/3 do: 1/3.
    assert removal_effects(steps) == pytest.approx({"a": 1 / 3, "b": 1.0})


def test_the_order_of_counting_changes_nothing() -> None:
    paths: Paths = [(list("abcab"), True), (list("ba"), False), (list("cc"), True), (list("e"), False)]
    steps = steps_of(paths)
    backwards = dict(reversed(list(steps.items())))
    assert removal_effects(backwards) == removal_effects(steps)
    assert removal_effects(steps)["e"] == 0
