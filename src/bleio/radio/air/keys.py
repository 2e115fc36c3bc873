"""The keys of links whose encryption starts, for those that read captures.

They are told only to what asks for them, with `Radio.watch_keys`. Wireshark does not decipher
packets of the LE link layer, whatever keys it has; tools that do take the long term key in
hexadecimal, most significant octet first, as the specification writes keys. `lines_of` makes one
line per key:

    # seconds central peripheral long-term-key
    1.203440 c0:00:00:00:00:01/random c0:00:00:00:00:02/random 4c68384139f574d836bcf34e9dfb01bf
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bleio.core.address import DeviceAddress

HEADER = "# seconds central peripheral long-term-key\n"


class LinkKey(NamedTuple):
    """What a link is encrypted with from now on.

    `central` and `peripheral` are the addresses on air. Keys are least significant octet first, as
    HCI has them. `vector` is IV as packets carry it, the central's half first.
    """

    time_us: int
    access_address: int
    central: DeviceAddress
    peripheral: DeviceAddress
    long_term_key: bytes
    session_key: bytes
    vector: bytes


def lines_of(keys: Iterable[LinkKey]) -> Iterator[str]:
    """A text file's lines, with a header that names the columns."""
    yield HEADER
    for key in keys:
        seconds, microseconds = divmod(key.time_us, 1_000_000)
        text = key.long_term_key[::-1].hex()
        yield f"{seconds}.{microseconds:06} {key.central} {key.peripheral} {text}\n"
