"""Bonds: the keys of peers we paired with, by role and identity.

`BondStore` is the seam for storage that outlives the process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from bleio.core.address import DeviceAddress

MAX_BONDS = 32  # the oldest gives way to the newest


@dataclass(frozen=True, slots=True)
class Bond:
    """What one pairing gave us. Keys are kept out of the repr.

    `ltk`, `ediv` and `rand` are for the role in which it is stored: a central starts encryption
    with them, a peripheral answers with them. EDIV and Rand are 0 for LE Secure Connections.
    """

    identity: DeviceAddress
    ltk: bytes = field(repr=False)
    ediv: int = 0
    rand: bytes = bytes(8)
    authenticated: bool = False
    secure_connections: bool = True
    key_octets: int = 16
    irk: bytes | None = field(default=None, repr=False)


class BondStore(Protocol):
    """Where bonds are kept; each role has its own."""

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None: ...

    def save(self, bond: Bond, central: bool) -> None: ...

    def erase(self) -> None: ...


class MemoryBondStore:
    """Bonds for the life of the backend."""

    def __init__(self) -> None:
        self._bonds: dict[tuple[bool, DeviceAddress], Bond] = {}

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None:
        """Give the bond with a peer by its identity address."""
        return self._bonds.get((central, peer))

    def save(self, bond: Bond, central: bool) -> None:
        """Keep a bond, in place of an older one with the same peer."""
        self._bonds.pop((central, bond.identity), None)
        if len(self._bonds) >= MAX_BONDS:
            del self._bonds[next(iter(self._bonds))]
        self._bonds[central, bond.identity] = bond

    def erase(self) -> None:
        """Forget all bonds of both roles."""
        self._bonds.clear()
