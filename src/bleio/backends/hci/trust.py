"""Which values of bonded peers came encrypted, so that a plain link is not believed about them.

A device that has a bonded peer's address, or the link after its encryption failed, could serve any
value it likes in the clear (BLESA). What was once read or notified over an encrypted link is
therefore taken from an encrypted link only, for the life of the backend, unless the settings say
otherwise.
"""

from __future__ import annotations

from bleio.backends.hci.bonds import MAX_BONDS
from bleio.core.address import DeviceAddress

MAX_HANDLES = 4096  # of one peer; a table with more has values that nobody vouches for


class EncryptedValues:
    """Handles of values by the peer's identity; the peer heard of longest ago is forgotten."""

    def __init__(self) -> None:
        self._handles: dict[DeviceAddress, set[int]] = {}

    def came_encrypted(self, peer: DeviceAddress, handle: int) -> None:
        """A value came over an encrypted link."""
        handles = self._handles.get(peer)
        if handles is None:
            while len(self._handles) >= 2 * MAX_BONDS:  # of both roles
                del self._handles[next(iter(self._handles))]
            handles = self._handles[peer] = set()
        if len(handles) < MAX_HANDLES:
            handles.add(handle)

    def expects_encryption(self, peer: DeviceAddress, handle: int) -> bool:
        """Whether a value came encrypted before."""
        return handle in self._handles.get(peer, ())

    def clear(self) -> None:
        """Forget everything, with the bonds."""
        self._handles.clear()
