"""Packets in words and as they fly, at a rate that a page can take.

A radio may have thousands of packets a second. Between two news those that say the same are one
row, with how many they were; the details are the first one's. Rows beyond what a list can follow
are left out and counted, advertising and empty packets first, for there is least in these. What
flies is counted by sender, receiver, kind and whether it was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bleio.decoding.records import Decoded
from bleio.pages.rows import Row, packet_row

MOST_ROWS = 150  # in one piece of news, of what has been said
MOST_LINES = 500  # of what programs print
MOST_ROUTINE = 60  # of what is said over and over
MOST_FLIGHTS = 150

Flight = tuple[int, int | None, str, bool]


class Packets:
    """What there was between two news."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Any, ...], Row] = {}
        self._routine = self._lines = 0
        self._flights: dict[Flight, int] = {}
        self.left_out = 0

    def add(self, decoded: Decoded, places: Mapping[str, int]) -> None:
        """Take a packet in words."""
        row = packet_row(places, decoded)
        sender, receiver = row[2], row[3]
        if isinstance(sender, int):
            other = receiver if isinstance(receiver, int) else None
            self.fly(sender, other, decoded.protocol, lost=decoded.lost)
        self._add_row(row, routine=decoded.empty or decoded.routine)

    def add_row(self, row: Row) -> None:
        """Take a row of something else: what a program has printed, or what has become of it."""
        if row[1] == "o" and self._lines >= MOST_LINES:
            self.left_out += 1
            return
        self._lines += 1
        self._rows[row[0], len(self._rows)] = row

    def fly(self, sender: int, receiver: int | None, protocol: str, *, lost: bool) -> None:
        """Take a packet on its way. Args: receiver: None is nobody in particular."""
        key = sender, receiver, protocol, lost
        if key in self._flights or len(self._flights) < MOST_FLIGHTS:
            self._flights[key] = self._flights.get(key, 0) + 1

    def take(self) -> tuple[list[Row], list[list[Any]], int]:
        """Return rows, flights with their counts, and how many are in no row.

        It begins anew then.
        """
        rows = list(self._rows.values())
        flights = [[*key, count] for key, count in self._flights.items()]
        left_out, self.left_out = self.left_out, 0
        self._rows, self._flights, self._routine, self._lines = {}, {}, 0, 0
        return rows, flights, left_out

    def _add_row(self, row: Row, *, routine: bool) -> None:
        time_us, _, sender, receiver, protocol, text, flags, *_ = row
        key = (sender, receiver, protocol, text, flags) if routine else (time_us, len(self._rows))
        before = self._rows.get(key)
        if before is not None:
            before[9] += 1
        elif self._has_room(routine=routine):
            self._rows[key] = [*row, 1]
            self._routine += routine
        else:
            self.left_out += 1

    def _has_room(self, *, routine: bool) -> bool:
        if routine and self._routine >= MOST_ROUTINE:
            return False
        return len(self._rows) - self._lines < MOST_ROWS
