"""The command table: truth of Supported Commands, lengths, unknown opcodes, ranges, states."""

from __future__ import annotations

import random
import struct

import pytest

from bleio.core import vendor
from bleio.radio.air.radio import Radio
from bleio.radio.controller.dispatch import COMMANDS, Command, command, supported_commands
from support.raw_host import MS, RESET, RawHost, connected_pair, new_hosts

UNKNOWN, NO_CONNECTION, DISALLOWED, INVALID = 0x01, 0x02, 0x0C, 0x12
ROWS = sorted(COMMANDS.values())
ANSWERED = [row for row in ROWS if not row.silent]
IDS = [row.name for row in ANSWERED]


@pytest.fixture
def host() -> RawHost:
    return RawHost(Radio(), address="c00000000001")


@pytest.mark.parametrize("row", ANSWERED, ids=IDS)
def test_every_command_answers_once_with_a_known_status(host: RawHost, row: Command) -> None:
    status, returned = host.command(row.opcode, bytes(row.layout.size))
    assert status in {0, NO_CONNECTION, DISALLOWED, INVALID, 0x06, 0x42}
    assert returned == b"pending" if row.pending else len(returned) == row.returns


@pytest.mark.parametrize("row", ANSWERED, ids=IDS)
def test_truncated_parameters_are_invalid(host: RawHost, row: Command) -> None:
    if row.layout.size:
        assert host.command(row.opcode, bytes(row.layout.size - 1))[0] == INVALID
    if not row.tail:
        assert host.command(row.opcode, bytes(row.layout.size + 1))[0] == INVALID


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_header_that_lies_about_the_length_is_invalid(host: RawHost, row: Command) -> None:
    packet = struct.pack("<BHB", 1, row.opcode, row.layout.size + 1) + bytes(row.layout.size)
    host.controller.receive(packet)
    assert host.answers[-1][:2] == (row.opcode, INVALID)


def test_every_other_opcode_is_unknown(host: RawHost) -> None:
    opcodes = [group << 10 | command for group in (1, 2, 3, 4, 5, 6, 8) for command in range(0x100)]
    for opcode in set(opcodes) - set(COMMANDS):
        assert host.command(opcode, b"\x00\x00") == (UNKNOWN, b"")


def test_supported_commands_tells_the_table() -> None:
    bits = sum(octet.bit_count() for octet in supported_commands(frozenset()))
    without_bit = {0x1002, vendor.CLAIM_STATIC_ADDRESS_OPCODE}
    assert bits == len(COMMANDS) - len(without_bit)
    assert RawHost(Radio()).must(0x1002) == supported_commands(frozenset())


def test_names_and_bits_agree_with_an_independent_table() -> None:
    from bumble import hci

    masks = hci.HCI_SUPPORTED_COMMANDS_MASKS
    expected = 0
    for opcode in COMMANDS:
        expected |= masks.get(opcode, 0)
    assert int.from_bytes(supported_commands(frozenset()), "little") == expected


