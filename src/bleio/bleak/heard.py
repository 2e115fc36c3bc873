"""What bleak tells of a device: all that its advertising data and scan responses have said.

An advertisement and the scan response that follows are two packets, and bleak tells of both
together, from the second on. Each packet replaces what the last one of its kind has said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from bleak.backends.scanner import AdvertisementData

from bleio.api import Address, ScanEntry
from bleio.core.advertising_fields import AdType, AdvertisingFields, parse

T = TypeVar("T")

_NAMES = AdType.COMPLETE_NAME, AdType.SHORTENED_NAME
_BASE = bytes.fromhex("fb349b5f8000008000100000")  # Vol 3, Part B, 2.5.1


class Heard:
    """What one device has said."""

    def __init__(self) -> None:
        self._advertised = self._answered = AdvertisingFields()
        self._data: list[bytes | None] = [None, None]

    def add(self, entry: ScanEntry) -> AdvertisementData:
        """Return all that is known with this packet."""
        data = entry.advertisement_bytes
        if self._data[entry.scan_response] != data:  # most say the same again and again
            self._data[entry.scan_response] = data
            if entry.scan_response:
                self._answered = parse(data)
            else:
                self._advertised = parse(data)
        both = self._advertised, self._answered
        return AdvertisementData(
            local_name=_name(*both),
            manufacturer_data={k: v for each in both for k, v in each.manufacturer_data},
            service_data={uuid_text(k): v for each in both for k, v in each.service_data},
            service_uuids=_services(*both),
            tx_power=_first(each.tx_power_dbm for each in both),
            rssi=entry.rssi,
            platform_data=(entry,),
        )


def address_text(address: Address) -> str:
    """Return an address as bleak writes it."""
    return bytes(address.address_bytes)[::-1].hex(":").upper()


def uuid_text(octets: bytes) -> str:
    """Return a UUID of 2, 4 or 16 octets, as on air, as bleak writes it."""
    whole = octets if len(octets) == 16 else _BASE + octets.ljust(4, b"\0")
    digits = whole[::-1].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _name(*parts: AdvertisingFields) -> str | None:
    """Return the best one; of one that is no UTF-8 what can be read, as on Windows."""
    complete = _first(each.complete_name for each in parts)
    if complete is not None:
        return complete
    shortened = _first(each.shortened_name for each in parts)
    if shortened is not None:
        return shortened
    others = [other for each in parts for other in each.others]
    unreadable = [other for kind in _NAMES for other in others if other[0] == kind]
    return unreadable[0][1:].decode(errors="replace") if unreadable else None


def _services(*parts: AdvertisingFields) -> list[str]:
    octets = [uuid for each in parts for uuid in (*each.services, *each.more_services)]
    return list(dict.fromkeys(map(uuid_text, octets)))


def _first(values: Iterable[T | None]) -> T | None:
    return next((each for each in values if each is not None), None)
