"""SMP and L2CAP signaling in words, and frames put together."""

from __future__ import annotations

import pytest

from bleio.decoding import channels, signaling, smp
from bleio.decoding.channels import End

PAIRING = {
    "01030009100303": "Pairing Request: no input and no output, bonding, Secure Connections",
    "0204010d070101": "Pairing Response: keyboard and display, out-of-band data, bonding, MITM,"
    " Secure Connections, keys of 7 octets",
    "01090000100000": "Pairing Request: IO capability 0x09",
    "03" + "11" * 16: "Pairing Confirm",
    "04" + "11" * 16: "Pairing Random",
    "0504": "Pairing Failed: Confirm Value Failed",
    "05ee": "Pairing Failed: Reserved Reason 0xEE",
    "06" + "11" * 16: "Encryption Information",
    "07" + "11" * 10: "Central Identification",
    "08" + "11" * 16: "Identity Information",
    "0901" + "0102030405c0": "Identity Address Information: c0:05:04:03:02:01/random",
    "0a" + "11" * 16: "Signing Information",
    "0b05": "Security Request: bonding, MITM",
    "0b00": "Security Request: nothing",
    "0c" + "11" * 64: "Pairing Public Key",
    "0d" + "11" * 16: "Pairing DHKey Check",
    "0e01": "Pairing Keypress Notification: digit entered",
    "0e77": "Pairing Keypress Notification",
    "4401": "unknown PDU 0x44, 2 octets",
    "": "malformed PDU, 0 octets",
    "01": "malformed Pairing Request, 1 octet",
    "050400": "malformed Pairing Failed, 3 octets",
    "0c1111": "malformed Pairing Public Key, 3 octets",
}


@pytest.mark.parametrize(("pdu", "text"), PAIRING.items())
def test_pairing(pdu: str, text: str) -> None:
    said = smp.describe(bytes.fromhex(pdu))
    assert (said.protocol, said.text) == ("SMP", text)
    assert said.trouble == text.startswith(("malformed", "Pairing Failed"))


SIGNALING = {
    "0101020000" "00": "Command Reject: Command Not Understood",
    "12010800" "0600180000003200": "Connection Parameter Update Request: interval 7.5 to 30 ms,"
    " latency 0, time-out 500 ms",
    "13010200" "0000": "Connection Parameter Update Response: accepted",
    "13010200" "0100": "Connection Parameter Update Response: rejected",
    "14010a00" "8000400017001700" "0a00": "LE Credit Based Connection Request: SPSM 0x0080,"
    " channel 0x0040, MTU 23, MPS 23, credits 10",
    "15010a00" "400017001700" "0a000000": "LE Credit Based Connection Response: accepted,"
    " channel 0x0040, MTU 23, MPS 23, credits 10",
    "15010a00" "0000000000000000" "0200": "LE Credit Based Connection Response: refused,"
    " SPSM Not Supported",
    "06010400" "40004100": "Disconnection Request: channels 0x0040 and 0x0041",
    "16010400" "40000300": "Flow Control Credit: channel 0x0040, 3",
    "08010000": "Echo Request",
    "99010000": "unknown signaling 0x99",
    "": "malformed signaling, 0 octets",
    "120108": "malformed signaling, 3 octets",
    "12010800" "0600": "malformed Connection Parameter Update Request, 6 octets",
    "12010200" "0600": "malformed Connection Parameter Update Request, 6 octets",
}  # fmt: skip


@pytest.mark.parametrize(("pdu", "text"), SIGNALING.items())
def test_signaling(pdu: str, text: str) -> None:
    said = signaling.describe(bytes.fromhex(pdu))
    assert (said.protocol, said.text) == ("L2CAP", text)


class Pipe:
    """One direction of a link."""

    def __init__(self) -> None:
        self.sender, self.receiver = End("one"), End("other")

    def say(self, payload: str, *, begins: bool) -> str:
        octets = bytes.fromhex(payload)
        said = channels.describe(octets, self.sender, self.receiver, begins=begins)
        for learn in said.learn:
            learn()
        return f"{said.protocol} {said.text}"


def test_frames_are_put_together() -> None:
    pipe = Pipe()
    assert pipe.say("0400", begins=True) == "L2CAP the first 2 octets of a frame"
    assert pipe.say("0400121200", begins=False) == "L2CAP 3 of 4 octets for ATT"
    assert pipe.say("4b", begins=False) == "ATT Write 0x0012 = 4b"
    assert pipe.say("4b", begins=False) == "L2CAP continuation of what was not seen, 1 octet"


def test_a_frame_that_begins_ends_the_one_before() -> None:
    pipe = Pipe()
    pipe.say("0900040012", begins=True)
    assert pipe.say("030004000a1200", begins=True) == "ATT Read 0x0012"
    assert pipe.say("00", begins=False).startswith("L2CAP continuation")


def test_frames_of_other_channels_and_too_long_ones() -> None:
    pipe = Pipe()
    assert pipe.say("020041000102", begins=True) == "L2CAP 2 octets for channel 0x0041"
    assert pipe.say("0100040012ff", begins=True) == "L2CAP malformed frame for ATT, 6 octets"
    assert pipe.say("00000400", begins=True) == "ATT malformed PDU, 0 octets"
    assert pipe.say("", begins=True) == "L2CAP the first 0 octets of a frame"


def test_a_part_is_bounded() -> None:
    pipe = Pipe()
    pipe.say("ffff0400", begins=True)
    for _ in range(300):
        pipe.say("00" * 251, begins=False)
    assert len(pipe.sender.part) <= 0x10003
