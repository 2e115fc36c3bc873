"""How long a test waits for what it is sure to see. It only guards against hanging.

What a test waits for comes in milliseconds on an idle machine, and in tens of seconds on one with
ten times more to do than it can. So no test has a limit of its own that is closer. And a busy
machine's programs say more: that they take long, and that a radio falls behind.
"""

from __future__ import annotations

import re

PATIENCE_S = 180.0

_ONLY_IF_BUSY = re.compile(
    r"^(\d+ of \d+ worlds"  # bleio campaign
    r"|\d+ worlds?, (seeds|\d+ faults?|any faults|simpler faults)"  # bleio hunt
    r"|simulated \d+\.\d s"  # bleio sim
    r"|The simulated (radio|world) falls behind real time"
    r"|The simulated radio leaves out"
    r").*\n",
    re.MULTILINE,
)


def as_if_idle(said: str) -> str:
    """Return what a program has said, without the lines that only a busy machine brings."""
    return _ONLY_IF_BUSY.sub("", said)
