"""Faults of devices and of the air, as their peers notice them."""

from __future__ import annotations

import pytest

from bleio.testing import DeviceFailed, World

PERIPHERAL = """
import time
import _bleio
service = _bleio.Service(_bleio.UUID(0xFE10))
value = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0xFE11), properties=_bleio.Characteristic.READ, initial_value=b"value")
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    time.sleep(0.01)
"""

CENTRAL = """
import time
import _bleio
def connect():
    for entry in _bleio.adapter.start_scan(timeout=5):
        if entry.connectable:
            break
    _bleio.adapter.stop_scan()
    return _bleio.adapter.connect(entry.address, timeout=5)
"""

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
    print("%.6f" % time.monotonic())
"""

TRIES = """
for _ in range(2):
    try:
        print("connected", connect().connected)
    except ConnectionError as error:
        print(error)
    time.sleep(1)
"""


# `connect` takes no link that was never established, and tries again until its time-out.
TIMED_OUT = "Failed to connect: timeout\n"
PATIENT_TRIES = TRIES.replace("ConnectionError", "_bleio.BluetoothError")


def test_refused_connections_are_tried_again_until_the_time_out() -> None:
    with World() as world:
        peripheral = world.add(source=PERIPHERAL, name="peripheral")
        peripheral.refuse_connections = True
        central = world.add(source=CENTRAL + PATIENT_TRIES)
        world.run(until=lambda: bool(central.text))
        assert central.text == TIMED_OUT
        requests = [each for each in world.packets if _is_connect_ind(each)]
        of_links = {int.from_bytes(each.octets[14:18], "little") for each in requests}
        assert len(requests) == len(of_links) > 10
        on_link = [each for each in world.packets if each.access_address in of_links]
        assert "peripheral" not in {each.sender.name for each in on_link}  # it never answers
        assert peripheral.adapter.advertising

        peripheral.refuse_connections = False
        world.run(until=lambda: not central.running)
        assert central.text == TIMED_OUT + "connected True\n"


@pytest.mark.parametrize("seed", range(8))
def test_a_lossy_link_is_established_while_there_is_time(seed: int) -> None:
    with World(seed) as world:
        world.loss = 0.3
        world.add(source=PERIPHERAL)
        central = world.add(source=CENTRAL + "print(connect().connected)\ntime.sleep(10)\n")
        world.run(until=lambda: bool(central.text))
        assert central.text == "True\n"


def _is_connect_ind(packet: object) -> bool:
    octets: bytes = packet.octets  # type: ignore[attr-defined]
    return packet.access_address == 0x8E89BED6 and octets[0] & 15 == 5  # type: ignore[attr-defined]


def test_refused_connections_to_extended_advertising_go_on_until_the_time_out() -> None:
    with World() as world:
        peripheral = world.add(
            source=PERIPHERAL.replace('b"\\x02\\x01\\x06"', "bytes((99, 255)) + bytes(98)")
        )
        peripheral.refuse_connections = True
        central = CENTRAL.replace("timeout=5)", "timeout=5, extended=True)", 1)
        world.add(source=central + TRIES)
        with pytest.raises(DeviceFailed, match="BluetoothError: Failed to connect: timeout"):
            world.run()
        peripheral.refuse_connections = False
        again = world.add(source=central + TRIES)
        world.run(until=lambda: bool(again.text))
        assert again.text == "connected True\n"


def test_refusing_lasts_over_power_and_a_new_program() -> None:
    with World() as world:
        peripheral = world.add(source=PERIPHERAL)
        peripheral.refuse_connections = True
        world.run_for(1)
        peripheral.power_off()
        peripheral.power_on()
        central = world.add(source=CENTRAL + PATIENT_TRIES)
        world.run(until=lambda: not central.running)
        assert central.text == TIMED_OUT * 2


def test_a_link_that_is_there_stays_when_new_ones_are_refused() -> None:
    with World() as world:
        peripheral = world.add(source=PERIPHERAL)
        central = world.add(source=CENTRAL + "c = connect()\nprint()\ntime.sleep(20)\n")
        world.run(until=lambda: bool(central.text))
        peripheral.refuse_connections = True
        world.run_for(15)
        assert central.adapter.connected
        assert peripheral.adapter.connected


def heard(world: World) -> list[float]:
    return [float(line) for line in world["scanner"].text.splitlines()]


def with_beacon(world: World) -> World:
    world.add(source=BEACON, name="beacon")
    world.add(source=SCANNER, name="scanner")
    return world


def test_a_jammer_is_there_for_its_time_and_on_its_channels() -> None:
    with with_beacon(World()) as world:
        world.run_for(1)
        world.jam(2)
        world.run(until=3.0)
        assert max(heard(world)) < 1
        world.run(until=4.0)
        assert len(heard(world)) > 15
        count = len(heard(world))
        world.jam(2, channels=(37, 38))
        world.run(until=6.0)
        assert count + 4 < len(heard(world)) < count + 10  # while it listens to channel 39
        count = len(heard(world))
        world.jam(2, level_dbm=-90)  # too weak
        world.run(until=8.0)
        assert len(heard(world)) > count + 15


def test_wifi_takes_its_part_of_the_packets_on_its_channels() -> None:
    def part(channel: int, load: float) -> float:
        with with_beacon(World()) as world:
            world.run_for(100)
            quiet = len(heard(world))
            world.wifi(100, channel=channel, load=load)
            world.run_for(100)
            return (len(heard(world)) - quiet) / quiet

    # A third of the time the scanner listens to channel 38, under Wi-Fi channels 3 to 7.
    assert part(6, 1.0) == pytest.approx(2 / 3, abs=0.05)
    assert part(6, 0.5) == pytest.approx(5 / 6, abs=0.05)
    assert part(9, 1.0) == pytest.approx(1, abs=0.02)  # no advertising channel is under that one


def test_two_wifi_networks_do_not_send_at_the_same_times() -> None:
    with with_beacon(World()) as world:
        for _ in range(2):
            for channel in (1, 6, 13):
                world.wifi(100, channel=channel, load=0.5)
        world.run_for(100)
        # Each event has three packets, and each gets past two networks in a quarter of the cases.
        assert 200 < len(heard(world)) < 380


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda world: world.jam(-1), "seconds must be"),
        (lambda world: world.jam(float("nan")), "seconds must be"),
        (lambda world: world.jam(1, channels=()), "channels must be"),
        (lambda world: world.jam(1, channels=(39, 40)), "channels must be"),
        (lambda world: world.jam(1, level_dbm=float("nan")), "level_dbm must be"),
        (lambda world: world.wifi(1, channel=14), "1 to 13"),
        (lambda world: world.wifi(1, load=0), "load must be"),
        (lambda world: setattr(world["beacon"], "slowness", 0), "above 0"),
        (lambda world: setattr(world["beacon"], "slowness", float("inf")), "above 0"),
    ],
)
def test_faults_that_make_no_sense(fault: object, message: str) -> None:
    assert callable(fault)
    with with_beacon(World()) as world, pytest.raises(ValueError, match=message):
        fault(world)


def test_levels_between_devices() -> None:
    with World(distance_m=10) as world:
        one, two = world.add(source=BEACON, name="one"), world.add(source=SCANNER, name="two")
        with pytest.raises(RuntimeError, match="one has not used its radio yet"):
            world.rssi_dbm(one, two)
        world.run_for(1)
        assert world.rssi_dbm(one, two) == -60
        assert world.rssi_dbm("one", two) == world.rssi_dbm(one, "two") == -60
        assert world.rssi_dbm(one, two, tx_power_dbm=4) == -56
        two.position = (100, 0)
        assert world.rssi_dbm(two, one) == -80
        one.antenna = False
        assert world.rssi_dbm(one, two) == world.rssi_dbm(two, one) == -127


LOOKS = """
import time
begin = time.monotonic()
print(round((time.monotonic() - begin) * 1e6))
time.sleep(1)
print(round((time.monotonic() - begin) * 1e6))
"""


def test_a_slow_device_takes_longer_for_looks_and_waits() -> None:
    with World() as world:
        fast, slow = world.add(source=LOOKS), world.add(source=LOOKS)
        slow.slowness = 100
        world.run()
        assert [int(line) for line in fast.text.split()] == [20, 1_000_040]
        # Two looks of 2 ms, and 1.98 ms more than usual for the call.
        assert [int(line) for line in slow.text.split()] == [2_000, 1_005_980]


READS = """
connection = connect()
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
begin = time.monotonic()
assert bytes(value.value) == b"value"
print(time.monotonic() - begin)
"""


@pytest.mark.parametrize("slowness", [1, 5_000, 25_000])
def test_a_slow_devices_server_answers_later(slowness: int) -> None:
    extra_s = (slowness - 1) * 20e-6
    with World() as world:
        world.add(source=PERIPHERAL).slowness = slowness
        central = world.add(source=CENTRAL + READS, start_s=30)
        world.run(until=lambda: not central.running)
        assert extra_s < float(central.text) < extra_s + 0.1


def test_a_device_can_get_faster_again() -> None:
    with World() as world:
        world.add(source=BEACON)
        scanner = world.add(source=SCANNER, name="scanner")
        scanner.slowness = 50_000
        world.run_for(60)
        scanner.slowness = 1
        world.run_for(5)
        assert len([each for each in heard(world) if each > 60]) > 40
