"""Beginning and ending bleak's scanners, so that none stays on of which nobody knows any more.

`start` of bleak on Windows and macOS waits for the system once it has begun. What is cancelled
meanwhile has begun all the same, and nothing but `stop` ends it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bleak import BleakScanner

_log = logging.getLogger(__name__)

STOP_S = 5.0


async def begin(scanner: BleakScanner) -> None:
    """Start it; if that is cancelled it is off again. Raises: what bleak raises."""
    try:
        await scanner.start()
    except asyncio.CancelledError:
        await end(scanner)
        raise


async def end(scanner: BleakScanner) -> None:
    """Stop it. What has ended by itself, or never quite begun, is no fault."""
    try:
        await asyncio.wait_for(scanner.stop(), STOP_S)
    except Exception as error:  # bleak raises what it comes upon in a scanner that is half on
        _log.debug("A scan could not be stopped: %r", error)
