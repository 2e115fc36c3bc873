"""The backend on an operating system's Bluetooth.

(Skeleton: what each part does is fixed here, the parts follow.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bleio.backends.base import (
    AdvertisingParameters,
    Backend,
    Events,
    Link,
    PairingAgent,
    ScanParameters,
    Subscriber,
)
from bleio.backends.capabilities import Capabilities, Capability, require
from bleio.backends.os.links.connecting import Connecting
from bleio.backends.os.scanning.scanner import Scanner
from bleio.backends.os.system import Peripheral, Scans, System
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings
from bleio.errors import CallerError, ControllerLost
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.server import LocalServer


class OsBackend(Backend):
    """See `Backend`. Args: `system`: the platform."""

    events: Events
    server: LocalServer

    def __init__(self, system: System) -> None:
        self.settings = SecuritySettings()
        self.agent: PairingAgent | None = None
        self._system = system
        self._scanner: Scans = system.own_scanner(self) or Scanner(system, self)
        self._connecting = Connecting(system, self)
        self._is_open = False
        self._error: ControllerLost | None = None

    @property
    def name(self) -> str:
        return self._system.name

    @property
    def platform(self) -> str:
        return self._system.platform

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]
        return self._system.capabilities

    # Life

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        if self._is_open:
            raise CallerError("The adapter is open already")
        server.set_device_name(name)
        self.server, self.events, self._error = server, events, None
        try:
            self.address = await self._system.open(self)
            if self._system.peripheral is not None:
                await self._system.peripheral.open()
        except BaseException:
            await self._system.close()
            raise
        self._is_open = True

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        await self._scanner.stop()
        await self._connecting.close()
        if self._system.peripheral is not None:
            await self._system.peripheral.close()
        await self._system.close()

    def _opened(self) -> System:
        if not self._is_open:
            raise ControllerLost("The adapter is not open.")
        if self._error is not None:
            raise self._error
        return self._system

    def _peripheral(self) -> Peripheral:
        system = self._opened()
        if system.peripheral is None:
            require(self.platform, frozenset(), Capability.PERIPHERAL)
        assert system.peripheral is not None
        return system.peripheral

    # SystemOwner

    def is_ours(self, peer: DeviceAddress) -> bool:
        return self._connecting.is_ours(peer)

    def link_to(self, peer: DeviceAddress) -> Link | None:
        return self._connecting.link_to(peer)

    def peer_connected(self, peer: DeviceAddress) -> None:
        self._connecting.incoming(peer)

    def peer_gone(self, peer: DeviceAddress, reason: int = 0) -> None:
        self._connecting.gone(peer, reason)

    def lost(self, error: ControllerLost) -> None:
        if self._error is not None or not self._is_open:
            return
        self._error = error
        self._connecting.lost(error)
        self.events.lost(error)

    # GAP

    async def set_address(self, address: DeviceAddress) -> None:
        require(self.platform, self.capabilities, Capability.SETTABLE_ADDRESS)

    async def start_scan(self, parameters: ScanParameters) -> None:
        self._opened()
        await self._scanner.start(parameters)

    async def stop_scan(self) -> None:
        self._opened()
        await self._scanner.stop()

    async def connect(self, address: DeviceAddress, timeout_s: float) -> Link:
        self._opened()
        return await self._connecting.connect(address, timeout_s)

    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        await self._peripheral().start_advertising(parameters)

    async def stop_advertising(self) -> None:
        await self._peripheral().stop_advertising()

    # GATT and security

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        peripheral = self._system.peripheral
        return () if peripheral is None else peripheral.subscribers

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        if self._is_open and self._system.peripheral is not None:
            await self._system.peripheral.publish(characteristic, value)

    async def erase_bonds(self) -> None:
        system = self._opened()
        require(self.platform, self.capabilities, Capability.ERASABLE_BONDS)
        await system.erase_bonds()

    def counters(self) -> Mapping[str, int]:
        return {**self._system.counters(), **self._scanner.counters()}
