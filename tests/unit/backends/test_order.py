"""One line for each client: what waits keeps the order in which programs have set it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.links import calls
from bleio.backends.hci.links.room import Room
from bleio.core.codes import Properties
from bleio.gatt.indications import MAX_UNTOLD
from bleio.gatt.model import LocalCharacteristic
from support.bearers import Wired, add_characteristic, add_service, published
from support.hci.simulated import simulated

NOTIFY, INDICATE = 1, 2
CONFIRMATION = "1e"


class Queue:
    """A send queue whose room the test decides on."""

    taken_up = False

    def free_packets(self) -> int:
        return 0 if self.taken_up else 1


class Client(Wired):
    """A bearer and its link's room, as far as publishing needs them."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.queue = Queue()
        self.counters = HciCounters()
        self.room = Room(self.queue, lambda: None, self.counters)

    def got(self) -> list[bytes]:
        """Return the values that have been sent."""
        return [pdu[3:] for pdu in self.sent]

    def configure(self, characteristic: LocalCharacteristic, bits: int) -> None:
        written = self.ask(f"12 {characteristic.cccd_handle:02x} 00 {bits:02x} 00")
        assert written == "13"

    def goes_on(self) -> None:
        """Give room for all that waits."""
        self.queue.taken_up = False
        self.room.grant()


class Publishing:
    """A characteristic that is notified, one that is indicated and one that is both."""

    def __init__(self) -> None:
        server = published("Test")
        service = add_service(server, 0x1810)
        self.data = add_characteristic(server, service, 0x2A37, Properties.NOTIFY)
        self.control = add_characteristic(server, service, 0x2A38, Properties.INDICATE)
        both = Properties.NOTIFY | Properties.INDICATE
        self.both = add_characteristic(server, service, 0x2A39, both)
        self.slow, self.fast = Client(server), Client(server)
        self.under_way: list[asyncio.Future[None]] = []
        for client in (self.slow, self.fast):
            client.configure(self.data, NOTIFY)
            client.configure(self.control, INDICATE)
            client.configure(self.both, NOTIFY | INDICATE)
            client.sent.clear()

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """Set a value; the fast client confirms it."""
        await self.start(calls.publish([self.slow, self.fast], characteristic, value))
        if self.fast.sent[-1][0] == 0x1D:
            self.fast.feed(CONFIRMATION)

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """Send an indication to the slow client alone, as a PacketBuffer does."""
        slow = self.slow
        await self.start(calls.indicate(slow.bearer.teller, slow.room, characteristic, value))

    async def start(self, call: Coroutine[Any, Any, None]) -> None:
        self.under_way.append(asyncio.ensure_future(call))
        await asyncio.sleep(0)

    async def over(self) -> None:
        await asyncio.gather(*self.under_way)


@simulated
async def test_an_indication_waits_behind_notifications_without_room() -> None:
    world = Publishing()
    world.slow.queue.taken_up = True
    await world.publish(world.data, b"1")
    await world.publish(world.data, b"2")
    await world.publish(world.control, b"end")
    assert world.slow.got() == []
    world.slow.goes_on()
    assert world.slow.got() == world.fast.got() == [b"1", b"2", b"end"]
    await world.over()


@simulated
async def test_notifications_wait_behind_an_indication_that_waits() -> None:
    world = Publishing()
    await world.publish(world.control, b"1")
    await world.publish(world.data, b"2")  # the indication before is on its way: this may follow
    await world.publish(world.control, b"3")
    await world.publish(world.data, b"4")
    await world.publish(world.both, b"5")
    await world.publish(world.data, b"6")
    assert world.slow.got() == [b"1", b"2"]
    world.slow.feed(CONFIRMATION)
    assert world.slow.got() == [b"1", b"2", b"3", b"4", b"5"]
    world.slow.feed(CONFIRMATION)
    assert world.slow.got() == [b"1", b"2", b"3", b"4", b"5", b"5", b"6"]
    await world.over()


@simulated
async def test_one_link_s_own_values_wait_in_the_same_line() -> None:
    world = Publishing()
    world.slow.queue.taken_up = True
    await world.publish(world.data, b"1")
    await world.indicate(world.control, b"2")
    await world.publish(world.data, b"3")
    world.slow.goes_on()
    assert world.slow.got() == [b"1", b"2", b"3"]
    world.slow.feed(CONFIRMATION)
    await world.over()


@simulated
async def test_an_indication_that_is_given_up_holds_up_nothing() -> None:
    world = Publishing()
    await world.publish(world.control, b"1")
    await world.indicate(world.control, b"2")
    await world.publish(world.data, b"3")
    world.under_way.pop(1).cancel()
    await asyncio.sleep(0)
    assert world.slow.got() == [b"1", b"3"]
    await world.over()


@pytest.mark.parametrize("bits", [NOTIFY, INDICATE])
@simulated
async def test_a_flood_makes_no_packet_of_a_packet_buffer_give_way(bits: int) -> None:
    world = Publishing()
    await world.indicate(world.control, b"first")
    await world.indicate(world.control, b"kept")
    flooded = world.data if bits == NOTIFY else world.control
    for number in range(MAX_UNTOLD + 10):
        await world.publish(flooded, number.to_bytes(2, "little"))
    assert world.slow.counters.att.missed_values == 10
    assert len(world.slow.room.waiting) == MAX_UNTOLD + 1
    for _ in range(MAX_UNTOLD + 2):
        world.slow.feed(CONFIRMATION)
    kept = [number.to_bytes(2, "little") for number in range(10, MAX_UNTOLD + 10)]
    assert world.slow.got() == [b"first", b"kept", *kept]
    await world.over()


@simulated
async def test_what_waits_is_not_sent_to_who_has_unsubscribed() -> None:
    world = Publishing()
    slow = world.slow
    await world.publish(world.control, b"1")
    slow.queue.taken_up = True
    await world.publish(world.data, b"2")
    await world.publish(world.control, b"3")
    await world.publish(world.both, b"4")
    await world.publish(world.both, b"5")
    slow.configure(world.data, 0)
    slow.configure(world.control, 0)
    slow.configure(world.both, INDICATE)
    slow.sent.clear()
    slow.goes_on()
    slow.feed(CONFIRMATION)
    assert slow.got() == [b"4"]
    slow.feed(CONFIRMATION, CONFIRMATION)
    assert slow.got() == [b"4", b"5"]
    await world.over()


@simulated
async def test_what_waits_fails_with_the_bearer() -> None:
    """A client that does not confirm: all indications end with the same error."""
    world = Publishing()
    slow = world.slow
    await world.indicate(world.control, b"1")
    await world.indicate(world.control, b"2")
    slow.timers.advance(30)
    ended = await asyncio.gather(*world.under_way, return_exceptions=True)
    assert [str(each) for each in ended] == ["The peer did not confirm an indication in time"] * 2
