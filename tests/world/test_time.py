"""Simulated time as programs see it."""

from __future__ import annotations

import math
import select
import sys
import threading
import time
from typing import Any

import _bleio
import pytest

from bleio.testing import DeviceBlocked, Stalled, World, WorldError
from support.patience import PATIENCE_S

FLAGS = b"\x02\x01\x06"


def test_sleep_takes_simulated_time_only() -> None:
    seen: list[float] = []

    def sleeper() -> None:
        for _ in range(12):
            seen.append(time.monotonic())
            time.sleep(3600)

    start_s = time.monotonic()
    with World() as world:
        world.add(sleeper)
        world.run(within_s=math.inf)
        assert world.now_s == pytest.approx(12 * 3600, abs=0.01)
    assert time.monotonic() - start_s < 60
    assert seen == pytest.approx([hour * 3600 for hour in range(12)], abs=0.01)


def test_all_clocks_of_a_program_agree() -> None:
    seen: list[Any] = []

    def looker() -> None:
        time.sleep(10)
        seen.append((time.monotonic(), time.perf_counter(), time.monotonic_ns() / 1e9))
        seen.append((time.gmtime()[:3], time.strftime("%Y-%m-%d"), time.ctime()[-4:]))
        seen.append(time.time() - time.mktime(time.gmtime()) + time.timezone)

    with World() as world:
        world.add(looker)
        world.run()
    assert seen[0] == pytest.approx((10, 10, 10), abs=0.001)
    assert seen[1] == ((2025, 1, 1), "2025-01-01", "2025")
    assert abs(seen[2]) < 1


CONNECTION = """
while not _bleio.adapter.connections: pass
connection = _bleio.adapter.connections[0]
"""

SPINS = {
    "adapter.connected": "while not _bleio.adapter.connected: pass",
    "adapter.connections": "while not _bleio.adapter.connections: pass",
    "adapter.advertising": "while _bleio.adapter.advertising: pass",
    "characteristic.value": "while value.value == b'': pass",
    "descriptor.value": "while descriptor.value == b'': pass",
    "buffer.in_waiting": "while not octets.in_waiting: pass",
    "buffer.read": "while not octets.read(1): pass",
    "packets.readinto": "while not packets.readinto(bytearray(20)): pass",
    "packets.write": "while not packets.write(b'x'): pass",
    "packets.outgoing_packet_length": "while packets.outgoing_packet_length == 512: pass",
    "connection.connected": CONNECTION + "while connection.connected: pass",
    "connection.paired": CONNECTION + "while not connection.paired: pass",
    "connection.connection_interval": CONNECTION
    + "while connection.connection_interval != 50: pass",
    "connection.max_packet_length": CONNECTION + "while connection.max_packet_length == 20: pass",
}


@pytest.mark.parametrize("spin", SPINS)
def test_a_spinning_program_sees_what_changes(spin: str) -> None:
    with World() as world:
        spinner = world.add(
            source=f"""
import _bleio
service = _bleio.Service(_bleio.UUID(0x1234))
value = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2345), properties=0x14, initial_value=b"", max_length=512)
descriptor = _bleio.Descriptor.add_to_characteristic(value, _bleio.UUID(0xFE99))
octets = _bleio.CharacteristicBuffer(value, timeout=0)
packets = _bleio.PacketBuffer(value, buffer_size=1, max_packet_size=512)
_bleio.adapter.start_advertising({FLAGS!r})
{SPINS[spin]}
print("seen")
import time
time.sleep(1)
"""
        )
        world.add(
            source="""
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
connection = _bleio.adapter.connect(entry.address, timeout=5)
(service,) = connection.discover_remote_services((_bleio.UUID(0x1234),))
(value,) = service.characteristics
value.set_cccd(notify=True)
value.value = b"x"
next(each for each in value.descriptors if each.uuid.uuid16 == 0xFE99).value = b"x"
connection.connection_interval = 50
connection.pair()
"""
        )
        world.run()
        assert spinner.text == "seen\n"
        assert 0.01 < world.now_s < 10


def test_a_program_that_blocks_outside_is_named() -> None:
    release = threading.Event()

    def waits_for_godot() -> None:
        release.wait(60)

    with World(blocked_after_s=0.3) as world:
        device = world.add(waits_for_godot)
        with pytest.raises(DeviceBlocked, match=r"waits_for_godot has neither .* 0.3 s") as raised:
            world.run()
        assert "release.wait(60)" in str(raised.value)
        with pytest.raises(DeviceBlocked, match="given up"):
            world.run()
        thread = device._participant.thread  # type: ignore[union-attr]
    release.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="has no clock of one thread's processor time"
)
def test_what_other_threads_compute_is_not_the_programs() -> None:
    """As in a worker of a cluster, whose other threads always do something."""
    begun, release = threading.Event(), threading.Event()
    programs_s: list[float] = []

    def waits() -> None:
        begun.set()
        release.wait(PATIENCE_S)

    def computes() -> None:
        begun.wait(PATIENCE_S)
        thread: Any = device._participant.thread  # type: ignore[union-attr]
        before_s, begin_s = thread.processor_s(), time.thread_time()
        while time.thread_time() < begin_s + 0.5:
            pass
        programs_s.append(thread.processor_s() - before_s)
        release.set()

    with World(blocked_after_s=PATIENCE_S) as world:
        device = world.add(waits)
        other = threading.Thread(target=computes)
        other.start()
        world.run()
        other.join()
    assert 0 <= programs_s[0] < 0.25


