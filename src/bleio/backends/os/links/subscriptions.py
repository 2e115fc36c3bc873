"""Values that a peer sends by itself, on their way to what listens.

bleak tells values of what was subscribed to, in order; each goes to its listeners at once. That is
all, were it not for BlueZ: there a value that was *read* comes as if it had been sent, too, since
all of BlueZ's programs are shown what one has read. A program that reads what it has subscribed to
would get the value twice. The two come by different connections to D-Bus, so their order tells
nothing but that what was read comes just before the answer. So while a value is being read, what
comes is held; then the last that equals what was read is dropped, or the next that does, if it has
not come yet. An `echo` that never comes is forgotten after a moment.

What other programs read of that peer cannot be told from what it sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from bleio.gatt.model import RemoteCharacteristic, RemoteListener

MOST_HELD = 64  # while a value is being read; then the first are told
ECHO_S = 1.0  # the two connections are not farther apart than this

Key = tuple[int, bytes]  # handle and UUID, so that records of a former link name the same value


def key_of(record: RemoteCharacteristic) -> Key:
    """Return what a record's listeners are kept under."""
    return record.handle, record.uuid


class Feed:
    """One characteristic's values."""

    __slots__ = ("_echoes", "_held", "_readers", "is_kept", "listeners", "started")

    def __init__(self) -> None:
        self.listeners: list[RemoteListener] = []
        self.started: tuple[bool, bool] | None = None  # as it was asked for: notify, indicate
        self.is_kept = False  # the link itself needs the values, whatever programs ask for
        self._readers = 0
        self._held: list[bytes] = []
        self._echoes: list[bytes] = []

    def came(self, _: object, value: bytearray) -> None:
        """bleak tells a value. Data plane."""
        octets = bytes(value)
        if self._readers:
            self._held.append(octets)
            if len(self._held) > MOST_HELD:
                self._tell(self._held.pop(0))
        elif self._echoes and octets in self._echoes:
            self._echoes.remove(octets)
        else:
            self._tell(octets)

    def _tell(self, octets: bytes) -> None:
        for listener in tuple(self.listeners):
            listener.notified(octets)

    def reading(self) -> None:
        """The value is being read, and the system shows what is read as if it had been sent."""
        self._readers += 1

    def was_read(self, value: bytes | None) -> None:
        """The value was read; None: it was not."""
        self._readers -= 1
        if value is not None and value in self._held:
            last = len(self._held) - 1 - self._held[::-1].index(value)
            del self._held[last]
        elif value is not None:
            self._echoes.append(value)
            asyncio.get_running_loop().call_later(ECHO_S, self._forget, value)
        if not self._readers:
            held, self._held = self._held, []
            for octets in held:
                self.came(None, bytearray(octets))

    def _forget(self, value: bytes) -> None:
        if value in self._echoes:
            self._echoes.remove(value)


class Subscriptions:
    """The feeds of one link."""

    def __init__(self) -> None:
        self._feeds: dict[Key, Feed] = {}

    def of(self, record: RemoteCharacteristic) -> Feed:
        """Return a characteristic's feed, made when it is first asked for."""
        return self._feeds.setdefault(key_of(record), Feed())

    def started(self, record: object) -> Feed | None:
        """Return the feed of what is subscribed to, None for all other values."""
        if isinstance(record, RemoteCharacteristic):
            feed = self._feeds.get(key_of(record))
            if feed is not None and feed.started is not None:
                return feed
        return None

    @property
    def wanted(self) -> dict[Key, tuple[bool, bool]]:
        """What programs have subscribed to, and how."""
        return {
            key: feed.started
            for key, feed in self._feeds.items()
            if feed.started is not None and not feed.is_kept
        }

    def listen(self, record: RemoteCharacteristic, listener: RemoteListener) -> None:
        """See `Link.listen`."""
        listeners = self.of(record).listeners
        if listener not in listeners:
            listeners.append(listener)

    def unlisten(self, record: RemoteCharacteristic, listener: RemoteListener) -> None:
        """See `Link.unlisten`."""
        feed = self._feeds.get(key_of(record))
        if feed is not None and listener in feed.listeners:
            feed.listeners.remove(listener)

    def closed(self) -> Iterable[RemoteListener]:
        """Forget all. Returns: each listener once, to be told of the end."""
        feeds, self._feeds = self._feeds, {}
        found = {id(one): one for feed in feeds.values() for one in feed.listeners}
        return found.values()
