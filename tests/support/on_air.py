"""What was on air in a test: all packets of a radio, and what holds for each of them."""

from __future__ import annotations

from itertools import pairwise

from bleio.radio.air import phy
from bleio.radio.air.radio import AirPdu, Direction, Radio
from bleio.radio.air.station import Station


def record(radio: Radio) -> list[AirPdu]:
    """Keep all packets from now on."""
    air: list[AirPdu] = []
    radio.watch(air.append)
    return air


def in_time(air: list[AirPdu]) -> list[AirPdu]:
    """Packets in the order in which they start."""
    return sorted(air, key=lambda packet: packet.time_us)


def length_us(packet: AirPdu) -> int:
    """Air time."""
    return phy.air_time_us(len(packet.octets) - 2, packet.phy)


def end_us(packet: AirPdu) -> int:
    """When it is over."""
    return packet.time_us + length_us(packet)


def kind(packet: AirPdu) -> int:
    """PDU type of an advertising packet."""
    assert packet.direction in (Direction.ADVERTISING, Direction.AUXILIARY)
    return packet.octets[0] & 0x0F


def sent_us(air: list[AirPdu], station: Station) -> int:
    """Air time of all packets of a station."""
    return sum(length_us(packet) for packet in air if packet.sender is station)


def overlapping(air: list[AirPdu]) -> list[tuple[AirPdu, AirPdu]]:
    """Packets that a station sends while it sends another."""
    found = []
    for station in {packet.sender for packet in air}:
        own = in_time([packet for packet in air if packet.sender is station])
        found += [(one, other) for one, other in pairwise(own) if end_us(one) > other.time_us]
    return found
