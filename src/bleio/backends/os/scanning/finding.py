"""A scan that ends when it has found one device, for a connection to it.

It reports nothing to the program, and a scan of the program may go on beside it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from bleio.backends.os.scanning import ending
from bleio.backends.os.scanning.platform_data import reader_for
from bleio.backends.os.system import System
from bleio.core.address import DeviceAddress

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

_log = logging.getLogger(__name__)


async def find_device(
    system: System, peer: DeviceAddress, platform: str = sys.platform
) -> BLEDevice:
    """Return bleak's object of a device, once it is heard. Raises: what bleak raises."""
    from bleak import BleakScanner

    found: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()
    reader = reader_for(platform)

    def called_back(device: BLEDevice, heard: AdvertisementData) -> None:
        try:
            report = reader.read(device, heard, True)
        except Exception as error:  # of objects that are the system's
            _log.debug("What bleak reports cannot be read: %r", error)
            return
        if report is not None and report.address == peer and not found.done():
            found.set_result(device)

    scanner = BleakScanner(detection_callback=called_back, **system.scanner_arguments())
    await ending.begin(scanner)
    try:
        return await found
    finally:
        await ending.end(scanner)
