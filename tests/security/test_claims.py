"""Claims without proof: out-of-band data, identities, keys of zeros, bonds that do not count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bleio.backends.hci.bonds.store import MAX_BONDS, Bond, MemoryBondStore, SigningKey
from bleio.backends.hci.security.link_pairing import PairingUnderWay
from bleio.backends.hci.security.link_states import Idle, Silent
from bleio.backends.hci.security.signing import signature
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.pdu import AuthReq, Reason
from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties, SecurityMode
from bleio.core.pairing import IoCapability, PairingMethod, PairingQuestion, SecuritySettings
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalService
from support.attacker import ATT, JUST_WORKS, LEGACY, SMP
from support.hci.engine import until
from support.hci.simulated import simulated
from support.victim import Asked, Carried, Victim, attacked

CLAIMS_OOB = JUST_WORKS._replace(oob=1)
STRICT = SecuritySettings(secure_connections_only=True, method=PairingMethod.OUT_OF_BAND)
OTHER = DeviceAddress(b"\1\2\3\4\5\xc6", random=True)
both_roles = pytest.mark.parametrize("role", ["central", "peripheral"])


def strong(identity: DeviceAddress) -> Bond:
    return Bond(identity, b"the bond's key 1", authenticated=True, irk=b"the bond's irk 1")


@both_roles
@pytest.mark.parametrize("settings", [SecuritySettings(), STRICT], ids=["default", "strict"])
@simulated
async def test_a_peer_claims_data_that_was_never_given_out(
    role: str, settings: SecuritySettings
) -> None:
    async with attacked(role, settings=settings) as victim:
        kept = strong(victim.attacker.address)
        victim.store.save(kept, role == "central")
        assert await victim.pair(CLAIMS_OOB) == Reason.OOB_NOT_AVAILABLE
        assert not victim.security.authenticated
        assert [bond.ltk for _, bond in victim.bonds()] == [kept.ltk]


@both_roles
@simulated
async def test_a_peer_claims_data_that_another_pairing_is_using_up(role: str) -> None:
    async with attacked(role) as victim:
        own = victim.manager.own_oob
        own.data()  # for a friend
        secret = own.secret

        def change(octets: bytes) -> list[bytes]:
            if octets[0] == pdu.PAIRING_PUBLIC_KEY:
                own.used(secret)  # the friend has paired
            return [octets]

        assert isinstance(await victim.pair(CLAIMS_OOB, change), int)
        assert own.secret is None
        assert not victim.security.encrypted


@simulated
async def test_a_signing_key_of_zeros() -> None:
    """Everybody knows it, so it signs nothing."""
    async with attacked("peripheral") as victim:
        value = signed_value(victim)

        def change(octets: bytes) -> list[bytes]:
            return [octets[:1] + bytes(16)] if octets[0] == pdu.SIGNING_INFORMATION else [octets]

        assert isinstance(await victim.pair(change=change), Bond)
        await until(victim.bonds)
        await victim.meet_again()
        message = b"\xd2" + value.handle.to_bytes(2, "little") + b"evil"
        victim.attacker.send(ATT, message + signature(bytes(16), message, 0))
        await victim.settle()
        assert value.value == b""


def signed_value(victim: Victim) -> LocalCharacteristic:
    server = victim.device.engine.server
    service = LocalService(uuid16(0xA000))
    signed = Properties.WRITE_WITHOUT_RESPONSE | Properties.AUTHENTICATED_SIGNED_WRITES
    value = LocalCharacteristic(uuid16(0xA001), signed, write_perm=SecurityMode.SIGNED_NO_MITM)
    server.add_service(service)
    server.add_characteristic(service, value)
    return value


@both_roles
@simulated
async def test_the_identity_of_a_peer_that_is_bonded_in_the_other_role(role: str) -> None:
    """A weaker bond for it would also have its private addresses resolved by the attacker's key."""
    async with attacked(role) as victim:
        kept = strong(OTHER)
        victim.manager.bonds.save(kept, role == "peripheral")
        assert await victim.pair(identity=OTHER) == Reason.AUTHENTICATION_REQUIREMENTS
        assert [bond for _, bond in victim.bonds()] == [kept]


