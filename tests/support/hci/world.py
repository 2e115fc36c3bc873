"""Devices on a radio: what the conformance suite runs on, whatever the backend."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

from bleio.backends.base import AdvertisingParameters, Backend, Link, ScanParameters
from bleio.backends.capabilities import Capability
from bleio.backends.hci import HciBackend
from bleio.core.address import DeviceAddress
from bleio.radio.air.propagation import Propagation
from bleio.radio.connection import control
from bleio.radio.connection.control import LL_FEATURES
from bleio.radio.controller import information
from bleio.radio.controller.dispatch import COMMANDS, supported_commands
from bleio.radio.sharing.server.address import ListenAddress
from bleio.radio.sharing.server.connection import ServedRadio
from bleio.radio.sharing.server.listen import open_address
from support.hci.bumble_radio import HAS_UNIX_SOCKETS, BumbleRadio
from support.hci.engine import Engine, until
from support.patience import PATIENCE_S

FLAGS = b"\x02\x01\x06"

_EXTENDED_ADVERTISING = 1 << 12  # Vol 6, Part B, 4.6
_EXTENDED_COMMANDS = range(0x2035, 0x2046)


class Device:
    """One adapter and its engine."""

    def __init__(self, backend: Backend) -> None:
        self.backend: Any = backend  # tests of one backend look into it
        self.engine = Engine()

    async def open(self, name: str = "device") -> None:
        await self.backend.open(self.engine.server, name, self.engine)

    @property
    def address(self) -> DeviceAddress:
        return self.backend.address

    async def advertise(self, **parameters: Any) -> None:
        """Advertise as fast as may be, connectable by default."""
        parameters = {"data": FLAGS, **parameters}
        if Capability.ADVERTISING_INTERVAL in self.backend.capabilities:
            parameters.setdefault("interval_us", 20_000)
        await self.backend.start_advertising(AdvertisingParameters(**parameters))

    async def scan(self, **parameters: Any) -> None:
        await self.backend.start_scan(ScanParameters(**parameters))

    async def connect(self, peer: Device) -> tuple[Link, Link]:
        """Connect to an advertising peer. Returns: both ends."""
        before = set(peer.engine.links)
        link = await self.backend.connect(peer.address, PATIENCE_S)
        await until(lambda: set(peer.engine.links) - before, "the incoming link")
        (incoming,) = set(peer.engine.links) - before
        return link, incoming

    def counters(self) -> Any:
        assert self.backend._open is not None
        return self.backend._open.layer.counters


class World:
    """Devices on one radio, all closed in the end, none with a fault of its own."""

    # Whether the radio does what the specification says in all that the suite looks at.
    faithful = True
    # Whether it can run in simulated time. Then nothing of it is outside of its loop but sockets of
    # Unix: what one end writes the other end has at once, so time cannot overtake it.
    simulated = False
    kinds = 1  # the first so many devices that a test asks for are unlike
    mtu = 512  # what two devices agree on, octets
    longest_write = 512  # what a peripheral takes, octets
    # Whether no link is left of a connect that is cancelled just as the link comes up.
    cancels_links = True
    # Whether an end that has confirmed an indication or a write has told of it by then.
    confirms_last = True

    def __init__(self) -> None:
        self.devices: list[Device] = []

    async def device(self, open_it: bool = True, **kwargs: Any) -> Device:
        device = Device(self.make_backend(**kwargs))
        self.devices.append(device)
        if open_it:
            await device.open()
        return device

    def make_backend(self, **kwargs: Any) -> Backend:
        raise NotImplementedError

    def mtu_of(self, link: Link) -> int:
        """Return what a new link must say that its ATT_MTU is."""
        return self.mtu

    async def unplug(self, device: Device) -> None:
        """Take a host's controller away."""
        raise NotImplementedError

    async def settled(self, device: Device) -> None:
        """Have peers find what a device offers now; some systems take a moment for that."""

    async def told(self, condition: Callable[[], object]) -> None:
        """Wait for what one end tells of a value that the other end knows to be there."""
        if self.confirms_last:
            assert condition()
        else:
            await until(condition)

    def silence(self, link: Link) -> None:
        """Let this end answer nothing from now on, neither requests nor pairing."""
        end: Any = link
        end.bearer.received = end._security.received = _ignore

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *args: Any) -> None:
        for device in self.devices:
            await self.finish(device)

    async def finish(self, device: Device) -> None:
        """Close a device that may be open, and look for its faults."""
        if device.backend._open is not None:
            faults = device.counters()
            await device.backend.close()
            assert faults.faults == 0, faults
            assert faults.malformed == 0, faults


