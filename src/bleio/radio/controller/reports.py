"""Advertising reports in the three forms of HCI. Spec: Vol 4, Part E, 7.7.65.2, .11 and .13.

Which form a host gets depends on the commands it scans with, not on what was on air: an extended
scan reports legacy advertising too, with a flag; a legacy scan never hears extended advertising.
Each event carries one report, as several would save nothing in a simulation. Data longer than one
event holds come in several, of which all but the last say that there is more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from bleio.core.address import DeviceAddress
from bleio.radio.advertising.event import AdvertisingEvent
from bleio.radio.air.privacy import Peer

# 255 octets of event parameters less subevent, count and the fields of one report.
_FRAGMENT_OCTETS = 229
_ANONYMOUS = 0xFF
_NO_TX_POWER = 127
_NO_SID = 0xFF
_NO_TARGET = DeviceAddress(bytes(6))

_ADV_IND, _ADV_DIRECT_IND, _ADV_SCAN_IND, _ADV_NONCONN_IND, _SCAN_RSP = range(5)
_MORE_DATA = 0b01 << 5

_LEGACY = struct.Struct("<BBB6sB")
_RSSI = struct.Struct("<b")
_DIRECTED = struct.Struct("<BBB6sB6sb")
_EXTENDED = struct.Struct("<BHB6sBBBbbHB6sB")


def legacy(event: AdvertisingEvent, sender: Peer, rssi_dbm: int, scan_response: bool) -> bytes:
    """Make the parameters of LE Advertising Report."""
    kind = _SCAN_RSP if scan_response else _legacy_type(event)
    data = event.scan_response if scan_response else event.data
    head = _LEGACY.pack(1, kind, sender.hci_type, sender.address.octets, len(data))
    return head + data + _RSSI.pack(rssi_dbm)


def directed(target: DeviceAddress, sender: Peer, rssi_dbm: int) -> bytes:
    """Make the parameters of LE Directed Advertising Report.

    That is for a target address which only its host can resolve.
    """
    return _DIRECTED.pack(
        1,
        _ADV_DIRECT_IND,
        sender.hci_type,
        sender.address.octets,
        int(target.random),
        target.octets,
        rssi_dbm,
    )


def extended(
    event: AdvertisingEvent, sender: Peer, rssi_dbm: int, scan_response: bool
) -> Iterator[bytes]:
    """Make the parameters of LE Extended Advertising Report, in fragments where data are long."""
    parameters = event.parameters
    data = event.scan_response if scan_response else event.data
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
        yield head + part


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
