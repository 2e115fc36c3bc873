"""Clients and servers that take nothing, or confirm nothing. See docs/security.md."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from bleio.backends.base import Link
from bleio.core.codes import HciErrorCode
from bleio.errors import LinkLost, TransactionTimeout
from bleio.gatt.indications import MAX_UNTOLD
from bleio.gatt.model import LocalCharacteristic
from support.attacker import ATT, Attacker
from support.hci.engine import ECHO_SERVICE, Heard, add_echo, until
from support.hci.simulated import simulated
from support.hci.world import Device, VirtualWorld
from support.records import at

NOTIFY, INDICATE = 1, 2
TAKES_NOTHING_S = 30.0


class Clients:
    """A server of ours with an honest client and a malicious one."""

    def __init__(self, server: Device, echo: LocalCharacteristic, attacker: Attacker) -> None:
        self.server = server
        self.echo = echo
        self.attacker = attacker
        self.heard = Heard()
        self.link: Any = None  # the attacker's, at our end

    async def publish(self, value: bytes) -> None:
        await self.server.backend.publish(self.echo, value)

    async def attack(self, bits: int) -> None:
        """Connect and subscribe."""
        before = set(self.server.engine.links)
        await self.server.advertise()
        await self.attacker.connect(self.server.address)
        (self.link,) = await until(lambda: set(self.server.engine.links) - before)
        configure = struct.pack("<BHH", 0x12, self.echo.cccd_handle, bits)
        self.attacker.send(ATT, configure)
        await until(lambda: self.link.bearer.cccd(self.echo) == bits)

    async def attack_again(self, bits: int) -> None:
        """Part, and come back."""
        await self.attacker.disconnect()
        await until(lambda: not self.link.connected)
        self.attacker.connected.clear()
        self.attacker.gone.clear()
        await self.attack(bits)


async def subscribed(client: Device, server: Device, heard: Heard, bits: int = NOTIFY) -> Link:
    await server.advertise()
    link, _ = await client.connect(server)
    (service,) = await link.discover([ECHO_SERVICE])
    (echo,) = service.characteristics
    link.listen(echo, heard)
    await link.subscribe(echo, bool(bits & NOTIFY), bool(bits & INDICATE))
    return link


@asynccontextmanager
async def two_clients(honest_bits: int = NOTIFY) -> AsyncIterator[Clients]:
    async with VirtualWorld() as world, Attacker() as attacker:
        server, client = await world.device(), await world.device()
        clients = Clients(server, add_echo(server.engine.server), attacker)
        await subscribed(client, server, clients.heard, honest_bits)
        yield clients


@pytest.mark.parametrize("bits", [NOTIFY, INDICATE, NOTIFY | INDICATE])
@simulated
async def test_a_subscriber_that_takes_nothing_starves_nobody(bits: int) -> None:
    async with two_clients() as clients:
        await clients.attacker.take_nothing()
        await clients.attack(bits)
        loop = asyncio.get_running_loop()
        begin_s, values = loop.time(), [bytes((n % 251, n // 251)) for n in range(1000)]
        for value in values:
            await asyncio.wait_for(clients.publish(value), 1.0)
            await asyncio.sleep(0.01)
        # 10 s are the program's; where both links' events meet, one value goes in each of 15 ms.
        assert loop.time() - begin_s < 20.0
        await until(lambda: len(clients.heard.values) == len(values))
        assert clients.heard.values == values
        # It is known to miss what it has no room for, and does not stay for ever.
        missed = clients.server.counters().att.missed_values
        assert len(values) - 2 * MAX_UNTOLD < missed
        await asyncio.sleep(TAKES_NOTHING_S + 1)
        assert not clients.link.connected
        assert len(clients.server.engine.links) == 1


@simulated
async def test_nobody_else_waits_for_a_program_without_another_client() -> None:
    """A program goes as fast as its only client takes, and no further than 30 s for one."""
    async with two_clients() as clients:
        await clients.attacker.take_nothing()
        await clients.attack(NOTIFY)
        (honest,) = set(clients.server.engine.links) - {clients.link}
        await honest.disconnect()
        loop = asyncio.get_running_loop()
        longest_s = 0.0
        while clients.link.connected:
            begin_s = loop.time()
            await clients.publish(b"value")
            longest_s = max(longest_s, loop.time() - begin_s)
            await asyncio.sleep(0.01)
        assert longest_s == pytest.approx(TAKES_NOTHING_S)
        assert clients.link.reason == HciErrorCode.LOCAL_HOST_TERMINATED
        assert clients.server.counters().att.missed_values == 0


@simulated
async def test_indications_that_are_never_confirmed_delay_nobody() -> None:
    async with two_clients() as clients:
        loop = asyncio.get_running_loop()
        end_s, returned = loop.time(), 0
        for _ in range(10):
            await (clients.attack_again if clients.link else clients.attack)(INDICATE)
            end_s = loop.time() + 1.0
            while loop.time() < end_s:
                await clients.publish(returned.to_bytes(2, "little"))
                returned += 1
                await asyncio.sleep(0.01)
        assert returned >= 10 * 95
        expected = [number.to_bytes(2, "little") for number in range(returned)]
        await until(lambda: clients.heard.values == expected)


@simulated
async def test_nor_do_they_delay_other_indications() -> None:
    async with two_clients(INDICATE) as clients:
        await clients.attack(INDICATE)
        loop = asyncio.get_running_loop()
        begin_s, values = loop.time(), [bytes((number,)) for number in range(200)]
        for value in values:
            await clients.publish(value)
            assert clients.heard.values[-1] == value  # confirmed by the one that does
        assert loop.time() - begin_s < 200 * 0.15
        await asyncio.sleep(TAKES_NOTHING_S)
        assert not clients.link.connected


@simulated
async def test_a_slow_client_gets_the_latest_values_and_in_order() -> None:
    """It misses the oldest of those that wait, so that the last one that it gets is the present."""
    async with two_clients() as clients:
        await clients.attacker.take_nothing()
        await clients.attack(NOTIFY)
        values = [number.to_bytes(2, "little") for number in range(600)]
        for value in values:
            await clients.publish(value)
            await asyncio.sleep(0.005)
        clients.attacker.take_all_again()
        await until(lambda: clients.attacker.att.qsize() >= MAX_UNTOLD)
        await asyncio.sleep(1)
        got = [clients.attacker.att.get_nowait() for _ in range(clients.attacker.att.qsize())]
        numbers = [int.from_bytes(pdu[3:], "little") for pdu in got if pdu[0] == 0x1B]
        assert numbers == sorted(set(numbers))
        assert numbers[-MAX_UNTOLD:] == list(range(600 - MAX_UNTOLD, 600))
        missed = clients.server.counters().att.missed_values
        assert missed == 600 - len(numbers) > 0
        assert clients.link.connected


@pytest.mark.parametrize("kind", ["write without response", "notification"])
@simulated
async def test_what_one_link_sends_waits_no_longer_than_30_s(kind: str) -> None:
    """A packet of a PacketBuffer, or a client's command to a server that takes nothing."""
    async with VirtualWorld() as world, Attacker() as attacker:
        device = await world.device()
        echo = add_echo(device.engine.server)
        await attacker.take_nothing()
        await device.advertise()
        await attacker.connect(device.address)
        (link,) = await until(lambda: device.engine.links)

        async def send(number: int) -> None:
            value = number.to_bytes(2, "little")
            if kind == "notification":
                await link.notify(echo, value)
            else:
                await link.write_command(at(0x10), value)

        loop = asyncio.get_running_loop()
        number = 0
        with pytest.raises((TransactionTimeout, LinkLost)):
            while number < 1000:
                begin_s = loop.time()
                await send(number)
                number += 1
        assert number < 40
        assert loop.time() - begin_s == pytest.approx(TAKES_NOTHING_S)
        await until(lambda: not link.connected)


