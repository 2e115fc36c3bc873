"""Known attacks on pairing, each by a malicious peer on the air. See docs/security.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.link_states import Silent
from bleio.backends.hci.security.smp import pdu, secure_connections
from bleio.backends.hci.security.smp.pdu import AuthReq, Reason
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability, PairingMethod, SecuritySettings
from bleio.errors import KeysLost, PairingFailed
from support.attacker import JUST_WORKS, LEGACY, SMP
from support.hci.engine import until
from support.hci.simulated import simulated
from support.victim import Asked, Victim, attacked

from bumble.crypto.cryptography import EccKey  # isort: skip

BOTH_ROLES = pytest.mark.parametrize("victim_role", ["central", "peripheral"])
DEBUG_PRIVATE_KEY = bytes.fromhex(
    "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd"
)


def changing(opcode: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], list[bytes]]:
    """Change the PDUs of one opcode."""
    return lambda octets: [change(octets) if octets[0] == opcode else octets]


async def expect_refusal(victim: Victim, reason: Reason, *args: Any, **kwargs: Any) -> None:
    """Pair; the victim must refuse with a reason and keep nothing."""
    before = victim.bonds()
    assert await victim.pair(*args, **kwargs) == reason
    await victim.settle()
    assert victim.bonds() == before
    assert not victim.security.encrypted


# Keys


@BOTH_ROLES
@pytest.mark.parametrize(
    "spoil",
    [
        lambda octets: octets[:-1] + bytes((octets[-1] ^ 1,)),
        lambda octets: octets[:1] + bytes(64),
        lambda octets: octets[:33] + bytes(32),
        lambda octets: octets[:1] + b"\xff" * 64,
    ],
    ids=["bit of Y", "zero", "Y zero", "beyond the field"],
)
@simulated
async def test_a_public_key_off_the_curve(
    victim_role: str, spoil: Callable[[bytes], bytes]
) -> None:
    """CVE-2018-5383."""
    async with attacked(victim_role) as victim:
        change = changing(pdu.PAIRING_PUBLIC_KEY, spoil)
        await expect_refusal(victim, Reason.INVALID_PARAMETERS, change=change)


@pytest.mark.parametrize("negated", [False, True])
@simulated
async def test_our_own_public_key_comes_back(negated: bool) -> None:
    """CVE-2020-26558: also with the other Y that belongs to the same X."""
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    async with attacked("central") as victim:
        attacker = victim.attacker
        pairing = asyncio.ensure_future(victim.link.pair())
        await attacker.receive(pdu.PAIRING_REQUEST)
        attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_RESPONSE))
        key = await attacker.receive(pdu.PAIRING_PUBLIC_KEY)
        if negated:
            y = prime - int.from_bytes(key[33:], "little")
            key = key[:33] + y.to_bytes(32, "little")
        attacker.send(SMP, key)
        assert await attacker.receive() == pdu.pairing_failed(Reason.INVALID_PARAMETERS)
        with pytest.raises(PairingFailed):
            await pairing


@simulated
async def test_legacy_confirm_values_come_back() -> None:
    """The reflection that needs no passkey: our confirm value and our nonce."""
    async with attacked("central", agent=Asked(IoCapability.KEYBOARD_ONLY)) as victim:
        attacker = victim.attacker
        pairing = asyncio.ensure_future(victim.link.pair())
        await attacker.receive(pdu.PAIRING_REQUEST)
        shows = LEGACY._replace(
            io_capability=IoCapability.DISPLAY_ONLY, auth_req=AuthReq.BONDING | AuthReq.MITM
        )
        attacker.send(SMP, shows.pack(pdu.PAIRING_RESPONSE))
        attacker.send(SMP, await attacker.receive(pdu.PAIRING_CONFIRM))
        attacker.send(SMP, await attacker.receive(pdu.PAIRING_RANDOM))
        assert await attacker.receive() == pdu.pairing_failed(Reason.CONFIRM_VALUE_FAILED)
        with pytest.raises(PairingFailed):
            await pairing


@BOTH_ROLES
@pytest.mark.parametrize("allowed", [False, True])
@simulated
async def test_the_debug_key(
    victim_role: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    debug = EccKey.from_private_key_bytes(DEBUG_PRIVATE_KEY)
    settings = SecuritySettings(debug_keys=allowed)
    real = secure_connections._own_key
    async with attacked(victim_role, settings=settings) as victim:

        def own_key(pairing: Any) -> EccKey:
            return debug if pairing.ends.own_on_air == victim.attacker.address else real(pairing)

        monkeypatch.setattr(secure_connections, "_own_key", own_key)
        if allowed:
            assert isinstance(await victim.pair(), Bond)
        else:
            await expect_refusal(victim, Reason.INVALID_PARAMETERS)


@BOTH_ROLES
@pytest.mark.parametrize("features", [JUST_WORKS, LEGACY], ids=["SC", "legacy"])
@pytest.mark.parametrize("octets", [7, 15])
@simulated
async def test_a_short_key(victim_role: str, features: Any, octets: int) -> None:
    """KNOB."""
    short = features._replace(max_key_octets=octets)
    async with attacked(victim_role) as victim:
        await expect_refusal(victim, Reason.ENCRYPTION_KEY_SIZE, short)
    async with attacked(victim_role, settings=SecuritySettings(min_key_octets=octets)) as victim:
        bond = await victim.pair(short)
        assert isinstance(bond, Bond)
        await until(lambda: victim.bonds())
        assert victim.security.key_size == octets
        ((_, kept),) = victim.bonds()
        assert kept.key_octets == octets
        assert kept.ltk == bond.ltk
        assert kept.ltk[octets:] == bytes(16 - octets)
        assert any(kept.ltk)


@BOTH_ROLES
@pytest.mark.parametrize("octets", [0, 6, 17])
@simulated
async def test_an_impossible_key_size(victim_role: str, octets: int) -> None:
    async with attacked(victim_role, settings=SecuritySettings(min_key_octets=7)) as victim:
        features = JUST_WORKS._replace(max_key_octets=octets)
        await expect_refusal(victim, Reason.INVALID_PARAMETERS, features)


@BOTH_ROLES
@pytest.mark.parametrize("field", ["io_capability", "oob"])
@simulated
async def test_a_reserved_value_in_the_features(victim_role: str, field: str) -> None:
    async with attacked(victim_role) as victim:
        reserved = {"io_capability": max(IoCapability) + 1, "oob": 2}[field]
        features = JUST_WORKS._replace(**{field: reserved})
        await expect_refusal(victim, Reason.INVALID_PARAMETERS, features)


@BOTH_ROLES
@simulated
async def test_a_distributed_key_of_zeros(victim_role: str) -> None:
    async with attacked(victim_role) as victim:
        zeros = changing(pdu.ENCRYPTION_INFORMATION, lambda octets: octets[:1] + bytes(16))
        assert await victim.pair(LEGACY, zeros) == Reason.INVALID_PARAMETERS
        assert victim.bonds() == []


@pytest.mark.parametrize("when", ["never paired", "paired", "while pairing"])
@simulated
async def test_encryption_starts_with_a_key_of_zeros(when: str) -> None:
    async with attacked("peripheral") as victim:
        attacker = victim.attacker
        if when == "paired":
            await victim.pair()
            await until(lambda: victim.bonds())
            await victim.meet_again()
        elif when == "while pairing":
            attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_REQUEST))
            await attacker.receive(pdu.PAIRING_RESPONSE)
        assert await attacker.encrypt(bytes(16)) != 0
        assert not victim.security.encrypted


# Methods and settings


@BOTH_ROLES
@simulated
async def test_the_method_is_pinned_and_told(victim_role: str) -> None:
    """Method confusion: the agent knows which method it answers for."""
    settings = SecuritySettings(method=PairingMethod.NUMERIC_COMPARISON)
    agent = Asked(IoCapability.KEYBOARD_DISPLAY)
    async with attacked(victim_role, settings=settings, agent=agent) as victim:
        for io in (IoCapability.NO_INPUT_NO_OUTPUT, IoCapability.DISPLAY_ONLY):
            features = JUST_WORKS._replace(io_capability=io)
            await expect_refusal(victim, Reason.AUTHENTICATION_REQUIREMENTS, features)
        assert agent.questions == []
    async with attacked(victim_role, agent=agent) as victim:
        assert isinstance(await victim.pair(), Bond)
        (question,) = agent.questions
        assert question[0] == "accept"
        assert question[1].method is PairingMethod.JUST_WORKS
        assert question[1].peer == victim.attacker.address


@BOTH_ROLES
@simulated
async def test_legacy_pairing_is_refused_where_the_settings_say_so(victim_role: str) -> None:
    async with attacked(
        victim_role, settings=SecuritySettings(secure_connections_only=True)
    ) as victim:
        await expect_refusal(victim, Reason.AUTHENTICATION_REQUIREMENTS, LEGACY)
        assert isinstance(await victim.pair(), Bond)


@simulated
async def test_no_key_for_another_transport() -> None:
    """BLURtooth: neither offered nor agreed to, in either role."""
    greedy = JUST_WORKS._replace(
        auth_req=JUST_WORKS.auth_req | 0x20, central_keys=0x0F, peripheral_keys=0x0F
    )
    async with attacked("peripheral") as victim:
        victim.attacker.send(SMP, greedy.pack(pdu.PAIRING_REQUEST))
        response = pdu.unpack_features((await victim.attacker.receive(pdu.PAIRING_RESPONSE))[1:])
        assert response.central_keys == response.peripheral_keys == 0x07
        assert not response.auth_req & 0x20
    async with attacked("central") as victim:
        pairing = asyncio.ensure_future(victim.link.pair())
        request = pdu.unpack_features((await victim.attacker.receive(pdu.PAIRING_REQUEST))[1:])
        assert request.central_keys == request.peripheral_keys == 0x07
        assert not request.auth_req & 0x20
        victim.attacker.send(SMP, greedy.pack(pdu.PAIRING_RESPONSE))
        refusal = await victim.attacker.receive(pdu.PAIRING_FAILED)
        assert refusal == pdu.pairing_failed(Reason.INVALID_PARAMETERS)
        with pytest.raises(PairingFailed):
            await pairing


# Bonds


def bond_of(victim: Victim, **strength: Any) -> Bond:
    return Bond(victim.attacker.address, b"the bond's key 1", **strength)


@BOTH_ROLES
@pytest.mark.parametrize(
    ("strength", "features"),
    [
        ({"authenticated": True, "secure_connections": True}, JUST_WORKS),
        ({"authenticated": True, "secure_connections": False}, LEGACY),
        ({"secure_connections": True}, LEGACY),
        ({"key_octets": 16}, JUST_WORKS._replace(max_key_octets=7)),
    ],
    ids=["unauthenticated", "unauthenticated legacy", "legacy", "a shorter key"],
)
@simulated
async def test_a_weaker_pairing_does_not_replace_a_bond(
    victim_role: str, strength: dict[str, Any], features: Any
) -> None:
    async with attacked(victim_role, settings=SecuritySettings(min_key_octets=7)) as victim:
        kept = bond_of(victim, **strength)
        victim.store.save(kept, victim_role == "central")
        if victim_role == "peripheral":
            reason = Reason.AUTHENTICATION_REQUIREMENTS
            await expect_refusal(victim, reason, features)
            return
        pairing = asyncio.ensure_future(victim.link.pair())  # the attacker "lost" the keys
        reason_or_bond = await victim.attacker.answer_pairing(features)
        assert reason_or_bond == Reason.AUTHENTICATION_REQUIREMENTS
        with pytest.raises(KeysLost):
            await pairing
        assert victim.bonds() == [(True, kept)]


@BOTH_ROLES
@simulated
async def test_a_bond_stays_until_its_successor_is_complete(victim_role: str) -> None:
    async with attacked(victim_role) as victim:
        kept = bond_of(victim)
        victim.store.save(kept, victim_role == "central")
        stops = changing(pdu.IDENTITY_ADDRESS_INFORMATION, lambda octets: pdu.pairing_failed(8))
        assert await victim.pair(change=stops) != kept
        await victim.settle()
        assert victim.bonds() == [(victim_role == "central", kept)]


@BOTH_ROLES
@simulated
async def test_the_identity_of_another_bonded_peer(victim_role: str) -> None:
    other = DeviceAddress(b"\x01\x02\x03\x04\x05\xc6", random=True)
    async with attacked(victim_role) as victim:
        kept = Bond(other, b"the bond's key 1", authenticated=True)
        victim.store.save(kept, victim_role == "central")
        assert await victim.pair(identity=other) == Reason.AUTHENTICATION_REQUIREMENTS
        await victim.settle()
        assert victim.bonds() == [(victim_role == "central", kept)]


@BOTH_ROLES
@simulated
async def test_an_address_alone_opens_nothing(victim_role: str) -> None:
    """A device with a bonded peer's address, but without its keys."""
    async with attacked(victim_role) as victim:
        victim.store.save(bond_of(victim), victim_role == "central")
        await victim.meet_again()
        if victim_role == "peripheral":
            assert await victim.attacker.encrypt(b"a guess at a key") != 0
        else:
            await until(lambda: not victim.attacker.encrypted.empty() or victim.refused())
        assert not victim.security.encrypted
        assert victim.attacker.smp.empty()
        assert len(victim.bonds()) == 1


