"""Advertisement monitors: what bluetoothd has in place of a passive scan.

A monitor asks for packets that have certain octets. While there are any, the kernel scans
passively, whether or not somebody is discovering. Three uses of it are made, two of them not what
monitors are for.

Passive scans. A monitor has to ask for something, so there is no asking for all. `EVERYTHING` comes
near: flags of all values that occur, data of all companies (whose numbers are below 0x1000), lists
and data of services with 16-bit UUIDs. What begins with none of these, a name alone say, is not
heard. Kernel 6.1 has the controller report each device only once then.

Active scans. Discovery has the controller leave out duplicates, so a device is reported when it is
found, and again when the kernel starts the scan anew, every ten seconds. A program that reads
sensors wants each packet. With a monitor registered the kernel has no duplicates left out, also
while discovering; so one is registered that asks for what no device sends (`NOTHING`).

What may surprise: bluetoothd 5.66 has one octet for the length of what it asks the kernel, so eight
patterns in one monitor write over its memory, and it crashes. Kernels have 32 monitors for all
programs together. A pattern without content is refused without a word. Monitors end with the
connection to the bus, so none is left behind by a program that is killed. The interface is there
only if bluetoothd was started with --experimental. bluetoothd releases a monitor that it does not
take, and one that it has taken before it gives it up; the former is said, the latter ends the scan,
which its owner begins anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from dbus_fast import Variant

from bleio.backends.os.bluez.bus import ACCESS_DENIED, UNKNOWN_METHOD, Bus, BusError, Call, Reply
from bleio.backends.os.bluez.objects import MONITOR_MANAGER
from bleio.backends.tasks import abandon
from bleio.core.advertising_fields import AdType

_log = logging.getLogger(__name__)

Pattern = tuple[int, int, bytes]  # where in a structure's content, its AD type, octets there

MONITOR = "org.bluez.AdvertisementMonitor1"
ROOT = "/bleio/monitors"
MOST_PATTERNS = 7  # of one monitor
ACTIVATION_S = 10.0

_FLAGS = (0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x0A, 0x0E, 0x10, 0x12, 0x18, 0x19, 0x1A, 0x1E)
_UUID_BLOCKS = (0x18, 0xFC, 0xFD, 0xFE)  # most significant octets of services that are assigned

EVERYTHING: tuple[Pattern, ...] = (
    *((0, AdType.FLAGS, bytes((flags,))) for flags in _FLAGS),
    *((1, AdType.MANUFACTURER_DATA, bytes((high,))) for high in (*range(0x10), 0xFF)),
    *(
        (1, ad_type, bytes((block,)))
        for ad_type in (AdType.INCOMPLETE_16, AdType.COMPLETE_16, AdType.SERVICE_DATA_16)
        for block in _UUID_BLOCKS
    ),
)
NOTHING: tuple[Pattern, ...] = ((0, AdType.MANUFACTURER_DATA, b"\xff\xff none of the air"),)


class Monitors:
    """The monitors of one scan, which is over when it is closed.

    Args: `adapter`: its object's path. `patterns`: a packet with any of them is wanted.

    `has_ended`: whether bluetoothd has given up what it had activated.
    """

    def __init__(self, bus: Bus, adapter: str, patterns: Sequence[Pattern]) -> None:
        self._bus, self._adapter = bus, adapter
        parts = range(0, len(patterns), MOST_PATTERNS)
        self._patterns = {f"{ROOT}/{at}": patterns[at : at + MOST_PATTERNS] for at in parts}
        self._decided: asyncio.Future[None] | None = None
        self._active: set[str] = set()
        self.has_ended = False

    async def open(self, timeout_s: float = ACTIVATION_S) -> None:
        """Register, and wait until one is active; the others follow. Raises: BusError."""
        self._decided = asyncio.get_running_loop().create_future()
        for path in (ROOT, *self._patterns):
            self._bus.serve(path, self._serve)
        try:
            await self._bus.call(self._adapter, MONITOR_MANAGER, "RegisterMonitor", "o", ROOT)
            await asyncio.wait_for(self._decided, timeout_s)
        except (asyncio.TimeoutError, TimeoutError):
            await self.close()
            text = f"bluetoothd did not begin to monitor in {timeout_s:g} s"
            raise BusError(ACCESS_DENIED, text) from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Unregister. Idempotent."""
        if self._decided is None:
            return
        abandon(self._decided)
        self._decided = None
        try:
            with suppress(BusError):
                await self._bus.call(self._adapter, MONITOR_MANAGER, "UnregisterMonitor", "o", ROOT)
        finally:
            for path in (ROOT, *self._patterns):
                self._bus.unserve(path)

    def _serve(self, call: Call) -> Reply:
        """Answer bluetoothd, which asks what there is and tells what has become of it."""
        match call.interface, call.member:
            case "org.freedesktop.DBus.ObjectManager", "GetManagedObjects":
                objects = {path: self._interfaces(path) for path in self._patterns}
                return Reply("a{oa{sa{sv}}}", (objects,))
            case "org.freedesktop.DBus.Properties", "GetAll" if call.path in self._patterns:
                return Reply("a{sv}", (self._properties(call.path),))
            case "org.bluez.AdvertisementMonitor1", "Activate":
                self._active.add(call.path)
                self._decide(None)
            case "org.bluez.AdvertisementMonitor1", "Release":
                self._released(call.path)
            case "org.bluez.AdvertisementMonitor1", _:
                pass  # DeviceFound and DeviceLost: packets are told by Device1
            case _:
                raise BusError(UNKNOWN_METHOD, "There is no such method")
        return Reply()

    def _released(self, path: str) -> None:
        if path in self._active:
            self.has_ended = True
        elif self._active:  # others are heard by it, so the scan goes on
            _log.warning("bluetoothd has refused a part of a passive scan: it may hear less")
        self._decide(BusError(ACCESS_DENIED, "bluetoothd has refused the monitor"))

    def _decide(self, error: BusError | None) -> None:
        if self._decided is None or self._decided.done():
            return
        if error is None:
            self._decided.set_result(None)
        else:
            self._decided.set_exception(error)

    def _interfaces(self, path: str) -> dict[str, Any]:
        return {MONITOR: self._properties(path)}

    def _properties(self, path: str) -> dict[str, Variant]:
        patterns = [list(pattern) for pattern in self._patterns[path]]
        return {
            "Type": Variant("s", "or_patterns"),
            "Patterns": Variant("a(yyay)", patterns),
        }
