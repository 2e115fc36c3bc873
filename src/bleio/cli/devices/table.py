"""What a device has: its services with all that is in them, and what each value needs to be read.

Discovery tells what there is and what may be done with it by its properties. It does not tell who
may: only the answer to a request does. So `learn` reads what can be read, once, and notes the value
or what the device wants for it. Nothing is paired for that; where the operating system pairs by
itself when a device asks for it, that cannot be helped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from bleio import aio
from bleio.aio.gatt import remote_end
from bleio.api import UUID, Characteristic, Connection, Descriptor, Service
from bleio.core.codes import AttErrorCode, Properties
from bleio.errors import AttError, BluetoothError, KeysLost

PROPERTY_NAMES = {
    Properties.BROADCAST: "broadcast",
    Properties.READ: "read",
    Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Properties.WRITE: "write",
    Properties.NOTIFY: "notify",
    Properties.INDICATE: "indicate",
    Properties.AUTHENTICATED_SIGNED_WRITES: "authenticated-signed-writes",
    Properties.EXTENDED_PROPERTIES: "extended-properties",
}


class Needs(Enum):
    """What a device wants before a value may be read, as its refusal says."""

    ENCRYPTION = "encryption"
    AUTHENTICATION = "authentication"  # keys of a pairing, in general or of a better one
    AUTHORIZATION = "authorization"
    LONGER_KEY = "a longer encryption key"


_NEEDS = {
    AttErrorCode.INSUFFICIENT_ENCRYPTION: Needs.ENCRYPTION,
    AttErrorCode.INSUFFICIENT_AUTHENTICATION: Needs.AUTHENTICATION,
    AttErrorCode.INSUFFICIENT_AUTHORIZATION: Needs.AUTHORIZATION,
    AttErrorCode.ENCRYPTION_KEY_SIZE_TOO_SHORT: Needs.LONGER_KEY,
}


@dataclass
class Value:
    """What reading a value has shown. `octets`: None if it was not read.

    `needs`: what the device wants for it. `refusal`: why else it could not be read.
    """

    octets: bytes | None = None
    needs: Needs | None = None
    refusal: str | None = None


@dataclass(eq=False)
class DescriptorRow:
    """A descriptor. `handle`: 0 if the system does not tell it."""

    descriptor: Descriptor
    uuid: UUID
    handle: int
    value: Value = field(default_factory=Value)


@dataclass(eq=False)
class CharacteristicRow:
    """A characteristic. `handle`: of its value. `properties`: as they are on air."""

    characteristic: Characteristic
    uuid: UUID
    handle: int
    properties: Properties
    descriptors: list[DescriptorRow]
    service: ServiceRow = field(repr=False)
    value: Value = field(default_factory=Value)

    @property
    def property_names(self) -> list[str]:
        """The properties in words, in the order of their bits."""
        return [name for each, name in PROPERTY_NAMES.items() if self.properties & each]

    def descriptor(self, uuid16: int) -> DescriptorRow | None:
        """Return the first descriptor of an assigned number; None if there is none."""
        alike = (each for each in self.descriptors if is_assigned(each.uuid, uuid16))
        return next(alike, None)


@dataclass(eq=False)
class IncludedRow:
    """A service that another one includes."""

    uuid: UUID
    handle: int
    end_handle: int


@dataclass(eq=False)
class ServiceRow:
    """A primary service."""

    service: Service
    uuid: UUID
    handle: int
    end_handle: int
    included: list[IncludedRow] = field(default_factory=list)
    characteristics: list[CharacteristicRow] = field(default_factory=list)


@dataclass(eq=False)
class Table:
    """All that discovery has found, in the order of the device's handles."""

    services: list[ServiceRow]

    @property
    def characteristics(self) -> Iterator[CharacteristicRow]:
        """All characteristics."""
        for service in self.services:
            yield from service.characteristics

    def owner(self, row: CharacteristicRow | DescriptorRow) -> CharacteristicRow:
        """Return the characteristic that a row belongs to, or is."""
        if isinstance(row, CharacteristicRow):
            return row
        return next(each for each in self.characteristics if row in each.descriptors)

    @property
    def rows(self) -> Iterator[CharacteristicRow | DescriptorRow]:
        """All that has a value."""
        for each in self.characteristics:
            yield each
            yield from each.descriptors


def is_assigned(uuid: UUID, number: int) -> bool:
    """Whether a UUID, of either size, is that assigned number."""
    from bleio.core.uuid import shorten, uuid16

    return shorten(uuid._octets) == uuid16(number)


async def read_table(connection: Connection) -> Table:
    """Discover all that a device has. Raises: as `aio.discover`."""
    return Table([_service_row(each) for each in await aio.discover(connection)])


def _service_row(service: Service) -> ServiceRow:
    found = service._found
    assert found is not None  # it was discovered
    included = [
        IncludedRow(UUID._on_air(each.uuid), each.handle, each.end_handle)
        for each in found.included
    ]
    row = ServiceRow(service, service.uuid, found.handle, found.end_handle, included)
    row.characteristics = [_characteristic_row(each, row) for each in service.characteristics]
    return row


def _characteristic_row(characteristic: Characteristic, service: ServiceRow) -> CharacteristicRow:
    model = remote_end(characteristic).model
    descriptors = [
        DescriptorRow(each, each.uuid, aio.handle(each)) for each in characteristic.descriptors
    ]
    return CharacteristicRow(
        characteristic, characteristic.uuid, model.handle, model.properties, descriptors, service
    )


async def learn(table: Table) -> None:
    """Read all that can be read, and note values and refusals. Raises: ConnectionError."""
    for row in table.rows:
        if isinstance(row, DescriptorRow) or row.properties & Properties.READ:
            row.value = await read_value(row)


async def read_value(row: CharacteristicRow | DescriptorRow) -> Value:
    """Read one value. Raises: ConnectionError and others that are not about this value alone."""
    attribute = row.descriptor if isinstance(row, DescriptorRow) else row.characteristic
    try:
        return Value(bytes(await aio.read(attribute)))
    except BluetoothError as error:
        inner = getattr(error, "inner", None)
        if isinstance(inner, KeysLost):  # those of a bond; a new pairing replaces them
            return Value(needs=Needs.AUTHENTICATION)
        if not isinstance(inner, AttError):
            raise
        needs = _NEEDS.get(AttErrorCode(inner.code)) if _is_known(inner.code) else None
        return Value(needs=needs, refusal=refusal_text(inner))


def refusal_text(error: AttError) -> str:
    """Return what an ATT error is called, with its code."""
    from bleio.core import words

    name = words.att_error(error.code)
    return name if "0x" in name else f"{name} (0x{error.code:02x})"


def _is_known(code: int) -> bool:
    return any(code == each for each in AttErrorCode)
