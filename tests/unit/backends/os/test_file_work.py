"""Files that are looked at as an adapter opens, or does not: never by the engine's thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from bleio.backends.os import automatic
from bleio.backends.os.automatic import ChosenBackend
from bleio.backends.os.bluez import troubles
from bleio.backends.os.bluez.system import BlueZ
from bleio.errors import ControllerLost
from bleio.gatt.server import LocalServer
from support.bluez.loops import in_loop
from support.bluez.private_bus import private_bus
from support.bluez.stand_in import StandIn


class Callers:
    """The threads that have called."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self, *args: object) -> None:
        self.threads.append(threading.get_ident())

    @property
    def are_others(self) -> bool:
        return bool(self.threads) and threading.get_ident() not in self.threads


@in_loop
async def test_the_machine_is_looked_at_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(owner: object) -> NoReturn:
        raise ControllerLost("There is none.")

    callers = Callers()
    monkeypatch.setattr(automatic, "_machine", callers)
    backend = ChosenBackend(BlueZ())
    monkeypatch.setattr(backend._system, "open", fails)
    with pytest.raises(ControllerLost, match=r"^There is none\.$"):
        await backend.open(LocalServer(), "central", SimpleNamespace())  # type: ignore[arg-type]
    assert callers.are_others


@in_loop
async def test_rfkill_is_read_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    callers, owner = Callers(), SimpleNamespace(lost=print)
    monkeypatch.setattr(troubles, "blocked_by_rfkill", callers)
    async with private_bus():
        daemon, system = StandIn(powered=False), BlueZ()
        await daemon.start()
        with pytest.raises(ControllerLost, match="powered off"):
            await system.open(owner)  # type: ignore[arg-type]
        await system.close()
        daemon.bus.disconnect()
    assert callers.are_others


@in_loop
async def test_keys_of_proxies_are_read_by_another_thread() -> None:
    fleet_module: Any = pytest.importorskip("bleio.backends.os.esphome.fleet")
    callers = Callers()

    def read_keys() -> NoReturn:
        callers()
        raise ControllerLost("They cannot be read.")

    with pytest.raises(ControllerLost, match="cannot be read"):
        await fleet_module.Fleet([], read_keys).open(SimpleNamespace())
    assert callers.are_others


def test_ctypes_is_loaded_with_the_backend() -> None:
    """Not when the first scan begins."""
    code = "import sys, bleio.backends.os.bluez.system; sys.exit('ctypes' not in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
