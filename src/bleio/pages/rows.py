"""What happened, as rows of a page's list; `story.js` says what is in a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bleio.decoding.octets import printable
from bleio.decoding.records import Decoded

MOST_HEX = 600  # octets of one packet
MOST_TEXT = 5_000  # characters of one line that a program has printed

Row = list[Any]


def shown(text: str) -> str:
    """Return text of programs as a page shows it, in one line and in the order that it has.

    A control of direction would reorder all that is beside it, so a line could say what is not so.
    """
    rest = len(text) - MOST_TEXT
    escaped = "\t".join(map(printable, text[:MOST_TEXT].split("\t")))
    return escaped if rest <= 0 else f"{escaped} ... ({rest} characters more)"


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
        places.get(decoded.sender, shown(decoded.sender)),
        places.get(decoded.receiver, shown(decoded.receiver)),
        decoded.protocol,
        decoded.text,
        flags,
        decoded.octets[:MOST_HEX].hex(),
        decoded.details,
    ]


def output_row(time_us: int, place: int, text: str) -> Row:
    """Return the row of a line that a device has printed."""
    return [time_us, "o", place, "", "", shown(text), "", "", []]


def event_row(time_us: int, place: int | str, text: str, *, trouble: bool = False) -> Row:
    """Return the row of something that has become of a device, or of all of them."""
    return [time_us, "e", place, "", "", shown(text), "t" if trouble else "", "", []]


def time_of(row: Row) -> int:
    """Return when it was, for an order."""
    time_us: int = row[0]
    return time_us
