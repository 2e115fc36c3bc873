"""What blocks beside an event loop: `asyncio.to_thread` and `loop.run_in_executor`.

Threads of the operating system would be ready at a time that is not simulated. So each such call is
a participant of the world, which runs in turns with all others: it begins at the caller's next
wait, its sleeps and blocking calls are simulated time, its computing takes none. The same seed has
it ready at the same moment.

An executor of processes, or of threads that are not the device's, is the process's. What that is
given is waited for at once, and takes no simulated time either; nothing else of the world goes on
meanwhile.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from contextvars import copy_context
from typing import Any
from weakref import WeakKeyDictionary

from bleio.testing.errors import PowerOff
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.deviceloop import DeviceLoop
from bleio.testing.timing.numbered import NumberedFuture
from bleio.testing.timing.participant import Participant


class Workers:
    """Those of one device's loops."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._running: dict[Participant, DeviceLoop] = {}
        self._ending: WeakKeyDictionary[DeviceLoop, asyncio.Future[None]] = WeakKeyDictionary()
        self._number = 0

    def run(self, loop: DeviceLoop, executor: Any, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Do work beside the loop."""
        outcome: asyncio.Future[Any] = NumberedFuture(loop=loop)
        if executor is not None:
            given = executor.submit(work)
            if type(given) is not concurrent.futures.Future:  # of the device's own threads
                return asyncio.wrap_future(given, loop=loop)
            _settle(outcome, *_outcome_of(given.result))
            return outcome
        if loop in self._ending:
            raise RuntimeError("Executor shutdown has been called")
        context, me = copy_context(), self._clock.participant()

        def live() -> None:
            try:
                found = _outcome_of(lambda: context.run(work))
            except PowerOff:
                return
            finally:
                del self._running[worker]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, outcome, *found)
                self._tell_end(loop)

        self._number += 1
        worker = self._clock.start_thread(live, f"asyncio_{self._number} of {me.name}")
        worker.look_us, worker.late = me.look_us, me.late
        self._running[worker] = loop
        return outcome

    def ended(self, loop: DeviceLoop) -> asyncio.Future[None]:
        """Take no more work of a loop. Returns: what awaits the end of that which it has given."""
        future = self._ending[loop] = loop.create_future()
        self._tell_end(loop)
        return future

    def _tell_end(self, loop: DeviceLoop) -> None:
        ending = self._ending.get(loop)
        if ending is not None and loop not in self._running.values():
            loop.call_soon_threadsafe(_settle, ending, None, None)

    def stop(self) -> None:
        """End all where they wait."""
        for each in tuple(self._running):
            self._clock.stop(each, PowerOff)


def _outcome_of(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Return what work returns or raises, as futures of threads keep it."""
    try:
        return work(), None
    except PowerOff:
        raise
    except BaseException as error:
        return None, error


def _settle(outcome: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if outcome.done():
        return
    if error is None:
        outcome.set_result(result)
    elif isinstance(error, StopIteration):  # which cannot be raised into a Future
        outcome.set_exception(RuntimeError(f"the function raised {error!r}"))
    else:
        outcome.set_exception(error)