@simulated
async def test_keys_that_come_before_encryption() -> None:
    """Key distribution in the clear, by whoever injects into the link."""
    async with attacked("peripheral") as victim:

        def hasten(octets: bytes) -> list[bytes]:
            if octets[0] == pdu.PAIRING_DHKEY_CHECK:
                return [octets, bytes((pdu.IDENTITY_INFORMATION,)) + bytes(16)]
            return [octets]

        await expect_refusal(victim, Reason.UNSPECIFIED_REASON, change=hasten)


INJECTED_KEYS = [
    bytes((opcode,)) + payload
    for opcode, payload in (
        (pdu.IDENTITY_INFORMATION, bytes(range(16))),
        (pdu.IDENTITY_ADDRESS_INFORMATION, b"\1" + bytes.fromhex("0102030405c6")),
        (pdu.SIGNING_INFORMATION, b"known to whom it"),
    )
]


@simulated
async def test_keys_that_come_twice() -> None:
    """All keys in the clear just before encryption, by whoever injects them, and the peer's own."""
    async with attacked("central") as victim:

        def hasten(octets: bytes) -> list[bytes]:
            return [octets, *INJECTED_KEYS] if octets[0] == pdu.PAIRING_DHKEY_CHECK else [octets]

        asking = asyncio.ensure_future(victim.link.pair())
        await victim.attacker.answer_pairing(change=hasten)
        with pytest.raises(PairingFailed):
            await asking
        assert not victim.bonds()
        assert not victim.security.encrypted and not victim.security.has_keys


