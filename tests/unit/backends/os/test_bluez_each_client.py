"""Clients that BlueZ tells apart: sockets by AcquireNotify, one for each."""

from __future__ import annotations

import asyncio
import os
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from dbus_fast import Variant

from bleio.backends.os.bluez import sinks
from bleio.backends.os.bluez.sinks import Sink
from bleio.core.codes import Properties as P
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalService
from support.bluez.bench import PEER, Bench, Refusal, bench, peer, until
from support.bluez.loops import in_loop
from support.hci.engine import Heard

VERSION = "0545"  # BlueZ 5.69
OTHER = "C0:00:00:00:00:02"


async def notifying(made: Bench, properties: P = P.NOTIFY) -> tuple[LocalCharacteristic, Heard]:
    service = LocalService(uuid16(0xA000))
    made.owner.server.add_service(service)
    characteristic, heard = LocalCharacteristic(uuid16(0xA100), properties), Heard()
    characteristic.listeners.append(heard)
    made.owner.server.add_characteristic(service, characteristic)
    await made.registered()
    return characteristic, heard


async def client(made: Bench, address: str = PEER) -> tuple[str, Any]:
    """Returns: a connected client's object path, and its link."""
    link = made.owner.links[peer(address)] = SimpleNamespace(mtu=23)
    await made.advertise()
    return await made.connect(address), link


async def acquire(made: Bench, characteristic: LocalCharacteristic, device: str) -> socket.socket:
    options = {"device": Variant("o", device), "mtu": Variant("q", 50)}
    path, name = made.path_of(characteristic), "org.bluez.GattCharacteristic1"
    reply = await made.daemon.call(path, name, "AcquireNotify", "a{sv}", options)
    assert reply.body == [0, 50]
    (descriptor,) = reply.unix_fds
    theirs = socket.socket(fileno=descriptor)
    theirs.setblocking(False)
    return theirs


async def received(theirs: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(theirs, 512)


@in_loop
async def test_bluez_is_told_that_it_can_ask_for_sockets() -> None:
    async with bench(VERSION) as made:
        await notifying(made)
        (objects,) = made.daemon.applications.values()
        (found,) = [each for path, each in objects.items() if "char" in path]
        assert found["org.bluez.GattCharacteristic1"]["NotifyAcquired"] is False


@in_loop
async def test_each_client_gets_what_it_is_sent() -> None:
    async with bench(VERSION) as made:
        characteristic, heard = await notifying(made)
        (one, link), (two, other) = await client(made), await client(made, OTHER)
        assert list(made.peripheral.subscribers) == [link, other]
        first = await acquire(made, characteristic, one)
        assert made.peripheral.subscription(link, characteristic) == (True, False)
        assert made.peripheral.subscription(other, characteristic) == (False, False)
        second = await acquire(made, characteristic, two)
        assert heard.subscriptions == [(True, False), (True, False)]
        assert heard.clients == [link, other]
        await made.peripheral.publish(characteristic, b"both")
        await made.peripheral.notify(other, characteristic, b"one of them")
        await made.peripheral.publish(characteristic, bytes(100))
        assert await received(first) == b"both"
        assert await received(first) == bytes(47)
        assert [await received(second) for _ in range(3)] == [b"both", b"one of them", bytes(47)]
        first.close()
        await until(lambda: heard.subscriptions[-1] == (False, False))
        assert heard.clients[-1] is link
        await made.peripheral.publish(characteristic, b"who is left")
        assert await received(second) == b"who is left"
        await made.disconnect(two)
        assert heard.clients[-1] is other
        assert heard.closed == 1
        assert await received(second) == b""
        second.close()


@in_loop
async def test_one_indication_is_under_way_at_a_time() -> None:
    async with bench(VERSION) as made:
        characteristic, heard = await notifying(made, P.INDICATE)
        device, link = await client(made)
        theirs = await acquire(made, characteristic, device)
        assert heard.subscriptions == [(False, True)]
        values = (b"one", b"two")
        waiting = [
            asyncio.ensure_future(made.peripheral.indicate(link, characteristic, value))
            for value in values
        ]
        for value, indication in zip(values, waiting, strict=True):
            assert await received(theirs) == value
            with pytest.raises(BlockingIOError):
                theirs.recv(512)
            assert not indication.done()
            await made.confirm(characteristic)
            await indication
        publishing = asyncio.ensure_future(made.peripheral.publish(characteristic, b"last"))
        assert await received(theirs) == b"last"
        theirs.close()
        await publishing  # nobody is left to be told


@in_loop
async def test_a_device_without_a_link_gets_no_socket() -> None:
    async with bench(VERSION) as made:
        characteristic, _ = await notifying(made)
        with pytest.raises(Refusal, match="has no link"):
            await acquire(made, characteristic, "/org/bluez/hci0/dev_00_00_00_00_00_00")


@in_loop
async def test_a_restart_closes_all_sockets() -> None:
    async with bench(VERSION) as made:
        characteristic, heard = await notifying(made)
        device, _ = await client(made)
        theirs = await acquire(made, characteristic, device)
        await made.daemon.stop()
        await until(lambda: heard.subscriptions[-1] == (False, False))
        assert await received(theirs) == b""
        theirs.close()


@in_loop
async def test_no_descriptor_stays_open() -> None:
    async with bench(VERSION) as made:
        characteristic, _ = await notifying(made)
        device, _ = await client(made)
        await made.peripheral.settled()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            (await acquire(made, characteristic, device)).close()
        await until(lambda: not made.peripheral.subscription(object(), characteristic)[0])  # type: ignore[arg-type]
        await until(lambda: len(os.listdir("/proc/self/fd")) == before)


@in_loop
async def test_a_client_that_takes_nothing_misses_values_and_delays_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sinks, "VALUES_WAITING", 4)
    async with bench(VERSION) as made:
        characteristic, _ = await notifying(made)
        (one, _), (two, _) = await client(made), await client(made, OTHER)
        slow = await acquire(made, characteristic, one)
        quick = await acquire(made, characteristic, two)
        sent = 0
        while not made.system.counters()["bluez.missed_values"]:
            await made.peripheral.publish(characteristic, sent.to_bytes(4, "little"))
            assert await received(quick) == sent.to_bytes(4, "little")
            sent += 1
        got = 0
        while got < sent - 1:
            assert await received(slow) == got.to_bytes(4, "little")
            got += 1
        slow.close()
        quick.close()


@in_loop
async def test_a_full_socket_has_room_once_it_is_read_or_closed() -> None:
    sink = Sink(20, lambda: None)
    theirs = socket.socket(fileno=sink.descriptor)
    while sink.put(b"value"):
        pass
    waiting = asyncio.ensure_future(sink.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    theirs.recv(20)
    while not waiting.done():
        theirs.setblocking(False)
        try:
            theirs.recv(20)
        except BlockingIOError:
            await asyncio.sleep(0)
    while sink.put(b"value"):
        pass
    waiting = asyncio.ensure_future(sink.room())
    await asyncio.sleep(0)
    sink.close()
    await waiting
    theirs.close()
