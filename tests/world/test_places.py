"""Distances, movement and faults of the air, as programs notice them."""

from __future__ import annotations

import itertools
import math

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.testing import World

BEACON = """
import time
import _bleio
_bleio.adapter.start_advertising(b"", connectable=False, interval=0.1)
time.sleep(1000)
"""

SCANNER = """
import time
import _bleio
for entry in _bleio.adapter.start_scan(active=False, minimum_rssi=-127):
    print("%.3f %d" % (time.monotonic(), entry.rssi))
"""


def heard(world: World) -> list[tuple[float, int]]:
    lines = world["scanner"].text.split("\n")[:-1]
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def pair(world: World) -> World:
    world.add(source=BEACON, name="beacon")
    world.add(source=SCANNER, name="scanner")
    return world


@pytest.mark.parametrize("metres", [1, 10, 100])
def test_distance_gives_rssi(metres: int) -> None:
    with pair(World(distance_m=metres)) as world:
        world.run_for(2)
        expected = round(-40.2 - 20 * math.log10(metres))
        assert {rssi for _, rssi in heard(world)} == {expected}


def test_nothing_is_heard_from_too_far() -> None:
    with pair(World(distance_m=100_000)) as world:
        world.run_for(5)
        assert heard(world) == []


def test_a_device_walks_away_and_comes_back() -> None:
    with pair(World(distance_m=1)) as world:
        world["beacon"].move_along([(10, (101, 0)), (20, (101, 0)), (30, (0, 0))])
        world.run(until=40)
        by_time = heard(world)
        assert by_time[0][1] > -45
        away = [rssi for at_s, rssi in by_time if 10.5 < at_s < 19.5]
        assert away
        assert set(away) == {-80}
        going = [rssi for at_s, rssi in by_time if at_s < 10]
        assert all(
            later <= earlier for earlier, later in itertools.pairwise(going[10:])
        )  # it passes by first
        assert by_time[-1][1] == -40
        assert world["beacon"].position == (0, 0, 0)

        world["beacon"].position = (11, 0)
        world.run_for(1)
        assert heard(world)[-1][1] == -60


def test_positions_matter_only_with_distances() -> None:
    with World() as world:
        with pytest.raises(ValueError, match="Positions matter"):
            world.add(source="", position=(1, 2))
        device = world.add(source="")
        with pytest.raises(ValueError, match="Positions matter"):
            device.position = (1, 2)
        with pytest.raises(ValueError, match="Positions matter"):
            device.move_along([(1, (1, 1))])
    with World(propagation=Propagation(path_loss_db=None)) as world:
        assert world.add(source="", position=(1, 2)).position == (1, 2, 0)
        with pytest.raises(ValueError, match="two or three numbers"):
            world.add(source="", position=(1,))
        with pytest.raises(ValueError, match="must grow"):
            world["device"].move_along([(2, (1, 1)), (1, (1, 1))])


def test_contradictions() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        World(path_loss_db=50, distance_m=3)
    with pytest.raises(ValueError, match="already"):
        World(propagation=Propagation(), loss=0.5)
    with pytest.raises(ValueError, match="loss must be"):
        World(loss=2)


def test_loss_loses_its_part_of_the_packets() -> None:
    with pair(World(seed=3, loss=0.5)) as world:
        world.run_for(105)
        # About 1,000 events of which each is heard once if the packet on that channel arrives.
        assert 400 < len(heard(world)) < 600


def test_a_jammer_silences_the_air_for_its_time() -> None:
    with pair(World()) as world:
        world.run_for(5)
        world.jam(2)
        world.run_for(5)
        times = [at_s for at_s, _ in heard(world)]
        assert not [at_s for at_s in times if 5.01 < at_s < 7]
        assert len([at_s for at_s in times if 7 < at_s < 10]) > 20


def test_an_antenna_that_is_off() -> None:
    with pair(World()) as world:
        world.run_for(1)
        world["beacon"].antenna = False
        count = len(heard(world))
        world.run_for(1)
        assert len(heard(world)) == count > 5
        world["beacon"].antenna = True
        world.run_for(1)
        assert len(heard(world)) > count + 5


def test_one_corrupt_packet_is_not_heard() -> None:
    counts = []
    for corrupt in (False, True):
        with pair(World(seed=2)) as world:
            world.run_for(1)
            if corrupt:
                for _ in range(3):  # one on each channel
                    world["beacon"].corrupt_next()
            world.run(until=3)
            counts.append(len(heard(world)))
    assert counts[0] == counts[1] + 1
