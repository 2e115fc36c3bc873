"""Values of a pairing that only the true peer can know, forged. See docs/security.md."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.pdu import AuthReq, Reason
from bleio.core.pairing import IoCapability, PairingQuestion
from support.attacker import JUST_WORKS, LEGACY
from support.hci.simulated import simulated
from support.victim import Asked, attacked

FORGED = [
    ("central", JUST_WORKS, pdu.PAIRING_CONFIRM, Reason.CONFIRM_VALUE_FAILED),
    ("central", JUST_WORKS, pdu.PAIRING_RANDOM, Reason.CONFIRM_VALUE_FAILED),
    ("central", JUST_WORKS, pdu.PAIRING_DHKEY_CHECK, Reason.DHKEY_CHECK_FAILED),
    ("peripheral", JUST_WORKS, pdu.PAIRING_RANDOM, Reason.DHKEY_CHECK_FAILED),
    ("peripheral", JUST_WORKS, pdu.PAIRING_DHKEY_CHECK, Reason.DHKEY_CHECK_FAILED),
    ("central", LEGACY, pdu.PAIRING_CONFIRM, Reason.CONFIRM_VALUE_FAILED),
    ("central", LEGACY, pdu.PAIRING_RANDOM, Reason.CONFIRM_VALUE_FAILED),
    ("peripheral", LEGACY, pdu.PAIRING_CONFIRM, Reason.CONFIRM_VALUE_FAILED),
    ("peripheral", LEGACY, pdu.PAIRING_RANDOM, Reason.CONFIRM_VALUE_FAILED),
]


@pytest.mark.parametrize(("victim_role", "features", "opcode", "reason"), FORGED)
@pytest.mark.parametrize("octet", [1, 16])
@simulated
async def test_one_wrong_bit(
    victim_role: str, features: Any, opcode: int, reason: Reason, octet: int
) -> None:
    def forge(octets: bytes) -> list[bytes]:
        if octets[0] != opcode:
            return [octets]
        return [octets[:octet] + bytes((octets[octet] ^ 0x80,)) + octets[octet + 1 :]]

    async with attacked(victim_role) as victim:
        result = await victim.pair(features, forge)
        if victim_role == "peripheral" and opcode == pdu.PAIRING_RANDOM and features is JUST_WORKS:
            # The attacker is the first whose check fails: both have other nonces.
            assert result in (reason, Reason.CONFIRM_VALUE_FAILED)
        else:
            assert result == reason
        assert victim.bonds() == []
        assert not victim.security.encrypted


@pytest.mark.parametrize("guess", [0, 999_999])
@simulated
async def test_secure_connections_passkey_reflected(guess: int) -> None:
    """CVE-2020-26558: our nonce and confirm value sent back for every bit of the passkey."""
    shows = Asked(IoCapability.DISPLAY_ONLY)
    guesses = Asked(IoCapability.KEYBOARD_ONLY)
    guesses.passkey = guess
    seen: dict[int, bytes] = {}
    features = JUST_WORKS._replace(
        io_capability=IoCapability.KEYBOARD_ONLY, auth_req=JUST_WORKS.auth_req | AuthReq.MITM
    )
    async with attacked("central", agent=shows) as victim:
        deliver = victim.attacker._received

        def listen(channel: int, payload: bytes) -> None:
            if channel == 6:
                seen[payload[0]] = payload
            deliver(channel, payload)

        victim.attacker._received = listen  # type: ignore[method-assign]

        def reflect(octets: bytes) -> list[bytes]:
            if octets[0] in (pdu.PAIRING_CONFIRM, pdu.PAIRING_RANDOM):
                return [seen[octets[0]]]
            return [octets]

        assert await victim.pair(features, reflect, agent=guesses) == Reason.CONFIRM_VALUE_FAILED
        assert victim.bonds() == []


class Slow(Asked):
    """An agent whose user takes a while."""

    async def compare(self, request: PairingQuestion, number: int) -> bool:
        await asyncio.sleep(2)
        return await super().compare(request, number)


@pytest.mark.parametrize("early", [True, False])
@simulated
async def test_keys_in_the_clear_while_the_user_compares(early: bool) -> None:
    """What arrived before encryption is not taken for a key after it."""
    compares = Asked(IoCapability.DISPLAY_YES_NO)
    features = JUST_WORKS._replace(
        io_capability=IoCapability.DISPLAY_YES_NO, auth_req=JUST_WORKS.auth_req | AuthReq.MITM
    )
    irk = bytes((pdu.IDENTITY_INFORMATION,)) + b"an IRK in clear."

    def hasten(octets: bytes) -> list[bytes]:
        if early and octets[0] == pdu.PAIRING_DHKEY_CHECK:
            return [octets, irk]
        return [octets]

    async with attacked("peripheral", agent=Slow(IoCapability.DISPLAY_YES_NO)) as victim:
        result = await victim.pair(features, hasten, agent=compares)
        assert (result == Reason.UNSPECIFIED_REASON) == early
        assert bool(victim.bonds()) != early
        assert victim.security.encrypted != early
