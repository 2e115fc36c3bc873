"""The peripheral that the tests of the bleak backends talk to: what it serves, and what it obeys.

It is written twice, with `_bleio` (`ours.py`) and with bumble (`theirs.py`), and does what is
written to `CONTROL`, some time after it has answered the write.
"""

from __future__ import annotations

NAME = "Conformant"
COMPANY, COMPANY_DATA = 0x0822, b"\x01\x02\x03"
BATTERY_DATA = b"\x57"

SERVICE = "0000a000-0000-1000-8000-00805f9b34fb"
TWICE = "0000b000-0000-1000-8000-00805f9b34fb"  # two services


def long(number: int) -> str:
    """Return the 128-bit form of a number."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


READ, STORE, COMMAND = long(0xA001), long(0xA002), long(0xA003)
NOTIFY, INDICATE, BOTH = long(0xA004), long(0xA005), long(0xA006)
ENCRYPTED, LONG, SAME = long(0xA007), long(0xA009), long(0xA00A)
FIXED, CONTROL = long(0xA00B), long(0xA00C)
OF_TWICE = long(0xB001)
NOTE = long(0xD001)  # a descriptor of STORE

DESCRIPTION = "what it stores"
LONG_VALUE = bytes(range(256)) + bytes(44)

# What CONTROL obeys: an octet, and what it is about
END_LINK = 1
TELL = 2  # a number of A004 to A006, and the value
TELL_FIRST = 4  # the same, and the write is answered after that; bumble's alone
MANY = 3  # that, and how many: values of four octets, little-endian, counting from 0


def _structure(kind: int, octets: bytes) -> bytes:
    return bytes((len(octets) + 1, kind)) + octets


ADVERTISED = (
    _structure(0x01, b"\x06")
    + _structure(0x03, bytes.fromhex("00a0"))
    + _structure(0x16, bytes.fromhex("0f18") + BATTERY_DATA)
)
ANSWERED = (
    _structure(0x09, NAME.encode())
    + _structure(0xFF, COMPANY.to_bytes(2, "little") + COMPANY_DATA)
    + _structure(0x0A, b"\x04")
)
TX_POWER_DBM = 4
