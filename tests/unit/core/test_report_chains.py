"""Advertising packets in several reports, of which some never come."""

from __future__ import annotations

import pytest

from bleio.backends.hci.counters import HciCounters
from bleio.core.address import DeviceAddress
from bleio.core.report_chains import (
    MAX_BROKEN,
    MAX_DATA_OCTETS,
    MAX_FRAGMENTED,
    MAX_PARTS,
    PART_S,
    ReportChains,
)

CHAIN = (DeviceAddress(b"\x01\x02\x03\x04\x05\xc6", random=True), 1, 0)
FLAGS = b"\x02\x01\x06"
OLD = FLAGS + b"\xc8\xff" + bytes(range(199))  # 204 octets in all
NEW = FLAGS + b"\x05\x09name"
LONG_NEW = FLAGS + b"\xc8\xff" + bytes(reversed(range(199)))


class Reports:
    """Hands parts to the chains, a millisecond after each other."""

    def __init__(self) -> None:
        self.counters = HciCounters()
        self.chains = ReportChains(self.counters)
        self.now_s = 0.0

    def part(self, data: bytes, more: bool, set_id: int = 1) -> bytes | None:
        self.now_s += 0.001
        return self.chains.joined((CHAIN[0], set_id, 0), data, more, self.now_s)


# Parts of one or two octets could go on with anything; controllers send none.
@pytest.mark.parametrize("cut", range(3, len(OLD)))
def test_a_first_part_that_never_completed_is_not_glued(cut: int) -> None:
    """Wherever it ended, also between two structures."""
    reports = Reports()
    assert reports.part(OLD[:cut], more=True) is None
    assert reports.part(NEW, more=False) == NEW
    assert reports.counters.scan_fragments == 1
    assert reports.part(NEW, more=False) == NEW


@pytest.mark.parametrize("cut", range(3, len(LONG_NEW)))
def test_a_chain_after_one_that_never_completed(cut: int) -> None:
    reports = Reports()
    reports.part(OLD[:150], more=True)
    reports.part(LONG_NEW[:cut], more=True)
    assert reports.part(LONG_NEW[cut:], more=False) == LONG_NEW


@pytest.mark.parametrize("cut", range(1, len(OLD)))
def test_the_same_chain_again_and_again(cut: int) -> None:
    reports = Reports()
    for _ in range(4):
        reports.part(OLD[:cut], more=True)
    assert reports.part(OLD[cut:], more=False) == OLD


def test_parts_of_old_times_are_dropped() -> None:
    """Also where all of it would fit together."""
    reports = Reports()
    reports.part(b"\x02\x0a\x00", more=True)
    reports.now_s += PART_S
    assert reports.part(NEW, more=False) == NEW
    assert reports.counters.scan_fragments == 1


def test_a_packet_whose_end_never_came_does_not_cost_the_next_one() -> None:
    reports = Reports()
    for _ in range(20):
        reports.part(b"x" * 200, more=True)
    reports.now_s += PART_S
    assert reports.part(NEW, more=False) == NEW


def test_what_is_no_row_of_structures_is_passed_on_as_it_came() -> None:
    reports = Reports()
    reports.part(b"a" * 200, more=True)
    assert reports.part(b"b" * 50, more=False) == b"a" * 200 + b"b" * 50


def test_what_is_held_is_bounded() -> None:
    reports = Reports()
    for set_id in range(3 * MAX_BROKEN):
        reports.part(b"a", more=True, set_id=set_id)
    assert len(reports.chains.held) == MAX_FRAGMENTED
    assert len(reports.chains.broken) <= MAX_BROKEN
    for part in (b"a" * 200, b""):
        reports = Reports()
        for _ in range(500):
            reports.part(part, more=True)
            for held in reports.chains.held.values():
                assert held.octets <= MAX_DATA_OCTETS
                assert len(held.parts) <= MAX_PARTS
