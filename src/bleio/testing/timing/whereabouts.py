"""Where each participant of a world stands: what a person wants to know when nothing goes on.

The source line says what a program waits for better than any word of ours, so that is what is
found: of the stack that a participant has, the innermost line of its program. Everything here is
looked up when somebody asks; nothing is noted while the world goes on.
"""

from __future__ import annotations

import asyncio
import sys
from types import FrameType

from bleio.testing.frames import is_library, is_ours, place_of_awaiting, place_of_frame
from bleio.testing.timing.baton import Baton
from bleio.testing.timing.participant import LONGEST_LOOK_US, Participant
from bleio.testing.timing.waiting import NEVER_US

_TASKS_SHOWN = 4


def tell(baton: Baton, who: Participant) -> str:
    """Say where a participant is, since when and for what it waits, or that it has ended.

    Thread: the owner's, which has the baton or has given up waiting for it.
    """
    if not who.alive:
        return f"has ended at {_seconds(who.ended_us)}"
    if not baton.hub.has_begun(who):
        return f"starts at {_seconds(who.due_us)}"
    stack = stack_of(baton, who)
    place = place_of_frame(stack)
    if not place:  # its program has returned, and what is open on the air is closed
        return "is ending"
    if baton.holder is who:
        return f"runs, at {place}"
    return f"{_waits(who)}, {_of_tasks(stack) or f'at {place}'}"


def _of_tasks(stack: FrameType | None) -> str:
    """Say where the tasks of an asyncio loop await, if it is the loop that waits."""
    loop = _waiting_loop(stack)
    if loop is None:
        return ""
    tasks = sorted(asyncio.all_tasks(loop), key=hash)  # in the order of their beginning
    places = ((task.get_name(), place_of_awaiting(task.get_coro())) for task in tasks)
    told = [f"{name} at {place}" for name, place in places if place]
    if len(told) > _TASKS_SHOWN:
        told[_TASKS_SHOWN:] = [f"{len(told) - _TASKS_SHOWN} tasks more"]
    return "; ".join(told)


def _waiting_loop(stack: FrameType | None) -> asyncio.AbstractEventLoop | None:
    """Return the loop in whose frames a stack is; None if a program is further in."""
    while stack is not None and (is_ours(stack) or is_library(stack)):
        loop = stack.f_locals.get("self")
        if stack.f_code.co_name == "run_forever" and isinstance(loop, asyncio.AbstractEventLoop):
            return loop
        stack = stack.f_back
    return None


def _waits(who: Participant) -> str:
    """Say since when it waits, and until when at the latest."""
    began_us = who.not_before_us - who.look_us
    if who.predicate is None and who.due_us - began_us <= max(LONGEST_LOOK_US, who.look_us):
        since_us = min(began_us, who.spins_since_us)
        return f"looks again and again since {_seconds(since_us)}"
    if who.predicate is None:
        return f"sleeps since {_seconds(began_us)} until {_seconds(who.due_us)}"
    limit = "without limit" if who.due_us >= NEVER_US else f"until {_seconds(who.due_us)} at most"
    return f"waits since {_seconds(began_us)} {limit}"


def stack_of(baton: Baton, who: Participant) -> FrameType | None:
    """Return the innermost frame of a participant; None if it has none."""
    hub = baton.hub
    if hub.current is who:  # it runs, or stands where it has passed the baton to the owner
        return sys._current_frames().get(hub.ident)
    return hub.frame_of(who)


def _seconds(time_us: int) -> str:
    return f"{time_us / 1e6:.6f} s"
