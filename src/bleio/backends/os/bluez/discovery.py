"""Scans of BlueZ's adapter, by what bluetoothd signals of its devices.

bleak's scanner could do it, and would tell less: `scanning.device1` says why the signals themselves
are needed. They come by the connection that is there for all of BlueZ, so there is no second table
of devices, and the first packet is reported as soon as discovery has begun.

Active scans are discovery, with a monitor beside it where bluetoothd has monitors; passive ones
are monitors alone (`monitors`). Each client of bluetoothd may discover, with filters of its own, of
which the kernel gets what they have in common; so another program's scan changes nothing here but
that one without any filter has bluetoothd leave out small changes of RSSI.

A process that may listen to the kernel hears packets octet for octet, scan responses apart
(`scanning.raw`). bluetoothd still scans then, and tells what the kernel does not
(`scanning.lately`).

Where there is neither, the kernel has the controller report each device once for as long as a scan
lasts, which it begins anew every ten seconds. A sensor would be heard with its values of then. So
discovery is ended and begun again every `RENEW_S`, and each time the controller reports all anew.
While another program discovers, bluetoothd goes on for that one, and nothing is gained.

bluetoothd forgets a scan when it is restarted or the adapter is powered off. When the adapter is
back, the scan begins again. So it does within `KEEP_S` when bluetoothd has given up its monitors,
or when the kernel tells its packets no longer. Where nothing at all is heard, bluetoothd may be
wrong about the kernel's scanning (`shared_discovery`), so discovery begins anew every ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bleio.backends.base import Report, ScanParameters
from bleio.backends.capabilities import Capability, require
from bleio.backends.os.bluez.adapter import Adapter
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.monitors import EVERYTHING, NOTHING, Monitors
from bleio.backends.os.bluez.objects import DEVICE, MONITOR_MANAGER
from bleio.backends.os.scanning.counters import ScanCounters
from bleio.backends.os.scanning.device1 import Device1Reports
from bleio.backends.os.scanning.lately import HeardLately
from bleio.backends.os.scanning.raw import RawReports
from bleio.backends.os.system import SystemOwner
from bleio.core.address import AddressType, DeviceAddress
from bleio.errors import InnerError

if TYPE_CHECKING:
    from bleio.backends.os.bluez.system import BlueZ

_log = logging.getLogger(__name__)

BONDS_S = 1.0  # between looks whether the adapter has bonds
DUPLICATES_S = 2.0  # a scan without duplicates is of more use than a late one
KEEP_S = 2.0  # between looks whether the scan is still on
MOST_SILENT_LOOKS = 5  # then discovery is begun anew
RENEW_S = 0.25  # longer than most devices' advertising interval


class Discovery:
    """One scan at a time; see `Scans`. It is made once, and used between opens and closes."""

    def __init__(self, system: BlueZ, owner: SystemOwner) -> None:
        self._system, self._owner = system, owner
        self._wanted: ScanParameters | None = None
        self._lock = asyncio.Lock()  # one change at a time
        self._adapter: Adapter | None = None  # to whose devices `_reports` listens
        self._reports: Device1Reports | None = None
        self._monitors: Monitors | None = None
        self._raw: RawReports | None = None
        self._lately = HeardLately(time.monotonic)
        self._has_bonds, self._bonds_until_s = False, 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._came = asyncio.Event()  # the adapter, again
        self._is_gone = False  # what was registered, with the adapter
        self._has_heard, self._silent_looks = False, 0  # since the last look; without a packet
        self._counters = ScanCounters()

    async def start(self, parameters: ScanParameters) -> None:
        """See `Scans`. Raises: BusError with a sentence."""
        await self.stop()
        self._system.opened.presence.require()
        async with self._lock:
            self._wanted, self._is_gone = parameters, False
            try:
                await self._begin(parameters)
                self._keeper = asyncio.create_task(self._keep_on(parameters))
            except BaseException as error:
                self._wanted = None
                await self._end()
                if isinstance(error, BusError):
                    text = f"{self._system.platform} does not scan: {error.text or error.name}"
                    raise BusError(error.name, text) from error
                raise

    async def stop(self) -> None:
        """See `Scans`."""
        self._wanted = None
        if self._reports is not None:
            self._reports.is_on = False
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        async with self._lock:
            await self._end()

    def heard(self, peer: DeviceAddress) -> Any | None:
        """See `Scans`. An address is enough for BlueZ."""
        return None

    def counters(self) -> Mapping[str, int]:
        """See `Scans`."""
        return self._counters.by_name()

    # What is registered

    async def _begin(self, parameters: ScanParameters) -> None:
        adapter = self._system.opened
        reports = self._listening(adapter)
        bus, path = adapter.objects.bus, adapter.path
        has_monitors = adapter.objects.get(path, MONITOR_MANAGER) is not None
        reports.cumulative = not parameters.active
        reports.is_on = True
        self._raw = self._opened_raw(adapter, parameters)
        if not parameters.active:
            if not has_monitors:
                require(adapter.platform, frozenset(), Capability.PASSIVE_SCANNING)
            self._monitors = Monitors(bus, path, EVERYTHING)
            await self._monitors.open()
            return
        if has_monitors and self._raw is None:
            await self._end_of_duplicates(Monitors(bus, path, NOTHING))
        await adapter.discovery.begin(self)

    async def _end_of_duplicates(self, monitors: Monitors) -> None:
        """Have each packet reported; a scan is of use without that, too."""
        self._monitors = monitors
        try:
            await monitors.open(DUPLICATES_S)
        except BusError as error:
            self._monitors = None
            _log.debug("Duplicates are left out: %s", error)

    async def _end(self) -> None:
        """Take back what `_begin` has done. What is gone already is no fault."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None
        monitors, self._monitors = self._monitors, None
        if self._adapter is not None:
            await self._adapter.discovery.end(self)
        if monitors is not None:
            await monitors.close()

    def _listening(self, adapter: Adapter) -> Device1Reports:
        """Listen from the first scan after `open` on, also between scans."""
        if self._reports is None or adapter is not self._adapter:
            self._reports = Device1Reports(
                adapter.path, self._device, self._reported, self._counters
            )
            self._adapter = adapter
            adapter.objects.listen(self._reports)
            adapter.presence.watch(self)
        return self._reports

    def _device(self, path: str) -> Mapping[str, Any] | None:
        return None if self._adapter is None else self._adapter.objects.get(path, DEVICE)

    def _opened_raw(self, adapter: Adapter, parameters: ScanParameters) -> RawReports | None:
        """Listen to the kernel, if it is this computer's and lets us."""
        number = adapter.kernel_name.removeprefix("hci")
        if not adapter.objects.bus.passes_descriptors or not number.isdecimal():
            return None
        raw = RawReports(int(number), self._reported_raw, self._raw_ended, self._counters)
        try:
            raw.open(parameters.extended)
        except OSError as error:
            _log.debug("Packets come by bluetoothd, as the kernel's are not to be had: %s", error)
            return None
        return raw

    def _reported(self, report: Report) -> None:
        """bluetoothd has told of a packet."""
        self._has_heard = True
        if self._raw is None or report.address not in self._lately:
            self._owner.events.reported(report)

    def _reported_raw(self, report: Report) -> None:
        """The kernel has told of a packet. It may be a bonded peer's whose private address only
        bluetoothd resolves: by that address it could not be connected to, so that is left to it."""
        if report.address.type is AddressType.RANDOM_PRIVATE_RESOLVABLE and self._is_bonded():
            return
        self._lately.add(report.address)
        self._owner.events.reported(report)

    def _is_bonded(self) -> bool:
        """Whether the adapter has bonds, as of lately; there may be thousands of devices."""
        if (now_s := time.monotonic()) >= self._bonds_until_s and self._adapter is not None:
            objects, prefix = self._adapter.objects, f"{self._adapter.path}/"
            self._bonds_until_s = now_s + BONDS_S
            self._has_bonds = any(
                path.startswith(prefix) and (objects.get(path, DEVICE) or {}).get("Paired")
                for path in objects.paths(DEVICE)
            )
        return self._has_bonds

    def _raw_ended(self) -> None:
        """What the kernel tells no longer, bluetoothd goes on telling, if it is asked anew."""
        self._raw = None
        self._is_gone = True

    # AdapterWatcher

    def adapter_went(self, registrations_too: bool) -> None:
        """See `AdapterWatcher`."""
        self._is_gone = True

    def adapter_came(self) -> None:
        """See `AdapterWatcher`."""
        self._came.set()

    async def _keep_on(self, parameters: ScanParameters) -> None:
        """Begin again what the system has ended, as often as it takes.

        After a bluetoothd that was killed the kernel goes on discovering for ten seconds, and
        refuses another one as in progress. (A cancelled `wait_for` may return all the same if what
        it waits for has come, so what is wanted is looked at, too.)
        """
        is_told = False
        while self._wanted is not None:
            with suppress(asyncio.TimeoutError, TimeoutError):
                pause_s = RENEW_S if self._leaves_out_duplicates(parameters) else KEEP_S
                await asyncio.wait_for(self._came.wait(), pause_s)
            self._came.clear()
            adapter = self._adapter
            if adapter is None or not adapter.presence.is_usable or self._wanted is None:
                continue
            async with self._lock:
                try:
                    await self._go_on(adapter, parameters)
                    is_told = False
                except (InnerError, NotImplementedError) as error:
                    if not is_told:
                        _log.warning("Scanning has stopped for now: %s", error)
                    is_told = True

    async def _go_on(self, adapter: Adapter, parameters: ScanParameters) -> None:
        if self._monitors is not None and self._monitors.has_ended:
            self._is_gone = True
        if self._is_gone:
            await self._end()
            self._is_gone = False  # it may go again meanwhile
            try:
                await self._begin(parameters)
            except BaseException:
                self._is_gone = True
                raise
        elif parameters.active:
            if self._leaves_out_duplicates(parameters):
                await adapter.discovery.end(self)
            elif self._is_silent():
                await adapter.discovery.renew()
            if self._wanted is not None:
                await adapter.discovery.begin(self)

    def _is_silent(self) -> bool:
        """Whether nothing has come for so long that bluetoothd may not scan as it believes."""
        silent_looks = 0 if self._has_heard or self._raw is not None else self._silent_looks + 1
        self._has_heard, self._silent_looks = False, silent_looks % MOST_SILENT_LOOKS
        return silent_looks == MOST_SILENT_LOOKS

    def _leaves_out_duplicates(self, parameters: ScanParameters) -> bool:
        """Whether each device is reported once for each time that a scan begins."""
        return parameters.active and self._monitors is None and self._raw is None
