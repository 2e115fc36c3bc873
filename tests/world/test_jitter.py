"""Jitter: hosts and programs that do not take the same time twice."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from bleio.cli.main import main
from bleio.testing import World
from bleio.testing.timing.jitter import Jitter
from bleio.testing.timing.participant import Participant

SLEEPER = (
    "import time\n"
    "for _ in range(50):\n"
    "    before = time.monotonic()\n"
    "    time.sleep(0.01)\n"
    "    print(round((time.monotonic() - before) * 1e6))\n"
)
LOOKER = (
    "import time\n"
    "for _ in range(200):\n"
    "    time.sleep(0.01)\n"
    "    before = time.monotonic()\n"
    "    print(round((time.monotonic() - before) * 1e6))\n"
)
SPINNER = "import _bleio, time\nwhile time.monotonic() < 2: _bleio.adapter.connected\n"

# The first race: the handler is ready only after something that takes time, such as a display.
LOCK = """
import time, _bleio
from _bleio import Characteristic, Service, UUID
service = Service(UUID(0xFFF0))
command = Characteristic.add_to_service(
    service, UUID(0xFFF1), properties=Characteristic.WRITE, max_length=20)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=True)
time.sleep(0.38)
buffer = _bleio.CharacteristicBuffer(command, timeout=2, buffer_size=20)
print("got", buffer.read(4))
"""
PHONE = """
import time, _bleio
for entry in _bleio.adapter.start_scan(timeout=10):
    if entry.connectable:
        break
_bleio.adapter.stop_scan()
link = _bleio.adapter.connect(entry.address, timeout=10)
found = link.discover_remote_services([_bleio.UUID(0xFFF0)])
(command,) = (each for each in found[0].characteristics if each.uuid == _bleio.UUID(0xFFF1))
command.value = b"open"
time.sleep(5)
"""

# The second one: what is notified before the client has subscribed is told to nobody.
BELL = """
import time, _bleio
from _bleio import Characteristic, Service, UUID
service = Service(UUID(0xFFF0))
ring = Characteristic.add_to_service(
    service, UUID(0xFFF1), properties=Characteristic.NOTIFY, max_length=20)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=True)
while not _bleio.adapter.connected:
    pass
time.sleep(0.35)
ring.value = b"ring"
time.sleep(5)
"""
LISTENER = """
import time, _bleio
for entry in _bleio.adapter.start_scan(timeout=10):
    if entry.connectable:
        break
