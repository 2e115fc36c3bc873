"""ATT in words: each kind of PDU by its octets, and what discovery teaches."""

from __future__ import annotations

import pytest

from bleio.decoding.att.ends import AttEnd
from bleio.decoding.att.pdus import describe


class Bearer:
    """A client and a server."""

    def __init__(self) -> None:
        self.client, self.server = AttEnd(), AttEnd()

    def ask(self, pdu: str) -> str:
        return self._say(bytes.fromhex(pdu), self.client, self.server)

    def answer(self, pdu: str) -> str:
        return self._say(bytes.fromhex(pdu), self.server, self.client)

    @staticmethod
    def _say(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> str:
        said = describe(pdu, sender, receiver)
        for learn in said.learn:
            learn()
        assert said.protocol == "ATT"
        return said.text


@pytest.fixture
def bearer() -> Bearer:
    """A server of which everything is known."""
    made = Bearer()
    made.server.attributes.take(
        {
            0x0010: b"\x00\x28",
            0x0011: b"\x03\x28",
            0x0012: b"\x19\x2a",
            0x0013: b"\x02\x29",
            0x0014: b"\x03\x28",
            0x0015: bytes.fromhex("9ecadc240ee5a9e093f3a3b50200406e"),
        }
    )
    return made


BATTERY = "Battery Level (0x0012)"
REQUESTS = {
    "021700": "Exchange MTU 23",
    "040100ffff": "Find Information 0x0001 to 0xffff",
    "060100ffff00280f18": "Find By Type Value Primary Service Battery Service, 0x0001 to 0xffff",
    "080100ffff0328": "Read By Type Characteristic, 0x0001 to 0xffff",
    "0a1200": f"Read {BATTERY}",
    "0a9900": "Read 0x0099",
    "0c12001600": f"Read Blob {BATTERY} from 22",
    "0e12001300": f"Read Multiple: {BATTERY}, Client Characteristic Configuration of Battery Level"
    " (0x0013)",
    "2012001500": f"Read Multiple Variable: {BATTERY}, UART RX (0x0015)",
    "100100ffff0028": "Read By Group Type Primary Service, 0x0001 to 0xffff",
    "1212004b": f"Write {BATTERY} = 4b",
    "1213000100": "Write Client Characteristic Configuration of Battery Level (0x0013)"
    " = notifications",
    "1213000000": "Write Client Characteristic Configuration of Battery Level (0x0013) = off",
    "5215006869": 'Write Command UART RX (0x0015) = "hi"',
    "d2150068690a0102030405060708090a0b0c": 'Signed Write Command UART RX (0x0015) = "hi\\n"',
    "1615000000616263": 'Prepare Write UART RX (0x0015) from 0 = "abc"',
    "1801": "Execute Write: write",
    "1800": "Execute Write: cancel",
    "1807": "Execute Write: 0x07",
    "1e": "Confirmation",
    "30": "unknown request 0x30, 1 octet",
    "7012": "unknown command 0x70, 2 octets",
}


@pytest.mark.parametrize(("pdu", "text"), REQUESTS.items())
def test_requests(bearer: Bearer, pdu: str, text: str) -> None:
    assert bearer.ask(pdu) == text


ANSWERS = [
    ("021700", "03f700", "Exchange MTU Response 247"),
    ("0a1200", "0b4b", f"Read Response {BATTERY} = 4b"),
    ("0a1300", "0b0100", "Read Response Client Characteristic Configuration of Battery Level"
     " (0x0013) = notifications"),
    ("0a1200", "0b", f"Read Response {BATTERY} = nothing"),
    ("0c12001600", "0d4b4c4d", f'Read Blob Response {BATTERY} = "KLM"'),
    ("", "0b4b", "Read Response = 4b"),
    ("1212004b", "13", f"Write Response {BATTERY}"),
    ("1615000000616263", "1715000000616263",
     'Prepare Write Response UART RX (0x0015) from 0 = "abc"'),
    ("1801", "19", "Execute Write Response"),
    ("0e12001300", "0f4b0000", "Read Multiple Response = 4b 00 00"),
    ("0a1200", "010a120005", f"Error: Insufficient Authentication for Read {BATTERY}"),
    ("0a1200", "010a120080", f"Error: Application Error 0x80 for Read {BATTERY}"),
    ("080100ffff0328", "010801000a", "Error: Attribute Not Found for Read By Type Characteristic"),
    ("300100", "0130000006", "Error: Request Not Supported for 0x30"),
    ("", "1b12004b", f"Notification {BATTERY} = 4b"),
    ("", "1d12004b", f"Indication {BATTERY} = 4b"),
    ("", "23120001004b150002006869",
     f'Multiple Notification: {BATTERY} = 4b, UART RX (0x0015) = "hi"'),
    ("040100ffff", "0501130002291400ff28",
     "Find Information Response: Client Characteristic Configuration (0x0013),"
     " UUID 28ff (0x0014)"),
    ("060100ffff00280f18", "0710001500", "Find By Type Value Response: 0x0010 to 0x0015"),
    ("100100ffff0028", "1106100015000f181600ffff3412",
     "Read By Group Type Response: Battery Service (0x0010 to 0x0015),"
     " UUID 1234 (0x0016 to 0xffff)"),
    ("080100ffff0328", "0907110012120019" "2a",
     f"Read By Type Response Characteristic: {BATTERY}"),
    ("080100ffff2a2b", "09040d00aabb", "Read By Type Response Database Hash: 0x000d = aa bb"),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "answer", "text"), ANSWERS)
