"""Packets that wait until it is known what other processes have saved of bonds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bleio.backends.hci.bonds.store import LOOK_S, Bond, MemoryBondStore
from bleio.backends.hci.controller import pause
from bleio.backends.hci.controller.layer import HciLayer
from bleio.core.hci import Event
from support.hci.simulated import simulated
from support.victim import attacked

HELD = Event.HARDWARE_ERROR - 1  # any event without a handler


class Owner:
    def lost(self, error: Any) -> None: ...


class Paused:
    """A layer whose one event pauses it until the test says so."""

    def __init__(self) -> None:
        self.layer = HciLayer(Owner(), "test")
        self.log: list[bytes] = []
        self.answers: list[Callable[[bool], None]] = []
        self.layer.on_event(Event.DISCONNECTION_COMPLETE, self._event)
        self.layer.on_acl(lambda handle, continues, data: self.log.append(data))

    def _event(self, parameters: bytes) -> None:
        self.layer.pause_for(self.answers.append, 0.1, lambda: self.log.append(parameters))

    def event(self, number: int) -> None:
        self.layer.received(b"\x04\x05\x01" + bytes((number,)))

    def data(self, number: int) -> None:
        self.layer.received(b"\x02\x01\x00\x01\x00" + bytes((number,)))

    def answer(self) -> None:
        self.answers.pop(0)(False)

    @property
    def order(self) -> bytes:
        return b"".join(self.log)


@simulated
async def test_packets_wait_in_order() -> None:
    paused = Paused()
    paused.data(0)
    paused.event(1)
    paused.data(2)
    paused.event(3)
    paused.data(4)
    assert paused.order == bytes((0,))
    paused.answer()
    assert paused.order == bytes((0, 1, 2))
    paused.data(5)
    paused.answer()
    paused.data(6)
    assert paused.order == bytes((0, 1, 2, 3, 4, 5, 6))


@simulated
async def test_not_for_long() -> None:
    paused = Paused()
    paused.event(1)
    paused.data(2)
    await asyncio.sleep(0.09)
    assert paused.order == b""
    await asyncio.sleep(0.02)
    assert paused.order == bytes((1, 2))
    paused.event(3)
    paused.answer()  # that of the first, too late
    assert paused.order == bytes((1, 2))
    paused.answer()
    assert paused.order == bytes((1, 2, 3))


@simulated
async def test_not_more_than_there_is_room_for() -> None:
    paused = Paused()
    paused.event(1)
    for _ in range(pause.MOST_PACKETS):
        paused.data(2)
    assert paused.order == b""
    paused.data(2)
    assert paused.order == bytes((1,)) + bytes((2,)) * (pause.MOST_PACKETS + 1)


@simulated
async def test_a_controller_that_is_lost_meanwhile() -> None:
    paused = Paused()
    paused.event(1)
    paused.data(2)
    paused.layer.lose("it was unplugged")
    paused.data(3)
    paused.answer()
    await asyncio.sleep(0.2)
    assert paused.order == b""


class SlowToLook(MemoryBondStore):
    """Bonds of which another process has saved one, which is known after a look."""

    def __init__(self, takes_s: float = LOOK_S / 2) -> None:
        super().__init__()
        self.elsewhere: list[tuple[bool, Bond]] = []
        self._takes_s = takes_s

    def look(self, then: Callable[[bool], None]) -> None:
        asyncio.get_running_loop().call_later(self._takes_s, self._looked, then)

    def _looked(self, then: Callable[[bool], None]) -> None:
        for central, bond in self.elsewhere:
            self.save(bond, central)
        then(bool(self.elsewhere))


@simulated
async def test_a_bond_of_another_process_is_seen_by_the_next_connection() -> None:
    """The peer asks for encryption at once, as fast as it can."""
    store = SlowToLook()
    async with attacked("peripheral", store=store) as victim:
        bond = await victim.pair()
        assert isinstance(bond, Bond)
        ((central, ours),) = store.all()
        await victim.attacker.disconnect()
        store.erase()
        store.elsewhere = [(central, ours)]
        victim.attacker.gone.clear()
        victim.attacker.connected.clear()
        await victim.meet("peripheral")
        assert await victim.attacker.encrypt(bond.ltk, bond.rand, bond.ediv) == 0
