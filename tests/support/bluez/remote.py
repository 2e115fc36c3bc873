"""A bluetoothd that a test plays, with peers that can be connected to, asked and paired with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

from dbus_fast import Message, Variant

from bleio.backends.os.backend import OsBackend
from bleio.backends.os.bluez import reaching
from bleio.backends.os.bluez.kernel_links import KernelLink, KernelLinks
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE
from bleio.backends.os.bluez.system import BlueZ
from bleio.core.address import DeviceAddress, parse_address
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import ADAPTER_PATH, Refusal, StandIn, device_path, until
from support.hci.engine import Engine

AGENT = "org.bluez.Agent1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
PEER = "C0:00:00:00:00:01"
BASE = "0000{}-0000-1000-8000-00805f9b34fb"
MTU = 247

__all__ = [
    "CHARACTERISTIC",
    "DEVICE",
    "PEER",
    "Refusal",
    "Remote",
    "peer",
    "remote",
    "settled",
    "until",
]


def peer(address: str = PEER) -> DeviceAddress:
    return DeviceAddress(parse_address(address), random=True)


class Remote(StandIn):
    """See the module. `on_air`: devices that discovery finds. `values`: of GATT, by path."""

    def __init__(self) -> None:
        super().__init__()
        self.on_air: list[str] = []
        self.values: dict[str, bytes] = {}
        self.agents: dict[str, tuple[str, str]] = {}  # path and capability, by connection
        self.refusals: dict[str, list[Refusal]] = {}  # one for each of the next calls, by member
        self.silent: set[str] = set()  # members that are not answered
        self.holds: dict[str, asyncio.Event] = {}  # members that wait for it
        self._under_way: set[tuple[str, str]] = set()  # writes and the like, by path and member
        self.pairing: Callable[[str, str], Any] | None = None  # asks the agent of a connection
        self.echoes = True
        self.resolves = True  # services, once a device is connected
        self.ended_while: list[bool] = []  # whether it was connected, for each `Disconnect`
        self.kernel_links: list[KernelLink] | None = None  # None: it cannot be asked

    # What a test does

    def know(self, address: str = PEER, **properties: Any) -> str:
        """Have a device. Returns: its path."""
        path = device_path(address)
        common = {"Address": address, "AddressType": "random", "Alias": "peer"}
        states = dict.fromkeys(("Connected", "Paired", "ServicesResolved"), False)
        adapter = {"Adapter": Variant("o", ADAPTER_PATH)}
        self.add(path, DEVICE, **{**common, **states, **adapter, **properties})
        return path

    def serve(self, device: str, service: int, uuid: str, *values: tuple[int, str, str]) -> None:
        """Have a service. Args: `values`: handle of the declaration, UUID, flags of each."""
        path = f"{device}/service{service:04x}"
        owner = Variant("o", device)
        self.add(path, SERVICE, UUID=BASE.format(uuid), Device=owner, Primary=True)
        for handle, short, flags in values:
            self.characteristic(path, handle, short, flags)

    def characteristic(self, service: str, handle: int, uuid: str, flags: str) -> str:
        path = f"{service}/char{handle:04x}"
        more = {"Service": Variant("o", service), "MTU": Variant("q", MTU)}
        names = Variant("as", flags.split())
        self.add(path, CHARACTERISTIC, UUID=BASE.format(uuid), Flags=names, **more)
        if "notify" in flags or "indicate" in flags:
            cccd = {"UUID": BASE.format("2902"), "Characteristic": Variant("o", path)}
            self.add(f"{path}/desc{handle + 2:04x}", DESCRIPTOR, **cccd)
        return path

    def notify(self, path: str, value: bytes) -> None:
        self.change(path, CHARACTERISTIC, Value=value)

    def connected(self, path: str, is_connected: bool = True) -> None:
        resolved = is_connected and self.resolves
        self.change(path, DEVICE, Connected=is_connected, ServicesResolved=resolved)

    # What is asked of it

    async def _answer(self, message: Message, body: list[Any]) -> Message:
        member, path = message.member or "", message.path or ""
        if refusals := self.refusals.get(member):
            raise refusals.pop(0)
        if member in self.silent:
            await asyncio.get_running_loop().create_future()
        if member in self.holds:
            await self._held(path, member)
        if member == "StartDiscovery":
            self.change(ADAPTER_PATH, ADAPTER, Discovering=True)
            for address in self.on_air:
                self.know(address)
        elif member == "StopDiscovery":
            self.change(ADAPTER_PATH, ADAPTER, Discovering=False)
        elif member in ("Connect", "Disconnect", "Pair"):
            if DEVICE not in self.objects.get(path, {}):
                raise Refusal("org.freedesktop.DBus.Error.UnknownObject", "no such object")
            await self._device(member, path, message.sender or "")
        elif member == "RegisterAgent":
            self.agents[message.sender or ""] = (body[0], body[1])
        elif member == "UnregisterAgent":
            self.agents.pop(message.sender or "", None)
        elif member == "RemoveDevice":
            for each in [each for each in self.objects if each.startswith(body[0])][::-1]:
                self.remove(each)
        else:
            return await self._value(message, member, path, body)
        return Message.new_method_return(message)

    async def _held(self, path: str, member: str) -> None:
        """Wait as a peer has one wait. Another call of the kind is refused meanwhile."""
        if (path, member) in self._under_way:
            raise Refusal("org.bluez.Error.InProgress", "In Progress")
        self._under_way.add((path, member))
        await self.holds[member].wait()
        self._under_way.remove((path, member))

    async def _device(self, member: str, path: str, sender: str) -> None:
        if member == "Pair":
            if self.pairing is not None:
                await self.pairing(sender, path)
            self.change(path, DEVICE, Paired=True)
        else:
            if member == "Disconnect":
                self.ended_while.append(self.objects[path][DEVICE]["Connected"].value)
            self.connected(path, member == "Connect")

    async def _value(self, message: Message, member: str, path: str, body: list[Any]) -> Message:
        known = self.objects.get(path, {})
        of_values = ("ReadValue", "WriteValue", "StartNotify", "StopNotify")
        if member in of_values and not {CHARACTERISTIC, DESCRIPTOR} & set(known):
            raise Refusal("org.freedesktop.DBus.Error.UnknownObject", "no such object")
        if member == "ReadValue":
            value = self.values.get(path, b"")
            if CHARACTERISTIC in known and self.echoes:
                self.notify(path, value)
            return Message.new_method_return(message, "ay", [value])
        if member == "WriteValue":
            self.values[path] = bytes(body[0])
        elif member == "Get":
            found = known.get(body[0], {}).get(body[1])
            if found is None:
                raise Refusal("org.freedesktop.DBus.Error.InvalidArgs", "no such property")
            return Message.new_method_return(message, "v", [found])
        else:
            return await super()._answer(message, body)
        return Message.new_method_return(message)

    async def ask(self, sender: str, member: str, signature: str, *body: Any) -> Any:
        """Ask the agent of a connection. Raises: Refusal."""
        self.client = sender
        reply = await self.call(self.agents[sender][0], AGENT, member, signature, *body)
        return reply.body


async def settled(backend: OsBackend) -> None:
    """Wait until the adapter has heard all that was told."""
    system: Any = backend._system
    await system.objects.bus.call(ADAPTER_PATH, "org.freedesktop.DBus.Peer", "Ping")


@asynccontextmanager
async def remote(grace_looks: int = 1) -> AsyncIterator[tuple[Remote, OsBackend, Engine]]:
    """Open an adapter on it. Args: `grace_looks`: see `reaching`."""
    async with private_bus():
        daemon, engine = Remote(), Engine()
        await daemon.start()
        backend = OsBackend(BlueZ())
        asked = mock.patch.object(KernelLinks, "all", staticmethod(lambda: daemon.kernel_links))
        with asked, mock.patch.object(reaching, "GRACE_LOOKS", grace_looks):
            await backend.open(engine.server, "central", engine)
            try:
                yield daemon, backend, engine
            finally:
                await backend.close()
                daemon.bus.disconnect()
