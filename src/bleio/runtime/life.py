"""The life of an adapter's backend: opened at first use, closed by the program or by a loss.

It is one of three things at any time, a class each, that carries what belongs to it:

    idle    on, and nothing is open; the next use opens a backend
    open    the backend, and the tasks that use it
    off     nothing is open, or only still closing; why, and the closing task

Flags for these (`enabled`, `loss`, `backend`, `closing`, `users`) would have 32 combinations, of
which these three make sense; a forgotten reset would be one of the others.

Opening is no state. It is one step under a lock, which leads to another state or fails and leaves
the old one; meanwhile everything that looks sees the old one. The lock makes a second user wait for
the first one's opening, and lets "off" come only after an opening is over. It is not held while
the backend is used: a loss must come through at any time, and uses run side by side.

A use must end when the backend goes, whatever it waits for, and with a reason that helps. So its
task is cancelled, and the cancellation is turned into that reason on the way out. A task that was
cancelled for another reason, by Ctrl-C in its caller, sees that its backend is still there and goes
on as cancelled. A use that fails first, since the controller is gone, is given the same reason.

What may surprise: a loss switches the adapter off. If it did not, the next use would open the
controller anew without what the program had started on it, and a program that never looks would
not notice. An adapter that is off opens for a moment to learn its own address, or to erase bonds.
`tests/unit/runtime/test_life.py` has all this as a table of states and inputs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from bleio.backends.base import Backend, Subscriber
from bleio.backends.capabilities import Capabilities, Capability, require
from bleio.core.address import DeviceAddress
from bleio.errors import CallerError, ControllerLost
from bleio.runtime.engine import Engine
from bleio.runtime.loop import Tasks

T = TypeVar("T")

NOT_ENABLED = "Adapter not enabled"


class Owner(Protocol):
    """The adapter whose backend it is; called on the engine thread."""

    async def open_backend(self, former: DeviceAddress | None) -> Backend:
        """Make a backend and open it. It should get its former address again if it can."""

    def backend_going(self, loss: Exception | None) -> None:
        """The backend does nothing on the air any more, and will be closed.

        Args: loss: what uses raise from now on, if it was lost.
        """

    def backend_gone(self) -> None:
        """The backend is closed."""

    def forget(self) -> None:
        """This is a forked child: drop what is bound to the engine that stayed behind."""


class _Idle:
    """On; nothing is open."""


class _Open:
    """`ended_by` is why it ended, once another state has followed."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.users: set[asyncio.Task[Any]] = set()
        self.ended_by: Exception | None = None


class _Off:
    """`loss`: how the controller was lost, None if the program has switched the adapter off."""

    def __init__(self, loss: Exception | None, closing: asyncio.Task[None] | None = None) -> None:
        self.loss = loss
        self.closing = closing

    def reason(self) -> Exception:
        """Return what a use raises."""
        if self.loss is None:
            return CallerError(NOT_ENABLED)
        what = str(self.loss).rstrip(".")
        return ControllerLost(f"{what}; set adapter.enabled = True to open it again")


