"""Targets that turn packets and capture files of any kind into words."""

from __future__ import annotations

import io
from contextlib import suppress

from bleio.core import pcapng
from bleio.decoding.air import AirDecoder
from bleio.decoding.hci.decoder import HciDecoder
from bleio.decoding.lines import Lines
from bleio.decoding.reading.files import decode, read
from bleio.decoding.reading.source import CaptureError
from bleio.decoding.records import (
    ADVERTISING_ACCESS_ADDRESS,
    AirPacket,
    Decoded,
    HciPacket,
)
from fuzz.decisions import Decisions

CHANNELS = (4, 4, 4, 5, 6, 0x40)
LINKS = (1, 2)


def _is_a_line(decoded: Decoded) -> None:
    assert decoded.text
    for text in (decoded.text, decoded.sender, decoded.receiver, decoded.protocol):
        assert text.isprintable(), repr(text)


def _frame(random: Decisions) -> bytes:
    """An L2CAP frame, mostly of the length that it says."""
    pdu = random.take(random.randrange(32))
    says = len(pdu) if random.random() < 0.8 else random.randrange(64)
    return says.to_bytes(2, "little") + bytes((random.choice(CHANNELS), 0)) + pdu


def packets_in_words(octets: bytes) -> None:
    """Whatever was on the air and on HCI gives one line for each packet."""
    random = Decisions(octets)
    air, hci, lines = AirDecoder(), HciDecoder(), Lines(verbose=True)
    now_us, told = 0, []
    while random.left:
        now_us += random.randrange(30_000)
        if random.random() < 0.4:
            decoded = hci.decode(_hci(random, now_us))
        else:
            decoded = air.decode(_packet(random, now_us))
        _is_a_line(decoded)
        told += lines.add(decoded)
    air.settle(now_us)
    told += lines.flush()
    assert not any("\n" in each for each in told)


def _packet(random: Decisions, now_us: int) -> AirPacket:
    of_link = random.random() < 0.7
    body = (
        _frame(random) if of_link and random.random() < 0.7 else random.take(random.randrange(48))
    )
    says = len(body) if random.random() < 0.9 else random.randrange(256)
    header = bytes((random.randrange(256), says))
    return AirPacket(
        now_us,
        random.choice(LINKS) if of_link else ADVERTISING_ACCESS_ADDRESS,
        random.randrange(4),
        header + body if random.random() < 0.9 else body,
        random.choice(("", "sensor", "reader")),
        random.random() < 0.9,
        random.choice((None, False)),
    )


def _hci(random: Decisions, now_us: int) -> HciPacket:
    kind = random.randrange(6)
    body = _frame(random) if kind == 2 else random.take(random.randrange(40))
    says = len(body) if random.random() < 0.9 else random.randrange(256)
    head = {
        1: bytes((random.randrange(256), random.choice((0x20, 0x0C, 0x04)), says)),
        2: bytes((random.randrange(2), random.choice((0, 0x10, 0x20)), says, 0)),
        4: bytes((random.choice((0x3E, 0x0E, 0x0F, 0x05, random.randrange(256))), says)),
    }.get(kind, b"")
    return HciPacket(now_us, bytes((kind,)) + head + body, random.random() < 0.5, "host")


STARTS = (
    *(b"", pcapng.section(), pcapng.btsnoop_header(), b"\xd4\xc3\xb2\xa1"),
    pcapng.section() + pcapng.interface(pcapng.LINKTYPE_LE_LL_WITH_PHDR, "air"),
    pcapng.section() + pcapng.interface(pcapng.LINKTYPE_HCI_H4_WITH_PHDR, "hci"),
)


def capture_file(octets: bytes) -> None:
    """A capture file is read, or refused with a sentence."""
    random = Decisions(octets)
    content = random.choice(STARTS)
    while random.random() < 0.5 and random.left:
        block = random.take(random.randrange(64))
        content += pcapng._block(random.randrange(8), block + bytes(-len(block) % 4))
    content += random.rest()
    with suppress(CaptureError):
        for decoded in decode(read(io.BytesIO(content), "name")):
            _is_a_line(decoded)