def test_to_look_where_a_program_blocks_runs_nothing_of_it() -> None:
    with World(blocked_after_s=0.3) as world:
        device = world.add(
            source="""
import select

class Touchy:
    def __getattribute__(self, name):
        print("asked for", name)
        raise TypeError(name)

def blocks():
    touchy = Touchy()
    select.select([], [], [], 1)

blocks()
""",
            name="touchy",
        )
        with pytest.raises(DeviceBlocked, match=r"touchy has neither"):
            world.run()
        assert device.text == ""


def test_a_program_that_computes_for_ever_is_named_and_ended() -> None:
    def computes() -> None:
        while True:
            pass

    with World(blocked_after_s=0.3) as world:
        device = world.add(computes)
        with pytest.raises(DeviceBlocked, match="computes has neither"):
            world.run()
        thread = device._participant.thread  # type: ignore[union-attr]
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_ctrl_c_interrupts_a_world_that_can_go_on() -> None:
    with World(real_time=True) as world:
        world.add(source="import time\ntime.sleep(100)\nprint('done')", name="sleeper")
        timer = threading.Timer(0.2, lambda: __import__("_thread").interrupt_main())
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            world.run()
        timer.join()
        before_s = world.now_s
        assert before_s < 50
        world.run_for(0.1)
        assert world.now_s == pytest.approx(before_s + 0.1, abs=0.01)


def test_real_time_is_not_faster() -> None:
    with World(real_time=True) as world:
        world.add(source="import time\nfor _ in range(10): time.sleep(0.03)")
        start_s = time.monotonic()
        world.run()
        assert time.monotonic() - start_s > 0.29


def test_a_world_that_falls_behind_real_time_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def computes() -> None:
        for _ in range(2):
            select.select([], [], [], 0.3)
            time.sleep(0.01)
            time.sleep(1)

    with World(real_time=True) as world:
        world.add(computes)
        world.run()
        assert world.clock.pace is not None
        assert world.clock.pace.times_behind >= 2
    assert "The simulated world falls behind real time" in caplog.text


def test_a_world_in_which_nothing_can_happen_says_so() -> None:
    with World() as world:
        world.add(source="import _bleio\nfor _ in _bleio.adapter.start_scan(): pass", name="ears")
        with pytest.raises((Stalled, TimeoutError)):
            world.run(within_s=10)


def test_a_world_without_a_limit_goes_on_until_nothing_can_happen() -> None:
    with World() as world:
        world.add(source="import time\ntime.sleep(1e6)", name="sleeper")
        world.run(within_s=math.inf)
        assert world.now_s == pytest.approx(1e6, abs=0.1)
        with pytest.raises(Stalled, match="every program has ended"):
            world.run(lambda: False, within_s=math.inf)


def test_no_number_is_no_time_to_run() -> None:
    with World() as world:
        with pytest.raises(ValueError, match="not for NaN"):
            world.run(math.nan)
        with pytest.raises(ValueError, match="not for NaN"):
            world.run(within_s=math.nan)


def test_a_condition_that_does_not_come() -> None:
    with World() as world:
        world.add(source="import time\nwhile True: time.sleep(1)", name="sleeper")
        with pytest.raises(TimeoutError, match="within 5 s of simulated time; running: sleeper"):
            world.run(lambda: False, within_s=5)
        assert world.now_s == pytest.approx(5)
        with pytest.raises(TimeoutError, match="The end of all programs"):
            world.run(within_s=5)


def test_threads_of_a_program_wait_by_simulated_time() -> None:
    order: list[str] = []

    def starts_a_thread() -> None:
        def other() -> None:
            time.sleep(5)
            order.append("thread")

        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        time.sleep(1)
        order.append("program")
        while thread.is_alive():
            time.sleep(1)

    with World() as world:
        world.add(starts_a_thread)
        world.run(within_s=math.inf)
    assert order == ["program", "thread"]


def test_a_world_is_not_run_by_other_threads_nor_by_its_programs() -> None:
    said: list[str] = []

    def runs() -> None:
        with pytest.raises(WorldError) as caught:
            world.run_for(1)
        said.append(str(caught.value).split(",")[0])

    with World() as world:
        thread = threading.Thread(target=runs, name="helper", daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        world.add(runs, name="sensor")
        world.run()
    assert said == ["world.run() was called in helper", "world.run() was called in sensor"]


def test_a_closed_world_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with World() as world:
        world.add(source="import time\ntime.sleep(1000)")
        world.add(
            source="import _bleio\n_bleio.adapter.start_advertising(b'')\nwhile True: pass".replace(
                "pass", "_bleio.adapter.advertising"
            )
        )
        world.run_for(1)
    assert set(threading.enumerate()) <= before


def test_what_was_still_to_happen_to_devices_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with World(distance_m=1) as world:
        device = world.add(source="import time\ntime.sleep(1000)", stop_s=500)
        device.move_along([(600, (5, 5))])
        world.run_for(1)
        assert set(world.clock.alive()) == {"device", "power of device", "path of device"}
    assert set(threading.enumerate()) <= before


def test_the_process_keeps_its_own_time_and_adapter() -> None:
    adapter = _bleio.adapter
    with World() as world:
        world.add(source="import time, random, sys\nrandom.seed(1)\ntime.sleep(100)")
        world.run()
        assert time.sleep.__module__ == "time"
        assert _bleio.adapter is adapter
        assert sys.modules["time"] is time
    assert issubclass(DeviceBlocked, WorldError)


def test_anonymous_advertising_without_a_time_limit_ends_after_180_s() -> None:
    ends: list[float] = []

    def advertiser() -> None:
        _bleio.adapter.start_advertising(FLAGS, anonymous=True)
        start_s = time.monotonic()
        while _bleio.adapter.advertising:
            time.sleep(1)
        ends.append(time.monotonic() - start_s)

    with World() as world:
        world.add(advertiser)
        world.run()
    assert ends == [pytest.approx(180, abs=1.1)]
