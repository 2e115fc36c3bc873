"""bleak's client on an adapter of ours.

A client is of one device and has one link at a time. Two clients of one device in one program share
its link, as on BlueZ; whoever disconnects ends it for both. Records of an earlier link may be used
on the next one: they stand for what has their handle there.

Where a peer refuses a request since the link is not secure, operating systems pair by themselves
and ask once more. So does this one; who answers is the adapter's pairing delegate.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError

from bleio import aio
from bleio.api import Address, Connection, ScanEntry
from bleio.bleak.errors import NOT_CONNECTED, as_bleak, att_code
from bleio.bleak.filters import tell_unknown
from bleio.bleak.heard import address_text
from bleio.bleak.radio import Radio, let_go, radio_of
from bleio.bleak.services import discovered, mtu
from bleio.core.codes import AttErrorCode
from bleio.errors import BluetoothError, SecurityError

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit  # bleak needs it there

T = TypeVar("T")

_ASKS_FOR_PAIRING = {
    AttErrorCode.INSUFFICIENT_AUTHENTICATION,
    AttErrorCode.INSUFFICIENT_ENCRYPTION,
}
_TYPES = {"public": Address.PUBLIC, "random": Address.RANDOM_STATIC}
_BUFFERED_VALUES = 512  # of a loop that is busy for a while
_NO_ARGUMENTS = (
    "pair() takes no arguments here; the adapter's pairing delegate answers, or BLEIO_PAIRING"
)


class Client(BaseBleakClient):
    """Connects with the current adapter, or the one of `bluez={"adapter": "virtual:desk"}`.

    `winrt={"address_type": "public"}`, or "random", connects to an address without a scan for it;
    else what is not a BLEDevice of a scanner of ours is looked for first.
    """

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        bluez: Mapping[str, Any] | None = None,
        winrt: Mapping[str, Any] | None = None,
        adapter: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        tell_unknown(kwargs)
        self._choice = bluez or {}, adapter
        self._wanted = services
        self._name: str | None = None
        self._device = _stated(self.address, (winrt or {}).get("address_type"))
        if isinstance(address_or_ble_device, BLEDevice):
            self._name = address_or_ble_device.name
            details = address_or_ble_device.details
            if isinstance(details, dict) and isinstance(details.get("address"), Address):
                self._device = details["address"]
        self._is_connecting = False
        self._connection: Connection | None = None
        self._watch: asyncio.Task[None] | None = None
        self._subscriptions: dict[int, aio.Subscription | None] = {}

    @property
    def name(self) -> str:
        """The name that it advertised, else its address with dashes."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT_MTU in octets."""
        return mtu(self._connection)

    @property
    def is_connected(self) -> bool:
        """Whether there is a link."""
        return self._connection is not None and self._connection.connected

    # The link

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect, pair if wanted, and discover services.

        Args: kwargs: `timeout` in seconds, for all of it. Services are never taken from a cache,
            whatever else is given.
        Raises: TimeoutError; BleakDeviceNotFoundError; other errors of bleak.
        """
        if self.is_connected:
            raise BleakError("Client is already connected")
        if self._is_connecting:
            raise BleakError("Client is already connecting")
        self._is_connecting = True
        try:
            async with time_limit(kwargs.get("timeout", self._timeout)):
                await self._begin(radio_of(*self._choice), pair)
        except asyncio.TimeoutError:
            if self._device is not None:
                raise
            raise self._not_found() from None
        finally:
            self._is_connecting = False

    async def _begin(self, radio: Radio, pair: bool) -> None:
        if self._device is None:
            self._device = await self._looked_for(radio)
        with as_bleak():
            connection = await radio.connect(self._device)
            try:
                if pair:
                    await aio.pair(connection)
                self.services = await discovered(connection, self._wanted)
            except BaseException:
                await radio.give_up(connection)
                raise
        self._connection = connection
        self._watch = asyncio.create_task(self._watching(connection))

    async def _looked_for(self, radio: Radio) -> Address:
        """Listen for the device, whose kind of address only itself tells."""
        found = asyncio.get_running_loop().create_future()

        def hear(entry: ScanEntry) -> None:
            if address_text(entry.address) == self.address.upper() and not found.done():
                found.set_result(entry.address)

        await radio.listen(found, hear, active=False)
        try:
            address: Address = await found
            return address
        finally:
            await radio.ignore(found)

    async def _watching(self, connection: Connection) -> None:
        """Tell the program of the link's end; end it if the loop is about to."""
        try:
            await aio.disconnected(connection)
        except asyncio.CancelledError:
            await aio.disconnect(connection)
            self._ended(connection)
            raise
        except BluetoothError:
            pass  # the engine has stopped, and with it the link
        self._ended(connection)

    def _ended(self, connection: Connection) -> None:
        if self._connection is connection:  # else there is a new link already
            self._connection = self.services = None
            self._subscriptions = {}
        if self._disconnected_callback is None:
            return
        try:
            self._disconnected_callback()
        except Exception as error:
            message = f"Exception in the disconnected callback of {self.address}"
            context = {"message": message, "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    async def disconnect(self) -> None:
        """End the link; its callback has been called when this returns, if in this loop."""
        connection, watch = self._connection, self._watch
        if connection is None or watch is None:
            return
        if watch.get_loop().is_closed():
            let_go(connection)  # perhaps by a task of that loop, which cannot wait
            return
        with as_bleak():
            await aio.disconnect(connection)
        of_this_loop = watch.get_loop() is asyncio.get_running_loop()
        if of_this_loop and watch is not asyncio.current_task():
            await asyncio.wait([watch])

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Pair and bond, by the adapter's delegate; at once if the link is encrypted."""
        if args or kwargs:
            raise BleakError(_NO_ARGUMENTS)
        with as_bleak():
            await aio.pair(self._live())

    async def unpair(self) -> None:
        """Forget the bond, which the link need not be there for, and end the link."""
        radio = radio_of(*self._choice)
        if self._connection is not None:
            self._device = Address._on_air(self._connection._link.peer)
        if self._device is None:
            raise self._not_found()
        with as_bleak():
            await aio.erase_bonding(radio.adapter, self._device)
        await self.disconnect()

    def _not_found(self) -> BleakDeviceNotFoundError:
        text = f"Device with address {self.address} was not found."
        return BleakDeviceNotFoundError(self.address, text)

    def _live(self) -> Connection:
        if self._connection is None:
            raise BleakError(NOT_CONNECTED)
        return self._connection

    # Values

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read from the peer, also if a cached value would do: there is none."""
        return await self._securely(lambda: aio.read(self._of(characteristic)))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read from the peer."""
        return await self._securely(lambda: aio.read(self._of(descriptor)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write with response, or without."""
        octets = bytes(data)
        await self._securely(lambda: aio.write(self._of(characteristic), octets, response=response))

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write with response."""
        octets = bytes(data)
        await self._securely(lambda: aio.write(self._of(descriptor), octets))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **kwargs: Any,
    ) -> None:
        """Subscribe: to notifications, or indications where there are no others.

        Args: kwargs: `force_indicate` asks for indications, as on Windows.
        What comes is handed over in the loop, in order, before what comes after it ends a wait.
        """
        handle = characteristic.handle
        if handle in self._subscriptions:
            raise BleakError("Characteristic notifications already started")
        subscriptions = self._subscriptions
        subscriptions[handle] = None  # another one must not begin meanwhile
        try:
            subscriptions[handle] = await self._securely(
                lambda: aio.subscribe(
                    self._of(characteristic),
                    lambda value: callback(bytearray(value)),
                    indicate=bool(kwargs.get("force_indicate")),
                    buffer_size=_BUFFERED_VALUES,
                )
            )
        except BaseException:
            subscriptions.pop(handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe; does nothing where there is no subscription."""
        subscription = self._subscriptions.get(characteristic.handle)
        if subscription is not None:
            del self._subscriptions[characteristic.handle]
            with as_bleak():
                await subscription.end()

    def _of(self, record: BleakGATTCharacteristic | BleakGATTDescriptor) -> Any:
        """Return our object of this link. Raises: BleakError."""
        self._live()
        assert self.services is not None
        known = self.services.characteristics.get(record.handle)
        here = known or self.services.get_descriptor(record.handle)
        return record.obj if here is None or here.uuid != record.uuid else here.obj

    async def _securely(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it; if the link is not secure enough for it, pair and do it again."""
        with as_bleak():
            try:
                return await act()
            except SecurityError as error:
                if att_code(error) not in _ASKS_FOR_PAIRING or self._live().paired:
                    raise
                refused = error
            try:
                await aio.pair(self._live())
            except BluetoothError:
                raise refused from None
            return await act()


def _stated(address: str, kind: object) -> Address | None:
    """Return a device that the program describes in full."""
    if kind not in _TYPES:
        return None
    return Address(bytes.fromhex(address.replace(":", ""))[::-1], _TYPES[str(kind)])
