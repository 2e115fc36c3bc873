"""Signed writes on the air, and what forged, repeated and misplaced ones do."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bleio.backends.hci.bonds.folder import BondFolder
from bleio.backends.hci.bonds.store import Bond, MemoryBondStore
from bleio.backends.hci.bonds.writing import IN_A_ROW, REST_S
from bleio.backends.hci.security.counts import MAX_STEP
from bleio.backends.hci.security.signing import signature
from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalService
from bleio.gatt.requests import MAX_HELD
from support.attacker import ATT, LEGACY
from support.hci.engine import asynchronous, until
from support.hci.simulated import simulated
from support.records import at
from support.victim import Victim, attacked

SIGNED = Properties.WRITE_WITHOUT_RESPONSE | Properties.AUTHENTICATED_SIGNED_WRITES


def test_the_mac_is_that_of_rfc_4493() -> None:
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    block = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    message, counter = block[:3:-1], int.from_bytes(block[:4], "big")
    made = signature(key[::-1], message, counter)
    assert made == block[3::-1] + bytes.fromhex("070a16b46b4d4144")[::-1]


def publish(
    victim: Victim, mode: SecurityMode = SecurityMode.SIGNED_NO_MITM
) -> LocalCharacteristic:
    service = LocalService(uuid16(0xA000))
    value = LocalCharacteristic(uuid16(0xA001), SIGNED, write_perm=mode)
    server = victim.device.engine.server
    server.add_service(service)
    server.add_characteristic(service, value)
    return value


class Signing:
    """A bonded attacker on a plain link."""

    def __init__(self, victim: Victim, bond: Bond) -> None:
        assert bond.own_signing is not None
        self.victim = victim
        self.csrk = bond.own_signing.csrk

    def send(self, handle: int, value: bytes, counter: int, spoil: int = 0) -> None:
        message = b"\xd2" + handle.to_bytes(2, "little") + value
        octets = bytearray(signature(self.csrk, message, counter))
        octets[-1] ^= spoil
        self.victim.attacker.send(ATT, message + octets)

    @property
    def refused(self) -> int:
        return int(self.victim.link.bearer.counters.refused_commands)


def stored_counter(victim: Victim) -> tuple[int, int]:
    ((_, bond),) = victim.bonds()
    assert bond.peer_signing is not None
    return bond.peer_signing.counter, bond.peer_signing.ahead


async def bonded(victim: Victim, features: object = None) -> Signing:
    """Pair, part and meet again without encryption."""
    bond = await (victim.pair(features) if features else victim.pair())
    assert isinstance(bond, Bond)
    await until(lambda: victim.bonds())
    await victim.meet_again()
    assert not victim.security.encrypted
    return Signing(victim, bond)


@pytest.mark.parametrize("victim_role", ["central", "peripheral"])
@pytest.mark.parametrize("features", [None, LEGACY], ids=["SC", "legacy"])
@simulated
async def test_a_signed_write_counts_once(victim_role: str, features: object) -> None:
    async with attacked(victim_role) as victim:
        value = publish(victim)
        signing = await bonded(victim, features)
        signing.send(value.handle, b"one", 0)
        await until(lambda: value.value == b"one")
        signing.send(value.handle, b"two", 7)
        await until(lambda: value.value == b"two")
        signing.send(value.handle, b"one", 0)  # replayed
        signing.send(value.handle, b"six", 6)  # late
        await until(lambda: signing.refused == 2)
        await victim.meet_again()
        signing.send(value.handle, b"two", 7)  # replayed on another link
        await until(lambda: signing.refused == 3)
        assert value.value == b"two"
        signing.send(value.handle, b"eight", 8)  # it goes on as if nothing were stored ahead
        await until(lambda: value.value == b"eight")
        await victim.meet_again()
        await until(lambda: stored_counter(victim) == (9, 0))


class SlowStore(MemoryBondStore):
    """A store that is told by the test when all is stored; `kept` is what a crash leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.saves = 0
        self.at_once = True
        self._waiting: list[Callable[[], None]] = []
        self.kept = self.all()

    def save(self, bond: Bond, central: bool) -> None:
        super().save(bond, central)
        self.saves += 1
        if self.at_once:
            self.stored()

    def when_stored(self, then: Callable[[], None]) -> None:
        if self.at_once:
            then()
        else:
            self._waiting.append(then)

    def stored(self) -> None:
        self.kept = self.all()
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()


def crashed(store: SlowStore) -> SlowStore:
    """What the next run of a program finds."""
    after = SlowStore()
    for central, bond in store.kept:
        after.save(bond, central)
    return after


