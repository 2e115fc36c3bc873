"""A session: what one adapter is while the program runs.

A program's adapter is on before anything is open, keeps its services, name and settings while
controllers come and go, and is used from many threads. A backend is one controller, from opening
to closing, on one thread. The session is where the two meet: it holds what outlives backends
(`server`, `policy`, the name), and makes each new backend from that.

It does little itself. The objects of the API call the part that they need:

    engine  the way to the engine's thread, and its clock
    life    whether a backend is open, opening it, its end
    gap     advertising, scanning, connecting, the links
    server  the services that clients see
    policy  how to pair
    counted what was dropped between the program and its backends

What may surprise: the session is made with the adapter's first use, but an adapter may be used
without anything being opened, to add services or to be named. Its local server is never closed.
It belongs to the engine of the context in which it was made, whichever context uses it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from bleio.backends.base import Backend, Link, OobData
from bleio.backends.capabilities import Capability, broken_promises, require_settings
from bleio.core.address import DeviceAddress
from bleio.core.pairing import SecuritySettings
from bleio.gatt.model import LocalCharacteristic
from bleio.gatt.server import LocalServer
from bleio.runtime import identity, needs
from bleio.runtime.calls import Call, PlainCall
from bleio.runtime.counters import describe, new_counters
from bleio.runtime.delegate import Delegate
from bleio.runtime.engine import Engine
from bleio.runtime.gap import Gap
from bleio.runtime.life import Life
from bleio.runtime.loop import Tasks
from bleio.runtime.policy import Policy

_log = logging.getLogger(__name__)


class Session:
    """The engine's side of one Adapter.

    Args:
        make_backend: makes a backend that is not open yet. It is given the identity address that
            this session had before, which it should get again if it can.
        make_connection: makes the program's object for a new link; called on the engine thread.
        default_delegate: returns what answers in pairing if the program sets nothing.

    Thread: public methods may be called from any thread but the engine's and do not wait, except
        where they say otherwise. Coroutine functions are operations (`calls`), but for what the
        life of the backend asks for.
    """

    def __init__(
        self,
        make_backend: Callable[[DeviceAddress | None], Backend],
        make_connection: Callable[[Session, Link], Any],
        default_delegate: Callable[[], Delegate | None] | None = None,
    ) -> None:
        tasks = self._tasks = Tasks()
        self.counted = new_counters()
        self.engine = Engine()
        self.life = Life(self, self.engine, tasks)
        self.gap = Gap(self.life, tasks, partial(make_connection, self))
        self.server = LocalServer()
        self.policy = Policy(default_delegate, self.counted)
        self._make_backend = make_backend
        self._name: str | None = None
        self._unkept: list[str] = []  # promises of the defaults that the open backend breaks

    async def set_enabled(self, enabled: bool) -> None:
        """Switch off, which ends everything on the air, or on, which opens the backend anew.

        Switched on, it has its default name again, as boards have. What never was off keeps the
        name that was set before it was opened.

        Raises: BluetoothError if it cannot be opened; it stays off then.
        """
        if enabled != self.life.enabled:
            if enabled:
                self._name = None
            await Call(self.life.enable if enabled else self.life.shut_down)

    async def address(self) -> DeviceAddress:
        """Return the own identity address; opens the backend at first use.

        If the adapter is off it stays so: the backend is closed again. Raises:
        NotImplementedError on systems that do not tell it.
        """
        address = await self._learned_address()
        self.life.require_of_last(Capability.OWN_ADDRESS)
        return address

    async def _learned_address(self) -> DeviceAddress:
        if (known := self.life.address) is not None:
            return known
        call: Call[DeviceAddress] = Call(self.life.learn_address)
        return await call

    async def set_address(self, address: DeviceAddress) -> None:
        """Use another random static address, also when the backend is opened again."""
        await Call(self.life.use, (Capability.SETTABLE_ADDRESS,), self._change_address, address)

    async def name(self) -> str:
        """Return the GAP Device Name; opens the backend if the name comes from the address."""
        if self._name is None:
            self._name = identity.configured_name() or identity.default_name(
                await self._learned_address()
            )
        return self._name

    def set_name(self, name: str) -> None:
        """Set the GAP Device Name, cut to 31 octets."""
        self._name = identity.cut_name(name)
        self.engine.post(self.server.set_device_name, self._name)

    def set_security(self, settings: SecuritySettings) -> None:
        """Pair and demand like this from now on.

        Raises: NotImplementedError if a backend is open that would ignore one of the settings.
        """
        if (backend := self.life.backend) is not None:
            require_settings(backend.platform, backend.capabilities, settings)
        self.policy.settings = settings
        self._policy_changed()

    def set_pairing_delegate(self, delegate: Delegate | None) -> None:
        """Ask it from now on; None is Just Works with every peer.

        Raises: NotImplementedError if a backend is open that would never ask it.
        """
        self.life.require(*needs.of_delegate(delegate))
        self.policy.delegate = delegate
        self._policy_changed()

    def publishing(self, characteristic: LocalCharacteristic, value: bytes) -> Call[None]:
        """Return the call that stores a value, and notifies or indicates it to every client that
        subscribed. It ends when the first of them has it, or none will get it. It opens nothing.
        """
        if (backend := self.life.backend) is not None:
            return Call(backend.publish, characteristic, value)  # to nobody if it is closed
        return PlainCall(_store, characteristic, value)

    def security_matters(self) -> None:
        """Warn of what the open backend does not promise, once, as the program asks for security.

        One that only scans, say, is not bothered with keys that it does not have.
        """
        while self._unkept:
            _log.warning(self._unkept.pop(0))

    def counters(self) -> dict[str, int]:
        """Return all counters of the adapter, sorted by name. Any thread; opens nothing."""
        counted = self.life.counters()
        counted.update(self.counted)  # in place of +, which forgets zeros
        return dict(sorted(counted.items()))

    async def local_oob(self) -> OobData:
        """Return the own out-of-band data."""
        call: Call[OobData] = Call(self.life.use, (Capability.OUT_OF_BAND,), _local_oob)
        return await call

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds, or those with one peer, also while the adapter is off."""
        await Call(self.life.use_on_or_off, (Capability.ERASABLE_BONDS,), _erase_bonds, peer)

    def _policy_changed(self) -> None:
        if (backend := self.life.backend) is not None:
            self.engine.post(self.policy.apply, backend)

    async def _change_address(self, backend: Backend, address: DeviceAddress) -> None:
        """Whole or not at all: it goes on if the caller is cancelled."""

        async def change() -> None:
            await backend.set_address(address)
            self.life.address = address

        await asyncio.shield(self._tasks.spawn(change()))

    # What the life of the backend asks for: engine thread

    async def open_backend(self, former: DeviceAddress | None) -> Backend:
        """Make a backend with all that outlives it, and open it.

        Raises: NotImplementedError if it would ignore a setting or the delegate; what its `open`
            raises.
        """
        # It loads what it is made of, and looks for the program's file and for its state folder.
        backend = await asyncio.to_thread(self._make_backend, former)
        self.policy.apply(backend)
        name = self._name or identity.configured_name()
        try:
            await backend.open(self.server, name or identity.NAME_PREFIX, self.gap)
            self.policy.apply(backend)  # it may have changed meanwhile, and what the backend can do
        except BaseException:
            await backend.close()
            raise
        self._unkept = broken_promises(backend.platform, backend.capabilities, backend.settings)
        if self.policy.delegate is not None or self.server.asks_for_security:
            self.security_matters()
        else:
            for sentence in self._unkept:
                _log.info(sentence)
        self._name = name or identity.default_name(backend.address)
        self.server.set_device_name(self._name)
        return backend

    def backend_going(self, loss: Exception | None) -> None:
        """Its program sees at once that nothing is on the air any more."""
        self.gap.fall_silent(loss)

    def backend_gone(self) -> None:
        """What links are left ended with it."""
        self.gap.connections.clear()
        _log.debug("Closed %s; counted so far: %s", self.life.address, describe(self.counters()))

    def forget(self) -> None:
        """Let go of all that belongs to the parent process; this is a forked child."""
        self.gap.forget()
        self.server.forget_clients()


def _store(characteristic: LocalCharacteristic, value: bytes) -> None:
    characteristic.value = value


async def _local_oob(backend: Backend) -> OobData:
    return await backend.local_oob()


async def _erase_bonds(backend: Backend, peer: DeviceAddress | None) -> None:
    await backend.erase_bonds(peer)
