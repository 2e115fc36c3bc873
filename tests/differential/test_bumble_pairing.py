"""Why pairing is ours: what bumble's sessions do where the specification, or an attacker, asks for
more. Each test has what bumble does and what ours does; docs/architecture.md has the list.

When a newer bumble does better, its half fails here, and that list is to be shortened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.pdu import AuthReq, Features, Reason, pairing_failed
from bleio.core.pairing import IoCapability, PairingQuestion
from bleio.errors import PairingFailed
from support.attacker import JUST_WORKS, LEGACY, SMP, Attacker
from support.hci.bumble_victim import BumbleVictim
from support.hci.simulated import simulated
from support.patience import PATIENCE_S
from support.victim import Asked, attacked

Meet = Callable[[], Awaitable[Attacker]]  # has the attacker connect again
Stack = Callable[[], AbstractAsyncContextManager[tuple[Attacker, Meet]]]
REQUEST = JUST_WORKS.pack(pdu.PAIRING_REQUEST)
ZEROS = bytes((pdu.SIGNING_INFORMATION,)) + bytes(16)


@asynccontextmanager
async def ours() -> AsyncIterator[tuple[Attacker, Meet]]:
    async with attacked("peripheral") as victim:

        async def meet_again() -> Attacker:
            await victim.device.backend.erase_bonds()
            await victim.meet_again()
            return victim.attacker

        yield victim.attacker, meet_again


@asynccontextmanager
async def bumbles() -> AsyncIterator[tuple[Attacker, Meet]]:
    async with BumbleVictim() as victim:
        yield await victim.meet(), victim.meet_again


def opcode(octets: bytes) -> int:
    return octets[0]


async def answer(stack: Stack, octets: bytes) -> bytes:
    """Ask to pair, wait until it is agreed to, send a PDU. Returns: the answer to that."""
    async with stack() as (attacker, _):
        attacker.send(SMP, REQUEST)
        await attacker.receive(pdu.PAIRING_RESPONSE)
        attacker.send(SMP, octets)
        return await attacker.receive()


@simulated
async def test_pdus_in_any_order() -> None:
    """A random value without public keys, which the session key would be made of."""
    random = bytes((pdu.PAIRING_RANDOM,)) + bytes(16)
    assert opcode(await answer(bumbles, random)) == pdu.PAIRING_RANDOM
    assert await answer(ours, random) == pairing_failed(Reason.UNSPECIFIED_REASON)


@simulated
async def test_a_pairing_request_within_a_pairing() -> None:
    assert opcode(await answer(bumbles, REQUEST)) == pdu.PAIRING_RESPONSE
    assert await answer(ours, REQUEST) == pairing_failed(Reason.UNSPECIFIED_REASON)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [(7, Reason.ENCRYPTION_KEY_SIZE), (0, Reason.INVALID_PARAMETERS)],
)
@simulated
async def test_key_sizes(octets: int, reason: Reason) -> None:
    """bumble agrees to any size, and goes on as if it had been 16: with a key of all its octets."""
    request = JUST_WORKS._replace(max_key_octets=octets).pack(pdu.PAIRING_REQUEST)
    async with bumbles() as (attacker, _):
        attacker.send(SMP, request)
        response = await attacker.receive(pdu.PAIRING_RESPONSE)
        assert pdu.unpack_features(response[1:]).max_key_octets == 16
    async with ours() as (attacker, _):
        attacker.send(SMP, request)
        assert await attacker.receive() == pairing_failed(reason)


@simulated
async def test_a_short_key_is_not_made_short() -> None:
    """A host that insists on the key size that was agreed on cannot encrypt with bumble."""
    async with bumbles() as (attacker, _):
        pairing = attacker.start_pairing(JUST_WORKS._replace(max_key_octets=7))
        await asyncio.wait_for(attacker.gone.wait(), PATIENCE_S)  # neither end can read the other
        assert not pairing.done()


async def public_keys(stack: Stack) -> list[bytes]:
    """Pair three times and give the stack's public key of each."""
    keys = []
    async with stack() as (attacker, meet_again):
        for number in range(3):
            if number:
                await meet_again()
            heard = listen_for(attacker, pdu.PAIRING_PUBLIC_KEY)
            assert not isinstance(await attacker.pair(), int)
            keys += heard
    return keys


