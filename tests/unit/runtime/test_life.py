"""The life of an adapter's backend: each state it can be in, and what can happen in each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bleio.backends.base import AdvertisingParameters
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost
from bleio.runtime.engine import portal
from bleio.runtime.session import Session
from support.fake_backend import FakeBackend
from support.patience import PATIENCE_S

ADVERTISING = AdvertisingParameters(b"\x02\x01\x06")
OFF = "Adapter not enabled"
UNPLUGGED = "The controller was unplugged"
LOST = f"{UNPLUGGED}; set adapter.enabled = True to open it again"
DONE = "done"


class HeldBackend(FakeBackend):
    """Opens and closes when the test lets it."""

    def __init__(self, former: DeviceAddress | None) -> None:
        super().__init__(former)
        self.may_open, self.may_close = asyncio.Event(), asyncio.Event()
        self.closing = threading.Event()

    async def open(self, server: Any, name: str, events: Any) -> None:
        await super().open(server, name, events)
        await self.may_open.wait()
        if self.is_lost:
            raise ControllerLost(UNPLUGGED)

    async def close(self) -> None:
        self.closing.set()
        await self.may_close.wait()
        await super().close()


class Call:
    """A call in a thread of its own; `outcome` is its error's text, or that it is done."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.outcome = ""
        self._thread = threading.Thread(target=self._run, args=(function, *args), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., object], *args: object) -> None:
        try:
            function(*args)
            self.outcome = DONE
        except Exception as error:
            self.outcome = str(error)

    def join(self) -> str:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.outcome


class Bench:
    """A session whose backends open and close at once, unless they are held."""

    def __init__(self) -> None:
        self.backends: list[HeldBackend] = []
        self.holds_opening = self.holds_closing = False
        self.session = Session(self._make, lambda session, link: link)

    def _make(self, former: DeviceAddress | None) -> HeldBackend:
        backend = HeldBackend(former)
        self.backends.append(backend)
        if not self.holds_opening:
            backend.may_open.set()
        if not self.holds_closing:
            backend.may_close.set()
        return backend

    def until(self, *log: str) -> None:
        """Wait until the latest backend was told this."""
        end = time.monotonic() + PATIENCE_S
        while not self.backends or tuple(self.backends[-1].log) != log:
            assert time.monotonic() < end, self.backends and self.backends[-1].log
            time.sleep(0.001)

    def release(self) -> None:
        self.holds_opening = self.holds_closing = False
        for backend in self.backends:
            self.run(backend.may_open.set)
            self.run(backend.may_close.set)

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return portal().run(function, *args)

    @property
    def enabled(self) -> bool:
        return self.session.life.enabled

    @property
    def told(self) -> str:
        """What the backends were told, one after the other."""
        words = {"erase_bonds": "erase", "connect cancelled": "cancelled"}
        logs = ((words.get(word, word) for word in backend.log) for backend in self.backends)
        return " | ".join(" ".join(log) for log in logs)

    # What can happen

    def use(self) -> None:
        """Something that waits for ever on the open backend, until it goes."""
        self.session.engine.finish(self.session.gap.connect, DeviceAddress(bytes(6)), 0)

    def touch(self) -> None:
        """Something that the open backend does at once."""
        self.session.engine.call(self.session.life.use, (), HeldBackend.erase_bonds)

    def ask(self) -> None:
        self.session.engine.finish(self.session.address)

    def enable(self) -> None:
        self.session.engine.finish(self.session.set_enabled, True)

    def disable(self) -> None:
        self.session.engine.finish(self.session.set_enabled, False)

    def lose(self) -> None:
        self.run(self.backends[-1].lose)

    def stop(self) -> None:
        """As when the engine stops."""
        portal().call(self.session.life.shut_down)

    def fork(self) -> None:
        """As in a forked child, where what the parent has open is not ours to close."""
        self.run(self.session.life.forget)


# Each way into a state, and what the call that is under way there is; None: there is none.


def idle(bench: Bench) -> None:
    """On, and not opened yet."""


def opening(bench: Bench) -> Call:
    bench.holds_opening = True
    call = Call(bench.touch)
    bench.until("open")
    return call


def opened(bench: Bench) -> None:
    bench.touch()


def in_use(bench: Bench) -> Call:
    call = Call(bench.use)
    bench.until("open", "connect")
    return call


def closing(bench: Bench) -> Call:
    bench.holds_closing = True
    bench.touch()
    call = Call(bench.disable)
    assert bench.backends[-1].closing.wait(PATIENCE_S)
    return call


def off(bench: Bench) -> None:
    bench.touch()
    bench.disable()


def losing(bench: Bench) -> None:
    bench.holds_closing = True
    bench.touch()
    bench.lose()
    assert bench.backends[-1].closing.wait(PATIENCE_S)


def lost(bench: Bench) -> None:
    bench.touch()
    bench.lose()
    bench.until("open", "erase_bonds", "close")


