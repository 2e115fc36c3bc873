"""How long data PDUs are: what is agreed on, and what time, PHY and interval make of it."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from bleio.radio.air import phy
from bleio.radio.air.radio import AirPdu
from support.raw_host import MS, Pair, connected_pair, handle_of, l2cap

LENGTH, PHY, CODED = 0x3E07, 0x3E0C, 4
MAX_OCTETS, MAX_US = 251, 17_040
T_IFS_US = 150


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def coded_us(octets: int) -> int:
    """Preamble, access address, CI and TERM1; header, payload, MIC and CRC; TERM2. S=8."""
    return 80 + 256 + 16 + 24 + (2 + octets + 4 + 3) * 64 + 24


def set_length(pair: Pair, *, both: bool = False, time_us: int = MAX_US) -> None:
    for host in (pair.central, pair.peripheral)[: 1 + both]:
        host.must(0x2022, struct.pack("<HHH", handle_of(host), MAX_OCTETS, time_us))
        run(pair, 100)


def use_coded(pair: Pair) -> None:
    command = struct.pack("<HBBBH", pair.central_handle, 0, CODED, CODED, 2)
    assert pair.central.command(0x2032, command)[0] == 0
    run(pair, 2000)
    assert pair.central.last(PHY)[3:] == bytes((3, 3))


def limits(pair: Pair) -> tuple[int, ...]:
    return struct.unpack_from("<HHHH", pair.central.last(LENGTH), 2)


def sent_by_central(pair: Pair, octets: int) -> list[AirPdu]:
    """Packets on air for three messages of the central."""
    air: list[AirPdu] = []
    pair.radio.watch(air.append)
    for _ in range(3):
        pair.central.send_acl(pair.central_handle, l2cap(bytes(octets - 4)))
    run(pair, 1000)
    assert sum(len(packet.payload) for packet in pair.peripheral.acl) == 3 * octets
    return sorted(air, key=lambda packet: packet.time_us)


def longest(air: list[AirPdu]) -> int:
    return max(len(packet.octets) - 2 for packet in air)


def test_what_the_controller_can_do() -> None:
    pair = connected_pair()
    expected = struct.pack("<HHHH", MAX_OCTETS, MAX_US, MAX_OCTETS, MAX_US)
    assert pair.central.must(0x202F) == expected


@pytest.mark.parametrize(("time_us", "octets"), [(328, 27), (408, 37), (2120, 251), (MAX_US, 251)])
def test_the_time_limits_the_octets_of_a_pdu(time_us: int, octets: int) -> None:
    pair = connected_pair(interval_ms=30)
    set_length(pair, time_us=time_us)
    if time_us > 328:
        assert limits(pair) == (MAX_OCTETS, time_us, 27, 328)
    assert longest(sent_by_central(pair, 251)) == octets


# At 7.5 ms both directions together have 7,200 us: as much for one as the other leaves.
@pytest.mark.parametrize(
    ("interval_ms", "both", "tx_us"),
    [
        (7.5, False, 7500 - 2 * T_IFS_US - coded_us(27)),
        (7.5, True, coded_us(27)),
        (20, True, coded_us(27)),
        (30, True, 30_000 - 2 * T_IFS_US - coded_us(251)),
        (50, True, MAX_US),
    ],
)
def test_coded_packets_leave_room_for_the_answer(
    interval_ms: float, both: bool, tx_us: int
) -> None:
    pair = connected_pair(interval_ms=interval_ms, timeout_ms=4000)
    set_length(pair, both=both)
    use_coded(pair)
    rx = (MAX_OCTETS, MAX_US) if both else (27, coded_us(27))
    assert limits(pair) == (MAX_OCTETS, tx_us, *rx)
    air = sent_by_central(pair, 251)
    octets = longest(air)
    assert coded_us(octets) <= tx_us < coded_us(octets + 1) or octets == MAX_OCTETS
    for packet, following in pairwise(air):
        air_us = phy.air_time_us(len(packet.octets) - 2, packet.phy)
        assert packet.time_us + air_us + T_IFS_US <= following.time_us


def test_another_interval_gives_other_limits_on_coded() -> None:
    pair = connected_pair(interval_ms=50, timeout_ms=4000)
    set_length(pair)
    use_coded(pair)
    assert limits(pair)[1] == MAX_US
    timing = struct.pack("<HHHHHHH", pair.central_handle, 8, 8, 0, 400, 0, 0)
    assert pair.central.command(0x2013, timing)[0] == 0
    run(pair, 1000)
    assert limits(pair)[1] == 10_000 - 2 * T_IFS_US - coded_us(27)


def test_data_that_waits_is_cut_for_the_phy_it_is_sent_on() -> None:
    pair = connected_pair(interval_ms=7.5, timeout_ms=4000)
    set_length(pair)
    pair.peripheral.controller.congested = True
    run(pair, 20)
    for _ in range(3):
        pair.central.send_acl(pair.central_handle, l2cap(bytes(196)))
    use_coded(pair)
    air: list[AirPdu] = []
    pair.radio.watch(air.append)
    pair.peripheral.controller.congested = False
    run(pair, 500)
    assert [packet.payload for packet in pair.peripheral.acl if packet.boundary == 2]
    assert sum(len(packet.payload) for packet in pair.peripheral.acl) == 600
    assert coded_us(longest(air)) <= 7500 - 2 * T_IFS_US - coded_us(27)
