"""What a capture shows of links that have nothing to say."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Direction, Radio
from bleio.radio.capture.air_capture import AirCapture
from support.raw_host import MS, SECOND, Pair, connected_pair, new_hosts
from support.tshark import complaints, needs_tshark

# Loses next to nothing, but every event is stepped through.
STEPPED = Propagation(loss=1e-12)


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def seen(pair: Pair, milliseconds: float) -> list[tuple[object, ...]]:
    """All packets of that time, in order."""
    air: list[AirPdu] = []
    radio = pair.radio
    for link in radio.links:
        link.meter.account()
    radio.watch(air.append)
    radio.watch_idle(air.append)
    run(pair, milliseconds)
    for link in radio.links:
        link.meter.account()
    return sorted((each.time_us, each.channel, each.phy, each.octets, each.direction)
                  for each in air if each.channel < 37)  # fmt: skip


def story(propagation: Propagation, latency: int) -> list[tuple[object, ...]]:
    """Idle, and without latency a change of PHY before and of channels in between."""
    radio = Radio(1, propagation)
    pair = connected_pair(radio, interval_ms=20, latency=latency, timeout_ms=4000)
    radio.run_until(SECOND + 5 * MS)
    if latency:
        return seen(pair, 1000)
    command = struct.pack("<HBBBH", pair.central_handle, 0, 2, 2, 0)
    assert pair.central.command(0x2032, command)[0] == 0
    run(pair, 500)
    pair.central.must(0x2014, b"\xff\x00\x00\x00\x00")
    return seen(pair, 1000)


@pytest.mark.parametrize("latency", [0, 3])
def test_idle_events_look_the_same_whether_they_are_stepped_through_or_not(latency: int) -> None:
    idle, stepped = story(Propagation(), latency), story(STEPPED, latency)
    # When the peripheral was awake before and what is acknowledged late differs.
    polls, stepped_polls = ([each[:3] for each in packets if each[4] is Direction.TO_PERIPHERAL]
                            for packets in (idle, stepped))  # fmt: skip
    assert set(polls) <= set(stepped_polls)
    assert len(polls) >= 50
    answers = len(idle) - len(polls)
    assert answers == (50 if latency == 0 else 13)


def test_sequence_numbers_go_on_through_idle_events() -> None:
    pair = connected_pair(interval_ms=20)
    run(pair, 5)
    headers = [each[3][0] for each in seen(pair, 200)]
    sn, nesn = [header >> 3 & 1 for header in headers], [header >> 2 & 1 for header in headers]
    to_peripheral, to_central = slice(0, None, 2), slice(1, None, 2)
    for direction in (to_peripheral, to_central):
        assert sn[direction] in ([0, 1] * 5, [1, 0] * 5)
    # Each packet acknowledges the other end's last one.
    assert nesn[to_central] == [bit ^ 1 for bit in sn[to_peripheral]]
    assert nesn[to_peripheral] == sn[to_central]


def test_polls_of_a_central_that_is_alone_are_shown() -> None:
    pair = connected_pair(interval_ms=20, timeout_ms=1000)
    run(pair, 5)
    pair.peripheral.controller.detach()
    packets = seen(pair, 500)
    assert len(packets) == 25
    assert {each[4] for each in packets} == {2}


def test_a_peripheral_that_is_alone_sends_nothing() -> None:
    pair = connected_pair(interval_ms=20, timeout_ms=1000)
    run(pair, 5)
    pair.central.controller.detach()
    assert seen(pair, 500) == []


def test_long_idle_times_are_not_held_in_memory() -> None:
    radio = Radio(seed=1)
    connected_pair(radio, interval_ms=10)
    held: list[int] = []
    capture = AirCapture(radio, lambda _: held.append(len(capture._waiting)) if held else None)
    capture.follow_idle_links()
    held.append(0)
    radio.run_until(300 * SECOND)
    capture.flush()
    assert capture.packets == pytest.approx(2 * 300 * 100, rel=0.01)
    assert max(held) <= 2 * 10 * 100


def captured(follow: bool, seconds: int, path: Path | None = None) -> tuple[bytes, list[object]]:
    octets = bytearray()
    radio = Radio(seed=1)
    capture = AirCapture(radio, octets.extend)
    radio.watch(capture.add)
    if follow:
        capture.follow_idle_links()
    pair = connected_pair(radio, interval_ms=50, timeout_ms=4000)
    (beacon,) = new_hosts(radio, 1)
    beacon.must(0x2005, b"\x77" * 5 + b"\xc7")
    for _ in range(3):
        pair.central.send_acl(pair.central_handle, b"between")
        run(pair, seconds / 3 * 1000)
    beacon.advertise(interval_ms=100, kind=3)
    run(pair, 500)
    capture.flush()
    times = times_of(octets)
    assert times == sorted(times)
    hosts = [pair.central.packets, pair.peripheral.packets]
    if path is not None:
        path.write_bytes(octets)
    return bytes(octets), hosts


def times_of(octets: bytes) -> list[int]:
    """The times of all packets in a pcapng file."""
    found, offset = [], 0
    while offset < len(octets):
        kind, length = struct.unpack_from("<II", octets, offset)
        if kind == 6:
            high, low = struct.unpack_from("<II", octets, offset + 12)
            found.append(high << 32 | low)
        offset += length
    return found


def test_a_file_has_them_in_the_order_of_time() -> None:
    octets, _ = captured(True, 60)
    # Two in each of the events, and a few more.
    assert len(times_of(octets)) == pytest.approx(2 * 60_500 / 50, abs=60)


def test_looking_changes_nothing() -> None:
    with_idle, hosts = captured(True, 30)
    without, others = captured(False, 30)
    assert hosts == others
    assert len(without) < len(with_idle) / 5


def test_after_the_end_nothing_is_collected() -> None:
    radio = Radio(seed=1)
    capture = AirCapture(radio, lambda _: None)
    capture.follow_idle_links()
    connected_pair(radio)
    capture.flush()
    assert capture.packets > 5
    assert not radio.idle_watched


@needs_tshark
def test_tshark_has_nothing_to_say_against_them(tmp_path: Path) -> None:
    captured(True, 10, tmp_path / "idle.pcapng")
    assert complaints(tmp_path / "idle.pcapng") == []
