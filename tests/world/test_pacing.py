"""Worlds in real time, and what they say when the machine is too slow for them."""

from __future__ import annotations

import logging

import pytest

from bleio.testing import World
from bleio.testing.timing import pacing
from bleio.testing.timing.pacing import Pace


class RealTime:
    """Stands in for the real clock: it goes on while somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch) -> RealTime:
    clock = RealTime()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def never() -> bool:
    return False


def test_it_waits_for_real_time(real_time: RealTime) -> None:
    pace = Pace()
    pace.resume(500_000)
    pace.hold(2_500_000, never)
    assert real_time.now_s == pytest.approx(1_002, abs=0.002)
    assert not pace.holds


def test_it_stops_waiting_when_it_is_recalled(real_time: RealTime) -> None:
    pace = Pace()
    pace.resume(0)
    pace.hold(10_000_000, lambda: real_time.now_s > 1_001)
    assert real_time.now_s < 1_002


def test_each_stretch_behind_is_said_once(
    real_time: RealTime, caplog: pytest.LogCaptureFixture
) -> None:
    pace = Pace()
    pace.resume(0)
    with caplog.at_level(logging.WARNING):
        real_time.now_s += 0.09
        pace.hold(10, never)
        assert pace.times_behind == 0
        real_time.now_s += 0.2
        for at_us in (20, 30, 40):
            pace.hold(at_us, never)
        assert pace.times_behind == 1
        pace.hold(1_000_000, never)  # it has caught up
        real_time.now_s += 0.5015
        pace.hold(1_000_010, never)
        pace.hold(1_000_020, never)
    assert pace.times_behind == 2
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "The simulated world falls behind real time, now by 289 ms",
        "The simulated world falls behind real time, now by 501 ms",
    ]


def test_what_lies_between_two_runs_is_not_behind(real_time: RealTime) -> None:
    with World(real_time=True) as world:
        device = world.add(source="import time\ntime.sleep(1000)")
        pace = world.clock.pace
        assert pace is not None
        for change in (lambda: world.run_for(1), device.drop_links, device.power_off):
            real_time.now_s += 100
            change()
            assert pace.times_behind == 0
        device.power_on()
        world.run_for(1)
        real_time.now_s += 100
    assert pace.times_behind == 0
