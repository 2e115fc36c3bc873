"""Room below the recursion limit, which programs may reach, and go on from.

A program may recurse until Python stops it, look or wait on its way, and catch the RecursionError.
What the world does for it on its stack must not be hit in its middle then: another participant that
was taken out of the schedule would never go on, and one that was woken would run beside it.
"""

from __future__ import annotations

import sys

_PASSING_CALLS = 16  # deep at most: to enter the schedule and pass the baton on
_ROOM_FRAMES = 200  # the deepest calls into the engine take some 40
# Less than that: the one that asks a condition must see that it has itself left no room for this.
LOOK_FRAMES = 100


def need_room() -> None:
    """Raise RecursionError here, if to pass the baton on would in its middle."""
    try:
        sys._getframe(sys.getrecursionlimit() // 4)
    except ValueError:  # there are few frames, as nearly always, also if C code is between them
        return
    _go_deep(_PASSING_CALLS)


def _go_deep(calls: int) -> None:
    if calls:
        _go_deep(calls - 1)


def has_room(frames: int = _ROOM_FRAMES) -> bool:
    """Whether the recursion limit is far from here."""
    try:
        sys._getframe(sys.getrecursionlimit() - frames)
    except ValueError:  # there are not that many frames
        return True
    return False
