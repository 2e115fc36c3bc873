"""Capture files of every format, of ours and of others', whole, cut and hostile."""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import pytest

from bleio.core import pcapng
from bleio.decoding.reading.files import decode, read
from bleio.decoding.reading.source import CaptureError
from bleio.decoding.records import AirPacket, DeviceName, HciPacket

RESET = bytes.fromhex("01030c00")
RESET_DONE = bytes.fromhex("040e0401030c00")
BEACON = bytes.fromhex("d6be898e4009010203040506020106aabbcc")
TIME_US = 1_700_000_000_123_456


def records(octets: bytes) -> list[AirPacket | HciPacket | DeviceName]:
    return list(read(io.BytesIO(octets), "name"))


def hci(octets: bytes) -> list[HciPacket]:
    found = records(octets)
    assert all(isinstance(each, HciPacket) for each in found)
    return [each for each in found if isinstance(each, HciPacket)]


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link_type: int, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", link_type, 0, 0) + options, order)


def packet(
    octets: bytes, time: int = TIME_US, options: bytes = b"", order: str = "<", number: int = 0
) -> bytes:
    head = (number, time >> 32, time & 0xFFFFFFFF, len(octets), len(octets))
    padded = octets + bytes(-len(octets) % 4)
    return block(6, struct.pack(order + "IIIII", *head) + padded + options, order)


def phdr(octets: bytes, flags: int = 0x0001, channel: int = 0) -> bytes:
    return struct.pack("<BbbBIH", channel, -40, 0, 0, 0, flags) + octets


# btsnoop


def btsnoop(kind: int, *packets: tuple[int, bytes]) -> bytes:
    head = b"btsnoop\0" + struct.pack(">II", 1, kind)
    time = TIME_US + pcapng.BTSNOOP_EPOCH_US
    return head + b"".join(
        struct.pack(">IIIIq", len(octets), len(octets), flags, 0, time) + octets
        for flags, octets in packets
    )


def test_our_btsnoop() -> None:
    octets = pcapng.btsnoop_header() + pcapng.btsnoop_packet(TIME_US, RESET, to_host=False)
    octets += pcapng.btsnoop_packet(TIME_US + 5, RESET_DONE, to_host=True)
    assert hci(octets) == [
        HciPacket(TIME_US, RESET, False, "name"),
        HciPacket(TIME_US + 5, RESET_DONE, True, "name"),
    ]


def test_btsnoop_without_packet_types() -> None:
    acl = bytes.fromhex("400003000300040a1200")[:4]
    found = hci(btsnoop(1001, (2, RESET[1:]), (3, RESET_DONE[1:]), (0, acl), (1, acl)))
    assert [each.h4 for each in found] == [RESET, RESET_DONE, b"\x02" + acl, b"\x02" + acl]
    assert [each.to_host for each in found] == [False, True, False, True]


def test_btsnoop_of_btmon() -> None:
    found = hci(btsnoop(2001, (0, b"index"), (2, RESET[1:]), (0x1_0003, RESET_DONE[1:])))
    assert [(each.host, each.h4, each.to_host) for each in found] == [
        ("hci0", RESET, False),
        ("hci1", RESET_DONE, True),
    ]


def test_btsnoop_of_other_kinds() -> None:
    with pytest.raises(CaptureError, match="btsnoop of version 1 and kind 1003"):
        records(btsnoop(1003))
    with pytest.raises(CaptureError, match="btsnoop of version 0 and kind 0"):
        records(b"btsnoop\0")


# pcapng


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_either_order(order: str) -> None:
    name = option(2, b"phone", order)
    octets = section(order) + interface(201, name, order)
    octets += packet(struct.pack(">I", 1) + RESET_DONE, order=order)
    assert hci(octets) == [HciPacket(TIME_US, RESET_DONE, True, "phone")]


def test_h4_without_direction() -> None:
    octets = section() + interface(187)
    octets += packet(RESET) + packet(RESET_DONE)
    acl = bytes.fromhex("0240000000")
    octets += packet(acl) + packet(acl, options=option(2, struct.pack("<I", 1)))
    octets += packet(RESET_DONE, options=option(2, struct.pack("<I", 2)))
    assert [each.to_host for each in hci(octets)] == [False, True, False, True, False]


