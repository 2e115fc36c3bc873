"""What must be over before a new link can come.

A controller gives the handle of a link that has ended to the next one, and data of that may be here
before its event. So what could take it for the former link's, under the security that this had,
ends before the command that lets a new link come (`links.closing`).
"""

from __future__ import annotations

from typing import Protocol

from bleio.core.address import DeviceAddress


class FormerLinks(Protocol):
    """What is left of links that have ended."""

    async def gone(self, peer: DeviceAddress) -> None:
        """Wait until links with a peer that are being ended have ended: it can have but one."""

    async def pairings_ended(self) -> None:
        """Wait, for a moment, until no pairing waits for keys that are late."""

    def new_may_come(self) -> None:
        """A new link may come from now on: what is left of secured ones ends."""
