"""Scans by bleak, on the systems that have no better way.

bleak calls back for each packet that the system passes on, in the engine's loop. What comes is
made a `Report` (`platform_data`), and the device is remembered, since it is what connecting takes.

bleak keeps an object for each device that it has heard since it was started, and a scan may go on
for days among devices that change their addresses every quarter of an hour. It has no way to forget
them but to start anew, so that is done when there are more than `MOST_NAMES`.

A scan that the system ends, since its user switches Bluetooth off, ends without a word on Windows,
and goes on by itself on macOS when Bluetooth is back.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bleio.backends.base import ScanParameters
from bleio.backends.os.scanning import ending
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.platform_data import Reader, reader_for
from bleio.backends.os.seen import SeenDevices
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.errors import InnerError

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

_log = logging.getLogger(__name__)

RETRY_S = 2.0  # while the system refuses to go on with a scan
MOST_NAMES = 8192  # of devices that bleak keeps for one scan


class ScanRefused(InnerError):
    """The system does not scan; the text is a sentence with what it says."""


class Scanner:
    """One scan at a time; each packet that the system lets through goes to `Events.reported`.

    Args: `platform`: as `sys.platform` has it, how to read what bleak hands through.
    """

    def __init__(self, system: System, owner: SystemOwner, platform: str = sys.platform) -> None:
        self._system, self._owner, self._platform = system, owner, platform
        self._parameters: ScanParameters | None = None  # of the scan that there is
        self._scanner: BleakScanner | None = None
        self._reader: Reader = reader_for(platform)
        self._seen = SeenDevices()
        self._names: set[str] = set()
        self._counters = ScanCounters()
        self._renewal: asyncio.Task[None] | None = None

    async def start(self, parameters: ScanParameters) -> None:
        """Scan from now on, in place of a scan that there is. Raises: ScanRefused."""
        await self.stop()
        self._parameters = parameters
        try:
            await self._start(parameters)
        except BaseException:
            self._parameters = None
            raise

    async def stop(self) -> None:
        """End the scan; does nothing when idle. Nothing is reported from now on."""
        self._parameters = None
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})
            self._renewal = None
        await self._stop()

    def heard(self, peer: DeviceAddress) -> BLEDevice | None:
        """See `Scans`."""
        return self._seen.device(peer)

    def counters(self) -> Mapping[str, int]:
        """See `Scans`."""
        return self._counters.by_name()

    async def _start(self, parameters: ScanParameters) -> None:
        from bleak import BleakScanner
        from bleak.exc import BleakError

        self._names.clear()
        self._reader = reader_for(self._platform)
        scanner = BleakScanner(
            detection_callback=self._called_back,
            scanning_mode="active" if parameters.active else "passive",
            **self._system.scanner_arguments(),
        )
        try:
            await ending.begin(scanner)
        except (BleakError, OSError) as error:
            raise ScanRefused(f"{self._system.platform} does not scan: {error}") from error
        self._scanner = scanner

    async def _stop(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            await ending.end(scanner)

    def _called_back(self, device: BLEDevice, heard: AdvertisementData) -> None:
        if self._parameters is None:
            return
        try:
            report = self._reader.read(device, heard, self._parameters.extended)
        except Exception as error:  # of objects that are the system's
            self._counters.malformed += 1
            _log.debug("What bleak reports cannot be read: %r", error)
            return
        if report is not None:
            self._seen.remember(report.address, device)
            self._owner.events.reported(report)
        self._names.add(device.address)
        if len(self._names) > MOST_NAMES and self._renewal is None:
            self._renewal = asyncio.ensure_future(self._renew(self._parameters))

    async def _renew(self, parameters: ScanParameters) -> None:
        """Have bleak forget what it has heard. The program's scan goes on, as soon as it can."""
        await self._stop()
        is_told = False
        while self._scanner is None:
            try:
                await self._start(parameters)
            except ScanRefused as error:
                if not is_told:
                    _log.warning("Scanning has stopped for now: %s", error)
                is_told = True
                await asyncio.sleep(RETRY_S)
        self._renewal = None