@pytest.mark.parametrize(
    ("opcode", "parameters"),
    [
        (0x2006, "1f00 2000 00 00 00 000000000000 07 00"),  # interval too short
        (0x2006, "4000 2000 00 00 00 000000000000 07 00"),  # min above max
        (0x2006, "2000 2000 05 00 00 000000000000 07 00"),  # no such type
        (0x2006, "2000 2000 00 04 00 000000000000 07 00"),  # no such own address type
        (0x2006, "2000 2000 00 00 02 000000000000 07 00"),  # no such peer address type
        (0x2006, "2000 2000 00 00 00 000000000000 00 00"),  # no channel
        (0x2006, "2000 2000 00 00 00 000000000000 07 04"),  # no such filter policy
        (0x2008, "20" + "00" * 31),  # 32 octets of data
        (0x200A, "02"),
        (0x200B, "00 0300 0300 00 00"),
        (0x200B, "00 1000 1100 00 00"),  # window longer than interval
        (0x200B, "02 1000 1000 00 00"),
        (0x200C, "02 00"),
        (0x200D, "1000 1000 00 01 010000000000 00 0500 0600 0000 0a00 0000 0000"),
        (0x200D, "1000 1000 00 01 010000000000 00 0600 0600 f401 0a00 0000 0000"),
        (0x200D, "1000 1000 00 01 010000000000 00 800c 800c 0000 0a00 0000 0000"),  # short timeout
        (0x2036, "00 1300 000000 a00000 07 00 00 000000000000 00 7f 01 00 01 00 00"),
        (0x2036, "00 0300 a00000 a00000 07 00 00 000000000000 00 7f 01 00 01 00 00"),  # both
        (0x2036, "f0 1300 a00000 a00000 07 00 00 000000000000 00 7f 01 00 01 00 00"),
        (0x2041, "00 00 00"),
        (0x2041, "00 00 02 00 1000 1000"),  # nobody scans at 2M
        (0x2042, "01 02 0000 0000"),  # reset each period, but no period
        (0x2042, "01 00 8000 0100"),  # duration not below the period
        (0x2024, "1a00 4801"),
        (0x2024, "fb00 4701"),
        (0x2031, "00 08 01"),
        (0x2031, "00 00 01"),
        (0x2014, "0100000000"),
        (0x2014, "ffffffff3f"),
        (0x202E, "0000"),
        (0x0C31, "04"),
        (0xFC01, "010000000000"),  # not a static address
    ],
)
def test_values_out_of_range_are_invalid(host: RawHost, opcode: int, parameters: str) -> None:
    assert host.command(opcode, bytes.fromhex(parameters))[0] == INVALID


def test_states_that_forbid_a_command() -> None:
    radio = Radio()
    peripheral, other = new_hosts(radio)
    peripheral.advertise()
    parameters = struct.pack("<HHBBB6sBB", 160, 160, 0, 1, 0, bytes(6), 7, 0)
    assert peripheral.command(0x2006, parameters)[0] == DISALLOWED
    assert peripheral.command(0x2005, bytes(6))[0] == DISALLOWED
    assert peripheral.command(0x202D, b"\x01")[0] == DISALLOWED
    other.scan()
    assert other.command(0x200B, struct.pack("<BHHBB", 0, 16, 16, 1, 0))[0] == DISALLOWED
    assert other.command(0x2005, bytes(6))[0] == DISALLOWED
    assert other.command(0x200E)[0] == DISALLOWED
    other.connect(b"nobody")
    radio.run_until(5 * MS)
    again = struct.pack("<HHBB6sBHHHHHH", 16, 16, 0, 1, b"nobody", 1, 12, 12, 0, 100, 0, 0)
    assert other.command(0x200D, again) == (DISALLOWED, b"pending")


def test_the_random_address_must_be_set_before_it_is_used() -> None:
    host = RawHost(Radio())
    parameters = struct.pack("<HHBBB6sBB", 160, 160, 0, 1, 0, bytes(6), 7, 0)
    host.must(0x2006, parameters)
    assert host.command(0x200A, b"\x01")[0] == INVALID
    host.must(0x200B, struct.pack("<BHHBB", 0, 16, 16, 1, 0))
    assert host.command(0x200C, b"\x01\x00")[0] == INVALID


def test_reset_really_resets() -> None:
    radio = Radio(seed=1)
    pair = connected_pair(radio)
    host = pair.central
    host.must(0x2011, b"\x01" + b"\x07" * 6)
    host.must(0x2024, struct.pack("<HH", 251, 2120))
    host.must(0x2027, b"\x01" + b"\x07" * 6 + bytes(32))
    host.scan()
    host.events.clear()
    host.must(RESET)
    controller = host.controller
    assert controller.layer.random_address is None
    assert not controller.layer.links
    assert not controller.layer.scanner.enabled
    assert not controller.layer.accept_list
    assert not controller.layer.resolving.entries
    assert controller.layer.default_tx == (27, 328)
    assert controller.host.events.le_mask == 0x1F
    radio.run_until(radio.now_us + 5_000 * MS)
    assert host.events == []
    assert pair.peripheral.last(0x05)[3] == 0x08  # the peer's supervision time-out


def test_masked_events_stay_away() -> None:
    radio = Radio(seed=1)
    central, peripheral = new_hosts(radio)
    central.must(0x2001, struct.pack("<Q", 0x1F))
    peripheral.must(0x0C01, struct.pack("<Q", 0x00001FFFFFFFFFFF))
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address)
    radio.run_until(100 * MS)
    assert [event.code for event in central.events] == [0x3E01]
    assert peripheral.events == []


