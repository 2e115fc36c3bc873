"""Little systems as the conformance suite wants them."""

from __future__ import annotations

from typing import Any

from bleio.backends.base import Link
from support.hci.world import Device, World
from support.little.air import LittleAir
from support.little.backend import LittleBackend
from support.little.link import MTU, LittleLink


class LittleWorld(World):
    """Systems on one air, in this loop."""

    simulated = True
    mtu = MTU

    async def __aenter__(self) -> World:
        self.air = LittleAir()
        return self

    def make_backend(self, **kwargs: Any) -> LittleBackend:
        return LittleBackend(self.air, **kwargs)

    async def unplug(self, device: Device) -> None:
        backend: Any = device.backend
        backend.lose()

    def silence(self, link: Link) -> None:
        assert isinstance(link, LittleLink)
        link.silent = True

    async def finish(self, device: Device) -> None:
        await device.backend.close()
