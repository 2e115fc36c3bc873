"""Our own address on the air: the identity, or a resolvable private one that changes.

Spec: Vol 3, Part C, 10.7. Private addresses are made here and not by the controller, so that all
controllers can have them, and all alike: those that can make them change them by clocks of their
own, and tell which one was used only once a link is up. Only directed advertising to a peer in the
resolving list leaves it to the controller.

A controller takes neither another random address nor another resolving list while it advertises,
scans or initiates. What does one of these is a `User`: it starts and stops under the one lock, and
is paused for the few commands that a change takes. Links are not concerned: they keep the addresses
that they came up with.

Whoever starts or stops may be cancelled, between any two commands of many, and what the controller
does would then be anybody's guess. So what is done under the lock is undivided: a task of its own,
which goes on to its end, and in the order of asking. A caller that is cancelled goes on at once.

While a change is under way anything may happen to a user: a link comes up and ends its advertising,
the program stops its scan, a cancelled connect is taken back. So `resume` looks again whether there
is something to go on with, and `on_air` is not what was noted before the pause but what holds now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.identity import private_address
from bleio.backends.hci.gap.resolving import ControllerResolvingList, Resolver
from bleio.backends.hci.own_device import OwnDevice
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings

T = TypeVar("T")


class Spawn(Protocol):
    """Runs something that goes on without its caller; see `background`."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]: ...


class User(Protocol):
    """What is on the air with our address. All is called with the lock held."""

    @property
    def on_air(self) -> bool: ...

    async def pause(self) -> None:
        """Go off the air, if on it."""

    async def resume(self) -> None:
        """Go on as before, with the own address of now. Must not raise ControllerError."""


