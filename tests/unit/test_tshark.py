"""What tshark says wrongly of ATT between two hosts is not counted; what it says rightly is."""

from __future__ import annotations

import struct
from pathlib import Path

from bleio.core import pcapng
from support.tshark import EXCEEDS, complaints, needs_tshark

pytestmark = needs_tshark

Frame = tuple[int, bool, str]  # connection handle, whether it was received, a PDU of ATT
ONE, OTHER = 0x40, 0x41
# Requests for values of these types, and an answer to the first one.
HASH, CHARACTERISTICS = "080100ffff2a2b", "080100ffff0328"
A_HASH = "09120500" + 16 * "77"


def found(path: Path, *frames: Frame) -> list[str]:
    capture = pcapng.section() + pcapng.interface(pcapng.LINKTYPE_HCI_H4_WITH_PHDR, "one")
    for handle in (ONE, OTHER):
        address = bytes((handle, 0, 0, 1, 0xFF, 0))
        complete = struct.pack("<BBHBB6sHHHB", 1, 0, handle, 0, 0, address, 12, 0, 42, 0)
        event = pcapng.h4_with_direction(b"\x04\x3e\x13" + complete, to_host=True)
        capture += pcapng.packet(0, 0, event)
    for number, (handle, received, text) in enumerate(frames):
        pdu = bytes.fromhex(text)
        flags = 0x2000 if received else 0
        head = struct.pack("<BHHHH", 2, handle | flags, len(pdu) + 4, len(pdu), 4)
        octets = pcapng.h4_with_direction(head + pdu, to_host=received)
        capture += pcapng.packet(0, number * 1000, octets)
    file = path / "att.pcapng"
    file.write_bytes(capture)
    return [complaint.message for complaint in complaints(file)]


def mtu(handle: int, octets: int) -> list[Frame]:
    size = octets.to_bytes(2, "little").hex()
    return [(handle, True, f"02{size}"), (handle, False, f"03{size}")]


def test_requests_of_both_ends_cross(tmp_path: Path) -> None:
    asked: list[Frame] = [(ONE, False, HASH), (ONE, True, CHARACTERISTICS)]
    assert found(tmp_path, *asked, (ONE, True, A_HASH)) == []


def test_each_server_has_handles_of_its_own(tmp_path: Path) -> None:
    service_changed = "09070800200900052a"
    frames: list[Frame] = [(ONE, False, CHARACTERISTICS), (ONE, True, service_changed)]
    assert found(tmp_path, *frames, (ONE, True, "12090005"), (ONE, False, "13")) == []


def test_each_link_has_its_mtu(tmp_path: Path) -> None:
    value = "1b1200" + 514 * "00"
    links = [*mtu(ONE, 517), *mtu(OTHER, 100)]
    assert found(tmp_path, *links, (ONE, False, value)) == []
    assert EXCEEDS in found(tmp_path, *links, (OTHER, False, value))


def test_a_wrong_answer_is_one(tmp_path: Path) -> None:
    assert found(tmp_path, (ONE, False, CHARACTERISTICS), (ONE, True, A_HASH)) == ["Bad Data"]
