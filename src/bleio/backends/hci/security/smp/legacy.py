"""Phase 2 of LE legacy pairing (Core Specification Vol 3, Part H, 2.3.5.5).

Both sides commit themselves to a nonce by a confirm value, which also depends on a key that both
have: the passkey, out-of-band data, or 0. A listener can try all passkeys on what it recorded, so
this kind only protects against peers that are not there yet; see docs/security.md.
"""

from __future__ import annotations

from functools import partial

from bumble.crypto import c1, s1

from bleio.backends.hci import entropy
from bleio.backends.hci.security.smp.basis import Failure, PairingBasis, Steps
from bleio.backends.hci.security.smp.pdu import Reason
from bleio.core.pairing import PairingMethod


def short_term_key(pairing: PairingBasis) -> Steps:
    """Agree on the Short Term Key. Returns: 16 octets."""
    key = yield from _temporary_key(pairing)
    confirm_value = partial(_confirm_value, pairing, key)
    own = entropy.token_bytes(16)
    peer = yield from pairing.exchange_nonces(own, confirm_value(own), confirm_value)
    return s1(key, peer, own) if pairing.ends.is_central else s1(key, own, peer)


def _temporary_key(pairing: PairingBasis) -> Steps:
    """Spec: 2.3.5.2 to 2.3.5.4."""
    method = pairing.choice.method
    if method is PairingMethod.OUT_OF_BAND:
        key = pairing.peer_oob.temporary_key if pairing.peer_oob is not None else b""
        if len(key) != 16:
            raise Failure(Reason.OOB_NOT_AVAILABLE)
        return key
    passkey = 0
    if method is PairingMethod.PASSKEY_ENTRY:
        passkey = yield from pairing.passkey()
    return passkey.to_bytes(16, "little")


def _confirm_value(pairing: PairingBasis, key: bytes, nonce: bytes) -> bytes:
    """The features are part of it: a man in the middle must not have changed them on the way."""
    own, peer = pairing.ends.own_on_air, pairing.ends.peer_on_air
    central, peripheral = (own, peer) if pairing.ends.is_central else (peer, own)
    return c1(
        key,
        nonce,
        pairing.request,
        pairing.response,
        int(central.random),
        int(peripheral.random),
        central.octets,
        peripheral.octets,
    )