# Order, lengths, repetition, silence


def example(opcode: int) -> bytes:
    return bytes((opcode,)) + bytes(pdu.LENGTHS[opcode] - 1)


IGNORED = {pdu.KEYPRESS_NOTIFICATION, pdu.SECURITY_REQUEST, pdu.PAIRING_FAILED}


@pytest.mark.parametrize("opcode", sorted(set(pdu.LENGTHS) - IGNORED - {pdu.PAIRING_PUBLIC_KEY}))
@simulated
async def test_a_pdu_out_of_order_ends_the_pairing(opcode: int) -> None:
    async with attacked("peripheral") as victim:
        attacker = victim.attacker
        attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_REQUEST))
        await attacker.receive(pdu.PAIRING_RESPONSE)
        attacker.send(SMP, example(opcode))
        assert await attacker.receive() == pdu.pairing_failed(Reason.UNSPECIFIED_REASON)
        attacker.send(SMP, example(opcode) if opcode != pdu.PAIRING_REQUEST else b"\x03" * 17)
        assert isinstance(await victim.pair(), Bond)


# The victim's role and what the attacker sends in the other; a central confirms nothing.
SENT = [
    (role, opcode)
    for role, opcodes in {
        "central": (0x03, 0x04, 0x08, 0x09, 0x0A, 0x0C, 0x0D),
        "peripheral": (0x04, 0x08, 0x09, 0x0A, 0x0C, 0x0D),
    }.items()
    for opcode in opcodes
]


