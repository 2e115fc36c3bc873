"""The scan buffer: its arithmetic, its filters and its end."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from bleio.core.advertising import Prefixes
from bleio.runtime.clock import Clock
from bleio.runtime.counters import SCAN_DROPPED_REPORTS
from bleio.runtime.scan_buffer import ScanBuffer
from support.fake_backend import report
from support.patience import PATIENCE_S


def make(octets: int = 512, prefixes: bytes = b"", minimum_rssi_dbm: int = -80) -> ScanBuffer:
    return ScanBuffer(Clock(), octets, Prefixes(prefixes), minimum_rssi_dbm, Counter())


def drain(buffer: ScanBuffer) -> list[bytes]:
    buffer.finish()
    return [each.data for each in iter(buffer.take, None)]


def test_512_octets_hold_ten_full_legacy_packets() -> None:
    buffer = make(512)
    packets = [bytes([index]) + bytes(30) for index in range(12)]
    for packet in packets:
        buffer.offer(report(packet))
    assert buffer._counted[SCAN_DROPPED_REPORTS] == 2
    assert drain(buffer) == packets[:10]


@pytest.mark.parametrize(("octets", "kept"), [(19, 0), (21, 0), (22, 1), (43, 1), (44, 2)])
def test_an_entry_costs_19_octets_and_its_data(octets: int, kept: int) -> None:
    buffer = make(octets)
    for _ in range(3):
        buffer.offer(report(b"abc"))
    assert buffer._counted[SCAN_DROPPED_REPORTS] == 3 - kept
    assert len(drain(buffer)) == kept


def test_one_that_does_not_fit_does_not_keep_out_a_smaller_one() -> None:
    buffer = make(19 + 3 + 19 + 1)
    for data in (b"abc", b"de", b"f"):
        buffer.offer(report(data))
    assert drain(buffer) == [b"abc", b"f"]


def test_taking_makes_room() -> None:
    buffer = make(22)
    buffer.offer(report(b"abc"))
    buffer.take()
    buffer.offer(report(b"def"))
    assert drain(buffer) == [b"def"]
    assert buffer._counted[SCAN_DROPPED_REPORTS] == 0


def test_filters_come_before_room() -> None:
    buffer = make(22, prefixes=b"\x01\x01", minimum_rssi_dbm=-50)
    buffer.offer(report(b"\x02\x01\x06", -51))
    buffer.offer(report(b"\x02\x09\x06", -50))
    buffer.offer(report(b"\x02\x01\x06", -50))
    assert drain(buffer) == [b"\x02\x01\x06"]
    assert buffer._counted[SCAN_DROPPED_REPORTS] == 0


def test_nothing_is_taken_after_the_end() -> None:
    buffer = make()
    buffer.finish()
    buffer.offer(report())
    assert buffer.take() is None
    assert buffer.take() is None


@pytest.mark.parametrize("wake", ["report", "finish"])
def test_take_waits(wake: str) -> None:
    buffer = make()
    taken = []
    thread = threading.Thread(target=lambda: taken.append(buffer.take()))
    thread.start()
    if wake == "report":
        buffer.offer(report())
    else:
        buffer.finish()
    thread.join(PATIENCE_S)
    assert taken == [report() if wake == "report" else None]


def test_all_threads_that_wait_get_a_report() -> None:
    buffer, taken = make(), []
    threads = [
        threading.Thread(target=lambda: taken.append(buffer.take()), daemon=True) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for number in range(3):
        buffer.offer(report(bytes((number,))))
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(each.data for each in taken if each) == [b"\x00", b"\x01", b"\x02"]
