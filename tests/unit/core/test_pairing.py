"""What a device says of itself, so that a pinned method comes about wherever it can."""

from __future__ import annotations

from itertools import product

import pytest

from bleio.backends.hci.security.smp.methods import choose
from bleio.backends.hci.security.smp.pdu import AuthReq, Features
from bleio.core.pairing import IoCapability, PairingMethod, offered

D, Y, K, N, KD = IoCapability
SECURE = AuthReq.BONDING | AuthReq.SECURE_CONNECTIONS | AuthReq.MITM
# What may be said of a device that can do all this: no more than it has.
PARTS = {D: {D, N}, Y: {D, Y, N}, K: {K, N}, N: {N}, KD: {D, Y, K, N, KD}}


def method(central: IoCapability, peripheral: IoCapability) -> PairingMethod:
    of_central, of_peripheral = (Features(io, 0, SECURE, 16, 0, 0) for io in (central, peripheral))
    return choose(of_central, of_peripheral).method


@pytest.mark.parametrize("wanted", [PairingMethod.PASSKEY_ENTRY, PairingMethod.NUMERIC_COMPARISON])
@pytest.mark.parametrize(("own", "peer"), list(product(IoCapability, repeat=2)))
def test_a_pinned_method_comes_about_where_it_can(
    wanted: PairingMethod, own: IoCapability, peer: IoCapability
) -> None:
    possible = any(method(part, peer) is wanted for part in PARTS[own])
    as_central = method(offered(own, wanted), peer)
    as_peripheral = method(peer, offered(own, wanted, peer))
    assert (as_central is wanted, as_peripheral is wanted) == (possible, possible)
    assert offered(own, wanted) in PARTS[own]
    assert offered(own, wanted, peer) in PARTS[own]


def test_both_ends_may_pin_it() -> None:
    for central, peripheral in product((D, Y, K, KD), repeat=2):
        said = offered(central, PairingMethod.PASSKEY_ENTRY)
        answered = offered(peripheral, PairingMethod.PASSKEY_ENTRY, said)
        came = method(said, answered)
        if {central, peripheral} & {K, KD}:
            assert came is PairingMethod.PASSKEY_ENTRY
        else:
            assert came is PairingMethod.JUST_WORKS  # which is refused then


@pytest.mark.parametrize("io", IoCapability)
def test_what_is_not_pinned_is_said_as_it_is(io: IoCapability) -> None:
    assert offered(io, None) is io
    assert offered(io, None, K) is io
    assert offered(io, PairingMethod.JUST_WORKS) is N