def test_times_of_other_resolutions() -> None:
    for resolution, units in ((b"\x09", 10**9), (b"\x03", 10**3), (b"\x8a", 2**10)):
        octets = section() + interface(187, option(9, resolution) + option(14, bytes(8)))
        assert hci(octets + packet(RESET, 5 * units))[0].time_us == 5_000_000
    octets = section() + interface(187, option(14, struct.pack("<q", 100)))
    assert hci(octets + packet(RESET, 7))[0].time_us == 100_000_007


def test_simple_and_old_packets() -> None:
    octets = section() + interface(187)
    octets += block(3, struct.pack("<I", len(RESET)) + RESET)
    octets += block(2, struct.pack("<HHIIII", 0, 0, 0, 9, len(RESET), len(RESET)) + RESET)
    assert hci(octets) == [HciPacket(0, RESET, False, "name"), HciPacket(9, RESET, False, "name")]


def test_the_air_with_and_without_header() -> None:
    octets = section() + interface(251) + packet(BEACON)
    octets += section() + interface(256)
    octets += packet(phdr(BEACON, channel=12), options=option(1, b"from beacon"))
    octets += packet(phdr(BEACON, 0x0401)) + packet(phdr(BEACON, 0x0C09 | 1 << 7))
    coded = BEACON[:4] + b"\x00" + BEACON[4:]
    octets += packet(phdr(coded, 0x8001 | 3 << 7)) + packet(b"\0\0")
    plain, named, wrong, deciphered, coded_one, short = records(octets)
    pdu = BEACON[4:-3]
    assert plain == AirPacket(TIME_US, 0x8E89BED6, 0, pdu)
    assert named == AirPacket(TIME_US, 0x8E89BED6, 0, pdu, "beacon", channel=38)
    assert isinstance(wrong, AirPacket)
    assert not wrong.crc_right
    assert isinstance(deciphered, AirPacket)
    assert (deciphered.crc_right, deciphered.enciphered, deciphered.pdu_type) == (True, False, 1)
    assert isinstance(coded_one, AirPacket)
    assert (coded_one.octets, coded_one.pdu_type) == (pdu, 3)
    assert isinstance(short, AirPacket)
    assert short.octets == b""


def test_names_of_addresses() -> None:
    eui = bytes.fromhex("060504030201")
    body = option(1, bytes(4) + b"host\0") + option(3, eui + b"sensor\0other\0") + option(0, b"")
    octets = section() + block(4, body) + interface(251) + packet(BEACON)
    assert records(octets)[0] == DeviceName(eui[::-1], "sensor")
    (decoded,) = decode(read(io.BytesIO(octets), "name"))
    assert decoded.sender == "sensor"


def test_names_cannot_make_lines() -> None:
    hostile = b"x\n 0.000000 reader -> sensor \x1b[31m\xff" + b"y" * 500
    octets = section() + block(4, option(3, bytes(6) + hostile + b"\0"))
    octets += interface(256, option(2, hostile))
    octets += packet(phdr(BEACON), options=option(1, b"from " + hostile))
    octets += section() + interface(187, option(2, hostile)) + packet(RESET)
    for decoded in decode(read(io.BytesIO(octets), "a\nb")):
        assert decoded.sender.isprintable()
        assert decoded.sender.startswith("x\\n 0.000000 reader -> sensor \\x1b[31m\\xff")
        assert len(decoded.sender) < 100
    (decoded,) = decode(read(io.BytesIO(btsnoop(1002, (2, RESET))), "a\nb"))
    assert decoded.sender == "a\\nb"


def test_other_blocks_and_other_packets_are_left_out() -> None:
    octets = section() + block(0xBAD, b"custom") + interface(1) + interface(187)
    octets += packet(b"ethernet") + packet(RESET, number=1)
    assert [each.h4 for each in hci(octets)] == [RESET]
    with pytest.raises(CaptureError, match="link type 1, not of Bluetooth LE"):
        records(section() + interface(1) + packet(b"ethernet"))


