"""Advertising reports in the two forms of HCI. Spec: Vol 4, Part E, 7.7.65.2, .11 and .13."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bleio.core.address import DeviceAddress
from bleio.core.hci import LeEvent
from bleio.radio.advertising.event import AdvertisingEvent
from bleio.radio.air.privacy import Peer

if TYPE_CHECKING:
    from bleio.radio.controller.core import Controller

# 255 octets of event parameters less subevent, count and the fields of one report.
_FRAGMENT_OCTETS = 229
_ANONYMOUS = 0xFF
_NO_TX_POWER = 127
_NO_SID = 0xFF
_NO_TARGET = DeviceAddress(bytes(6))

_ADV_IND, _ADV_DIRECT_IND, _ADV_SCAN_IND, _ADV_NONCONN_IND, _SCAN_RSP = range(5)
_MORE_DATA = 0b01 << 5

_LEGACY = struct.Struct("<BBB6sB")
_DIRECTED = struct.Struct("<BBB6sB6sb")
_EXTENDED = struct.Struct("<BHB6sBBBbbHB6sB")


class Reports:
    """Formats advertising reports for one controller's host."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def advertisement(
        self, event: AdvertisingEvent, sender: Peer, rssi_dbm: int, *, scan_response: bool
    ) -> None:
        """Report one advertising PDU, or scan response, in the form the host scans with."""
        controller = self._controller
        if controller.congested:
            controller.dropped["advertising report while the host was slow"] += 1
            return
        data = event.scan_response if scan_response else event.data
        if controller.scanner.parameters.extended:
            self._extended(event, sender, rssi_dbm, data, scan_response)
        elif event.target is not None and controller.scanner.parameters.filter_policy & 2:
            self._directed(event.target, sender, rssi_dbm)
        else:
            self._legacy(event, sender, rssi_dbm, data, scan_response)

    def _legacy(
        self, event: AdvertisingEvent, sender: Peer, rssi_dbm: int, data: bytes, scan_response: bool
    ) -> None:
        kind = _SCAN_RSP if scan_response else _legacy_type(event)
        head = _LEGACY.pack(1, kind, sender.hci_type, sender.address.octets, len(data))
        self._controller.events.send_le(
            LeEvent.ADVERTISING_REPORT, head + data + struct.pack("<b", rssi_dbm)
        )

    def _directed(self, target: DeviceAddress, sender: Peer, rssi_dbm: int) -> None:
        self._controller.events.send_le(
            LeEvent.DIRECTED_ADVERTISING_REPORT,
            _DIRECTED.pack(
                1,
                _ADV_DIRECT_IND,
                sender.hci_type,
                sender.address.octets,
                int(target.random),
                target.octets,
                rssi_dbm,
            ),
        )

    def _extended(
        self, event: AdvertisingEvent, sender: Peer, rssi_dbm: int, data: bytes, scan_response: bool
    ) -> None:
        parameters = event.parameters
        properties = _properties(event, scan_response)
        target = event.target or _NO_TARGET
        anonymous = parameters.anonymous
        with_power = parameters.include_tx_power and not parameters.legacy
        for offset in range(0, max(len(data), 1), _FRAGMENT_OCTETS):
            part = data[offset : offset + _FRAGMENT_OCTETS]
            more = _MORE_DATA if offset + len(part) < len(data) else 0
            head = _EXTENDED.pack(
                1,
                properties | more,
                _ANONYMOUS if anonymous else sender.hci_type,
                bytes(6) if anonymous else sender.address.octets,
                parameters.primary_phy,
                0 if parameters.legacy else parameters.secondary_phy,
                _NO_SID if parameters.legacy else parameters.sid,
                parameters.tx_power_dbm if with_power else _NO_TX_POWER,
                rssi_dbm,
                0,
                int(target.random),
                target.octets,
                len(part),
            )
            self._controller.events.send_le(LeEvent.EXTENDED_ADVERTISING_REPORT, head + part)


def _legacy_type(event: AdvertisingEvent) -> int:
    parameters = event.parameters
    if parameters.directed:
        return _ADV_DIRECT_IND
    if parameters.connectable:
        return _ADV_IND
    return _ADV_SCAN_IND if parameters.scannable else _ADV_NONCONN_IND


def _properties(event: AdvertisingEvent, scan_response: bool) -> int:
    parameters = event.parameters
    return (
        int(parameters.connectable)
        | int(parameters.scannable) << 1
        | int(parameters.directed) << 2
        | int(scan_response) << 3
        | int(parameters.legacy) << 4
    )