@pytest.mark.parametrize(("victim_role", "opcode"), SENT)
@pytest.mark.parametrize("kind", ["truncated", "oversized", "empty", "huge"])
@simulated
async def test_a_pdu_of_the_wrong_length_ends_the_pairing(
    victim_role: str, opcode: int, kind: str
) -> None:
    spoil = {
        "truncated": lambda octets: octets[:-1],
        "oversized": lambda octets: octets + b"\0",
        "empty": lambda octets: octets[:1],
        "huge": lambda octets: octets + bytes(600),
    }[kind]
    async with attacked(victim_role) as victim:
        result = await victim.pair(change=changing(opcode, spoil))
        assert result == Reason.INVALID_PARAMETERS
        assert victim.bonds() == []


@pytest.mark.parametrize(
    ("victim_role", "opcode"), [sent for sent in SENT if not 0x08 <= sent[1] <= 0x0A]
)
@simulated
async def test_a_repeated_pdu_ends_the_pairing(victim_role: str, opcode: int) -> None:
    async with attacked(victim_role) as victim:
        result = await victim.pair(
            change=lambda octets: [octets, octets] if octets[0] == opcode else [octets]
        )
        assert result == Reason.UNSPECIFIED_REASON
        assert victim.bonds() == []


@simulated
async def test_an_unknown_command_ends_the_pairing() -> None:
    async with attacked("peripheral") as victim:
        victim.attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_REQUEST))
        await victim.attacker.receive(pdu.PAIRING_RESPONSE)
        victim.attacker.send(SMP, b"\x7f\x00")
        refusal = pdu.pairing_failed(Reason.COMMAND_NOT_SUPPORTED)
        assert await victim.attacker.receive() == refusal


