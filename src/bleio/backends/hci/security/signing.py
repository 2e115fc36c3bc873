"""Signatures of signed writes, by the CSRKs of a bond (Vol 3, Part H, 2.4.5; Part C, 10.4).

A signature that is good but beyond what is stored waits for that (`CounterNotStored`), because
storing goes on in the background (`counts`). Our own do not wait: if one were used twice, the peer
would refuse it, and no more.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from struct import Struct

from bleio.att.permissions import CounterNotStored
from bleio.backends.hci.bonds.store import SigningKey
from bleio.backends.hci.security.counts import END, Count, CountsInUse
from bleio.backends.hci.security.peer import LinkPeer

_COUNTER = Struct("<I")
_MAC_OCTETS = 8


class BondSigner:
    """The `Signer` of one link, by the bond that there is with its peer at each use."""

    def __init__(self, peer: LinkPeer, own_counts: CountsInUse, peers_counts: CountsInUse) -> None:
        self._peer = peer
        self._own_counts = own_counts
        self._peers_counts = peers_counts
        self._own: Count | None = None
        self._peers: Count | None = None

    @property
    def can_sign(self) -> bool:
        """Whether `sign` would."""
        bond = self._peer.bond
        key = bond.own_signing if bond is not None else None
        if key is None:
            return False
        self._own = self._own_counts.of(key, self._own)
        return self._own.next < END - 1

    def sign(self, message: bytes) -> bytes | None:
        """See `Signer`."""
        bond = self._peer.bond
        key = bond.own_signing if bond is not None else None
        if bond is None or key is None:
            return None
        count = self._own = self._own_counts.of(key, self._own)
        if count.next >= END - 1:
            return None
        counter, count.next = count.next, count.next + 1
        ahead = count.ask(count.next)
        if ahead is not None:
            key = replace(key, counter=counter, ahead=ahead)
            self._peer.save(replace(bond, own_signing=key))
        return signature(key.csrk, message, counter)

    def verify(self, message: bytes, signature_octets: bytes) -> bool | None:
        """See `Signer`. A counter may skip some, whose PDUs were lost; it never goes back.

        Compared in constant time, as a peer could measure how many octets of a forgery were right.
        """
        bond = self._peer.bond
        key = bond.peer_signing if bond is not None else None
        if bond is None or key is None:
            return None
        count = self._peers = self._peers_counts.of(key, self._peers)
        (counter,) = _COUNTER.unpack_from(signature_octets)
        expected = signature(key.csrk, message, counter)
        if counter < count.next or not secrets.compare_digest(signature_octets, expected):
            return None
        ahead = count.ask(counter + 1)
        if ahead is not None:
            stored = replace(key, counter=count.next, ahead=ahead)
            self._peer.save(replace(bond, peer_signing=stored))
            self._peer.when_stored(partial(count.is_stored, ahead))
        if counter >= count.stored:
            raise CounterNotStored(self._peer.when_stored)
        count.next = counter + 1
        return key.authenticated

    def settle(self) -> None:
        """The link is gone: store the counters as they are, and no more ahead."""
        bond = self._peer.bond
        own = None if bond is None else bond.own_signing
        peers = None if bond is None else bond.peer_signing
        if self._own is not None and self._own_counts.left(self._own):
            own = _settled(own, self._own)
        if self._peers is not None and self._peers_counts.left(self._peers):
            peers = _settled(peers, self._peers)
        self._own = self._peers = None
        if bond is not None and (own, peers) != (bond.own_signing, bond.peer_signing):
            self._peer.save(replace(bond, own_signing=own, peer_signing=peers))


def signature(csrk: bytes, message: bytes, counter: int) -> bytes:
    """Return SignCounter and MAC, little-endian as on air; AES-CMAC works on the reverse of it."""
    from bumble.crypto.cryptography import aes_cmac  # few links have anything signed

    count = _COUNTER.pack(counter)
    mac = aes_cmac((message + count)[::-1], csrk[::-1])
    return count + mac[:_MAC_OCTETS][::-1]


def _settled(key: SigningKey | None, count: Count) -> SigningKey | None:
    if key is None or key.csrk != count.csrk:
        return key
    counter = count.settle()
    if key.ahead and counter == key.counter:
        # Stored ahead for a signature that has waited in vain. Only a later counter takes that
        # back, whoever has stored what meanwhile; so the signature is as good as used.
        counter += 1
    return replace(key, counter=counter, ahead=0)
