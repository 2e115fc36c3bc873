"""Lines, octets and packets, awaited."""

from __future__ import annotations

import asyncio

import _bleio
import pytest
from _bleio import Adapter, Characteristic, CharacteristicBuffer, PacketBuffer

import bleio
from bleio import aio
from support.awaiting import (
    NO_RESPONSE,
    NOTIFY,
    READ,
    WRITE,
    Link,
    cancelled,
    eventually,
    in_loop,
    linked,
    running,
    served,
)
from support.pair import raises


class Stream:
    """What a peripheral sends, and the central's buffer."""

    def __init__(self, link: Link, local: Characteristic, buffer: CharacteristicBuffer) -> None:
        self.link = link
        self.local = local
        self.buffer = buffer
        self.sent = 0

    async def send(self, octets: bytes) -> None:
        """Send, and see it arrive."""
        changes = self.buffer._fifo.changes
        await aio.write(self.local, octets)
        await eventually(lambda: self.buffer._fifo.changes > changes)


async def streaming(central: Adapter, peripheral: Adapter, buffer_size: int = 64) -> Stream:
    local = served(NOTIFY, max_length=100)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    buffer = CharacteristicBuffer(remote, timeout=0, buffer_size=buffer_size)
    await aio.set_cccd(remote, notify=True)
    return Stream(link, local, buffer)


@in_loop
async def test_lines(central: Adapter, peripheral: Adapter) -> None:
    stream = await streaming(central, peripheral)
    lines = aio.lines(stream.buffer)
    await stream.send(b"one\ntwo\nthr")
    assert await anext(lines) == b"one\n"
    assert await anext(lines) == b"two\n"
    async with running(anext(lines)) as waiting:  # type: ignore[arg-type]
        await stream.send(b"ee")
        assert not waiting.done()
        await stream.send(b"\nfour\nfi")
        assert await waiting == b"three\n"
    assert stream.buffer.readline() == b"four\n"  # the blocking ones see the same octets
    async with running(anext(lines)) as waiting:  # type: ignore[arg-type]
        await cancelled(waiting)
    await stream.send(b"ve")
    await aio.disconnect(stream.link.incoming)
    await aio.disconnected(stream.link.outgoing)
    assert [line async for line in lines] == [b"five"]
    assert [line async for line in lines] == []


@in_loop
async def test_lines_longer_than_the_buffer(central: Adapter, peripheral: Adapter) -> None:
    stream = await streaming(central, peripheral, buffer_size=16)
    async with running(aio.read_line(stream.buffer)) as waiting:
        for _ in range(20):
            await stream.send(b"0123456789")
            await eventually(lambda: not stream.buffer.in_waiting)
        await stream.send(b"end\nnext")
        assert await waiting == b"0123456789" * 20 + b"end\n"
    assert stream.buffer.in_waiting == 4
    async with running(aio.read_line(stream.buffer)) as waiting:  # cancelled in its middle
        for _ in range(2):
            await stream.send(b"0123456789abcdef")
            await eventually(lambda: not stream.buffer.in_waiting)
        await cancelled(waiting)
    assert stream.buffer.in_waiting == 36
    with pytest.raises(asyncio.LimitOverrunError, match="within 30 octets"):
        await aio.read_until(stream.buffer, b"!", limit=30)
    assert await aio.read_some(stream.buffer, 4) == b"next"
    assert await aio.read_exactly(stream.buffer, 16) == b"0123456789abcdef"
    assert bleio.counters(central)["buffers.dropped_octets"] == 0


@in_loop
async def test_read_exactly_and_until(central: Adapter, peripheral: Adapter) -> None:
    stream = await streaming(central, peripheral)
    async with running(aio.read_exactly(stream.buffer, 5)) as waiting:
        await stream.send(b"abc")
        assert not waiting.done()
        await stream.send(b"def")
        assert await waiting == b"abcde"
    assert await aio.read_exactly(stream.buffer, 0) == b""
    async with running(aio.read_until(stream.buffer, b"--")) as waiting:
        await stream.send(b"gh-")
        await stream.send(b"-ij")
        assert await waiting == b"fgh--"
    async with running(aio.read_exactly(stream.buffer, 100)) as waiting:
        await stream.send(b"more")
        await cancelled(waiting)
    async with running(aio.read_exactly(stream.buffer, 100)) as waiting:
        await aio.disconnect(stream.link.outgoing)
        with pytest.raises(_bleio.ConnectionError, match=r"^Not connected"):
            await waiting
    assert await aio.read_some(stream.buffer) == b"ijmore"  # what was not enough is still there
    with pytest.raises(_bleio.ConnectionError, match=r"^Not connected"):
        await aio.read_some(stream.buffer)


