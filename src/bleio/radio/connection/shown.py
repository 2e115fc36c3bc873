"""Packets of links, as those that watch the air see them.

Few packets are ever looked at: a world keeps the last ten thousand, in case its test fails. So
what a packet is made from is kept, in a tuple, and made into octets when somebody wants them: its
channel computed, its payload enciphered. The link goes on changing meanwhile, so nothing of it is
kept that does: its PHY, power and channel map are taken as they are when the packet is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.radio.air.hopping import data_channel
from bleio.radio.air.radio import AirPdu, Direction
from bleio.radio.air.station import Station

if TYPE_CHECKING:
    from bleio.radio.connection.pdu import DataPdu


def link_packet(
    sender: Station,
    access_address: int,
    crc_init: int,
    channel_map: int,
    phy: int,
    power_dbm: int,
    role: int,
    pdu: DataPdu,
    header: int,
    event: int,
    at_us: int,
    crc_right: bool,
) -> AirPdu:
    """Return a packet as it was on air. Args: header: its first octet."""
    payload, clear_octets = pdu.payload, b""
    if pdu.sealing is not None:
        clear_octets = bytes((header, len(payload))) + payload
        payload = pdu.sealing.seal(header, payload)
    return AirPdu(
        at_us,
        data_channel(access_address, event, channel_map),
        phy,
        access_address,
        power_dbm,
        sender,
        bytes((header, len(payload))) + payload,
        Direction.TO_CENTRAL if role else Direction.TO_PERIPHERAL,
        crc_init,
        crc_right,
        clear_octets,
    )
