"""Which client a server's PacketBuffer talks to.

The first client to write or subscribe is adopted. One that subscribes takes over from one that
only wrote; otherwise others are ignored until the adopted client disconnects or unsubscribes.
Then one that has subscribed meanwhile takes its place, or else the next to write or subscribe.

Where the backend cannot tell its clients apart, all of them together are that one client: see
`bleio.backends.base`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bleio.backends.base import is_light

if TYPE_CHECKING:
    from bleio.backends.base import Subscriber
    from bleio.gatt.model import LocalCharacteristic
    from bleio.runtime.life import Life


class PacketPeer:
    """A `LocalListener` that adopts one client. `client` may be read on any thread.

    Args: life: of the backend that has the clients. received: takes what the adopted client
        writes. left: called when it is adopted no more.
    """

    def __init__(
        self,
        characteristic: LocalCharacteristic,
        life: Life,
        received: Callable[[bytes], None],
        left: Callable[[], None],
    ) -> None:
        self.client: Subscriber | None = None
        self._characteristic = characteristic
        self._life = life
        self._received = received
        self._left = left

    def adopt_subscriber(self) -> None:
        """Adopt the first client that has subscribed, if none is adopted. Engine thread."""
        for client in self._life.subscribers:
            if self.client is None and any(client.subscription(self._characteristic)):
                self.client = client

    def ahead(self) -> int:
        """Return how many packets its client would take now without waiting."""
        client = self.client
        return 0 if client is None or client.room is None else client.room.packets

    def is_light(self) -> bool:
        """Whether `send` waits for slots alone: if its client's methods do."""
        return self.client is None or is_light(self.client.notify)

    async def send(self, packet: bytes) -> None:
        """Send one packet to the adopted client: notified, unless it enabled only indications.

        A client that enabled neither gets nothing. Raises: LinkLost, TransactionTimeout.
        """
        if (client := self.client) is None:
            return
        notify, indicate = client.subscription(self._characteristic)
        if notify:
            await client.notify(self._characteristic, packet)
        elif indicate:
            await client.indicate(self._characteristic, packet)

    def written(self, client: Subscriber, value: bytes) -> None:
        if self.client is None and client.connected:
            self.client = client
        # What one that has left wrote last may be here after its end, and is nobody else's.
        if client is self.client or self.client is None:
            self._received(value)

    def subscribed(self, client: Subscriber, notify: bool, indicate: bool) -> None:
        if not notify and not indicate:
            self.link_closed(client)
        elif client is not self.client and not self._peer_subscribed():
            self._leave()
            self.client = client

    def link_closed(self, client: Subscriber) -> None:
        if client is self.client:
            self._leave()
            self.adopt_subscriber()

    def _peer_subscribed(self) -> bool:
        return self.client is not None and any(self.client.subscription(self._characteristic))

    def _leave(self) -> None:
        if self.client is not None:
            self.client = None
            self._left()
