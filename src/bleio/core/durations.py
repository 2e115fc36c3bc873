"""Times as people write them."""

from __future__ import annotations

import re

UNITS_S = {"": 1.0, "us": 1e-6, "ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """Read a time such as 500ms, 60s, 5min or 1h; seconds without a unit. Raises: ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text)
    if match is None or match[2] not in UNITS_S:
        raise ValueError(f"{text!r} is no time such as 60s, 500ms, 5min or 1h")
    return float(match[1]) * UNITS_S[match[2]]