def test_strangers_do_not_push_out_authenticated_bonds() -> None:
    store = MemoryBondStore()
    store.save(strong(OTHER), central=False)
    for number in range(2 * MAX_BONDS):
        stranger = DeviceAddress(bytes((number, 0, 0, 0, 0, 0xC0)), random=True)
        store.save(Bond(stranger, bytes(16)), central=False)
    assert store.find(OTHER, central=False) == strong(OTHER)
    assert len(store.all()) == MAX_BONDS


@both_roles
@pytest.mark.parametrize(
    ("before", "features", "after"),
    [
        (SecuritySettings(), LEGACY, SecuritySettings(secure_connections_only=True)),
        (
            SecuritySettings(min_key_octets=7),
            JUST_WORKS._replace(max_key_octets=7),
            SecuritySettings(),
        ),
        (SecuritySettings(), JUST_WORKS, SecuritySettings(method=PairingMethod.PASSKEY_ENTRY)),
    ],
    ids=["legacy", "short key", "not authenticated"],
)
@simulated
async def test_a_stored_bond_that_the_settings_would_not_allow_today(
    role: str, before: SecuritySettings, features: pdu.Features, after: SecuritySettings
) -> None:
    async with attacked(role, settings=before) as victim:
        bond = await victim.pair(features)
        assert isinstance(bond, Bond)
        await until(victim.bonds)
        victim.attacker.long_term_key = lambda rand, ediv: bond.ltk
        victim.device.backend.settings = after
        await victim.meet_again()
        if role == "peripheral":
            await victim.attacker.encrypt(bond.ltk, bond.rand, bond.ediv)
        await victim.settle()
        assert not victim.security.encrypted
        assert not victim.security.has_keys


@both_roles
@simulated
async def test_bonds_erased_while_the_link_is_being_encrypted(role: str) -> None:
    async with attacked(role) as victim:
        bond = await victim.pair()
        assert isinstance(bond, Bond)
        await until(victim.bonds)
        victim.attacker.long_term_key = lambda rand, ediv: bond.ltk
        victim.attacker.hold_key = True
        victim.attacker.key_wanted.clear()
        meeting = asyncio.ensure_future(victim.meet_again())
        if role == "central":
            await victim.attacker.key_wanted.wait()
            await victim.device.backend.erase_bonds()
            victim.attacker.give_key()
        else:
            await meeting
            encrypting = asyncio.ensure_future(victim.attacker.encrypt(bond.ltk))
            await until(lambda: victim.link._security.encryption._keys is not None)
            await victim.device.backend.erase_bonds()
            await encrypting
        await meeting
        await victim.settle()
        assert not victim.security.encrypted


class ErasesMeanwhile(Asked):
    """A user who forgets all bonds before agreeing to a pairing."""

    def __init__(self, io_capability: IoCapability) -> None:
        super().__init__(io_capability)
        self.erase: Callable[[], Awaitable[None]] | None = None

    async def accept(self, request: PairingQuestion) -> bool:
        if self.erase is not None:
            await self.erase()
        return await super().accept(request)


@both_roles
@simulated
async def test_bonds_erased_while_a_pairing_goes_on(role: str) -> None:
    agent = ErasesMeanwhile(IoCapability.NO_INPUT_NO_OUTPUT)
    async with attacked(role, agent=agent) as victim:
        agent.erase = victim.device.backend.erase_bonds
        pairing = asyncio.ensure_future(victim.pair())
        await victim.settle()
        pairing.cancel()
        assert victim.bonds() == []
        assert not victim.security.encrypted
        agent.erase = None
        await victim.meet_again()
        assert isinstance(await victim.pair(), Bond)
        assert len(victim.bonds()) == 1


