"""What hosts and controllers say in words: commands, events, links and their data."""

from __future__ import annotations

import bumble.drivers.intel  # knows commands of this vendor, by numbers that others use too
import pytest

from bleio.decoding.hci import tables
from bleio.decoding.hci.decoder import HciDecoder
from bleio.decoding.records import Decoded, HciPacket

PEER = "0102030405c6"


class Host:
    """One host and its controller."""

    def __init__(self) -> None:
        self.decoder = HciDecoder()
        self.now_us = 0

    def say(self, h4: str, *, to_host: bool = False, host: str = "reader") -> Decoded:
        self.now_us += 1_000
        packet = HciPacket(self.now_us, bytes.fromhex(h4), to_host, host)
        return self.decoder.decode(packet)

    def connect(self, handle: str = "4000") -> None:
        self.say(f"043e13 01 00 {handle} 00 01 {PEER} 1800 0000 c800 00", to_host=True)


COMMANDS = {
    "01030c00": "Reset",
    "010c2002 01 00": "LE Set Scan Enable: le scan enable 1, filter duplicates 0",
    "01060403 4000 13": "Disconnect: connection handle 0x0040,"
    " reason Remote User Terminated Connection",
    "01052006 0102030405c6": "LE Set Random Address: random address c6:05:04:03:02:01",
    "0101fc06 010203040506": "Claim Static Address (of bleio's virtual controllers):"
    " parameters 01 02 03 04 05 06",
    "01ffff00": "vendor command 0xffff",
    "0105fc02 0102": "vendor command 0xfc05: parameters 01 02",
    "01ffff01 aa": "vendor command 0xffff: parameters aa",
    "01ff7f01 aa": "command 0x7fff: parameters aa",
    "010c2002 01": "malformed LE Set Scan Enable, 4 octets",
    "010c2001 01": "malformed LE Set Scan Enable, 4 octets",
    "010604": "malformed packet, 3 octets",
    "01": "malformed packet, 1 octet",
    "": "malformed packet, 0 octets",
    "77aabb": "malformed packet, 3 octets",
    "03400002aabb": "SCO data, 5 octets",
    "05400002aabb": "ISO data, 5 octets",
}


@pytest.mark.parametrize(("h4", "text"), COMMANDS.items())
def test_commands(h4: str, text: str) -> None:
    decoded = Host().say(h4)
    assert (decoded.protocol, decoded.text) == ("HCI", text)
    assert (decoded.sender, decoded.receiver) == ("reader", "controller")
    assert decoded.trouble == text.startswith("malformed")


EVENTS = {
    "040e04 01 030c 00": "Command Complete Reset: Success",
    "040e04 01 030c 0c": "Command Complete Reset: Command Disallowed",
    "040e0a 01 0910 00 010203040506": "Command Complete Read BD_ADDR: Success,"
    " bd addr 06:05:04:03:02:01",
    "040e04 01 0910 01": "Command Complete Read BD_ADDR: Unknown HCI Command",
    "040e04 01 0910 00": "malformed Command Complete Read BD_ADDR, 4 octets",
    "040e03 01 0000": "No Command",
    "040e02 0103": "malformed Command Complete, 4 octets",
    "040f04 00 01 4320": "Command Status LE Extended Create Connection: Success",
    "040f04 0c 01 4320": "Command Status LE Extended Create Connection: Command Disallowed",
    "040f03 000143": "malformed Command Status, 5 octets",
    "040504 00 4000 08": "Disconnection Complete: status Success, connection handle 0x0040,"
    " reason Connection Timeout",
    "040503 004000": "malformed Disconnection Complete, 5 octets",
    "041305 01 4000 0100": "Number Of Completed Packets: connection handles 0x0040,"
    " num completed packets 1",
    "041305 ff 4000 0100": "malformed Number Of Completed Packets, 7 octets",
    "043e0a 03 00 4000 1800 0000 c800": "LE Connection Update Complete: status Success,"
    " connection handle 0x0040, connection interval 24, peripheral latency 0,"
    " supervision timeout 200",
    "043e00": "malformed LE Meta, 2 octets",
    "043e02 0300": "malformed LE Connection Update Complete, 2 octets",
    f"043e0f 02 01 00 01 {PEER} 03 020106 c4": "LE Advertising Report:"
    " c6:05:04:03:02:01 at -60 dBm, Connectable, general discoverable and no BR/EDR",
    f"043e12 02 01 03 01 {PEER} 06 0509 70656e21 b0": "LE Advertising Report:"
    ' "pen!" 02:01 at -80 dBm, Nonconnectable, name "pen!"',
    f"043e1d 0d 01 0100 01 {PEER} 01 00 ff 7f c4 0000 00 000000000000 03 020106": ""
    "LE Extended Advertising Report: c6:05:04:03:02:01 at -60 dBm, connectable,"
    " general discoverable and no BR/EDR",
    "043e02 0200": "malformed LE Advertising Report, 2 octets",
    f"043e0b 02 02 00 01 {PEER} 00": "malformed LE Advertising Report, 11 octets",
    "04ee01 aa": "event 0xee: parameters aa",
    "043e02 ee aa": "LE event 0xee: parameters aa",
    "04ff02 aabb": "Vendor: data aa bb",
}