def listen_for(attacker: Attacker, wanted: int) -> list[bytes]:
    """Give a list that fills with the PDUs of one kind that the attacker gets."""
    heard: list[bytes] = []
    deliver = type(attacker)._received

    def received(channel: int, payload: bytes) -> None:
        if channel == SMP and opcode(payload) == wanted:
            heard.append(payload)
        deliver(attacker, channel, payload)

    attacker._received = received  # type: ignore[method-assign]
    return heard


@simulated
async def test_one_key_pair_for_all_pairings() -> None:
    """So one private key that leaks, or is found, opens all of them."""
    for stack, count in ((bumbles, 1), (ours, 3)):
        keys = await public_keys(stack)
        assert len(keys) == 3
        assert len(set(keys)) == count


@simulated
async def test_a_signing_key_of_zeros() -> None:
    """Everybody can sign for a device that hands it out."""
    for stack, known in ((bumbles, True), (ours, False)):
        async with stack() as (attacker, _):
            keys = listen_for(attacker, pdu.SIGNING_INFORMATION)
            await attacker.pair()
            assert len(keys) == 1
            assert (keys[0] == ZEROS) == known


async def logs_a_key(stack: Stack, caplog: pytest.LogCaptureFixture, features: Features) -> bool:
    """Pair. Returns: whether a key that was distributed was logged."""
    caplog.clear()
    kind = pdu.ENCRYPTION_INFORMATION if features is LEGACY else pdu.IDENTITY_INFORMATION
    async with stack() as (attacker, _):
        heard = listen_for(attacker, kind)
        await attacker.pair(features)
    ((_, *octets),) = heard
    key = bytes(octets)
    return key.hex() in caplog.text or key[::-1].hex() in caplog.text


@pytest.mark.parametrize(
    ("features", "secret"), [(JUST_WORKS, "DH key: "), (LEGACY, "STK = ")], ids=["SC", "legacy"]
)
@simulated
async def test_keys_in_the_log(
    features: Features, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("bleio", "bumble"):
        caplog.set_level(logging.DEBUG, name)
    assert await logs_a_key(bumbles, caplog, features)
    assert secret in caplog.text
    assert not await logs_a_key(ours, caplog, features)
    assert secret not in caplog.text


class Slow(Asked):
    """A user who takes a while to compare."""

    async def compare(self, request: PairingQuestion, number: int) -> bool:
        await asyncio.sleep(5)
        return True


async def end_while_asked(attacker: Attacker) -> list[bytes]:
    """As peripheral, pair up to the user's question, and fail then. Returns: what comes after."""
    compares = Asked(IoCapability.DISPLAY_YES_NO)
    features = JUST_WORKS._replace(
        io_capability=IoCapability.DISPLAY_YES_NO, auth_req=JUST_WORKS.auth_req | AuthReq.MITM
    )
    request = await attacker.receive(pdu.PAIRING_REQUEST)
    attacker.start_pairing(features, request=request[1:], agent=compares)
    await asyncio.sleep(2)
    assert attacker.session is not None
    attacker.session.close()
    attacker.session = attacker.ended = None
    attacker.send(SMP, pairing_failed(Reason.UNSPECIFIED_REASON))
    await asyncio.sleep(10)
    return [attacker.smp.get_nowait() for _ in range(attacker.smp.qsize())]


@simulated
async def test_on_it_goes_after_a_failure_once_the_user_has_answered() -> None:
    async with BumbleVictim() as victim:

        async def confirm(auto: bool = False) -> bool:
            await asyncio.sleep(5)
            return True

        victim.delegate.confirm = confirm  # type: ignore[method-assign]
        connection = await victim.meet_as_central()
        pairing = asyncio.ensure_future(connection.pair())
        (after,) = await end_while_asked(victim.attacker)
        assert opcode(after) == pdu.PAIRING_DHKEY_CHECK
        with suppress(Exception):
            await pairing
    async with attacked("central", agent=Slow(IoCapability.DISPLAY_YES_NO)) as ours:
        asking = asyncio.ensure_future(ours.link.pair())
        assert await end_while_asked(ours.attacker) == []
        with pytest.raises(PairingFailed):
            await asking
