"""Packets in words: any octets give one line, and what is remembered of them is bounded."""

from __future__ import annotations

import io

from hypothesis import example, given, settings, strategies as st

from bleio.core import pcapng
from bleio.decoding.air import AirDecoder
from bleio.decoding.hci.decoder import HciDecoder
from bleio.decoding.lines import Lines, line
from bleio.decoding.reading.files import decode, read
from bleio.decoding.reading.source import CaptureError
from bleio.decoding.records import ADVERTISING_ACCESS_ADDRESS, AirPacket, Decoded, HciPacket

octets = st.binary(max_size=300)
pdus = st.builds(lambda header, body: bytes((header, len(body))) + body, st.integers(0, 255),
                 st.binary(max_size=255))  # fmt: skip
frames = st.builds(
    lambda channel, pdu: len(pdu).to_bytes(2, "little") + bytes((channel, 0)) + pdu,
    st.sampled_from((4, 5, 6, 0x40)),
    st.binary(max_size=60),
)
data = st.builds(
    lambda header, frame: bytes((header & ~3 | 2, len(frame))) + frame, st.integers(0, 255), frames
)
air_packets = st.builds(
    AirPacket,
    st.integers(0, 1 << 40),
    st.sampled_from((ADVERTISING_ACCESS_ADDRESS, 1, 2)),
    st.integers(0, 5),
    octets | pdus | data,
    st.sampled_from(("", "sensor", "reader")),
    st.booleans(),
    st.sampled_from((None, True, False)),
)
h4 = st.builds(lambda kind, rest: bytes((kind,)) + rest, st.integers(0, 6), octets) | st.builds(
    lambda handle, frame: b"\x02" + bytes((handle, 0x20, len(frame), 0)) + frame,
    st.integers(0, 3),
    frames,
)
events = st.builds(
    lambda code, body: bytes((4, code, len(body))) + body,
    st.integers(0, 255),
    st.binary(max_size=80),
)
le_events = st.builds(
    lambda code, body: bytes((4, 0x3E, len(body) + 1, code)) + body,
    st.integers(0, 0x40),
    st.binary(max_size=80),
)
commands = st.builds(
    lambda opcode, body: b"\x01" + opcode.to_bytes(2, "little") + bytes((len(body),)) + body,
    st.integers(0x2001, 0x20A0) | st.integers(0, 0xFFFF),
    st.binary(max_size=80),
)
hci_packets = st.builds(
    HciPacket,
    st.integers(0, 1 << 40),
    h4 | events | le_events | commands,
    st.booleans(),
    st.sampled_from(("a", "b")),
)


def is_one_line(decoded: Decoded) -> None:
    for text in (decoded.text, decoded.sender, decoded.receiver, line(decoded)):
        assert text.isprintable(), repr(text)
    assert decoded.text
    assert len(decoded.text) < 60_000


@settings(deadline=None)  # the first loads tables of names
@given(st.lists(air_packets, max_size=12))
def test_the_air(packets: list[AirPacket]) -> None:
    decoder, lines = AirDecoder(), Lines(verbose=True)
    decoded = [decoder.decode(packet) for packet in packets]
    decoder.settle()
    told = []
    for packet, each in zip(packets, decoded, strict=True):
        is_one_line(each)
        assert each.octets == packet.octets
        told += lines.add(each)
    told += lines.flush()
    assert all("\n" not in each for each in told)


@settings(deadline=None)  # the first loads tables of names
@given(st.lists(hci_packets, max_size=8))
def test_hosts_and_controllers(packets: list[HciPacket]) -> None:
    decoder = HciDecoder()
    for packet in packets:
        is_one_line(decoder.decode(packet))


@settings(deadline=None)  # the first loads tables of names
@given(st.binary(max_size=400))
@example(pcapng.btsnoop_header() + bytes(24))
@example(pcapng.section() + pcapng.interface(pcapng.LINKTYPE_LE_LL_WITH_PHDR, "x"))
def test_files(content: bytes) -> None:
    for start in (b"", pcapng.section(), pcapng.section() + pcapng.interface(201, "a"),
                  pcapng.btsnoop_header()):  # fmt: skip
        try:
            for decoded in decode(read(io.BytesIO(start + content), "name")):
                is_one_line(decoded)
        except CaptureError as error:
            assert str(error).isprintable()  # noqa: PT017
