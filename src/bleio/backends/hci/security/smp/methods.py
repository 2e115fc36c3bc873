"""Which way two devices authenticate each other (Core Specification Vol 3, Part H, 2.3.5.1).

Nothing is negotiated: both compute the method from both sides' features, so both must come to the
same. Features are sent in the clear, and what changes them on the way may bring about a weaker
method before phase 2 finds out; the user is told the method, and the settings may refuse it.
"""

from __future__ import annotations

from typing import NamedTuple

from bleio.backends.hci.security.smp.pdu import AuthReq, Features
from bleio.core.pairing import IoCapability, PairingMethod

_D, _Y, _K, _N, _KD = IoCapability  # in the order of their values
# Pairs of capabilities (central, peripheral) where the central shows the passkey. In all others
# with a passkey the peripheral does, except that two keyboards have users type the same one.
_CENTRAL_SHOWS = {(_D, _K), (_D, _KD), (_Y, _K), (_Y, _KD), (_KD, _K), (_KD, _KD)}
_CAN_COMPARE = {_Y, _KD}
_CAN_TYPE = {_K, _KD}


class Choice(NamedTuple):
    """A method; for passkey entry also which side shows the passkey, for the other to type."""

    method: PairingMethod
    central_shows: bool = False
    peripheral_shows: bool = False


def choose(central: Features, peripheral: Features) -> Choice:
    """Return the method that both sides' features lead to. Spec: tables 2.6 to 2.8."""
    auth_req = central.auth_req & peripheral.auth_req
    secure_connections = bool(auth_req & AuthReq.SECURE_CONNECTIONS)
    one, both = central.oob or peripheral.oob, central.oob and peripheral.oob
    if one if secure_connections else both:
        return Choice(PairingMethod.OUT_OF_BAND)
    if not (central.auth_req | peripheral.auth_req) & AuthReq.MITM:
        return Choice(PairingMethod.JUST_WORKS)
    return _by_capabilities(
        IoCapability(central.io_capability),
        IoCapability(peripheral.io_capability),
        secure_connections,
    )


def _by_capabilities(
    central: IoCapability, peripheral: IoCapability, secure_connections: bool
) -> Choice:
    if secure_connections and central in _CAN_COMPARE and peripheral in _CAN_COMPARE:
        return Choice(PairingMethod.NUMERIC_COMPARISON)
    pair = (central, peripheral)
    if _N in pair or not (central in _CAN_TYPE or peripheral in _CAN_TYPE):
        return Choice(PairingMethod.JUST_WORKS)
    if pair == (_K, _K):
        return Choice(PairingMethod.PASSKEY_ENTRY)
    central_shows = pair in _CENTRAL_SHOWS
    return Choice(PairingMethod.PASSKEY_ENTRY, central_shows, not central_shows)
