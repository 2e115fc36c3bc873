"""The clock: order, cancelling, waking the driver."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bleio.radio.air.clock import Timeline


def test_timers_fire_in_order_of_time_then_of_setting() -> None:
    clock, fired = Timeline(), []
    for name, at_us in (("c", 20), ("a", 10), ("b", 10), ("d", 30)):
        clock.schedule(at_us, fired.append, name)
    clock.run_until(20)
    assert fired == ["a", "b", "c"]
    assert (clock.now_us, clock.next_event_us()) == (20, 30)


def test_a_callback_sees_its_own_time_and_may_schedule_for_now() -> None:
    clock, seen = Timeline(), []

    def first() -> None:
        seen.append(clock.now_us)
        clock.schedule(clock.now_us, lambda: seen.append(clock.now_us))

    clock.schedule(5, first)
    clock.run_until(100)
    assert seen == [5, 5]
    assert clock.now_us == 100


def test_the_past_is_now() -> None:
    clock, fired = Timeline(), []
    clock.run_until(50)
    assert clock.schedule(10, fired.append, "late").at_us == 50
    clock.run_until(50)
    assert fired == ["late"]


def test_time_does_not_run_backwards() -> None:
    clock = Timeline()
    clock.run_until(50)
    clock.run_until(10)
    assert clock.now_us == 50


def test_cancelled_timers_do_not_fire_and_do_not_show() -> None:
    clock, fired = Timeline(), []
    timer = clock.schedule(10, fired.append, 1)
    timer.cancel()
    timer.cancel()
    assert not timer.pending
    assert clock.next_event_us() is None
    clock.run_until(20)
    assert fired == []


def test_many_cancelled_timers_do_not_pile_up() -> None:
    clock = Timeline()
    keep = clock.schedule(10**9, lambda: None)
    for _ in range(100_000):
        clock.schedule(10**8, lambda: None).cancel()
    assert len(clock._heap) < 1_000
    assert clock.next_event_us() == keep.at_us


class CountingAlarm:
    """Counts how often something is due earlier."""

    def __init__(self) -> None:
        self.times = 0

    def due_earlier(self) -> None:
        self.times += 1


@pytest.mark.parametrize(("at_us", "woken"), [(50, True), (100, False), (150, False)])
def test_the_driver_hears_of_earlier_events_only(at_us: int, woken: bool) -> None:
    clock = Timeline()
    clock.schedule(100, lambda: None)
    alarm = CountingAlarm()
    clock.set_alarm(alarm)
    clock.schedule(at_us, lambda: None)
    assert bool(alarm.times) is woken


def test_the_driver_is_not_woken_while_it_runs_the_clock() -> None:
    clock, alarm = Timeline(), CountingAlarm()
    clock.schedule(10, lambda: clock.schedule(11, lambda: None) and None)
    clock.set_alarm(alarm)
    clock.run_until(10)
    assert alarm.times == 0


def test_time_has_one_driver() -> None:
    clock = Timeline()
    clock.set_alarm(CountingAlarm())
    with pytest.raises(RuntimeError, match="already"):
        clock.set_alarm(CountingAlarm())
    clock.clear_alarm()
    clock.set_alarm(CountingAlarm())


def test_running_from_a_callback_is_refused() -> None:
    clock = Timeline()
    errors: list[BaseException] = []

    def nested(run: Callable[[int], None]) -> None:
        try:
            run(5)
        except RuntimeError as error:
            errors.append(error)

    clock.schedule(1, nested, clock.run_until)
    clock.run_until(2)
    assert len(errors) == 1
