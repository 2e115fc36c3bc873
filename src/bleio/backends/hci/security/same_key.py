"""Bonds of one Identity Resolving Key: which of them the peer at the other end may be.

A key should belong to one device. But some stacks give all devices the same one unless they are
told otherwise, and a device may make itself a new identity and keep its key. Then a private address
leads to several bonds, and only encryption proves which one it is. So the bond made last is tried
first; one whose keys fail makes way for the next, and one whose keys were proven stays in front.
None is erased for that: it may be another device's, which comes again.
"""

from __future__ import annotations

from typing import Protocol

from bleio.core.address import DeviceAddress


class SameKey(Protocol):
    """Knows which identities have the same key."""

    def sharing(self, identity: DeviceAddress) -> tuple[DeviceAddress, ...]:
        """Return all whose key is this one's, itself included; itself alone if it has none."""

    def proved(self, identity: DeviceAddress) -> None:
        """Its bond was made, or its keys have encrypted a link: it is tried first from now on."""

    def disproved(self, identity: DeviceAddress) -> DeviceAddress | None:
        """Its keys have failed. Returns: what is tried instead, None if no other has its key."""


class EachItsOwn:
    """No two have the same key."""

    def sharing(self, identity: DeviceAddress) -> tuple[DeviceAddress, ...]:
        return (identity,)

    def proved(self, identity: DeviceAddress) -> None:
        """It is the only one."""

    def disproved(self, identity: DeviceAddress) -> DeviceAddress | None:
        return None
