"""All that a page shows, kept beside the stream of news for a browser that comes later.

News are dicts of plain values, made to be sent as JSON; `feed` makes them. Whatever is in them is
either a part of the state, which replaces what was there, or something that has happened, of which
the last are kept.
"""

from __future__ import annotations

from collections import deque
from typing import Any

ROWS_KEPT = 2_000  # for one that comes later; those that are there keep more
LOG_KEPT = 200

News = dict[str, Any]


class Mirror:
    """What there is. Thread: the server's."""

    def __init__(self, about: News) -> None:
        self._about = about
        self._state: News = {}
        self._devices: dict[int, News] = {}
        self._levels: dict[tuple[int, int], list[Any]] = {}
        self._rows: deque[list[Any]] = deque(maxlen=ROWS_KEPT)
        self._log: dict[int, News] = {}
        self._now_us = self._packets = self._left_out = 0

    def take(self, news: News) -> None:
        """Note what has become of it."""
        self._now_us = news["now_us"]
        self._packets = news["packets"]
        self._left_out += news["left_out"]
        self._state.update(news["state"])
        for device in news["devices"]:
            self._devices[device["id"]] = device
        for level in news["levels"]:
            self._levels[level[0], level[1]] = level
        self._rows.extend(news["rows"])
        for entry in news["log"]:
            self._log[entry["id"]] = entry
        while len(self._log) > LOG_KEPT:
            del self._log[next(iter(self._log))]

    def all(self, missed: int) -> News:
        """Return all of it. Args: missed: what the browser was too slow for."""
        return {
            "kind": "all",
            "about": self._about,
            "now_us": self._now_us,
            "packets": self._packets,
            "left_out": self._left_out,
            "state": self._state,
            "devices": list(self._devices.values()),
            "levels": list(self._levels.values()),
            "rows": list(self._rows),
            "log": list(self._log.values()),
            "missed": missed,
        }
