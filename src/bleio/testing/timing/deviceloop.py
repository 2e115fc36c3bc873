"""asyncio loops of programs, in simulated time: each waits as the program that runs it would.

A loop that has nothing to do waits by the world's clock, like `time.sleep`: until its next timer,
or until somebody gives it something to do (`call_soon_threadsafe`): the engine, a thread of its
program, another program. All of them run in turns, so what comes first is the same in every run.

A loop that always has something to do, since a task of it polls around `await asyncio.sleep(0)`,
never waits. So a round that finds the time where the round before it began is a look, as one at
`adapter.connected` is: it takes 20 us, and more the longer the program has been spinning. The other
tasks are not to be late because one polls. So no look goes beyond the loop's next timer, and looks
are short for a few rounds after it, in which rounds themselves take no time (`FREE_ROUNDS`).

The end: `stop` of a participant is raised where it waits, here in the middle of a round. asyncio
cancels the tasks then, whose `finally` may run, but must not wait any more, nor go on for ever:
rounds take no time now, and there are at most `LAST_ROUNDS` of them.

What may surprise: asyncio keeps exceptions in tasks, `PowerOff` too, if a task blocks when it
comes. Nothing is lost by that, since the loop's next wait raises it again.
"""

from __future__ import annotations

import asyncio
import heapq
import traceback
from asyncio import events
from asyncio.base_events import _format_handle  # type: ignore[attr-defined]
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from bleio.testing.errors import PowerOff
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.loop import HALF_US, LoopInTurns
from bleio.testing.timing.numbered import NumberedTask
from bleio.testing.timing.participant import Participant
from bleio.testing.timing.waiting import NEVER_US

FREE_ROUNDS = 8  # after a timer or a call from outside: what is done then goes through a few
LAST_ROUNDS = 1000
_CANCELLED_ALLOWED = 100  # timers, beside as many as there are others


class LoopOwner(Protocol):
    """Whose loop it is: a device.

    name: the device's.
    """

    name: str

    def say(self, text: str) -> None:
        """Write to the device's standard error output."""

    def ended(self) -> bool:
        """Whether its program has ended, or is told to."""

    def context(self) -> Context | None:
        """Return the device's context, if the caller does not belong to the device."""

    def run_in_thread(
        self, loop: DeviceLoop, executor: Any, work: Callable[[], Any]
    ) -> asyncio.Future[Any]:
        """Do work that may block beside the loop. Returns: what awaits its outcome."""

    def threads_ended(self, loop: DeviceLoop) -> asyncio.Future[None]:
        """Take no more such work of this loop. Returns: what awaits the end of all."""


