"""A time limit for what is awaited, in whose place asyncio's `wait_for` would not do.

Up to Python 3.11 `wait_for` drops a cancellation that comes in the turn of the loop in which what
it waits for ends. A connect that its caller has given up would go on to initiate then, for as long
as its time limit is.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit

__all__ = ["time_limit"]