class Privacy:
    """The own address of all that is on the air but directed and anonymous advertising."""

    def __init__(
        self,
        layer: HciLayer,
        own: OwnDevice,
        spawn: Spawn,
    ) -> None:
        self.lock = asyncio.Lock()
        self._users: tuple[User, ...] = ()
        self._layer = layer
        self._own = own
        self._spawn = spawn
        self._anonymous = False
        self._private: DeviceAddress | None = None  # until it has to be renewed
        self._in_controller = own.address
        self._timer: asyncio.TimerHandle | None = None

    def pause_for_changes(self, *users: User) -> None:
        """Have these go off the air for each change, the first of them for the longest time.

        Raises: ValueError for a second call.
        """
        if self._users:
            raise ValueError("The users of the own address are known already")
        self._users = users

    @property
    def private(self) -> bool:
        """Whether private addresses are used at present."""
        return self._own.settings.private_address or self._anonymous

    @property
    def own_address(self) -> DeviceAddress:
        """What to go on the air with; valid after `prepare`."""
        return self._private if self.private and self._private is not None else self._own.address

    def new_address(self) -> DeviceAddress:
        """Make a private address for one use."""
        return private_address(self._own.bonds.irk())

    async def undivided(
        self,
        change: Callable[[], Coroutine[Any, Any, T]],
        undo: Callable[[], Coroutine[Any, Any, object]] | None = None,
    ) -> T:
        """Start, stop or change something, with the lock held, once those before have ended.

        If the caller is cancelled, the change is made all the same, and after it `undo`.
        """
        task = self._spawn(self.alone(change))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if undo is not None and not task.cancelled():  # as all are when the adapter closes
                self._spawn(self.alone(undo))
            raise

    async def alone(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something with the lock held; for tasks that nobody cancels."""
        async with self.lock:
            return await change()

    async def prepare(self) -> None:
        """Have `own_address` ready in the controller; the lock is held, the caller off the air."""
        if self.private and self._private is None:
            self._renew()
        if self._must_be_set:
            await self.while_quiet(self._set)

    def set_anonymous(self, anonymous: bool) -> None:
        """Use private addresses, whatever the settings: a new one for each call.

        For controllers whose advertising has no random address of its own.
        """
        self._anonymous = anonymous
        if anonymous:
            self._private = None

    async def while_quiet(self, change: Callable[[], Awaitable[None]]) -> None:
        """Change something that may only change while nobody is on the air; the lock is held.

        The last of the users is away for the shortest time: it pauses last and resumes first.
        """
        try:
            for user in self._users:
                await user.pause()
            await change()
        finally:
            for user in reversed(self._users):
                await user.resume()

    async def renew(self) -> None:
        """Change the own address now; links stay as they are, advertising and scanning go on."""
        async with self.lock:
            self._private = None
            if self.private:
                self._renew()
            await self.while_quiet(self._set)

    async def use_identity(self, address: DeviceAddress) -> None:
        """Tell the controller another random static identity; refused while it is in use.

        Raises: ControllerError. The lock is held.
        """
        if not self.private:
            await self._layer.request(Opcode.LE_SET_RANDOM_ADDRESS, address.octets)
            self._in_controller = address

    def settings_changed(self, old: SecuritySettings) -> None:
        """Private addresses were switched on or off, or their time has changed."""
        new = self._own.settings
        if (new.private_address, new.rotation_s) != (old.private_address, old.rotation_s):
            self._drop()

    def identity_changed(self) -> None:
        """A private address of now belongs to the former identity."""
        self._drop()

    def close(self) -> None:
        """The controller is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _renew(self) -> None:
        self.close()
        self._private = self.new_address()
        rotation_s = self._own.settings.rotation_s
        self._timer = asyncio.get_running_loop().call_later(rotation_s, self._expired)

    def _expired(self) -> None:
        self._timer = None
        if self.private:
            self._drop()
        else:
            self._private = None

    def _drop(self) -> None:
        """Use another address: at once if something is on the air, else when something will be."""
        self._private = None
        if any(user.on_air for user in self._users):
            self._spawn(self.renew())

    @property
    def _must_be_set(self) -> bool:
        return self.own_address.random and self.own_address != self._in_controller

    async def _set(self) -> None:
        if self._must_be_set:
            own = self.own_address
            await self._layer.request(Opcode.LE_SET_RANDOM_ADDRESS, own.octets)
            self._in_controller = own


class Peers:
    """The identities of peers: both ways of resolving them, kept like the bonds."""

    def __init__(
        self,
        resolver: Resolver,
        in_controller: ControllerResolvingList,
        privacy: Privacy,
        spawn: Spawn,
    ) -> None:
        self.resolver = resolver
        self.in_controller = in_controller
        self._privacy = privacy
        self._spawn = spawn
        self._update_waits = False

    def bonds_changed(self) -> None:
        """Bonds were saved or erased, or are another identity's."""
        self.resolver.refresh()
        self._list_changed()

    # Part of `SameKey`

    def sharing(self, identity: DeviceAddress) -> tuple[DeviceAddress, ...]:
        """Return all whose key is this one's, itself included."""
        return self.resolver.sharing(identity)

    def proved(self, identity: DeviceAddress) -> None:
        """Of those that share its key, this one is tried first from now on."""
        if self.resolver.put_first(identity):
            self._list_changed()

    def disproved(self, identity: DeviceAddress) -> DeviceAddress | None:
        """Its keys have failed: the next of those that share its key, older or else the newest."""
        sharing = self.resolver.sharing(identity)
        other = sharing[sharing.index(identity) - 1]
        if other == identity:
            return None
        self.proved(other)
        return other

    def settings_changed(self) -> None:
        """The time of private addresses may have changed."""
        self._list_changed()

    def _list_changed(self) -> None:
        # One update that has not begun takes along whatever else changes until it does.
        if self.in_controller.outdated and not self._update_waits:
            self._update_waits = True
            self._spawn(self._privacy.alone(self._update))

    async def update(self) -> None:
        """Bring the controller's list up to date; advertising, scanning and initiating go on."""
        if self.in_controller.outdated:
            await self._privacy.undivided(self._update)

    async def _update(self) -> None:
        self._update_waits = False
        if self.in_controller.outdated:  # another one may have been faster
            await self._privacy.while_quiet(self.in_controller.update)