@both_roles
@simulated
async def test_bonds_erased_while_the_keys_of_a_pairing_are_on_their_way(role: str) -> None:
    async with attacked(role) as victim:
        pairing = asyncio.ensure_future(victim.pair())
        await until(lambda: victim.security.encrypted)
        await victim.device.backend.erase_bonds()
        await victim.settle()
        pairing.cancel()
        assert victim.bonds() == []
        assert not victim.security.encrypted
        assert not victim.security.has_keys


@pytest.mark.parametrize(
    "held_by",
    [bytes((pdu.KEYPRESS_NOTIFICATION, 0)), pdu.request_security(AuthReq.BONDING)],
    ids=["keypress", "security request"],
)
@simulated
async def test_a_pairing_is_not_held_by_pdus_that_mean_nothing(held_by: bytes) -> None:
    async with attacked("peripheral") as victim:
        victim.attacker.send(SMP, JUST_WORKS.pack(pdu.PAIRING_REQUEST))
        await victim.attacker.receive(pdu.PAIRING_RESPONSE)
        for _ in range(4):
            await asyncio.sleep(10)
            victim.attacker.send(SMP, held_by)
        assert isinstance(victim.link._security.state, Idle)


class ReadsAlong(Asked):
    """It types what the other one shows."""

    def __init__(self, other: Asked) -> None:
        super().__init__(IoCapability.KEYBOARD_ONLY)
        self._other = other

    async def enter_passkey(self, request: PairingQuestion) -> int | None:
        asked = self._other.questions
        passkey: int
        ((_, _, passkey),) = await until(lambda: [each for each in asked if each[0] == "display"])
        return passkey


@simulated
async def test_a_pairing_drawn_out_pdu_by_pdu() -> None:
    """Each of some fifty comes just in time, and all together take many minutes."""
    ours = Asked(IoCapability.DISPLAY_ONLY)
    async with attacked("peripheral", agent=ours) as victim:
        attacker, loop = victim.attacker, asyncio.get_running_loop()
        send = attacker.send_changed

        def send_late(octets: bytes) -> None:
            loop.call_later(14.0, send, octets)

        attacker.send_changed = send_late  # type: ignore[method-assign]
        features = JUST_WORKS._replace(
            io_capability=IoCapability.KEYBOARD_ONLY, auth_req=JUST_WORKS.auth_req | AuthReq.MITM
        )
        attacker.start_pairing(features, agent=ReadsAlong(ours))
        await asyncio.sleep(14 + 119)
        assert isinstance(victim.link._security.state, PairingUnderWay)
        await asyncio.sleep(2)
        assert isinstance(victim.link._security.state, Silent)
        await asyncio.sleep(600)
        assert victim.bonds() == []


@simulated
async def test_a_legacy_temporary_key_is_good_for_one_pairing() -> None:
    async with attacked("peripheral") as victim:
        own = victim.manager.own_oob
        shared = own.data()
        victim.device.backend.agent = Carried(shared)
        features = LEGACY._replace(oob=1)
        assert isinstance(await victim.pair(features, agent=Carried(shared)), Bond)
        assert victim.security.authenticated
        assert own.data().temporary_key != shared.temporary_key


def test_no_counter_of_signatures_is_set_back() -> None:
    """Who saves a bond, for its subscriptions say, may have read it before others counted on."""
    store = MemoryBondStore()
    bond = replace(
        strong(OTHER), own_signing=SigningKey(b"k" * 16, 5), peer_signing=SigningKey(b"p" * 16, 7)
    )
    store.save(bond, central=True)
    outdated = replace(bond, own_signing=SigningKey(b"k" * 16, 4), peer_signing=None)
    store.save(outdated, central=True)
    saved = store.find(OTHER, central=True)
    assert saved is not None and saved.own_signing == bond.own_signing
    another = replace(bond, ltk=bytes(16), own_signing=SigningKey(b"k" * 16, 0))
    store.save(another, central=True)  # another pairing's
    assert store.find(OTHER, central=True) == another
