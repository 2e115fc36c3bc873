"""What happened, as rows of a page's list; `story.js` says what is in a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bleio.decoding.records import Decoded

MOST_HEX = 600  # octets of one packet

Row = list[Any]


def packet_row(places: Mapping[str, int], decoded: Decoded) -> Row:
    """Return the row of a packet. Args: places: where devices are in the page's list, by name."""
    flags = "".join(
        letter
        for letter, is_so in zip(
            "elat", (decoded.empty, decoded.lost, decoded.again, decoded.trouble), strict=True
        )
        if is_so
    )
    return [
        decoded.time_us,
        "p",
        places.get(decoded.sender, decoded.sender),
        places.get(decoded.receiver, decoded.receiver),
        decoded.protocol,
        decoded.text,
        flags,
        decoded.octets[:MOST_HEX].hex(),
        decoded.details,
    ]


def output_row(time_us: int, place: int, text: str) -> Row:
    """Return the row of a line that a device has printed."""
    return [time_us, "o", place, "", "", text, "", "", []]


def event_row(time_us: int, place: int | str, text: str, *, trouble: bool = False) -> Row:
    """Return the row of something that has become of a device, or of all of them."""
    return [time_us, "e", place, "", "", text, "t" if trouble else "", "", []]


def time_of(row: Row) -> int:
    """Return when it was, for an order."""
    time_us: int = row[0]
    return time_us
