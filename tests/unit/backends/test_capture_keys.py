"""Keys are blanked in captured packets, however they are cut; nothing else is."""

from __future__ import annotations

import struct

import pytest

from bleio.backends.hci.capture.keys import KeyBlanker
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.security.smp import pdu

KEY = b"not to be shown!"
ZERO = bytes(16)
HANDLE = 0x0EFF
DISTRIBUTED = (pdu.ENCRYPTION_INFORMATION, pdu.IDENTITY_INFORMATION, pdu.SIGNING_INFORMATION)


def command(opcode: int, parameters: bytes) -> bytes:
    return struct.pack("<BHB", 1, opcode, len(parameters)) + parameters


def fragment(part: bytes, boundary: int, handle: int = HANDLE) -> bytes:
    return struct.pack("<BHH", 2, handle | boundary << 12, len(part)) + part


def frame(octets: bytes, channel: int = 6) -> bytes:
    return struct.pack("<HH", len(octets), channel) + octets


def data(packets: list[bytes]) -> bytes:
    """Put together what is in ACL packets, of which each still has its length."""
    for packet in packets:
        assert struct.unpack_from("<H", packet, 3)[0] == len(packet) - 5
    return b"".join(packet[5:] for packet in packets)


@pytest.mark.parametrize(
    ("opcode", "head", "keys"),
    [
        (Opcode.LE_ENABLE_ENCRYPTION, b"\x40\x00" + b"the Rand" + b"ED", 1),
        (Opcode.LE_LONG_TERM_KEY_REQUEST_REPLY, b"\x40\x00", 1),
        (Opcode.LE_ADD_DEVICE_TO_RESOLVING_LIST, b"\x01" + b"peer's", 2),
    ],
)
def test_commands(opcode: int, head: bytes, keys: int) -> None:
    blanked = KeyBlanker().blank(command(opcode, head + keys * KEY))
    assert blanked == command(opcode, head + keys * ZERO)


@pytest.mark.parametrize("length", range(5))
def test_packets_that_end_early_are_left_alone(length: int) -> None:
    for whole in (command(Opcode.LE_ENABLE_ENCRYPTION, KEY), fragment(KEY, 0), b"\x04\x0e\x00"):
        assert KeyBlanker().blank(whole[:length]) == whole[:length]


def test_other_packets_are_left_alone() -> None:
    blanker = KeyBlanker()
    others = [
        command(Opcode.LE_SET_ADVERTISING_DATA, 2 * KEY),
        b"\x04\x3e\x10" + KEY,
        fragment(frame(b"\x1b\x12\x00" + KEY, channel=4), 0),
        fragment(frame(b"\x06" + KEY, channel=4), 2),
        *(
            fragment(frame(bytes((opcode,)) + bytes(range(length - 1))), 0)
            for opcode, length in pdu.LENGTHS.items()
            if opcode not in DISTRIBUTED
        ),
    ]
    assert [blanker.blank(packet) for packet in others] == others


@pytest.mark.parametrize("opcode", DISTRIBUTED)
@pytest.mark.parametrize("octets", range(1, 22))
@pytest.mark.parametrize("first", [0, 2])
def test_distributed_keys_in_fragments(opcode: int, octets: int, first: int) -> None:
    """Of one octet each, up to the whole; those of another link come in between."""
    whole, other = frame(bytes((opcode,)) + KEY), frame(b"\x0a\x12\x00", channel=4)
    blanker, blanked, others = KeyBlanker(), [], []
    for start in range(0, len(whole), octets):
        boundary = 1 if start else first
        blanked.append(blanker.blank(fragment(whole[start : start + octets], boundary)))
        others.append(blanker.blank(fragment(other[:4], 0, 0x41)))
        others.append(blanker.blank(fragment(other[4:], 1, 0x41)))
    assert data(blanked) == whole[:5] + ZERO
    assert data(others) == other * len(blanked)
    # The next frame is another one.
    assert blanker.blank(fragment(frame(b"\x0b\x0d"), first)) == fragment(frame(b"\x0b\x0d"), first)
