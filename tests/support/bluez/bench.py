"""A peripheral on a bluetoothd that a test plays, and centrals that come and go there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

from dbus_fast import Variant

from bleio.backends.base import AdvertisingParameters
from bleio.backends.os.bluez.kernel_links import Direction, KernelLinks
from bleio.backends.os.bluez.objects import DEVICE
from bleio.backends.os.bluez.peripheral import BlueZPeripheral
from bleio.backends.os.bluez.system import BlueZ
from bleio.core.address import DeviceAddress, parse_address
from bleio.core.pairing import SecuritySettings
from bleio.errors import ControllerLost
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor
from bleio.gatt.server import LocalServer
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import Refusal, StandIn, device_path, until

CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
FLAGS = b"\x02\x01\x06"
PEER = "C0:00:00:00:00:01"


class Owner:
    """`SystemOwner` and `Events` in one, which writes down what it is told."""

    def __init__(self) -> None:
        self.events = self
        self.server = LocalServer("peripheral")
        self.agent = None
        self.settings = SecuritySettings()
        self.log: list[str] = []
        self.asked_for: set[DeviceAddress] = set()
        self.errors: list[ControllerLost] = []
        self.links: dict[DeviceAddress, Any] = {}

    def is_ours(self, peer: DeviceAddress) -> bool:
        return peer in self.asked_for

    def link_to(self, peer: DeviceAddress) -> Any:
        return self.links.get(peer)

    def peer_connected(self, peer: DeviceAddress) -> None:
        self.log.append(f"{peer} came")

    def peer_gone(self, peer: DeviceAddress, reason: int = 0) -> None:
        self.log.append(f"{peer} went")

    def advertising_ended(self) -> None:
        self.log.append("advertising ended")

    def lost(self, error: ControllerLost) -> None:
        self.errors.append(error)


class Bench:
    """See the module."""

    direction = Direction.UNKNOWN  # of what connects next, as the kernel says

    def __init__(self) -> None:
        self.daemon, self.system, self.owner = StandIn(), BlueZ(), Owner()

    @property
    def peripheral(self) -> BlueZPeripheral:
        assert isinstance(self.system.peripheral, BlueZPeripheral)
        return self.system.peripheral

    def told_direction(self, octets: bytes) -> Direction:
        return self.direction

    async def open(self) -> None:
        await self.system.open(self.owner)  # type: ignore[arg-type]
        await self.peripheral.open()

    async def close(self) -> None:
        if self.system.peripheral is not None:
            await self.peripheral.close()
        await self.system.close()

    async def advertise(self, **parameters: Any) -> None:
        asked = AdvertisingParameters(**{"data": FLAGS, **parameters})
        await self.peripheral.start_advertising(asked)

    async def registered(self, count: int = 1) -> None:
        """Wait until bluetoothd has as many services of ours."""
        await until(lambda: len(self.daemon.applications) == count)
        await self.peripheral.settled()

    def path_of(self, value: LocalCharacteristic | LocalDescriptor) -> str:
        """Return the path of a value that is registered now."""
        for application in self.peripheral._table._services.values():
            for characteristic, path in application.paths.items() if application else ():
                if characteristic is value:
                    return path
                for index, descriptor in enumerate(characteristic.descriptors):
                    if descriptor is value:
                        return f"{path}/desc{index:04x}"
        raise AssertionError("it is not registered")

    # What centrals do, as bluetoothd tells it

    async def connect(self, address: str = PEER, paired: bool = False) -> str:
        """Returns: the object path of the device."""
        path = device_path(address)
        before = len(self.owner.log)
        properties = {"Address": address, "AddressType": "random", "Paired": paired}
        self.daemon.add(path, DEVICE, **properties, Connected=True)
        await until(lambda: len(self.owner.log) > before)
        return path

    async def disconnect(self, path: str) -> None:
        before = len(self.owner.log)
        self.daemon.change(path, DEVICE, Connected=False)
        await until(lambda: len(self.owner.log) > before)

    async def read(
        self, value: LocalCharacteristic | LocalDescriptor, device: str = "", offset: int = 0
    ) -> bytes:
        reply = await self._call(value, "ReadValue", "a{sv}", _options(device, offset))
        return bytes(reply.body[0])

    async def write(
        self,
        value: LocalCharacteristic | LocalDescriptor,
        octets: bytes,
        device: str = "",
        offset: int = 0,
    ) -> None:
        await self._call(value, "WriteValue", "aya{sv}", octets, _options(device, offset))

    async def subscribe(self, characteristic: LocalCharacteristic) -> None:
        await self._call(characteristic, "StartNotify")

    async def unsubscribe(self, characteristic: LocalCharacteristic) -> None:
        await self._call(characteristic, "StopNotify")

    async def confirm(self, characteristic: LocalCharacteristic) -> None:
        await self._call(characteristic, "Confirm")

    async def _call(
        self,
        value: LocalCharacteristic | LocalDescriptor,
        member: str,
        signature: str = "",
        *body: Any,
    ) -> Any:
        interface = DESCRIPTOR if isinstance(value, LocalDescriptor) else CHARACTERISTIC
        return await self.daemon.call(self.path_of(value), interface, member, signature, *body)


def _options(device: str, offset: int) -> dict[str, Variant]:
    options = {"link": Variant("s", "LE"), "mtu": Variant("q", 247)}
    if device:
        options["device"] = Variant("o", device)
    if offset:
        options["offset"] = Variant("q", offset)
    return options


@asynccontextmanager
async def bench(version: str = "0542") -> AsyncIterator[Bench]:
    """Open a peripheral. Args: `version`: of BlueZ, as hexadecimal digits: 5.66 is 0542."""
    made = Bench()
    async with private_bus():
        adapter = next(iter(made.daemon.objects.values()))["org.bluez.Adapter1"]
        adapter["Modalias"] = Variant("s", f"usb:v1D6Bp0246d{version}")
        await made.daemon.start()
        with mock.patch.object(KernelLinks, "direction", staticmethod(made.told_direction)):
            await made.open()
            try:
                yield made
            finally:
                await made.close()
                made.daemon.bus.disconnect()


def peer(address: str = PEER) -> DeviceAddress:
    return DeviceAddress(parse_address(address), random=True)


__all__ = ["FLAGS", "PEER", "Bench", "Refusal", "bench", "peer", "until"]
