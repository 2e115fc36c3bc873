"""Calls into the engine that are done where the program stands.

A program that calls the engine would enter its loop's queue, wait, and be switched back to: two
switches, a turn of the loop, a handle and often a task, for what mostly is a few lines of code. In
a world both are in one thread, and one of them runs at a time. So if the engine has nothing to do,
the program can be the engine for as long as that takes.

It must make no difference to what happens, and to when. So it is done only while the engine waits,
with nothing ready, no timer and no event of the radio due: else those come first, as they would.
What the call leaves for the loop to do is the engine's next turn, before anybody else's, and the
caller waits as for any other call.

A coroutine is made a task, which is what it may ask for, and let go up to its first wait. If that
was its end there was no need for the loop; else the loop goes on with it.

A condition that somebody waits for is asked in the middle of a decision, on any stack, also the
test's thread or the engine's own. It may look at what the engine has (`look`), but cannot wait.

A program may call from deep in a recursion, and catch the RecursionError. That would hit protocol
code in its middle, so such a call is left to the engine, which has a stack of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bleio.testing.timing.aside import lay_loop_aside, resume_loop
from bleio.testing.timing.room import LOOK_FRAMES, has_room
from bleio.testing.timing.turns import Turns, WorldLife

if TYPE_CHECKING:
    from bleio.testing.timing.engine import EngineTurns


class InPlace:
    """See `bleio.runtime.clock.InPlace`. Thread: that of the greenlet which calls."""

    def __init__(self, engine: EngineTurns, turns: Turns) -> None:
        self._engine = engine
        self._turns = turns

    def is_free(self) -> bool:
        # The calls that a program makes most come by here, so this is one function.
        turns = self._turns
        me = turns.baton.holder_here()
        return (
            me is not None
            and me.stop is None
            and me.error is None
            and turns.life is WorldLife.GOING
            and not turns.schedule.deciding
            and self._engine.is_idle()
            and has_room()
        )

    def run(self, function: Callable[..., object], *args: object) -> None:
        baton, engine = self._turns.baton, self._engine
        self._turns.schedule.announce()  # the engine does not look as programs do
        aside = lay_loop_aside(asyncio._get_running_loop())
        me = baton.become(self._turns.engine)
        asyncio._set_running_loop(engine.loop)
        try:
            engine.context_of_call().run(function, *args)
        finally:
            asyncio._set_running_loop(None)
            baton.become(me)
            if aside is not None:
                resume_loop(aside)
            engine.has_changed()

    def is_asked(self) -> bool:
        turns = self._turns
        return turns.schedule.deciding and turns.baton.me() is turns.baton.holder

    def look(self, function: Callable[[], object]) -> None:
        if not has_room(LOOK_FRAMES):
            raise RecursionError("There is no room on this stack to look at the engine's state")
        loop = self._engine.loop
        timer_us = loop.next_timer_us()
        aside = lay_loop_aside(asyncio._get_running_loop())
        asyncio._set_running_loop(loop)
        try:
            self._engine.context_of_call().run(function)
        finally:
            asyncio._set_running_loop(None)
            if aside is not None:
                resume_loop(aside)
            if loop.is_ready() or loop.next_timer_us() != timer_us:
                self._engine.has_changed()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._engine.loop.start_task(coroutine)
