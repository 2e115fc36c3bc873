"""Packets of the link layer in words: advertising, control, names, losses, and hostile octets."""

from __future__ import annotations

import pytest

from bleio.decoding import control
from bleio.decoding.air import AirDecoder
from bleio.decoding.lines import lines
from bleio.decoding.records import (
    ADVERTISING_ACCESS_ADDRESS,
    AirPacket,
    Decoded,
    PduType,
)
from bleio.decoding.streaming import decode_air

LINK = 0x50E1A2B3
SENSOR, READER = "010203040506", "0a0b0c0d0e0f"
CONNECT = f"c522{READER}{SENSOR}b3a2e150112233010000060000006400ffffffff1f27"  # 7.5 ms, 1000 ms


def adv(octets: str, time_us: int = 0, sender: str = "", auxiliary: bool = False) -> AirPacket:
    kind = PduType.AUXILIARY if auxiliary else PduType.ADVERTISING
    return AirPacket(time_us, ADVERTISING_ACCESS_ADDRESS, kind, bytes.fromhex(octets), sender)


class Air:
    """A decoder, and a link of which both ends say what they are told to."""

    def __init__(self, *, connect: str = CONNECT, names: bool = True) -> None:
        self.decoder = AirDecoder()
        self.now_us = 0
        if names:
            self.decoder.devices.learn_octets(bytes.fromhex(SENSOR), "sensor")
            self.decoder.devices.learn_octets(bytes.fromhex(READER), "reader")
        if connect:
            self.decoder.decode(adv(connect))

    def say(
        self,
        payload: str,
        *,
        up: bool = False,
        sn: int = 0,
        nesn: int = 0,
        llid: int = 2,
        crc_right: bool = True,
        enciphered: bool | None = None,
        sender: str = "",
    ) -> Decoded:
        """Let the central, or the peripheral if `up`, send a packet 7.5 ms after the last."""
        self.now_us += 7_500
        octets = bytes.fromhex(payload)
        header = bytes((llid | nesn << 2 | sn << 3, len(octets)))
        kind = PduType.TO_CENTRAL if up else PduType.TO_PERIPHERAL
        return self.decoder.decode(
            AirPacket(self.now_us, LINK, kind, header + octets, sender, crc_right, enciphered)
        )


ADVERTISING = {
    f"4009{SENSOR}020106": "ADV Connectable: general discoverable and no BR/EDR",
    f"400e{SENSOR}0509616263200303": 'ADV Connectable: name "abc ", cut after 2 octets',
    f"4206{SENSOR}": "ADV Nonconnectable",
    f"460b{SENSOR}0409780a79": 'ADV Scannable: name "x\\ny"',
    f"420d{SENSOR}06ff4c00021501": "ADV Nonconnectable: data of Apple, Inc. 02 15 01",
    f"420c{SENSOR}05160f184b4c": 'ADV Nonconnectable: data of Battery Service "KL"',
    f"420a{SENSOR}03198003": "ADV Nonconnectable: appearance 0x0380",
    f"4209{SENSOR}020af4": "ADV Nonconnectable: power -12 dBm",
    f"4209{SENSOR}024477": "ADV Nonconnectable: AD type 0x44 77",
    f"c10c{SENSOR}{READER}": "ADV Directed",
    f"c30c{READER}{SENSOR}": "ADV Scan Request",
    f"4409{SENSOR}020106": "ADV Scan Response: general discoverable and no BR/EDR",
    CONNECT: "LL Connect: interval 7.5 ms, latency 0, time-out 1000 ms",
    "070746180000201440": "ADV Extended: connectable",
    "47090701" + SENSOR + "0c": "ADV Extended: ",
    "0f00": "ADV PDU type 15",
    "": "ADV malformed packet, 0 octets",
    "40": "ADV malformed packet, 1 octet",
    "4006010203": "ADV malformed packet, 5 octets",
    "4003010203": "ADV malformed packet, 5 octets",
    f"c302{SENSOR[:4]}": "ADV malformed packet, 4 octets",
    f"c50c{READER}{SENSOR}": "ADV malformed packet, 14 octets",
    "0700": "ADV malformed packet, 2 octets",
    "070105": "ADV malformed packet, 3 octets",
    "07020101": "ADV malformed packet, 4 octets",
}


