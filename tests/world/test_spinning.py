"""Programs that spin: they hold up nobody, miss nothing, and cost little."""

from __future__ import annotations

import time

import _bleio
import pytest

from bleio.testing import World
from bleio.testing.timing.participant import LONGEST_LOOK_US, LOOK_US

LOOK_S = LOOK_US / 1e6
LONGEST_LOOK_S = LONGEST_LOOK_US / 1e6

SERVER = """
import time
import _bleio
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID(0xFE10))
received = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.WRITE, max_length=20)
sent = C.add_to_service(service, _bleio.UUID(0xFE12), properties=C.NOTIFY, max_length=20)
incoming = _bleio.PacketBuffer(received, buffer_size=4)
packet = bytearray(20)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while True:
"""

CLIENT = """
import _bleio
for entry in _bleio.adapter.start_scan(timeout=5):
    if entry.connectable:
        break
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=5)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
by_uuid = {each.uuid: each for each in service.characteristics}
incoming = _bleio.PacketBuffer(by_uuid[_bleio.UUID(0xFE12)], buffer_size=4)
for _ in range(3):
    by_uuid[_bleio.UUID(0xFE11)].value = b"x"
print("written")
"""

SPINS = {
    "readinto": "    incoming.readinto(packet)\n",
    "connected": "    _bleio.adapter.connected\n",
    "monotonic": "    time.monotonic()\n",
    "sleep(0)": "    time.sleep(0)\n",
    "sleep": "    time.sleep(0.001)\n",
}


def time_of_client(world: World, spin: str) -> float:
    world.add(source=SERVER + spin)
    client = world.add(source=CLIENT, name="client")
    world.run(until=lambda: not client.running, within_s=10)
    assert client.text == "written\n"
    return world.now_s


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("spin", SPINS)
def test_a_peer_that_spins_changes_nothing_for_a_client(spin: str, seed: int) -> None:
    with World(seed) as world, World(seed) as quiet:
        expected_s = time_of_client(quiet, "    time.sleep(100)\n")
        assert time_of_client(world, SPINS[spin]) == pytest.approx(expected_s, abs=0.05)


def test_calls_that_end_at_once_do_so_while_another_spins() -> None:
    calls = """
import time
import _bleio
for number in range(5):
    _bleio.adapter.name = f"n{number}"
    _bleio.adapter.start_advertising(b"", connectable=False, interval=5.0)
    _bleio.adapter.stop_advertising()
print(time.monotonic())
"""

    def ended_at(spinners: int) -> str:
        with World() as world:
            for _ in range(spinners):
                world.add(source="import time\nwhile True: time.monotonic()")
            caller = world.add(source=calls, name="caller")
            world.run(until=lambda: not caller.running, within_s=1)
            return caller.text

    assert ended_at(0) == ended_at(1) == ended_at(3)


def test_a_condition_that_a_spinning_program_makes_true_ends_the_run() -> None:
    with World() as world:
        spinner = world.add(source="import time\nprint('here')\nwhile True: time.monotonic()")
        world.run(until=lambda: "here" in spinner.text)
        assert world.now_s < 0.001


