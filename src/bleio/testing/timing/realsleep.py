"""Whether a thread is in the real `time.sleep`, or an event loop of the process's that waits.

A function of C has no frame of its own: what can be seen is the frame that called it, the code in
it, and that the instruction it is at is a call. Which function was called is on the frame's stack,
which Python does not show. So the names that the code looks up are asked whether one of them is the
function. That may be wrong for code that names `time.sleep` and is now in a call of something else;
but such code is no program's, since programs find simulated time under that name.
"""

from __future__ import annotations

import dis
import time
from types import FrameType
from typing import Any

# Worlds in real time hold back the thread whose turn it is; waiting for a process polls.
_MAY_SLEEP = ("bleio", "subprocess")


def calls_real_sleep(frame: FrameType) -> bool:
    """Tell whether a thread that is in this frame seems to be in `time.sleep`. Thread: any."""
    module = str(frame.f_globals.get("__name__"))
    if module == "selectors":
        caller = frame.f_back
        return caller is not None and caller.f_globals.get("__name__") == "asyncio.base_events"
    if module.partition(".")[0] in _MAY_SLEEP or not _is_at_a_call(frame):
        return False
    names = frame.f_code.co_names
    looked_up = [*frame.f_locals.values(), *(frame.f_globals.get(name) for name in names)]
    return any(each is time.sleep or _has_real_sleep(each, names) for each in looked_up)


def _is_at_a_call(frame: FrameType) -> bool:
    # Python 3.11 has two instructions for a call; a function of C that is called often runs in the
    # first of them.
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith(("CALL", "PRECALL"))


def _has_real_sleep(value: Any, names: tuple[str, ...]) -> bool:
    """Tell whether the function is an attribute of a value that the code looks up."""
    try:  # in no way that runs code of the program, which is not this thread's
        attributes = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return False
    if not isinstance(attributes, dict):
        return False
    return any(attributes.get(name) is time.sleep for name in names)
