"""Capture files of any format that can be read, as packets in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NoReturn

from bleio.core import pcapng as format_
from bleio.decoding.air import AirDecoder
from bleio.decoding.hci.decoder import HciDecoder
from bleio.decoding.octets import plain
from bleio.decoding.reading import btsnoop, pcap
from bleio.decoding.reading.pcapng import PcapngReader, Records
from bleio.decoding.reading.source import CaptureError, Source
from bleio.decoding.records import AirPacket, Decoded, DeviceName, Gap
from bleio.decoding.streaming import Held

_PCAPNG = format_.SECTION.to_bytes(4, "little")  # the same in both orders of octets


def read(file: BinaryIO, name: str) -> Records:
    """Yield what is in a capture file. Args: name: of the host, where the file has none.

    Raises: CaptureError, when it comes to what cannot be read.
    """
    source, name = Source(file), plain(name)
    magic = source.take_or_end(4, "the header")
    if magic == _PCAPNG:
        yield from PcapngReader(source, name).records()
    elif magic in pcap.MAGICS:
        yield from pcap.read(source, magic, name)
    elif magic + source.take_or_end(4, "the header") == format_.BTSNOOP_MAGIC:
        yield from btsnoop.read(source, name)
    else:
        raise CaptureError("it is neither pcapng nor pcap nor btsnoop")


def decode(records: Records) -> Iterator[Decoded]:
    """Yield packets in words, each as soon as it is known whether it was lost.

    Raises: CaptureError, after all that was before it.
    """
    air, hci = AirDecoder(), HciDecoder()
    hci.devices = air.devices
    held: Held[NoReturn] = Held(air)
    error = None
    try:
        for record in records:
            if isinstance(record, DeviceName):
                air.devices.learn_octets(record.address, record.name)
                continue
            if isinstance(record, Gap):
                held.add(_gap(record))
            elif isinstance(record, AirPacket):
                held.add(air.decode(record))
            else:
                held.add(hci.decode(record))
            yield from held.settled(record.time_us)
    except CaptureError as cut:
        error = cut
    yield from held.rest()
    if error is not None:
        raise error


def _gap(gap: Gap) -> Decoded:
    packets = "1 packet is" if gap.number == 1 else f"{gap.number} packets are"
    text = f"{packets} missing in this capture, which was not read fast enough"
    return Decoded(gap.time_us, gap.interface, "", "FILE", text, b"", trouble=True)
