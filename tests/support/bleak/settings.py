"""Where the bleak backends are tested: three radios, and the peripheral of `table` on each.

    virtual    this process's, in real time; the peripheral is ours
    bumble     one behind a socket, `hci:...`; the peripheral is bumble's
    world      simulated time; the peripheral is ours

A test is a coroutine function that a program might have, and is run as such.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import _bleio
import pytest

from bleio import bleak_choice
from bleio.api import use_adapter
from bleio.testing import World
from bleio.testing.bleak_radio import bleak_radio
from support.bleak import ours
from support.bleak.theirs import TheirPeripheral
from support.bumble_host import BumbleHost
from support.pair import current
from support.patience import PATIENCE_S

OURS = Path(ours.__file__)

Body = Callable[[], Coroutine[Any, Any, None]]
Run = Callable[[Body], None]


def conformance(body: Body) -> Callable[[Run], None]:
    """Make a test of a coroutine function, to be run in each setting."""

    def test(setting: Run) -> None:
        setting(body)

    test.__name__, test.__doc__, test.__module__ = body.__name__, body.__doc__, body.__module__
    return test


def setting_of(name: str) -> AbstractContextManager[Run]:
    """Return what runs a test as a program, beside the peripheral."""
    return _SETTINGS[name]()


@pytest.fixture(params=["virtual", "bumble", "world"])
def setting(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Each of the radios."""
    with setting_of(request.param) as run:
        yield run


def run_in_real_time(body: Body) -> None:
    """Run it, and see that it leaves no task behind."""

    async def patiently() -> None:
        await asyncio.wait_for(body(), 3 * PATIENCE_S)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(patiently())


@contextmanager
def _virtual() -> Iterator[Run]:
    ended = threading.Event()
    with bleak_radio() as radio:
        with use_adapter(radio.peer):
            peripheral = ours.Peripheral()
        thread = threading.Thread(target=peripheral.serve, args=[ended.is_set])
        thread.start()
        try:
            yield run_in_real_time
        finally:
            ended.set()
            thread.join(PATIENCE_S)


@contextmanager
def _bumble() -> Iterator[Run]:
    host = BumbleHost()
    adapter = _bleio.Adapter(host.adapter)
    try:
        host.run(_serve(TheirPeripheral, host))
        with current(adapter), bleak_choice.in_place():
            yield run_in_real_time
    finally:
        adapter.enabled = False
        host.close()


async def _serve(kind: Any, host: BumbleHost) -> None:
    await kind(host.device).advertise()


@contextmanager
def _world() -> Iterator[Run]:
    with World(seed=5) as world:
        world.add(OURS)

        def run(body: Body) -> None:
            program = world.add(body)
            world.run(until=lambda: not program.running)

        yield run


_SETTINGS = {"virtual": _virtual, "bumble": _bumble, "world": _world}
