"""Whether BlueZ's adapter can be used now, and what its going means.

An adapter of BlueZ is away at times without being lost. bluetoothd is restarted by updates and by
its user, who may also power the adapter off for a while. Links end with that, calls meanwhile are
refused, and what was registered is gone; when the adapter is back, all of it is registered again,
and the program goes on. Only if it stays away for `RESTART_S` (or if bluetoothd is there and the
adapter is not, or lacks what it was opened with, for `UNPLUG_S`) it is lost. A bluetoothd that ends
first says that its adapters are gone and then goes itself, so neither can be told from the first
signal alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bleio.backends.os.bluez import troubles
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import ADAPTER, Objects
from bleio.errors import ControllerLost

RESTART_S = 15.0
UNPLUG_S = 5.0


class AdapterWatcher(Protocol):
    """Hears when the adapter can be used; what it does about it it does in tasks of its own."""

    def adapter_went(self, registrations_too: bool) -> None:
        """It cannot be used. Args: `registrations_too`: all that was registered is gone."""

    def adapter_came(self) -> None:
        """It can be used again."""


class Presence:
    """One adapter's going and coming; listens to the objects of bluetoothd.

    Args: `path`: the adapter's object. `needed`: interfaces that it has to have. `lost`: is told
    once, when it stays away.
    """

    def __init__(
        self,
        objects: Objects,
        path: str,
        needed: frozenset[str],
        lost: Callable[[ControllerLost], None],
    ) -> None:
        self.is_usable = True
        self._objects, self._path, self._lost = objects, path, lost
        self._needed = needed | {ADAPTER}
        self._watchers: list[AdapterWatcher] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._is_lost = False
        objects.listen(self)

    @property
    def _adapter(self) -> str:
        return self._path.rpartition("/")[2]

    def watch(self, watcher: AdapterWatcher) -> None:
        """Tell a watcher from now on, after those that were there before it."""
        self._watchers.append(watcher)

    def close(self) -> None:
        """Tell nobody any more. Idempotent."""
        self._stop_waiting()
        self._objects.unlisten(self)
        self._watchers.clear()
        self.is_usable = False

    def require(self) -> None:
        """Raises: BusError with a sentence, while the adapter is away."""
        if self.is_usable:
            return
        if not self._objects.is_running:
            raise troubles.is_away(f"os:{self._adapter}")
        if self._objects.get(self._path, ADAPTER) is None:
            raise troubles.is_unplugged(self._adapter)
        if lacking := self._lacking():
            raise troubles.is_incomplete(self._adapter, lacking)
        raise troubles.is_off(self._adapter)

    # ObjectListener

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        if path == self._path and interface in self._needed:
            self._look()

    def removed(self, path: str, interface: str) -> None:
        if path == self._path and interface == ADAPTER:
            self._went(registrations_too=True)
            self._wait(UNPLUG_S)
        elif path == self._path and interface in self._needed and self.is_usable:
            self._went(registrations_too=True)
            self._look()

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        if path != self._path or interface != ADAPTER or "Powered" not in changed:
            return
        if changed["Powered"]:
            self._look()
        else:
            self._went(registrations_too=False)

    def daemon_went(self) -> None:
        self._went(registrations_too=True)
        self._wait(RESTART_S)

    def daemon_came(self) -> None:
        self._look()

    def disconnected(self, error: BusError) -> None:
        self._went(registrations_too=True)
        self._lose(troubles.bus_gone())

    def _look(self) -> None:
        """See whether the adapter is there and powered, with all that is needed."""
        adapter = self._objects.get(self._path, ADAPTER)
        if adapter is None:
            return
        if self._lacking():
            if self._deadline is None:
                self._wait(UNPLUG_S)
            return
        self._stop_waiting()
        if adapter.get("Powered") and not self.is_usable:
            self.is_usable = True
            for watcher in self._watchers:
                watcher.adapter_came()

    def _lacking(self) -> str:
        """Return one of the needed interfaces that the adapter has not, "" if it has all."""
        lacking = [each for each in self._needed if self._objects.get(self._path, each) is None]
        return min(lacking, default="").rpartition(".")[2]

    def _went(self, registrations_too: bool) -> None:
        was_usable, self.is_usable = self.is_usable, False
        if was_usable or registrations_too:
            for watcher in self._watchers:
                watcher.adapter_went(registrations_too)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._stayed_away)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stayed_away(self) -> None:
        if not self._objects.is_running:
            self._lose(troubles.daemon_gone())
        elif self._objects.get(self._path, ADAPTER) is None:
            self._lose(troubles.unplugged(self._adapter))
        else:
            self._lose(troubles.incomplete(self._adapter, self._lacking()))

    def _lose(self, error: ControllerLost) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._lost(error)
