"""Which client a server's PacketBuffer talks to.

The first client to write or subscribe is adopted. One that subscribes takes over from one that
only wrote; otherwise others are ignored until the adopted client disconnects or unsubscribes.
Then one that has subscribed meanwhile takes its place, or else the next to write or subscribe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.gatt.model import LocalCharacteristic


class PacketPeer:
    """A `LocalListener` that adopts one client. `link` may be read on any thread.

    Args: links: gives the live links. received: takes what the adopted client writes. left: called
        when it is adopted no more.
    """

    def __init__(
        self,
        characteristic: LocalCharacteristic,
        links: Callable[[], tuple[Link, ...]],
        received: Callable[[bytes], None],
        left: Callable[[], None],
    ) -> None:
        self.link: Link | None = None
        self._characteristic = characteristic
        self._links = links
        self._received = received
        self._left = left

    def adopt_subscriber(self) -> None:
        """Adopt the first client that has subscribed, if none is adopted. Engine thread."""
        for link in self._links():
            if self.link is None and any(link.subscription(self._characteristic)):
                self.link = link

    def written(self, link: Link, value: bytes) -> None:
        if self.link is None:
            self.link = link
        if link is self.link:
            self._received(value)

    def subscribed(self, link: Link, notify: bool, indicate: bool) -> None:
        if not notify and not indicate:
            self.link_closed(link)
        elif link is not self.link and not self._peer_subscribed():
            self._leave()
            self.link = link

    def link_closed(self, link: Link) -> None:
        if link is self.link:
            self._leave()
            self.adopt_subscriber()

    def _peer_subscribed(self) -> bool:
        return self.link is not None and any(self.link.subscription(self._characteristic))

    def _leave(self) -> None:
        if self.link is not None:
            self.link = None
            self._left()
