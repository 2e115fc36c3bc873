"""Faults as values happen to a world at their times, and are over when they say."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from bleio.testing import Device, World
from bleio.testing.faults import (
    Corrupt,
    DropLinks,
    FullDisk,
    Jam,
    Loss,
    NoAntenna,
    PowerCut,
    RefuseConnections,
    Slow,
    Wifi,
)

SENSOR = """
import time
import _bleio
print("begins")
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    time.sleep(0.01)
"""

READER = """
import time
import _bleio
while True:
    try:
        for entry in _bleio.adapter.start_scan(timeout=5):
            if entry.connectable:
                break
        _bleio.adapter.stop_scan()
        connection = _bleio.adapter.connect(entry.address, timeout=5)
    except _bleio.BluetoothError as error:
        print("%.2f" % time.monotonic(), error)
        continue
    print("%.2f connected" % time.monotonic())
    while connection.connected:
        time.sleep(0.01)
    print("%.2f ended" % time.monotonic())
"""

BEACON = """
import time
import _bleio
_bleio.adapter.start_advertising(b"", connectable=False, interval=0.02)
time.sleep(1000)
"""

SCANNER = """
import time
import _bleio
for entry in _bleio.adapter.start_scan(active=False, minimum_rssi=-127):
    print("%.6f" % time.monotonic())
"""


def pair(world: World) -> tuple[Device, Device]:
    return world.add(source=SENSOR, name="sensor"), world.add(source=READER, name="reader")


def happened(device: Device) -> list[tuple[float, str]]:
    """What it printed with times, without the rest."""
    lines = [line.split(maxsplit=1) for line in device.text.splitlines()]
    return [(float(time), what) for time, what in lines]


def heard(world: World) -> list[float]:
    return [float(line) for line in world["scanner"].text.splitlines()]


def with_beacon(world: World) -> World:
    world.add(source=BEACON, name="beacon")
    world.add(source=SCANNER, name="scanner")
    return world


def test_links_drop_at_the_time() -> None:
    with World() as world:
        _, reader = pair(world)
        world.inject(DropLinks("sensor", 1.5), "drop reader @3s")
        world.run(until=5.0)
        what = [each for _, each in happened(reader)]
        assert what == ["connected", "ended", "connected", "ended", "connected"]
        ended = [time for time, each in happened(reader) if each == "ended"]
        assert ended == pytest.approx([1.5, 3.0], abs=0.02)


def test_the_power_is_cut_and_comes_back() -> None:
    with World() as world:
        sensor, reader = pair(world)
        world.inject(PowerCut("sensor", 2, 3.25))
        world.run(until=4.0)
        assert sensor.text == "begins\n"
        world.run(until=8.0)
        assert [line.time_s for line in sensor.output.lines] == pytest.approx([0, 5.25], abs=0.011)
        assert happened(reader)[-1][1] == "connected"


def test_connections_are_refused_for_a_while() -> None:
    with World() as world:
        _, reader = pair(world)
        world.inject(RefuseConnections("sensor", 0, 3))
        world.run(until=6.0)
        (connected,) = happened(reader)
        assert connected[1] == "connected"
        assert 3 < connected[0] < 4


def test_an_antenna_is_off_for_a_while() -> None:
    with with_beacon(World()) as world:
        world.inject(NoAntenna("scanner", 1, 2))
        world.run(until=5.0)
        assert not [each for each in heard(world) if 1 < each < 3]
        assert len([each for each in heard(world) if each < 1]) > 30
        assert len([each for each in heard(world) if each > 3]) > 60
        assert world["scanner"].antenna


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (Jam(1, 2), 0),
        (Jam(1, 2, channels=(37,)), 70),
        (Loss(1, 2, part=1.0), 0),
        (Loss(1, 2, part=0.9), 20),
        (Wifi(1, 2, load=1.0), 70),  # covers the middle one of three channels
    ],
)
def test_the_air_is_disturbed_for_a_while(fault: Jam | Loss | Wifi, most: int) -> None:
    with with_beacon(World()) as world:
        world.inject(fault)
        world.run(until=5.0)
        during = [each for each in heard(world) if 1.001 < each < 3]
        assert most / 2 - 2 < len(during) <= most
        assert len([each for each in heard(world) if each < 1]) > 30
        assert len([each for each in heard(world) if each > 3]) > 60
        assert world.loss == 0


def test_a_device_is_slow_for_a_while() -> None:
    ticks = (
        "import time\nfor _ in range(6):\n    time.sleep(1)\n    print('%.3f' % time.monotonic())"
    )
    with World() as world:
        device = world.add(source=ticks, name="device")
        world.inject(Slow("device", 1.5, 2, times=5000))
        world.run()
        times = [float(line) for line in device.text.split()]
        # 100 ms more for each wait that ends while it is slow, and for each look.
        assert times == pytest.approx([1, 2.2, 3.4, 4.4, 5.4, 6.4], abs=0.03)
        assert device.slowness == 1


def test_packets_are_corrupted() -> None:
    with with_beacon(World()) as world:
        world.inject(Corrupt("beacon", 1, packets=30))
        world.run(until=3.0)
        gap = max(late - soon for soon, late in zip(heard(world), heard(world)[1:], strict=False))
        assert 0.2 < gap < 0.35  # ten events of three packets, 20 to 30 ms from each other


def test_a_disk_is_full_for_a_while(tmp_path: Path) -> None:
    source = f"""
