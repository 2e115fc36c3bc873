"""A proxy's links as bleak sees them: bleak's client backends for one proxy, and for a fleet.

bleak-esphome has a backend for one proxy. `ProxyClient` is that, with what the firmware leaves to
its clients: a peer's CCCD is set to indications where these are wanted, and back when a program
does not want values any more, or the peer would go on to send them.

`FleetClient` is the backend that `BleakClient` gets. It knows no proxy: when it connects, a link is
made through the one that suits best, and it passes all on to that. What fails comes as bleak has
it: bleak-esphome says GATT errors in words, with the code in the cause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from aioesphomeapi.core import BluetoothGATTAPIError
from bleak import BleakClient
from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.exc import BleakError, BleakGATTProtocolError
from bleak_esphome.backend.client import CCCD_INDICATE_BYTES, CCCD_UUID, ESPHomeClient

from bleio.errors import ProtocolViolation
from bleio.gatt.model import MAX_VALUE_OCTETS

T = TypeVar("T")

_ATT_CODES = range(0x01, 0x100)


class ProxyClient(ESPHomeClient):
    """bleak-esphome's client; see the module."""

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        await super().stop_notify(characteristic)
        await self._write_cccd(characteristic, b"\x00\x00")

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        force_indicate: bool = False,
        **kwargs: Any,
    ) -> None:
        """`force_indicate`: as on Windows; bleak-esphome takes notifications where it can."""
        await super().start_notify(characteristic, callback, **kwargs)
        if force_indicate and "indicate" in characteristic.properties:
            await self._write_cccd(characteristic, CCCD_INDICATE_BYTES)

    async def _write_cccd(self, characteristic: BleakGATTCharacteristic, value: bytes) -> None:
        if (cccd := characteristic.get_descriptor(CCCD_UUID)) is not None:
            await self.write_gatt_descriptor(cccd, value)


class Routes(Protocol):
    """What makes links."""

    async def link_to(self, address: str, on_end: Callable[[], None]) -> BleakClient:
        """Connect to a device through the proxy that suits best, which takes as long as it takes.

        Raises: InnerError with a sentence, BleakError.
        """

    def refused_value(self) -> None:
        """A proxy has sent a value that is longer than values can be."""


class FleetClient(BaseBleakClient):
    """See the module. Args: `fleet`: passed on by `BleakClient`."""

    def __init__(self, address_or_ble_device: Any, *, fleet: Routes, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self._fleet = fleet
        self._link: BleakClient | None = None

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return self._client().mtu_size

    @property
    def is_connected(self) -> bool:
        return self._link is not None and self._link.is_connected

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        self._link = await self._fleet.link_to(self.address, self._ended)
        self.services = self._link.services
        if pair:
            await self.pair()

    async def disconnect(self) -> None:
        if self._link is not None:
            await _translated(self._link.disconnect())

    def _ended(self) -> None:
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _client(self) -> BleakClient:
        if self._link is None:
            raise BleakError("Not connected")
        return self._link

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        await _translated(self._client().pair())

    async def unpair(self) -> None:
        await _translated(self._client().unpair())

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return self._bounded(await _translated(self._client().read_gatt_char(characteristic)))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return self._bounded(await _translated(self._client().read_gatt_descriptor(descriptor)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        await _translated(self._client().write_gatt_char(characteristic, data, response))

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        await _translated(self._client().write_gatt_descriptor(descriptor, data))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        notified = partial(self._notified, callback)
        force = bool(kwargs.get("force_indicate"))
        call = self._client().start_notify(characteristic, notified, force_indicate=force)
        await _translated(call)

    def _notified(
        self, callback: NotifyCallback, _: BleakGATTCharacteristic, data: bytearray
    ) -> None:
        if len(data) <= MAX_VALUE_OCTETS:
            callback(data)
        else:
            self._fleet.refused_value()

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        await _translated(self._client().stop_notify(characteristic))

    def _bounded(self, value: bytearray) -> bytearray:
        if len(value) > MAX_VALUE_OCTETS:
            self._fleet.refused_value()
            raise ProtocolViolation(f"The proxy has sent a value of {len(value)} octets")
        return value


async def _translated(call: Awaitable[T]) -> T:
    """Await a call of bleak-esphome. Raises: what bleak raises for the same."""
    try:
        return await call
    except BleakError as error:
        cause = error.__cause__
        if isinstance(cause, BluetoothGATTAPIError) and cause.error.error in _ATT_CODES:
            raise BleakGATTProtocolError(cause.error.error) from None
        raise
