"""From the services model to attributes: declarations, values and CCCDs (Vol 3, Part G, 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from bleio.att.codec import U16
from bleio.att.database import TableEntry
from bleio.core.codes import AttErrorCode, GattUuid, Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

_PRIMARY = uuid16(GattUuid.PRIMARY_SERVICE)
_SECONDARY = uuid16(GattUuid.SECONDARY_SERVICE)
_CHARACTERISTIC = uuid16(GattUuid.CHARACTERISTIC)
_CCCD = uuid16(GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION)

NOTIFY_BIT = 0x01
INDICATE_BIT = 0x02
_SUBSCRIBABLE = Properties.NOTIFY | Properties.INDICATE


class CccdClient(Protocol):
    """What a CCCD needs of the client that reads or writes it; `link` is the backend's."""

    link: Any

    def cccd(self, characteristic: LocalCharacteristic) -> int:
        """Give the client's configuration bits."""

    def set_cccd(self, characteristic: LocalCharacteristic, bits: int) -> None:
        """Set them and tell the characteristic's listeners."""


class Access(NamedTuple):
    """How one characteristic's value is read and written, where that is not the plain way."""

    read: Callable[[Any], bytes]
    check: Callable[[Any, bytes], int]
    write: Callable[[Any, bytes], None]


def has_cccd(characteristic: LocalCharacteristic) -> bool:
    """Whether the engine gives it a CCCD."""
    return bool(characteristic.properties & _SUBSCRIBABLE)


def handle_count(characteristic: LocalCharacteristic) -> int:
    """Give how many handles it takes: declaration, value, CCCD and descriptors."""
    return 2 + has_cccd(characteristic) + len(characteristic.descriptors)


def assign_handles(characteristic: LocalCharacteristic, start: int) -> int:
    """Give it handles from `start` on; returns the first one that is left."""
    characteristic.declaration_handle = start
    characteristic.handle = start + 1
    following = start + 2
    characteristic.cccd_handle = 0
    if has_cccd(characteristic):
        characteristic.cccd_handle = following
        following += 1
    for descriptor in characteristic.descriptors:
        descriptor.handle = following
        following += 1
    return following


def drop_handles(characteristic: LocalCharacteristic) -> None:
    """Set all its handles to 0: it is no longer in the table."""
    characteristic.declaration_handle = characteristic.handle = characteristic.cccd_handle = 0
    for descriptor in characteristic.descriptors:
        descriptor.handle = 0


def last_handle(characteristic: LocalCharacteristic) -> int:
    """Give the last of its handles."""
    last = max(characteristic.handle, characteristic.cccd_handle)
    return max([last, *(descriptor.handle for descriptor in characteristic.descriptors)])


def service_attributes(
    service: LocalService, special: dict[LocalCharacteristic, Access]
) -> Iterator[TableEntry]:
    """Give all attributes of a service that has its handles, ascending."""
    declaration = _SECONDARY if service.secondary else _PRIMARY
    yield TableEntry(
        service.handle, declaration, _constant(service.uuid), group_end=service.end_handle
    )
    for characteristic in service.characteristics:
        yield from _characteristic_attributes(characteristic, special.get(characteristic))


def _characteristic_attributes(
    characteristic: LocalCharacteristic, access: Access | None
) -> Iterator[TableEntry]:
    value = U16.pack(characteristic.handle) + characteristic.uuid
    yield TableEntry(
        characteristic.declaration_handle,
        _CHARACTERISTIC,
        _constant(bytes((characteristic.properties & 0xFF,)) + value),
        group_end=last_handle(characteristic),
    )
    yield _value_attribute(characteristic, access or _plain_access(characteristic))
    if characteristic.cccd_handle:
        yield _cccd_attribute(characteristic)
    for descriptor in characteristic.descriptors:
        yield _descriptor_attribute(descriptor)


def _constant(value: bytes) -> Callable[[Any], bytes]:
    return lambda client: value


def _value_attribute(characteristic: LocalCharacteristic, access: Access) -> TableEntry:
    declared = characteristic.properties

    def mode(kind: Properties, permission: int) -> int:
        """Give what an access needs. Programs that declare no properties at all, as published
        ones do, mean their permissions alone to decide, as on nRF boards."""
        return permission if declared & kind or not declared else SecurityMode.NO_ACCESS

    return TableEntry(
        characteristic.handle,
        characteristic.uuid,
        access.read,
        check=access.check,
        write=access.write,
        read_mode=mode(Properties.READ, characteristic.read_perm),
        write_mode=mode(Properties.WRITE, characteristic.write_perm),
        command_mode=mode(Properties.WRITE_WITHOUT_RESPONSE, characteristic.write_perm),
        signed_mode=characteristic.write_perm
        if declared & Properties.AUTHENTICATED_SIGNED_WRITES
        else SecurityMode.NO_ACCESS,
        notify_mode=characteristic.read_perm,
    )


def _plain_access(characteristic: LocalCharacteristic) -> Access:
    def read(client: Any) -> bytes:
        if characteristic.dynamic_value is not None:
            return characteristic.dynamic_value()
        return characteristic.value

    def write(client: CccdClient, value: bytes) -> None:
        characteristic.value = value
        for listener in tuple(characteristic.listeners):
            listener.written(client.link, value)

    return Access(read, _length_check(characteristic), write)


def _length_check(
    attribute: LocalCharacteristic | LocalDescriptor,
) -> Callable[[Any, bytes], int]:
    def check(client: Any, value: bytes) -> int:
        octets, limit = len(value), attribute.max_length
        if octets > limit or (attribute.fixed_length and octets != limit):
            return AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
        return 0

    return check


def _descriptor_attribute(descriptor: LocalDescriptor) -> TableEntry:
    def write(client: Any, value: bytes) -> None:
        descriptor.value = value

    return TableEntry(
        descriptor.handle,
        descriptor.uuid,
        lambda client: descriptor.value,
        check=_length_check(descriptor),
        write=write,
        read_mode=descriptor.read_perm,
        write_mode=descriptor.write_perm,
    )


def _cccd_attribute(characteristic: LocalCharacteristic) -> TableEntry:
    """Make a CCCD: open to read; to write, it asks for what reading the value asks for."""
    improper = 0
    if not characteristic.properties & Properties.NOTIFY:
        improper |= NOTIFY_BIT
    if not characteristic.properties & Properties.INDICATE:
        improper |= INDICATE_BIT

    def read(client: CccdClient | None) -> bytes:
        return U16.pack(client.cccd(characteristic) if client else 0)

    def check(client: Any, value: bytes) -> int:
        if len(value) != 2:
            return AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
        if value[0] & improper:
            return AttErrorCode.CCCD_IMPROPERLY_CONFIGURED
        return 0

    def write(client: CccdClient, value: bytes) -> None:
        client.set_cccd(characteristic, value[0] & (NOTIFY_BIT | INDICATE_BIT))

    return TableEntry(
        characteristic.cccd_handle,
        _CCCD,
        read,
        check=check,
        write=write,
        write_mode=characteristic.read_perm,
    )
