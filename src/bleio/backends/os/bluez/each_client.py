"""Our clients on a BlueZ that tells them apart: a socket for each, by `AcquireNotify`.

When a client subscribes, BlueZ asks for a socket, and says for which device it is and how long its
values may be. What is written there goes to that client alone, and BlueZ closes the socket when the
client has unsubscribed or is gone. So a client is its `Link`, and gets values at its own pace.

Whether it wants notifications or indications is not said: see `all_clients`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from bleio.att.codec import VALUE_HEADER_OCTETS
from bleio.backends.base import Subscriber
from bleio.backends.os.bluez.bus import LIMITS_EXCEEDED, BusError, Reply
from bleio.backends.os.bluez.confirmations import (
    CONFIRMATION_S,
    Confirmations,
    subscription_of,
    ways_of,
)
from bleio.backends.os.bluez.sinks import Sink
from bleio.backends.tasks import abandon
from bleio.core.codes import Properties, SecurityMode
from bleio.errors import CallerError, LinkLost, TransactionTimeout, ValueMissed
from bleio.gatt.model import LocalCharacteristic

MOST_SINKS = 512
_Key = tuple[LocalCharacteristic, str]  # and a device's object path


class EachClient:
    """All clients, each by its link; `application.Clients`.

    Args: `used`: is told of a device that has used a value, and of its MTU. `link_of`: returns the
    link to a device, by its object path. `counts`: where missed values are counted.
    """

    tells_apart = True

    def __init__(
        self,
        used: Callable[[str, int], None],
        link_of: Callable[[str], Subscriber | None],
        counts: Counter[str],
    ) -> None:
        self._used, self._link_of, self._counts = used, link_of, counts
        self._devices: set[str] = set()  # connected ones, by object path
        self._sinks: dict[_Key, Sink] = {}
        self._confirmations = Confirmations()

    @property
    def connected(self) -> bool:
        """Whether any client is."""
        return bool(self._devices)

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        """Their links."""
        links = [self._link_of(device) for device in sorted(self._devices)]
        return [link for link in links if link is not None]

    def subscription(
        self, link: Subscriber, characteristic: LocalCharacteristic
    ) -> tuple[bool, bool]:
        """See `Subscriber.subscription`."""
        if self._sink(link, characteristic) is None:
            return False, False
        return subscription_of(characteristic)

    async def notify(
        self, link: Subscriber, characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        """See `Subscriber.notify`."""
        sink = self._sink(link, characteristic)
        if sink is not None and _may_be_told(characteristic):
            await sink.room()
            self._put(sink, value)

    async def indicate(
        self, link: Subscriber, characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        """See `Subscriber.indicate`."""
        if not characteristic.properties & Properties.INDICATE:
            raise CallerError("This characteristic cannot be indicated")
        sink = self._sink(link, characteristic)
        if sink is not None:
            await self._indicate([sink], characteristic, value)

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """See `Backend.publish`."""
        sinks = [sink for (told, _), sink in self._sinks.items() if told is characteristic]
        if not sinks or not _may_be_told(characteristic):
            return
        if not ways_of(characteristic)[0]:
            with suppress(LinkLost):  # nobody is left to be told
                await self._indicate(sinks, characteristic, value)
            return
        rooms = [asyncio.ensure_future(sink.room()) for sink in sinks]
        try:
            await asyncio.wait(rooms, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for room in rooms:
                abandon(room)
        for sink in sinks:
            self._put(sink, value)

    def _put(self, sink: Sink, value: bytes) -> bool:
        """Returns: whether the client does not miss it."""
        if sink.put(value):
            return True
        self._counts["bluez.missed_values"] += 1
        return False

    async def _indicate(
        self, sinks: Sequence[Sink], characteristic: LocalCharacteristic, value: bytes
    ) -> None:
        send = partial(self._send, sinks, characteristic, value)
        if not await self._confirmations.of(characteristic, send, CONFIRMATION_S):
            raise TransactionTimeout("No client has confirmed the indication")

    def _send(
        self, sinks: Sequence[Sink], characteristic: LocalCharacteristic, value: bytes
    ) -> bool:
        """Returns: whether there is a client that will confirm it. Raises: ValueMissed."""
        if not _may_be_told(characteristic):
            return False
        took = [self._put(sink, value) for sink in sinks]
        if not any(took):
            raise ValueMissed
        return True

    def _sink(self, link: Subscriber, characteristic: LocalCharacteristic) -> Sink | None:
        for (told, device), sink in self._sinks.items():
            if told is characteristic and self._link_of(device) is link:
                return sink
        return None

    # What clients do

    def client(self, device: str) -> Subscriber | None:
        """Return what a listener is told of for a device; None if it has no link of ours."""
        return self._link_of(device)

    def came(self, device: str, bonded: bool) -> None:
        """A client has connected. Args: its object path; whether BlueZ has a bond with it."""
        self._devices.add(device)

    def seen(self, device: str, mtu: int) -> None:
        """A client has used a value, with that ATT_MTU."""
        self._used(device, mtu)

    def mtu_known(self, device: str, mtu: int) -> None:
        """A client's link has that ATT_MTU, and it is the link's to tell."""

    def went(self, device: str) -> Subscriber | None:
        """A device is gone. Returns: the client that it was, if it was one."""
        for characteristic, of_device in [key for key in self._sinks if key[1] == device]:
            self._close(characteristic, of_device)
        if device not in self._devices:
            return None
        self._devices.discard(device)
        return self._link_of(device)

    def acquire(self, characteristic: LocalCharacteristic, device: str, mtu: int) -> Reply:
        """A client has subscribed: return its socket. Raises: BusError."""
        if len(self._sinks) >= MOST_SINKS:
            raise BusError(LIMITS_EXCEEDED, "Too many subscriptions")
        link = self._link_of(device)
        if link is None:
            raise BusError("org.bluez.Error.Failed", "The device has no link")
        self._close(characteristic, device)
        closed = partial(self._close, characteristic, device)
        sink = Sink(mtu - VALUE_HEADER_OCTETS, closed)
        self._sinks[characteristic, device] = sink
        for listener in tuple(characteristic.listeners):
            listener.subscribed(link, *subscription_of(characteristic))
        return Reply("hq", [0, mtu], [sink.descriptor])

    def close(self) -> None:
        """Close all sockets. Idempotent."""
        for characteristic, device in list(self._sinks):
            self._close(characteristic, device)

    def start(self, characteristic: LocalCharacteristic) -> None:
        """BlueZ asks for shared values only if it was refused a socket."""

    def stop(self, characteristic: LocalCharacteristic) -> None:
        """A characteristic is offered no longer, or as another object."""
        for told, device in [key for key in self._sinks if key[0] is characteristic]:
            self._close(told, device)

    def confirmed(self, characteristic: LocalCharacteristic) -> None:
        """A client has confirmed an indication."""
        self._confirmations.confirmed(characteristic)

    def forget(self, characteristic: LocalCharacteristic) -> None:
        """A characteristic is offered no longer."""
        self.stop(characteristic)
        self._confirmations.forget(characteristic)

    def _close(self, characteristic: LocalCharacteristic, device: str) -> None:
        """A client is told no longer."""
        sink = self._sinks.pop((characteristic, device), None)
        if sink is None:
            return
        sink.close()
        if not any(told is characteristic for told, _ in self._sinks):
            self._confirmations.fail(characteristic)
        link = self._link_of(device)
        for listener in tuple(characteristic.listeners) if link is not None else ():
            listener.subscribed(link, False, False)


def _may_be_told(characteristic: LocalCharacteristic) -> bool:
    return characteristic.read_perm != SecurityMode.NO_ACCESS
