"""One Bluetooth link that a proxy has for a client: its services, values and notifications."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aioesphomeapi import api_pb2 as pb

from bleio.backends.base import Link
from bleio.core.uuid import expand
from bleio.errors import AttError, InnerError, KeysLost, PairingFailed
from bleio.gatt.model import RemoteCharacteristic, RemoteDescriptor, RemoteService, cccd_of

# Of ESP-IDF and of ESPHome's own.
NOT_CONNECTED = -1
INVALID_HANDLE = 0x01
FAILED = 0x85
PAIRING_FAILED = 0x51

Send = Callable[[Any], None]


class ProxiedLink:
    """See the module. Args: `send`: sends a message to the client."""

    def __init__(self, address: int, link: Link, send: Send) -> None:
        self.address = address
        self.link = link
        self._send = send
        self._values: dict[int, RemoteCharacteristic | RemoteDescriptor] = {}
        self._cccds: dict[int, RemoteCharacteristic] = {}
        self._listeners: dict[int, _Listener] = {}
        self._found = False

    async def send_services(self) -> None:
        """Discover all there is and send it, a message for each service.

        Once: a proxy then forgets them, as it has little memory, and has none to send any more.
        """
        try:
            services = [] if self._found else await self.link.discover(None)
        except InnerError as error:
            self._refuse(0, error)
            return
        for service in services:
            self._remember(service)
            message = pb.BluetoothGATTGetServicesResponse(address=self.address)
            message.services.append(_service(service))
            self._send(message)
        self._found = True
        self._send(pb.BluetoothGATTGetServicesDoneResponse(address=self.address))

    async def read(self, handle: int) -> None:
        value = self._value(handle)
        if value is None:
            return
        try:
            data = await self.link.read(value)
        except InnerError as error:
            self._refuse(handle, error)
        else:
            answer = pb.BluetoothGATTReadResponse(address=self.address, handle=handle, data=data)
            self._send(answer)

    async def write(self, handle: int, data: bytes, response: bool) -> None:
        value = self._value(handle)
        if value is None:
            return
        try:
            if response:
                await self.link.write(value, data)
            else:
                assert isinstance(value, RemoteCharacteristic)
                await self.link.write_command(value, data)
        except InnerError as error:
            self._refuse(handle, error)
        else:
            self._send(pb.BluetoothGATTWriteResponse(address=self.address, handle=handle))

    async def write_descriptor(self, handle: int, data: bytes) -> None:
        """Write a descriptor; a CCCD is the link's, which must know what is subscribed to."""
        characteristic = self._cccds.get(handle)
        if characteristic is None:
            await self.write(handle, data, response=True)
            return
        bits = int.from_bytes(data, "little")
        try:
            await self.link.subscribe(characteristic, bool(bits & 1), bool(bits & 2))
        except InnerError as error:
            self._refuse(handle, error)
        else:
            self._send(pb.BluetoothGATTWriteResponse(address=self.address, handle=handle))

    def notify(self, handle: int, enable: bool) -> None:
        """Pass the values of a characteristic on, or no longer."""
        value = self._value(handle)
        if not isinstance(value, RemoteCharacteristic):
            return
        listener = self._listeners.pop(handle, None)
        if listener is not None:
            self.link.unlisten(value, listener)
        if enable:
            listener = self._listeners[handle] = _Listener(partial(self._notified, handle))
            self.link.listen(value, listener)
        self._send(pb.BluetoothGATTNotifyResponse(address=self.address, handle=handle))

    async def pair(self) -> None:
        try:
            await self.link.pair()
        except (PairingFailed, KeysLost, InnerError):
            answer = pb.BluetoothDevicePairingResponse(address=self.address, error=PAIRING_FAILED)
        else:
            answer = pb.BluetoothDevicePairingResponse(address=self.address, paired=True)
        self._send(answer)

    async def set_interval(self, interval: int) -> None:
        await self.link.set_interval(interval * 1250)
        self._send(pb.BluetoothSetConnectionParamsResponse(address=self.address))

    def _value(self, handle: int) -> RemoteCharacteristic | RemoteDescriptor | None:
        value = self._values.get(handle)
        if value is None:
            self._refuse(handle, AttError(INVALID_HANDLE))
        return value

    def _refuse(self, handle: int, error: InnerError) -> None:
        code = FAILED
        if isinstance(error, AttError):
            code = error.code
        elif not self.link.connected:
            code = NOT_CONNECTED
        message = pb.BluetoothGATTErrorResponse(address=self.address, handle=handle, error=code)
        self._send(message)

    def _remember(self, service: RemoteService) -> None:
        for characteristic in service.characteristics:
            self._values[characteristic.handle] = characteristic
            for descriptor in characteristic.descriptors:
                self._values[descriptor.handle] = descriptor
            if (cccd := cccd_of(characteristic)) is not None:
                self._cccds[cccd.handle] = characteristic

    def _notified(self, handle: int, data: bytes) -> None:
        message = pb.BluetoothGATTNotifyDataResponse(address=self.address, handle=handle, data=data)
        self._send(message)


class _Listener:
    """Passes a characteristic's values on."""

    def __init__(self, notified: Callable[[bytes], None]) -> None:
        self.notified = notified

    def doubled(self, value: bytes, indicated: bool) -> None:
        self.notified(value)

    def link_closed(self) -> None:
        """The session is told by its proxy."""


def _service(service: RemoteService) -> Any:
    message = pb.BluetoothGATTService(uuid=_uuid(service.uuid), handle=service.handle)
    for characteristic in service.characteristics:
        part = message.characteristics.add(
            uuid=_uuid(characteristic.uuid),
            handle=characteristic.handle,
            properties=int(characteristic.properties),
        )
        for descriptor in characteristic.descriptors:
            part.descriptors.add(uuid=_uuid(descriptor.uuid), handle=descriptor.handle)
    return message


def _uuid(uuid: bytes) -> tuple[int, int]:
    """Return a UUID as two halves, the more significant one first."""
    number = int.from_bytes(expand(uuid), "little")
    return number >> 64, number & (1 << 64) - 1
