"""Attacks on out-of-band pairing. See docs/security.md."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.backends.base import OobData
from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.smp import secure_connections
from bleio.backends.hci.security.smp.basis import OwnOob
from bleio.backends.hci.security.smp.pdu import Reason
from support.attacker import JUST_WORKS, AnyPairing
from support.hci.simulated import simulated
from support.victim import Carried, Victim, attacked

from bumble.crypto.cryptography import EccKey  # isort: skip

BOTH_ROLES = pytest.mark.parametrize("victim_role", ["central", "peripheral"])


@BOTH_ROLES
@pytest.mark.parametrize("same_key", [True, False])
@simulated
async def test_out_of_band_data_of_another_key(
    victim_role: str, same_key: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who read the data on its way knows the random value, but has not the private key."""
    carried = OwnOob()
    real, other = secure_connections._own_key, entropy.make_key()
    async with attacked(victim_role, agent=Carried(carried.data())) as victim:

        def own_key(pairing: Any) -> EccKey:
            attacks = pairing.ends.own_on_air == victim.attacker.address
            return other if attacks and not same_key else real(pairing)

        monkeypatch.setattr(secure_connections, "_own_key", own_key)
        result = await victim.pair(own_oob=carried)
        if same_key:
            assert isinstance(result, Bond)
            assert victim.security.authenticated
        else:
            assert result == Reason.CONFIRM_VALUE_FAILED
            assert not victim.security.encrypted
            assert victim.bonds() == []


class Credulous(AnyPairing):
    """Does not mind who the peer is, as long as it can go on."""

    def check(self, value: bytes, expected: bytes, reason: Reason) -> None:
        return


@BOTH_ROLES
@simulated
async def test_out_of_band_data_is_good_for_one_pairing(victim_role: str) -> None:
    async with attacked(victim_role) as victim:
        data = victim.manager.own_oob.data()
        assert isinstance(await pair_with(victim, data), Bond)
        assert victim.security.authenticated
        await victim.device.backend.erase_bonds()
        await victim.meet_again()
        assert not isinstance(await pair_with(victim, data), Bond)
        assert not victim.security.authenticated
        assert victim.bonds() == []
        assert victim.manager.own_oob.data() != data


@BOTH_ROLES
@simulated
async def test_our_data_stays_good_when_a_peer_pairs_without_it(victim_role: str) -> None:
    carried = OwnOob()
    async with attacked(victim_role, agent=Carried(carried.data())) as victim:
        data = victim.manager.own_oob.data()
        assert isinstance(await victim.pair(own_oob=carried), Bond)
        assert victim.security.authenticated
        assert victim.manager.own_oob.data() == data


async def pair_with(victim: Victim, data: OobData) -> Bond | int | None:
    """Let the attacker pair with the victim's data."""
    features = JUST_WORKS._replace(oob=1)
    return await victim.pair(features, agent=Carried(data), pairing=Credulous)
