"""`rainbowio`: colours by a number."""

from __future__ import annotations

_THIRD, _STEP, _FULL = 85, 3, 255


def colorwheel(n: float) -> int:
    """Return a colour of a wheel of 256 as 0xRRGGBB: from red by green and blue to red again."""
    part, place = divmod(n % 256, _THIRD)
    more = int(place * _STEP)
    less = _FULL - more
    red, green, blue = ((less, more, 0), (0, less, more), (more, 0, less))[min(int(part), 2)]
    if part > 2:  # 255 is the last of the third part
        red, green, blue = _FULL, 0, 0
    return red << 16 | green << 8 | blue
