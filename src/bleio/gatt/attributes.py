"""From the services model to attributes: declarations, values and CCCDs (Vol 3, Part G, 3).

A characteristic becomes a declaration, its value, a CCCD if it notifies or indicates, and its
descriptors, in this order and with handles that follow each other. The CCCD comes before the other
descriptors, since bonds remember subscriptions by its handle: a descriptor that is added later
must not move it. The CCCD is not in the model at all, because it is not one value but one for each
client, and programs neither make nor read it.

What an attribute reads and writes is the model's record itself, so a value that a program sets
needs no change of the table. Each kind of value is a small object with `read`, `check` and `write`,
of which the entry takes the bound methods. `check` and `write` are apart because a long write is
checked part by part and stored at its end, and because nothing may be stored before all is checked.

Properties say by which operations a value can be reached, permissions what the link must be like.
An entry has one mode for each operation: a command or a signed write may not do what a request may
not, but each needs its own property.
"""

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
        """Return the client's configuration bits."""

    def set_cccd(self, characteristic: LocalCharacteristic, bits: int) -> None:
        """Set them and tell the characteristic's listeners."""


class ValueAccess(NamedTuple):
    """How one characteristic's value is read and written, where that is not the plain way."""

    read: Callable[[Any], bytes]
    check: Callable[[Any, bytes], int]
    write: Callable[[Any, bytes], None]


def has_cccd(characteristic: LocalCharacteristic) -> bool:
    """Whether it gets a CCCD."""
    return bool(characteristic.properties & _SUBSCRIBABLE)


def handle_count(characteristic: LocalCharacteristic) -> int:
    """Return how many handles it takes: declaration, value, CCCD and descriptors."""
    return 2 + has_cccd(characteristic) + len(characteristic.descriptors)


def assign_handles(characteristic: LocalCharacteristic, start: int) -> int:
    """Assign it handles from `start` on. Returns: the first one that is left."""
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
    """Return the last of its handles."""
    last = max(characteristic.handle, characteristic.cccd_handle)
    return max([last, *(descriptor.handle for descriptor in characteristic.descriptors)])


def service_attributes(
    service: LocalService, special: dict[LocalCharacteristic, ValueAccess]
) -> Iterator[TableEntry]:
    """Yield all attributes of a service that has its handles, ascending."""
    declaration = _SECONDARY if service.secondary else _PRIMARY
    yield TableEntry(
        service.handle, declaration, _Constant(service.uuid).read, group_end=service.end_handle
    )
    for characteristic in service.characteristics:
        yield from _characteristic_attributes(characteristic, special.get(characteristic))


def _characteristic_attributes(
    characteristic: LocalCharacteristic, access: ValueAccess | None
) -> Iterator[TableEntry]:
    # Broadcast to Signed Writes fit the octet; extended properties would need a descriptor.
    value = U16.pack(characteristic.handle) + characteristic.uuid
    yield TableEntry(
        characteristic.declaration_handle,
        _CHARACTERISTIC,
        _Constant(bytes((characteristic.properties & 0xFF,)) + value).read,
        group_end=last_handle(characteristic),
    )
    yield _value_attribute(characteristic, access)
    if characteristic.cccd_handle:
        yield _cccd_attribute(characteristic)
    for descriptor in characteristic.descriptors:
        yield _descriptor_attribute(descriptor)