@simulated
async def test_signed_writes_are_not_a_file_each() -> None:
    store = SlowStore()
    async with attacked("peripheral", store=store) as victim:
        value = publish(victim)
        signing = await bonded(victim)
        before = store.saves
        for number in range(1000):
            signing.send(value.handle, number.to_bytes(2, "little"), number)
        await until(lambda: value.value == (999).to_bytes(2, "little"))
        assert store.saves - before <= 15 + 2 * 1000 / MAX_STEP
        assert signing.refused == 0


@asynchronous
async def test_no_file_is_written_where_links_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for signed writes, nor for the pairing, or what the client configures."""
    threads: list[int] = []
    replace_file = os.replace

    def replaced(source: Path, target: Path) -> None:
        threads.append(threading.get_ident())
        replace_file(source, target)

    monkeypatch.setattr("bleio.backends.hci.bonds.file.os.replace", replaced)
    folder = BondFolder(tmp_path)
    own = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)
    async with attacked("peripheral", store=folder.of(own)) as victim:
        value = publish(victim)
        signing = await bonded(victim)
        before, begin_s = len(threads), asyncio.get_running_loop().time()
        for number in range(1000):  # each as far ahead as makes a new writing necessary
            signing.send(value.handle, number.to_bytes(2, "little"), 1000 * number)
            await asyncio.sleep(0)
        await until(lambda: value.value != b"")
        took_s = asyncio.get_running_loop().time() - begin_s
        assert len(threads) - before <= IN_A_ROW + 2 + took_s / REST_S
    await folder.close()
    assert threads and threading.get_ident() not in threads


@pytest.mark.parametrize("writes", [1, 2, MAX_STEP, 3 * MAX_STEP + 1])
@simulated
async def test_no_signed_write_counts_again_after_a_crash(writes: int) -> None:
    store = SlowStore()
    async with attacked("peripheral", store=store) as victim:
        value = publish(victim)
        signing = await bonded(victim)
        for number in range(writes):
            signing.send(value.handle, number.to_bytes(2, "little"), number)
        await until(lambda: value.value == (writes - 1).to_bytes(2, "little"))
        left = crashed(store)
    async with attacked("peripheral", store=left) as victim:
        value = publish(victim)
        again = Signing(victim, replace(left.kept[0][1], own_signing=left.kept[0][1].peer_signing))
        for number in range(writes):
            again.send(value.handle, number.to_bytes(2, "little"), number)
        await until(lambda: again.refused == writes)
        assert value.value == b""
        lost = min(max(8, 2 * writes), 2 * MAX_STEP)  # the most; then the peer has got there
        again.send(value.handle, b"new", writes + lost)
        await until(lambda: value.value == b"new")


@simulated
async def test_what_comes_before_its_counter_is_stored_waits_in_order() -> None:
    store = SlowStore()
    async with attacked("peripheral", store=store) as victim:
        value = publish(victim)
        signing = await bonded(victim)
        store.at_once = False
        signing.send(value.handle, b"one", 0)
        signing.send(value.handle, b"two", 1)
        signing.send(value.handle, b"forged", 2, spoil=1)
        read_name = b"\x0a\x03\x00"
        victim.attacker.send(ATT, read_name)
        await victim.settle()
        assert value.value == b"" and victim.attacker.att.empty()
        assert crashed(store).all()[0][1].peer_signing.least == 0
        store.stored()
        assert value.value == b"two" and signing.refused == 1
        assert (await victim.attacker.att.get())[0] == 0x0B
        assert crashed(store).all()[0][1].peer_signing.least > 1
        for number in range(2, 402):  # more than may wait
            signing.send(value.handle, b"more", number)
        await victim.settle()
        store.stored()
        await victim.settle()
        store.stored()
        assert 1 < signing.refused <= 1 + 400 - MAX_HELD
        store.at_once = True
        store.stored()


@pytest.mark.parametrize(("stored_after_s", "written"), [(0.01, b"one"), (1, b"")])
@simulated
async def test_what_waits_for_its_counter_ends_with_the_link(
    stored_after_s: float, written: bytes
) -> None:
    store = SlowStore()
    async with attacked("peripheral", store=store) as victim:
        value = publish(victim)
        signing = await bonded(victim)
        store.at_once = False
        signing.send(value.handle, b"one", 0)
        await victim.settle()
        await victim.attacker.disconnect()
        await asyncio.sleep(stored_after_s)
        store.at_once = True
        store.stored()
        assert value.value == written


@pytest.mark.parametrize("used_before", [0, 5])
@simulated
async def test_what_was_stored_ahead_for_nothing_is_taken_back(used_before: int) -> None:
    """The link ends before a signature counts: the client's next does, the lost one does not."""
    store = SlowStore()
    async with attacked("peripheral", store=store) as victim:
        value = publish(victim)
        signing = await bonded(victim)
        for number in range(used_before):
            signing.send(value.handle, b"used", number)
        if used_before:
            await until(lambda: value.value == b"used")
            await victim.meet_again()
            await until(lambda: stored_counter(victim) == (used_before, 0))
            value.value = b""
        store.at_once = False
        signing.send(value.handle, b"lost", used_before)
        await until(lambda: stored_counter(victim)[1] > used_before + 1)
        store.at_once = True
        await victim.meet_again()
        await until(lambda: stored_counter(victim) == (used_before + 1, 0))
        refused = signing.refused
        for number in range(used_before + 1):
            signing.send(value.handle, b"again", number)
        await until(lambda: signing.refused == refused + used_before + 1)
        assert value.value == b""
        signing.send(value.handle, b"next", used_before + 1)
        await until(lambda: value.value == b"next")