def test_answers(bearer: Bearer, request_: str, answer: str, text: str) -> None:
    if request_:
        bearer.ask(request_)
    assert bearer.answer(answer) == text


MALFORMED = """
01 010a1200 010a12000500 02 0217 03f70000 0401 040100ffff00 05 0501 05010100 0503010002 0601 0701
0710001500ff 0801 080100ffff 080100ffff03 09 0900 0901ff 0907110012120019 0a 0a12 0a120000 0c1200
0e 0e12 10 100100ffff002800 11 1106 110610001500 12 1212 1301 16 161200 17 18 180100 1900 1b 1b12
1d00 1e00 20 23 231200 2312000200ff 52 d2120001
"""


@pytest.mark.parametrize("pdu", MALFORMED.split())
def test_malformed(bearer: Bearer, pdu: str) -> None:
    octets = bytes.fromhex(pdu)
    said = describe(octets, bearer.client, bearer.server)
    assert said.text.startswith("malformed ")
    assert said.text.endswith(f"{len(octets)} octet{'s' if len(octets) > 1 else ''}")
    assert said.trouble


def test_discovery_teaches() -> None:
    bearer = Bearer()
    bearer.ask("100100ffff0028")
    bearer.answer("1106100015000f18")
    bearer.ask("08100015000328")
    bearer.answer("09071100121200192a")
    bearer.ask("0413001500")
    bearer.answer("050113000229")
    assert bearer.ask("0a1200") == f"Read {BATTERY}"
    assert bearer.ask("0a1000") == "Read Primary Service Battery Service (0x0010)"
    assert bearer.ask("0a1100") == "Read Characteristic Battery Level (0x0011)"
    assert bearer.ask("0a1300").endswith("Configuration of Battery Level (0x0013)")


def test_both_ends_serve_and_ask(bearer: Bearer) -> None:
    bearer.client.attributes.learn_characteristic(0x0012, b"\x00\x2a")
    bearer.ask("0a1200")
    assert bearer.answer("0a1200") == "Read Device Name (0x0012)"
    assert bearer.ask("0b6869") == 'Read Response Device Name (0x0012) = "hi"'
    assert bearer.answer("0b4b") == f"Read Response {BATTERY} = 4b"


def test_service_changed_makes_names_be_forgotten(bearer: Bearer) -> None:
    bearer.server.attributes.learn_characteristic(0x0008, b"\x05\x2a")
    assert (
        bearer.answer("1d08001000ffff") == "Indication Service Changed (0x0008) = 0x0010 to 0xffff"
    )
    assert bearer.ask("1e") == "Confirmation Service Changed (0x0008)"
    assert bearer.ask("0a1200") == "Read 0x0012"


def test_trouble_is_what_nobody_expects(bearer: Bearer) -> None:
    def trouble(pdu: str) -> bool:
        return describe(bytes.fromhex(pdu), bearer.server, bearer.client).trouble

    assert trouble("010a120005")
    assert trouble("010a12000a")
    assert not trouble("010801000a")  # the end of discovery
    assert not trouble("1b12004b")


def test_long_values_are_cut_and_whole_in_details(bearer: Bearer) -> None:
    value = bytes(range(200))
    said = describe(b"\x1b\x12\x00" + value, bearer.server, bearer.client)
    assert said.text.endswith("1e 1f ... (200 octets)")
    assert dict(said.details)["value"] == value.hex()
    said = describe(b"\x1b\x12\x00" + b"x" * 200, bearer.server, bearer.client)
    assert said.text.endswith('xxx" ... (200 characters)')


def test_what_a_server_tells_is_bounded() -> None:
    bearer = Bearer()
    for handle in range(1, 0x10000):
        bearer.server.attributes.learn_characteristic(handle, b"\x19\x2a")
    assert bearer.ask("0a0200") != "Read 0x0002"
    assert bearer.ask("0affff") == "Read 0xffff"