class _Constant:
    """A declaration, which never changes while it lies where it does."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def read(self, client: Any) -> bytes:
        return self._value


def _value_attribute(
    characteristic: LocalCharacteristic, special: ValueAccess | None
) -> TableEntry:
    declared = characteristic.properties
    plain = _Value(characteristic)
    access = special or ValueAccess(plain.read, plain.check, plain.write)
    read_perm, write_perm = characteristic.read_perm, characteristic.write_perm
    return TableEntry(
        characteristic.handle,
        characteristic.uuid,
        access.read,
        check=access.check,
        write=access.write,
        read_mode=_mode(declared, Properties.READ, read_perm),
        write_mode=_mode(declared, Properties.WRITE, write_perm),
        command_mode=_mode(declared, Properties.WRITE_WITHOUT_RESPONSE, write_perm),
        signed_mode=write_perm
        if declared & Properties.AUTHENTICATED_SIGNED_WRITES
        else SecurityMode.NO_ACCESS,
        notify_mode=read_perm,
    )


def _mode(declared: Properties, kind: Properties, permission: int) -> int:
    """Return what an access needs.

    Programs that declare no properties at all, as published ones do, mean their permissions alone
    to decide, as on nRF boards.
    """
    return permission if declared & kind or not declared else SecurityMode.NO_ACCESS


class _Value:
    """A characteristic's value, as the model has it."""

    __slots__ = ("_characteristic",)

    def __init__(self, characteristic: LocalCharacteristic) -> None:
        self._characteristic = characteristic

    def read(self, client: Any) -> bytes:
        if self._characteristic.dynamic_value is not None:
            return self._characteristic.dynamic_value()
        return self._characteristic.value

    def check(self, client: Any, value: bytes) -> int:
        return _check_length(self._characteristic, value)

    def write(self, client: CccdClient, value: bytes) -> None:
        self._characteristic.value = value
        for listener in tuple(self._characteristic.listeners):
            listener.written(client.link, value)


def _check_length(attribute: LocalCharacteristic | LocalDescriptor, value: bytes) -> int:
    octets, limit = len(value), attribute.max_length
    if octets > limit or (attribute.fixed_length and octets != limit):
        return AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
    return 0


class _DescriptorValue:
    """A descriptor's value, as the model has it."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: LocalDescriptor) -> None:
        self._descriptor = descriptor

    def read(self, client: Any) -> bytes:
        return self._descriptor.value

    def check(self, client: Any, value: bytes) -> int:
        return _check_length(self._descriptor, value)

    def write(self, client: Any, value: bytes) -> None:
        self._descriptor.value = value


def _descriptor_attribute(descriptor: LocalDescriptor) -> TableEntry:
    value = _DescriptorValue(descriptor)
    return TableEntry(
        descriptor.handle,
        descriptor.uuid,
        value.read,
        check=value.check,
        write=value.write,
        read_mode=descriptor.read_perm,
        write_mode=descriptor.write_perm,
    )


class _Cccd:
    """A Client Characteristic Configuration: each client reads and writes its own."""

    __slots__ = ("_characteristic", "_improper")

    def __init__(self, characteristic: LocalCharacteristic) -> None:
        self._characteristic = characteristic
        self._improper = 0
        if not characteristic.properties & Properties.NOTIFY:
            self._improper |= NOTIFY_BIT
        if not characteristic.properties & Properties.INDICATE:
            self._improper |= INDICATE_BIT

    def read(self, client: CccdClient | None) -> bytes:
        return U16.pack(client.cccd(self._characteristic) if client else 0)

    def check(self, client: Any, value: bytes) -> int:
        if len(value) != 2:
            return AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
        if value[0] & self._improper:
            return AttErrorCode.CCCD_IMPROPERLY_CONFIGURED
        return 0

    def write(self, client: CccdClient, value: bytes) -> None:
        client.set_cccd(self._characteristic, value[0] & (NOTIFY_BIT | INDICATE_BIT))


def _cccd_attribute(characteristic: LocalCharacteristic) -> TableEntry:
    """Make a CCCD: open to read; to write, it asks for what reading the value asks for.

    Otherwise a client without encryption could have an encrypted value sent to it. A Write Command
    counts as a request does: the specification has a client use requests, but there are centrals
    that use commands, and refusing those would leave them without values and without an error.
    """
    value = _Cccd(characteristic)
    return TableEntry(
        characteristic.cccd_handle,
        _CCCD,
        value.read,
        check=value.check,
        write=value.write,
        write_mode=characteristic.read_perm,
        command_mode=characteristic.read_perm,
    )