@pytest.mark.parametrize("after_failure", [False, True])
@simulated
async def test_stray_pdus_are_counted_and_not_answered(after_failure: bool) -> None:
    async with attacked("peripheral") as victim:
        if after_failure:
            wrong = changing(pdu.PAIRING_DHKEY_CHECK, lambda octets: octets[:1] + bytes(16))
            assert await victim.pair(change=wrong) == Reason.DHKEY_CHECK_FAILED
        strays = [example(opcode) for opcode in pdu.LENGTHS if opcode != pdu.PAIRING_REQUEST]
        for octets in [*strays, b"", b"\xff", bytes(300)]:
            victim.attacker.send(SMP, octets)
        await until(lambda: victim.manager.layer.counters.smp_stray == len(strays) + 3)
        assert victim.attacker.smp.empty()
        assert isinstance(await victim.pair(), Bond)


@simulated
async def test_a_peer_that_falls_silent_during_pairing() -> None:
    """The time-out of 30 s ends the pairing, and SMP on this link."""
    async with attacked("peripheral") as victim:
        loop = asyncio.get_running_loop()
        victim.attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_REQUEST))
        await victim.attacker.receive(pdu.PAIRING_RESPONSE)
        began_s = loop.time()
        await until_s(lambda: isinstance(victim.link._security.state, Silent), 40)
        assert 29 < loop.time() - began_s < 31
        victim.attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_REQUEST))
        await until(lambda: victim.manager.layer.counters.smp_stray == 1)
        assert victim.attacker.smp.empty()
        await victim.meet_again()
        assert isinstance(await victim.pair(), Bond)


