"""Capture formats byte by byte, and the CRC of the link layer."""

from __future__ import annotations

import struct

from bleio.core import pcapng
from bleio.radio.air.radio import AirPdu, Direction, Radio
from bleio.radio.air.station import Station
from bleio.radio.capture.air_capture import AirCapture, crc24, link_layer_record


def slow_crc(octets: bytes, init: int) -> bytes:
    """Bit by bit as the figure of the specification has it: position 23 is sent first."""
    register = init
    for octet in octets:
        for bit in range(8):
            out = register >> 23 ^ octet >> bit & 1
            register = register << 1 & 0xFFFFFF ^ (0x00065B if out else 0)
    mirrored = int(f"{register:024b}"[::-1], 2)
    return mirrored.to_bytes(3, "little")


def test_the_crc_is_that_of_the_specification() -> None:
    for init in (0x555555, 0x123456, 0):
        for length in (0, 1, 2, 8, 39, 255):
            octets = bytes(index * 7 & 0xFF for index in range(length))
            assert crc24(octets, init) == slow_crc(octets, init)


def test_a_record_has_the_pseudo_header_of_link_type_256() -> None:
    packet = AirPdu(
        5, 37, 1, 0x8E89BED6, 0, Station(1, "one"), bytes((0x42, 6)) + bytes(6)
    )  # fmt: skip
    record = link_layer_record(packet, -60)
    assert record[:10] == struct.pack("<BbbBIH", 0, -60, 0, 0, 0x8E89BED6, 0x0C13)
    assert record[10:] == b"\xd6\xbe\x89\x8e" + packet.octets + crc24(packet.octets, 0x555555)
    coded = packet._replace(phy=3, channel=0, direction=Direction.TO_CENTRAL, crc_right=False)
    record = link_layer_record(coded, -60)
    assert record[0] == 1
    assert struct.unpack_from("<H", record, 8) == (0x8000 | 0x0400 | 3 << 7 | 0x13,)
    assert record[14:15] == b"\x00"
    assert record[-3:] != crc24(packet.octets, 0x555555)


def test_a_record_is_deciphered_on_request() -> None:
    clear, octets = b"\x02\x01\x07", b"\x02\x05\x55\x66\x77\x88\x99"
    packet = AirPdu(
        5, 0, 1, 0x12345678, 0, Station(1, ""), octets, Direction.TO_PERIPHERAL, 0xABCDEF,
        clear_octets=clear,
    )  # fmt: skip
    as_it_was = link_layer_record(packet, -60)
    assert as_it_was[14:] == octets + crc24(octets, 0xABCDEF)
    deciphered = link_layer_record(packet, -60, decipher=True)
    assert deciphered[14:] == clear + crc24(clear, 0xABCDEF)
    flags = [struct.unpack_from("<H", each, 8)[0] for each in (as_it_was, deciphered)]
    assert flags[0] ^ flags[1] == 0x3008  # decrypted, MIC checked and valid
    plain = packet._replace(clear_octets=b"")
    assert link_layer_record(plain, -60, decipher=True) == as_it_was


def test_blocks_have_whole_words() -> None:
    for block in (
        pcapng.section("x"), pcapng.interface(256, "abc"), pcapng.packet(0, 1 << 33, b"12345"),
    ):  # fmt: skip
        assert len(block) % 4 == 0
        assert block[4:8] == block[-4:] == struct.pack("<I", len(block))


def test_btsnoop_flags_say_direction_and_kind() -> None:
    def flags(octet: int, to_host: bool) -> int:
        record = pcapng.btsnoop_packet(0, bytes((octet, 0)), to_host=to_host)
        return int.from_bytes(record[8:12], "big")

    assert [flags(1, False), flags(4, True), flags(2, False), flags(2, True)] == [2, 3, 0, 1]


def test_packets_are_written_in_the_order_of_time() -> None:
    radio = Radio()
    octets: list[bytes] = []
    capture = AirCapture(radio, octets.append)
    begin = len(octets)
    for time_us in (300, 100, 200):
        capture.add(AirPdu(time_us, 0, 1, 1, 0, Station(1, ""), b"\x01\x00"))
    radio.run_until(150)
    capture.add(AirPdu(150, 0, 1, 1, 0, Station(1, ""), b"\x01\x00"))
    assert len(octets) - begin == 1
    capture.flush()
    times = [struct.unpack_from("<I", block, 16)[0] for block in octets[begin:]]
    assert times == [100, 150, 200, 300]
    assert capture.packets == 4
