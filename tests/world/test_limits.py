"""Devices with the limits of real ones: what goes on the air, and what programs see."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from bleio.testing import Limits, World
from bleio.testing.air.limits import PROFILES

PERIPHERAL = """
import time, _bleio
from _bleio import Characteristic, Service, UUID
service = Service(UUID(0xFFF0))
value = Characteristic.add_to_service(
    service, UUID(0xFFF1), properties=Characteristic.READ | Characteristic.NOTIFY
    | Characteristic.WRITE_NO_RESPONSE, max_length=512, initial_value=bytes(200))
buffer = _bleio.PacketBuffer(value, buffer_size=4, max_packet_size=509)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=True, interval=0.02)
while not _bleio.adapter.connected:
    pass
time.sleep(1)
print("outgoing", buffer.outgoing_packet_length)
print("links", len(_bleio.adapter.connections))
for number in range(20):
    buffer.write(bytes((number,)) * 20)
time.sleep(60)
"""
CENTRAL = """
import time, _bleio
for entry in _bleio.adapter.start_scan(timeout=10):
    if entry.connectable:
        break
_bleio.adapter.stop_scan()
link = _bleio.adapter.connect(entry.address, timeout=10)
found = link.discover_remote_services([_bleio.UUID(0xFFF0)])
(value,) = (each for each in found[0].characteristics if each.uuid == _bleio.UUID(0xFFF1))
buffer = _bleio.PacketBuffer(value, buffer_size=20, max_packet_size=512)
print("interval", link.connection_interval)
print("writes", link.max_packet_length)
print("reads", len(value.value))
time.sleep(3)
print("done")
"""
DATA = re.compile(r"^ *(\d+\.\d+) (\w+) channel (\d+) (?!8e89bed6)(\w+) (\w+)$", re.M)


def met(
    peripheral: Limits | str = "", central: Limits | str = "", **options: float
) -> tuple[World, str, list[tuple[float, str, int, bytes]]]:
    """Return a world in which two have met, what both printed, and the packets of their link."""
    with World(1, **options) as world:
        for name, source, limits in (
            ("peripheral", PERIPHERAL, peripheral),
            ("central", CENTRAL, central),
        ):
            world.add(source=source, name=name, **({"limits": limits} if limits else {}))
        world.run(until=lambda: "done" in world["central"].text, within_s=30)
        packets = [
            (float(time), sender, int(channel), bytes.fromhex(octets))
            for time, sender, channel, _, octets in DATA.findall(world.trace())
        ]
        return world, world.output(), packets


def att(packets: list[tuple[float, str, int, bytes]], opcode: int) -> list[tuple[str, bytes]]:
    """The PDUs of ATT with an opcode that begin in these packets, with their senders."""
    return [
        (sender, octets[6:])
        for _, sender, _, octets in packets
        if octets[0] & 3 == 2 and octets[4:7] == bytes((4, 0, opcode))
    ]


def control(packets: list[tuple[float, str, int, bytes]], opcode: int) -> list[str]:
    """Which devices have sent the control PDUs with an opcode."""
    return [p[1] for p in packets if p[3][0] & 3 == 3 and len(p[3]) > 2 and p[3][2] == opcode]


def longest(packets: list[tuple[float, str, int, bytes]]) -> int:
    return max(octets[1] for *_, octets in packets if octets[0] & 3 != 3)


def test_without_limits_all_is_there() -> None:
    _, text, packets = met()
    assert "outgoing 509" in text
    assert longest(packets) > 200
    assert control(packets, 0x14)
    assert control(packets, 0x18)
    assert not control(packets, 0x07)
    assert att(packets, 0x02) == [("central", bytes((0x02, 0x00, 0x02)))]


@pytest.mark.parametrize("mtu", [23, 100, 517])
def test_the_mtu_of_a_peripheral(mtu: int) -> None:
    _, text, packets = met(peripheral=Limits(mtu=mtu))
    assert att(packets, 0x03) == [("peripheral", bytes((0x03, *mtu.to_bytes(2, "little"))))]
    assert f"outgoing {min(mtu, 512) - 3}" in text
    assert f"writes {min(mtu, 512) - 3}" in text
    assert "reads 200" in text  # by blobs


@pytest.mark.parametrize("mtu", [23, 185, 517])
def test_the_mtu_that_a_central_asks_for(mtu: int) -> None:
    _, text, packets = met(central=Limits(mtu=mtu))
    assert att(packets, 0x02) == [("central", bytes((0x02, *mtu.to_bytes(2, "little"))))]
    assert f"outgoing {min(mtu - 3, 512)}" in text or f"outgoing {min(mtu - 3, 509)}" in text


def test_a_central_that_asks_for_no_mtu() -> None:
    _, text, packets = met(central=Limits(requests_mtu=False))
    assert not att(packets, 0x02)
    assert "outgoing 20" in text
    assert "writes 20" in text


@pytest.mark.parametrize("side", ["peripheral", "central"])
def test_no_data_length_extension(side: str) -> None:
    _, text, packets = met(**{side: Limits(data_octets=27)})  # type: ignore[arg-type]
    assert longest(packets) == 27
    other = "central" if side == "peripheral" else "peripheral"
    assert set(control(packets, 0x14)) <= {other}
    if control(packets, 0x14):
        assert set(control(packets, 0x07)) == {side}
    assert not control(packets, 0x15)
    assert "outgoing 509" in text  # ATT is cut into more packets


def test_some_data_length() -> None:
    _, _, packets = met(peripheral=Limits(data_octets=100))
    assert longest(packets) == 100
    assert control(packets, 0x15)


@pytest.mark.parametrize("side", ["peripheral", "central"])
def test_only_1m(side: str) -> None:
    _, _, packets = met(**{side: Limits(phys=("1M",))})  # type: ignore[arg-type]
    assert not control(packets, 0x18)
    if side == "peripheral":
        assert set(control(packets, 0x16)) == {"central"}
        assert set(control(packets, 0x07)) == {"peripheral"}
    else:
        assert not control(packets, 0x16)


@pytest.mark.parametrize("loss", [0.0, 0.05])
@pytest.mark.parametrize(("side", "most"), [("peripheral", 1), ("peripheral", 3), ("central", 2)])
def test_packets_in_one_event(side: str, most: int, loss: float) -> None:
    def events(packets: list[tuple[float, str, int, bytes]]) -> list[int]:
        """How many packets the peripheral sends in each connection event."""
        counts = [0]
        for before, now in pairwise(packets):
            if now[2] != before[2] or now[0] - before[0] > 0.005:
                counts.append(0)
            counts[-1] += now[1] == "peripheral"
        return counts

    small = Limits(data_octets=27, packets_per_event=most)
    _, _, limited = met(**{side: small}, loss=loss)  # type: ignore[arg-type]
    assert max(events(limited)) == most
    _, _, free = met(**{side: Limits(data_octets=27)}, loss=loss)  # type: ignore[arg-type]
    assert max(events(free)) > 3


def test_how_many_links_there_can_be() -> None:
    with World(1) as world:
        world.add(source=PERIPHERAL, name="first")
        world.add(source=PERIPHERAL, name="second")
        hub = world.add(
            source=(
                "import _bleio\n"
                "seen, links = set(), []\n"
                "for entry in _bleio.adapter.start_scan(timeout=2):\n"
                "    seen.add(entry.address)\n"
                "for address in sorted(seen, key=lambda each: each.address_bytes):\n"
                "    try:\n"
                "        links.append(_bleio.adapter.connect(address, timeout=2))\n"
                "        print('connected')\n"
                "    except _bleio.BluetoothError as error:\n"
                "        print('refused', error)\n"
                "print(len(_bleio.adapter.connections))\n"
            ),
            name="hub",
            limits=Limits(max_links=1),
        )
        world.run(until=lambda: hub.text[-2:] == "1\n", within_s=20)
        assert hub.text.startswith("connected\nrefused")


def test_no_extended_advertising() -> None:
    long = "import _bleio, time\n_bleio.adapter.start_advertising(bytes((99, 255)) + bytes(98))\n"
    with World(1) as world:
        new = world.add(source=f"{long}print('on the air')\ntime.sleep(9)", name="new")
        scan = (
            "import _bleio\nprint(len(list(_bleio.adapter.start_scan(timeout=2, extended=True))))"
        )
        hears = world.add(source=scan, name="hears")
        old = world.add(source=scan, name="old", limits=Limits(extended_advertising=False))
        world.run(until=lambda: not (hears.running or old.running))
        assert new.text == "on the air\n"
        assert int(hears.text) > 0
        assert int(old.text) == 0
    with World(1) as world:
        failing = (
            f"try:\n    {long.replace(chr(10), chr(10) + '    ')}print('on the air')\n"
            "except Exception as error:\n    print(type(error).__name__, error)\n"
        )
        device = world.add(source=failing, limits=Limits(extended_advertising=False))
        world.run()
        assert "on the air" not in device.text
        assert not world.packet_count


@pytest.mark.parametrize(("asked", "interval_ms"), [(50, 50.0), ((100, 100), 100.0)])
def test_the_interval_that_a_central_asks_for(asked: object, interval_ms: float) -> None:
    _, text, _ = met(central=Limits(interval_ms=asked))  # type: ignore[arg-type]
    assert f"interval {interval_ms}" in text


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_meet(name: str) -> None:
    _, text, _ = met(peripheral=name)
    assert "reads 200" in text
    _, text, packets = met(central=name)
    assert "reads 200" in text
    mtu = PROFILES[name].mtu
    if mtu is not None:
        assert att(packets, 0x02) == [("central", bytes((0x02, *mtu.to_bytes(2, "little"))))]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"mtu": 22}, "mtu must be a whole number from 23 to 517, not 22"),
        ({"mtu": 23.5}, "mtu must be a whole number"),
        ({"data_octets": 26}, "data_octets must be a whole number from 27 to 251"),
        ({"max_links": 0}, "max_links must be a whole number from 1 to 32"),
        ({"packets_per_event": 0}, "packets_per_event must be a whole number from 1"),
        ({"packets_per_event": True}, "packets_per_event must be a whole number"),
        ({"phys": ("2M",)}, "phys must be '1M' and others of"),
        ({"phys": "1M"}, "phys must be '1M' and others of"),
        ({"phys": ("1M", "3M")}, "phys must be '1M' and others of"),
        ({"interval_ms": 7}, "interval_ms must be 7.5 to 4000 in steps of 1.25"),
        ({"interval_ms": 31}, "interval_ms must be 7.5 to 4000 in steps of 1.25"),
        ({"interval_ms": (30, 15)}, "interval_ms must be 7.5 to 4000 in steps of 1.25"),
        ({"interval_ms": float("nan")}, "interval_ms must be 7.5 to 4000 in steps of 1.25"),
    ],
)
def test_wrong_limits(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        Limits(**wrong)  # type: ignore[arg-type]


def test_a_profile_that_is_none() -> None:
    with World() as world, pytest.raises(ValueError, match="'nokia' is the name of no profile"):
        world.add(source="", limits="nokia")
