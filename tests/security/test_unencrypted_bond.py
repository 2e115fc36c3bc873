"""A bonded peer that comes back without encryption and serves data (BLESA)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.smp.pdu import AuthReq
from bleio.core.codes import AttErrorCode
from bleio.core.pairing import SecuritySettings
from bleio.core.security import LinkSecurity
from bleio.core.uuid import uuid16
from bleio.errors import AttError, SecurityError, public_error
from bleio.gatt.bearer import Bearer
from bleio.gatt.model import RemoteCharacteristic
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from support.attacker import ATT, JUST_WORKS
from support.bearers import WiredLink, WiredSecurity, add_characteristic, add_service, published
from support.hci.engine import Heard, until
from support.hci.simulated import simulated
from support.patience import PATIENCE_S
from support.records import at
from support.victim import Victim, attacked

HANDLE = 0x0012
REQUEST = b"\x0a\x12\x00"
SERVICE, SECRET, OTHER = 0x1810, 0x2A37, 0x2A38


async def read(victim: Victim, value: bytes) -> bytes:
    """Read as the victim, with the attacker answering."""
    reading = asyncio.ensure_future(victim.link.read(at(HANDLE)))
    assert await asyncio.wait_for(victim.attacker.att.get(), PATIENCE_S) == REQUEST
    victim.attacker.send(ATT, b"\x0b" + value)
    return bytes(await reading)


async def bonded(victim: Victim) -> Bond:
    """Pair, and read a value over the encrypted link."""
    bond = await victim.pair()
    assert isinstance(bond, Bond)
    assert victim.security.encrypted
    assert await read(victim, b"true") == b"true"
    return bond


@pytest.mark.parametrize("victim_role", ["central", "peripheral"])
@simulated
async def test_a_value_that_came_encrypted_is_not_read_in_the_clear(victim_role: str) -> None:
    """Nor waited for by a peripheral, which cannot know whether the central will encrypt."""
    async with attacked(victim_role) as victim:
        await bonded(victim)
        await victim.meet_again()  # the attacker does not know the key any more
        with pytest.raises(AttError) as caught:
            await victim.link.read(at(HANDLE))
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
        victim.link.listen(at(HANDLE), heard)
        victim.link.listen(at(HANDLE + 1), heard)  # never seen before: nothing is expected of it
        victim.attacker.send(ATT, b"\x1b\x12\x00false")
        victim.attacker.send(ATT, b"\x1d\x12\x00false")
        victim.attacker.send(ATT, b"\x23\x12\x00\x05\x00false\x13\x00\x04\x00some")
        victim.attacker.send(ATT, b"\x1b\x13\x00other")
        await until(lambda: len(heard.values) == 2)
        assert heard.values == [b"some", b"other"]
        assert victim.link.bearer.counters.distrusted_values == 3


def table(*services: int) -> LocalServer:
    """What a peer serves; among other services, the one with the secret."""
    server = published("Peer")
    for uuid in services:
        service = add_service(server, uuid)
        for characteristic in (SECRET, OTHER):
            add_characteristic(server, service, characteristic, value=b"from the peer")
    return server


async def discover(victim: Victim, server: LocalServer) -> dict[int, RemoteCharacteristic]:
    """Discover what the peer serves and give the characteristics of the service with the secret."""
    found = asyncio.ensure_future(victim.link.discover([uuid16(SERVICE)]))
    async with serving(victim, server):
        (service,) = await found
    return {int.from_bytes(each.uuid, "little"): each for each in service.characteristics}


@asynccontextmanager
async def serving(victim: Victim, server: LocalServer) -> AsyncIterator[None]:
    """Let the attacker answer requests out of a table, for a while."""

    async def answer() -> None:
        loop = asyncio.get_running_loop()
        send = partial(victim.attacker.send, ATT)
        attributes = AttributeTable.of(server)
        link, security = WiredLink(print), WiredSecurity(LinkSecurity())
        bearer = Bearer(attributes, link, security, send, loop)
        while True:
            bearer.received(await victim.attacker.att.get())

    task = asyncio.ensure_future(answer())
    yield
    task.cancel()


async def read_secret_encrypted(victim: Victim) -> None:
    """Pair, discover, and read the secret over the encrypted link."""
    assert isinstance(await victim.pair(), Bond)
    server = table(SERVICE)
    secret = (await discover(victim, server))[SECRET]
    async with serving(victim, server):
        assert await victim.link.read(secret) == b"from the peer"


async def refuses_the_secret(victim: Victim) -> None:
    """Meet the attacker, who serves the secret elsewhere: it is refused, another value is not."""
    await victim.meet_again()
    await until(victim.refused)
    server = table(0x180F, SERVICE)
    found = await discover(victim, server)
    async with serving(victim, server):
        with pytest.raises(AttError) as caught:
            await victim.link.read(found[SECRET])
        assert caught.value.code == AttErrorCode.INSUFFICIENT_ENCRYPTION
        assert await victim.link.read(found[OTHER]) == b"from the peer"


@simulated
async def test_an_impostor_that_serves_it_at_another_handle() -> None:
    async with attacked("central") as victim:
        await read_secret_encrypted(victim)
        await refuses_the_secret(victim)


@simulated
async def test_the_next_run_of_the_program_knows_it_still() -> None:
    async with attacked("central") as victim:
        await read_secret_encrypted(victim)
        await victim.attacker.disconnect()
        await until(lambda: not victim.link.connected)
        ((_, bond),) = victim.bonds()
        assert len(bond.encrypted_values) == 1
        victim.manager.encrypted_values.clear()  # what a restart leaves: the bonds
        await refuses_the_secret(victim)


@pytest.mark.parametrize("restarted", [False, True])
@simulated
async def test_a_new_bond_keeps_the_old_ones_distrust(restarted: bool) -> None:
    async with attacked("central") as victim:
        await read_secret_encrypted(victim)
        await victim.meet_again()
        await until(victim.refused)
        if restarted:
            victim.manager.encrypted_values.clear()
        assert isinstance(await victim.pair(), Bond)
        await victim.settle()
        victim.manager.encrypted_values.clear()
        await refuses_the_secret(victim)


@simulated
async def test_a_table_that_changes_while_reading_waits_for_encryption() -> None:
    """The value is what it was when the program asked for it."""
    async with attacked("central") as victim:
        await read_secret_encrypted(victim)
        await victim.meet_again()
        await until(victim.refused)
        server = table(SERVICE)
        secret = (await discover(victim, server))[SECRET]
        victim.link._security.encryption._values_may_pass = False  # it is tried again
        reading = asyncio.ensure_future(victim.link.read(secret))
        await victim.settle()
        victim.attacker.send(ATT, service_changed(server))
        await victim.settle()
        victim.link._security.encryption._pass_all()  # and refused again
        with pytest.raises(AttError) as caught:
            await reading
        assert caught.value.code == AttErrorCode.INSUFFICIENT_ENCRYPTION


def service_changed(server: LocalServer) -> bytes:
    """An indication that everything has changed."""
    handle = AttributeTable.of(server).service_changed.handle
    return b"\x1d" + handle.to_bytes(2, "little") + b"\x01\x00\xff\xff"


@simulated
async def test_what_service_changed_took_away_is_neither_read_nor_written() -> None:
    async with attacked("central") as victim:
        await read_secret_encrypted(victim)
        await victim.meet_again()
        await until(victim.refused)
        server = table(SERVICE)
        secret = (await discover(victim, server))[SECRET]
        victim.attacker.send(ATT, service_changed(server))
        await victim.attacker.att.get()  # the confirmation
        for access in (
            victim.link.read(secret),
            victim.link.write(secret, b"meant for the peer"),
            victim.link.write_command(secret, b"meant for the peer"),
        ):
            with pytest.raises(AttError) as caught:
                await access
            assert caught.value.code == AttErrorCode.INVALID_HANDLE
        await victim.settle()
        assert victim.attacker.att.empty()


@simulated
async def test_an_impostor_that_gives_a_handle_another_meaning() -> None:
    """What was found at it before is found no more: it cannot pass for the other value."""
    async with attacked("central") as victim:
        await read_secret_encrypted(victim)
        await victim.meet_again()
        await until(victim.refused)
        heard = Heard()
        secret = (await discover(victim, table(SERVICE)))[SECRET]
        victim.link.listen(secret, heard)
        old_handle = secret.handle
        other = published("Peer")
        add_characteristic(other, add_service(other, SERVICE), OTHER, value=b"false")
        (found,) = (await discover(victim, other)).values()
        assert found.handle == old_handle
        async with serving(victim, other):
            assert await victim.link.read(found) == b"false"
            with pytest.raises(AttError):
                await victim.link.read(secret)
        victim.attacker.send(ATT, b"\x1b" + old_handle.to_bytes(2, "little") + b"false")
        await victim.settle()
        assert heard.values == []


@simulated
@pytest.mark.parametrize("with_response", [True, False])
async def test_nor_is_it_written_in_the_clear(with_response: bool) -> None:
    async with attacked("central") as victim:
        await bonded(victim)
        await victim.meet_again()
        await until(victim.refused)
        write = victim.link.write if with_response else victim.link.write_command
        with pytest.raises(AttError) as caught:
            await write(at(HANDLE), b"meant for the peer")
        assert caught.value.code == AttErrorCode.INSUFFICIENT_ENCRYPTION
        await victim.settle()
        assert victim.attacker.att.empty()


@simulated
async def test_nor_is_it_signed_in_the_clear() -> None:
    """A signature says who sent a value, and lets everybody read it."""
    async with attacked("central") as victim:
        await bonded(victim)
        await victim.meet_again()
        await until(victim.refused)
        with pytest.raises(AttError) as caught:
            await victim.link.write_command(at(HANDLE), b"meant for the peer", signed=True)
        assert caught.value.code == AttErrorCode.INSUFFICIENT_ENCRYPTION
        await victim.link.write_command(at(HANDLE + 1), b"for all", signed=True)
        assert (await victim.attacker.att.get())[:10] == b"\xd2\x13\x00for all"


@simulated
async def test_what_is_to_be_signed_is_signed_on_the_next_plain_link_too() -> None:
    async with attacked("central") as victim:
        assert isinstance(await victim.pair(), Bond)
        await victim.link.write_command(at(HANDLE), b"for all", signed=True)
        assert await victim.attacker.att.get() == b"\x52\x12\x00for all"  # encrypted
        await victim.meet_again()
        await until(victim.refused)
        await victim.link.write_command(at(HANDLE), b"for all", signed=True)
        assert (await victim.attacker.att.get())[:10] == b"\xd2\x12\x00for all"


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
        reading = asyncio.ensure_future(link.read(at(HANDLE)))
        await victim.settle()
        assert not reading.done()
        victim.attacker.give_key()
        await meeting
        assert await victim.attacker.att.get() == REQUEST
        assert victim.security.encrypted
        victim.attacker.send(ATT, b"\x0btrue")
        assert await reading == b"true"


@simulated
@pytest.mark.parametrize(
    ("with_response", "signed"), [(True, False), (False, False), (False, True)]
)
async def test_writing_waits_for_it_too(with_response: bool, signed: bool) -> None:
    async with attacked("central") as victim:
        bond = await bonded(victim)
        victim.attacker.long_term_key = lambda rand, ediv: bond.ltk
        victim.attacker.hold_key = True
        victim.attacker.key_wanted.clear()
        meeting = asyncio.ensure_future(victim.meet_again())
        await victim.attacker.key_wanted.wait()
        (link,) = victim.device.engine.links
        write = link.write if with_response else partial(link.write_command, signed=signed)
        writing = asyncio.ensure_future(write(at(HANDLE), b"mine"))
        await victim.settle()
        assert victim.attacker.att.empty() and not writing.done()
        victim.attacker.give_key()
        await meeting
        assert await victim.attacker.att.get() == (b"\x12" if with_response else b"\x52") + (
            b"\x12\x00mine"
        )
        assert victim.security.encrypted
        victim.attacker.send(ATT, b"\x13")
        await writing


@simulated
async def test_forgotten_with_the_bonds() -> None:
    async with attacked("central") as victim:
        await bonded(victim)
        await victim.device.backend.erase_bonds()
        await victim.meet_again()
        assert await read(victim, b"a stranger's") == b"a stranger's"


@simulated
async def test_nothing_is_expected_of_a_peer_without_a_bond() -> None:
    """Paired without bonding, it comes back as a stranger, who cannot do otherwise."""
    async with attacked("central") as victim:
        assert await victim.pair(JUST_WORKS._replace(auth_req=AuthReq.SECURE_CONNECTIONS)) is None
        assert victim.security.encrypted
        assert await read(victim, b"true") == b"true"
        await victim.meet_again()
        assert await read(victim, b"a stranger's") == b"a stranger's"
