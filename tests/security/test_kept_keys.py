"""Which keys are kept, and what they open when the peer comes again. See docs/security.md."""

from __future__ import annotations

import pytest

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.smp.pdu import AuthReq, Features, KeyKinds
from support.attacker import JUST_WORKS, LEGACY
from support.hci.simulated import simulated
from support.victim import attacked

BOTH_ROLES = pytest.mark.parametrize("victim_role", ["central", "peripheral"])
GENERATIONS = pytest.mark.parametrize("features", [JUST_WORKS, LEGACY], ids=["SC", "legacy"])
RESOLVABLE = "4A:0B:AD:0B:AD:01"


@BOTH_ROLES
@GENERATIONS
@simulated
async def test_a_peer_that_wants_no_bond_gets_none(victim_role: str, features: Features) -> None:
    async with attacked(victim_role) as victim:
        fleeting = features._replace(auth_req=features.auth_req & ~AuthReq.BONDING)
        assert await victim.pair(fleeting) is None
        assert victim.security.encrypted
        assert victim.bonds() == []
        assert not victim.security.has_keys


@BOTH_ROLES
@GENERATIONS
@simulated
async def test_no_bond_with_an_address_that_changes(victim_role: str, features: Features) -> None:
    """A private address is not who the peer is; somebody else may have it next."""
    async with attacked(victim_role, address=RESOLVABLE) as victim:
        kinds = KeyKinds.ENCRYPTION | KeyKinds.SIGNING
        nameless = features._replace(central_keys=kinds, peripheral_keys=kinds)
        assert not isinstance(await victim.pair(nameless), int)
        assert victim.security.encrypted
        assert victim.bonds() == []
        assert not victim.security.has_keys


@GENERATIONS
@simulated
async def test_a_key_by_another_name(features: Features) -> None:
    """EDIV and Rand must be those of the bond, for LE Secure Connections 0."""
    async with attacked("peripheral") as victim:
        bond = await victim.pair(features)
        assert isinstance(bond, Bond)
        for rand, ediv in ((b"another.", bond.ediv), (bond.rand, bond.ediv ^ 1)):
            await victim.meet_again()
            assert await victim.attacker.encrypt(bond.ltk, rand, ediv) != 0
            assert not victim.security.encrypted
        await victim.meet_again()
        assert await victim.attacker.encrypt(bond.ltk, bond.rand, bond.ediv) == 0
        await victim.settle()
        assert victim.security.encrypted
