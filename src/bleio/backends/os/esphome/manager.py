"""habluetooth's manager of scanners, for one fleet, without what it does to the whole process.

It is made to be the one of a process: it is found by a global variable, its set-up puts its own
classes in the place of bleak's for everybody, asks BlueZ for adapters and opens the kernel's
management socket. A program may have several adapters, and one of them may be the system's own. So
it is not set up. What is used of it, the choice between proxies and their slots, works without;
its variable is set only while something looks there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast

from habluetooth import BluetoothManager, BluetoothServiceInfoBleak
from habluetooth.central_manager import CentralBluetoothManager


class _NoAdapters:
    """That there is no Bluetooth in this computer."""

    def __init__(self) -> None:
        self.adapters: dict[str, Any] = {}

    async def refresh(self) -> None:
        """There is nothing to look for."""


class Manager(BluetoothManager):
    """See the module."""

    def __init__(self) -> None:
        super().__init__(cast(Any, _NoAdapters()))

    def _discover_service_info(self, service_info: BluetoothServiceInfoBleak) -> None:
        """Nothing of a fleet is discovered here."""

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Be the manager that habluetooth's classes find."""
        former, CentralBluetoothManager.manager = CentralBluetoothManager.manager, self
        try:
            yield
        finally:
            CentralBluetoothManager.manager = former

    def take_out(self, unregister: Callable[[], None]) -> None:
        """Unregister a scanner whose links have ended.

        It would have them end once more, in the background, if it were not shutting down.
        """
        self.shutdown = True
        try:
            unregister()
        finally:
            self.shutdown = False
