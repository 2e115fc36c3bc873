"""News for a page, as its feed makes them."""

from __future__ import annotations

from typing import Any


def news(now_us: int = 0, **more: Any) -> dict[str, Any]:
    """Return a piece of news in which there is nothing but what is given."""
    empty: dict[str, Any] = {name: [] for name in ("rows", "flights", "devices", "levels", "log")}
    return {
        "kind": "news",
        "now_us": now_us,
        "packets": 0,
        "left_out": 0,
        "state": {},
        **empty,
        **more,
    }
