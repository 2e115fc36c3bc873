"""Advertising data taken apart into typed fields, and put together again.

Most operating systems neither send nor report advertising data as it is on air. They have fields:
names, lists of UUIDs, data by company. So a backend on one takes what a program wants to advertise
apart, and makes octets of what the system says that it has heard. Two things make that harder than
it looks.

What does not fit a field must not get lost on the way. Types that have no field here, fields that
are there twice, and fields with contents that their type does not allow are kept whole in `others`,
and a last structure that was cut in `cut`. A backend that can say fields only looks whether both
are empty (`is_plain`) before it goes on, instead of sending less than it was asked for.

And there is no one way back. The order of structures, and how lists are divided, is the sender's
choice and is lost in fields. `build` always makes the same octets of the same fields, in this
order: flags, complete lists of services of 16, 32 and 128 bits, incomplete lists, solicited
services, service data by size, data of manufacturers, appearance, transmit power, complete name,
shortened name, then `others` and `cut`. So `parse(build(fields)) == fields`, but
`build(parse(data)) == data` only for data that was built in that order.

Spec: Core Specification Supplement, Part A, 1; Assigned Numbers, 2.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from bleio.core.advertising import structures

MAX_STRUCTURE_OCTETS = 254  # a length octet counts the type, too

_UUID_SIZES = (2, 4, 16)  # octets, in the order in which lists are built
ServiceData = tuple[tuple[bytes, bytes], ...]
ManufacturerData = tuple[tuple[int, bytes], ...]


class AdType(IntEnum):
    """The AD types that have a field."""

    FLAGS = 0x01
    INCOMPLETE_16 = 0x02
    COMPLETE_16 = 0x03
    INCOMPLETE_32 = 0x04
    COMPLETE_32 = 0x05
    INCOMPLETE_128 = 0x06
    COMPLETE_128 = 0x07
    SHORTENED_NAME = 0x08
    COMPLETE_NAME = 0x09
    TX_POWER = 0x0A
    SOLICITED_16 = 0x14
    SOLICITED_128 = 0x15
    SERVICE_DATA_16 = 0x16
    APPEARANCE = 0x19
    SOLICITED_32 = 0x1F
    SERVICE_DATA_32 = 0x20
    SERVICE_DATA_128 = 0x21
    MANUFACTURER_DATA = 0xFF


FIELD_TYPES = frozenset(AdType)

# By size of UUID, as `_UUID_SIZES` has them.
_COMPLETE = (AdType.COMPLETE_16, AdType.COMPLETE_32, AdType.COMPLETE_128)
_INCOMPLETE = (AdType.INCOMPLETE_16, AdType.INCOMPLETE_32, AdType.INCOMPLETE_128)
_SOLICITED = (AdType.SOLICITED_16, AdType.SOLICITED_32, AdType.SOLICITED_128)
_SERVICE_DATA = (AdType.SERVICE_DATA_16, AdType.SERVICE_DATA_32, AdType.SERVICE_DATA_128)

_LISTS = {
    **dict.fromkeys(_COMPLETE, "services"),
    **dict.fromkeys(_INCOMPLETE, "more_services"),
    **dict.fromkeys(_SOLICITED, "solicited"),
}
_SIZE_OF = {
    ad_type: size
    for types in (_COMPLETE, _INCOMPLETE, _SOLICITED, _SERVICE_DATA)
    for ad_type, size in zip(types, _UUID_SIZES, strict=True)
}


@dataclass(frozen=True, slots=True)
class AdvertisingFields:
    """What one advertising packet or scan response says; None and () are fields not there.

    UUIDs are on-air bytes of 2, 4 or 16 octets, those of a list sorted by size. `flags`: one octet.
    `services`, `more_services`: of complete and of incomplete lists. `service_data`: pairs of UUID
    and data, sorted by size of UUID. `manufacturer_data`: pairs of company identifier and data.
    `others`: structures without a field, from their type octet on. `cut`: the last structure with
    its length octet, if that says more than there is.
    """

    flags: int | None = None
    services: tuple[bytes, ...] = ()
    more_services: tuple[bytes, ...] = ()
    solicited: tuple[bytes, ...] = ()
    service_data: ServiceData = ()
    manufacturer_data: ManufacturerData = ()
    appearance: int | None = None
    tx_power_dbm: int | None = None
    complete_name: str | None = None
    shortened_name: str | None = None
    others: tuple[bytes, ...] = ()
    cut: bytes = b""

    @property
    def is_plain(self) -> bool:
        """Whether all that the data said is in typed fields."""
        return not self.others and not self.cut


def parse(data: bytes) -> AdvertisingFields:
    """Take advertising data apart. Any octets will do; none are lost but padding at the end."""
    return _Parser(data).fields()


def build(fields: AdvertisingFields) -> bytes:
    """Put fields together, in the order that the module's docstring says.

    Returns: the data, of whatever length; lists too long for one structure are divided.
    Raises: ValueError if a field cannot be said in advertising data.
    """
    parts: list[bytes] = []
    if fields.flags is not None:
        parts.append(_structure(AdType.FLAGS, _unsigned("flags", fields.flags, 1)))
    parts += _uuid_lists(_COMPLETE, fields.services)
    parts += _uuid_lists(_INCOMPLETE, fields.more_services)
    parts += _uuid_lists(_SOLICITED, fields.solicited)
    for ad_type, size in zip(_SERVICE_DATA, _UUID_SIZES, strict=True):
        for uuid, data in fields.service_data:
            if _size(uuid) == size:
                parts.append(_structure(ad_type, uuid + data))
    for company, data in fields.manufacturer_data:
        head = _unsigned("a company identifier", company, 2)
        parts.append(_structure(AdType.MANUFACTURER_DATA, head + data))
    if fields.appearance is not None:
        appearance = _unsigned("appearance", fields.appearance, 2)
        parts.append(_structure(AdType.APPEARANCE, appearance))
    if fields.tx_power_dbm is not None:
        parts.append(_structure(AdType.TX_POWER, _signed_octet(fields.tx_power_dbm)))
    for ad_type, name in (
        (AdType.COMPLETE_NAME, fields.complete_name),
        (AdType.SHORTENED_NAME, fields.shortened_name),
    ):
        if name is not None:
            parts.append(_structure(ad_type, name.encode()))
    parts += [_structure(other[0], other[1:]) for other in fields.others]
    return b"".join(parts) + fields.cut


class _Parser:
    """One packet on its way into fields."""

    def __init__(self, data: bytes) -> None:
        self._single: dict[str, object] = {}
        self._lists: dict[str, list[bytes]] = {}
        self._service_data: list[tuple[bytes, bytes]] = []
        self._manufacturer_data: list[tuple[int, bytes]] = []
        self._others: list[bytes] = []
        self._cut = b""
        position = 0
        for structure in structures(data):
            if len(structure) < data[position]:
                self._cut = data[position:]
                break
            if not self._take(structure[0], structure[1:]):
                self._others.append(structure)
            position += 1 + len(structure)
        else:
            # A length octet of more than 0 that nothing follows is cut as well.
            if position == len(data) - 1 and data[position]:
                self._cut = data[position:]

    def fields(self) -> AdvertisingFields:
        lists = {name: tuple(sorted(uuids, key=len)) for name, uuids in self._lists.items()}
        return AdvertisingFields(
            **self._single,  # type: ignore[arg-type]
            **lists,  # type: ignore[arg-type]
            service_data=tuple(sorted(self._service_data, key=_size_of_uuid)),
            manufacturer_data=tuple(self._manufacturer_data),
            others=tuple(self._others),
            cut=self._cut,
        )

    def _take(self, ad_type: int, content: bytes) -> bool:
        """Read one structure. Returns: False if there is no field for what it says."""
        if ad_type in _LISTS:
            return self._take_list(_LISTS[AdType(ad_type)], _SIZE_OF[AdType(ad_type)], content)
        match ad_type, len(content):
            case AdType.FLAGS, 1:
                return self._take_single("flags", content[0])
            case AdType.APPEARANCE, 2:
                return self._take_single("appearance", int.from_bytes(content, "little"))
            case AdType.TX_POWER, 1:
                power = int.from_bytes(content, "little", signed=True)
                return self._take_single("tx_power_dbm", power)
            case AdType.COMPLETE_NAME, _:
                return self._take_name("complete_name", content)
            case AdType.SHORTENED_NAME, _:
                return self._take_name("shortened_name", content)
            case AdType.MANUFACTURER_DATA, octets if octets >= 2:
                company = int.from_bytes(content[:2], "little")
                self._manufacturer_data.append((company, content[2:]))
                return True
        if ad_type in _SERVICE_DATA and len(content) >= (size := _SIZE_OF[AdType(ad_type)]):
            self._service_data.append((content[:size], content[size:]))
            return True
        return False

    def _take_list(self, name: str, size: int, content: bytes) -> bool:
        """An empty list has no field: it would be taken for none."""
        if not content or len(content) % size:
            return False
        uuids = self._lists.setdefault(name, [])
        uuids += [content[start : start + size] for start in range(0, len(content), size)]
        return True

    def _take_name(self, field: str, content: bytes) -> bool:
        try:
            return self._take_single(field, content.decode())
        except UnicodeDecodeError:
            return False

    def _take_single(self, field: str, value: object) -> bool:
        """The first one counts; what says it once more is kept apart."""
        if field in self._single:
            return False
        self._single[field] = value
        return True


def _size_of_uuid(service_data: tuple[bytes, bytes]) -> int:
    return len(service_data[0])


def _structure(ad_type: int, content: bytes) -> bytes:
    if len(content) > MAX_STRUCTURE_OCTETS:
        raise ValueError(f"AD type 0x{ad_type:02x} holds at most {MAX_STRUCTURE_OCTETS} octets")
    return bytes((1 + len(content), ad_type)) + content


def _uuid_lists(types: tuple[AdType, ...], uuids: Iterable[bytes]) -> Iterator[bytes]:
    """Yield one list for each size of UUID that occurs, or several if they are too long."""
    by_size: dict[int, list[bytes]] = {size: [] for size in _UUID_SIZES}
    for uuid in uuids:
        by_size[_size(uuid)].append(uuid)
    for ad_type, (size, same_size) in zip(types, by_size.items(), strict=True):
        fit = MAX_STRUCTURE_OCTETS // size
        for start in range(0, len(same_size), fit):
            yield _structure(ad_type, b"".join(same_size[start : start + fit]))


def _size(uuid: bytes) -> int:
    if len(uuid) not in _UUID_SIZES:
        raise ValueError(f"A UUID has 2, 4 or 16 octets, not {len(uuid)}")
    return len(uuid)


def _unsigned(name: str, value: int, octets: int) -> bytes:
    if not 0 <= value < 1 << 8 * octets:
        raise ValueError(f"{name} must fit {octets} octets")
    return value.to_bytes(octets, "little")


def _signed_octet(power_dbm: int) -> bytes:
    if not -128 <= power_dbm <= 127:
        raise ValueError("transmit power must fit one octet")
    return power_dbm.to_bytes(1, "little", signed=True)
