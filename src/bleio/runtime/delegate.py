"""Asking the program during pairing, without the engine ever waiting for it.

The program's delegate answers in plain blocking methods: it may ask a person, who takes half a
minute, and it may use `_bleio`. The obvious ways to call it both fail. On the engine's thread all
links would stand still until the person has answered, and a method that uses `_bleio` would wait
for the thread it runs on. On the thread that called `pair()` there is none when the peer begins the
pairing. So each question gets a daemon thread of its own, with the context variables that held
where the delegate was set; the engine awaits the answer.

Threads cannot be ended from outside, and a peer decides how many there are. Hence:

* A question that is no longer wanted, since the pairing has ended, stays until the program
  returns. Its answer is dropped, and can never be taken for that to a later question, since each
  has a future of its own.
* There are bounds. A peer that begins and ends pairings while a person thinks runs into the first,
  and is refused. The ends of pairings have a larger bound, so that they are told of even then.
* The delegate may not wait for its own pairing: it would answer when the pairing is over, which is
  over when it has answered. `refuse_in_answer` finds that by a context variable, which the threads
  that an answer starts do not inherit; one of those would wait until SMP's 30 s are over.

What the delegate raises refuses the pairing and is shown as an uncaught exception of that thread,
since there is no caller of the program's to raise it in. Refusing is always by the answer that
means it, where there is one: an exception that went further would end the engine's pairing in the
middle, and the peer would not be told why.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import Context, ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bleio.backends.base import OobData
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability, PairingQuestion
from bleio.errors import PairingFailed
from bleio.runtime.clock import Alive
from bleio.runtime.counters import PAIRING_REFUSED_CALLS, new_counters
from bleio.runtime.engine import portal

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


# Threads that answer; and threads in all, which leaves room to tell of the ends of pairings.
MOST_QUESTIONS = 8
MOST_THREADS = 16

_answering: ContextVar[bool] = ContextVar("answering", default=False)


class Delegate(Protocol):
    """The program's answers, in the values of `core`; methods may block. See `PairingAgent`."""

    @property
    def io_capability(self) -> IoCapability: ...

    @property
    def has_oob(self) -> bool: ...

    @property
    def context(self) -> Context:
        """The context variables that hold in the methods."""

    def accept(self, request: PairingQuestion) -> bool: ...
    def display_passkey(self, request: PairingQuestion, passkey: int) -> None: ...
    def enter_passkey(self, request: PairingQuestion) -> int | None: ...
    def compare(self, request: PairingQuestion, number: int) -> bool: ...
    def peer_oob(self, peer: DeviceAddress) -> OobData | None: ...
    def ended(self, request: PairingQuestion, reason: str | None) -> None: ...

    @property
    def hears_of_bonds(self) -> bool:
        """Whether `bond_used` is to be called; most programs need no thread for that."""

    def bond_used(self, peer: DeviceAddress, authenticated: bool) -> None: ...


def refuse_in_answer(what: str) -> None:
    """Raise if this is a delegate's answer, for which the pairing waits.

    Raises: RuntimeError; without it both would wait for each other.
    """
    if _answering.get():
        raise RuntimeError(f"{what} would wait for the pairing that waits for this delegate")


class DelegateAgent:
    """The `PairingAgent` that asks a `Delegate`.

    Args: counted: the adapter's counters: questions and ends that found no thread.

    Refusals are the answers that mean one; where there is none, PairingFailed is raised.
    """

    def __init__(self, delegate: Delegate, counted: Counter[str] | None = None) -> None:
        self.counted = new_counters() if counted is None else counted
        self._delegate = delegate
        self._threads: list[Alive] = []

    @property
    def io_capability(self) -> IoCapability:
        return self._delegate.io_capability

    @property
    def has_oob(self) -> bool:
        return self._delegate.has_oob

    async def accept(self, request: PairingQuestion) -> bool:
        with contextlib.suppress(PairingFailed):
            return await self._ask(self._delegate.accept, request)
        return False

    async def display_passkey(self, request: PairingQuestion, passkey: int) -> None:
        """Raises: PairingFailed if it could not be shown."""
        await self._ask(self._delegate.display_passkey, request, passkey)

    async def enter_passkey(self, request: PairingQuestion) -> int | None:
        with contextlib.suppress(PairingFailed):
            return await self._ask(self._delegate.enter_passkey, request)
        return None

    async def compare(self, request: PairingQuestion, number: int) -> bool:
        with contextlib.suppress(PairingFailed):
            return await self._ask(self._delegate.compare, request, number)
        return False

    async def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        """Raises: PairingFailed if the delegate failed; None would mean a weaker method."""
        return await self._ask(self._delegate.peer_oob, peer)

    def ended(self, request: PairingQuestion, reason: str | None) -> None:
        context = self._delegate.context.copy()
        self._start(
            partial(_run, context, self._delegate.ended, (request, reason), _ignore), MOST_THREADS
        )

    def bond_used(self, peer: DeviceAddress, authenticated: bool) -> None:
        if self._delegate.hears_of_bonds:
            context, tell = self._delegate.context.copy(), self._delegate.bond_used
            self._start(partial(_run, context, tell, (peer, authenticated), _ignore), MOST_THREADS)

    async def _ask(self, function: Callable[..., T], *args: Any) -> T:
        """Call a method of the delegate on a thread of its own. Raises: PairingFailed."""
        import asyncio

        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        context = self._delegate.context.copy()
        context.run(_answering.set, True)
        deliver = partial(_deliver, loop, answer)
        if not self._start(partial(_run, context, function, args, deliver), MOST_QUESTIONS):
            raise PairingFailed
        return await answer

    def _start(self, work: Callable[[], None], limit: int) -> bool:
        """Start a thread if fewer than `limit` are busy."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= limit:
            self.counted[PAIRING_REFUSED_CALLS] += 1
            if self.counted[PAIRING_REFUSED_CALLS] == 1:  # or peers could fill the log
                import logging  # which `import _bleio` is to do without

                logging.getLogger(__name__).warning(
                    "The pairing delegate has %d calls to finish; another one is refused",
                    len(self._threads),
                )
            return False
        self._threads.append(portal().clock.start_thread(work, "bleio-pairing"))
        return True


def _run(
    context: Context,
    function: Callable[..., T],
    args: tuple[Any, ...],
    deliver: Callable[[T | None, PairingFailed | None], None],
) -> None:
    """Call the delegate; worker thread. An exception is shown first, as the program may end by the
    failed pairing."""
    try:
        answer = context.run(function, *args)
    except BaseException:
        try:
            threading.excepthook(
                threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread()))
            )
        finally:
            deliver(None, PairingFailed())
    else:
        deliver(answer, None)


def _ignore(answer: object, error: object) -> None:
    """Nobody waits for this one."""


def _deliver(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    answer: object,
    error: PairingFailed | None,
) -> None:
    def finish() -> None:
        if future.done():  # cancelled: the pairing has ended
            return
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)

    with contextlib.suppress(RuntimeError):  # the engine has stopped
        loop.call_soon_threadsafe(finish)
