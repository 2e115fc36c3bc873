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
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.security.held import HELD_S, MAX_HELD, HeldData
from bleio.backends.hci.security.smp import pdu
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.errors import AttError, ControllerLost
from support.hci.engine import ECHO_SERVICE, Heard, add_echo, until
from support.hci.lines import TwoPipesWorld, delay
from support.hci.simulated import simulated
from support.hci.world import Device, connected_pair

LATE_S = (0.005, 0.02, 0.05)


class Nobody:
    def lost(self, error: ControllerLost) -> None:
        """There is nobody to tell."""


Pair = tuple[Device, Device, Link, Link]


@asynccontextmanager
async def linked() -> AsyncIterator[Pair]:
    async with TwoPipesWorld() as world:
        yield await connected_pair(world)


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


@asynccontextmanager
async def encrypting() -> AsyncIterator[tuple[Any, Any, Any, Any]]:
    """A link of bonded devices whose encryption only the peripheral has heard of yet.

    Yields: its two ends; a protected value of the central's, and what the peripheral found of it.
    """
    async with linked() as (central, peripheral, link, incoming):
        mode = SecurityMode.ENCRYPT_NO_MITM
        echo = add_echo(central.engine.server, read_perm=mode, write_perm=mode, value=b"secret")
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        (found,) = await incoming.discover([ECHO_SERVICE])
        await link.disconnect()
        await until(lambda: not peripheral.engine.links)
        delay(central, 0.05, 0.0)
        await peripheral.advertise()
        meeting = asyncio.ensure_future(central.connect(peripheral))
        await until(lambda: peripheral.engine.links and central.engine.links)
        ((link,), (incoming,)) = (central.engine.links, peripheral.engine.links)
        await until(lambda: incoming.security.encrypted)
        assert not link.security.encrypted
        yield link, incoming, echo, found.characteristics[0]
        await meeting


@simulated
async def test_what_a_peer_asks_of_a_central_waits_for_the_report() -> None:
    """The answer is encrypted by then: nobody is told what was asked for in the clear."""
    async with encrypting() as (link, incoming, _, remote):
        reading = asyncio.ensure_future(incoming.read(remote))
        await until(lambda: len(link.encryption.held))
        assert not reading.done() and not link.security.encrypted
        assert await reading == b"secret"
        assert link.security.encrypted


@simulated
async def test_what_a_peer_writes_to_a_central_before_the_report_is_plain() -> None:
    """It may have come in the clear, from somebody else."""
    async with encrypting() as (link, incoming, echo, remote):
        await incoming.write_command(remote, b"command")
        with pytest.raises(AttError) as caught:
            await incoming.write(remote, b"request")
        assert caught.value.code == AttErrorCode.INSUFFICIENT_ENCRYPTION
        assert not link.security.encrypted
        assert echo.value == b"secret"
        await until(lambda: link.security.encrypted)
        await incoming.write(remote, b"mine")
        assert echo.value == b"mine"


@simulated
async def test_a_peer_that_asks_for_security_meanwhile_proves_nothing_less() -> None:
    """Only keys could be somebody else's; all else of SMP is taken at once."""
    async with linked() as (central, _, link, _):
        delay(central, 0.05, 0.0)
        pairing = asyncio.ensure_future(link.pair())
        held = link.encryption.held  # type: ignore[attr-defined]
        await until(lambda: held.waits)
        link._security.received(pdu.request_security(1))  # type: ignore[attr-defined]
        assert not len(held)
        await pairing


@simulated
async def test_what_is_held_is_bounded() -> None:
    taken: list[bytes] = []
    held = HeldData(HciLayer(Nobody(), "test"))
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
    held = HeldData(layer := HciLayer(Nobody(), "test"))
    held.begin()
    held.hold(taken.append, b"for nobody")
    held.drop()
    await asyncio.sleep(2 * HELD_S)
    assert not taken
    assert (layer.counters.early_data, layer.counters.unproven_data) == (1, 1)


@simulated
async def test_a_fault_in_one_costs_none_behind_it() -> None:
    taken: list[bytes] = []
    held = HeldData(layer := HciLayer(Nobody(), "test"))
    held.begin()
    held.hold(lambda octets: 1 // 0, b"")
    held.hold(taken.append, b"next")
    held.release()
    assert taken == [b"next"]
    assert layer.counters.faults == 1
