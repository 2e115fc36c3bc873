"""Our clients on BlueZ: which have subscribed, and how values get to them.

BlueZ says by `StartNotify` that a first client has subscribed to a characteristic, by `StopNotify`
that the last has stopped, and for an indication by `Confirm` that one has it. Which client, and
whether it wants notifications or indications, it does not say. So all clients together are one
`Subscriber`, `AllClients`, as the contract has it.

Of a client with a bond BlueZ remembers what it subscribed to, and does not say so again when it is
back. So what was started and not stopped is still subscribed to while nobody is connected
(`_started`), and is told to listeners when a bonded client comes.

How a value goes out BlueZ decides: each client gets it in the way that it asked for. What waits for
confirmations has to know whether there is one to come. With the property Indicate alone there is.
With Notify too it shows: the first value after a subscription waits `PROBE_S` for a confirmation,
and the next ones do as the first did.

A value is one D-Bus signal. bluetoothd queues what the air does not take at once and says nothing
of it, so a program that publishes faster than the air would fill bluetoothd's memory. Therefore
after `VALUES_AHEAD` signals one question is asked whose answer comes when bluetoothd has taken them
all. All that publish wait for that one answer, in the order in which they came; it bounds what is
on its way there, and nothing is lost between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from bleio.att.codec import DEFAULT_MTU, VALUE_HEADER_OCTETS
from bleio.backends.base import Subscriber
from bleio.backends.os.bluez.application import Application
from bleio.backends.os.bluez.bus import BusError, Reply
from bleio.backends.os.bluez.confirmations import (
    CONFIRMATION_S,
    Confirmations,
    subscription_of,
    ways_of,
)
from bleio.backends.os.bluez.objects import Objects
from bleio.core.codes import Properties, SecurityMode
from bleio.errors import CallerError, LinkLost, TransactionTimeout
from bleio.gatt.model import LocalCharacteristic

VALUES_AHEAD = 32
PROBE_S = 0.5


class AllClients(Subscriber):
    """All clients of ours together; `application.Clients`.

    Args: `used`: is told of a device that has used a value, and of its MTU. `serving`: returns the
    registered application that has a characteristic, None while there is none.
    """

    tells_apart = False

    def __init__(
        self,
        used: Callable[[str, int], None],
        serving: Callable[[LocalCharacteristic], Application | None],
        objects: Objects,
    ) -> None:
        self._used, self._serving, self._objects = used, serving, objects
        # What BlueZ passes on, and whether a value of it is confirmed; None: not known.
        self._started: dict[LocalCharacteristic, bool | None] = {}
        self._told: set[LocalCharacteristic] = set()  # what listeners were told of
        self._mtus: dict[str, int] = {}  # by the object path of each connected client
        self._confirmations = Confirmations()
        self._ahead = 0  # signals that bluetoothd may not have taken yet
        self._turn = asyncio.Lock()  # of those that wait for it

    @property
    def connected(self) -> bool:  # type: ignore[override]
        return bool(self._mtus)

    @property
    def max_value_octets(self) -> int:
        """The least of theirs. Of a client that has not read or written yet it is not known, and
        taken to be the least that there is."""
        return min(self._mtus.values(), default=DEFAULT_MTU) - VALUE_HEADER_OCTETS

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        if characteristic not in self._told:
            return False, False
        return subscription_of(characteristic)

    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        async with self._turn:
            await self._not_too_far_ahead()
            self._send(characteristic, value)

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        if not characteristic.properties & Properties.INDICATE:
            raise CallerError("This characteristic cannot be indicated")
        if not await self._confirm(characteristic, value, CONFIRMATION_S):
            raise TransactionTimeout("No client has confirmed the indication")

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """See `Backend.publish`."""
        if characteristic not in self._told:
            return
        with suppress(LinkLost):  # nobody is left to be told
            match ways_of(characteristic), self._started[characteristic]:
                case (False, True), _:
                    await self.indicate(characteristic, value)
                case (True, True), None | True:
                    is_confirmed = await self._confirm(characteristic, value, PROBE_S)
                    if characteristic in self._started:
                        self._started[characteristic] = is_confirmed
                case _:
                    await self.notify(characteristic, value)

    async def _confirm(
        self, characteristic: LocalCharacteristic, value: bytes, timeout_s: float
    ) -> bool:
        async with self._turn:
            await self._not_too_far_ahead()
        send = partial(self._send, characteristic, value)
        return await self._confirmations.of(characteristic, send, timeout_s)

    def _send(self, characteristic: LocalCharacteristic, value: bytes) -> bool:
        """Returns: whether there was anybody to send it to."""
        application = self._serving(characteristic)
        may = characteristic.read_perm != SecurityMode.NO_ACCESS
        if application is None or characteristic not in self._told or not may:
            return False
        application.notify(characteristic, value)
        self._ahead += 1
        return True

    async def _not_too_far_ahead(self) -> None:
        if self._ahead < VALUES_AHEAD:
            return
        with suppress(BusError):  # bluetoothd is gone, which is told elsewhere
            await self._objects.bus.call("/org/bluez", "org.freedesktop.DBus.Peer", "Ping")
        self._ahead = 0

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        """The one that stands for all."""
        return (self,)

    # What clients do

    def came(self, device: str, bonded: bool) -> None:
        """A client has connected. Args: its object path; whether BlueZ has a bond with it."""
        self._mtus.setdefault(device, DEFAULT_MTU)
        for characteristic in tuple(self._started) if bonded else ():
            self._tell(characteristic)

    def seen(self, device: str, mtu: int) -> None:
        """A client has used a value, with that ATT_MTU."""
        self._used(device, mtu)

    def mtu_known(self, device: str, mtu: int) -> None:
        """A client's link has that ATT_MTU."""
        if device in self._mtus:
            self._mtus[device] = max(self._mtus[device], mtu)

    def close(self) -> None:
        """Nothing is to be closed."""

    def start(self, characteristic: LocalCharacteristic) -> None:
        """The first client has subscribed."""
        self._started.setdefault(characteristic, None)
        self._tell(characteristic)

    def stop(self, characteristic: LocalCharacteristic) -> None:
        """The last client has unsubscribed, or the characteristic is offered no longer."""
        self._started.pop(characteristic, None)
        self._untell(characteristic)

    def _tell(self, characteristic: LocalCharacteristic) -> None:
        if characteristic not in self._told:
            self._told.add(characteristic)
            for listener in tuple(characteristic.listeners):
                listener.subscribed(self, *subscription_of(characteristic))

    def _untell(self, characteristic: LocalCharacteristic) -> None:
        if characteristic in self._told:
            self._told.discard(characteristic)
            self._confirmations.fail(characteristic)
            for listener in tuple(characteristic.listeners):
                listener.subscribed(self, False, False)

    def acquire(self, characteristic: LocalCharacteristic, device: str, mtu: int) -> Reply:
        """BlueZ was not told that it could ask for this."""
        raise BusError("org.bluez.Error.NotSupported")

    def confirmed(self, characteristic: LocalCharacteristic) -> None:
        """A client has confirmed an indication."""
        self._confirmations.confirmed(characteristic)

    def client(self, device: str) -> Subscriber:
        """Return what a listener is told of for a device."""
        return self

    def went(self, device: str) -> Subscriber | None:
        """A device is gone. Returns: what listeners are to be told is gone, if it is."""
        had = self._mtus.pop(device, None)
        if had is None or self._mtus:
            return None
        for characteristic in tuple(self._told):
            self._untell(characteristic)
            self._started[characteristic] = None  # the next client may want it another way
        return self

    def forget(self, characteristic: LocalCharacteristic) -> None:
        """A characteristic is offered no longer."""
        self.stop(characteristic)
        self._confirmations.forget(characteristic)
