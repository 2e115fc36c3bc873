"""Links by bleak (skeleton)."""

from __future__ import annotations

from bleio.backends.base import Link
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost


class Connecting:
    """Makes links and knows those that are there, outgoing and incoming."""

    def __init__(self, system: System, owner: SystemOwner) -> None:
        self._system, self._owner = system, owner

    async def connect(self, address: DeviceAddress, timeout_s: float) -> Link:
        raise NotImplementedError

    def is_ours(self, peer: DeviceAddress) -> bool:
        raise NotImplementedError

    def link_to(self, peer: DeviceAddress) -> Link | None:
        """Return the live link to a peer, None if there is none."""
        raise NotImplementedError

    def incoming(self, peer: DeviceAddress) -> None:
        """A peer has connected to us."""
        raise NotImplementedError

    def gone(self, peer: DeviceAddress, reason: int) -> None:
        raise NotImplementedError

    def lost(self, error: ControllerLost) -> None:
        """End all links: the system's Bluetooth is gone."""

    async def close(self) -> None:
        """Disconnect all, bounded."""
