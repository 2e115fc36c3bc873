"""One session on a backend that the test plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from typing import Any

import pytest

from bleio.backends.base import Link
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability
from bleio.runtime.session import Session
from support.fake_backend import FakeBackend


class Played:
    """A delegate whose every method does what the test says."""

    io_capability = IoCapability.KEYBOARD_DISPLAY
    has_oob = True

    def __init__(self, does: Callable[..., Any], context: Context | None = None) -> None:
        self.context = context or copy_context()
        self.accept = self.display_passkey = self.enter_passkey = does
        self.compare = self.peer_oob = self.ended = does


class Bench:
    """A session and every backend it made."""

    def __init__(self) -> None:
        self.backends: list[FakeBackend] = []
        self.next_failing: dict[str, Exception] = {}
        self.session = Session(self._make, lambda session, link: (session, link))

    def _make(self, former: DeviceAddress | None) -> FakeBackend:
        backend = FakeBackend(former)
        backend.failing = dict(self.next_failing)
        self.backends.append(backend)
        return backend

    @property
    def backend(self) -> FakeBackend:
        return self.backends[-1]

    def link(self) -> Link:
        (link,) = self.session.gap.connections.links
        return link


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.next_failing.clear()
    for backend in bench.backends:
        backend.failing.clear()
    bench.session.engine.finish(bench.session.set_enabled, False)
