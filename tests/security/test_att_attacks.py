"""Known attacks on ATT, each by a malicious peer on the air. See docs/security.md."""

from __future__ import annotations

import asyncio
import struct

import pytest

from bleio.att.codec import RESPONSES
from bleio.att.prepared import MAX_PARTS, MAX_QUEUED_OCTETS
from bleio.backends.hci.bonds.store import Bond, ClientState
from bleio.core.codes import AttErrorCode, SecurityMode
from support.attacker import ATT
from support.hci.engine import add_echo, until
from support.hci.simulated import simulated
from support.patience import PATIENCE_S
from support.records import at
from support.victim import Victim, attacked

READ, PREPARE, EXECUTE, ERROR = 0x0A, 0x16, 0x18, 0x01
CONFIRMATION, INDICATION, NOTIFICATION = 0x1E, 0x1D, 0x1B
RESOLVABLE = "4A:0B:AD:0B:AD:01"  # by a key that nobody has


async def ask(victim: Victim, request: bytes) -> bytes:
    """Send a request and give its answer."""
    victim.attacker.send(ATT, request)
    return await asyncio.wait_for(victim.attacker.att.get(), PATIENCE_S)


def refused(request: int, handle: int, *codes: AttErrorCode) -> set[bytes]:
    return {struct.pack("<BBHB", ERROR, request, handle, code) for code in codes}


@simulated
async def test_the_prepare_queue_is_not_exhausted() -> None:
    """A client that prepares for ever fills its own queue, and nothing else."""
    async with attacked("peripheral") as victim:
        echo = add_echo(victim.device.engine.server)
        full = refused(PREPARE, echo.handle, AttErrorCode.PREPARE_QUEUE_FULL)
        taken = 0
        for _ in range(4 * MAX_PARTS):
            part = struct.pack("<BHH", PREPARE, echo.handle, 0) + bytes(18)
            taken += await ask(victim, part) not in full
        assert 0 < taken <= min(MAX_PARTS, MAX_QUEUED_OCTETS // 18)
        assert echo.value == b""
        assert await ask(victim, bytes((EXECUTE, 0))) == b"\x19"
        assert await ask(victim, struct.pack("<BHH", PREPARE, echo.handle, 0) + b"x") not in full
        await victim.meet_again()  # and what was queued goes with the link
        assert await ask(victim, bytes((EXECUTE, 1))) == b"\x19"
        assert echo.value == b""


@simulated
async def test_responses_that_nobody_asked_for() -> None:
    """They end no request of ours, whatever is in them."""
    async with attacked("central") as victim:
        attacker, counters = victim.attacker, victim.link.bearer.counters
        opcodes = sorted(RESPONSES - {ERROR})
        for opcode in opcodes:
            attacker.send(ATT, bytes((opcode,)) + bytes(20))
        await until(lambda: counters.unsolicited_responses == len(opcodes))
        reading = asyncio.ensure_future(victim.link.read(at(3)))
        assert await attacker.att.get() == b"\x0a\x03\x00"
        for opcode in opcodes:
            if opcode != READ + 1:
                attacker.send(ATT, bytes((opcode,)) + b"forged")
        attacker.send(ATT, struct.pack("<BBHB", ERROR, 0x12, 3, 0x05))  # to a write
        await victim.settle()
        assert not reading.done()
        attacker.send(ATT, b"\x0btrue")
        assert await reading == b"true"


@simulated
async def test_forged_confirmations_confirm_nothing() -> None:
    async with attacked("peripheral") as victim:
        attacker, counters = victim.attacker, victim.link.bearer.counters
        echo = add_echo(victim.device.engine.server)
        write = struct.pack("<BH", 0x12, echo.cccd_handle) + b"\x02\x00"
        assert await ask(victim, write) == b"\x13"
        for _ in range(50):  # kept for later, they would confirm what comes now
            attacker.send(ATT, bytes((CONFIRMATION,)))
        await until(lambda: counters.unsolicited_confirmations == 50)
        indicating = asyncio.ensure_future(victim.link.indicate(echo, b"1"))
        assert await attacker.att.get() == struct.pack("<BH", INDICATION, echo.handle) + b"1"
        await victim.settle()
        assert not indicating.done()
        attacker.send(ATT, bytes((CONFIRMATION,)))
        await indicating


@pytest.mark.parametrize("address", [None, RESOLVABLE], ids=["bonded", "unknown RPA"])
@simulated
async def test_an_address_alone_gives_no_values(address: str | None) -> None:
    """A device with a bonded client's address, or a private one, but without keys."""
    async with attacked("peripheral", address=address) as victim:
        attacker, mode = victim.attacker, SecurityMode.ENCRYPT_NO_MITM
        secret = add_echo(
            victim.device.engine.server, read_perm=mode, write_perm=mode, value=b"secret"
        )
        subscribed = ClientState(((secret.cccd_handle, 3),))
        if address is None:
            kept = Bond(attacker.address, b"the bond's key 1", client=subscribed)
            victim.store.save(kept, False)
        await victim.meet_again()
        lacks = (
            AttErrorCode.INSUFFICIENT_AUTHENTICATION,
            AttErrorCode.INSUFFICIENT_ENCRYPTION,
        )
        read = struct.pack("<BH", READ, secret.handle)
        assert await ask(victim, read) in refused(READ, secret.handle, *lacks)
        blob = struct.pack("<BHH", 0x0C, secret.handle, 0)
        assert await ask(victim, blob) in refused(0x0C, secret.handle, *lacks)
        by_type = struct.pack("<BHHH", 0x08, 1, 0xFFFF, 0xA001)
        assert await ask(victim, by_type) in refused(0x08, secret.handle, *lacks)
        write = struct.pack("<BH", 0x12, secret.handle) + b"mine"
        assert await ask(victim, write) in refused(0x12, secret.handle, *lacks)
        prepare = struct.pack("<BHH", PREPARE, secret.handle, 0) + b"mine"
        assert await ask(victim, prepare) in refused(PREPARE, secret.handle, *lacks)
        attacker.send(ATT, struct.pack("<BH", 0x52, secret.handle) + b"mine")
        assert victim.link.subscription(secret) == (False, False)
        await victim.link.notify(secret, b"secret")  # as if it had subscribed
        await victim.link.indicate(secret, b"secret")
        await victim.settle()
        assert secret.value == b"secret"
        assert attacker.att.empty()
        assert attacker.smp.empty()


@simulated
async def test_a_flood_of_requests_is_answered_in_turn() -> None:
    """By a client that waits for no answer, but takes them."""
    async with attacked("peripheral") as victim:
        echo = add_echo(victim.device.engine.server, value=b"v" * 20)
        for _ in range(2_000):
            victim.attacker.send(ATT, struct.pack("<BH", READ, echo.handle))
        answers = 0
        while answers < 2_000:
            assert (await asyncio.wait_for(victim.attacker.att.get(), PATIENCE_S))[0] == READ + 1
            answers += 1
        assert victim.link.connected


@simulated
async def test_notifications_of_what_was_never_discovered() -> None:
    async with attacked("central") as victim:
        counters = victim.link.bearer.counters
        for handle in range(500):
            victim.attacker.send(ATT, struct.pack("<BH", NOTIFICATION, handle) + b"forged")
        await until(lambda: counters.unheard_values == 499)  # all but handle 0, which is none
        assert counters.malformed == 1
        assert victim.link.connected