@pytest.mark.parametrize(
    ("adapter", "loss"),
    [("_bleio.adapter", None), ("_bleio.adapter", 0.2), ("_bleio.Adapter('virtual')", None)],
)
def test_a_change_is_seen_as_soon_as_with_short_looks(
    adapter: str, loss: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen_s() -> list[float]:
        with World(loss=loss) as world:
            spinner = world.add(
                source=f"import time, _bleio\nadapter = {adapter}\n"
                "adapter.start_advertising(b'', interval=0.02)\n"
                "while not adapter.connected: pass\nprint(time.monotonic())\n"
                "while adapter.connected: pass\nprint(time.monotonic())\n"
            )
            world.add(
                source="import time, _bleio\nentry = next(iter(_bleio.adapter.start_scan()))\n"
                "_bleio.adapter.connect(entry.address, timeout=5)\ntime.sleep(2)",
                start_s=5,
            )
            world.run()
            return [float(line) for line in spinner.text.splitlines()]

    spun_s = seen_s()
    monkeypatch.setattr("bleio.testing.timing.participant.LONGEST_LOOK_US", LOOK_US)
    assert spun_s == pytest.approx(seen_s(), abs=3 * LOOK_S)
    assert 5 < spun_s[0] < spun_s[1] - 2


def test_packets_that_wait_are_read_with_short_looks() -> None:
    times: list[float] = []

    def reader() -> None:
        service = _bleio.Service(_bleio.UUID(0xFE10))
        received = _bleio.Characteristic.add_to_service(
            service, _bleio.UUID(0xFE11), properties=_bleio.Characteristic.WRITE, max_length=20
        )
        incoming = _bleio.PacketBuffer(received, buffer_size=4)
        _bleio.adapter.start_advertising(b"\x02\x01\x06", interval=0.02)
        time.sleep(30)
        while len(times) < 3:
            if incoming.readinto(bytearray(20)):
                times.append(time.monotonic())

    with World() as world:
        world.add(reader)
        world.add(source=CLIENT.replace("incoming =", "0 and"))
        world.run()
    assert times[2] - times[0] <= 4 * LOOK_S + 1e-6


def test_a_line_that_is_there_takes_one_look() -> None:
    reader = """
buffer = _bleio.CharacteristicBuffer(by_uuid[_bleio.UUID(0xFE12)], timeout=1)
by_uuid[_bleio.UUID(0xFE12)].set_cccd(notify=True)
import time
time.sleep(1)
begin = time.monotonic()
assert buffer.readline() == b"twelve more\\n"
print(time.monotonic() - begin)
"""
    sends = "    time.sleep(0.1)\n    sent.value = b'twelve more\\n'\n    time.sleep(100)\n"
    waits = "    while not _bleio.adapter.connected: time.sleep(0.5)\n"
    with World() as world:
        world.add(source=SERVER + waits + sends)
        client = world.add(source=CLIENT.partition("incoming =")[0] + reader)
        world.run(until=lambda: not client.running)
        assert float(client.text) == pytest.approx(2 * LOOK_S, abs=1e-6)


@pytest.mark.parametrize("wanted_s", [0.0001, 0.001, 0.05, 1.0, 60.0])
def test_a_loop_that_waits_for_a_time_is_late_by_little(wanted_s: float) -> None:
    late_s: list[float] = []

    def spinner() -> None:
        for _ in range(3):
            end = time.monotonic() + wanted_s
            while (now := time.monotonic()) < end:
                pass
            late_s.append(now - end)
            time.sleep(0.01)

    with World() as world:
        world.add(spinner)
        world.add(spinner)
        world.run()
    assert len(late_s) == 6
    assert max(late_s) <= min(max(LOOK_S, wanted_s / 16 + LOOK_S), LONGEST_LOOK_S) + 1e-6


BUFFER = """
import time
import _bleio
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID(0xFE10))
value = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.WRITE)
buffer = _bleio.CharacteristicBuffer(value, timeout=0)
"""

LOOKS = [
    "time.monotonic()",
    "time.sleep(0)",
    "buffer.read(1)",
    "buffer.in_waiting",
    "_bleio.adapter.connections",
]


@pytest.mark.parametrize("look", LOOKS)
def test_time_goes_on_and_looks_are_few_whatever_a_program_spins_with(look: str) -> None:
    with World() as world:
        for _ in range(3):
            world.add(
                source=f"{BUFFER}count = 0\nwhile time.monotonic() < 60:\n    {look}\n"
                "    count += 1\nprint(count)"
            )
        world.run(within_s=61)
        assert world.now_s == pytest.approx(60, abs=0.03)
        for device in world.devices.values():
            assert int(device.text) < 60 / LONGEST_LOOK_S
    with World() as world:
        world.add(source=f"{BUFFER}while True: {look}")
        world.run(until=10)
        assert world.now_s == 10


def test_reading_what_is_there_takes_a_look_also_without_a_time_out() -> None:
    writes = "by_uuid[_bleio.UUID(0xFE11)].value = b'12345'"
    reads = """
_bleio.adapter.start_advertising(b"", interval=0.02)
time.sleep(30)
begin = time.monotonic()
assert buffer.read(1) + buffer.read(1) == b"12"
print(time.monotonic() - begin)
"""
    with World() as world:
        reader = world.add(source=BUFFER + reads)
        world.add(source=CLIENT.partition("incoming =")[0] + writes)
        world.run()
        assert float(reader.text) == pytest.approx(3 * LOOK_S, abs=1e-6)


def test_worlds_of_spinning_devices_are_repeatable() -> None:
    def trace(seed: int) -> str:
        with World(seed, loss=0.1) as world:
            world.add(source=SERVER + SPINS["readinto"], name="server")
            world.add(source=CLIENT, name="client")
            world.add(source="import time\nwhile time.monotonic() < 2: pass", name="spinner")
            world.run_for(2.5)
            return world.output() + world.trace()

    assert trace(3) == trace(3)
    assert trace(3) != trace(4)


def test_a_program_has_not_spun_before_it_began():
    def looks(times):
        times += [time.monotonic() for _ in range(3)]

    for start_s in (0.0, 100.0):
        times: list[float] = []
        with World() as world:
            world.add(looks, (times,), start_s=start_s)
            world.run()
        assert times == pytest.approx([start_s + look * LOOK_S for look in (1, 2, 3)], abs=1e-9)
