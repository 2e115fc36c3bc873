"""A building with simulated proxies and devices at places of it, and a fleet of the proxies.

    kitchen        x = 0 m
    hall           x = 25 m
    NEAR_KITCHEN   the kitchen alone hears a device there
    NEAR_HALL      the hall alone does
    BETWEEN        both do, the kitchen by 7 dB better

All of it is in one event loop. The air is the simulated radio's, in real time, with distances and
noise; the network between proxies and fleet is this computer's own.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

from bleio.backends.base import Link, Report
from bleio.backends.hci import HciBackend
from bleio.backends.os import OsBackend
from bleio.backends.os.esphome import fleet as fleets
from bleio.backends.os.esphome.fleet import Fleet
from bleio.backends.os.esphome.places import Keys, Place
from bleio.radio.air.propagation import Propagation
from support.esphome.server import Proxy
from support.hci.engine import until
from support.hci.world import Device
from support.patience import PATIENCE_S

KITCHEN, HALL = 0.0, 25.0
NEAR_KITCHEN, BETWEEN, NEAR_HALL = -8.0, 10.0, 33.0
KEY = base64.b64encode(bytes(range(32))).decode()


def place_of(proxy: Proxy) -> Place:
    return Place("127.0.0.1", proxy.port)


class Building:
    """See the module; all that it made is closed at its end."""

    def __init__(self) -> None:
        self._ends = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Building:
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self._ends.aclose()

    async def device(self, metres: float) -> Device:
        """Return a device that is open, at a place."""
        device = Device(HciBackend("virtual"))
        await device.open()
        self._ends.push_async_callback(device.backend.close)
        put(device.backend, metres)
        return device

    async def proxy(
        self, name: str, metres: float = KITCHEN, host: str = "127.0.0.1", **arguments: Any
    ) -> Proxy:
        """Return a proxy that is there, at a place."""
        proxy = Proxy(name, **arguments)
        await proxy.open(host)
        self._ends.push_async_callback(proxy.close)
        put(proxy.backend, metres)
        return proxy

    async def two_proxies(self, **arguments: Any) -> tuple[Proxy, Proxy]:
        """Return the kitchen's, in the clear, and the hall's, encrypted."""
        kitchen = await self.proxy("kitchen", KITCHEN, **arguments)
        return kitchen, await self.proxy("hall", HALL, key=KEY, **arguments)

    async def fleet(self, *proxies: Proxy) -> OpenFleet:
        """Return a fleet of proxies that is open."""
        keys = {place_of(proxy): proxy.key for proxy in proxies if proxy.key is not None}
        fleet = OpenFleet([place_of(proxy) for proxy in proxies], keys)
        self.at_end(fleet.backend.close)
        with mock.patch.object(fleets, "OTHERS_S", PATIENCE_S):  # all are to be there
            await fleet.open()
        return fleet

    def at_end(self, end: Callable[[], Awaitable[None]]) -> None:
        """Have something done before what is there already is closed."""
        self._ends.push_async_callback(end)


def put(backend: HciBackend, metres: float) -> None:
    """Put a device or a proxy somewhere on the x axis."""
    opened: Any = backend._open
    controller = opened.port._port._controller
    controller.layer.station.position = (metres, 0.0, 0.0)
    medium = opened.port._port._radio.driver.radio.medium
    medium.propagation = Propagation(path_loss_db=None, exponent=4.0, noise=True)


class OpenFleet(Device):
    """An adapter that is a fleet."""

    def __init__(self, places: list[Place], keys: dict[Place, str]) -> None:
        self.system = Fleet(places, lambda: Keys(keys))
        super().__init__(OsBackend(self.system))

    def heard(self, device: Device) -> list[Report]:
        return [each for each in self.engine.reports if each.address == device.address]

    async def link_to(self, device: Device) -> Link:
        link: Link = await self.backend.connect(device.address, PATIENCE_S)
        return link

    async def has(self, *proxies: Proxy) -> None:
        """Wait until these proxies are connected, and no others."""
        wanted = {place_of(proxy) for proxy in proxies}
        await until(
            lambda: {each.place for each in self.system.proxies if each.session} == wanted,
            f"proxies at {wanted}",
        )


def links(proxy: Proxy) -> int:
    """Return how many links a proxy has."""
    return sum(len(session.links) for session in proxy.sessions)