def _ignore(pdu: bytes) -> None:
    """What comes in here is not answered."""


class BumbleWorld(World):
    """bumble's controllers: no scan responses of their own, all advertising is connectable."""

    faithful = False
    simulated = HAS_UNIX_SOCKETS

    def __init__(self) -> None:
        super().__init__()
        self.radio = BumbleRadio()

    def make_backend(self, **kwargs: Any) -> HciBackend:
        return HciBackend(self.radio.transport, **kwargs)

    async def unplug(self, device: Device) -> None:
        self.radio.unplug(self.devices.index(device))

    async def __aenter__(self) -> World:
        await self.radio.__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await super().__aexit__(*args)
        await self.radio.__aexit__(*args)


class VirtualWorld(World):
    """The simulated radio of this process."""

    simulated = True

    def make_backend(self, **kwargs: Any) -> HciBackend:
        return HciBackend("virtual", **kwargs)

    async def unplug(self, device: Device) -> None:
        opened: Any = device.backend._open
        self.vanish(device)
        opened.port._port._on_lost()

    def vanish(self, device: Device) -> None:
        """Switch a device's controller off without telling its host."""
        opened: Any = device.backend._open
        opened.port._port.close()


class LegacyWorld(VirtualWorld):
    """The simulated radio with controllers of Bluetooth 4.2, which know no extended advertising."""

    async def __aenter__(self) -> World:
        commands = {opcode: COMMANDS[opcode] for opcode in _EXTENDED_COMMANDS if opcode in COMMANDS}
        listed = supported_commands(frozenset(commands))
        for patch in (
            mock.patch.object(control, "LL_FEATURES", LL_FEATURES & ~_EXTENDED_ADVERTISING),
            mock.patch.object(information, "supported_commands", return_value=listed),
            mock.patch.dict(COMMANDS),
        ):
            self._patches.enter_context(patch)
        for opcode in commands:
            del COMMANDS[opcode]
        return self

    def __init__(self) -> None:
        super().__init__()
        self._patches = contextlib.ExitStack()

    async def __aexit__(self, *args: Any) -> None:
        await super().__aexit__(*args)
        self._patches.close()


class ListenWorld(World):
    """The simulated radio behind a byte stream, as any host in the world joins it."""

    simulated = HAS_UNIX_SOCKETS

    async def __aenter__(self) -> World:
        self.radio = ServedRadio(1, self, Propagation(path_loss_db=40.0))
        self._folder = tempfile.TemporaryDirectory(prefix="bleio-")  # socket paths are short
        address = ListenAddress("tcp", host="127.0.0.1", port=0)
        if HAS_UNIX_SOCKETS:
            address = ListenAddress("unix", path=f"{self._folder.name}/hci")
        self.listener = await open_address(self.radio, address, number=1)
        self.foreign_transport = re.sub("^tcp:", "tcp-client:", self.listener.addresses[0])
        return self

    async def __aexit__(self, *args: Any) -> None:
        await super().__aexit__(*args)
        self.listener.close()
        self.radio.close()
        await asyncio.sleep(0.01)
        self._folder.cleanup()

    def host_came(self, name: str) -> None:
        """Devices say themselves whether they have a controller."""

    def host_left(self, name: str) -> None:
        """Devices say themselves whether they have a controller."""

    def make_backend(self, **kwargs: Any) -> HciBackend:
        return HciBackend(self.foreign_transport, **kwargs)

    async def unplug(self, device: Device) -> None:
        opened: Any = device.backend._open
        opened.port._opened.sink.transport.abort()


class SharedWorld(World):
    """The simulated radio in a process of its own, found by its name."""

    def make_backend(self, **kwargs: Any) -> HciBackend:
        return HciBackend(f"virtual:conformance-{os.getpid()}", **kwargs)

    async def unplug(self, device: Device) -> None:
        opened: Any = device.backend._open
        opened.port._port._transport.abort()


class ForeignBumbleWorld(BumbleWorld):
    """bumble's controllers, which other people's hosts join by a byte stream."""

    @property
    def foreign_transport(self) -> str:
        return self.radio.transport


ForeignWorld = ForeignBumbleWorld | ListenWorld
FOREIGN_WORLDS = {"bumble": ForeignBumbleWorld, "listen": ListenWorld}

MakeWorld = type[World]


async def connected_pair(world: World) -> tuple[Device, Device, Link, Link]:
    """Return a central, a peripheral, and both ends of a link between them."""
    central, peripheral = await asyncio.gather(world.device(), world.device())
    await peripheral.advertise()
    link, incoming = await central.connect(peripheral)
    return central, peripheral, link, incoming
