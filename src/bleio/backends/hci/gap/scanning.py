"""Scanning: the commands, and advertising reports as they come (Vol 4, Part E, 7.7.65.2 and .13).

Two users share the one scanner: the program, which wants all packets, and a connect that looks for
a peer with a private address (`find`), whose packets no program sees. So it is on while either
wants it, with the program's parameters if there is one.

Data plane: one `Report` per packet, cut out of the event (`core.advertising_reports`); no
de-duplication. The address of a report is the identity of the sender, if it is known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bleio.backends.base import Report, ScanParameters
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.privacy import Privacy
from bleio.backends.hci.gap.resolving import Resolver
from bleio.core.address import DeviceAddress
from bleio.core.advertising_reports import ReportReader
from bleio.core.hci import LeEvent
from bleio.errors import ControllerError, InnerError, InvalidParameter

_log = logging.getLogger(__name__)

_US_PER_UNIT = 625
_MAX_LEGACY_UNITS = 0x4000

_PHY_1M = 0x01

_SEEKING = ScanParameters(active=False)


class ScanControl:
    """The one scanner of a controller; `reported` gets every packet while `start` holds.

    It also scans to find single peers, unseen by others. See `User` for being paused.
    """

    def __init__(
        self,
        layer: HciLayer,
        facts: ControllerFacts,
        privacy: Privacy,
        resolver: Resolver,
        reported: Callable[[Report], None],
    ) -> None:
        self._layer = layer
        self._facts = facts
        self._privacy = privacy
        self._resolver = resolver
        self._reported = reported
        self._wanted: ScanParameters | None = None
        self._going: ScanParameters | None = None  # what the controller does
        # Peers that `find` waits for.
        self._sought: dict[asyncio.Future[DeviceAddress], DeviceAddress] = {}
        self._extended = False
        self._told_of_legacy = False
        self._reader = ReportReader(self, layer.counters, _now_s)
        layer.on_event(LeEvent.ADVERTISING_REPORT, self._legacy_reports)
        layer.on_event(LeEvent.EXTENDED_ADVERTISING_REPORT, self._extended_reports)

    async def start(self, parameters: ScanParameters) -> None:
        """Scan on the 1M PHY; `extended` also passes on what legacy PDUs cannot hold.

        A controller that cannot hear extended advertising still hears all legacy PDUs then.
        """
        if not self._facts.extended_advertising:
            if parameters.interval_us // _US_PER_UNIT > _MAX_LEGACY_UNITS:
                raise InvalidParameter("This controller scans at intervals of at most 10.24 s")
            if parameters.extended and not self._told_of_legacy:
                self._told_of_legacy = True
                _log.warning("This controller hears legacy advertising only, no extended packets")
        self._wanted = parameters
        try:
            await self._follow()
        except BaseException:
            self._wanted = None
            raise

    async def stop(self) -> None:
        """Stop scanning; nothing is reported from now on."""
        self._wanted = None
        await self._follow()

    async def find(self, identity: DeviceAddress) -> DeviceAddress:
        """Wait until a peer that can be connected to is heard. Returns: its address on the air."""
        found: asyncio.Future[DeviceAddress] = asyncio.get_running_loop().create_future()
        self._sought[found] = identity
        try:
            await self._follow()
            return await found
        finally:
            del self._sought[found]
            if self._wanted is None and not self._sought:
                await self._stop_seeking()

    async def _stop_seeking(self) -> None:
        """Stop a scan that was only for a peer. What it has come to is told already, so a refusal
        must not take its place; the next scan or connection will tell."""
        try:
            await self._follow()
        except InnerError as error:
            _log.debug("Scanning for a peer could not be stopped: %s", error)

    # Part of `User`

    @property
    def on_air(self) -> bool:
        return self._going is not None

    async def pause(self) -> None:
        if self.on_air:
            await self._enable(False)

    async def resume(self) -> None:
        going, self._going = self._going, None
        if going is None:
            return
        try:
            await self._go(going)
        except ControllerError as error:
            _log.warning("Scanning has ended: %s", error)

    async def _follow(self) -> None:
        """Scan as it is wanted now, or not at all. Who is cancelled meanwhile wants nothing."""
        await self._privacy.undivided(self._scan_as_wanted, self._scan_as_wanted)

    async def _scan_as_wanted(self) -> None:
        """Parameters cannot be changed while scanning, so it always stops first.

        Which scan is wanted is looked at here: it may have changed while the lock was waited for.
        """
        wanted = self._wanted or (_SEEKING if self._sought else None)
        if wanted is self._going:
            return
        if self.on_air:
            self._going = None
            await self._enable(False)
        if wanted is not None:
            await self._privacy.prepare()
            self._reader.clear()
            await self._go(wanted)

    async def _go(self, parameters: ScanParameters) -> None:
        interval = parameters.interval_us // _US_PER_UNIT
        window = parameters.window_us // _US_PER_UNIT
        self._extended = parameters.extended
        await self._layer.request(*self._parameters(parameters.active, interval, window))
        self._going = parameters  # reports may come before the answer
        try:
            await self._enable(True)
        except BaseException:
            self._going = None
            raise

    def _parameters(self, active: bool, interval: int, window: int) -> tuple[Opcode, bytes]:
        timing = interval.to_bytes(2, "little") + window.to_bytes(2, "little")
        own = self._privacy.own_address.random
        if self._facts.extended_advertising:
            head = bytes((own, 0, _PHY_1M, active))
            return Opcode.LE_SET_EXTENDED_SCAN_PARAMETERS, head + timing
        return Opcode.LE_SET_SCAN_PARAMETERS, bytes((active,)) + timing + bytes((own, 0))

    async def _enable(self, enable: bool) -> None:
        if self._facts.extended_advertising:
            parameters = bytes((enable, 0, 0, 0, 0, 0))  # all packets, no duration, no period
            await self._layer.request(Opcode.LE_SET_EXTENDED_SCAN_ENABLE, parameters)
        else:
            await self._layer.request(Opcode.LE_SET_SCAN_ENABLE, bytes((enable, 0)))

    # Events, and PacketListener

    def _extended_reports(self, event: bytes) -> None:
        if self._going is not None:
            self._reader.extended(event)

    def _legacy_reports(self, event: bytes) -> None:
        if self._going is not None:
            self._reader.legacy(event)

    def wants_extended(self) -> bool:
        """See `PacketListener`. One that looks for a peer hears extended packets also while the
        program wants none."""
        return self._extended or bool(self._sought)

    def heard_packet(
        self,
        address: DeviceAddress,
        data: bytes,
        rssi_dbm: int,
        *,
        connectable: bool,
        scan_response: bool,
        resolved: bool,
        legacy: bool,
    ) -> None:
        """See `PacketListener`. Pass a packet on to what waits for it."""
        peer = address
        if self._resolver.keys:  # of bonds; without them, nobody is anybody else
            peer = address if resolved else self._resolver.identity_of(address)
            self._resolver.heard(peer, None if resolved else address)
        # A peer that is sought but does not take connections at present is waited for further.
        if self._sought and connectable:
            for found, identity in self._sought.items():
                if identity == peer and not found.done():
                    found.set_result(address)
        if self._wanted is not None and (legacy or self._extended):
            self._reported(Report(peer, data, rssi_dbm, connectable, scan_response))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
