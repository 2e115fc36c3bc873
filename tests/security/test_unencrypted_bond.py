"""A bonded peer that comes back without encryption and serves data (BLESA)."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.hci.bonds import Bond
from bleio.core.codes import AttErrorCode
from bleio.core.pairing import SecuritySettings
from bleio.errors import AttError, SecurityError, public_error
from support.attacker import ATT
from support.hci.engine import Heard, until
from support.hci.simulated import simulated
from support.victim import Victim, attacked

HANDLE = 0x0012
REQUEST = b"\x0a\x12\x00"


async def read(victim: Victim, value: bytes) -> bytes:
    """Read as the victim, with the attacker answering."""
    reading = asyncio.ensure_future(victim.link.read(HANDLE))
    assert await victim.attacker.att.get() == REQUEST
    victim.attacker.send(ATT, b"\x0b" + value)
    return bytes(await reading)


async def bonded(victim: Victim) -> Bond:
    """Pair, and read a value over the encrypted link."""
    bond = await victim.pair()
    assert isinstance(bond, Bond)
    assert victim.security.encrypted
    assert await read(victim, b"true") == b"true"
    return bond


@simulated
async def test_a_value_that_came_encrypted_is_not_read_in_the_clear() -> None:
    async with attacked("central") as victim:
        await bonded(victim)
        await victim.meet_again()  # the attacker does not know the key any more
        with pytest.raises(AttError) as caught:
            await victim.link.read(HANDLE)
        assert caught.value.code == AttErrorCode.INSUFFICIENT_ENCRYPTION
        assert isinstance(public_error(caught.value), SecurityError)
        assert victim.attacker.att.empty()


@simulated
async def test_nor_is_it_heard_in_a_notification() -> None:
    async with attacked("central") as victim:
        await bonded(victim)
        await victim.meet_again()
        await until(victim.refused)
        heard = Heard()
        victim.link.listen(HANDLE, heard)
        victim.link.listen(HANDLE + 1, heard)  # never seen before: nothing is expected of it
        victim.attacker.send(ATT, b"\x1b\x12\x00false")
        victim.attacker.send(ATT, b"\x1d\x12\x00false")
        victim.attacker.send(ATT, b"\x1b\x13\x00other")
        await until(lambda: heard.values)
        assert heard.values == [b"other"]
        assert victim.link.bearer.counters.distrusted_values == 2


@simulated
async def test_the_settings_may_say_otherwise() -> None:
    async with attacked("central", settings=SecuritySettings(fail_closed=False)) as victim:
        await bonded(victim)
        await victim.meet_again()
        await until(victim.refused)
        assert await read(victim, b"anything") == b"anything"


@simulated
async def test_reading_waits_for_encryption_that_is_under_way() -> None:
    async with attacked("central") as victim:
        bond = await bonded(victim)
        victim.attacker.long_term_key = lambda rand, ediv: bond.ltk
        victim.attacker.hold_key = True
        victim.attacker.key_wanted.clear()
        meeting = asyncio.ensure_future(victim.meet_again())
        await victim.attacker.key_wanted.wait()
        (link,) = victim.device.engine.links
        reading = asyncio.ensure_future(link.read(HANDLE))
        await victim.settle()
        assert not reading.done()
        victim.attacker.give_key()
        await meeting
        assert await victim.attacker.att.get() == REQUEST
        assert victim.security.encrypted
        victim.attacker.send(ATT, b"\x0btrue")
        assert await reading == b"true"


@simulated
async def test_forgotten_with_the_bonds() -> None:
    async with attacked("central") as victim:
        await bonded(victim)
        await victim.device.backend.erase_bonds()
        await victim.meet_again()
        assert await read(victim, b"a stranger's") == b"a stranger's"
