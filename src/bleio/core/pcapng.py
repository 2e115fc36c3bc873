"""The file formats of captures: pcapng and btsnoop. Octets out, no files.

Specifications: the IETF's draft of pcapng, and for btsnoop RFC 1761, from which it is derived.
"""

from __future__ import annotations

import struct

# A comment of a packet in captures of the air names the device that has sent it, and from then on
# what comes from the same address, or from the same end of the same link.
FROM = "from "

LINKTYPE_HCI_H4_WITH_PHDR = 201
LINKTYPE_LE_LL_WITH_PHDR = 256

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER = 0x1A2B3C4D
IF_NAME, COMMENT = 2, 1
DROPPED = 4  # how many packets are missing before this one, on its interface
BTSNOOP_H4 = 1002
BTSNOOP_MAGIC = b"btsnoop\0"
# From the year 0 to 1970, in microseconds.
BTSNOOP_EPOCH_US = 0x00DCDDB30F2F8000


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _text(code: int, text: str) -> bytes:
    # Names may come from an environment or a file system that is not in UTF-8.
    return _option(code, text.encode(errors="backslashreplace"))


def _option(code: int, octets: bytes) -> bytes:
    return struct.pack("<HH", code, len(octets)) + _padded(octets)


def section(comment: str = "") -> bytes:
    """Return what a pcapng file begins with. `comment`: for people who open it."""
    options = _text(COMMENT, comment) + bytes(4) if comment else b""
    return _block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1) + options)


def interface(link_type: int, name: str) -> bytes:
    """Return the block of an interface, from which packets come; the first has the number 0.

    Times are in microseconds, which is the default of the format.
    """
    options = _text(IF_NAME, name) + bytes(4)
    return _block(INTERFACE, struct.pack("<HHI", link_type, 0, 0) + options)


def packet(number: int, time_us: int, octets: bytes, comment: str = "", dropped: int = 0) -> bytes:
    """Return the block of one packet.

    Args:
        number: of its interface.
        comment: for people.
        dropped: how many packets before this one are not in the file.
    """
    size = len(octets)
    head = struct.pack("<IIIII", number, time_us >> 32, time_us & 0xFFFFFFFF, size, size)
    options = _text(COMMENT, comment) if comment else b""
    if dropped:
        options += _option(DROPPED, struct.pack("<Q", dropped))
    return _block(PACKET, head + _padded(octets) + options + (bytes(4) if options else b""))


def h4_with_direction(h4: bytes, *, to_host: bool) -> bytes:
    """Return an H4 packet as link type 201 has it: the direction before it."""
    return struct.pack(">I", to_host) + h4


def btsnoop_header() -> bytes:
    """Return what a btsnoop file begins with."""
    return BTSNOOP_MAGIC + struct.pack(">II", 1, BTSNOOP_H4)


def btsnoop_packet(time_us: int, h4: bytes, *, to_host: bool) -> bytes:
    """Return the record of one HCI packet. `time_us`: since 1970."""
    flags = int(to_host) | (h4[0] in (0x01, 0x04)) << 1
    size = len(h4)
    return struct.pack(">IIIIq", size, size, flags, 0, time_us + BTSNOOP_EPOCH_US) + h4