import time
for number in range(5):
    try:
        with open({str(tmp_path / "log")!r}, "a") as file:
            print(number, file=file)
    except OSError as error:
        print(number, error.errno)
    time.sleep(1)
"""
    with World() as world:
        device = world.add(source=source, name="device")
        world.inject(FullDisk("device", 0.5, 2))
        world.run()
        assert device.text == f"1 {errno.ENOSPC}\n2 {errno.ENOSPC}\n"
    assert (tmp_path / "log").read_text() == "0\n3\n4\n"


def test_faults_that_overlap_are_over_when_the_last_is() -> None:
    with with_beacon(World()) as world:
        world.inject(NoAntenna("beacon", 1, 2), NoAntenna("beacon", 2, 2), NoAntenna("beacon", 2.5))
        world.inject("slow scanner @1s for 4s times=2", "slow scanner @2s for 1s times=3")
        world.inject("loss @5s for 2s part=0.25", "loss @6s for 2s part=1", "loss @6s for 1s")
        slowness = {}
        for time_s in range(1, 9):
            world.run(until=time_s + 0.5)
            slowness[time_s] = world["scanner"].slowness
            assert world["beacon"].antenna == (time_s > 3), time_s
            assert world.loss == {5: 0.25, 6: 1, 7: 1}.get(time_s, 0), time_s
        assert list(slowness.values()) == [2, 3, 2, 2, 1, 1, 1, 1]
        assert not [each for each in heard(world) if 1 < each < 4]


def test_what_was_set_before_is_there_again() -> None:
    with with_beacon(World(loss=0.75)) as world:
        world["scanner"].slowness = 2
        world["scanner"].antenna = False
        world.inject("slow scanner @1s times=3", "no-antenna scanner @1s", "loss @1s part=0.5")
        world.run(until=1.5)
        assert (world["scanner"].slowness, world.loss) == (6, 0.75)
        world.run(until=2.5)
        assert (world["scanner"].slowness, world["scanner"].antenna, world.loss) == (2, False, 0.75)


ALL_KINDS = [
    *("drop device @{}", "power-cut device @{}", "refuse device @{}", "no-antenna device @{}"),
    *("slow device @{}", "corrupt device @{} packets=3", "full-disk device @{}"),
    *("jam @{}", "wifi @{}", "loss @{}"),
]


@pytest.mark.parametrize("state", ["not yet on", "off", "ended", "without radio"])
def test_faults_of_a_device_that_is_off_do_no_harm(state: str) -> None:
    source = "import time\ntime.sleep(3)" if state == "without radio" else BEACON
    if state == "ended":
        source = "import time\ntime.sleep(1)\nprint('ended')"
    with World() as world:
        start_s, stop_s = (10 if state == "not yet on" else 0), (1 if state == "off" else None)
        device = world.add(source=source, name="device", start_s=start_s, stop_s=stop_s)
        world.inject(each.format("2s") for each in ALL_KINDS)
        world.run(until=11.0)
        assert (device.antenna, device.refuse_connections, device.full_disk) == (True, False, False)
        assert device.running == (state == "not yet on")
        assert device.text == ("ended\n" if state == "ended" else "")


def test_faults_at_the_first_moment_come_after_programs_have_begun() -> None:
    with World() as world:
        device = world.add(source="print('begins')\nimport time\ntime.sleep(1)", name="device")
        world.inject(each.format("0s") for each in ALL_KINDS)
        world.run()
        assert device.text == "begins\n" * 2


def test_faults_after_the_end_of_all_programs_do_not_happen() -> None:
    with World() as world:
        world.add(source="import time\ntime.sleep(1)", name="device")
        world.inject(each.format("100s") for each in ALL_KINDS)
        world.run()
        assert world.now_s < 1.1
    assert not world.clock.alive()


def test_a_world_can_end_while_faults_are_under_way() -> None:
    with World() as world:
        world.add(source=BEACON, name="device")
        world.inject(each.format("1s") for each in ALL_KINDS)
        world.run(until=1.5)
    assert not world.clock.alive()


@pytest.mark.parametrize("what", [5, None, ["jam @1s", 5]])
def test_what_is_no_fault(what: Any) -> None:
    with World() as world:
        with pytest.raises(
            TypeError, match=r"A fault is a value or text, such as .*, not (5|None)$"
        ):
            world.inject(what)
        assert world.faults == ()


def test_times_can_count_from_now() -> None:
    with with_beacon(World()) as world:
        world.run_for(10)
        with pytest.raises(ValueError, match=r"^'jam @1s for 1s' is in the past, for it is 10s in"):
            world.inject(Jam(1))
        world.inject(Jam(1), ["loss @1s"], from_s=world.now_s)
        assert [str(fault) for fault in world.faults] == ["jam @11s for 1s", "loss @11s for 1s"]
        world.run_for(3)
        assert not [each for each in heard(world) if 11 < each < 12]


def test_unknown_devices_are_said_with_those_that_are_there() -> None:
    with World() as world:
        with pytest.raises(ValueError, match="does not have; there is none yet"):
            world.inject("drop sensor @1s")
        pair(world)
        message = (
            "^'drop senser @1s' is of a device that this world does not have; did you mean 'sensor'"
        )
        with pytest.raises(ValueError, match=message):
            world.inject("jam @1s", "drop senser @1s")
        assert world.faults == ()  # none of them


@pytest.mark.parametrize("from_s", [-1, float("nan")])
def test_times_that_make_no_sense(from_s: float) -> None:
    with World() as world, pytest.raises(ValueError, match="from_s must be"):
        world.inject("jam @1s", from_s=from_s)


def test_the_same_faults_give_the_same_world() -> None:
    def run() -> str:
        with World(seed=3) as world:
            pair(world)
            world.inject(
                *("drop sensor @1s", "power-cut reader @1.5s for 0.3s", "loss @2s for 2s"),
                *("slow sensor @3s", "wifi @1s for 5s", "refuse sensor @1.6s for 2s"),
            )
            world.run(until=10.0)
            return world.output() + world.trace()

    assert run() == run()


def test_a_world_says_what_was_done_to_it() -> None:
    with World(seed=4) as world:
        pair(world)
        assert world.describe() == "seed 4, at 0.000000 s"
        world.inject("drop sensor @1s", Jam(2))
        assert world.describe() == "seed 4, at 0.000000 s, with drop sensor @1s; jam @2s for 1s"