# What a row says: how the call under way there ended, how the input did, how a use afterwards does,
# and what each backend was told.
NONE = ""
TABLE: dict[Callable[[Bench], Any], dict[str, tuple[str, str, str, str]]] = {
    idle: {
        "enable": (NONE, DONE, DONE, "open erase"),
        "disable": (NONE, DONE, OFF, ""),
        "touch": (NONE, DONE, DONE, "open erase erase"),
        "ask": (NONE, DONE, DONE, "open erase"),
        "stop": (NONE, DONE, OFF, ""),
        "fork": (NONE, DONE, DONE, "open erase"),
    },
    opening: {
        "enable": (DONE, DONE, DONE, "open erase erase"),
        "disable": (DONE, DONE, OFF, "open erase close"),
        "touch": (DONE, DONE, DONE, "open erase erase erase"),
        "ask": (DONE, DONE, DONE, "open erase erase"),
        "lose": (UNPLUGGED, DONE, LOST, "open close"),
        "stop": (DONE, DONE, OFF, "open erase close"),
    },
    opened: {
        "enable": (NONE, DONE, DONE, "open erase erase"),
        "disable": (NONE, DONE, OFF, "open erase close"),
        "touch": (NONE, DONE, DONE, "open erase erase erase"),
        "ask": (NONE, DONE, DONE, "open erase erase"),
        "lose": (NONE, DONE, LOST, "open erase close"),
        "stop": (NONE, DONE, OFF, "open erase close"),
        "fork": (NONE, DONE, DONE, "open erase | open erase"),
    },
    in_use: {
        "disable": (OFF, DONE, OFF, "open connect cancelled close"),
        "lose": (LOST, DONE, LOST, "open connect cancelled close"),
        "stop": (OFF, DONE, OFF, "open connect cancelled close"),
    },
    closing: {
        "enable": (DONE, DONE, DONE, "open erase close | open erase"),
        "disable": (DONE, DONE, OFF, "open erase close"),
        "touch": (DONE, OFF, OFF, "open erase close"),
        "ask": (DONE, DONE, OFF, "open erase close"),
        "lose": (DONE, DONE, LOST, "open erase close"),
        "stop": (DONE, DONE, OFF, "open erase close"),
    },
    off: {
        "enable": (NONE, DONE, DONE, "open erase close | open erase"),
        "disable": (NONE, DONE, OFF, "open erase close"),
        "touch": (NONE, OFF, OFF, "open erase close"),
        "ask": (NONE, DONE, OFF, "open erase close"),
        "lose": (NONE, DONE, LOST, "open erase close"),
        "stop": (NONE, DONE, OFF, "open erase close"),
        "fork": (NONE, DONE, OFF, "open erase close"),
    },
    losing: {
        "enable": (NONE, DONE, DONE, "open erase close | open erase"),
        "disable": (NONE, DONE, LOST, "open erase close"),
        "touch": (NONE, LOST, LOST, "open erase close"),
        "ask": (NONE, DONE, LOST, "open erase close"),
        "lose": (NONE, DONE, LOST, "open erase close"),
        "stop": (NONE, DONE, OFF, "open erase close"),
        "fork": (NONE, DONE, LOST, "open erase close"),
    },
    lost: {
        "enable": (NONE, DONE, DONE, "open erase close | open erase"),
        "disable": (NONE, DONE, LOST, "open erase close"),
        "touch": (NONE, LOST, LOST, "open erase close"),
        "ask": (NONE, DONE, LOST, "open erase close"),
        "lose": (NONE, DONE, LOST, "open erase close"),
        "stop": (NONE, DONE, OFF, "open erase close"),
        "fork": (NONE, DONE, LOST, "open erase close"),
    },
}
ROWS = [(state, happens) for state, row in TABLE.items() for happens in row]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.release()
    bench.disable()


@pytest.mark.parametrize(
    ("state", "happens"), ROWS, ids=[f"{state.__name__}-{happens}" for state, happens in ROWS]
)
def test_what_happens_in_each_state(
    bench: Bench, state: Callable[[Bench], Call | None], happens: str
) -> None:
    under_way, call, afterwards, told = TABLE[state][happens]
    before = state(bench)
    now = Call(getattr(bench, happens))
    time.sleep(0.02)  # it gets as far as it can; the row is true however far that is
    bench.release()
    assert (before.join() if before else NONE, now.join()) == (under_way, call)
    assert Call(bench.touch).join() == afterwards
    assert bench.enabled == (afterwards == DONE)
    assert bench.told == told


def test_one_who_gives_up_opening_leaves_it_to_the_next(bench: Bench) -> None:
    bench.holds_opening = True
    timeout_s = 0.05
    while not bench.backends:  # on a busy machine the engine does not come to it in that time
        with pytest.raises(TimeoutError):
            portal().call(bench.session.life.use, (), HeldBackend.erase_bonds, timeout_s=timeout_s)
        timeout_s *= 2
    bench.release()
    assert Call(bench.touch).join() == DONE
    assert bench.told == "open close | open erase"
