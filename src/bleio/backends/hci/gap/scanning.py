"""Scanning: the commands, and advertising reports as they come (Vol 4, Part E, 7.7.65.2 and .13).

Two users share the one scanner: the program, which wants all packets, and a connect that looks for
a peer with a private address (`find`), whose packets no program sees. So it is on while either
wants it, with the program's parameters if there is one.

Data plane: one `Report` per packet, cut out of the event; no de-duplication. An RSSI of 127, which
says that the controller does not know it, is passed on as it is. The address of a report is the
identity of the sender, if it is known.

What may surprise: a long packet comes in several reports, between which those of other advertisers
may come, and any part may be missing (`chains`). And a legacy scan response does not say whether
its advertiser can be connected to, so that is remembered from the advertisement before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from struct import Struct

from bleio.backends.base import Report, ScanParameters
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.chains import ReportChains
from bleio.backends.hci.gap.privacy import Privacy
from bleio.backends.hci.gap.resolving import Resolver
from bleio.core.address import DeviceAddress
from bleio.core.hci import LeEvent
from bleio.errors import ControllerError, InnerError, InvalidParameter

_log = logging.getLogger(__name__)

MAX_REMEMBERED = 256  # advertisers, for legacy scan responses

_US_PER_UNIT = 625
_MAX_LEGACY_UNITS = 0x4000

# event type (2), address type, address (6), PHYs (2), set, tx power, RSSI, periodic interval (2),
# direct address type, direct address (6), data length
_EXTENDED = Struct("<HB6sBBBbbHB6sB")
_LEGACY = Struct("<BB6sB")  # event type, address type, address, data length
_RSSI = Struct("<b")

# Bits of an extended report's event type
_CONNECTABLE = 0x01
_SCAN_RESPONSE = 0x08
_LEGACY_PDU = 0x10
_MORE_TO_COME = 0x20
_STATUS = 0x60

# Event types of legacy reports
_ADV_IND = 0x00
_ADV_DIRECT_IND = 0x01
_SCAN_RSP = 0x04

# Address types of identities that the controller resolved
_RESOLVED = (2, 3)

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
        self.on_air = False
        self._layer = layer
        self._facts = facts
        self._privacy = privacy
        self._resolver = resolver
        self._reported = reported
        self._wanted: ScanParameters | None = None
        # Peers that `find` waits for.
        self._sought: dict[asyncio.Future[DeviceAddress], DeviceAddress] = {}
        self._extended = False
        self._told_of_legacy = False
        self._chains = ReportChains(layer.counters)
        self._connectable: dict[DeviceAddress, bool] = {}
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
            await self._restart()
        except BaseException:
            self._wanted = None
            raise

    async def stop(self) -> None:
        """Stop scanning; nothing is reported from now on."""
        if self._wanted is not None:
            self._wanted = None
            await self._restart()

    async def find(self, identity: DeviceAddress) -> DeviceAddress:
        """Wait until a peer that can be connected to is heard. Returns: its address on the air."""
        found: asyncio.Future[DeviceAddress] = asyncio.get_running_loop().create_future()
        self._sought[found] = identity
        try:
            if not self.on_air:
                await self._restart()
            return await found
        finally:
            del self._sought[found]
            if self._wanted is None and not self._sought:
                await self._stop_seeking()

    async def _stop_seeking(self) -> None:
        """Stop a scan that was only for a peer. What it has come to is told already, so a refusal
        must not take its place; the next scan or connection will tell."""
        try:
            await self._restart()
        except InnerError as error:
            _log.debug("Scanning for a peer could not be stopped: %s", error)

    # Part of `User`

    async def pause(self) -> None:
        if self.on_air:
            await self._enable(False)

    async def resume(self) -> None:
        if not self.on_air:
            return
        try:
            await self._go(self._wanted or _SEEKING)
        except ControllerError as error:
            _log.warning("Scanning has ended: %s", error)
            self.on_air = False

    async def _restart(self) -> None:
        """Scan as it is wanted now, or not at all.

        Parameters cannot be changed while scanning, so it always stops first. Which scan is wanted
        is looked at under the lock: another call may have changed it while this one waited.
        """
        async with self._privacy.lock:
            if self.on_air:
                self.on_air = False
                await self._enable(False)
            if self._wanted is None and not self._sought:
                return
            await self._privacy.prepare()
            self._chains.clear()
            self._connectable.clear()
            await self._go(self._wanted or _SEEKING)

    async def _go(self, parameters: ScanParameters) -> None:
        interval = parameters.interval_us // _US_PER_UNIT
        window = parameters.window_us // _US_PER_UNIT
        self._extended = parameters.extended
        await self._layer.request(*self._parameters(parameters.active, interval, window))
        self.on_air = True  # reports may come before the answer
        try:
            await self._enable(True)
        except BaseException:
            self.on_air = False
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

    def _heard(self, on_air: DeviceAddress, resolved: bool, wanted: bool, report: Report) -> None:
        """Pass a report on to what waits for it.

        Args: `resolved`: by the controller. `wanted`: what a scan would report.
        """
        address = report.address
        self._resolver.heard(address, None if resolved else on_air)
        # A peer that is sought but does not take connections at present is waited for further.
        if self._sought and report.connectable:
            for found, identity in self._sought.items():
                if identity == address and not found.done():
                    found.set_result(on_air)
        if wanted and self._wanted is not None:
            self._reported(report)

    def _extended_reports(self, event: bytes) -> None:
        if not self.on_air:
            return
        position = 1
        for _ in range(event[0] if event else 0):
            fields = _EXTENDED.unpack_from(event, position)
            position += _EXTENDED.size
            data = event[position : position + fields[-1]]
            position += fields[-1]
            if position > len(event):
                self._layer.counters.malformed += 1
                return
            self._extended_report(fields[0], fields[1], fields[2], fields[5], fields[7], data)

    def _extended_report(
        self,
        kind: int,
        address_type: int,
        octets: bytes,
        advertising_set: int,
        rssi: int,
        data: bytes,
    ) -> None:
        # One that looks for a peer hears extended packets also while the program wants none.
        wanted = bool(kind & _LEGACY_PDU) or self._extended
        if not (wanted or self._sought):
            return
        # 0xFF is an advertiser without any address, which is shown as a random one of zeros.
        address = DeviceAddress(octets, bool(address_type & 1))
        # Nearly all packets are whole. Only while parts of any are held, or were dropped, must a
        # whole one be looked up: it may be the last part of one.
        in_parts = kind & _STATUS or self._chains.held or self._chains.broken
        if in_parts and not kind & _LEGACY_PDU:
            chain = (address, advertising_set, kind & _SCAN_RESPONSE)
            more = kind & _STATUS == _MORE_TO_COME
            whole = self._chains.joined(chain, data, more, asyncio.get_running_loop().time())
            if whole is None:
                return
            data = whole
        resolved = address_type in _RESOLVED
        peer = address if resolved else self._resolver.identity_of(address)
        self._heard(
            address,
            resolved,
            wanted,
            Report(peer, data, rssi, bool(kind & _CONNECTABLE), bool(kind & _SCAN_RESPONSE)),
        )

    def _legacy_reports(self, event: bytes) -> None:
        if not self.on_air:
            return
        position = 1
        for _ in range(event[0] if event else 0):
            kind, address_type, octets, length = _LEGACY.unpack_from(event, position)
            position += _LEGACY.size
            data = event[position : position + length]
            (rssi,) = _RSSI.unpack_from(event, position + length)
            position += length + 1
            address = DeviceAddress(octets, bool(address_type & 1))
            scan_response = kind == _SCAN_RSP
            if scan_response:
                connectable = self._connectable.get(address, False)
            else:
                connectable = kind in (_ADV_IND, _ADV_DIRECT_IND)
                self._remember(address, connectable)
            resolved = address_type in _RESOLVED
            peer = address if resolved else self._resolver.identity_of(address)
            report = Report(peer, data, rssi, connectable, scan_response)
            self._heard(address, resolved, True, report)

    def _remember(self, address: DeviceAddress, connectable: bool) -> None:
        """Keep what an advertisement said: legacy scan responses do not say what they answer."""
        if address not in self._connectable and len(self._connectable) >= MAX_REMEMBERED:
            del self._connectable[next(iter(self._connectable))]
        self._connectable[address] = connectable
