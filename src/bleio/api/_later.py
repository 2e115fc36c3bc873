"""Subscriptions that an object makes as it is constructed, for a task that must not block.

Constructors of libraries subscribe: a service object of adafruit_ble for what its peer sends, each
a request to the peer. A constructor cannot be awaited. So where `bleio.aio` makes such an object,
subscribing is put off until it is made, and is awaited then. Nothing is missed by that: a buffer
listens from its construction on, and the peer sends nothing before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from bleio.runtime.calls import Call
from bleio.runtime.engine import Engine

PutOff = list[tuple[Engine, Call[Any]]]
_put_off: ContextVar[PutOff | None] = ContextVar("bleio.put_off", default=None)


@contextmanager
def putting_off() -> Iterator[PutOff]:
    """Have subscriptions collected that are made in this block."""
    calls: PutOff = []
    token = _put_off.set(calls)
    try:
        yield calls
    finally:
        _put_off.reset(token)


def is_put_off(engine: Engine, call: Call[Any]) -> bool:
    """Put a subscription off, if this is such a block."""
    if (calls := _put_off.get()) is None:
        return False
    calls.append((engine, call))
    return True
