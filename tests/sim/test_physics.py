"""The radio against arithmetic: what the specification's timing allows, computed here anew."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.radio import Radio
from support.raw_host import MS, SECOND, RawHost, connected_pair, new_hosts

T_IFS_US = 150
BUFFERS = 12
ATT_OVERHEAD = 4 + 3  # L2CAP header, ATT opcode and handle


def packet_us(payload: int, megabits: int) -> int:
    """Preamble (1 octet, 2 at 2M), access address, header, payload and CRC."""
    octets = {1: 1, 2: 2}[megabits] + 4 + 2 + payload + 3
    return octets * 8 // megabits


def allowed_per_second(interval_us: int, l2cap_octets: int, megabits: int) -> float:
    """Octets of notifications per second: empty packets one way, full ones the other."""
    exchange_us = packet_us(0, megabits) + T_IFS_US + packet_us(l2cap_octets, megabits) + T_IFS_US
    per_event = interval_us // exchange_us * (l2cap_octets - ATT_OVERHEAD)
    return per_event * SECOND / interval_us


def att(pdu: bytes) -> bytes:
    return struct.pack("<HH", len(pdu), 4) + pdu


def keep_sending(host: RawHost, handle: int, message: bytes, until_us: int) -> None:
    while host.radio.now_us < until_us:
        while host.controller.host.acl_in_flight < BUFFERS:
            host.send_acl(handle, message)
        host.radio.run_until(host.radio.now_us + 500)


@pytest.mark.parametrize("interval_ms", [7.5, 15, 30, 50, 100])
@pytest.mark.parametrize("octets", [27, 251])
@pytest.mark.parametrize("megabits", [1, 2])
def test_throughput_of_notifications(interval_ms: float, octets: int, megabits: int) -> None:
    pair = connected_pair(interval_ms=interval_ms, timeout_ms=4000)
    handle = pair.central_handle
    if octets > 27:
        pair.peripheral.must(0x2022, struct.pack("<HHH", pair.peripheral_handle, octets, 2120))
    if megabits == 2:
        assert pair.central.command(0x2032, struct.pack("<HBBBH", handle, 0, 2, 2, 0))[0] == 0
    mtu = octets - 4
    pair.central.send_acl(handle, att(struct.pack("<BH", 0x02, mtu)))
    pair.radio.run_until(pair.radio.now_us + SECOND)
    pair.peripheral.send_acl(pair.peripheral_handle, att(struct.pack("<BH", 0x03, mtu)))
    pair.radio.run_until(pair.radio.now_us + 3 * SECOND)
    value = bytes(mtu - 3)
    message = att(struct.pack("<BH", 0x1B, 3) + value)
    start_us = pair.radio.now_us
    keep_sending(pair.peripheral, pair.peripheral_handle, message, start_us + 5 * SECOND)
    counted = [each for each in pair.central.acl if each.at_us >= start_us + SECOND]
    measured = len(counted) * len(value) / 4
    expected = allowed_per_second(round(interval_ms * MS), octets, megabits)
    assert measured == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(("window_ms", "interval_ms"), [(10, 100), (30, 100), (50, 60), (60, 60)])
def test_scan_hits_follow_from_the_duty_cycle(window_ms: int, interval_ms: int) -> None:
    radio = Radio(seed=5)
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(interval_ms=20, kind=3, data=bytes(20))
    scanner.scan(interval_ms=interval_ms, window_ms=window_ms)
    radio.run_until(100 * SECOND)
    events = advertiser.controller.layer.legacy_advertiser.event
    heard = len(scanner.of(0x3E02))
    # A packet counts that begins and ends in one window; each window listens to one channel.
    length_ms = packet_us(6 + 20, 1) / MS
    assert heard / events == pytest.approx((window_ms - length_ms) / interval_ms, rel=0.05)