@in_loop
async def test_wrong_arguments_of_reads(central: Adapter, peripheral: Adapter) -> None:
    stream = await streaming(central, peripheral)
    for awaitable, error, text in (
        (aio.read_some(stream.buffer, 0), ValueError, "most must be >= 1"),
        (aio.read_exactly(stream.buffer, -1), ValueError, "count must be >= 0"),
        (aio.read_until(stream.buffer, b""), ValueError, "separator must not be empty"),
        (aio.read_line(stream.buffer, limit=0), ValueError, "limit must be >= 1"),
        (
            aio.read_line(stream.local),
            TypeError,
            "buffer must be of type CharacteristicBuffer, not Characteristic",
        ),
    ):
        with raises(error, text):
            await awaitable
    async with running(aio.read_line(stream.buffer)) as waiting:
        stream.buffer.deinit()
        with raises(ValueError, DEINITED):
            await waiting
    with raises(ValueError, DEINITED):
        await anext(aio.lines(stream.buffer))


DEINITED = "Object has been deinitialized and can no longer be used. Create a new object."


@in_loop
async def test_a_local_buffer_takes_what_clients_write(
    central: Adapter, peripheral: Adapter
) -> None:
    local = served(WRITE | NO_RESPONSE, max_length=100)
    buffer = CharacteristicBuffer(local, buffer_size=100)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    async with running(aio.read_line(buffer)) as waiting:
        await aio.write(remote, b"hello\n")
        assert await waiting == b"hello\n"
        await aio.disconnect(link.outgoing)
    async with running(aio.read_line(buffer)) as waiting:
        again = await linked(central, peripheral)
        await aio.write(await again.remote(local), b"again\n")
        assert await waiting == b"again\n"


# --- packets


async def ends(
    link: Link, local: Characteristic, buffer_size: int = 8
) -> tuple[PacketBuffer, PacketBuffer]:
    server = await aio.packet_buffer(local, buffer_size=buffer_size)
    remote = await link.remote(local)
    return server, await aio.packet_buffer(remote, buffer_size=8)


@in_loop
async def test_packets_both_ways(central: Adapter, peripheral: Adapter) -> None:
    local = served(NOTIFY | WRITE | NO_RESPONSE, max_length=100)
    server, client = await ends(await linked(central, peripheral), local)
    coming, going = aio.packets(client), aio.packets(server)
    for number in range(50):
        assert await aio.send(server, bytes([number])) == 1
        assert await anext(coming) == bytes([number])
        assert await aio.send(client, b"body", header=b"head") == 8
        assert await anext(going) == b"headbody"
    async with running(anext(coming)) as waiting:  # type: ignore[arg-type]
        await cancelled(waiting)
    await aio.send(server, b"last")
    assert await anext(coming) == b"last"
    with raises(ValueError, "Total data to write is larger than outgoing_packet_length"):
        await aio.send(server, bytes(500))


@in_loop
async def test_packets_end_with_the_link_and_go_on_for_the_server(
    central: Adapter, peripheral: Adapter
) -> None:
    local = served(NOTIFY | WRITE | NO_RESPONSE, max_length=100)
    link = await linked(central, peripheral)
    server, client = await ends(link, local)
    going = aio.packets(server)
    async with running(anext(going)) as waiting:  # type: ignore[arg-type]
        async with running(anext(aio.packets(client))) as ending:  # type: ignore[arg-type]
            await aio.disconnect(link.outgoing)
            with pytest.raises(StopAsyncIteration):
                await ending
        assert await aio.send(client, b"x") == 0
        again = await linked(central, peripheral)
        await aio.write(await again.remote(local), b"another client")
        assert await waiting == b"another client"
    async with running(anext(going)) as waiting:  # type: ignore[arg-type]
        server.deinit()
        with pytest.raises(StopAsyncIteration):
            await waiting
    with raises(ValueError, DEINITED):
        await anext(going)
    with raises(ValueError, DEINITED):
        await aio.send(server, b"x")


@in_loop
async def test_sending_waits_for_room(central: Adapter, peripheral: Adapter) -> None:
    local = served(NOTIFY | WRITE | NO_RESPONSE, max_length=100)
    link = await linked(central, peripheral)
    server, client = await ends(link, local, buffer_size=300)
    sent = [number.to_bytes(2, "little") + bytes(18) for number in range(300)]

    async def send_all() -> None:
        for each in sent:
            assert await aio.send(client, each) == 20

    received = []
    async with running(send_all()):
        async for packet in aio.packets(server):
            received.append(packet)
            if len(received) == len(sent):
                break
    assert received == sent


@in_loop
async def test_a_buffer_is_made_or_not(central: Adapter, peripheral: Adapter) -> None:
    local, silent = served(NOTIFY), served(READ)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    for awaitable, error, text in (
        (aio.packet_buffer(remote, buffer_size=0), ValueError, "buffer_size must be >= 1"),
        (
            aio.packet_buffer(5, buffer_size=1),  # type: ignore[arg-type]
            TypeError,
            "characteristic must be of type Characteristic, not int",
        ),
    ):
        with raises(error, text):
            await awaitable
    with raises(_bleio.BluetoothError, "Reads not supported on Characteristic"):
        aio.packets(await aio.packet_buffer(silent, buffer_size=1))
    with raises(_bleio.BluetoothError, "Writes not supported on Characteristic"):
        await aio.send(await aio.packet_buffer(remote, buffer_size=1), b"x")
    await aio.disconnect(link.outgoing)
    with pytest.raises(_bleio.ConnectionError, match=r"^Not connected"):
        await aio.packet_buffer(remote, buffer_size=1)
