"""Advertising channel PDUs as octets, for who captures the air. Spec: Vol 6, Part B, 2.3.

The model itself passes objects; these encoders run only while somebody looks at `Radio.on_pdu`.
The CRC is left out, and long extended data is shown as one AUX_ADV_IND with AUX_CHAIN_INDs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from bleio.core.address import DeviceAddress
from bleio.radio import phy
from bleio.radio.air import AirPdu, Direction, Reception
from bleio.radio.medium import Station

if TYPE_CHECKING:
    from bleio.radio.advertiser import Advertiser
    from bleio.radio.link import Link

ADV_IND, ADV_DIRECT_IND, ADV_NONCONN_IND, SCAN_REQ, SCAN_RSP, CONNECT_IND, ADV_SCAN_IND = range(7)
ADV_EXT_IND = 7  # and AUX_ADV_IND, AUX_SCAN_RSP, AUX_CHAIN_IND
AUX_CONNECT_RSP = 8
_AUX_CHAIN_IND, _AUX_SCAN_RSP = 1, 3  # as captures number the kinds of auxiliary packets

_ADV_A, _TARGET_A, _ADI, _AUX_PTR, _TX_POWER = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 6
AUX_CHANNEL = 0
_AUX_OFFSET_UNIT_US = 30
AUX_DELAY_US = 300
# 255 octets of payload less the extended header with all that we put into it.
AUX_DATA_OCTETS = 255 - 2 - 6 - 6 - 2 - 3 - 1
EXTENDED_HEADER_OCTETS = 2 + 6 + 2
EXTENDED_PRIMARY_OCTETS = 7  # flags, ADI and AuxPtr
_CONNECT = struct.Struct("<I3sBHHHH5sB")
_HOP = 7
_CHANNEL_SELECTION_2 = 1 << 5


class Aux(NamedTuple):
    """Where the next packet of an extended advertising event is."""

    after_us: int
    phy: int


def _header(
    kind: int, sender: DeviceAddress | None, receiver: DeviceAddress | None, body: bytes
) -> bytes:
    """Header with the address types of what is in the payload."""
    tx_random = sender is not None and sender.random
    rx_random = receiver is not None and receiver.random
    flags = kind | tx_random << 6 | rx_random << 7
    return bytes((flags, len(body))) + body


def _legacy_type(advertiser: Advertiser) -> int:
    parameters = advertiser.parameters
    if parameters.directed:
        return ADV_DIRECT_IND
    if parameters.connectable:
        return ADV_IND
    return ADV_SCAN_IND if parameters.scannable else ADV_NONCONN_IND


def legacy(advertiser: Advertiser) -> bytes:
    """ADV_IND and its relatives."""
    target = advertiser.target
    body = advertiser.own.octets + (advertiser.data if target is None else target.octets)
    kind = _legacy_type(advertiser)
    if kind in (ADV_IND, ADV_DIRECT_IND):
        kind |= _CHANNEL_SELECTION_2
    return _header(kind, advertiser.own, target, body)


def _extended(
    advertiser: Advertiser, *, with_address: bool, aux: Aux | None, data: bytes, kind: int
) -> bytes:
    parameters, target = advertiser.parameters, advertiser.target if with_address else None
    flags, fields = 0, b""
    sender = advertiser.own if with_address and not parameters.anonymous else None
    if sender is not None:
        flags, fields = flags | _ADV_A, fields + sender.octets
    if target is not None:
        flags, fields = flags | _TARGET_A, fields + target.octets
    flags |= _ADI
    fields += struct.pack("<H", advertiser.data_identifier | parameters.sid << 12)
    if aux is not None:
        flags |= _AUX_PTR
        offset = aux.after_us // _AUX_OFFSET_UNIT_US
        fields += (AUX_CHANNEL | offset << 8 | aux.phy - 1 << 21).to_bytes(3, "little")
    if with_address and parameters.include_tx_power:
        flags |= _TX_POWER
        fields += struct.pack("<b", parameters.tx_power_dbm)
    mode = int(parameters.connectable) | int(parameters.scannable) << 1
    body = bytes((1 + len(fields) | mode << 6, flags)) + fields + data
    return _header(kind, sender, target, body)


def _packet(
    at_us: int,
    channel: int,
    phy_: int,
    power_dbm: int,
    sender: Station,
    octets: bytes,
    auxiliary_type: int = 0,
) -> AirPdu:
    kind = Direction.AUXILIARY if channel == AUX_CHANNEL else Direction.ADVERTISING
    return AirPdu(
        at_us,
        channel,
        phy_,
        phy.ADVERTISING_ACCESS_ADDRESS,
        power_dbm,
        sender,
        octets,
        kind,
        auxiliary_type=auxiliary_type,
    )


def advertising_event(advertiser: Advertiser, now_us: int) -> Iterator[AirPdu]:
    """All packets an advertiser sends in the event that starts now."""
    parameters, power = advertiser.parameters, advertiser.tx_power_dbm
    station = advertiser.station
    times = advertiser.packet_times_us(now_us)
    aux_us = times[-1][2] + AUX_DELAY_US
    for channel, from_us, _ in times:
        if parameters.legacy:
            octets = legacy(advertiser)
        else:
            aux = Aux(aux_us - from_us, parameters.secondary_phy)
            octets = _extended(advertiser, with_address=False, aux=aux, data=b"", kind=ADV_EXT_IND)
        yield _packet(from_us, channel, parameters.primary_phy, power, station, octets)
    if not parameters.legacy:
        yield from _auxiliary(advertiser, advertiser.data, aux_us)


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


def _auxiliary(
    advertiser: Advertiser, data: bytes, at_us: int, first_type: int = 0
) -> Iterator[AirPdu]:
    phy_, power = advertiser.parameters.secondary_phy, advertiser.tx_power_dbm
    parts = chain(data)
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        after_us = phy.air_time_us(255, phy_) + AUX_DELAY_US
        octets = _extended(
            advertiser,
            with_address=index == 0,
            aux=None if last else Aux(after_us, phy_),
            data=part,
            kind=ADV_EXT_IND,
        )
        kind = _AUX_CHAIN_IND if index else first_type
        yield _packet(at_us, AUX_CHANNEL, phy_, power, advertiser.station, octets, kind)
        at_us += after_us


def scan_exchange(
    advertiser: Advertiser,
    scanner: Station,
    own: DeviceAddress,
    power_dbm: int,
    heard: Reception,
) -> Iterator[AirPdu]:
    """A scan request and its response."""
    parameters = advertiser.parameters
    phy_ = parameters.primary_phy if parameters.legacy else parameters.secondary_phy
    channel = heard.channel if parameters.legacy else AUX_CHANNEL
    request = _header(SCAN_REQ, own, advertiser.own, own.octets + advertiser.own.octets)
    at_us = heard.end_us + phy.T_IFS_US
    yield _packet(at_us, channel, phy_, power_dbm, scanner, request)
    at_us += phy.air_time_us(len(request) - 2, phy_) + phy.T_IFS_US
    if not parameters.legacy:
        yield from _auxiliary(advertiser, advertiser.scan_response, at_us, _AUX_SCAN_RSP)
        return
    body = advertiser.own.octets + advertiser.scan_response
    response = _header(SCAN_RSP, advertiser.own, None, body)
    yield _packet(at_us, channel, phy_, advertiser.tx_power_dbm, advertiser.station, response)


def connection_request(link: Link, advertiser: Advertiser, heard: Reception) -> Iterator[AirPdu]:
    """CONNECT_IND, or AUX_CONNECT_REQ and AUX_CONNECT_RSP."""
    parameters, central = advertiser.parameters, link.central
    phy_ = parameters.primary_phy if parameters.legacy else parameters.secondary_phy
    channel = heard.channel if parameters.legacy else AUX_CHANNEL
    timing = _CONNECT.pack(
        link.access_address,
        link.crc_init.to_bytes(3, "little"),
        1,
        0,
        link.interval_us // 1_250,
        link.latency,
        link.timeout_us // 10_000,
        link.channel_map.to_bytes(5, "little"),
        _HOP,
    )
    body = central.own.octets + advertiser.own.octets + timing
    kind = CONNECT_IND | _CHANNEL_SELECTION_2 if parameters.legacy else CONNECT_IND
    octets = _header(kind, central.own, advertiser.own, body)
    at_us = heard.end_us + phy.T_IFS_US
    station = central.controller.station
    yield _packet(at_us, channel, phy_, central.tx_power_dbm, station, octets)
    if not parameters.legacy:
        at_us += phy.air_time_us(len(body), phy_) + phy.T_IFS_US
        fields = advertiser.own.octets + central.own.octets
        body = bytes((1 + len(fields), _ADV_A | _TARGET_A)) + fields
        octets = _header(AUX_CONNECT_RSP, advertiser.own, central.own, body)
        yield _packet(at_us, channel, phy_, advertiser.tx_power_dbm, advertiser.station, octets)