@pytest.mark.parametrize(("h4", "text"), EVENTS.items())
def test_events(h4: str, text: str) -> None:
    decoded = Host().say(h4, to_host=True)
    assert (decoded.protocol, decoded.text) == ("HCI", text)
    assert (decoded.sender, decoded.receiver) == ("controller", "reader")
    troubles = ("malformed", "Disallowed", "Unknown", "Connection Timeout")
    assert decoded.trouble == any(each in text for each in troubles)


def test_data_of_links_by_names() -> None:
    host = Host()
    host.say(f"043e11 02 01 00 01 {PEER} 05 0409 70656e c4", to_host=True)
    host.connect()
    sent = host.say("02 4000 0b00 0700 0400 08 0100 ffff 0328")
    assert (sent.sender, sent.receiver) == ("reader", '"pen" 02:01')
    assert sent.text == "Read By Type Characteristic, 0x0001 to 0xffff"
    host.say("02 4020 0d00 0900 0400 09 07 1100 12 1200 192a", to_host=True)
    assert host.say("02 4000 0700 0300 0400 0a 1200").text == "Read Battery Level (0x0012)"
    parts = [
        host.say("02 4020 0500 0400 0400 0b", to_host=True),
        host.say("02 4010 0300 6b6b21", to_host=True),
    ]
    assert [part.text for part in parts] == [
        "1 of 4 octets for ATT",
        'Read Response Battery Level (0x0012) = "kk!"',
    ]
    assert (parts[1].sender, parts[1].receiver) == ('"pen" 02:01', "reader")


def test_hosts_have_links_of_their_own_and_know_each_other() -> None:
    host = Host()
    host.say(f"01052006 {PEER}", host="sensor")
    host.connect()
    assert host.say("02 4000 0700 0300 0400 0a 1200").receiver == "sensor"
    other = host.say("02 4000 0700 0300 0400 0a 1200", host="sensor")
    assert (other.sender, other.receiver) == ("sensor", "peer of 0x0040")


def test_links_end() -> None:
    host = Host()
    host.connect()
    assert not host.say("040504 00 4000 13", to_host=True).trouble
    assert host.say("02 4000 0700 0300 0400 0a 1200").receiver == "peer of 0x0040"


def test_attributes_outlast_links() -> None:
    host = Host()
    for _ in range(2):
        host.connect()
        read = host.say("02 4000 0700 0300 0400 0a 1200")
        host.say("02 4000 0b00 0700 0400 08 0100 ffff 0328")
        host.say("02 4020 0d00 0900 0400 09 07 1100 12 1200 192a", to_host=True)
        host.say("040504 00 4000 13", to_host=True)
    assert read.text == "Read Battery Level (0x0012)"


@pytest.mark.parametrize("h4", ["02", "024000", "0240000500aa", "0240000000"])
def test_malformed_data(h4: str) -> None:
    assert "malformed" in Host().say(h4).text or h4 == "0240000000"


def test_links_are_bounded() -> None:
    host = Host()
    for number in range(3_000):
        host.say("02 4000 0700 0300 0400 0a 1200", host=f"host {number}")
    assert len(host.decoder._links) <= 1_024


def test_names_of_all_that_bumble_knows_are_words() -> None:
    for opcode in tables._bumble().HCI_Command.command_names:
        assert "_" not in tables.command_name(opcode).replace("BD_ADDR", "")
    for code in tables._bumble().HCI_Event.event_names:
        assert "HCI" not in tables.event_name(code)


def test_commands_of_vendors_are_not_those_of_one_vendor() -> None:
    opcodes = [each for each in tables._bumble().HCI_Command.command_classes if each >> 10 == 0x3F]
    assert opcodes, bumble.drivers.intel
    for opcode in opcodes:
        assert tables.command_fields(opcode, b"\1", str) == [("parameters", "01")]
