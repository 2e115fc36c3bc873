"""Events that come later than data, as from USB controllers: encryption is reported after its use.

Spec: Vol 6, Part B, 5.1.3.1 (what may be sent when).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bleio.backends.base import Link
from bleio.backends.hci import HciBackend
from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.security.held import HELD_S, MAX_HELD, HeldData
from bleio.core.codes import SecurityMode
from bleio.core.hci import ACL_PACKET, Event
from support.hci.engine import ECHO_SERVICE, Heard, add_echo, until
from support.hci.simulated import simulated
from support.hci.world import Device, VirtualWorld, connected_pair

ENCRYPTION_EVENTS = (
    Event.ENCRYPTION_CHANGE,
    Event.ENCRYPTION_CHANGE_V2,
    Event.ENCRYPTION_KEY_REFRESH_COMPLETE,
)
LATE_S = (0.005, 0.02, 0.05)


class TwoPipes(HciBackend):
    """Its events of encryption or its data come late by `events_s` or `data_s`, each in order."""

    events_s = data_s = 0.0

    async def _open_port(self, on_packet: Any, on_lost: Any) -> Any:
        due_s = [0.0, 0.0]

        def received(packet: bytes) -> None:
            loop = asyncio.get_running_loop()
            is_data = packet[0] == ACL_PACKET
            late_s = self.data_s if is_data else self.events_s * (packet[1] in ENCRYPTION_EVENTS)
            due_s[is_data] = max(due_s[is_data], loop.time() + late_s)
            if due_s[is_data] <= loop.time():
                on_packet(packet)
            else:
                loop.call_at(due_s[is_data], on_packet, packet)

        return await super()._open_port(received, on_lost)


class TwoPipesWorld(VirtualWorld):
    def make_backend(self, **kwargs: Any) -> HciBackend:
        return TwoPipes("virtual", **kwargs)


Pair = tuple[Device, Device, Link, Link]


@asynccontextmanager
async def linked() -> AsyncIterator[Pair]:
    async with TwoPipesWorld() as world:
        yield await connected_pair(world)


def delay(device: Device, events_s: float, data_s: float) -> None:
    device.backend.events_s, device.backend.data_s = events_s, data_s


@pytest.mark.parametrize("late_s", LATE_S)
@pytest.mark.parametrize("what", ["events", "data"])
@pytest.mark.parametrize("whose", ["central", "peripheral", "both"])
@pytest.mark.parametrize("by_central", [True, False])
@simulated
async def test_pairing(by_central: bool, whose: str, what: str, late_s: float) -> None:
    async with linked() as (central, peripheral, link, incoming):
        for device, role in ((central, "central"), (peripheral, "peripheral")):
            if whose in (role, "both"):
                delay(device, late_s * (what == "events"), late_s * (what == "data"))
        await (link if by_central else incoming).pair()
        await until(lambda: link.security.has_keys and incoming.security.has_keys)
        assert link.security.encrypted and incoming.security.encrypted


async def bonded(central: Device, peripheral: Device, link: Link) -> tuple[Any, Any]:
    """Bond, read and subscribe to a protected value, and part. Returns: both ends of the value."""
    mode = SecurityMode.ENCRYPT_NO_MITM
    echo = add_echo(peripheral.engine.server, read_perm=mode, value=b"secret")
    await link.pair()
    (found,) = await link.discover([ECHO_SERVICE])
    remote = found.characteristics[0]
    assert await link.read(remote) == b"secret"
    await link.subscribe(remote, True, False)
    await link.disconnect()
    await until(lambda: not peripheral.engine.links)
    return echo, remote


@pytest.mark.parametrize("late_s", LATE_S)
@simulated
async def test_a_bonded_client_reads_at_once(late_s: float) -> None:
    """Its first requests are encrypted, though our controller has not said so yet."""
    async with linked() as (central, peripheral, link, _):
        _, remote = await bonded(central, peripheral, link)
        delay(peripheral, late_s, 0.0)
        await peripheral.advertise()
        link, incoming = await central.connect(peripheral)
        assert await link.read(remote) == b"secret"
        assert incoming.security.encrypted


@pytest.mark.parametrize("late_s", LATE_S)
@simulated
async def test_a_bonded_client_hears_at_once(late_s: float) -> None:
    """A value that passed encrypted before is notified before our controller has said so."""
    async with linked() as (central, peripheral, link, _):
        echo, remote = await bonded(central, peripheral, link)
        delay(central, late_s, 0.0)
        heard = Heard()
        opened = central.engine.link_opened

        def link_opened(link: Link) -> None:
            link.listen(remote, heard)
            opened(link)

        central.engine.link_opened = link_opened  # type: ignore[method-assign]
        await peripheral.advertise()
        meeting = asyncio.ensure_future(central.connect(peripheral))
        await until(lambda: peripheral.engine.links)
        (incoming,) = peripheral.engine.links
        await until(lambda: incoming.security.encrypted)
        await incoming.notify(echo, b"news")
        link, _ = await meeting
        await until(lambda: heard.values)
        assert heard.values == [b"news"]


@simulated
async def test_keys_that_come_before_a_report_are_kept_once_they_are_proven() -> None:
    async with linked() as (central, peripheral, link, _):
        delay(central, 0.02, 0.0)
        await link.pair()
        assert link.security.has_keys
        assert link.peer == peripheral.address


@simulated
async def test_what_is_held_is_bounded() -> None:
    taken: list[bytes] = []
    held = HeldData(HciCounters())
    held.begin()
    for number in range(MAX_HELD):
        assert not taken
        held.hold(taken.append, bytes((number,)))
    assert taken == [bytes((number,)) for number in range(MAX_HELD)]
    assert not held.waits
    held.begin()
    held.hold(taken.append, b"late")
    await asyncio.sleep(HELD_S * 0.9)
    assert held.waits and len(held) == 1
    await asyncio.sleep(HELD_S * 0.2)
    assert not held.waits and taken[-1] == b"late"


@simulated
async def test_what_is_held_goes_with_the_link() -> None:
    taken: list[bytes] = []
    held = HeldData(HciCounters())
    held.begin()
    held.hold(taken.append, b"for nobody")
    held.drop()
    await asyncio.sleep(2 * HELD_S)
    assert not taken
