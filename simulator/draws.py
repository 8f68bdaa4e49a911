"""Random numbers that belong to a record and not to the order in which records were made.

What belongs here: uniform, normal and chosen values as a function of (seed, purpose, record key). A record's life is
then the same whatever is generated beside it, before it or after it, which is what keeps the past of the simulated
company fixed while its calendar grows. What does not: any knowledge of the company.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]
Objects = npt.NDArray[np.object_]
# datetime64[ms] or [D]; numpy's stubs lose that in sums with differences.
Times = npt.NDArray[Any]


def _scrambled(values: Keys) -> Keys:
    # The finaliser of SplitMix64: every input bit reaches every output bit.
    mixed = values.copy()
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def bits(seed: int, purpose: str, keys: Keys) -> Keys:
    """64 even bits per key."""
    salt = int.from_bytes(hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest(), "little")
    return _scrambled(_scrambled(keys + np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(salt))


def uniform(seed: int, purpose: str, keys: Keys) -> Floats:
    """One value per key, evenly in (0, 1), never 0 and never 1."""
    return (bits(seed, purpose, keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54


def normal(seed: int, purpose: str, keys: Keys) -> Floats:
    """One standard normal value per key (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log(uniform(seed, purpose + "/radius", keys)))
    return radius * np.cos(2.0 * np.pi * uniform(seed, purpose + "/angle", keys))


def lognormal(seed: int, purpose: str, keys: Keys, median: float | Floats, sigma: float) -> Floats:
    """One value per key with the given median; `sigma` is the deviation of its logarithm."""
    return np.asarray(median * np.exp(sigma * normal(seed, purpose, keys)), dtype=np.float64)


def chance(seed: int, purpose: str, keys: Keys, probability: float | Floats) -> Bools:
    """True with the given probability, per key."""
    return uniform(seed, purpose, keys) < probability


def pick(seed: int, purpose: str, keys: Keys, weights: Sequence[float]) -> Ints:
    """An index into `weights` per key, in proportion to them."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(
        np.searchsorted(edges / edges[-1], uniform(seed, purpose, keys), side="right"), len(edges) - 1
    ).astype(np.int64)


def below(seed: int, purpose: str, keys: Keys, limit: int | Ints) -> Ints:
    """An integer in [0, limit) per key."""
    return (uniform(seed, purpose, keys) * limit).astype(np.int64)


def one(seed: int, purpose: str, key: int) -> float:
    """A single uniform value."""
    return float(uniform(seed, purpose, np.array([key], dtype=np.uint64))[0])


def given(present: Bools, values: Objects) -> Objects:
    """The values where they are present, None elsewhere."""
    found = np.empty(len(values), dtype=object)
    found[present] = values[present]
    return found