@simulated
async def test_a_sender_that_gives_up_sends_nothing_later() -> None:
    async with two_clients() as clients:
        await clients.attacker.take_nothing()
        await clients.attack(NOTIFY)
        link = clients.link
        for _ in range(16):
            await link.notify(clients.echo, b"fills")
        waiting = [asyncio.ensure_future(link.notify(clients.echo, bytes((n,)))) for n in range(3)]
        await asyncio.sleep(1)
        waiting[1].cancel()
        clients.attacker.take_all_again()
        await asyncio.gather(waiting[0], waiting[2])
        await asyncio.sleep(1)
        got = [clients.attacker.att.get_nowait() for _ in range(clients.attacker.att.qsize())]
        assert [pdu[3:] for pdu in got if pdu[0] == 0x1B][-2:] == [b"\x00", b"\x02"]


@simulated
async def test_no_number_of_clients_that_take_nothing_holds_all_buffers() -> None:
    """A controller with 12 buffers, four links that take nothing, and one that does."""
    async with VirtualWorld() as world, AsyncExitStack() as attackers:
        server, client = await world.device(), await world.device()
        echo, heard = add_echo(server.engine.server), Heard()
        for number in range(4):
            attacker = Attacker(f"C1:0B:AD:0B:AD:{number:02}")
            await attackers.enter_async_context(attacker)
            await attacker.take_nothing()
            await Clients(server, echo, attacker).attack(NOTIFY)
        await subscribed(client, server, heard)
        values = [number.to_bytes(2, "little") for number in range(200)]
        for value in values:
            await server.backend.publish(echo, value)
            await asyncio.sleep(0.02)
        await until(lambda: heard.values == values)
