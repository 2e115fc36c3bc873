"""ACL data before the event that tells of its link, as from USB controllers."""

from __future__ import annotations

import asyncio
import struct

import pytest

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.links.early import (
    HELD_S,
    MAX_HELD_OCTETS,
    MAX_HELD_PACKETS,
    EarlyData,
)
from bleio.core.address import DeviceAddress
from support.hci.engine import Engine, until
from support.hci.script import PEER, ScriptedController, acl, connection_complete, disconnection
from support.hci.simulated import simulated

HANDLE = 0x40
ATT = 0x0004
EXCHANGE_MTU_REQ = bytes.fromhex("020502")
EXCHANGE_MTU_RSP = acl(HANDLE, ATT, bytes.fromhex("030502"))[5:]


@pytest.mark.parametrize("late_s", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("central", [False, True])
@simulated
async def test_a_request_before_its_link_is_answered(central: bool, late_s: float) -> None:
    async with ScriptedController(unix=True) as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        connecting = None
        if central:
            peer = DeviceAddress(PEER, random=True)
            connecting = asyncio.ensure_future(backend.connect(peer, 0))
            await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION))
        controller.send(acl(HANDLE, ATT, EXCHANGE_MTU_REQ))
        await asyncio.sleep(late_s)
        controller.send(connection_complete(HANDLE, central=central))
        await until(lambda: EXCHANGE_MTU_RSP in [packet[4:] for packet in controller.data])
        (link,) = engine.links
        if connecting is not None:
            assert await connecting is link
        counters = backend._open.links.layer.counters  # type: ignore[union-attr]
        assert (counters.early_data, counters.unknown_handles) == (1, 0)
        controller.send(disconnection(HANDLE))
        await until(lambda: not engine.links)
        await backend.close()


@simulated
async def test_fragments_on_both_sides_of_the_event_are_one_request() -> None:
    async with ScriptedController(unix=True) as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        sdu = struct.pack("<HH", len(EXCHANGE_MTU_REQ), ATT) + EXCHANGE_MTU_REQ
        controller.send(
            struct.pack("<BHH", 0x02, HANDLE | 0x2000, 5) + sdu[:5],
            connection_complete(HANDLE),
            struct.pack("<BHH", 0x02, HANDLE | 0x1000, len(sdu) - 5) + sdu[5:],
        )
        await until(lambda: controller.data)
        assert [packet[4:] for packet in controller.data] == [EXCHANGE_MTU_RSP]
        await backend.close()


@simulated
async def test_what_no_link_claims_is_dropped_in_time() -> None:
    """A later link of the same handle does not get it."""
    counters = HciCounters()
    early = EarlyData(counters)
    early.hold(1, False, b"old")
    await asyncio.sleep(HELD_S / 2)
    early.hold(1, True, b"older")
    early.hold(2, False, b"new")
    await asyncio.sleep(HELD_S * 0.6)
    assert early.claim(1) == []
    assert early.claim(2) == [(False, b"new")]
    assert (counters.unknown_handles, counters.early_data) == (2, 1)


@simulated
async def test_what_is_held_is_bounded() -> None:
    counters = HciCounters()
    early = EarlyData(counters)
    for number in range(MAX_HELD_PACKETS + 5):
        early.hold(number, False, b"x")
    assert counters.unknown_handles == 5
    early.close()
    assert counters.unknown_handles == MAX_HELD_PACKETS + 5
    early.hold(1, False, bytes(MAX_HELD_OCTETS))
    early.hold(2, False, b"x")
    assert early.claim(2) == []
    assert len(early.claim(1)) == 1
    early.hold(2, False, b"x")
    assert early.claim(2) == [(False, b"x")]


@simulated
async def test_a_new_link_hears_nothing_of_the_old_one() -> None:
    async with ScriptedController(unix=True) as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        controller.send(connection_complete(HANDLE))
        await until(lambda: engine.links)
        controller.send(
            disconnection(HANDLE),
            acl(HANDLE, ATT, EXCHANGE_MTU_REQ),
            connection_complete(HANDLE),
        )
        await until(lambda: engine.log.count("link opened") == 2)
        counters = backend._open.links.layer.counters  # type: ignore[union-attr]
        assert (counters.early_data, counters.unknown_handles) == (0, 1)
        assert not controller.data
        await backend.close()


@simulated
async def test_a_new_link_hears_nothing_of_one_that_nobody_waited_for() -> None:
    async with ScriptedController(unix=True) as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        controller.send(
            connection_complete(HANDLE, central=True),
            acl(HANDLE, ATT, EXCHANGE_MTU_REQ),
            disconnection(HANDLE),
            acl(HANDLE, ATT, EXCHANGE_MTU_REQ),
            connection_complete(HANDLE),
        )
        await until(lambda: engine.links)
        counters = backend._open.links.layer.counters  # type: ignore[union-attr]
        assert counters.early_data == 0
        await backend.close()
