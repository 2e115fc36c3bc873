"""Where devices are, and how they move."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bleio.radio.air.propagation import Position, Propagation

STEP_S = 0.1  # a moving device is somewhere else so often

Waypoint = tuple[float, Sequence[float]]
Point = tuple[float, Position]


def make_propagation(
    propagation: Propagation | None,
    path_loss_db: float | None,
    distance_m: float | None,
    loss: float | None,
) -> Propagation:
    """Combine what a world was asked for.

    Raises: ValueError if it contradicts itself.
    """
    if propagation is not None and (path_loss_db, distance_m, loss) != (None, None, None):
        raise ValueError("propagation says path loss, distance and loss already")
    if path_loss_db is not None and distance_m is not None:
        raise ValueError("path_loss_db and distance_m exclude each other")
    if distance_m is not None and not 0 <= distance_m < math.inf:
        raise ValueError("distance_m must be a number of metres")
    made = propagation or Propagation()
    if path_loss_db is not None:
        made = replace(made, path_loss_db=path_loss_db)
    if distance_m is not None:
        made = replace(made, path_loss_db=None, noise=True)
    return made if loss is None else replace(made, loss=loss)


def check_distances_matter(propagation: Propagation) -> None:
    """Raise ValueError if path loss is the same everywhere."""
    if propagation.path_loss_db is not None:
        raise ValueError(
            "Positions matter in a world with distance_m only, or with a propagation that"
            " has path_loss_db=None"
        )


def as_position(position: Sequence[float]) -> Position:
    """Return x, y and z of two or three numbers. Raises: ValueError."""
    try:
        x, y, *z = map(float, position)
    except (TypeError, ValueError):
        x, y, z = math.nan, math.nan, []
    if len(z) > 1 or not all(map(math.isfinite, (x, y, *z))):
        raise ValueError(f"A position is two or three numbers of metres, not {position!r}")
    return x, y, z[0] if z else 0.0


def as_path(path: Iterable[Waypoint], now_us: int) -> list[Point]:
    """Check a path: times that grow from now on, and where to be then. Raises: ValueError."""
    points = [(float(at_s), as_position(position)) for at_s, position in path]
    if not all(math.isfinite(at_s) for at_s, _ in points):
        raise ValueError("A time of a path is a number of seconds since the world began")
    if not points:
        raise ValueError("A path has at least one point")
    if any(later[0] <= earlier[0] for earlier, later in itertools.pairwise(points)):
        raise ValueError("The times of a path must grow")
    if round(points[0][0] * 1e6) < now_us:
        raise ValueError(
            f"The path begins in the past: at {points[0][0]:g} s, and it is {now_us / 1e6:.6f} s"
        )
    return points


def first_place(position: Sequence[float], points: Sequence[Point] | None, now_us: int) -> Position:
    """Return where somebody is who is placed and moves along a path. Raises: ValueError."""
    place = as_position(position)
    return points[0][1] if points and points[0][0] <= now_us / 1e6 else place


def position_at(time_s: float, start: Point, path: Sequence[Point]) -> Position:
    """Say where somebody is who moves straight and evenly from point to point."""
    before = start
    for point in path:
        if time_s < point[0]:
            part = (time_s - before[0]) / (point[0] - before[0])
            x, y, z = (a + (b - a) * part for a, b in zip(before[1], point[1], strict=True))
            return x, y, z
        before = point
    return before[1]
