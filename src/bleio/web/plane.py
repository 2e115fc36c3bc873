"""Where devices are drawn that nobody has placed: a hexagonal lattice around the first one.

Neighbours on it are as far apart as the usual path loss is a distance, so a picture of them is true
for those, whatever is changed. The nearest places are taken first, and one that is free again is
taken by the next device.
"""

from __future__ import annotations

import math
from collections.abc import Container
from functools import lru_cache

from bleio.radio.air.propagation import Position, Propagation

MOST_PLACES = 1_000
_LEAST_M, _MOST_M = 1.0, 200.0


def spacing_m(propagation: Propagation) -> float:
    """Return how far apart two devices are between which there is the usual path loss."""
    loss_db = propagation.path_loss_db
    if loss_db is None:
        return 10.0
    metres = 10 ** ((loss_db - propagation.reference_loss_db) / (10 * propagation.exponent))
    return min(_MOST_M, max(_LEAST_M, metres))


def place(number: int, spacing: float) -> Position:
    """Return the place of that number, counted from the middle."""
    x, y = _lattice()[number % MOST_PLACES]
    return round(x * spacing, 2), round(y * spacing, 2), 0.0


def first_free(taken: Container[int]) -> int:
    """Return the number of the nearest place that is not taken."""
    return next((each for each in range(MOST_PLACES) if each not in taken), 0)


@lru_cache(1)
def _lattice() -> tuple[tuple[float, float], ...]:
    """Places with a distance of 1, from the nearest to the middle on."""
    reach = range(-50, 51)
    high = math.sqrt(3) / 2
    places = [(column + row / 2, row * high) for row in reach for column in reach]
    # What they are drawn on is wider than it is high.
    places.sort(key=lambda at: (round(math.hypot(at[0] / 1.8, at[1]), 6), at[1], at[0]))
    return tuple(places[:MOST_PLACES])