@pytest.mark.parametrize(("octets", "text"), ADVERTISING.items())
def test_advertising(octets: str, text: str) -> None:
    decoded = AirDecoder().decode(adv(octets))
    if text.endswith(": "):
        assert f"{decoded.protocol} {decoded.text}".startswith(text)
        return
    assert f"{decoded.protocol} {decoded.text}" == text
    assert decoded.trouble == ("malformed" in text)


def test_auxiliary_packets() -> None:
    decoder = AirDecoder()
    auxiliary = decoder.decode(adv("470d4909" + SENSOR + "0010020106", auxiliary=True))
    assert auxiliary.text == "Auxiliary: connectable, general discoverable and no BR/EDR"
    response = decoder.decode(adv("c80e0d03" + SENSOR + READER, auxiliary=True))
    assert (response.text, response.sender, response.receiver) == (
        *("Connect Response", "06:05:04:03:02:01", "0f:0e:0d:0c:0b:0a"),
    )
    request = decoder.decode(adv(CONNECT, auxiliary=True))
    assert dict(request.details)["PDU"] == "AUX_CONNECT_REQ"


CONTROL = {
    "00" "010000" "0c00" "0000" "6400" "0a00": "Connection Update: interval 15 ms, latency 0,"
    " time-out 1000 ms, at event 10",
    "01" "ffffffff1f" "0a00": "Channel Map: 37 channels, at event 10",
    "0213": "Terminate: Remote User Terminated Connection",
    "0208": "Terminate: Connection Timeout",
    "03" + "00" * 22: "Encryption Request",
    "04" + "00" * 12: "Encryption Response",
    "05": "Start Encryption Request",
    "06": "Start Encryption Response",
    "0708": "Unknown Response: Feature Request",
    "08" + "ff" * 8: "Feature Request: 0xffffffffffffffff",
    "0a": "Pause Encryption Request",
    "0c" "0d" "5900" "0100": "Version: 13 of Nordic Semiconductor ASA, subversion 0x0001",
    "0d06": "Reject: PIN or Key Missing",
    "0f" "0600" "0c00" "0000" "6400" + "00" * 15: "Connection Parameter Request:"
    " interval 7.5 to 15 ms, latency 0, time-out 1000 ms",
    "1114" "23": "Reject: LL Procedure Collision for Length Request",
    "12": "Ping Request",
    "14" "fb00" "4808" "fb00" "4808": "Length Request: receives 251 octets, sends 251",
    "160202": "PHY Request: sends 2M, receives 2M",
    "170700": "PHY Response: sends 1M or 2M or Coded, receives as before",
    "18020200" "00": "PHY Update: to peripheral 2M, to central 2M, at event 0",
    "1800000000": "PHY Update: no change",
    "1f" + "00" * 35: "CIS Request",
    "77": "unknown control PDU 0x77, 1 octet",
    "": "malformed control PDU, 0 octets",
    "02": "malformed Terminate, 1 octet",
    "021300": "malformed Terminate, 3 octets",
}  # fmt: skip


@pytest.mark.parametrize(("pdu", "text"), CONTROL.items())
def test_control(pdu: str, text: str) -> None:
    said = control.describe(bytes.fromhex(pdu))
    assert (said.protocol, said.text) == ("LL", text)
    assert said.trouble == text.startswith(("malformed", "Reject", "Terminate: Connection T"))


def test_names_come_from_requests_to_connect() -> None:
    air = Air()
    decoded = air.say("030004000a1200")
    assert (decoded.sender, decoded.receiver, decoded.text) == ("reader", "sensor", "Read 0x0012")
    decoded = air.say("020004000b4b", up=True, nesn=1)
    assert (decoded.sender, decoded.receiver) == ("sensor", "reader")
    assert decoded.text == "Read Response 0x0012 = 4b"