class DeviceLoop(LoopInTurns):
    """A loop of a program. Thread: the participant's that runs it, if not stated otherwise.

    Attributes: made: counts tasks, for `NumberedTask`.
    """

    _check_closed: Callable[[], None]  # asyncio's own, as is the next
    _task_factory: Any

    def __init__(self, clock: VirtualClock, owner: LoopOwner) -> None:
        self._clock = clock
        self._owner = owner
        self._me: Participant | None = None
        self._round_us = -1  # when the last round began
        self._free_rounds = 0
        self._rounds_left = LAST_ROUNDS
        self._names = 0
        self.made = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        super().__init__(clock.time)

    @property
    def device(self) -> str:
        """The device's name."""
        return self._owner.name

    def time(self) -> float:
        """Return simulated seconds since the world began. It is a look, as at `time.monotonic`."""
        if self._me is not None:
            self._clock.look()
        return self._time.now_us / 1e6

    # Rounds

    def run_forever(self) -> None:
        """See asyncio."""
        self._check_closed()
        me, self._me = self._me, self._clock.participant()
        self._free_rounds = FREE_ROUNDS
        self._me.look_limit_us = self.next_timer_us()
        try:
            super().run_forever()
        finally:
            if self._me is not None:
                self._me.look_limit_us = NEVER_US
            self._me = me

    def _run_once(self) -> None:
        """Do one round as asyncio does: wait if nothing is ready, take what is due, and run what
        was ready by then, not what that makes ready.

        Its end is that of the engine's loop, whose rounds are too many to call a function for it.
        """
        me: Any = self._me
        time, ready, timers = self._time, self._ready, self._scheduled
        if me.stop is not None:
            self._hurry(me)
        if not ready:
            if not self._stopping and not self._clock.pass_time(me, due_us := self.next_timer_us()):
                self._clock.wait_for_work(me, self.is_ready, due_us)
        elif self._free_rounds:
            self._free_rounds -= 1
        elif time.now_us == self._round_us and me.stop is None and not self._stopping:
            self._clock.look()
        self._round_us = now_us = time.now_us
        while timers and timers[0]._when * 1e6 <= now_us + HALF_US:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
            self._free_rounds = FREE_ROUNDS
        if self._free_rounds:
            me.look_limit_us = 0
        elif me.look_limit_us <= now_us:
            me.look_limit_us = self.next_timer_us()
        if self._debug:
            self._run_watched()
            return
        left = len(ready)
        while left:
            left -= 1
            handle = ready.popleft()
            if handle._cancelled:
                continue
            try:
                handle._context.run(handle._callback, *handle._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                message = f"Exception in callback {handle!r}"
                self.call_exception_handler(
                    {"message": message, "exception": error, "handle": handle}
                )

    def _hurry(self, me: Participant) -> None:
        """The program is to end: let its tasks end, but not for ever."""
        self._rounds_left -= 1
        if self._rounds_left < 0:
            me.check()

    def _run_watched(self) -> None:
        """Run what is ready, and tell what takes long, as asyncio does in debug mode."""
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if handle._cancelled:
                continue
            began_us = self._time.now_us
            handle._run()
            took_s = (self._time.now_us - began_us) / 1e6
            if took_s >= self.slow_callback_duration:
                self._owner.say(f"Executing {_format_handle(handle)} took {took_s:.3f} seconds\n")

    # Giving it something to do

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """See asyncio, which would let a task be collected that nobody holds: at some time."""
        task: asyncio.Task[Any]
        if self._task_factory is None:
            self._check_closed()
            if options.get("name") is None:
                self._names += 1
                options["name"] = f"Task-{self._names}"
            task = NumberedTask(coro, loop=self, **options)
        else:
            task = super().create_task(coro, **options)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        super()._timer_handle_cancelled(handle)  # type: ignore[misc]
        timers = self._scheduled
        if self._timer_cancelled_count > len(timers) // 2 + _CANCELLED_ALLOWED:
            left = [each for each in timers if not each._cancelled]
            for each in timers:
                each._scheduled = not each._cancelled
            timers[:] = left
            heapq.heapify(timers)
            self._timer_cancelled_count = 0

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio. What the engine or another device has called belongs to this device."""
        context = context or self._owner.context()
        return super().call_soon_threadsafe(callback, *args, context=context)

    def _write_to_self(self) -> None:
        self._free_rounds = FREE_ROUNDS
        if self._me is not None:  # else it looks by itself when it begins to run
            self._clock.wake(self._me)

    # What blocks

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """See asyncio."""
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")  # type: ignore[attr-defined]
        return self._owner.run_in_thread(self, executor, partial(func, *args))

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """See asyncio. There is a time-out from Python 3.12 on."""
        ended = self._owner.threads_ended(self)
        if timeout is None:
            await ended
        elif not (await asyncio.wait([ended], timeout=timeout))[0]:
            self._owner.say(
                "RuntimeWarning: The executor did not finish joining its threads within"
                f" {timeout} seconds.\n"
            )

    # Errors and the end

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Write to the device's output what asyncio would log to standard error output."""
        error = context.get("exception")
        if isinstance(error, PowerOff | SystemExit) or (error is None and self._owner.ended()):
            return  # what has ended the program, and what that leaves behind
        lines = [str(context.get("message") or "Unhandled exception in event loop")]
        lines += [
            f"{name}: {_described(name, context[name])}"
            for name in sorted(context)
            if name not in ("message", "exception")
        ]
        if error is not None:
            lines += "".join(traceback.format_exception(error)).splitlines()
        self._owner.say("".join(f"{line}\n" for line in lines))

    def end(self) -> None:
        """Cancel what is left of a loop that its program has not closed, and close it. Nothing
        takes time any more. Not for a loop that still runs."""
        before = events._get_running_loop()
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        events._set_running_loop(self)
        try:
            for _ in range(LAST_ROUNDS):
                if not self._ready:
                    break
                self._ready.popleft()._run()
        finally:
            events._set_running_loop(before)
            self.close()

    def __del__(self) -> None:
        """Close it silently: it has nothing of the process's that could be lost."""
        if not self.is_closed():
            self.close()


def _described(name: str, value: object) -> str:
    if name not in ("source_traceback", "handle_traceback"):
        return repr(value)
    frames = "".join(traceback.format_list(value)).rstrip()  # type: ignore[arg-type]
    return f"Created at (most recent call last):\n{frames}"