_bleio.adapter.stop_scan()
link = _bleio.adapter.connect(entry.address, timeout=10)
found = link.discover_remote_services([_bleio.UUID(0xFFF0)])
(ring,) = (each for each in found[0].characteristics if each.uuid == _bleio.UUID(0xFFF1))
buffer = _bleio.CharacteristicBuffer(ring, timeout=2, buffer_size=20)
ring.set_cccd(notify=True)
print("got", buffer.read(4))
"""


def printed(source: str, *others: str, seed: int = 1, jitter_us: float = 1000) -> str:
    with World(seed, jitter_us=jitter_us) as world:
        device = world.add(source=source, name="it")
        for number, other in enumerate(others):
            world.add(source=other, name=f"other {number}")
        world.run()
        return device.text


def trace(seed: int, **options: float) -> str:
    with World(seed, **options) as world:
        world.add(source=LOCK, name="lock")
        world.add(source=PHONE, name="phone")
        world.run()
        return world.trace() + world.output()


def test_the_same_seed_gives_the_same_world() -> None:
    assert trace(3, jitter_us=1000) == trace(3, jitter_us=1000)
    assert (
        len({trace(seed, jitter_us=jitter_us) for seed in (3, 4) for jitter_us in (500, 900)}) == 4
    )


def test_without_jitter_nothing_changes() -> None:
    assert trace(3, jitter_us=0) == trace(3)
    assert set(printed(SLEEPER, jitter_us=0).split()) == {"10020"}
    assert set(printed(LOOKER, jitter_us=0).split()) == {"20"}


def test_every_sleep_takes_another_time() -> None:
    times_us = [int(each) for each in printed(SLEEPER).split()]
    assert min(times_us) >= 10_020
    assert len(set(times_us)) > 40


def test_every_look_takes_another_time() -> None:
    times_us = [int(each) for each in printed(LOOKER).split()]
    assert 20 <= min(times_us) < 25
    assert len(set(times_us)) > 30
    assert 30 < sum(times_us) / len(times_us) < 60


def test_every_packet_of_the_controller_takes_another_time(tmp_path: Path) -> None:
    jitter = Jitter(1, "it", 1000)
    jitter.slow_us = 50
    now_us, due = 0, []
    for _ in range(5000):
        now_us += 10_000_000
        due.append(jitter.packet_us(now_us))
    assert min(due) >= 50
    assert len(set(due)) > 1000
    assert 1 < sum(each - 50 for each in due) / len(due) / jitter.mean_us < 1.4
    assert 0.003 < sum(each > 10 * jitter.mean_us for each in due) / len(due) < 0.015


def test_a_host_takes_packets_one_after_the_other() -> None:
    jitter = Jitter(1, "it", 1000)
    due_us = [now_us + jitter.packet_us(now_us) for now_us in range(0, 100_000, 100)]
    assert due_us == sorted(due_us)
    assert any(later == earlier for earlier, later in itertools.pairwise(due_us))


def test_programs_start_at_different_times() -> None:
    starts = {
        seed: printed("import time\nprint(time.monotonic())\n", seed=seed) for seed in range(20)
    }
    assert len(set(starts.values())) == 20
    assert all(float(start) < 0.2 for start in starts.values())


def test_devices_have_paces_of_their_own() -> None:
    means = [Jitter(seed, "it", 1000).mean_us for seed in range(200)]
    assert 100 <= min(means) < 150
    assert 6_000 < max(means) <= 10_000
    assert Jitter(1, "a", 1000).mean_us != Jitter(1, "b", 1000).mean_us
    assert Jitter(1, "\udcff", 1000).mean_us  # a name of a file that is no UTF-8


def test_what_others_do_does_not_change_what_a_device_draws() -> None:
    alone = printed(SLEEPER)
    assert printed(SLEEPER, SPINNER) == alone
    assert printed(SLEEPER, SPINNER, SLEEPER, LOOKER) == alone
    assert printed(SLEEPER, seed=2) != alone


def test_a_slow_device_is_slow_beyond_its_jitter() -> None:
    with World(1, jitter_us=10) as world:
        device = world.add(source=SLEEPER, name="it")
        device.slowness = 100
        world.run()
        times_us = [int(each) for each in device.text.split()]
    assert min(times_us) >= 13_980
    assert max(times_us) < 16_000
    participant = Participant("it")
    participant.late = jitter = Jitter(1, "it", 1000)
    for slowness, usual_us in ((100, 2000), (0.5, 10)):
        participant.slow_down(slowness)
        looks_us = [jitter.look_us() for _ in range(1000)]
        assert usual_us <= min(looks_us) < 1.1 * usual_us
        assert sum(looks_us) / 1000 < 2.5 * usual_us


def test_jitter_goes_on_after_the_power_was_off() -> None:
    with World(1, jitter_us=1000) as world:
        device = world.add(source=SLEEPER, name="it")
        world.run()
        first = device.text
        device.power_on()
        world.run()
        second = device.text.removeprefix(first)
    assert len(second.split()) == 50
    assert first != second


def test_adapters_that_programs_make_have_jitter_too() -> None:
    source = (
        "import time, _bleio\n"
        "adapter = _bleio.Adapter('virtual')\n"
        "for _ in range(20):\n"
        "    before = time.monotonic()\n"
        "    adapter.start_advertising(b'')\n"
        "    adapter.stop_advertising()\n"
        "    print(round((time.monotonic() - before) * 1e6))\n"
    )
    with_jitter, without = printed(source), printed(source, jitter_us=0)
    assert len(set(with_jitter.split())) > 15
    assert len(set(without.split())) < 5


@pytest.mark.parametrize(
    ("peripheral", "central", "receiver"),
    [(LOCK, PHONE, "peripheral"), (BELL, LISTENER, "central")],
)
def test_races_show_with_some_seeds(peripheral: str, central: str, receiver: str) -> None:
    def got(seed: int, jitter_us: float) -> bool:
        with World(seed, jitter_us=jitter_us) as world:
            world.add(source=peripheral, name="peripheral")
            world.add(source=central, name="central")
            world.run(within_s=30)
            text = world[receiver].text
        assert text in ("got b'ring'\n", "got b'open'\n", "got b''\n", "got None\n")
        return "b'ring'" in text or "b'open'" in text

    lost = [seed for seed in range(40) if not got(seed, 1000)]
    assert 1 <= len(lost) <= 39
    assert not got(lost[0], 1000)
    # The seed alone does not show that there is a race.
    assert len({got(seed, 0) for seed in range(40)}) == 1


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), 1e7])
def test_jitter_is_a_time(wrong: float) -> None:
    with pytest.raises(ValueError, match="jitter_us must be a number of microseconds from 0 to"):
        World(jitter_us=wrong)


def test_the_command_has_it(tmp_path: Path) -> None:
    program = tmp_path / "it.py"
    program.write_text(SLEEPER)
    run = CliRunner().invoke
    usual = run(main, ["sim", str(program)])
    first = run(main, ["sim", str(program), "--jitter", "1ms"])
    assert usual.exit_code == first.exit_code == 0
    assert usual.stdout != first.stdout
    assert run(main, ["sim", str(program), "--jitter", "1ms"]).stdout == first.stdout
    wrong = run(main, ["sim", str(program), "--jitter", "2s"])
    assert wrong.exit_code == 2
    assert "--jitter can be 1s at most" in wrong.output


def test_event_loops_have_jitter() -> None:
    source = (
        "import asyncio, time\n"
        "async def main():\n"
        "    for _ in range(20):\n"
        "        before = time.monotonic()\n"
        "        await asyncio.sleep(0.01)\n"
        "        print(round((time.monotonic() - before) * 1e6))\n"
        "asyncio.run(main())\n"
    )
    times_us = [int(each) for each in printed(source).split()]
    assert min(times_us) >= 10_000
    assert len(set(times_us)) > 15
    assert printed(source, SPINNER) == printed(source)
