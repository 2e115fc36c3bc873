"""Advertising channel PDUs as octets. Spec: Vol 6, Part B, 2.3.

The model passes objects along, not octets: a scanner is handed the event, and reads its data there.
Of a PDU it needs the length, as that is time on air. Octets are made only while the air is watched,
by a capture or a test; they are therefore made from the same objects, so that a capture shows what
the model did and not a second opinion of it. The CRC is left out; captures add it.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

from bleio.core.address import DeviceAddress
from bleio.radio.advertising.parameters import AdvertisingSetParameters
from bleio.radio.air.station import Station
from bleio.radio.connection.anchors import accuracy_code
from bleio.radio.connection.parameters import ConnectionParameters

ADV_IND, ADV_DIRECT_IND, ADV_NONCONN_IND, SCAN_REQ, SCAN_RSP, CONNECT_IND, ADV_SCAN_IND = range(7)
ADV_EXT_IND = 7  # and AUX_ADV_IND, AUX_SCAN_RSP, AUX_CHAIN_IND
AUX_CONNECT_RSP = 8

ADDRESS_OCTETS = 6
SCAN_REQUEST_OCTETS = 2 * ADDRESS_OCTETS
CONNECT_REQUEST_OCTETS = 34
EXTENDED_PRIMARY_OCTETS = 7  # flags, ADI and AuxPtr

_ADV_A, _TARGET_A, _ADI, _AUX_PTR, _TX_POWER = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 6
_ADI_OCTETS, _AUX_PTR_OCTETS, _TX_POWER_OCTETS = 2, 3, 1
_AUX_OFFSET_UNIT_US = 30
# 255 octets of payload less the extended header with all that we put into it.
AUX_DATA_OCTETS = 255 - 2 - 6 - 6 - 2 - 3 - 1
_CONNECT = struct.Struct("<I3sBHHHH5sB")
_HOP = 7
_CHANNEL_SELECTION_2 = 1 << 5


class LegacyAdvertised(Protocol):
    """What `legacy` is made from."""

    @property
    def parameters(self) -> AdvertisingSetParameters: ...
    @property
    def own(self) -> DeviceAddress: ...
    @property
    def target(self) -> DeviceAddress | None: ...
    @property
    def data(self) -> bytes: ...


class Advertised(LegacyAdvertised, Protocol):
    """What the packets of an advertising event are made from."""

    scan_response: bytes
    identifier: int


class ConnectFields(Protocol):
    """What a connection request is made from."""

    station: Station
    own: DeviceAddress
    parameters: ConnectionParameters
    access_address: int
    crc_init: int
    window_offset_us: int
    channel_map: int


def _with_header(
    kind: int, sender: DeviceAddress | None, receiver: DeviceAddress | None, body: bytes
) -> bytes:
    """Header with the address types of what is in the payload."""
    tx_random = sender is not None and sender.random
    rx_random = receiver is not None and receiver.random
    flags = kind | tx_random << 6 | rx_random << 7
    return bytes((flags, len(body))) + body


# -- legacy --


def _legacy_type(event: LegacyAdvertised) -> int:
    parameters = event.parameters
    if parameters.directed:
        return ADV_DIRECT_IND
    if parameters.connectable:
        return ADV_IND
    return ADV_SCAN_IND if parameters.scannable else ADV_NONCONN_IND


def legacy_octets(event: Advertised) -> int:
    """Payload of `legacy`."""
    if event.target is not None:
        return 2 * ADDRESS_OCTETS
    return ADDRESS_OCTETS + len(event.data)


def legacy(event: LegacyAdvertised) -> bytes:
    """ADV_IND and its relatives."""
    target = event.target
    body = event.own.octets + (event.data if target is None else target.octets)
    kind = _legacy_type(event)
    if kind in (ADV_IND, ADV_DIRECT_IND):
        kind |= _CHANNEL_SELECTION_2
    return _with_header(kind, event.own, target, body)


def scan_response(event: Advertised) -> bytes:
    """SCAN_RSP."""
    return _with_header(SCAN_RSP, event.own, None, event.own.octets + event.scan_response)


# -- requests --


def scan_request(event: Advertised, scanner: DeviceAddress) -> bytes:
    """SCAN_REQ or AUX_SCAN_REQ."""
    return _with_header(SCAN_REQ, scanner, event.own, scanner.octets + event.own.octets)


def connect_request(event: Advertised, request: ConnectFields) -> bytes:
    """CONNECT_IND or AUX_CONNECT_REQ."""
    parameters = request.parameters
    timing = _CONNECT.pack(
        request.access_address,
        request.crc_init.to_bytes(3, "little"),
        1,
        request.window_offset_us // 1_250,
        parameters.interval_us // 1_250,
        parameters.latency,
        parameters.timeout_us // 10_000,
        request.channel_map.to_bytes(5, "little"),
        _HOP | accuracy_code(request.station) << 5,
    )
    kind = CONNECT_IND | _CHANNEL_SELECTION_2 if event.parameters.legacy else CONNECT_IND
    body = request.own.octets + event.own.octets + timing
    return _with_header(kind, request.own, event.own, body)


# -- extended --


class Aux(NamedTuple):
    """Where the next packet of an extended advertising event is."""

    channel: int
    after_us: int
    phy: int


class Extended(NamedTuple):
    """A PDU with the common extended advertising payload. Spec: Vol 6, Part B, 2.3.4."""

    kind: int = ADV_EXT_IND
    mode: int = 0  # connectable 1, scannable 2
    sender: DeviceAddress | None = None
    target: DeviceAddress | None = None
    identifier: int | None = None  # of the data and the set
    aux: Aux | None = None
    tx_power_dbm: int | None = None
    data: bytes = b""

    @property
    def octets(self) -> int:
        """Payload."""
        return (
            2
            + ADDRESS_OCTETS * ((self.sender is not None) + (self.target is not None))
            + _ADI_OCTETS * (self.identifier is not None)
            + _AUX_PTR_OCTETS * (self.aux is not None)
            + _TX_POWER_OCTETS * (self.tx_power_dbm is not None)
            + len(self.data)
        )

    def encode(self) -> bytes:
        """Header and payload."""
        flags, fields = 0, b""
        for flag, address in ((_ADV_A, self.sender), (_TARGET_A, self.target)):
            if address is not None:
                flags, fields = flags | flag, fields + address.octets
        if self.identifier is not None:
            flags, fields = flags | _ADI, fields + struct.pack("<H", self.identifier)
        if self.aux is not None:
            flags, fields = flags | _AUX_PTR, fields + _pointer(self.aux)
        if self.tx_power_dbm is not None:
            flags, fields = flags | _TX_POWER, fields + struct.pack("<b", self.tx_power_dbm)
        body = bytes((1 + len(fields) | self.mode << 6, flags)) + fields + self.data
        return _with_header(self.kind, self.sender, self.target, body)


def _pointer(aux: Aux) -> bytes:
    offset = aux.after_us // _AUX_OFFSET_UNIT_US
    return (aux.channel | offset << 8 | aux.phy - 1 << 21).to_bytes(3, "little")


def _mode(event: Advertised) -> int:
    return int(event.parameters.connectable) | int(event.parameters.scannable) << 1


def extended_primary(event: Advertised, aux: Aux) -> Extended:
    """ADV_EXT_IND."""
    return Extended(mode=_mode(event), identifier=event.identifier, aux=aux)


def auxiliary(event: Advertised, aux: Aux | None, data: bytes) -> Extended:
    """AUX_ADV_IND."""
    parameters = event.parameters
    return Extended(
        mode=_mode(event),
        sender=None if parameters.anonymous else event.own,
        target=event.target,
        identifier=event.identifier,
        aux=aux,
        tx_power_dbm=parameters.tx_power_dbm if parameters.include_tx_power else None,
        data=data,
    )


def auxiliary_scan_response(event: Advertised, aux: Aux | None, data: bytes) -> Extended:
    """AUX_SCAN_RSP."""
    return Extended(sender=event.own, identifier=event.identifier, aux=aux, data=data)


def auxiliary_chain(event: Advertised, aux: Aux | None, data: bytes) -> Extended:
    """AUX_CHAIN_IND."""
    return Extended(identifier=event.identifier, aux=aux, data=data)


def connect_response(event: Advertised, initiator: DeviceAddress) -> Extended:
    """AUX_CONNECT_RSP."""
    return Extended(AUX_CONNECT_RSP, sender=event.own, target=initiator)


def chain(data: bytes) -> list[bytes]:
    """Data as the packets of a chain carry it, cut between AD structures where that is possible."""
    parts = []
    while len(data) > AUX_DATA_OCTETS:
        cut = 0
        while (following := cut + 1 + data[cut]) <= AUX_DATA_OCTETS:
            cut = following
        cut = cut or AUX_DATA_OCTETS
        parts.append(data[:cut])
        data = data[cut:]
    return [*parts, data]
