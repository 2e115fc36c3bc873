"""The table of a device, with what its values are and what they ask for.

All is read, and subscribed to, without encryption first, for only a refusal tells what asks for
it. Then, if the user wants that, the link is paired, and what was refused is tried again: what is
had now asked for encryption, and what is refused still, by a link that was paired by Just Works,
asks for more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bleio.cli.cloning.record import (
    Access,
    Characteristic,
    Descriptor,
    Paired,
    Place,
    Read,
    Record,
    Service,
)
from bleio.cli.cloning.table import OWN_SERVICES
from bleio.cli.devices.connecting import Device, pair_with
from bleio.cli.devices.table import (
    CharacteristicRow,
    DescriptorRow,
    Needs,
    Table,
    Value,
    read_table,
    read_value,
)
from bleio.core.codes import GattUuid, Properties
from bleio.core.uuid import expand, uuid16
from bleio.names import uuid_name

_CCCD = expand(uuid16(GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION))
_DEVICE_NAME = expand(uuid16(GattUuid.DEVICE_NAME))
_SECURITY = frozenset({Needs.ENCRYPTION, Needs.AUTHENTICATION, Needs.LONGER_KEY})
_PROGRESS_VALUES = 100
Row = CharacteristicRow | DescriptorRow


@dataclass
class Explored:
    """A device while it is looked at: what is known of it, and the objects it is known by."""

    device: Device
    record: Record
    table: Table
    reads: list[tuple[Row, Read]]
    may_pair: bool
    say: Callable[[str], None]

    def characteristics(self) -> list[tuple[Place, CharacteristicRow, Characteristic]]:
        """All but those of the services that each stack has itself."""
        return [
            ((index, place), row, self.record.at((index, place)))
            for index, service in enumerate(self.table.services)
            if expand(service.uuid._octets) not in OWN_SERVICES
            for place, row in enumerate(service.characteristics)
        ]

    def is_refused(self) -> bool:
        """Whether more security would show more."""
        reads = any(read.access is Access.ENCRYPTED for _, read in self.reads)
        return reads or any(
            kept.subscribing is Access.ENCRYPTED for _, _, kept in self.characteristics()
        )

    async def pair(self) -> bool:
        """Pair, if something was refused and it is allowed, and read again what was refused.

        Returns: whether it is paired now. Raises: Refused.
        """
        if not self.may_pair or self.record.paired is not Paired.NO or not self.is_refused():
            return False
        self.say(f"Pairing with {self.device}, which asks for it.")
        await pair_with(self.device)
        security = self.device.connection._link.security
        self.record.paired = Paired.AUTHENTICATED if security.authenticated else Paired.JUST_WORKS
        for row, read in self.reads:
            if read.access is Access.ENCRYPTED:
                await _read_with_keys(row, read)
        return True


async def explore(
    device: Device, record: Record, may_pair: bool, say: Callable[[str], None]
) -> Explored:
    """Find out what a device has, into the record, without pairing. Raises: what a read raises."""
    say(f"Exploring {device}.")
    table = await read_table(device.connection)
    explored = Explored(device, record, table, [], may_pair, say)
    for service in table.services:
        kept = Service(
            service.uuid._octets,
            _name(service.uuid._octets),
            [each.uuid._octets for each in service.included],
        )
        record.services.append(kept)
        for row in service.characteristics:
            kept.characteristics.append(_characteristic(explored, row))
    await _read_all(explored)
    if device.connection.paired:
        record.paired = Paired.BEFORE
    record.name = _gap_name(record) or device.heard.name
    return explored


def _characteristic(explored: Explored, row: CharacteristicRow) -> Characteristic:
    uuid = row.uuid._octets
    kept = Characteristic(uuid, int(row.properties), _name(uuid))
    if row.properties & Properties.READ:
        explored.reads.append((row, kept.read))
    for each in row.descriptors:
        octets = each.uuid._octets
        if expand(octets) != _CCCD:
            descriptor = Descriptor(octets, _name(octets))
            kept.descriptors.append(descriptor)
            explored.reads.append((each, descriptor.read))
    return kept


def _name(uuid: bytes) -> str:
    return uuid_name(uuid) or ""


async def _read_all(explored: Explored) -> None:
    for number, (row, read) in enumerate(explored.reads):
        if number and not number % _PROGRESS_VALUES:
            explored.say(f"Read {number} of {len(explored.reads)} values.")
        _take(read, await read_value(row))


async def _read_with_keys(row: Row, read: Read) -> None:
    value = await read_value(row)
    _take(read, value)
    if value.octets is not None:
        read.access = Access.ENCRYPTED
    elif read.access is Access.ENCRYPTED:
        read.access = Access.AUTHENTICATED


def _take(read: Read, value: Value) -> None:
    if value.octets is not None:
        read.access, read.values, read.refusal = Access.OPEN, [value.octets], ""
    else:
        read.access = Access.ENCRYPTED if value.needs in _SECURITY else Access.REFUSED
        read.refusal = value.refusal or ""


async def read_again(explored: Explored) -> None:
    """Note which values have changed since they were read."""
    for row, read in explored.reads:
        if read.values and isinstance(row, CharacteristicRow):
            octets = (await read_value(row)).octets
            if octets is not None and octets not in read.values:
                read.values.append(octets)


def _gap_name(record: Record) -> str:
    for service in record.services:
        for each in service.characteristics:
            if expand(each.uuid) == _DEVICE_NAME and each.read.values:
                return each.read.values[0].decode("utf-8", "replace")
    return ""