class Life:
    """Opens the backend when it is used, and sees to its end. It is the portal's `EngineUser`.

    `address` is the identity address that the last backend had.

    Thread: the engine's, except the properties.
    """

    def __init__(self, owner: Owner, engine: Engine, tasks: Tasks) -> None:
        self.address: DeviceAddress | None = None
        self._known: tuple[str, Capabilities] = ("", frozenset())  # where that was learned
        self._counted: Counter[str] = Counter()  # by former backends
        self._owner = owner
        self._engine = engine
        self._tasks = tasks
        self._state: _Idle | _Open | _Off = _Idle()
        self._changing = asyncio.Lock()

    @property
    def enabled(self) -> bool:
        """Whether the program wants the adapter on and its controller was not lost."""
        return not isinstance(self._state, _Off)

    @property
    def backend(self) -> Backend | None:
        """The open backend."""
        state = self._state
        return state.backend if isinstance(state, _Open) else None

    def counters(self) -> Counter[str]:
        """Return what all backends have counted. Any thread; while one closes, without that one."""
        counted = Counter(dict(self._counted))
        if (backend := self.backend) is not None:
            counted.update(backend.counters())
        return counted

    @property
    def subscribers(self) -> Sequence[Subscriber]:
        """All clients that may have subscribed to something."""
        state = self._state
        return state.backend.subscribers if isinstance(state, _Open) else ()

    def require(self, *needed: Capability) -> None:
        """Check that the open backend can do what a program asks for. Any thread; does not wait.

        Raises: NotImplementedError with a sentence. Without an open backend nothing is refused.
        """
        if (backend := self.backend) is not None:
            require(backend.platform, backend.capabilities, *needed)

    def require_of_last(self, *needed: Capability) -> None:
        """The same of the backend that was opened last, also if it is closed by now."""
        require(*self._known, *needed)

    async def use(
        self, needed: Iterable[Capability], operation: Callable[..., Awaitable[T]], *args: Any
    ) -> T:
        """Run `operation(backend, *args)` on the open backend, which is opened first if need be.

        Raises: NotImplementedError if the backend cannot do all that is needed; what the operation
            raises; why the backend has ended, if it has meanwhile.
        """
        opened = await self._ready()
        self.require(*needed)
        task = asyncio.current_task()
        assert task is not None
        opened.users.add(task)
        try:
            return await operation(opened.backend, *args)
        except (asyncio.CancelledError, ControllerLost):
            if opened.ended_by is None:
                raise
            raise opened.ended_by from None
        finally:
            opened.users.discard(task)

    async def use_on_or_off(
        self, needed: Iterable[Capability], operation: Callable[..., Awaitable[T]], *args: Any
    ) -> T:
        """The same for what changes nothing on the air. An adapter that is off is opened only for
        this, and stays off."""
        async with self._changing:
            if isinstance(self._state, _Off):
                backend = await self._opened()
                try:
                    require(backend.platform, backend.capabilities, *needed)
                    return await operation(backend, *args)
                finally:
                    self._counted.update(backend.counters())
                    await self._close_again(backend)
        return await self.use(needed, operation, *args)

    async def learn_address(self) -> DeviceAddress:
        """Return the own address. An adapter that is off is opened only for this."""
        if self.enabled:
            return (await self._ready()).backend.address
        async with self._changing:
            if self.address is None:
                await self._close_again(await self._opened())
            assert self.address is not None
            return self.address

    async def enable(self) -> None:
        """Switch on: open the backend now. It stays off if that fails."""
        async with self._changing:
            if not self.enabled:
                self._become_open(await self._opened())

    async def shut_down(self) -> None:
        """Switch off: end everything on the air and release the controller."""
        async with self._changing:
            self._switch_off(None)
            await self._closed()

    def lost(self, error: Exception) -> None:
        """The controller is gone."""
        self._switch_off(error)

    def forget(self) -> None:
        """Let go of all that belongs to the parent process; this is a forked child."""
        state = self._state
        self._state = _Off(state.loss) if isinstance(state, _Off) else _Idle()
        self._changing = asyncio.Lock()
        self.address = None
        self._owner.forget()

    async def _ready(self) -> _Open:
        """Return the open state, which is brought about if need be."""
        async with self._changing:
            state = self._state
            if isinstance(state, _Off):
                raise state.reason()
            if isinstance(state, _Open):
                return state
            return self._become_open(await self._opened())

    async def _opened(self) -> Backend:
        """Open a backend, once the former one is closed."""
        await self._closed()
        # From now on a child that is forked must forget this: its lock is held, and by the parent.
        self._engine.portal.join(self)
        try:
            backend = await self._owner.open_backend(self.address)
        except BaseException:
            self._engine.portal.leave(self)
            raise
        self.address = backend.address
        self._known = backend.platform, backend.capabilities
        return backend

    async def _close_again(self, backend: Backend) -> None:
        """Close what was opened for one thing only, also if that is given up meanwhile."""
        assert isinstance(self._state, _Off)
        closing = self._state.closing = self._tasks.spawn(self._closed_again(backend))
        await asyncio.wait((closing,))

    async def _closed_again(self, backend: Backend) -> None:
        try:
            await backend.close()
        finally:
            self._engine.portal.leave(self)

    def _become_open(self, backend: Backend) -> _Open:
        state = self._state = _Open(backend)
        return state

    def _switch_off(self, loss: Exception | None) -> None:
        """Be off from now on. A backend that is open begins to close, and its users end."""
        old = self._state
        off = self._state = _Off(loss, old.closing if isinstance(old, _Off) else None)
        if isinstance(old, _Open):
            self._owner.backend_going(None if loss is None else off.reason())
            old.ended_by = off.reason()
            for task in old.users:
                task.cancel()
            off.closing = self._tasks.spawn(self._close(old.backend))

    async def _close(self, backend: Backend) -> None:
        try:
            await backend.close()
        finally:
            self._counted.update(backend.counters())
            self._owner.backend_gone()
            self._engine.portal.leave(self)

    async def _closed(self) -> None:
        """Wait until the former backend is closed, if there was one."""
        closing = self._state.closing if isinstance(self._state, _Off) else None
        if closing is not None and not closing.done():
            await asyncio.wait((closing,))