@simulated
async def test_forged_and_misplaced_signatures() -> None:
    async with attacked("peripheral") as victim:
        value = publish(victim)
        signing = await bonded(victim)
        signing.send(value.handle, b"x", 0, spoil=1)
        signing.send(value.handle, b"x" * 21, 0)  # longer than the value may be
        signing.send(value.handle + 1, b"x", 0)  # no attribute
        command = b"\xd2" + value.handle.to_bytes(2, "little")
        victim.attacker.send(ATT, command + bytes(11))  # too short for a signature
        good = signature(signing.csrk, command + b"good", 0)
        victim.attacker.send(ATT, command + b"evil" + good)  # of another value
        await until(lambda: signing.refused == 5)
        ((_, bond),) = victim.bonds()
        assert bond.peer_signing is not None
        assert bond.peer_signing.least == 0  # none of them moved it
        signing.send(value.handle, b"good", 0)
        await until(lambda: value.value == b"good")


@simulated
async def test_a_stranger_signs_in_vain() -> None:
    async with attacked("peripheral") as victim:
        value = publish(victim)
        message = b"\xd2" + value.handle.to_bytes(2, "little") + b"x"
        victim.attacker.send(ATT, message + signature(bytes(16), message, 0))
        await until(lambda: victim.link.bearer.counters.refused_commands == 1)
        assert value.value == b""


@simulated
async def test_an_unauthenticated_key_is_not_enough_for_signed_with_mitm() -> None:
    async with attacked("peripheral") as victim:
        value = publish(victim, SecurityMode.SIGNED_WITH_MITM)
        signing = await bonded(victim)
        signing.send(value.handle, b"x", 0)
        await until(lambda: signing.refused == 1)
        assert value.value == b""


@simulated
async def test_an_encrypted_link_takes_no_signed_writes() -> None:
    async with attacked("peripheral") as victim:
        value = publish(victim)
        bond = await victim.pair()
        assert isinstance(bond, Bond)
        signing = Signing(victim, bond)
        signing.send(value.handle, b"x", 0)
        await until(lambda: signing.refused == 1)
        victim.attacker.send(ATT, b"\x52" + value.handle.to_bytes(2, "little") + b"plain")
        await until(lambda: value.value == b"plain")


@simulated
async def test_our_client_signs_where_the_link_is_not_encrypted() -> None:
    async with attacked("central") as victim:
        bond = await victim.pair()
        assert isinstance(bond, Bond)
        await victim.link.write_command(at(0x12), b"secret", signed=True)
        assert await victim.attacker.att.get() == b"\x52\x12\x00secret"  # encrypted: no need
        await victim.meet_again()  # where it has "lost" the key
        await until(victim.refused)
        assert bond.peer_signing is not None
        for counter in range(3):
            await victim.link.write_command(at(0x12), b"open", signed=True)
            message = b"\xd2\x12\x00open"
            expected = message + signature(bond.peer_signing.csrk, message, counter)
            assert await victim.attacker.att.get() == expected
        ((_, kept),) = victim.bonds()
        assert kept.own_signing is not None
        assert kept.own_signing.least >= 3
        await victim.meet_again()
        await until(lambda: victim.bonds()[0][1].own_signing.least == 3)  # type: ignore[union-attr]
