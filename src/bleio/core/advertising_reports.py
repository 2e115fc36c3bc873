"""Advertising reports as controllers send them (Vol 4, Part E, 7.7.65.2 and 7.7.65.13).

Our own host reads them, and so does one that listens to what a controller says to another host. An
event has several reports, and a report is a packet or a part of one (`report_chains`).

What may surprise: a legacy scan response does not say whether its advertiser can be connected to,
so that is remembered from the advertisement before it. An RSSI of 127, which says that the
controller does not know it, is passed on as it is.

Data plane: what reads a packet is called with what the packet says, without an object for it.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Protocol

from bleio.core.address import DeviceAddress
from bleio.core.report_chains import ChainCounters, ReportChains

MAX_REMEMBERED = 256  # advertisers, for legacy scan responses

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


class ReportCounters(ChainCounters, Protocol):
    """Where it is counted what controllers say wrong."""

    malformed: int


class PacketListener(Protocol):
    """Is told each packet. Must not block or raise."""

    def wants_extended(self) -> bool:
        """Whether packets that are no legacy PDUs are of any use at present."""

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
        """A whole packet was received.

        Args: `address`: as it was on air, or if `resolved` an identity that the controller knows.
            `legacy`: whether it was a legacy PDU.
        """


class ReportReader:
    """Reads the reports of one controller, of one scan after another.

    Args: `clock`: any clock, in seconds.
    """

    def __init__(
        self, listener: PacketListener, counters: ReportCounters, clock: Callable[[], float]
    ) -> None:
        self._listener, self._counters, self._clock = listener, counters, clock
        self._chains = ReportChains(counters)
        self._connectable: dict[DeviceAddress, bool] = {}

    def clear(self) -> None:
        """Another scan begins; what came before does not belong to it."""
        self._chains.clear()
        self._connectable.clear()

    def extended(self, event: bytes) -> None:
        """Read an LE Extended Advertising Report event, from the number of its reports on."""
        position = 1
        for _ in range(event[0] if event else 0):
            kind, type_, octets, _, _, set_, _, rssi_dbm, _, _, _, length = _EXTENDED.unpack_from(
                event, position
            )
            position += _EXTENDED.size + length
            if position > len(event):
                self._counters.malformed += 1
                return
            legacy = kind & _LEGACY_PDU != 0
            if not legacy and not self._listener.wants_extended():
                continue
            data = event[position - length : position]
            # 0xFF is an advertiser without any address, which is shown as a random one of zeros.
            address = DeviceAddress(octets, type_ & 1 == 1)
            # Nearly all packets are whole. Only while parts of any are held, or were dropped, must
            # a whole one be looked up: it may be the last part of one.
            if not legacy and (kind & _STATUS or self._chains.held or self._chains.broken):
                whole = self._joined(kind, address, set_, data)
                if whole is None:
                    continue
                data = whole
            self._listener.heard_packet(
                address,
                data,
                rssi_dbm,
                connectable=kind & _CONNECTABLE != 0,
                scan_response=kind & _SCAN_RESPONSE != 0,
                resolved=type_ in _RESOLVED,
                legacy=legacy,
            )

    def _joined(
        self, kind: int, address: DeviceAddress, advertising_set: int, part: bytes
    ) -> bytes | None:
        """Add a part of a packet to what came of it. Returns: all of it, None if more is to come or
        some of it was lost."""
        chain = (address, advertising_set, kind & _SCAN_RESPONSE)
        more = kind & _STATUS == _MORE_TO_COME
        return self._chains.joined(chain, part, more, self._clock())

    def legacy(self, event: bytes) -> None:
        """Read an LE Advertising Report event, from the number of its reports on."""
        position = 1
        for _ in range(event[0] if event else 0):
            kind, address_type, octets, length = _LEGACY.unpack_from(event, position)
            position += _LEGACY.size
            data = event[position : position + length]
            (rssi_dbm,) = _RSSI.unpack_from(event, position + length)
            position += length + 1
            address = DeviceAddress(octets, bool(address_type & 1))
            scan_response = kind == _SCAN_RSP
            if scan_response:
                connectable = self._connectable.get(address, False)
            else:
                connectable = kind in (_ADV_IND, _ADV_DIRECT_IND)
                self._remember(address, connectable)
            self._listener.heard_packet(
                address,
                data,
                rssi_dbm,
                connectable=connectable,
                scan_response=scan_response,
                resolved=address_type in _RESOLVED,
                legacy=True,
            )

    def _remember(self, address: DeviceAddress, connectable: bool) -> None:
        """Keep what an advertisement said: legacy scan responses do not say what they answer."""
        if address not in self._connectable and len(self._connectable) >= MAX_REMEMBERED:
            del self._connectable[next(iter(self._connectable))]
        self._connectable[address] = connectable
