"""HCI packets in a byte stream."""

from __future__ import annotations

import pytest

from bleio.radio.sharing.h4 import H4Error, H4Framer

RESET = bytes.fromhex("01 03 0c 00")
PACKETS = [
    RESET,
    bytes.fromhex("01 0c 20 02 01 00"),
    bytes.fromhex("02 40 20 05 00") + bytes(5),
    bytes.fromhex("02 40 20 00 03") + bytes(0x300),
    bytes.fromhex("03 01 00 02 aa bb"),
    bytes.fromhex("04 0e 04 01 03 0c 00"),
    bytes.fromhex("04 0e 00"),
    # The two high bits of the length are reserved.
    bytes.fromhex("05 60 00 03 c0") + bytes(3),
]
STREAM = b"".join(PACKETS)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(STREAM)])
def test_packets_come_out_however_the_stream_is_cut(size: int) -> None:
    framer = H4Framer()
    found = []
    for start in range(0, len(STREAM), size):
        found += framer.feed(STREAM[start : start + size])
    assert found == PACKETS


def test_a_packet_may_be_taken_at_a_time() -> None:
    framer = H4Framer()
    packets = framer.feed(STREAM)
    assert next(packets) == PACKETS[0]
    packets.close()
    assert list(framer.feed(b"")) == PACKETS[1:]


@pytest.mark.parametrize("octet", [0x00, 0x06, 0x10, 0xFF])
def test_an_unknown_type_is_an_error_after_the_packets_before_it(octet: int) -> None:
    found = []
    with pytest.raises(H4Error, match=f"0x{octet:02x} is no HCI packet type") as caught:
        for packet in H4Framer().feed(RESET + bytes((octet,))):
            found.append(packet)
    assert found == [RESET]
    assert caught.value.octet == octet


@pytest.mark.parametrize("noise", [b"", b"\x01", b"\x01\x03\x0c", bytes(1000), b"\x01\x03\x0c\x01"])
@pytest.mark.parametrize("size", [1, 1000])
def test_a_reset_puts_the_stream_back_in_step(noise: bytes, size: int) -> None:
    framer = H4Framer()
    with pytest.raises(H4Error):
        list(framer.feed(b"\xff"))
    assert list(framer.resynchronise()) == []
    found = []
    stream = noise + STREAM
    for start in range(0, len(stream), size):
        found += framer.feed(stream[start : start + size])
    assert found == PACKETS


def test_a_reset_that_came_with_the_fault_counts() -> None:
    framer = H4Framer()
    with pytest.raises(H4Error):
        list(framer.feed(b"\xff\x12" + RESET))
    assert list(framer.resynchronise()) == [RESET]


def test_noise_is_not_collected() -> None:
    framer = H4Framer()
    with pytest.raises(H4Error):
        list(framer.feed(b"\xff"))
    list(framer.resynchronise())
    for _ in range(100):
        assert list(framer.feed(bytes(1000))) == []
    assert len(framer._buffer) < 4
