"""What goes into a decoder and what comes out of it. This is the interface that others build on.

In go packets, as a controller, a sniffer or the simulated radio has them: `AirPacket`, `HciPacket`.
Out comes one `Decoded` for each, in the order in which they went in.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import IntEnum
from typing import NamedTuple

ADVERTISING_ACCESS_ADDRESS = 0x8E89BED6


class PduType(IntEnum):
    """What kind of packet it is on the air; the numbers are those of captures (link type 256).

    ADVERTISING with another access address than that of advertising is data of an unknown end.
    """

    ADVERTISING = 0
    AUXILIARY = 1
    TO_PERIPHERAL = 2
    TO_CENTRAL = 3


class AirPacket(NamedTuple):
    """A packet of the link layer.

    Args:
        octets: header and payload, without CRC, and without MIC if they are in clear text.
        sender: its name, where that is known from elsewhere; else addresses tell.
        crc_right: whether it was as it had been sent.
        enciphered: whether `octets` are cipher text; None leaves it to the decoder to judge.
    """

    time_us: int
    access_address: int
    pdu_type: int
    octets: bytes
    sender: str = ""
    crc_right: bool = True
    enciphered: bool | None = None
    channel: int = -1


class HciPacket(NamedTuple):
    """What a host and its controller say to each other.

    Args:
        h4: from the octet of the packet's type on.
        host: the name of the device, or of the adapter.
    """

    time_us: int
    h4: bytes
    to_host: bool
    host: str = "host"


class DeviceName(NamedTuple):
    """A capture names a device. Args: address: six octets, least significant first."""

    address: bytes
    name: str


class Gap(NamedTuple):
    """Packets are missing in a capture, before the next one of an interface."""

    time_us: int
    number: int
    interface: str


@dataclass(slots=True)
class Decoded:
    """One packet in words.

    Attributes:
        time_us: as the packet has it.
        sender, receiver: devices by name, else by address; an empty receiver is everybody.
        protocol: ADV, LL, L2CAP, ATT, SMP or HCI, or FILE of what a capture itself says; the first
            word of a line, with `text` behind it.
        text: what it says, without line ends and control characters.
        octets: of the packet, whole.
        details: what else it says, as pairs of name and value.
        empty: it says nothing; many of these are told in one line (see `lines`).
        routine: one of many of its kind, such as an advertisement; those that are equal are told in
            one line.
        again: it is sent once more, since the time before was not acknowledged.
        trouble: a refusal, a failure, an end that nobody asked for, or octets that make no sense.
        attribute: of ATT, the handle that it is about, 0 for none.
        lost: its receiver has not got it. The packets that follow tell, so this may become true
            until the packet of `open_until_us`, which becomes 0 once it is known.
    """

    time_us: int
    sender: str
    receiver: str
    protocol: str
    text: str
    octets: bytes
    details: tuple[tuple[str, str], ...] = ()
    _: KW_ONLY
    empty: bool = False
    routine: bool = False
    again: bool = False
    trouble: bool = False
    attribute: int = 0
    lost: bool = False
    open_until_us: int = 0
