"""Thousands of random SMP PDUs in random states: no fault, no hang, no session that stays.

What is sent and what must hold is in fuzz/smp.py.
"""

from __future__ import annotations

from random import Random

import pytest

from fuzz.running import no_faults
from fuzz.smp import SmpPeer, attack
from support.hci.simulated import simulated

STEPS = 150


@pytest.mark.parametrize("victim_role", ["central", "peripheral"])
@pytest.mark.parametrize("seed", range(8))
@simulated
async def test_random_pdus_in_random_states(victim_role: str, seed: int) -> None:
    sent = 0

    def goes_on(peer: SmpPeer) -> bool:
        nonlocal sent
        sent = peer.sent
        return peer.steps < STEPS

    with no_faults():
        await attack(victim_role, Random(seed), goes_on)
    assert sent > STEPS
