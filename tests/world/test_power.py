"""The power of a device fails for a while."""

from __future__ import annotations

import pytest

from bleio.testing import World

TICKS = """
import time
while True:
    print("%.3f" % time.monotonic())
    time.sleep(1)
"""
LOOK_S = 0.011  # the longest look, and some short ones


def ticks(world: World) -> list[float]:
    (device,) = world.devices.values()
    return [float(line) for line in device.text.split()]


def test_the_program_begins_anew_when_the_power_is_back() -> None:
    with World() as world:
        device = world.add(source=TICKS)
        world.run(until=1.5)
        device.cut_power(2.25)
        assert device.running  # or about to be started
        world.run(until=5.0)
        assert ticks(world) == pytest.approx([0.0, 1.0, 3.75, 4.75], abs=2 * LOOK_S)


def test_a_world_does_not_end_while_its_power_is_off() -> None:
    with World() as world:
        device = world.add(source="import time\ntime.sleep(1)\nprint('done')")
        world.run(until=0.5)
        device.cut_power(30)
        world.run()
        assert device.text == "done\n"
        assert world.now_s == pytest.approx(31.5, abs=0.001)


@pytest.mark.parametrize(("second_s", "back_s"), [(5.0, 6.0), (1.0, 4.0)])
def test_of_cuts_that_overlap_the_last_to_end_counts(second_s: float, back_s: float) -> None:
    with World() as world:
        device = world.add(source=TICKS)
        world.run(until=0.5)
        device.cut_power(3.5)
        world.run(until=1.0)
        device.cut_power(second_s)
        world.run(until=7.5)
        assert ticks(world)[:2] == pytest.approx([0.0, back_s], abs=LOOK_S)


def test_a_cut_of_no_time_is_a_restart() -> None:
    with World() as world:
        device = world.add(source=TICKS)
        world.run(until=0.5)
        device.cut_power(0)
        world.run(until=2.0)
        assert ticks(world) == pytest.approx([0.0, 0.5, 1.5], abs=2 * LOOK_S)


def test_it_stays_off_if_it_was_powered_off_meanwhile() -> None:
    with World() as world:
        device = world.add(source=TICKS, stop_s=2)
        world.run(until=1.5)
        device.cut_power(2)
        world.run(until=10.0)
        assert ticks(world) == [0.0, 1.0]
        assert not device.running


def test_it_can_be_powered_on_before() -> None:
    with World() as world:
        device = world.add(source=TICKS)
        world.run(until=0.5)
        device.cut_power(10)
        world.run(until=1.0)
        device.power_on()
        world.run(until=1.5)
        device.cut_power(1)  # while that of before is not over
        world.run(until=12.75)
        expected = [0.0, 1.0, *(2.5 + each for each in range(11))]
        assert ticks(world) == pytest.approx(expected, abs=0.15)  # nothing happened at 10.5


@pytest.mark.parametrize("when", ["before its start", "off", "ended"])
def test_a_device_that_is_off_stays_off(when: str) -> None:
    with World() as world:
        source = "import time\ntime.sleep(1)\nprint('%.3f' % time.monotonic())"
        device = world.add(source=source, start_s=5 if when == "before its start" else 0)
        world.run(until=2.0)
        if when == "off":
            device.power_on()
            device.power_off()
        device.cut_power(1)
        world.run(until=20.0)
        assert device.text == ("6.000\n" if when == "before its start" else "1.000\n")


def test_a_program_can_cut_its_own_power() -> None:
    with World() as world:

        def program() -> None:
            import time

            print(round(time.monotonic(), 3))
            world["program"].cut_power(2)
            print("never")

        world.add(program)
        world.run(until=5.0)
        assert ticks(world) == pytest.approx([0.0, 2.0, 4.0], abs=2 * LOOK_S)


@pytest.mark.parametrize("for_s", [-1, float("nan"), float("inf")])
def test_times_that_make_no_sense(for_s: float) -> None:
    with World() as world:
        device = world.add(source=TICKS)
        with pytest.raises(ValueError, match="for_s must be"):
            device.cut_power(for_s)


def test_a_world_ends_while_the_power_is_off() -> None:
    with World() as world:
        device = world.add(source=TICKS)
        world.run(until=0.5)
        device.cut_power(1000)
        world.run(until=1.0)
    assert not world.clock.alive()
