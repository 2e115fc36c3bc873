"""pcap, the older format of tcpdump and Wireshark; all of a file is of one link type."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bleio.decoding.reading.frames import FRAMES
from bleio.decoding.reading.source import CaptureError, Source
from bleio.decoding.records import AirPacket, HciPacket

# By magic: the order of octets, and how many nanoseconds a unit of the fraction is.
MAGICS = {
    bytes.fromhex("d4c3b2a1"): ("<", 1_000),
    bytes.fromhex("a1b2c3d4"): (">", 1_000),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
    bytes.fromhex("a1b23c4d"): (">", 1),
}


def read(source: Source, magic: bytes, name: str) -> Iterator[AirPacket | HciPacket]:
    """Yield packets, from behind the magic on. Args: name: of the host. Raises: CaptureError."""
    order, unit_ns = MAGICS[magic]
    header = source.take(20, "the header")
    (link_type,) = Struct(order + "I").unpack_from(header, 16)
    frame = FRAMES.get(link_type & 0xFFFF)
    if frame is None:
        raise CaptureError(
            f"its packets are of link type {link_type & 0xFFFF}, not of Bluetooth LE"
        )
    record = Struct(order + "IIII")
    while (fields := source.fields(record, "the header of a packet")) is not None:
        seconds, fraction, octets, _ = fields
        time_us = seconds * 1_000_000 + fraction * unit_ns // 1_000
        yield frame(time_us, source.take(octets, "a packet"), 0, name, "")
