"""Faults that are taken back, and devices that are put somewhere else, while a world runs."""

from __future__ import annotations

import re

import pytest

from bleio.testing import Device, World
from bleio.testing.faults import Corrupt, Jam, Loss, NoAntenna, PowerCut, Slow, Wifi

BEACON = """
import time
import _bleio
print("begins")
_bleio.adapter.start_advertising(b"", connectable=False, interval=0.02)
time.sleep(1000)
"""

SCANNER = """
import time
import _bleio
for entry in _bleio.adapter.start_scan(active=False, minimum_rssi=-127):
    print("%.6f %d" % (time.monotonic(), entry.rssi))
"""


def heard(world: World) -> list[tuple[float, int]]:
    lines = [line.split() for line in world["scanner"].text.splitlines()]
    return [(float(at), int(rssi)) for at, rssi in lines]


def count(world: World, begin: float, end: float) -> int:
    return sum(begin < at < end for at, _ in heard(world))


def pair(world: World) -> World:
    world.add(source=BEACON, name="beacon")
    world.add(source=SCANNER, name="scanner")
    return world


@pytest.mark.parametrize(
    "fault",
    [
        Jam(1, 100),
        Wifi(1, 100, channel=3, load=1.0),
        Loss(1, 100, part=1.0),
        NoAntenna("beacon", 1, 100),
        PowerCut("beacon", 1, 100),
    ],
)
def test_a_fault_can_be_cut_short(fault: Jam | Loss | NoAntenna | PowerCut | Wifi) -> None:
    with pair(World()) as world:
        world.inject(fault)
        world.run(until=2.0)
        before = count(world, 1.1, 2)
        was = world.cut_short(world.faults[0])
        world.run(until=4.0)
        assert isinstance(was, type(fault))
        assert was.for_s == pytest.approx(1, abs=0.001)
        assert world.faults == (was,)
        assert f"with {was}" in world.describe()
        least = 60  # of a hundred
        assert before < 0.7 * least
        assert count(world, 2.2, 4) > least
        with pytest.raises(ValueError, match="is over, or has not begun"):
            world.cut_short(world.faults[0])


def test_the_world_with_what_it_was_is_the_same_one() -> None:
    """What a report says of a fault that was taken back makes it again."""
    with pair(World(seed=3)) as world:
        world.inject(Jam(1, 100))
        world.run(until=1.75)
        was = world.cut_short(world.faults[0])
        world.run(until=3.0)
        first = heard(world)
    assert was is not None
    with pair(World(seed=3)) as world:
        world.inject(str(was))
        world.run(until=3.0)
        assert heard(world) == first


def test_packets_that_were_to_be_corrupted_are_spared() -> None:
    with pair(World()) as world:
        world.inject(Corrupt("beacon", 1, packets=1000), Corrupt("scanner", 1, packets=5))
        world.run(until=2.0)
        was = world.cut_short(world.faults[0])
        assert isinstance(was, Corrupt)
        assert 100 < was.packets < 200
        assert world.cut_short(world.faults[1]) is None  # it has sent nothing
        assert world.faults == (was,)
        world.run(until=3.0)
        assert count(world, 1.01, 2) == 0
        assert count(world, 2.05, 3) > 30


def test_a_fault_of_two_that_overlap_is_cut_short() -> None:
    with pair(World()) as world:
        world.inject(Slow("beacon", 1, 100, times=5), Slow("beacon", 1, 100, times=50))
        world.run(until=2.0)
        assert world["beacon"].slowness == 50
        world.cut_short(world.faults[1])
        assert world["beacon"].slowness == 5
        world.cut_short(world.faults[0])
        assert world["beacon"].slowness == 1


def test_what_cannot_be_cut_short() -> None:
    with pair(World()) as world:
        world.inject("drop beacon @1s", "jam @10s for 1s")
        world.run(until=2.0)
        with pytest.raises(ValueError, match="cannot be taken back"):
            world.cut_short(world.faults[0])
        with pytest.raises(ValueError, match="has not begun"):
            world.cut_short(world.faults[1])
        with pytest.raises(ValueError, match="no fault of this world"):
            world.cut_short(Jam(10, 1))  # equal, but another one
        assert len(world.faults) == 2


def rssi_since(world: World, begin: float) -> set[int]:
    return {rssi for at, rssi in heard(world) if at > begin}


def test_distances_matter_from_the_devices_that_are_placed() -> None:
    with pair(World()) as world:
        world.add(source=BEACON, name="other")
        world.run(until=1.0)
        assert rssi_since(world, 0) == {-60}
        world["other"].place((30, 40))
        world.run(until=2.0)
        assert rssi_since(world, 1.1) == {-60, round(-40.2 - 20 * 1.69897)}
        assert world.rssi_dbm("beacon", "scanner") == -60
        world["other"].cut_power(0.1)
        world.run(until=3.0)
        assert rssi_since(world, 2.2) == {-60, -74}, "it is where it was"


def test_what_is_placed_too_far_away_is_heard_no_more() -> None:
    def at(device: Device, metres: float) -> int:
        device.place((metres, 0))
        begin = world.now_s
        world.run_for(2)
        return count(world, begin + 0.05, begin + 2)

    with pair(World()) as world:
        beacon = world["beacon"]
        near, edge, far = at(beacon, 400), at(beacon, 650), at(beacon, 2000)
        assert near > 60
        assert 0 < edge < near
        assert far == 0
        assert at(beacon, 400) > 60


def test_a_place_is_checked() -> None:
    with pair(World()) as world:
        with pytest.raises(ValueError, match=re.escape("not (1,)")):
            world["beacon"].place((1,))
        assert not world["beacon"].radio.placed
