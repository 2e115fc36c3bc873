"""Scanning: the commands, and advertising reports as they come (Vol 4, Part E, 7.7.65.2 and .13).

Data plane: one `Report` per packet, cut out of the event; no de-duplication. An RSSI of 127, which
says that the controller does not know it, is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from bleio.backends.base import Report, ScanParameters
from bleio.backends.hci.bringup import ControllerFacts
from bleio.backends.hci.layer import HciLayer
from bleio.backends.hci.opcodes import LeEvent, Opcode
from bleio.core.address import DeviceAddress
from bleio.errors import InvalidParameter

MAX_FRAGMENTED = 16  # advertisers whose long packets arrive at the same time
MAX_REMEMBERED = 256  # advertisers, for legacy scan responses
MAX_DATA_OCTETS = 1650  # Vol 6, Part B, 2.3.4.9

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

_PHY_1M = 0x01


class Scanner:
    """The one scanner of a controller; `reported` gets every packet while it scans."""

    def __init__(
        self,
        layer: HciLayer,
        facts: ControllerFacts,
        own_address_type: Callable[[], int],
        reported: Callable[[Report], None],
    ) -> None:
        self.dropped_fragments = 0
        self._layer = layer
        self._facts = facts
        self._own_address_type = own_address_type
        self._reported = reported
        self._scanning = False
        self._extended = False
        self._fragments: dict[tuple[DeviceAddress, int, int], bytes] = {}
        self._connectable: dict[DeviceAddress, bool] = {}
        layer.le_events[LeEvent.ADVERTISING_REPORT] = self._legacy_reports
        layer.le_events[LeEvent.EXTENDED_ADVERTISING_REPORT] = self._extended_reports

    async def start(self, parameters: ScanParameters) -> None:
        """Scan on the 1M PHY; `extended` also passes on what legacy PDUs cannot hold."""
        interval = parameters.interval_us // _US_PER_UNIT
        window = parameters.window_us // _US_PER_UNIT
        if not self._facts.extended_advertising:
            if parameters.extended:
                raise InvalidParameter("This controller cannot receive extended advertising")
            if interval > _MAX_LEGACY_UNITS:
                raise InvalidParameter("This controller scans at intervals of at most 10.24 s")
        self._extended = parameters.extended
        self._fragments.clear()
        self._connectable.clear()
        await self._layer.request(*self._parameters(parameters.active, interval, window))
        self._scanning = True
        try:
            await self._enable(True)
        except BaseException:
            self._scanning = False
            raise

    async def stop(self) -> None:
        """Stop scanning; nothing is reported from now on."""
        if self._scanning:
            self._scanning = False
            await self._enable(False)

    def _parameters(self, active: bool, interval: int, window: int) -> tuple[Opcode, bytes]:
        timing = interval.to_bytes(2, "little") + window.to_bytes(2, "little")
        own = self._own_address_type()
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

    def _extended_reports(self, event: bytes) -> None:
        if not self._scanning:
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
        if not (kind & _LEGACY_PDU or self._extended):
            return
        # 2 and 3 are identities that the controller resolved; 0xFF is an advertiser without any
        # address, which is shown as a random one of zeros.
        address = DeviceAddress(octets, bool(address_type & 1))
        if kind & _STATUS or self._fragments:
            key = (address, advertising_set, kind & _SCAN_RESPONSE)
            data = self._fragments.pop(key, b"") + data
            if kind & _STATUS == _MORE_TO_COME:
                self._keep(key, data)
                return
        self._reported(
            Report(address, data, rssi, bool(kind & _CONNECTABLE), bool(kind & _SCAN_RESPONSE))
        )

    def _keep(self, key: tuple[DeviceAddress, int, int], data: bytes) -> None:
        """Keep a part of a long packet; the oldest gives way to the newest."""
        if len(data) > MAX_DATA_OCTETS:
            self.dropped_fragments += 1
            return
        if len(self._fragments) >= MAX_FRAGMENTED:
            del self._fragments[next(iter(self._fragments))]
            self.dropped_fragments += 1
        self._fragments[key] = data

    def _legacy_reports(self, event: bytes) -> None:
        if not self._scanning:
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
            self._reported(Report(address, data, rssi, connectable, scan_response))

    def _remember(self, address: DeviceAddress, connectable: bool) -> None:
        """Legacy scan responses do not say what they answer."""
        if address not in self._connectable and len(self._connectable) >= MAX_REMEMBERED:
            del self._connectable[next(iter(self._connectable))]
        self._connectable[address] = connectable
