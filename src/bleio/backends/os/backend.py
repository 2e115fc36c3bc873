"""The backend on an operating system's Bluetooth.

It puts the parts together and keeps them in step: a `System` (which platform), what scans, what
makes links, and the peripheral role where there is one. To all of them it is the `SystemOwner`.

Opening. The system comes first, then links, then the peripheral, since a peer may connect to it at
once. If one fails, those before it are closed again. The system may also be lost while the rest is
being opened: that fails the opening, and is not told as `Events.lost`, since the adapter is open to
nobody yet.

Closing goes the other way. Each step has a time limit, as the other side is another program, and a
step that fails keeps none of the others from being done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

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
from bleio.backends.os.links.connecting import CLOSE_S, RELEASE_S, Connecting
from bleio.backends.os.links.plain import PlainPeers
from bleio.backends.os.scanning.finding import find_device
from bleio.backends.os.scanning.scanner import Scanner
from bleio.backends.os.system import Peers, Peripheral, Scans, System
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings
from bleio.core.security import LinkSecurity
from bleio.errors import CallerError, ControllerLost
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.server import LocalServer

STEP_S = CLOSE_S + RELEASE_S + 1.0  # what ending links may take, and more than all else

_log = logging.getLogger(__name__)


class OsBackend(Backend):
    """See `Backend`. Args: `system`: the platform."""

    events: Events
    server: LocalServer

    def __init__(self, system: System) -> None:
        self.settings = SecuritySettings()
        self._agent: PairingAgent | None = None
        self._system = system
        self._scanner: Scans = system.own_scanner(self) or Scanner(system, self)
        find = partial(find_device, system)
        self._peers: Peers = system.own_peers(self) or PlainPeers(system, self._scanner, find)
        self._connecting = Connecting(system, self, self._peers)
        self._is_open = False
        self._is_opening = False
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

    @property
    def agent(self) -> PairingAgent | None:
        """See `Backend`."""
        return self._agent

    @agent.setter
    def agent(self, agent: PairingAgent | None) -> None:
        if agent is not self._agent:
            self._agent = agent
            if self._is_open:
                self._peers.agent_changed()

    # Life

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        if self._is_open or self._is_opening:
            raise CallerError("The adapter is open already")
        server.set_device_name(name)
        self.server, self.events, self._error = server, events, None
        self._is_opening = True
        try:
            self.address = await self._system.open(self)
            await self._peers.open()
            if self._system.peripheral is not None:
                await self._system.peripheral.open()
            if self._error is not None:
                raise self._error
        except BaseException:
            await self._close_parts()
            raise
        finally:
            self._is_opening = False
        self._is_open = True

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._close_parts()

    async def _close_parts(self) -> None:
        """Close what is open; nothing that one does keeps the others from being closed."""
        await _step("the scan", self._scanner.stop())
        await _step("links", self._connecting.close())
        if self._system.peripheral is not None:
            await _step("the peripheral", self._system.peripheral.close())
        await _step("pairing", self._peers.close())
        await _step("the system", self._system.close())

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
        if self._error is not None or not (self._is_open or self._is_opening):
            return
        self._error = error
        if self._is_opening:
            return  # `open` raises it
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
        characteristic.value = value
        if self._is_open and self._system.peripheral is not None:
            await self._system.peripheral.publish(characteristic, value)

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        system = self._opened()
        require(self.platform, self.capabilities, Capability.ERASABLE_BONDS)
        # Some end, as their devices are forgotten.
        links = [each for each in self._connecting.links if peer in (None, each.peer)]
        try:
            await system.erase_bonds(peer)
        except BaseException:
            for link in links:
                link.security = self._peers.security(link.peer)
            raise
        finally:
            self._connecting.forget_subscriptions()
        for link in links:
            link.security = LinkSecurity()

    def counters(self) -> Mapping[str, int]:
        return {**self._system.counters(), **self._scanner.counters()}


async def _step(what: str, work: Coroutine[Any, Any, None]) -> None:
    """Do a step of closing, within bounds."""
    try:
        await asyncio.wait_for(work, STEP_S)
    except Exception as error:  # of another program, of any kind
        _log.warning("Closing %s failed: %r", what, error)
