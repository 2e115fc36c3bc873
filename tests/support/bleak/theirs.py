"""The peripheral of `table`, made with bumble."""

from __future__ import annotations

import asyncio
from typing import Any

from bumble.att import ATT_Error, Attribute, AttributeValue, ErrorCode
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.gatt import (
    GATT_CHARACTERISTIC_USER_DESCRIPTION_DESCRIPTOR,
    Characteristic,
    CharacteristicValue,
    Descriptor,
    Service,
)
from bumble.pairing import PairingConfig

from support.bleak import table

_READ, _WRITE = Characteristic.READ, Characteristic.WRITE
_NOTIFY, _INDICATE = Characteristic.NOTIFY, Characteristic.INDICATE
_READABLE, _WRITEABLE = Attribute.READABLE, Attribute.WRITEABLE
_SAFE = Attribute.READ_REQUIRES_ENCRYPTION | Attribute.WRITE_REQUIRES_ENCRYPTION


class TheirPeripheral:
    """Serves it all with one device of bumble. Thread: bumble's."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._waiting: set[asyncio.Task[None]] = set()
        self._told = {
            4: _plain(table.NOTIFY, _READ | _NOTIFY),
            5: _plain(table.INDICATE, _INDICATE),
            6: _plain(table.BOTH, _NOTIFY | _INDICATE),
        }
        device.pairing_config_factory = lambda connection: PairingConfig(mitm=False)
        device.add_service(Service(UUID(table.SERVICE), self._characteristics()))
        for value in (b"\x01", b"\x02"):
            twice = _plain(table.OF_TWICE, _READ, value)
            device.add_service(Service(UUID(table.TWICE), [twice]))

    def _characteristics(self) -> list[Characteristic[Any]]:
        store = _plain(table.STORE, _READ | _WRITE)
        described = Descriptor(
            GATT_CHARACTERISTIC_USER_DESCRIPTION_DESCRIPTOR,
            _READABLE,
            _only_read(table.DESCRIPTION.encode()),
        )
        note = Descriptor(UUID(table.NOTE), _READABLE | _WRITEABLE, b"note")
        store.descriptors = [described, note]
        fixed = CharacteristicValue(write=_take_fixed)
        control = CharacteristicValue(write=self._obey)
        return [
            _plain(table.READ, _READ, b"hello"),
            store,
            _plain(table.COMMAND, _READ | Characteristic.WRITE_WITHOUT_RESPONSE),
            *self._told.values(),
            Characteristic(UUID(table.ENCRYPTED), _READ | _WRITE, _READABLE | _SAFE, b"secret"),
            _plain(table.LONG, _READ, table.LONG_VALUE),
            _plain(table.SAME, _READ, b"one"),
            _plain(table.SAME, _READ, b"two"),
            Characteristic(UUID(table.FIXED), _WRITE, _WRITEABLE, fixed),
            Characteristic(UUID(table.CONTROL), _WRITE, _WRITEABLE, control),
        ]

    async def advertise(self) -> None:
        """Advertise whenever there is no link."""
        await self._device.start_advertising(
            auto_restart=True,
            advertising_data=table.ADVERTISED,
            scan_response_data=table.ANSWERED,
            advertising_interval_min=30,
            advertising_interval_max=30,
        )

    async def _obey(self, connection: Connection, command: bytes) -> None:
        if command[0] == table.TELL_FIRST:
            await self._tell(command[1], command[2:])
            return
        task = asyncio.create_task(self._do(connection, command))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _do(self, connection: Connection, command: bytes) -> None:
        if command[0] == table.END_LINK:
            await connection.disconnect()
        elif command[0] == table.TELL:
            await self._tell(command[1], command[2:])
        elif command[0] == table.MANY:
            for number in range(command[2]):
                await self._tell(command[1], number.to_bytes(4, "little"))

    async def _tell(self, number: int, value: bytes) -> None:
        characteristic = self._told[number]
        characteristic.value = value
        if number == 5:
            await self._device.indicate_subscribers(characteristic)
        else:
            await self._device.notify_subscribers(characteristic)


def _plain(uuid: str, properties: Any, value: bytes = b"") -> Characteristic[Any]:
    return Characteristic(UUID(uuid), properties, _READABLE | _WRITEABLE, value)


def _only_read(value: bytes) -> AttributeValue[bytes]:
    """Return a value that nobody may write: bumble does not look at permissions for that."""
    return AttributeValue(read=lambda connection: value, write=_refuse)


def _refuse(connection: Connection, value: bytes) -> None:
    raise ATT_Error(ErrorCode.WRITE_NOT_PERMITTED)


def _take_fixed(connection: Connection, value: bytes) -> None:
    if len(value) != 4:
        raise ATT_Error(ErrorCode.INVALID_ATTRIBUTE_LENGTH)
