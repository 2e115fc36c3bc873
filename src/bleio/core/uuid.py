"""UUIDs as they are on air: 2 or 16 octets, least significant first.

Inside, a UUID is `bytes` of one of these lengths, since that is what ATT compares, sends and
receives; only the API wraps it in an object. Spec: Vol 3, Part B, 2.5.1.

The two lengths of one UUID are equal in value and not as bytes. What is compared is therefore
expanded first; what is sent keeps the length that its owner chose, since the peer sees it.

Programs compare UUID objects, which differ if their sizes do, and cannot know which size a peer
stores. So discovery gives characteristics and descriptors a size that depends on the program alone
(`gatt.discovery`). Services are looked for by value, and keep the size that the peer stores.
"""

from __future__ import annotations

BASE_UUID = bytes.fromhex("fb349b5f800000800010000000000000")


def uuid16(value: int) -> bytes:
    """Return the on-air form of an assigned 16-bit number."""
    return value.to_bytes(2, "little")


def expand(uuid: bytes) -> bytes:
    """Return the 128-bit form of a 2-, 4- or 16-octet UUID, by which mixed sizes compare."""
    return uuid if len(uuid) == 16 else BASE_UUID[:12] + uuid.ljust(4, b"\0")


def shorten(uuid: bytes) -> bytes:
    """Return the 16-bit form of a UUID that has one, else the UUID as it is."""
    short = len(uuid) == 16 and uuid[:12] == BASE_UUID[:12] and uuid[14:] == b"\0\0"
    return uuid[12:14] if short else uuid


def to_text(uuid: bytes) -> str:
    """Return `180f` or `6e400001-b5a3-f393-e0a9-e50e24dcca9e`: most significant digit first."""
    digits = uuid[::-1].hex()
    if len(uuid) != 16:
        return digits
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
