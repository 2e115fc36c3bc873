"""A backend whose controller is the test itself: what it is told is kept, what happens is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bleio.backends.base import AdvertisingParameters, Backend, Link, Report, ScanParameters
from bleio.backends.capabilities import EVERYTHING, Capabilities
from bleio.core.address import DeviceAddress
from bleio.core.security import LinkSecurity
from bleio.errors import ConnectTimeout, ControllerLost, LinkLost
from bleio.gatt.model import RemoteService

OWN = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
PEER = DeviceAddress(bytes.fromhex("a1a2a3a4a5c1"), random=True)


def report(data: bytes = b"\x02\x01\x06", rssi_dbm: int = -40) -> Report:
    """A packet from the peer."""
    return Report(PEER, data, rssi_dbm, True, False)


class FakeLink(Link):
    """A link on which reads wait until the test says how they end."""

    def __init__(self, backend: FakeBackend, peer: DeviceAddress, is_central: bool) -> None:
        self.peer, self.is_central, self.connected = peer, is_central, True
        self.security, self.mtu, self.interval_us = LinkSecurity(), 23, 50_000
        self.backend = backend
        self.reads: list[asyncio.Future[bytes]] = []

    def close(self, reason: int = 0x08) -> None:
        if self.connected:
            self.connected = False
            for read in self.reads:
                if not read.done():
                    read.set_exception(LinkLost(reason))
            self.backend.links.remove(self)
            self.backend.events.link_closed(self)

    async def read(self, value: Any) -> bytes:
        if not self.connected:
            raise LinkLost
        self.reads.append(asyncio.get_running_loop().create_future())
        self.backend.notice("read")
        return await self.reads[-1]

    async def disconnect(self) -> None:
        self.close(0x16)

    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        return []

    async def write(self, value: Any, octets: bytes) -> None: ...
    async def write_command(self, value: Any, octets: bytes, signed: bool = False) -> None: ...
    async def subscribe(self, characteristic: Any, notify: bool, indicate: bool) -> None: ...
    async def notify(self, characteristic: Any, value: bytes) -> None: ...
    async def indicate(self, characteristic: Any, value: bytes) -> None: ...
    async def pair(self) -> None: ...
    async def set_interval(self, interval_us: int) -> None: ...
    def listen(self, characteristic: Any, listener: Any) -> None: ...
    def unlisten(self, characteristic: Any, listener: Any) -> None: ...

    def subscription(self, characteristic: Any) -> tuple[bool, bool]:
        return False, False


class FakeBackend(Backend):
    """Keeps in `log` what it was told. `failing` maps a method's name to what it raises.

    A peer is connectable if its address is in `peers`; connecting to another waits for the time
    limit. `notice` prints a line for a parent process if `announce` is set.
    """

    announce = False
    name = "fake"
    capabilities: Capabilities = EVERYTHING

    def __init__(self, former: DeviceAddress | None = None) -> None:
        self.address = former or OWN
        self.log: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.peers = {PEER}
        self.links: list[FakeLink] = []
        self.parameters: Any = None
        self.is_lost = False

    def notice(self, what: str) -> None:
        self.log.append(what)
        if self.announce:
            print(what, flush=True)
        if what in self.failing:
            raise self.failing[what]
        if self.is_lost and what != "close":
            raise ControllerLost("The controller was unplugged")

    async def open(self, server: Any, name: str, events: Any) -> None:
        self.server, self.device_name, self.events = server, name, events
        self.notice("open")

    async def close(self) -> None:
        self.notice("close")
        for link in tuple(self.links):
            link.close(0x16)

    async def set_address(self, address: DeviceAddress) -> None:
        self.notice("set_address")
        self.address = address

    async def start_advertising(self, parameters: AdvertisingParameters) -> None:
        self.parameters = parameters
        self.notice("start_advertising")
        await asyncio.sleep(0)

    async def stop_advertising(self) -> None:
        self.notice("stop_advertising")
        await asyncio.sleep(0)

    async def start_scan(self, parameters: ScanParameters) -> None:
        self.parameters = parameters
        self.notice("start_scan")
        await asyncio.sleep(0)

    async def stop_scan(self) -> None:
        self.notice("stop_scan")
        await asyncio.sleep(0)

    async def connect(self, address: DeviceAddress, timeout_s: float) -> Link:
        self.notice("connect")
        if address in self.peers:
            return self.come_up(address, is_central=True)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), timeout_s or None)
        except (asyncio.TimeoutError, TimeoutError):
            raise ConnectTimeout from None
        except asyncio.CancelledError:
            self.log.append("connect cancelled")
            raise
        raise AssertionError

    @property
    def subscribers(self) -> tuple[Link, ...]:
        return tuple(self.links)

    async def publish(self, characteristic: Any, value: bytes) -> None:
        self.notice("publish")
        characteristic.value = value

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        self.notice("erase_bonds")

    # What the test does to it, on the engine thread

    def come_up(self, peer: DeviceAddress = PEER, is_central: bool = False) -> FakeLink:
        link = FakeLink(self, peer, is_central)
        self.links.append(link)
        self.events.link_opened(link)
        return link

    def accept(self) -> FakeLink:
        """A central connects to our advertising."""
        self.events.advertising_ended()
        return self.come_up()

    def lose(self) -> None:
        """The controller is unplugged."""
        self.is_lost = True
        for link in tuple(self.links):
            link.close()
        self.events.lost(ControllerLost("The controller was unplugged"))
