"""A capture of all that a scan has heard, filters or not, for Wireshark and `bleio decode`.

Each packet is written as the event in which a controller reports it to its host: LE Advertising
Report for what fits one, LE Extended Advertising Report for longer data. An operating system tells
less than a controller, and so does `_bleio`: whether a packet was scannable or directed, and on
which channel it came, is not known. What is known, address, data, strength, and whether it can be
connected to, is as it came. (`BLEIO_CAPTURE` has what an HCI controller really said.)
"""

from __future__ import annotations

import time
from struct import Struct

from bleio.api import Address, ScanEntry
from bleio.backends.hci.capture.tap import CaptureFile
from bleio.core.hci import EVENT_PACKET

_LE_META = 0x3E
_LEGACY, _EXTENDED = 0x02, 0x0D  # subevents
_ADV_IND, _ADV_NONCONN_IND, _SCAN_RSP = 0, 3, 4
_MOST_LEGACY = 31  # octets of data
_MOST_EXTENDED = 229  # in one event
_LEGACY_HEAD = Struct("<BBB6sB")  # number of reports, event type, address type, address, length
_EXTENDED_HEAD = Struct("<BHB6sBBBbbHB6sB")
_CONNECTABLE, _SCAN_RESPONSE, _MORE_TO_COME = 0x01, 0x08, 0x20
_PHY_1M, _NO_SET, _NO_POWER = 1, 0xFF, 127


class ScanRecording:
    """A file that packets are written to. Args: adapter: its name there. Raises: OSError."""

    def __init__(self, path: str, adapter: str) -> None:
        self._file = CaptureFile(path)
        self._adapter = self._file.add_adapter(adapter)
        self.close = self._file.close

    def add(self, entry: ScanEntry) -> None:
        """Write a packet."""
        now_us = time.time_ns() // 1_000
        for event in events(entry):
            self._file.add(self._adapter, now_us, event, to_host=True)


def events(entry: ScanEntry) -> list[bytes]:
    """Return the H4 packets that report one advertising packet."""
    data = entry.advertisement_bytes
    if len(data) <= _MOST_LEGACY:
        return [_event(_LEGACY, _legacy(entry, data))]
    parts = [data[at : at + _MOST_EXTENDED] for at in range(0, len(data), _MOST_EXTENDED)]
    return [
        _event(_EXTENDED, _extended(entry, part, more=index < len(parts)))
        for index, part in enumerate(parts, 1)
    ]


def _event(subevent: int, body: bytes) -> bytes:
    return bytes([EVENT_PACKET, _LE_META, 1 + len(body), subevent]) + body


def _legacy(entry: ScanEntry, data: bytes) -> bytes:
    kind = _ADV_IND if entry.connectable else _ADV_NONCONN_IND
    if entry.scan_response:
        kind = _SCAN_RSP
    address = entry.address
    random = address.type != Address.PUBLIC
    head = _LEGACY_HEAD.pack(1, kind, random, address.address_bytes, len(data))
    return head + data + bytes([entry.rssi & 0xFF])


def _extended(entry: ScanEntry, part: bytes, *, more: bool) -> bytes:
    kind = _CONNECTABLE * entry.connectable | _SCAN_RESPONSE * entry.scan_response
    address = entry.address
    random = address.type != Address.PUBLIC
    return (
        _EXTENDED_HEAD.pack(
            *(1, kind | _MORE_TO_COME * more, random, address.address_bytes, _PHY_1M, _PHY_1M),
            *(_NO_SET, _NO_POWER, entry.rssi, 0, 0, bytes(6), len(part)),
        )
        + part
    )
