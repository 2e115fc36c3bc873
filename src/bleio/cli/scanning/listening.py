"""The scan itself: from the adapter to those that show what it hears.

Packets that have come are taken without a pause, or the buffer would fill; so near a crowd the task
that takes them would never let another one run. It makes room for others every so many packets, and
the one that draws looks at the clock four times a second, however much comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bleio import aio
from bleio.aio.opening import hears_extended, open_now
from bleio.api import Adapter, ScanEntry
from bleio.cli.scanning.device import Device
from bleio.cli.scanning.devices import Devices
from bleio.core.advertising_fields import AdvertisingFields

TICK_S = 0.25
_AT_ONCE = 64  # packets
_BUFFER_OCTETS = 1 << 20
_WEAKEST_DBM = -127


class Shower(Protocol):
    """Shows what is heard. Whatever it raises ends the scan."""

    def begin(self) -> None:
        """The scan has begun."""

    def heard(
        self, entry: ScanEntry, device: Device, fields: AdvertisingFields, now_s: float
    ) -> None:
        """A packet of a device that fits has come, which says `fields`."""

    def tick(self, now_s: float) -> None:
        """Some time has passed."""

    def end(self, now_s: float) -> None:
        """The scan is over."""

    def hint(self, text: str) -> None:
        """Tell the user what may be wrong."""


class Recorder(Protocol):
    """Is given all that is heard."""

    def add(self, entry: ScanEntry) -> None:
        """A packet has come."""

    def close(self) -> None:
        """Nothing more comes."""


@dataclass
class Limits:
    """When a scan ends by itself. `duration_s`: None is never. `count`: devices; 0 is no limit."""

    duration_s: float | None = None
    count: int = 0
    silence_s: float = 5.0


@dataclass
class Listener:
    """One scan.

    Attributes: began: whether it has. now_s: since then. dropped: packets for which there was no
        room.
    """

    adapter: Adapter
    devices: Devices
    shower: Shower
    limits: Limits
    silence: Callable[[], str]  # says why nothing is heard; may take a while
    recorder: Recorder | None = None
    began: bool = False
    now_s: float = 0.0
    dropped: int = 0

    async def listen(self, *, active: bool) -> None:
        """Scan until a limit is reached. Raises: what opening the adapter and scanning raise."""
        await open_now(self.adapter)
        extended = hears_extended(self.adapter)
        async with aio.scan(
            self.adapter,
            extended=extended,
            active=active,
            buffer_size=_BUFFER_OCTETS,
            minimum_rssi=_WEAKEST_DBM,
        ) as entries:
            self.shower.begin()
            self.began, began_s = True, asyncio.get_running_loop().time()
            taking = asyncio.ensure_future(self._take(entries, began_s))
            try:
                await self._watch(taking, entries, began_s)
            finally:
                taking.cancel()
                try:
                    await asyncio.gather(taking, return_exceptions=True)
                finally:  # Ctrl-C may come now, when the scan ends by itself
                    self.shower.end(self.now_s)

    async def _take(self, entries: aio.Scan, began_s: float) -> None:
        loop = asyncio.get_running_loop()
        taken = 0
        async for entry in entries:
            now_s = loop.time() - began_s
            if self.recorder is not None:
                self.recorder.add(entry)
            device, fields, fits = self.devices.add(entry, now_s)
            if fits:
                self.shower.heard(entry, device, fields, now_s)
            taken += 1
            if taken % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _watch(self, taking: asyncio.Future[None], entries: aio.Scan, began_s: float) -> None:
        """Show, until the scan is over. Raises: what has ended it."""
        loop = asyncio.get_running_loop()
        limits, hinted = self.limits, False
        while not self._is_over():
            left_s = TICK_S
            if limits.duration_s is not None:
                left_s = max(0.0, min(TICK_S, limits.duration_s - self.now_s))
            await asyncio.wait({taking}, timeout=left_s)
            self.now_s, self.dropped = loop.time() - began_s, entries.dropped
            if taking.done():
                taking.result()
                return
            if not hinted and not self.devices.packets and self.now_s >= limits.silence_s:
                hinted = True
                self.shower.hint(await asyncio.to_thread(self.silence))
            self.shower.tick(self.now_s)

    def _is_over(self) -> bool:
        limits = self.limits
        timed_out = limits.duration_s is not None and self.now_s >= limits.duration_s
        return timed_out or 0 < limits.count <= self.devices.found
