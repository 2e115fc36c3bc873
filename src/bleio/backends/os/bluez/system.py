"""BlueZ as a System (skeleton): one adapter of it, its capabilities, its peripheral."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bleio.backends.capabilities import BLUEZ
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress


class BlueZ(System):
    """See `System`. Args: `adapter`: `hci0` and the like; None: the first that is powered."""

    platform = BLUEZ.name
    capabilities = BLUEZ.can

    def __init__(self, adapter: str | None = None) -> None:
        self.adapter = adapter

    @property
    def name(self) -> str:  # type: ignore[override]
        return "os" if self.adapter is None else f"os:{self.adapter}"

    async def open(self, owner: SystemOwner) -> DeviceAddress:
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of the bus."""

    def scanner_arguments(self) -> Mapping[str, Any]:
        return {"bluez": {"adapter": self.adapter}}

    def client_arguments(self) -> Mapping[str, Any]:
        return {"bluez": {"adapter": self.adapter}}
