"""Phase 2 of LE Secure Connections (Core Specification Vol 3, Part H, 2.3.5.6).

Both sides make a secret from their key pairs (P-256), which no listener can. That alone proves
nothing of the other side; so the method authenticates the public keys: by a number that the users
compare, bit by bit by a passkey, or by what was carried out of band. At the end each shows that it
has the same secret, nonces, features and addresses.

Two attacks need a check of their own: a peer that sends our own public key, or our own nonces and
confirm values, back to us would pass the checks of a passkey without knowing it (CVE-2020-26558);
one whose key is no point of the curve would learn ours (CVE-2018-5383).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from bumble.crypto import f4, f5, f6, g2
from bumble.crypto.cryptography import EccKey

from bleio.backends.hci import entropy
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.basis import Failure, PairingBasis, Receive, Steps
from bleio.backends.hci.security.smp.pdu import Reason
from bleio.core.pairing import PairingMethod

PASSKEY_BITS = 20
# Vol 3, Part H, 2.3.5.6.1; big-endian, as it is printed there
DEBUG_PUBLIC_KEY_X = bytes.fromhex(
    "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6"
)


@dataclass(slots=True)
class _Exchange:
    """The public keys by role, their secret, and what the rest of phase 2 adds to them."""

    own_x: bytes
    peer_x: bytes
    dh_key: bytes = field(repr=False)
    own_nonce: bytes = b""
    peer_nonce: bytes = b""
    own_r: bytes = field(default=bytes(16), repr=False)  # what f6 takes for the method
    peer_r: bytes = field(default=bytes(16), repr=False)


def secure_connections_key(pairing: PairingBasis) -> Steps:
    """Agree on the Long Term Key. Returns: 16 octets."""
    exchange = yield from _public_keys(pairing)
    match pairing.choice.method:
        case PairingMethod.PASSKEY_ENTRY:
            yield from _passkey(pairing, exchange)
        case PairingMethod.OUT_OF_BAND:
            yield from _out_of_band(pairing, exchange)
        case _:
            yield from _comparison(pairing, exchange)
    return (yield from _checked_key(pairing, exchange))


def _public_keys(pairing: PairingBasis) -> Steps:
    key = _own_key(pairing)
    own = bytes((pdu.PAIRING_PUBLIC_KEY,)) + pdu.PUBLIC_KEY.pack(key.x[::-1], key.y[::-1])
    if pairing.ends.is_central:
        pairing.send(own)
    x, y = pdu.PUBLIC_KEY.unpack((yield Receive(pdu.PAIRING_PUBLIC_KEY)))
    dh_key = _shared_secret(pairing, key, x[::-1], y[::-1])
    if not pairing.ends.is_central:
        pairing.send(own)
    return _Exchange(key.x[::-1], x, dh_key)


def _own_key(pairing: PairingBasis) -> EccKey:
    """A new key pair for each pairing, except that a peer with our out-of-band data knows ours."""
    secret = pairing.own_secret
    return secret.key if secret is not None else entropy.make_key()


def _shared_secret(pairing: PairingBasis, key: EccKey, x: bytes, y: bytes) -> bytes:
    """Refuse keys whose secret others know: our own sent back, the debug key, no point at all."""
    if x == key.x or (x == DEBUG_PUBLIC_KEY_X and not pairing.settings.debug_keys):
        raise Failure(Reason.INVALID_PARAMETERS)
    try:
        return key.dh(x, y)[::-1]
    except ValueError:  # not on the curve
        raise Failure(Reason.INVALID_PARAMETERS) from None


def _comparison(pairing: PairingBasis, exchange: _Exchange) -> Steps:
    """Just Works and numeric comparison. Spec: 2.3.5.6.2.

    The peripheral commits itself to its nonce before the central shows its own. Otherwise a man in
    the middle could choose nonces until both users see the same number.
    """
    own_x, peer_x = exchange.own_x, exchange.peer_x
    nonce = exchange.own_nonce = entropy.token_bytes(16)
    if pairing.ends.is_central:
        commitment = yield Receive(pdu.PAIRING_CONFIRM)
        pairing.send_pdu(pdu.PAIRING_RANDOM, nonce)
        exchange.peer_nonce = yield Receive(pdu.PAIRING_RANDOM)
        expected = f4(peer_x, own_x, exchange.peer_nonce, b"\0")
        pairing.check(commitment, expected, Reason.CONFIRM_VALUE_FAILED)
        number = g2(own_x, peer_x, nonce, exchange.peer_nonce) % 1_000_000
    else:
        pairing.send_pdu(pdu.PAIRING_CONFIRM, f4(own_x, peer_x, nonce, b"\0"))
        exchange.peer_nonce = yield Receive(pdu.PAIRING_RANDOM)
        pairing.send_pdu(pdu.PAIRING_RANDOM, nonce)
        number = g2(peer_x, own_x, exchange.peer_nonce, nonce) % 1_000_000
    if pairing.choice.method is PairingMethod.NUMERIC_COMPARISON:
        yield from pairing.compare(number)


def _passkey(pairing: PairingBasis, exchange: _Exchange) -> Steps:
    """Spec: 2.3.5.6.3: one bit of the passkey at a time, so that a wrong guess tells little.

    Each opens its commitment only after the other has made one. So a peer that guesses is found
    out at its first wrong bit, and the next pairing has another passkey.
    """
    passkey = yield from pairing.passkey()
    own_x, peer_x = exchange.own_x, exchange.peer_x
    for bit in range(PASSKEY_BITS):
        z = bytes((0x80 | passkey >> bit & 1,))
        nonce = entropy.token_bytes(16)
        confirm = f4(own_x, peer_x, nonce, z)
        expected = partial(f4, peer_x, own_x, z=z)
        peer_nonce = yield from pairing.exchange_nonces(nonce, confirm, expected)
    exchange.own_nonce, exchange.peer_nonce = nonce, peer_nonce
    exchange.own_r = exchange.peer_r = passkey.to_bytes(16, "little")


def _out_of_band(pairing: PairingBasis, exchange: _Exchange) -> Steps:
    """Spec: 2.3.5.6.4. Each takes 0 for the other's r if it did not get the other's data."""
    data = pairing.peer_oob
    if data is not None:
        if len(data.confirm) != 16 or len(data.random) != 16:
            raise Failure(Reason.OOB_NOT_AVAILABLE)
        expected = f4(exchange.peer_x, exchange.peer_x, data.random, b"\0")
        pairing.check(data.confirm, expected, Reason.CONFIRM_VALUE_FAILED)
        exchange.peer_r = data.random
    if pairing.own_secret is not None:
        exchange.own_r = pairing.own_secret.random
    nonce = exchange.own_nonce = entropy.token_bytes(16)
    if pairing.ends.is_central:
        pairing.send_pdu(pdu.PAIRING_RANDOM, nonce)
    exchange.peer_nonce = yield Receive(pdu.PAIRING_RANDOM)
    if not pairing.ends.is_central:
        pairing.send_pdu(pdu.PAIRING_RANDOM, nonce)


def _checked_key(pairing: PairingBasis, exchange: _Exchange) -> Steps:
    """Authentication stage 2. Spec: 2.3.5.6.5.

    f6 takes the other side's r, so knowing the passkey or the out-of-band data is shown here again.
    """
    ends = pairing.ends
    own = ends.own_on_air.octets + bytes((ends.own_on_air.random,))
    peer = ends.peer_on_air.octets + bytes((ends.peer_on_air.random,))
    own_nonce, peer_nonce = exchange.own_nonce, exchange.peer_nonce
    if ends.is_central:
        mac_key, ltk = f5(exchange.dh_key, own_nonce, peer_nonce, own, peer)
        own_io, peer_io = pairing.request[1:4], pairing.response[1:4]
    else:
        mac_key, ltk = f5(exchange.dh_key, peer_nonce, own_nonce, peer, own)
        own_io, peer_io = pairing.response[1:4], pairing.request[1:4]
    own_check = f6(mac_key, own_nonce, peer_nonce, exchange.peer_r, own_io, own, peer)
    expected = f6(mac_key, peer_nonce, own_nonce, exchange.own_r, peer_io, peer, own)
    if ends.is_central:
        pairing.send_pdu(pdu.PAIRING_DHKEY_CHECK, own_check)
    check = yield Receive(pdu.PAIRING_DHKEY_CHECK)
    pairing.check(check, expected, Reason.DHKEY_CHECK_FAILED)
    if not ends.is_central:
        pairing.send_pdu(pdu.PAIRING_DHKEY_CHECK, own_check)
    return ltk
