"""Captures of the simulated air: the same every time, and right in the eyes of tshark."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.capture.air_capture import AirCapture
from bleio.radio.connection.pdu import LLID_CONTROL
from support.raw_host import MS, SECOND, RawHost, connected_pair, handle_of, new_hosts
from support.tshark import COLLISION, complaints, fields, needs_tshark

KEY = bytes(range(16))


def extended_set(
    host: RawHost, properties: int, data: bytes, phys: tuple[int, int], power_dbm: int = 0
) -> None:
    interval = b"\xa0\x00\x00"
    head = struct.pack("<BH", 0, properties) + interval * 2
    rest = struct.pack("<BBB6sBbBBBBB", 7, 1, 0, bytes(6), 0, power_dbm, phys[0], 0, phys[1], 9, 0)
    host.must(0x2036, head + rest)
    host.must(0x2035, b"\x00" + host.random_address)
    opcode = 0x2038 if properties & 2 else 0x2037
    for offset in range(0, len(data), 200):
        part = data[offset : offset + 200]
        last = offset + 200 >= len(data)
        operation = 3 if last and not offset else 1 if not offset else 2 if last else 0
        host.must(opcode, bytes((0, operation, 1, len(part))) + part)
    host.must(0x2039, b"\x01\x01" + bytes(4))


def story(radio: Radio, later: Propagation) -> None:
    """Every kind of packet: advertising, scanning, a link, its procedures and encryption."""
    central, peripheral, beacon, scanner, long, coded, answers = new_hosts(radio, 7)
    beacon.advertise(kind=3, data=b"\x03\xff\x01\x02", interval_ms=50)
    peripheral.advertise(interval_ms=30, response=b"\x03\x09ab")
    extended_set(long, 0, b"\xc8\xff" + bytes(199) + b"\xc8\xff" + bytes(199), (1, 2))
    extended_set(coded, 1, b"\x02\x01\x06", (3, 3))
    extended_set(answers, 2, b"\x03\x09cd", (1, 1))
    scanner.must(0x2041, struct.pack("<BBBBHHBHH", 1, 0, 5, 1, 96, 48, 1, 96, 48))
    scanner.must(0x2042, bytes((1, 0)) + bytes(4))
    radio.run_until(SECOND)
    central.connect(peripheral.random_address, timeout_ms=4000)
    radio.run_until(3 * SECOND)
    radio.medium.propagation = later
    handle, other = handle_of(central), handle_of(peripheral)
    central.must(0x2022, struct.pack("<HHH", handle, 251, 2120))
    # The bearer of ATT: a request of the MTU and its answer.
    central.send_acl(handle, bytes.fromhex("0300 0400 02 0002"))
    peripheral.send_acl(other, bytes.fromhex("0300 0400 03 0002"))
    radio.run_until(radio.now_us + 500 * MS)
    assert central.command(0x2032, struct.pack("<HBBBH", handle, 0, 2, 2, 0))[0] == 0
    radio.run_until(radio.now_us + 500 * MS)
    assert central.command(0x2019, struct.pack("<H8sH16s", handle, bytes(8), 0, KEY))[0] == 0
    radio.run_until(radio.now_us + 500 * MS)
    peripheral.must(0x201A, struct.pack("<H", other) + KEY)
    radio.run_until(radio.now_us + 500 * MS)
    notification = struct.pack("<HH", 4, 4) + b"\x1b\x03\x00\x07"
    for _ in range(5):
        peripheral.send_acl(other, notification)
        radio.run_until(radio.now_us + 50 * MS)
    timing = struct.pack("<HHHHHHH", handle, 40, 40, 0, 200, 0, 0)
    assert central.command(0x2013, timing)[0] == 0
    radio.run_until(radio.now_us + 2 * SECOND)
    assert central.command(0x0406, struct.pack("<HB", handle, 0x13))[0] == 0
    radio.run_until(radio.now_us + SECOND)


def captured(seed: int, propagation: Propagation | None = None, *, decipher: bool = False) -> bytes:
    radio = Radio(seed)
    octets = bytearray()
    capture = AirCapture(radio, octets.extend, decipher=decipher)
    radio.watch(capture.add)
    story(radio, propagation or Propagation())
    capture.flush()
    return bytes(octets)


def test_the_same_seed_gives_the_same_octets() -> None:
    assert captured(7) == captured(7)
    lossy = Propagation(loss=0.05, collisions=True)
    assert captured(7, lossy) == captured(7, lossy)


def test_another_seed_gives_other_octets() -> None:
    assert captured(7) != captured(8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "air.pcapng"
    path.write_bytes(captured(7))
    return path


@needs_tshark
def test_tshark_finds_nothing_wrong(whole: Path) -> None:
    assert len(fields(whole, "frame.number")) > 500
    assert complaints(whole) == []


@needs_tshark
@pytest.mark.parametrize("seed", range(3))
def test_tshark_finds_nothing_wrong_where_packets_get_lost(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "lossy.pcapng"
    # Without keys tshark takes cipher text for clear text.
    lossy = Propagation(loss=0.05, collisions=True)
    path.write_bytes(captured(seed, lossy, decipher=True))
    assert complaints(path) == []


@needs_tshark
def test_tshark_sees_every_kind_of_packet(whole: Path) -> None:
    kinds = {row[0] for row in fields(whole, "btle.advertising_header.pdu_type") if row[0]}
    assert kinds >= {"0x00", "0x02", "0x03", "0x04", "0x05", "0x07"}
    opcodes = {int(row[0], 16) for row in fields(whole, "btle.control_opcode") if row[0]}
    assert opcodes >= {0x03, 0x04, 0x05, 0x14, 0x15, 0x16, 0x18}


@needs_tshark
def test_tshark_reads_an_encrypted_link_only_if_it_is_deciphered(
    whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clear.pcapng"
    path.write_bytes(captured(7, decipher=True))
    assert complaints(path) == []
    notifications = [fields(each, "btatt.handle", only="btatt.opcode == 0x1b")
                     for each in (whole, path)]  # fmt: skip
    assert notifications == [[], [["0x0003"]] * 5]


@needs_tshark
def test_tshark_orders_by_time(whole: Path) -> None:
    times = [float(row[0]) for row in fields(whole, "frame.time_epoch")]
    assert times == sorted(times)


@needs_tshark
def test_tshark_sees_who_is_central_and_how_strong_each_one_is(tmp_path: Path) -> None:
    """A sniffer at 1 m of the central and 10 m of the peripheral, that sends 3 dB less."""
    radio = Radio(1, Propagation(path_loss_db=None))
    path = tmp_path / "places.pcapng"
    with path.open("wb") as file:
        capture = AirCapture(radio, file.write, (1.0, 0.0, 0.0))
        radio.watch(capture.add)
        central, peripheral = new_hosts(radio)
        peripheral.controller.layer.station.position = (11.0, 0.0, 0.0)
        extended_set(peripheral, 0b10011, b"", (1, 1), power_dbm=-3)
        central.connect(peripheral.random_address)
        radio.run_until(SECOND)
        central.send_acl(handle_of(central), b"\x03\x00\x04\x00\x02\x00\x02")
        radio.run_until(2 * SECOND)
        capture.flush()
    names = ["btle_rf.pdu_type", "btle_rf.signal_dbm", "btle.access_address"]
    data = [row[:2] for row in fields(path, *names) if row[2] != "0x8e89bed6"]
    to_peripheral, to_central = 2, 3
    near, far = round(-40.2), round(-3 - 60.2)
    assert [(int(kind, 0), int(level)) for kind, level in data] == [
        (to_peripheral, near), (to_central, far),
    ]  # fmt: skip


@needs_tshark
def test_tshark_finds_a_wrong_crc_that_was_made(tmp_path: Path) -> None:
    radio = Radio(1)
    path = tmp_path / "corrupt.pcapng"
    with path.open("wb") as file:
        capture = AirCapture(radio, file.write)
        radio.watch(capture.add)
        central, peripheral = new_hosts(radio)
        peripheral.advertise(interval_ms=20)
        central.connect(peripheral.random_address)
        radio.run_until(SECOND)
        radio.medium.corrupt_next(central.controller.layer.station)
        central.send_acl(handle_of(central), b"\x03\x00\x04\x00\x02\x00\x02")
        radio.run_until(2 * SECOND)
        capture.flush()
    assert len(complaints(path)) == 1


@needs_tshark
@pytest.mark.parametrize(
    ("spoken", "wrong"),
    [
        ("CP", 0),  # the requests cross, which tshark 4.0 takes for wrong
        ("CpP", 1),  # the peripheral has answered and begins its own before the instant
        ("CpxP", 0),  # the change is announced; to tshark that is its end
    ],
)
def test_tshark_is_believed_where_a_change_begins_after_an_answer(
    tmp_path: Path, spoken: str, wrong: int
) -> None:
    requests = {"C": b"\x16\x02\x02", "P": b"\x16\x02\x02", "p": b"\x17\x02\x02"}
    path = tmp_path / "collision.pcapng"
    radio = Radio(1)
    with path.open("wb") as file:
        capture = AirCapture(radio, file.write)
        radio.watch(capture.add)
        connected_pair(radio)
        (link,) = radio.links
        sequence = {link.central: 0, link.peripheral: 0}
        for index, step in enumerate(spoken):
            end = link.peripheral if step in "Pp" else link.central
            payload = requests.get(step, b"\x18\x02\x02\x80\x00")
            header = LLID_CONTROL | sequence[end.other] << 2 | sequence[end] << 3
            sequence[end] ^= 1
            packet = link.idle_packet(end, header, 5, radio.now_us + index * MS)
            capture.add(packet._replace(octets=bytes((header, len(payload))) + payload))
        radio.run_until(radio.now_us + SECOND)
        capture.flush()
    assert [each.message for each in complaints(path)] == [COLLISION] * wrong
