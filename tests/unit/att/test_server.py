"""Requests in, responses out: bytes as on air, Vol 3, Part F, 3.4."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.att.database import Database, TableEntry
from bleio.att.server import AttServer
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.core.security import LinkSecurity
from bleio.core.uuid import expand, uuid16

OPEN = SecurityMode.OPEN
ENCRYPTED = SecurityMode.ENCRYPT_NO_MITM
NO_ACCESS = SecurityMode.NO_ACCESS
LONG_UUID = bytes(range(16))

Cell = list[bytes]


def cell(
    handle: int,
    uuid: int | bytes,
    value: bytes = b"",
    *,
    limit: int = 512,
    **options: Any,
) -> tuple[TableEntry, Cell]:
    """Make an attribute over a cell that holds its value."""
    held = [value]

    def check(client: Any, value: bytes) -> int:
        return 0 if len(value) <= limit else AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH

    def write(client: Any, value: bytes) -> None:
        held[0] = value
        client.append((handle, value))

    on_air = uuid if isinstance(uuid, bytes) else uuid16(uuid)
    return TableEntry(
        handle, on_air, lambda client: held[0], check=check, write=write, **options
    ), held


class Served:
    """A server over a table of all sorts; `writes` is its client: the writes that took effect."""

    def __init__(self) -> None:
        rw = dict(write_mode=OPEN, command_mode=OPEN)
        table = [
            cell(0x01, 0x2800, uuid16(0x1800), group_end=0x05),
            cell(0x02, 0x2803, b"\x02\x03\x00\x00\x2a"),
            cell(0x03, 0x2A00, b"name"),
            cell(0x04, 0x2803, b"\x02\x05\x00\x01\x2a"),
            cell(0x05, 0x2A01, b"\0\0"),
            cell(0x06, 0x2800, LONG_UUID, group_end=0x0F),
            cell(0x07, LONG_UUID, b"first", **rw),
            cell(0x08, LONG_UUID, b"other", limit=8, **rw),
            cell(0x09, 0x2A19, b"\x64", read_mode=ENCRYPTED, write_mode=ENCRYPTED),
            cell(0x0A, 0x2A19, b"\x63"),
            cell(0x0B, 0x2A1A, b"", read_mode=NO_ACCESS, write_mode=OPEN),
            cell(0x0C, 0x2A1B, bytes(range(100))),
            cell(0x0D, 0x2A1C, b"\x01"),
            cell(0x0E, 0x2A1C, b"\x02"),
            cell(0x0F, 0x2A1C, b"\x03", read_mode=NO_ACCESS),
            cell(0x20, 0x2800, uuid16(0x180F), group_end=0xFFFF),
            cell(0xFFFF, 0x2A1C, b"end"),
        ]
        self.cells = {attribute.handle: held for attribute, held in table}
        database = Database()
        database.replace(1, 0xFFFF, [attribute for attribute, _ in table])
        self.writes: list[tuple[int, bytes]] = []
        self.security = LinkSecurity()
        self.server = AttServer(database, self.writes, self.security)

    def ask(self, pdu: str) -> str:
        answer = self.server.answer(bytes.fromhex(pdu))
        return "" if answer is None else answer.hex(" ")


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.mark.parametrize(
    ("client_rx_mtu", "agreed"),
    [("00 00", 23), ("16 00", 23), ("17 00", 23), ("00 01", 256), ("05 02", 517), ("ff ff", 517)],
)
def test_mtu_is_the_smaller_offer_but_never_below_23(
    served: Served, client_rx_mtu: str, agreed: int
) -> None:
    assert served.ask(f"02 {client_rx_mtu}") == "03 05 02"
    assert served.server.mtu == agreed


def test_mtu_grows_once(served: Served) -> None:
    """Each request is answered, but what was told of the first one that counts holds."""
    for client_rx_mtu, agreed in [("17 00", 23), ("00 01", 256), ("ff ff", 256), ("17 00", 256)]:
        assert served.ask(f"02 {client_rx_mtu}") == "03 05 02"
        assert served.server.mtu == agreed


REQUESTS = {
    # Find Information
    "04 01 00 05 00": "05 01 01 00 00 28 02 00 03 28 03 00 00 2a 04 00 03 28 05 00 01 2a",
    "04 07 00 ff ff": f"05 02 07 00 {LONG_UUID.hex(' ')}",
    "04 10 00 1f 00": "01 04 10 00 0a",
    "04 00 00 05 00": "01 04 00 00 01",
    "04 06 00 05 00": "01 04 06 00 01",
    "04 ff ff ff ff": "05 01 ff ff 1c 2a",
    # Find By Type Value: any type, groups with their end
    "06 01 00 ff ff 00 28 0f 18": "07 20 00 ff ff",
    f"06 01 00 ff ff 00 28 {LONG_UUID.hex()}": "07 06 00 0f 00",
    "06 01 00 ff ff 00 2a 6e 61 6d 65": "07 03 00 03 00",
    "06 01 00 ff ff 00 2a 6e 61 6d": "01 06 01 00 0a",
    "06 02 00 ff ff 00 28 00 18": "01 06 02 00 0a",
    "06 00 00 ff ff 00 28 00 18": "01 06 00 00 01",
    "06 01 00 ff ff 1a 2a": "01 06 01 00 0a",  # equal, empty, but not readable
    # Read By Type
    "08 01 00 ff ff 03 28": "09 07 02 00 02 03 00 00 2a 04 00 02 05 00 01 2a",
    f"08 01 00 ff ff {expand(uuid16(0x2A00)).hex()}": "09 06 03 00 6e 61 6d 65",
    f"08 01 00 ff ff {LONG_UUID.hex()}": "09 07 07 00 66 69 72 73 74 08 00 6f 74 68 65 72",
    "08 01 00 ff ff 19 2a": "01 08 09 00 05",  # the first one found decides, with its handle
    "08 0a 00 ff ff 19 2a": "09 03 0a 00 63",
    "08 01 00 ff ff 1c 2a": "09 03 0d 00 01 0e 00 02",  # up to the unreadable one
    "08 0f 00 ff ff 1c 2a": "01 08 0f 00 02",
    "08 10 00 ff ff 1c 2a": "09 05 ff ff 65 6e 64",
    "08 01 00 ff ff 99 99": "01 08 01 00 0a",
    "08 02 00 01 00 03 28": "01 08 02 00 01",
    "08 0c 00 0c 00 1b 2a": "09 15 0c 00 " + bytes(range(19)).hex(" "),
    # Read By Group Type: ends before an entry of another length
    "10 01 00 ff ff 00 28": "11 06 01 00 05 00 00 18",
    "10 06 00 ff ff 00 28": f"11 14 06 00 0f 00 {LONG_UUID.hex(' ')}",
    "10 10 00 ff ff 00 28": "11 06 20 00 ff ff 0f 18",
    f"10 10 00 ff ff {expand(uuid16(0x2800)).hex()}": "11 06 20 00 ff ff 0f 18",
    "10 01 00 ff ff 01 28": "01 10 01 00 0a",
    "10 01 00 ff ff 03 28": "01 10 01 00 10",
    "10 00 00 ff ff 03 28": "01 10 00 00 01",
    "10 21 00 20 00 00 28": "01 10 21 00 01",
    # Read and Read Blob
    "0a 03 00": "0b 6e 61 6d 65",
    "0a 10 00": "01 0a 10 00 01",
    "0a 00 00": "01 0a 00 00 01",
    "0a 09 00": "01 0a 09 00 05",
    "0a 0b 00": "01 0a 0b 00 02",
    "0a 0c 00": "0b " + bytes(range(22)).hex(" "),
    "0c 0c 00 00 00": "0d " + bytes(range(22)).hex(" "),
    "0c 0c 00 58 00": "0d " + bytes(range(88, 100)).hex(" "),
    "0c 0c 00 64 00": "0d",
    "0c 0c 00 65 00": "01 0c 0c 00 07",
    "0c 03 00 01 00": "0d 61 6d 65",
    "0c 09 00 00 00": "01 0c 09 00 05",
    "0c 0b 00 01 00": "01 0c 0b 00 02",
    "0c 11 00 00 00": "01 0c 11 00 01",
    # Read Multiple, fixed and variable
    "0e 03 00 05 00": "0f 6e 61 6d 65 00 00",
    "0e 0c 00 03 00": "0f " + bytes(range(22)).hex(" "),
    "0e 03 00 09 00 11 00": "01 0e 09 00 05",  # the first that fails
    "0e 0c 00 0b 00": "01 0e 0b 00 02",  # though nothing of it would fit
    "20 03 00 05 00": "21 04 00 6e 61 6d 65 02 00 00 00",
    "20 03 00 0c 00": "21 04 00 6e 61 6d 65 64 00 " + bytes(range(14)).hex(" "),
    "20 0c 00 03 00": "21 64 00 " + bytes(range(20)).hex(" "),  # no length field without room
    "20 03 00 10 00": "01 20 10 00 01",
    # Write
    "12 07 00 68 69": "13",
    "12 07 00": "13",
    "12 08 00 01 02 03 04 05 06 07 08 09": "01 12 08 00 0d",
    "12 03 00 68": "01 12 03 00 03",
    "12 09 00 68": "01 12 09 00 05",
    "12 10 00 68": "01 12 10 00 01",
    # Prepare: permission first, lengths and offsets only when executed
    "16 08 00 ff ff 01": "17 08 00 ff ff 01",
    "16 03 00 00 00 01": "01 16 03 00 03",
    "16 09 00 00 00 01": "01 16 09 00 05",
    "16 10 00 00 00 01": "01 16 10 00 01",
    "18 00": "19",
    "18 01": "19",
    # Unknown
    "00": "01 00 00 00 06",
    "1c 03 00": "01 1c 00 00 06",
    "3e": "01 3e 00 00 06",
    "92 07 00": "01 92 00 00 06",
}


@pytest.mark.parametrize("request_pdu", REQUESTS)
def test_request(served: Served, request_pdu: str) -> None:
    assert served.ask(request_pdu) == REQUESTS[request_pdu]


MALFORMED = """
02 | 02 17 | 02 17 00 00 | 04 | 04 01 00 ff | 04 01 00 ff ff 00 | 06 01 00 ff ff 00 | 06
08 01 00 ff ff 00 | 08 01 00 ff ff 00 28 00 | 10 | 10 01 00 ff ff 00 | 10 01 00 ff ff 00 28 00 28
0a | 0a 03 | 0a 03 00 00 | 0c 03 00 00 | 0c 03 00 00 00 00 | 0e | 0e 03 00 | 0e 03 00 05 | 20 03 00
20 03 00 05 00 07 | 12 | 12 07 | 16 07 00 00 | 18 | 18 02 | 18 01 01"""


@pytest.mark.parametrize("pdu", MALFORMED.replace("\n", "|").strip("|").split("|"))
def test_malformed_request(served: Served, pdu: str) -> None:
    assert served.ask(pdu) == f"01 {pdu.strip()[:2]} 00 00 04"
    assert served.writes == []


def test_what_is_longer_than_the_mtu_is_malformed(served: Served) -> None:
    assert served.ask("16 07 00 00 00" + "61" * 18) == "17 07 00 00 00" + " 61" * 18
    assert served.ask("16 07 00 00 00" + "61" * 19) == "01 16 00 00 04"
    assert served.ask("52 07 00" + "61" * 21) == ""
    assert served.writes == [] and served.server.counters.refused_commands == 1


def test_lists_grow_with_the_mtu_and_end_at_it(served: Served) -> None:
    served.server.mtu = 29
    assert len(bytes.fromhex(served.ask("04 01 00 06 00"))) == 2 + 6 * 4
    served = Served()
    served.server.mtu = 517
    # 253 octets are all that the length of an entry can tell.
    served.cells[0x0C][0] = bytes(300)
    assert served.ask("08 0c 00 0c 00 1b 2a")[:8] == "09 ff 0c"
    assert len(bytes.fromhex(served.ask("08 0c 00 0c 00 1b 2a"))) == 2 + 255


def test_encryption_opens_what_asks_for_it(served: Served) -> None:
    served.security.has_keys = True
    assert served.ask("0a 09 00") == "01 0a 09 00 0f"
    served.security.encrypted = True
    assert served.ask("0a 09 00") == "01 0a 09 00 0c"
    served.security.key_size = 16
    assert served.ask("0a 09 00") == "0b 64"
    assert served.ask("12 09 00 01") == "13"
    assert served.ask("08 01 00 ff ff 19 2a") == "09 03 09 00 01 0a 00 63"


def test_commands_are_never_answered(served: Served) -> None:
    assert served.ask("52 07 00 68 69") == ""
    assert served.ask("52 08 00") == ""
    assert served.writes == [(7, b"hi"), (8, b"")]
    # No handle, unknown handle, too long, no permission, malformed.
    for pdu in ("52", "52 10 00 01", "52 08 00" + "00" * 9, "52 09 00 01", "52 03 00 01"):
        assert served.ask(pdu) == ""
    assert len(served.writes) == 2
    assert served.server.counters.refused_commands == 5


def test_unknown_commands_are_ignored_and_counted(served: Served) -> None:
    for pdu in ("40", "53 07 00 01", "ff"):
        assert served.ask(pdu) == ""
    assert served.server.counters.unknown_commands == 3


def test_signed_writes_have_no_effect_without_keys(served: Served) -> None:
    assert served.ask("d2 07 00 01" + "00" * 12) == ""
    assert served.writes == []
    assert served.server.counters.refused_commands == 1


def test_a_write_replaces_the_whole_value(served: Served) -> None:
    served.ask("12 07 00 41")
    assert served.ask("0a 07 00") == "0b 41"


def test_refusing_before_looking(served: Served) -> None:
    asked = []

    def admit(opcode: int) -> int:
        asked.append(opcode)
        return AttErrorCode.DATABASE_OUT_OF_SYNC

    served.server._admit = admit
    assert served.ask("0a 03 00") == "01 0a 00 00 12"
    assert served.ask("52 07 00 00") == ""
    assert asked == [0x0A, 0x52]
    assert served.writes == []
