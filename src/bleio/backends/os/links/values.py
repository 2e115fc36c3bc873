"""What bleak has found of a peer, as records of ours, and the way back from a record.

bleak's services come as they lie in its sets, on BlueZ in no order at all; ours are sorted by
handle, which is the order on the air. A record is found again by its handle and UUID in what is
there *now*: a record of a former link to the same peer may be used, as over HCI, and one whose
place another value has taken is not. BlueZ calls a characteristic by the handle of its declaration,
the others by that of its value; `declared` is the difference.

UUIDs come in 128 bits, whatever the peer stores. As over HCI (`gatt.discovery`) a program sees the
16-bit form, unless it has asked for a service by the long one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from bleio.core.codes import AttErrorCode, Properties
from bleio.core.uuid import expand, shorten
from bleio.errors import AttError
from bleio.gatt.model import (
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteService,
    RemoteValue,
)

if TYPE_CHECKING:
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.descriptor import BleakGATTDescriptor
    from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection

Found = TypeVar("Found", "BleakGATTCharacteristic", "BleakGATTDescriptor")

MOST_VALUES = 4096  # of one peer, as over HCI; more is an endless list

_PROPERTIES = {
    "broadcast": Properties.BROADCAST,
    "read": Properties.READ,
    "write-without-response": Properties.WRITE_WITHOUT_RESPONSE,
    "write": Properties.WRITE,
    "notify": Properties.NOTIFY,
    "indicate": Properties.INDICATE,
    "authenticated-signed-writes": Properties.AUTHENTICATED_SIGNED_WRITES,
    "extended-properties": Properties.EXTENDED_PROPERTIES,
    "reliable-write": Properties.EXTENDED_PROPERTIES,
    "writable-auxiliaries": Properties.EXTENDED_PROPERTIES,
}
_by_handle = attrgetter("handle")


def uuid_octets(text: str) -> bytes:
    """Return the on-air form of bleak's UUID text: 16 octets."""
    return UUID(text).bytes[::-1]


def properties_of(names: Sequence[str]) -> Properties:
    """Return the on-air bits; names that BlueZ adds, such as `encrypt-read`, have none."""
    bits = Properties(0)
    for name in names:
        bits |= _PROPERTIES.get(name, Properties(0))
    return bits


class Values:
    """What one connected peer has. Args: `declared`: what to add to the handle of a characteristic
    to have its value's: 1 on BlueZ."""

    def __init__(self, found: BleakGATTServiceCollection, declared: int = 0) -> None:
        self.found = found
        self._declared = declared

    def records(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        """Return new records, see `Link.discover`. Raises: AttError for an endless list."""
        asked_long = frozenset(uuid for uuid in uuids or () if shorten(uuid) != uuid)
        services = sorted(filter(_is_primary, self.found.services.values()), key=_by_handle)
        if sum(len(each.characteristics) for each in services) > MOST_VALUES:
            raise AttError(AttErrorCode.INSUFFICIENT_RESOURCES)
        if uuids is None:
            return [self._record(service, long=False) for service in services]
        return [
            self._record(service, long=expand(uuid) in asked_long)
            for uuid in dict.fromkeys(map(expand, uuids))
            for service in services
            if uuid_octets(service.uuid) == uuid
        ]

    def _record(self, service: BleakGATTService, long: bool) -> RemoteService:
        respell = expand if long else shorten
        record = RemoteService(shorten(uuid_octets(service.uuid)), service.handle, service.handle)
        for one in sorted(service.characteristics, key=_by_handle):
            characteristic = RemoteCharacteristic(
                respell(uuid_octets(one.uuid)),
                properties_of(one.properties),
                one.handle + self._declared - 1,
                one.handle + self._declared,
                service=record,
            )
            characteristic.descriptors = list(_descriptors(one))
            last = max(
                [characteristic.handle, *(each.handle for each in characteristic.descriptors)]
            )
            characteristic.end_handle = record.end_handle = last
            record.characteristics.append(characteristic)
        return record

    # The way back. Raises: AttError with Invalid Handle.

    def characteristic(self, record: RemoteCharacteristic) -> BleakGATTCharacteristic:
        """Return bleak's characteristic of a record."""
        found = self.found.get_characteristic(record.handle - self._declared)
        return _same(found, record)

    def descriptor(self, record: RemoteDescriptor) -> BleakGATTDescriptor:
        """Return bleak's descriptor of a record."""
        return _same(self.found.get_descriptor(record.handle), record)


def _is_primary(service: BleakGATTService) -> bool:
    """BlueZ alone has secondary services among the others; it keeps what they are beside them."""
    kept = service.obj
    return not (isinstance(kept, tuple) and len(kept) == 2 and kept[1].get("Primary") is False)


def _descriptors(characteristic: BleakGATTCharacteristic) -> Iterator[RemoteDescriptor]:
    for each in sorted(characteristic.descriptors, key=_by_handle):
        yield RemoteDescriptor(shorten(uuid_octets(each.uuid)), each.handle)


def _same(found: Found | None, record: RemoteValue) -> Found:
    if found is None or uuid_octets(found.uuid) != expand(record.uuid):
        raise AttError(AttErrorCode.INVALID_HANDLE, 0, record.handle)
    return found