def test_ends_without_names() -> None:
    decoded = Air(names=False).say("030004000a1200")
    assert (decoded.sender, decoded.receiver) == ("0f:0e:0d:0c:0b:0a", "06:05:04:03:02:01")
    decoded = Air(connect="").say("030004000a1200")
    assert decoded.sender == "central of 50e1a2b3"
    assert decoded.receiver == "peripheral of 50e1a2b3"


def test_names_come_from_senders() -> None:
    air = Air(connect="", names=False)
    air.decoder.decode(adv(f"4006{SENSOR}", sender="beacon"))
    assert air.decoder.decode(adv(f"c30c{READER}{SENSOR}")).receiver == "beacon"
    assert air.say("030004000a1200", sender="phone").sender == "phone"
    assert air.say("020004000b4b", up=True).receiver == "phone"


def test_attributes_of_a_device_outlast_its_link() -> None:
    air = Air()
    air.say("07000400080100ffff0328", nesn=1)
    air.say("0900040009071100121200192a", up=True, sn=1)
    assert air.say("030004000a1200", sn=1).text == "Read Battery Level (0x0012)"
    air.decoder.decode(adv(CONNECT))
    assert air.say("030004000a1200").text == "Read Battery Level (0x0012)"


def test_a_central_that_is_not_answered() -> None:
    air = Air()
    first, second = air.say("030004000a1200"), air.say("030004000a1200")
    answer = air.say("", up=True, nesn=1, llid=1)
    assert (first.lost, first.again) == (True, False)
    assert (second.lost, second.again) == (False, True)
    assert answer.empty
    assert first.open_until_us == second.open_until_us == 0


def test_a_peripheral_that_is_asked_again() -> None:
    air = Air()
    air.say("030004000a1200")
    first = air.say("020004000b4b", up=True, nesn=1)
    assert air.say("030004000a1200").again
    second = air.say("020004000b4b", up=True, nesn=1)
    air.say("", sn=1, nesn=1, llid=1)
    assert (first.lost, first.again) == (True, False)
    assert (second.lost, second.again) == (False, True)
    assert first.text == second.text == "Read Response 0x0012 = 4b"


def test_what_is_sent_again_teaches_nothing() -> None:
    air = Air()
    air.say("0600040012120001", llid=2)
    part = air.say("0203", llid=1, sn=1)
    assert part.text == "Write 0x0012 = 01 02 03"
    again = air.say("0203", llid=1, sn=1)
    assert (again.again, again.text) == (True, part.text)
    assert air.say("030004000a1200").text == "Read 0x0012"


def test_nothing_is_lost_that_an_unseen_packet_may_have_acknowledged() -> None:
    air = Air()
    first = air.say("030004000a1200")
    air.say("030004000a1300", sn=1)
    assert not first.lost


def test_packets_to_a_sleeping_peripheral_are_not_lost() -> None:
    air = Air(connect=CONNECT.replace("060000006400", "060004006400"))
    empty = air.say("", llid=1)
    assert air.say("", llid=1).empty
    assert not empty.lost


def test_wrong_crc() -> None:
    air = Air()
    wrong = air.say("030004000a1200", crc_right=False)
    assert (wrong.lost, wrong.text) == (True, "Read 0x0012 (wrong CRC)")
    assert not air.say("030004000a1200").again


def test_who_is_silent_at_the_end() -> None:
    air = Air()
    last = air.say("030004000a1200")
    air.decoder.settle(last.time_us + 10_000)
    assert not last.lost
    air.decoder.settle(last.time_us + 30_000)
    assert last.lost
    end = air.say("0213", llid=3, sn=1)
    air.decoder.settle(end.time_us + 30_000)
    assert not end.lost  # nobody answers that


