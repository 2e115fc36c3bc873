"""Two adapters in one process and one link between them, for tests of the API on the air."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import _bleio
import pytest

from bleio.runtime.engine import portal
from bleio.testing.timing.clock import VirtualClock
from support.patience import PATIENCE_S

DEADLINE_S = PATIENCE_S


def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait until `condition()` is true; fail after a deadline far beyond what it should take."""
    clock = portal().clock
    sleep = clock.sleep if isinstance(clock, VirtualClock) else time.sleep
    end = now_s() + DEADLINE_S
    while not condition():
        assert now_s() < end, f"waited {DEADLINE_S} s for {what}"
        sleep(0.002)


def now_s() -> float:
    """The time of what the test has on air: simulated in a world."""
    clock = portal().clock
    return clock.now_us / 1e6 if isinstance(clock, VirtualClock) else time.monotonic()


@contextmanager
def raises(error: type[BaseException], message: str | None = None) -> Iterator[Any]:
    """Expect `error`, with exactly `message` where one is given, whatever its notes say."""
    with pytest.raises(error) as caught:
        yield caught
    if message is not None:
        assert str(caught.value) == message


@contextmanager
def current(adapter: _bleio.Adapter) -> Iterator[None]:
    """Make `adapter` the current one, to which new services belong."""
    before = _bleio.adapter
    _bleio.set_adapter(adapter)
    try:
        yield
    finally:
        _bleio.set_adapter(before)


class Pair(NamedTuple):
    """One link as both ends see it."""

    outgoing: _bleio.Connection  # the central's
    incoming: _bleio.Connection  # the peripheral's

    def remote(self, characteristic: _bleio.Characteristic) -> _bleio.Characteristic:
        """Discover on the central's side what the peripheral serves, and give its counterpart."""
        for service in self.outgoing.discover_remote_services():
            for found in service.characteristics:
                if found.uuid == characteristic.uuid:
                    return found
        raise AssertionError(f"{characteristic} was not discovered")


def connect(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> Pair:
    """Advertise, connect and give both ends."""
    known = set(peripheral.connections)
    peripheral.start_advertising(b"\x02\x01\x06", interval=0.02)
    outgoing = central.connect(peripheral.address, timeout=DEADLINE_S)
    until(lambda: set(peripheral.connections) - known, "the incoming connection")
    (incoming,) = set(peripheral.connections) - known
    return Pair(outgoing, incoming)


U128 = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"


def make(service: _bleio.Service, uuid: int | str = 0xFFF1, **options: Any) -> Any:
    """Add a characteristic to a local service."""
    return _bleio.Characteristic.add_to_service(service, _bleio.UUID(uuid), **options)