# pcap


@pytest.mark.parametrize(
    ("order", "magic", "units"),
    [("<", 0xA1B2C3D4, 1), (">", 0xA1B2C3D4, 1), ("<", 0xA1B23C4D, 1_000)],
)
def test_pcap(order: str, magic: int, units: int) -> None:
    octets = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 187)
    octets += struct.pack(order + "IIII", 5, 7 * units, len(RESET), len(RESET)) + RESET
    assert hci(octets) == [HciPacket(5_000_007, RESET, False, "name")]
    with pytest.raises(CaptureError, match="link type 1,"):
        records(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1))


# What is no capture, or none that is whole

WHOLE = {
    "pcapng": section() + interface(187) + packet(RESET) + packet(RESET_DONE),
    "btsnoop": btsnoop(1002, (2, RESET), (3, RESET_DONE)),
    "pcap": struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 187)
    + 2 * (struct.pack("<IIII", 0, 0, 4, 4) + RESET),
}


@pytest.mark.parametrize("name", WHOLE)
def test_files_that_are_cut_anywhere(name: str) -> None:
    whole = WHOLE[name]
    sound = dict.fromkeys(range(3), 0)
    for length in range(len(whole)):
        found = []
        with suppress(CaptureError):
            found.extend(decode(read(io.BytesIO(whole[:length]), "name")))
            sound[len(found)] += 1
    assert len(records(whole)) == 2
    assert sound[1] == 1  # the end of the first packet


def test_what_comes_before_a_cut_is_told() -> None:
    told = decode(read(io.BytesIO(WHOLE["pcapng"][:-5]), "name"))
    assert next(told).text == "Reset"
    with pytest.raises(CaptureError, match="ends in the middle of a block, at octet "):
        next(told)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "neither pcapng nor pcap nor btsnoop"),
        (b"x", "ends in the middle of the header"),
        (b"import _bleio\n", "neither pcapng nor pcap nor btsnoop"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "none of pcapng"),
        (block(0x0A0D0D0A, b"\x4d\x3c\x2b\x1a"), "header claims to have 16 octets"),
        (section() + b"\6\0\0\0\xff\xff\xff\xff", "claims to have 4294967295 octets"),
        (section() + b"\6\0\0\0\xfc\xff\xff\xff", "claims to have 4294967284 octets"),
        (section() + b"\6\0\0\0\4\0\0\0", "claims to have 4 octets"),
        (section() + packet(RESET), "interface 0, which it does not describe"),
        (section() + interface(187) + block(6, b"\0"), "shorter than what is in it"),
        (section() + interface(187)
         + block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99)), "shorter than what is in it"),
        (section() + 5_000 * interface(187), "more than 4096 interfaces"),
        (btsnoop(1002) + struct.pack(">IIIIq", 0, 1 << 31, 0, 0, 0), "claims to have 2147483648"),
    ],
)  # fmt: skip
def test_hostile_files(octets: bytes, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        records(octets)


class Trickle(io.RawIOBase):
    """A pipe that gives an octet at a time."""

    def __init__(self, octets: bytes) -> None:
        self._octets = io.BytesIO(octets)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._octets.read(min(size, 1))


def test_pipes() -> None:
    assert len(list(read(Trickle(WHOLE["pcapng"]), "name"))) == 2  # type: ignore[arg-type]


def test_memory_is_bounded() -> None:
    """A file without end is read as it comes."""

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            start = WHOLE["btsnoop"][:16]
            if self.given < len(start):
                part = start[self.given : self.given + size]
            else:
                record = WHOLE["btsnoop"][16 : 16 + 24 + 4]
                at = (self.given - 16) % len(record)
                part = record[at : at + size]
            self.given += len(part)
            return part

    told = decode(read(Endless(), "name"))  # type: ignore[arg-type]
    for _ in range(20_000):
        assert next(told).text == "Reset"
