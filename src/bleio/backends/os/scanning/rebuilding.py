"""Advertising data made anew of what a system says that it heard.

Systems report names, lists of UUIDs and data by company, not the octets they came in. What has to
be made of them is one packet that a program reads in the usual way: it has prefixes to look for,
and takes structures apart. The order is that of `core.advertising_fields.build`.

Some of it is made up, since no system tells it. UUIDs are as short as they can be, because that is
what advertisers send. Lists are called complete, and names too, unless the system knows better.
What is on air in two packets, an advertisement and its scan response, comes out as one.

Bounds. Anybody can advertise, and what a system has put together of many packets has no limit of
its own. What is too long for a structure, or more than `MOST_ITEMS` of one kind, is left out; it
never raises, since one strange device must not end the scan for all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bleio.core.advertising_fields import (
    FIELD_TYPES,
    MAX_STRUCTURE_OCTETS,
    AdvertisingFields,
    build,
)
from bleio.core.uuid import BASE_UUID

MOST_ITEMS = 32
NAME_OCTETS = 248  # the longest a device name can be, Vol 3, Part C, 3.2.2

_CONTENT_OCTETS = MAX_STRUCTURE_OCTETS - 1
_COMPANY_OCTETS = 2


@dataclass(slots=True)
class SystemFields:
    """What a system says of one packet; None and empty are what it does not say.

    UUIDs are texts of 128 bits. `more_services`: of lists that are known not to be complete.
    `others`: contents by AD type, of types without a field here.
    """

    flags: int | None = None
    services: Iterable[str] = ()
    more_services: Iterable[str] = ()
    solicited: Iterable[str] = ()
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)
    appearance: int | None = None
    tx_power_dbm: int | None = None
    name: str | None = None
    others: Mapping[int, bytes] = field(default_factory=dict)


def rebuilt(heard: SystemFields) -> bytes:
    """Return advertising data that says what `heard` does, as far as data can say it."""
    return build(
        AdvertisingFields(
            flags=_within(heard.flags, 0, 0xFF),
            services=_uuids(heard.services),
            more_services=_uuids(heard.more_services),
            solicited=_uuids(heard.solicited),
            service_data=tuple(sorted(_service_data(heard.service_data), key=_uuid_octets)),
            manufacturer_data=tuple(_manufacturer_data(heard.manufacturer_data)),
            appearance=_within(heard.appearance, 0, 0xFFFF),
            tx_power_dbm=_within(heard.tx_power_dbm, -128, 127),
            complete_name=_name(heard.name),
            others=tuple(_others(heard.others)),
        )
    )


def uuid_on_air(text: str) -> bytes | None:
    """Return the shortest on-air form of a UUID's text, 2, 4 or 16 octets; None if it is none."""
    try:
        uuid = bytes.fromhex(text.replace("-", ""))[::-1]
    except ValueError:
        return None
    if len(uuid) != 16 or uuid[:12] != BASE_UUID[:12]:
        return uuid if len(uuid) in (2, 4, 16) else None
    return uuid[12:14] if uuid[14:] == b"\0\0" else uuid[12:]


def _uuids(texts: Iterable[str]) -> tuple[bytes, ...]:
    found = (uuid_on_air(text) for text in list(texts)[:MOST_ITEMS])
    return tuple(sorted((uuid for uuid in found if uuid is not None), key=len))


def _service_data(items: Mapping[str, bytes]) -> Iterable[tuple[bytes, bytes]]:
    for text, data in list(items.items())[:MOST_ITEMS]:
        uuid = uuid_on_air(text)
        if uuid is not None and len(uuid) + len(data) <= _CONTENT_OCTETS:
            yield uuid, bytes(data)


def _uuid_octets(service_data: tuple[bytes, bytes]) -> int:
    return len(service_data[0])


def _manufacturer_data(items: Mapping[int, bytes]) -> Iterable[tuple[int, bytes]]:
    for company, data in list(items.items())[:MOST_ITEMS]:
        if 0 <= company <= 0xFFFF and _COMPANY_OCTETS + len(data) <= _CONTENT_OCTETS:
            yield company, bytes(data)


def _others(items: Mapping[int, bytes]) -> Iterable[bytes]:
    for ad_type, content in list(items.items())[:MOST_ITEMS]:
        has_field = ad_type in FIELD_TYPES
        if not has_field and 0 <= ad_type <= 0xFF and len(content) <= _CONTENT_OCTETS:
            yield bytes((ad_type,)) + bytes(content)


def _within(value: int | None, least: int, most: int) -> int | None:
    return value if value is not None and least <= value <= most else None


def _name(name: str | None) -> str | None:
    """A name that is too long ends where a character does."""
    if not name:
        return None
    return name.encode(errors="replace")[:NAME_OCTETS].decode(errors="ignore")
