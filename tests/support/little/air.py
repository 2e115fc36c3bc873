"""The air between little systems: who advertises, and connections without time or loss."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bleio.core.address import DeviceAddress

if TYPE_CHECKING:
    from support.little.backend import LittleBackend


class LittleAir:
    """All systems of one loop that are open."""

    def __init__(self) -> None:
        self.systems: list[LittleBackend] = []
        self._made = 0
        self._changed = asyncio.Event()

    def new_address(self) -> DeviceAddress:
        """An address for a system, which nobody can choose."""
        self._made += 1
        return DeviceAddress(bytes((self._made, 0, 0, 0, 0, 0xC0)), random=True)

    def changed(self) -> None:
        """Something began or ended that somebody may wait for."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()

    def advertiser(self, address: DeviceAddress) -> LittleBackend | None:
        """The system with that address, if it can be connected to now."""
        for system in self.systems:
            if system.address == address and system.advertised is not None:
                return system
        return None

    def scanners(self, advertiser: LittleBackend) -> list[LittleBackend]:
        """Whoever hears an advertiser."""
        return [system for system in self.systems if system.scanning and system is not advertiser]