@simulated
async def test_repeated_failures_have_to_wait_longer_and_longer() -> None:
    async with attacked("peripheral") as victim:
        wrong = changing(pdu.PAIRING_DHKEY_CHECK, lambda octets: octets[:1] + bytes(16))
        waits = []
        for _ in range(11):
            began_s = asyncio.get_running_loop().time()
            while (reason := await victim.pair(change=wrong)) == Reason.REPEATED_ATTEMPTS:
                await asyncio.sleep(0.25)
            assert reason == Reason.DHKEY_CHECK_FAILED
            waits.append(asyncio.get_running_loop().time() - began_s)
        for wait_s, least_s in zip(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 64], strict=True):
            assert least_s - 1 < wait_s < least_s + 2


@simulated
async def test_a_wrong_passkey_tells_one_bit_and_the_next_passkey_is_another() -> None:
    shows = Asked(IoCapability.DISPLAY_ONLY)
    guesses = Asked(IoCapability.KEYBOARD_ONLY)
    guesses.passkey = 0
    features = JUST_WORKS._replace(
        io_capability=IoCapability.KEYBOARD_ONLY, auth_req=JUST_WORKS.auth_req | AuthReq.MITM
    )
    async with attacked("peripheral", agent=shows) as victim:
        reasons = []
        while len(reasons) < 3:
            reasons.append(await victim.pair(features, agent=guesses))
        assert set(reasons) == {Reason.CONFIRM_VALUE_FAILED}
        assert len({shown for what, *_, shown in shows.questions if what == "display"}) == 3


@simulated
async def test_a_flood_of_security_requests_starts_one_pairing_at_a_time() -> None:
    async with attacked("central") as victim:
        for _ in range(500):
            victim.attacker.send(SMP, pdu.request_security(0x0D))
        await victim.attacker.receive(pdu.PAIRING_REQUEST)
        victim.attacker.send(SMP, pdu.pairing_failed(8))
        await asyncio.sleep(20)
        requests = 1
        while not victim.attacker.smp.empty():
            assert (await victim.attacker.receive())[0] == pdu.PAIRING_REQUEST
            requests += 1
        assert requests <= 3
        assert victim.link.connected


@simulated
async def test_security_requests_after_each_failure_have_to_wait_too() -> None:
    """A peripheral cannot begin pairing by itself, but it can ask us to."""
    async with attacked("central") as victim:
        attacker, loop = victim.attacker, asyncio.get_running_loop()
        began_s, times = loop.time(), []
        while loop.time() < began_s + 20:
            attacker.send(SMP, pdu.request_security(AuthReq.BONDING))
            await asyncio.sleep(0.1)
            if not attacker.smp.empty():
                await attacker.receive(pdu.PAIRING_REQUEST)
                attacker.send(SMP, pdu.pairing_failed(Reason.UNSPECIFIED_REASON))
                times.append(loop.time() - began_s)
        assert len(times) == 7  # three at once, then after 1, 2, 4 and 8 s
        assert times[2] < 1
        for number, wait_s in enumerate((1, 2, 4, 8), 3):
            assert wait_s <= times[number] - times[number - 1] < wait_s + 1


async def until_s(condition: Callable[[], object], limit_s: float) -> None:
    """Wait in simulated time."""
    deadline_s = asyncio.get_running_loop().time() + limit_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline_s
        await asyncio.sleep(0.05)


@BOTH_ROLES
@simulated
async def test_a_pairing_that_fails_after_encryption_leaves_a_plain_link(victim_role: str) -> None:
    """The peer's identity address is none; the link is encrypted by then."""
    async with attacked(victim_role) as victim:

        def spoil(octets: bytes) -> list[bytes]:
            if octets[0] != pdu.IDENTITY_ADDRESS_INFORMATION:
                return [octets]
            return [octets[:-1] + bytes((octets[-1] & 0x3F,))]  # resolvable, or non-resolvable

        await expect_refusal(victim, Reason.INVALID_PARAMETERS, change=spoil)
