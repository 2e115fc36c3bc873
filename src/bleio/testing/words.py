"""The packets of a world in words, by the names of its devices and of their attributes.

A world knows what no sniffer can: which device sent a packet, what was in it before it was
enciphered, and what attributes devices publish. Packets are decoded when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bleio.decoding.air import AirDecoder
from bleio.decoding.intime import as_packet
from bleio.decoding.lines import Lines
from bleio.decoding.records import Decoded, PduType
from bleio.gatt.table import AttributeTable
from bleio.radio.air.radio import AirPdu
from bleio.testing.device import Device
from bleio.testing.roster import Roster

_NOTHING = (float("inf"), "")  # printed any more
EXCHANGE_US = 5_000  # an answer begins at most so long after what it answers


def decoder_for(devices: Mapping[str, Device]) -> AirDecoder:
    """Return a decoder that knows the attributes of devices."""

    def published(name: str) -> dict[int, bytes] | None:
        device = devices.get(name)
        return None if device is None else _table_of(device)

    return AirDecoder(published)


def _table_of(device: Device) -> dict[int, bytes] | None:
    table = device.adapter._session.server.publisher
    if not isinstance(table, AttributeTable):
        return None  # it has not used its adapter
    return {entry.handle: entry.type for entry in table.database}


def decode(packets: Iterable[AirPdu], devices: Mapping[str, Device], now_us: int) -> list[Decoded]:
    """Decode packets that are all there are until now."""
    decoder = decoder_for(devices)
    in_time = sorted(map(as_packet, packets), key=lambda packet: packet.time_us)
    for packet in in_time:  # the beginnings of links may be there no more
        if packet.pdu_type == PduType.TO_PERIPHERAL:
            decoder.name_ends(packet.access_address, central=packet.sender)
        elif packet.pdu_type == PduType.TO_CENTRAL:
            decoder.name_ends(packet.access_address, peripheral=packet.sender)
    decoded = [decoder.decode(packet) for packet in in_time]
    decoder.settle(now_us)
    return decoded


def told(decoded: Iterable[Decoded], devices: Roster, *, verbose: bool = False) -> Iterator[str]:
    """Yield what devices say on the air and what they print, a line each, in the order of time.

    Args: verbose: with octets in hexadecimal, below each packet.
    """
    lines = Lines(verbose=verbose)
    printed = iter(devices.lines())
    next_us, text = next(printed, _NOTHING)
    before = None
    for each in decoded:
        while next_us < each.time_us and not (before and answers(each, before)):
            yield from lines.flush()
            yield text
            next_us, text = next(printed, _NOTHING)
        yield from lines.add(each)
        before = each
    yield from lines.flush()
    while text:
        yield text
        _, text = next(printed, _NOTHING)


def answers(decoded: Decoded, before: Decoded) -> bool:
    """Whether a packet is the answer to the one before, in the same connection event.

    Where nothing can be lost, both go at the time of the first, so a program may print what it has
    read a moment before the packet that brought it.
    """
    ends = (decoded.receiver, decoded.sender) == (before.sender, before.receiver)
    return ends and decoded.protocol != "ADV" and decoded.time_us - before.time_us <= EXCHANGE_US
