"""What captures have before and behind a packet, by link type; the numbers are tcpdump's."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from bleio.core import pcapng
from bleio.core.hci import EVENT_PACKET
from bleio.decoding.records import ADVERTISING_ACCESS_ADDRESS, AirPacket, HciPacket, PduType

LINKTYPE_HCI_H4, LINKTYPE_LE_LL = 187, 251
_DIRECTION, _U32 = Struct(">I"), Struct("<I")
_PSEUDO_HEADER = Struct("<BbbBIH")
_DECIPHERED, _CRC_CHECKED, _CRC_RIGHT = 0x0008, 0x0400, 0x0800
_PDU_SHIFT, _PHY_SHIFT, _CODED = 7, 14, 2
_PDU_TYPES = {each.value for each in PduType}
_INBOUND, _OUTBOUND = 1, 2

# Of a packet: its time in microseconds, its octets, what the file says of its direction (0 nothing,
# 1 inbound, 2 outbound), the name of its interface, and its comment.
Frame = Callable[[int, bytes, int, str, str], AirPacket | HciPacket]


def _hci(time_us: int, octets: bytes, direction: int, name: str, _comment: str) -> HciPacket:
    if direction in (_INBOUND, _OUTBOUND):
        to_host = direction == _INBOUND
    else:
        to_host = octets[:1] == bytes((EVENT_PACKET,))  # of data nobody knows
    return HciPacket(time_us, octets, to_host, name)


def _hci_with_direction(
    time_us: int, octets: bytes, _direction: int, name: str, _comment: str
) -> HciPacket:
    to_host = len(octets) >= _DIRECTION.size and bool(_DIRECTION.unpack_from(octets)[0] & 1)
    return HciPacket(time_us, octets[_DIRECTION.size :], to_host, name)


def _le(time_us: int, octets: bytes, _direction: int, _name: str, comment: str) -> AirPacket:
    return _link_layer(time_us, octets, PduType.ADVERTISING, comment)


def _le_with_header(
    time_us: int, octets: bytes, _direction: int, _name: str, comment: str
) -> AirPacket:
    if len(octets) < _PSEUDO_HEADER.size:
        return _link_layer(time_us, b"", PduType.ADVERTISING, comment)
    channel, _, _, _, _, flags = _PSEUDO_HEADER.unpack_from(octets)
    rest = octets[_PSEUDO_HEADER.size :]
    if flags >> _PHY_SHIFT == _CODED:  # its coding indicator is behind the access address
        rest = rest[: _U32.size] + rest[_U32.size + 1 :]
    kind = flags >> _PDU_SHIFT & 7
    right = not flags & _CRC_CHECKED or bool(flags & _CRC_RIGHT)
    packet = _link_layer(time_us, rest, kind if kind in _PDU_TYPES else 0, comment)
    return packet._replace(
        crc_right=right,
        enciphered=False if flags & _DECIPHERED else None,
        channel=_channel(channel),
    )


def _channel(frequency: int) -> int:
    """Return the channel's index, as the link layer counts, of an RF channel."""
    primary = {0: 37, 12: 38, 39: 39}
    if frequency in primary:
        return primary[frequency]
    return frequency - 1 if frequency < 12 else frequency - 2


def _link_layer(time_us: int, octets: bytes, kind: int, comment: str) -> AirPacket:
    access_address = ADVERTISING_ACCESS_ADDRESS
    if len(octets) >= _U32.size:
        (access_address,) = _U32.unpack_from(octets)
    pdu = octets[_U32.size :]
    if len(pdu) >= 2:
        pdu = pdu[: 2 + pdu[1]]  # without CRC
    sender = comment.removeprefix(pcapng.FROM) if comment.startswith(pcapng.FROM) else ""
    return AirPacket(time_us, access_address, kind, pdu, sender)


FRAMES: dict[int, Frame] = {
    LINKTYPE_HCI_H4: _hci,
    pcapng.LINKTYPE_HCI_H4_WITH_PHDR: _hci_with_direction,
    LINKTYPE_LE_LL: _le,
    pcapng.LINKTYPE_LE_LL_WITH_PHDR: _le_with_header,
}
