"""Devices and their twins in worlds: clones, clients of either, tables as clients see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _bleio

from bleio import aio
from bleio.cli.cloning.making import Wishes, make_record
from bleio.cli.cloning.record import Record
from bleio.cli.devices.target import parse_target
from bleio.errors import BluetoothError
from bleio.testing import World

EXAMPLES = Path(__file__).parents[2] / "examples"
READ = _bleio.Characteristic.READ
OWN = {"UUID(0x1800)", "UUID(0x1801)"}


def cloned(device: Any, name: str, *, seed: int = 1, **wishes: Any) -> Record:
    """Clone a device of a world: a program's path, its source, or a function."""
    found: list[Record] = []

    async def clone() -> None:
        made = await make_record(_bleio.adapter, parse_target(name), Wishes(**wishes), print)
        assert made.gone is None, made.gone
        found.append(made.record)

    with World(seed=seed) as world:
        add(world, device)
        cloner = world.add(clone)
        world.run(until=lambda: not cloner.running)
    return found[0]


def add(world: World, device: Any, name: str = "device") -> Any:
    """Add a device by path, source or function."""
    if isinstance(device, str):
        return world.add(source=device, name=name)
    return world.add(device)


def client_says(device: Any, client: Any, *, seed: int = 1) -> str:
    """Run a client's program beside a device until it has ended. Returns: what it printed."""
    with World(seed=seed) as world:
        add(world, device)
        it = add(world, client, name="client")
        world.run(until=lambda: not it.running)
        return str(it.text)


def table_of(device: Any, name: str, *, pair: bool = False) -> list[Any]:
    """Return what a client sees of a device's table, octet for octet."""
    found: list[Any] = []

    async def look() -> None:
        async with aio.scan(_bleio.adapter, minimum_rssi=-127) as entries:
            async for entry in entries:
                if name.encode() in entry.advertisement_bytes:
                    break
        connection = await aio.connect(_bleio.adapter, entry.address, timeout=10)
        if pair:
            await aio.pair(connection)
        for service in await aio.discover(connection):
            if repr(service.uuid) not in OWN:
                found.append(("service", repr(service.uuid)))
                for each in service.characteristics:
                    value = await read(each) if each.properties & READ else None
                    found.append((repr(each.uuid), each.properties, value))
                    for descriptor in each.descriptors:
                        found.append(("descriptor", repr(descriptor.uuid), await read(descriptor)))
        await aio.disconnect(connection)

    client_says(device, look)
    return found


async def read(attribute: Any) -> Any:
    """Return the value, or the name of the error."""
    try:
        return bytes(await aio.read(attribute))
    except BluetoothError as error:
        return str(error)


def packets_of(device: Any, name: str, seconds: float = 1.5) -> set[tuple[bytes, bool, bool]]:
    """Return what a device advertises: octets, whether it takes links, whether it was asked."""
    found: set[tuple[bytes, bool, bool]] = set()

    async def listen() -> None:
        async with aio.scan(_bleio.adapter, timeout=seconds, extended=True) as entries:
            async for entry in entries:
                found.add((entry.advertisement_bytes, entry.connectable, entry.scan_response))

    client_says(device, listen)
    return found


def sent_to(device: Any, name: str, uuid: Any, count: int) -> list[tuple[float, bytes]]:
    """Return values that a device sends to one that subscribes, with the seconds between."""
    found: list[tuple[float, bytes]] = []

    async def subscribe() -> None:
        loop = asyncio.get_running_loop()
        async with aio.scan(_bleio.adapter, minimum_rssi=-127) as entries:
            async for entry in entries:
                if name.encode() in entry.advertisement_bytes:
                    break
        connection = await aio.connect(_bleio.adapter, entry.address, timeout=10)
        for service in await aio.discover(connection):
            for each in service.characteristics:
                if each.uuid == uuid:
                    await take(each, loop)
                    await aio.disconnect(connection)
                    return

    async def take(characteristic: Any, loop: Any) -> None:
        before = loop.time()
        async with aio.notifications(characteristic) as values:
            async for value in values:
                found.append((loop.time() - before, bytes(value)))
                before = loop.time()
                if len(found) == count:
                    return

    client_says(device, subscribe)
    return found


Made = Callable[..., Record]
