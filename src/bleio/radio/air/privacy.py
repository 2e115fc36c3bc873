"""The resolving list, and the private addresses made from it. Spec: Vol 6, Part B, 4.7 and 6.

A device that renews its address is known by its identity only to devices that have its key (IRK).
The list has the keys of peers, to find out whose an address is, and own keys, one per peer, from
which the device makes its own addresses. All rooms above go by a `Peer`: whether an address was
resolved is asked once, when a packet comes in, and not again by each of those that filter.

To resolve is to try all keys, one AES block each, and most addresses in a room belong to strangers;
hence the cache of what was found and what was not. It is bounded, as strangers can be many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bleio.core.address import AddressType, DeviceAddress
from bleio.core.private_address import make_resolvable, resolves
from bleio.radio.air.radio import Radio

RESOLVING_LIST_SIZE = 32
DEFAULT_RPA_TIMEOUT_S = 900
_NO_KEY = bytes(16)
_MAX_CACHED = 1024


class Peer(NamedTuple):
    """The sender of a packet: its identity when that was found, else its address on air."""

    address: DeviceAddress
    resolved: bool

    @property
    def hci_type(self) -> int:
        """Address type as in HCI events: 2 and 3 for identities found by resolving."""
        return int(self.address.random) | (2 if self.resolved else 0)


@dataclass(slots=True)
class Entry:
    """One peer of the resolving list. Keys of all zero mean none."""

    identity: DeviceAddress
    peer_irk: bytes = field(repr=False)
    local_irk: bytes = field(repr=False)
    network_privacy: bool = True
    peer_rpa: bytes = bytes(6)
    local_rpa: bytes = bytes(6)
    local_rpa_until_us: int = -1


class ResolvingList:
    """The resolving list of a controller and the addresses it makes from it."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.entries: dict[DeviceAddress, Entry] = {}
        self._resolved: dict[bytes, Entry | None] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the state after HCI_Reset."""
        self.enabled = False
        self.timeout_s = DEFAULT_RPA_TIMEOUT_S
        self.clear()

    def add(self, entry: Entry) -> None:
        """Add a peer, in place of the one with this identity."""
        self.entries[entry.identity] = entry
        self._resolved.clear()

    def remove(self, identity: DeviceAddress) -> None:
        """Remove a peer that is in the list."""
        del self.entries[identity]
        self._resolved.clear()

    def clear(self) -> None:
        """Remove all peers."""
        self.entries.clear()
        self._resolved.clear()

    def peer_of(self, address: DeviceAddress) -> Peer | None:
        """Resolve the sender of a packet.

        Returns: None when the packet is to be ignored, because a peer in network privacy mode
        used its identity address.
        """
        if not self.enabled or not self.entries:
            return Peer(address, False)
        if address.type is AddressType.RANDOM_PRIVATE_RESOLVABLE:
            entry = self._resolve(address.octets)
            return Peer(address, False) if entry is None else Peer(entry.identity, True)
        entry = self.entries.get(address)
        if entry is not None and entry.network_privacy and entry.peer_irk != _NO_KEY:
            return None
        return Peer(address, False)

    def _resolve(self, octets: bytes) -> Entry | None:
        if octets in self._resolved:
            return self._resolved[octets]
        found = next((e for e in self.entries.values() if resolves(octets, e.peer_irk)), None)
        if found is not None:
            found.peer_rpa = octets
        if len(self._resolved) >= _MAX_CACHED:
            self._resolved.clear()
        self._resolved[octets] = found
        return found

    def is_ours(self, octets: bytes) -> bool:
        """Whether a resolvable private address was made from one of our own keys."""
        return self.enabled and any(resolves(octets, e.local_irk) for e in self.entries.values())

    def local_address(self, peer: DeviceAddress | None) -> DeviceAddress | None:
        """Our resolvable private address towards a peer, made anew when its time is over.

        Args: peer: an identity address; None takes the first entry that has a local key.
        """
        if not self.enabled:
            return None
        entry = self.entries.get(peer) if peer is not None else self._any_local()
        if entry is None or entry.local_irk == _NO_KEY:
            return None
        now_us = self._radio.now_us
        if now_us >= entry.local_rpa_until_us:
            entry.local_rpa = make_resolvable(entry.local_irk, self._radio.random_octets(3))
            entry.local_rpa_until_us = now_us + self.timeout_s * 1_000_000
        return DeviceAddress(entry.local_rpa, True)

    def _any_local(self) -> Entry | None:
        return next((e for e in self.entries.values() if e.local_irk != _NO_KEY), None)

    def target_rpa(self, identity: DeviceAddress) -> DeviceAddress | None:
        """The address to use for a directed packet to a peer that has a key of its own."""
        entry = self.entries.get(identity) if self.enabled else None
        if entry is None or entry.peer_irk == _NO_KEY:
            return None
        return DeviceAddress(make_resolvable(entry.peer_irk, self._radio.random_octets(3)), True)
