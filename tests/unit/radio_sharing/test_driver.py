"""A radio on the clock of an asyncio loop."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from bleio.radio.air.radio import Radio
from bleio.radio.sharing.driver import MAX_BEHIND_US, Driver


class FakeLoop:
    """A loop whose clock the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.timers: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, callback: Any) -> Any:
        entry = (at_s, callback)
        self.timers.append(entry)
        timers = self.timers

        class Handle:
            def cancel(self) -> None:
                timers.remove(entry)

        return Handle()

    def move_to(self, now_s: float) -> None:
        """Move the clock and fire what is due."""
        self.now_s = now_s
        for entry in [each for each in self.timers if each[0] <= now_s]:
            self.timers.remove(entry)
            entry[1]()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> FakeLoop:
    loop = FakeLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop


def test_events_come_at_their_time_and_one_timer_waits(loop: FakeLoop) -> None:
    radio = Radio()
    driver = Driver(radio)
    fired: list[int] = []
    for delay_us in (30_000, 10_000, 20_000):
        radio.schedule_in(delay_us, lambda: fired.append(radio.now_us))
        assert len(loop.timers) == 1
    loop.move_to(1000.0099)
    assert fired == []
    loop.move_to(1000.0101)
    assert fired == [10_000]
    loop.move_to(1000.5)
    assert fired == [10_000, 20_000, 30_000]
    assert radio.now_us == 500_000
    assert loop.timers == []
    driver.close()


def test_lateness_does_not_add_up(loop: FakeLoop) -> None:
    radio = Radio()
    Driver(radio)
    fired: list[int] = []

    def tick() -> None:
        fired.append(radio.now_us)
        radio.schedule_in(10_000, tick)

    tick()
    for step in range(1, 101):
        loop.move_to(1000.0 + step * 0.010 + 0.003)
    assert fired == [step * 10_000 for step in range(101)]


def test_the_world_runs_up_to_now_before_a_host_speaks(loop: FakeLoop) -> None:
    radio = Radio()
    driver = Driver(radio)
    order: list[str] = []
    radio.schedule_in(5_000, lambda: order.append("event"))

    class Recorder:
        def receive(self, packet: bytes) -> None:
            order.append(f"packet at {radio.now_us}")

    loop.now_s += 0.0078125  # a float without a remainder
    driver.deliver(Recorder(), b"")  # type: ignore[arg-type]
    assert order == ["event", "packet at 7812"]


def test_falling_behind_is_counted_and_said_once(
    loop: FakeLoop, caplog: pytest.LogCaptureFixture
) -> None:
    radio = Radio()
    driver = Driver(radio)
    with caplog.at_level(logging.WARNING):
        for step in range(3):
            radio.schedule_in(1_000, lambda: None)
            loop.move_to(1001.0 + step)
    assert driver.times_behind == 3
    assert driver.skipped_us == 0
    assert radio.now_us == 3_000_000
    assert [record.getMessage() for record in caplog.records] == [
        "The simulated radio falls behind real time, now by 999 ms; "
        "this machine is too slow or was stopped"
    ]


def test_a_stop_of_the_process_is_left_out(loop: FakeLoop) -> None:
    radio = Radio()
    driver = Driver(radio)
    fired: list[int] = []

    def tick() -> None:
        fired.append(radio.now_us)
        radio.schedule_in(10_000, tick)

    tick()
    loop.move_to(4600.0)
    assert fired == [0, 10_000]
    assert driver.skipped_us == 3_600_000_000 - 10_000 > MAX_BEHIND_US
    loop.move_to(4600.0105)
    assert fired == [0, 10_000, 20_000]


def test_a_closed_driver_stands_still(loop: FakeLoop) -> None:
    radio = Radio()
    driver = Driver(radio)
    radio.schedule_in(1_000, lambda: None)
    driver.close()
    radio.schedule_in(500, lambda: None)
    assert loop.timers == []


def test_an_error_in_an_event_does_not_stop_the_world(loop: FakeLoop) -> None:
    radio = Radio()
    Driver(radio)
    fired: list[int] = []
    radio.schedule_in(1_000, lambda: 1 // 0)
    radio.schedule_in(2_000, lambda: fired.append(1))
    with pytest.raises(ZeroDivisionError):
        loop.move_to(1000.0015)
    loop.move_to(1000.003)
    assert fired == [1]
