"""A peer's services as bleak has them, made of ours.

bleak's `obj` of each record is our object. A handle is the attribute's: a service's first, a
characteristic's value. Where the system does not tell handles, records are numbered.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection

from bleio import aio
from bleio.api import UUID, Characteristic, Connection, Service
from bleio.bleak.heard import uuid_text

_PROPERTIES = {
    Characteristic.BROADCAST: "broadcast",
    Characteristic.READ: "read",
    Characteristic.WRITE_NO_RESPONSE: "write-without-response",
    Characteristic.WRITE: "write",
    Characteristic.NOTIFY: "notify",
    Characteristic.INDICATE: "indicate",
}
_ATT_HEADER_OCTETS = 3
_LEAST_MTU = 23


async def discovered(
    connection: Connection, wanted: Iterable[str] | None
) -> BleakGATTServiceCollection:
    """Discover services, all or those of some UUIDs. Raises: errors of ours."""
    whitelist = None if wanted is None else [UUID(each) for each in sorted(wanted)]
    return _Collection(connection).of(await aio.discover(connection, whitelist))


def mtu(connection: Connection | None) -> int:
    """Return the link's ATT_MTU, octets; the least there is if there is no link."""
    if connection is None or not connection.connected:
        return _LEAST_MTU
    return aio.mtu(connection)


class _Collection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = count(1)
        self._made = BleakGATTServiceCollection()

    def of(self, services: Iterable[Service]) -> BleakGATTServiceCollection:
        for each in services:
            service = BleakGATTService(each, self._handle(each), _uuid(each.uuid))
            self._made.add_service(service)
            for characteristic in each.characteristics:
                self._add(service, characteristic)
        return self._made

    def _add(self, service: BleakGATTService, each: Characteristic) -> None:
        made = BleakGATTCharacteristic(
            each,
            self._handle(each),
            _uuid(each.uuid),
            [name for bit, name in _PROPERTIES.items() if each.properties & bit],  # type: ignore[misc]
            lambda: mtu(self._connection) - _ATT_HEADER_OCTETS,
            service,
        )
        self._made.add_characteristic(made)
        for descriptor in each.descriptors:
            handle, uuid = self._handle(descriptor), _uuid(descriptor.uuid)
            self._made.add_descriptor(BleakGATTDescriptor(descriptor, handle, uuid, made))

    def _handle(self, attribute: object) -> int:
        number = next(self._numbers)
        return aio.handle(attribute) or number  # type: ignore[arg-type]


def _uuid(uuid: UUID) -> str:
    return uuid_text(uuid._octets)
