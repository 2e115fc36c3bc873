"""Devices: what is their own, how they fail, and what can be done to them."""

from __future__ import annotations

import gc
import io
import math
import random
import time
import traceback
from pathlib import Path

import pytest

from bleio.radio.advertising.advertiser import Advertiser
from bleio.testing import DeviceFailed, World

PERIPHERAL = """
import time
import _bleio
while True:
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    while not _bleio.adapter.connected:
        time.sleep(0.01)
    print("connected")
    while _bleio.adapter.connected:
        time.sleep(0.01)
    print("disconnected")
"""

CENTRAL = """
import time
import _bleio
entry = next(iter(_bleio.adapter.start_scan()))
connection = _bleio.adapter.connect(entry.address, timeout=5)
print("connected")
while connection.connected:
    time.sleep(0.01)
print("disconnected")
"""


def test_each_device_has_its_adapter_and_modules(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("import time\nvalues = []\nborn = time.monotonic()\n")
    program = tmp_path / "code.py"
    program.write_text(
        "import _bleio, shared, sys\n"
        "shared.values.append(1)\n"
        "print(len(shared.values), __name__, sys.argv, bytes(_bleio.adapter.address.address_bytes))"
    )
    with World() as world:
        first, second = world.add(program), world.add(program)
        world.run()
        assert (first.name, second.name) == ("code", "code-2")
        assert first.text.startswith(f"1 __main__ ['{program}'] b'")
        assert second.text.startswith(f"1 __main__ ['{program}'] b'")
        assert first.text.split("]")[1] != second.text.split("]")[1]
    import sys

    assert "shared" not in sys.modules


@pytest.mark.interop
def test_libraries_keep_what_they_know_by_device() -> None:
    registries: list[object] = []

    def program() -> None:
        import adafruit_ble
        from adafruit_ble.services import Service

        adafruit_ble.BLERadio().name = "x"
        registries.append(Service)

    with World() as world:
        world.add(program)
        world.add(program)
        world.run()
    assert registries[0] is not registries[1]


def test_output_has_time_and_device(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    with World(echo=sys.stdout) as world:
        device = world.add(
            source="import time, sys\ntime.sleep(1.5)\nprint('a', end='')\nprint('b')\n"
            "sys.stderr.write('c\\nd')",
            name="talker",
        )
        world.run()
        assert [line.text for line in device.output.lines] == ["ab", "c", "d"]
        assert device.output.lines[0].time_s == pytest.approx(1.5)
        assert world.output() == capsys.readouterr().out
        assert world.output().startswith("[    1.500000 talker] ab\n")


class _Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("No space left")


def test_an_echo_that_cannot_be_written_is_no_fault_of_the_device() -> None:
    with World(echo=_Full()) as world:
        device = world.add(source="print('a')\nimport time\ntime.sleep(1)\nprint('b')")
        with pytest.raises(OSError, match="No space left"):
            world.run()
        assert device.running
        world.run()
        assert (device.text, device.error) == ("a\nb\n", None)


def test_an_exception_is_the_devices() -> None:
    with World() as world:
        world.add(source="import time\nwhile True: time.sleep(1)", name="good")
        bad = world.add(source="import time\ntime.sleep(2)\n1 / 0", name="bad")
        with pytest.raises(
            DeviceFailed, match=r"bad failed at 2\.000000 s: ZeroDivision"
        ) as raised:
            world.run()
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
        assert bad.error is raised.value.__cause__
        assert bad.text.startswith('Traceback (most recent call last):\n  File "<source>", line 3')
        world.run_for(1)  # the others go on
        assert world["good"].running
        assert not bad.running


@pytest.mark.parametrize("code", ["", "0", "None", "False"])
def test_sys_exit_ends_a_program(code: str) -> None:
    with World() as world:
        device = world.add(source=f"import sys\nsys.exit({code})\nprint('no')")
        world.run()
        assert (device.text, device.error) == ("", None)


@pytest.mark.parametrize(
    ("code", "exit_code", "text"), [("3", 3, ""), ("True", 1, ""), ("'no peer'", 1, "no peer\n")]
)
def test_sys_exit_prints_no_traceback(code: str, exit_code: int, text: str) -> None:
    with World() as world:
        source = f"import sys, time\ntime.sleep(2)\nsys.exit({code})\nprint('no')"
        device = world.add(source=source, name="desk")
        with pytest.raises(
            DeviceFailed,
            match=rf"^desk failed at 2\.000000 s: exit code {exit_code} \(SystemExit: ",
        ) as raised:
            world.run()
        assert (device.text, raised.value.exit_code) == (text, exit_code)
        assert device.error is raised.value.__cause__
        assert isinstance(device.error, SystemExit)
        frames = traceback.extract_tb(device.error.__traceback__)  # for the report of a test
        assert [frame.lineno for frame in frames] == [3]


def test_the_end_of_a_program_ends_what_it_has_on_the_air() -> None:
    with World() as world:
        peripheral = world.add(source=PERIPHERAL, name="peripheral")
        world.add(source=CENTRAL.partition("while")[0], name="central")
        world.run(lambda: "disconnected" in peripheral.text, within_s=2)


def test_power_off_is_noticed_by_supervision_only() -> None:
    with World() as world:
        peripheral = world.add(source=PERIPHERAL, name="peripheral")
        central = world.add(source=CENTRAL, name="central")
        world.run(lambda: "connected" in peripheral.text and "connected" in central.text)
        world.run_for(1)
        off_s = world.now_s
        peripheral.power_off()
        assert not peripheral.running
        world.run(lambda: "disconnected" in central.text)
        assert 0.5 < world.now_s - off_s < 10
        assert "disconnected" not in peripheral.text

        peripheral.power_on()
        again = world.add(source=CENTRAL, name="again")
        world.run(lambda: "connected" in again.text, within_s=5)
        with pytest.raises(RuntimeError, match="powered on already"):
            peripheral.power_on()


def test_start_and_stop_times() -> None:
    with World() as world:
        device = world.add(
            source="import time\nwhile True:\n    print('tick')\n    time.sleep(1)",
            start_s=2,
            stop_s=5.5,
        )
        world.run()
        assert [line.time_s for line in device.output.lines] == pytest.approx(
            [2, 3, 4, 5], abs=0.01
        )
        assert world.now_s == pytest.approx(5.5, abs=0.1)
        for start_s, stop_s in ((2, 1), (2, math.nan), (math.nan, 3), (-1, 3), (0, math.inf)):
            with pytest.raises(ValueError, match="must be a number of seconds"):
                world.add(source="", start_s=start_s, stop_s=stop_s)
        assert list(world.devices) == ["device"]


def test_a_dropped_link() -> None:
    with World() as world:
        peripheral = world.add(source=PERIPHERAL, name="peripheral")
        central = world.add(source=CENTRAL, name="central")
        world.run(lambda: "connected" in peripheral.text and "connected" in central.text)
        peripheral.drop_links()
        now_s = world.now_s
        world.run(
            lambda: "disconnected" in central.text and "disconnected" in peripheral.text,
            within_s=0.1,
        )
        assert world.now_s - now_s < 0.1


def test_a_function_uses_the_devices_time_in_what_it_calls() -> None:
    with World() as world:
        world.add(_calls_others)
        world.run()
        assert world.now_s == pytest.approx(30, abs=0.01)


def _calls_others() -> None:
    _naps()
    _naps()


def _naps() -> None:
    time.sleep(15)


def test_random_is_seeded_by_device() -> None:
    drawn: list[tuple[float, ...]] = []

    def draws() -> None:
        drawn.append((random.random(), random.random()))

    for seed in (1, 1, 2):
        with World(seed) as world:
            world.add(draws, name="a")
            world.add(draws, name="b")
            world.run()
    a1, b1, a1_again, b1_again, a2, _ = drawn
    assert (a1, b1) == (a1_again, b1_again)
    assert len({a1, b1, a2}) == 3


OTHER_ADAPTERS = """
import _bleio
for name in ("virtual", "auto"):
    print(next(iter(_bleio.Adapter(name).start_scan())).rssi)
for name in ("hci:usb:0", "os", "os:hci1"):
    try:
        _bleio.Adapter(name).address
    except _bleio.BluetoothError as error:
        print(error)
"""


def test_other_adapters_are_on_the_same_air_or_refused() -> None:
    with World() as world:
        world.add(source=PERIPHERAL, name="peripheral")
        device = world.add(source=OTHER_ADAPTERS)
        world.run(lambda: not device.running)
        assert device.text.splitlines() == ["-60", "-60"] + [
            f"A program of a world cannot open the adapter {name!r}: there is only 'virtual'"
            for name in ("hci:usb:0", "os", "os:hci1")
        ]


def test_what_cannot_be_added() -> None:
    with World() as world:
        world.add(source="", name="x")
        with pytest.raises(ValueError, match="'x' already"):
            world.add(source="", name="x")
        with pytest.raises(TypeError):
            world.add()
        with pytest.raises(FileNotFoundError):
            world.add("missing.py")
        with pytest.raises(TypeError, match="Only functions"):
            world.add(__file__, (1,))


def test_packets_that_are_kept_keep_no_advertiser() -> None:
    with World(seed=1) as world:
        device = world.add(
            source='import _bleio, time\n_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")\n'
            "time.sleep(100)\n"
        )
        gc.collect()
        before = _advertisers()
        for _ in range(10):
            world.run_for(0.1)
            device.power_off()
            device.power_on()
        world.run_for(0.1)
        gc.collect()
        assert world.packet_count > 20
        assert _advertisers() <= before + 2


def _advertisers() -> int:
    return sum(isinstance(each, Advertiser) for each in gc.get_objects())
