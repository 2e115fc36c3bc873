"""Bonds: the keys of peers we paired with, by role and identity.

A bond is a value: it is never changed in place, but another one is saved in its place. So a link
that holds one goes on with what it began with, while another link or process saves a newer one.
`BondStore` is the seam for storage that outlives the process. Its methods are plain calls, for they
are used where nothing may be awaited: a controller asks for a key and waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from bleio.backends.hci import entropy
from bleio.core.address import DeviceAddress
from bleio.core.pairing import PairingMethod, SecuritySettings

# For each role. The oldest gives way to the newest, but not to a weaker one while there are others:
# or peers that are not authenticated could push out all that are.
MAX_BONDS = 32

# How long a disk may take to say what other processes have saved. Then what is known counts.
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One direction's CSRK and its SignCounter. Spec: Vol 3, Part H, 2.4.5.

    `counter`: ours, the next to use; a peer's, the least that is accepted. `ahead`: while a link
    uses the key, all below it may have been used since; 0 if none was.
    """

    csrk: bytes = field(repr=False)
    counter: int = 0
    authenticated: bool = False
    ahead: int = 0

    @property
    def least(self) -> int:
        """The least that was not used, whatever became of the program that used it."""
        return max(self.counter, self.ahead)


@dataclass(frozen=True, slots=True)
class ClientState:
    """What our server remembers of a bonded client. Spec: Vol 3, Part G, 2.5.2, 3.3.3.3, 7.3.

    `cccds`: by CCCD handle, those that are not 0. `database_hash`: of the table that these
    handles and the client's own knowledge belong to. `features`: its Client Supported Features.
    """

    cccds: tuple[tuple[int, int], ...] = ()
    database_hash: bytes = b""
    features: bytes = b""


@dataclass(frozen=True, slots=True)
class Bond:
    """What one pairing gave us. Keys are kept out of the repr.

    `ltk`, `ediv` and `rand` are for the role in which it is stored: a central starts encryption
    with them, a peripheral answers with them. EDIV and Rand are 0 for LE Secure Connections.
    `own_signing` signs what we send, `peer_signing` checks what the peer sends.
    `encrypted_values`: names of the peer's values that came encrypted; see `trust`.
    """

    identity: DeviceAddress
    ltk: bytes = field(repr=False)
    ediv: int = 0
    rand: bytes = bytes(8)
    authenticated: bool = False
    secure_connections: bool = True
    key_octets: int = 16
    irk: bytes | None = field(default=None, repr=False)
    own_signing: SigningKey | None = None
    peer_signing: SigningKey | None = None
    client: ClientState = ClientState()
    encrypted_values: frozenset[bytes] = frozenset()

    @property
    def strength(self) -> tuple[bool, bool, int]:
        """Orders bonds by what they prove of the peer."""
        return self.authenticated, self.secure_connections, self.key_octets

    def satisfies(self, settings: SecuritySettings) -> bool:
        """Whether pairing would give such a bond today."""
        return (
            self.key_octets >= settings.min_key_octets
            and self.secure_connections >= settings.secure_connections_only
            and (self.authenticated or settings.method in (None, PairingMethod.JUST_WORKS))
        )


class BondStore(Protocol):
    """Where the keys of one own identity are kept; each role has its own bonds.

    What is looked up is what was known at the last `look`, with what was saved here since. Writing
    may fail: the store warns, once, and goes on with what it has in memory. Thread: the engine's.
    """

    def irk(self) -> bytes:
        """Return the own Identity Resolving Key, made at first use; 16 octets."""

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None:
        """Return the bond with a peer by its identity address."""

    def all(self) -> list[tuple[bool, Bond]]:
        """Return all bonds with the role they are for, central or not; oldest first."""

    def save(self, bond: Bond, central: bool) -> None:
        """Keep a bond, in place of an older one with the same peer."""

    def erase(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds of both roles, or those with one peer; the own IRK stays."""

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once all that was saved is stored, or cannot be; perhaps at once."""

    def look(self, then: Callable[[bool], None]) -> None:
        """Call `then` once what other processes have saved until now is known, or cannot be;
        perhaps at once. It is passed whether that is something new."""


async def known(bonds: BondStore, limit_s: float = LOOK_S) -> bool:
    """Wait until what others have saved is known, or cannot be, or the disk takes too long.

    Returns: False if it takes too long.
    """
    outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    bonds.look(partial(_settle, outcome))
    if not outcome.done():
        await asyncio.wait({outcome}, timeout=limit_s)
    return outcome.done()


async def stored(bonds: BondStore, limit_s: float = 1.0) -> None:
    """Wait until all that was saved is stored, or cannot be, or the disk takes too long."""
    outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    bonds.when_stored(partial(_settle, outcome))
    if not outcome.done():
        await asyncio.wait({outcome}, timeout=limit_s)


def _settle(outcome: asyncio.Future[None], _is_new: bool = False) -> None:
    if not outcome.done():
        outcome.set_result(None)


BondsByRole = dict[tuple[bool, DeviceAddress], Bond]  # by central and identity; oldest first


def remove(bonds: BondsByRole, peer: DeviceAddress | None) -> None:
    """Take out all bonds, or those with one peer."""
    for key in list(bonds):
        if peer in (None, key[1]):
            del bonds[key]


def put(bonds: BondsByRole, bond: Bond, central: bool) -> None:
    """Add a bond as the newest; with too many of its role the oldest of the unauthenticated goes,
    if there is none the oldest."""
    former = bonds.pop((central, bond.identity), None)
    if former is not None:
        # Whatever its keys are, it is the same device.
        bond = replace(bond, encrypted_values=bond.encrypted_values | former.encrypted_values)
        if former.ltk == bond.ltk:
            bond = _with_counters_of(bond, former)
    of_role = [key for key in bonds if key[0] == central]
    if len(of_role) >= MAX_BONDS:
        weak = [key for key in of_role if not bonds[key].authenticated]
        del bonds[(weak or of_role)[0]]
    bonds[central, bond.identity] = bond


def _with_counters_of(bond: Bond, former: Bond) -> Bond:
    """Let no signature count twice: a bond may have been read before others counted on."""
    return replace(
        bond,
        own_signing=_later(bond.own_signing, former.own_signing),
        peer_signing=_later(bond.peer_signing, former.peer_signing),
    )


def _later(key: SigningKey | None, former: SigningKey | None) -> SigningKey | None:
    if key is None or former is None or key.csrk != former.csrk:
        return key
    later = max(key, former, key=_how_late)
    return replace(key, counter=later.counter, ahead=later.ahead)


def _how_late(key: SigningKey) -> tuple[int, int]:
    return key.counter, key.ahead


class MemoryBondStore:
    """Bonds for the life of the backend."""

    def __init__(self) -> None:
        self._bonds: BondsByRole = {}
        self._irk = entropy.token_bytes(16)

    def irk(self) -> bytes:
        """Return the own Identity Resolving Key."""
        return self._irk

    def all(self) -> list[tuple[bool, Bond]]:
        """Return all bonds with the role they are for."""
        return [(central, bond) for (central, _), bond in self._bonds.items()]

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None:
        """Return the bond with a peer by its identity address."""
        return self._bonds.get((central, peer))

    def save(self, bond: Bond, central: bool) -> None:
        """Keep a bond, in place of an older one with the same peer."""
        put(self._bonds, bond, central)

    def erase(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds of both roles, or those with one peer."""
        remove(self._bonds, peer)

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` at once: nothing is to outlive the backend."""
        then()

    def look(self, then: Callable[[bool], None]) -> None:
        """Call `then` at once: nobody else saves anything here."""
        then(False)
