"""Scans by bleak (skeleton)."""

from __future__ import annotations

from typing import Any

from bleio.backends.base import ScanParameters
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress


class Scanner:
    """One scan at a time; each packet that the system lets through goes to `Events.reported`."""

    def __init__(self, system: System, owner: SystemOwner) -> None:
        self._system, self._owner = system, owner

    async def start(self, parameters: ScanParameters) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        """End the scan; does nothing when idle."""

    def heard(self, peer: DeviceAddress) -> Any | None:
        """See `Scans`."""
        return None
