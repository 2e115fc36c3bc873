"""What programs ask BlueZ to leave out of a scan, by bleak's options for it.

    filters       UUIDs, RSSI (dBm, at least), Pattern (how the name or the address begins)
    or_patterns   one of them has to be in the advertisement: a position in a structure of a type,
                  and the octets there

What else there is for BlueZ, macOS and Windows says how to use that system, and there is nothing
here that it would change. Names that bleak does not have at all are told in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_str

from bleio.api import ScanEntry
from bleio.bleak.heard import address_text
from bleio.core.advertising import structures

log = logging.getLogger(__name__)

Passes = Callable[[ScanEntry, AdvertisementData], bool]

# Without a meaning here: how a system is used.
OF_SYSTEMS = {"adapter", "bluez", "cb", "winrt", "filters", "or_patterns", "use_bdaddr"}


def passes(options: Mapping[str, Any]) -> Passes:
    """Return what tells whether a scan is to have a packet, and what is known with it.

    Args: options: bleak's `bluez`.
    """
    filters = options.get("filters") or {}
    tests: list[Passes] = []
    if uuids := filters.get("UUIDs"):
        wanted = {normalize_uuid_str(each) for each in uuids}
        tests.append(lambda entry, data: not wanted.isdisjoint(data.service_uuids))
    if (least_dbm := filters.get("RSSI")) is not None:
        tests.append(lambda entry, data: entry.rssi >= least_dbm)
    if pattern := filters.get("Pattern"):
        tests.append(lambda entry, data: _begins(entry, data, pattern))
    if patterns := options.get("or_patterns"):
        tests.append(lambda entry, data: any(_has(entry, *each) for each in patterns))
    return lambda entry, data: all(test(entry, data) for test in tests)


def tell_unknown(options: Mapping[str, Any]) -> None:
    """Say which options nobody knows. Libraries mark classes of their own by names with _."""
    for name in options:
        if name not in OF_SYSTEMS and not name.startswith("_"):
            log.warning("bleak has no option %s, so it changes nothing", name)


def _begins(entry: ScanEntry, data: AdvertisementData, pattern: str) -> bool:
    address = address_text(entry.address)
    return address.startswith(pattern.upper()) or (data.local_name or "").startswith(pattern)


def _has(entry: ScanEntry, position: int, ad_type: int, content: bytes) -> bool:
    end = 1 + position + len(content)
    return any(
        each[0] == int(ad_type) and each[1 + position : end] == content
        for each in structures(entry.advertisement_bytes)
    )