def test_encrypted_packets() -> None:
    air = Air()
    air.say("05", llid=3, up=True)
    assert air.say("aabbccddee", llid=3).text == "encrypted, 5 octets"
    assert air.say("", llid=1).text == "empty"
    assert air.say("030004000a1200", sn=1, enciphered=False).text == "Read 0x0012"
    assert air.say("030004000a1300").text == "Read 0x0013"  # such a capture is in clear text
    assert air.say("aabb", sn=1, enciphered=True).text == "encrypted, 2 octets"


def test_hostile_packets() -> None:
    air = Air()
    octets = bytes.fromhex("0e05aabb")
    for kind in (*PduType, 77):
        decoded = air.decoder.decode(AirPacket(0, LINK, kind, octets))
        assert (decoded.text, decoded.trouble) == ("malformed packet, 4 octets", True)
    assert air.say("aa", llid=0).text == "malformed packet with a reserved LLID, 1 octet"


def test_links_and_devices_are_bounded() -> None:
    decoder = AirDecoder()
    for number in range(2_000):
        packet = AirPacket(number, number, PduType.TO_PERIPHERAL, b"\x02\x00", f"device {number}")
        decoder.decode(packet)
    assert len(decoder._links) <= 256
    assert len(decoder._served) <= 256


def test_streaming_waits_until_losses_are_known() -> None:
    def packet(time_us: int, octets: str, *, up: bool = False) -> AirPacket:
        kind = PduType.TO_CENTRAL if up else PduType.TO_PERIPHERAL
        return AirPacket(time_us, LINK, kind, bytes.fromhex(octets))

    packets = [
        packet(0, "0207030004000a1200"),
        adv(f"4006{SENSOR}", 1_000),
        packet(7_500, "0207030004000a1200"),
        packet(8_000, "0500", up=True),
        packet(15_000, "0900"),
    ]
    told = [(each.time_us, each.lost) for each in decode_air(iter(packets), AirDecoder())]
    assert told == [(0, True), (1_000, False), (7_500, False), (8_000, True), (15_000, False)]


def test_lines() -> None:
    air = Air()
    beacon = [air.decoder.decode(adv(f"4006{SENSOR}", time_us)) for time_us in (0, 20_000, 45_000)]
    packets = [
        *beacon,
        air.say("030004000a1200"),
        air.say("030004000a1200"),
        air.say("020004000b4b", up=True, nesn=1),
        air.say("", sn=1, nesn=1, llid=1),
        air.say("", sn=1, up=True, llid=1),
        air.say("", llid=1),
        air.say("030004000a1300"),
    ]
    air.decoder.settle()
    assert list(lines(packets)) == [
        "     0.000000  sensor  ADV Connectable  (3 times in 0.045 s)",
        "     0.007500  reader -> sensor  ATT Read 0x0012  LOST",
        "     0.015000  reader -> sensor  ATT Read 0x0012 (again)",
        "     0.022500  sensor -> reader  ATT Read Response 0x0012 = 4b",
        "     0.052500  reader -> sensor  ATT Read 0x0013  (after 3 empty, 1 LOST)",
    ]
    assert list(lines(packets[3:4], verbose=True)) == [
        "     0.007500  reader -> sensor  ATT Read 0x0012  LOST",
        "               02 07 03 00 04 00 0a 12 00",
    ]


def test_many_empty_packets_have_a_line() -> None:
    air = Air()
    packets = [air.say("", up=bool(number % 2), llid=1) for number in range(12)]
    assert next(lines(packets)).startswith("     0.007500  reader <-> sensor  12 empty")


def test_who_watches_need_not_wait() -> None:
    decoder = AirDecoder()
    beacon = [decoder.decode(adv(f"4006{SENSOR}", number * 500_000)) for number in range(10)]
    assert len(list(lines(beacon))) == 1
    assert [each.partition("  (")[2] for each in lines(beacon, longest_us=2_000_000)] == [
        "5 times in 2 s)",
        "5 times in 2 s)",
    ]