def test_packets_that_are_no_packets_are_counted() -> None:
    host = RawHost(Radio())
    host.packets.clear()
    for packet in (
        b"",
        b"\x01",
        b"\x01\x03\x0c",
        b"\x02\x00\x00\x00",
        b"\x03abc",
        b"\x05",
        b"\xff",
    ):
        host.controller.receive(packet)
    host.send_acl(0x40, b"abc")
    assert host.packets == []
    assert host.controller.dropped == {
        "unknown or truncated packet": 7,
        "ACL data for an unknown handle": 1,
    }


def test_claiming_static_addresses() -> None:
    radio = Radio()
    first, second = RawHost(radio), RawHost(radio)
    address, other = b"\x01\x02\x03\x04\x05\xc6", b"\x02\x02\x03\x04\x05\xc6"
    opcode = vendor.CLAIM_STATIC_ADDRESS_OPCODE
    assert first.command(opcode, address) == (0, address)
    assert first.command(opcode, address) == (0, address)
    assert second.command(opcode, address) == (0x0B, address)
    first.must(RESET)
    assert second.command(opcode, address) == (0x0B, address)
    first.must(opcode, other)
    second.must(opcode, address)
    second.controller.detach()
    first.must(opcode, address)


def test_le_encrypt_and_rand() -> None:
    host = RawHost(Radio(seed=5))
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")[::-1]
    block = bytes.fromhex("3243f6a8885a308d313198a2e0370734")[::-1]
    assert host.must(0x2017, key + block) == bytes.fromhex("3925841d02dc09fbdc118597196a0b32")[::-1]
    first, second = host.must(0x2018), host.must(0x2018)
    assert first != second
    assert RawHost(Radio(seed=5)).must(0x2018) == first


def random_packet(source: random.Random, handle: int) -> bytes:
    """A command with plausible parameters, ACL data or noise."""
    kind = source.random()
    if kind < 0.2:
        return source.randbytes(source.randrange(60))
    if kind < 0.4:
        payload = source.randbytes(source.randrange(260))
        return struct.pack("<BHH", 2, handle | source.randrange(16) << 12, len(payload)) + payload
    row = source.choice(ANSWERED)
    length = row.layout.size + (source.randrange(40) if row.tail else 0)
    values = bytes(source.choice((0, 0, 1, source.randrange(256))) for _ in range(length))
    if source.random() < 0.5:
        values = struct.pack("<H", handle)[:length] + values[2:]
    return struct.pack("<BHB", 1, row.opcode, length) + values


@pytest.mark.parametrize("seed", range(8))
def test_random_packets_never_raise_and_nothing_piles_up(seed: int) -> None:
    source = random.Random(seed)
    pair = connected_pair(Radio(seed=seed))
    for _ in range(4_000):
        host = source.choice((pair.central, pair.peripheral))
        host.controller.receive(random_packet(source, pair.central_handle))
        if source.random() < 0.3:
            pair.radio.run_until(pair.radio.now_us + source.randrange(200 * MS))
        if not pair.central.controller.layer.links:
            assert len(pair.radio.clock._heap) < 500
            pair = connected_pair(Radio(seed=source.randrange(1 << 30)))


@pytest.mark.parametrize("row", ANSWERED, ids=IDS)
def test_one_command_over_and_over_on_a_dead_link_piles_nothing_up(row: Command) -> None:
    pair = connected_pair()
    pair.peripheral.controller.detach()
    parameters = struct.pack("<H", pair.central_handle).ljust(row.layout.size, b"\x01")
    for _ in range(300):
        pair.central.command(row.opcode, parameters[: row.layout.size])
    end = pair.central.controller.layer.links.get(pair.central_handle)
    assert end is None or len(end.queue._control) < 5
    assert len(pair.radio.clock._heap) < 300


def test_an_opcode_has_one_handler() -> None:
    with pytest.raises(ValueError, match="Reset has this opcode: 0x0c03"):
        command(RESET, "Another Reset", bit=None)(lambda controller: None)
