"""Whatever is started, stopped, changed and taken back in whatever order, all still works."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from bleio.backends.base import Link
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress
from bleio.errors import ConnectTimeout, ControllerError, LinkLost
from support.hci.engine import until
from support.hci.privacy import CONTROLLERS, PrivateWorld, bond, is_private, part, set_private
from support.hci.simulated import simulated
from support.hci.world import Device

STEPS = 150
EXPECTED = (Link, ControllerError, LinkLost, asyncio.CancelledError)


class Monkey:
    """Does things to a device, and takes care of nothing."""

    def __init__(self, device: Device, peers: list[DeviceAddress], dice: random.Random) -> None:
        self.device = device
        self.peers = peers
        self.dice = dice
        self.tasks: list[asyncio.Task[Any]] = []

    async def play(self) -> None:
        deeds: list[Callable[[], Awaitable[None]]] = [
            self.advertise,
            self.stop_advertising,
            self.scan,
            self.device.backend.stop_scan,
            self.connect,
            self.cancel,
            self.change_settings,
            self.change_bonds,
        ]
        for _ in range(STEPS):
            await self.dice.choice(deeds)()
            await asyncio.sleep(self.dice.choice([0, 0, 0.001, 0.01, 0.5]))
        for task in self.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            # There is a link to that peer already, or it was lost at once.
            assert outcome is None or isinstance(outcome, EXPECTED), outcome
        await self.device.backend.stop_scan()
        await self.stop_advertising()
        for link in tuple(self.device.engine.links):
            await link.disconnect()

    async def advertise(self) -> None:
        await self.stop_advertising()
        await self.device.advertise(
            connectable=self.dice.random() < 0.7, anonymous=self.dice.random() < 0.2
        )

    async def stop_advertising(self) -> None:
        await self.device.backend.stop_advertising()

    async def scan(self) -> None:
        await self.device.backend.stop_scan()
        await self.device.scan(active=self.dice.random() < 0.5)

    async def connect(self) -> None:
        async def connect() -> Link | None:
            with suppress(ConnectTimeout):
                return await self.device.backend.connect(self.dice.choice(self.peers), 3)
            return None

        self.tasks.append(asyncio.ensure_future(connect()))

    async def cancel(self) -> None:
        if self.tasks:
            self.dice.choice(self.tasks).cancel()

    async def change_settings(self) -> None:
        set_private(
            self.device,
            private_address=self.dice.random() < 0.7,
            rotation_s=self.dice.choice([1, 2, 900]),
        )

    async def change_bonds(self) -> None:
        bonds = self.bonds
        irk = bytes(self.dice.choices(range(256), k=16))
        if self.dice.random() < 0.2:
            bonds.erase()
        bonds.save(Bond(self.dice.choice(self.peers), bytes(16), irk=irk), central=True)

    @property
    def bonds(self) -> Any:
        opened: Any = self.device.backend._open
        return opened.security.shared.bonds


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("controller", CONTROLLERS)
@simulated
async def test_anything_goes(controller: str, seed: int) -> None:
    dice = random.Random(seed)
    async with PrivateWorld() as world:
        devices = [await world.make(controller) for _ in range(2)]
        one, other = devices
        peers = [one.address, other.address, DeviceAddress(bytes((7,) * 5 + (0xC7,)), True)]
        monkeys = [Monkey(device, peers, dice) for device in devices]
        await asyncio.wait_for(asyncio.gather(*(monkey.play() for monkey in monkeys)), 3600)
        await until(lambda: not any(device.engine.links for device in devices))
        for monkey in monkeys:
            set_private(monkey.device)
            await monkey.device.backend.erase_bonds()
        link, _ = await bond(one, other)
        await part(link, one, other)
        await other.advertise()
        link, incoming = await one.connect(other)
        assert (link.peer, incoming.peer) == (other.address, one.address)
        assert is_private(world.advertised[-1][1])
        await until(lambda: link.security.encrypted and incoming.security.encrypted)
