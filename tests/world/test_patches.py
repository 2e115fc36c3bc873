"""Names of a device's modules that a test replaces, and modules that it shares."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bleio.testing import DeviceFailed, World

LIBRARY = """
import time
def read():
    return "real"
def nap():
    time.sleep(1)
class Sensor:
    unit = "C"
    def value(self):
        return read() + self.unit
    @staticmethod
    def kind():
        return "kind"
"""
PROGRAM = """
import time
from sensors import read, Sensor
import sensors
def local():
    return "mine"
class Own:
    def text(self):
        return "own"
while True:
    print(read(), sensors.read(), Sensor().value(), Sensor.kind(), local(), Own().text())
    time.sleep(1)
"""
PLAIN = "real real realC kind mine own"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "sensors.py").write_text(LIBRARY)
    (tmp_path / "thermometer.py").write_text(PROGRAM)
    return tmp_path / "thermometer.py"


def last(device: Any) -> str:
    return str(device.text.splitlines()[-1])


def test_what_is_replaced_before_the_start_is_so_for_all(program: Path) -> None:
    with World() as world:
        device, other = world.add(program), world.add(program)
        patch = device.patch("sensors.read", lambda: "fake")
        assert not patch.applied
        assert repr(patch) == "<Patch of sensors.read, not applied yet>"
        device.patch("sensors.Sensor.kind", staticmethod(lambda: "sort"))
        device.patch("sensors.Sensor.unit", "F")
        device.patch("__main__.local", lambda: "yours")
        device.patch("thermometer.Own.text", lambda self: "patched")
        world.run_for(0.5)
        assert device.text == "fake fake fakeF sort yours patched\n"
        assert other.text == f"{PLAIN}\n"
        assert patch.applied


def test_what_is_replaced_while_it_runs_lasts_until_it_is_undone(program: Path) -> None:
    with World() as world:
        device = world.add(program)
        world.run_for(0.5)
        with device.patch("sensors.read", lambda: "fake") as patch:
            assert patch.applied
            world.run_for(1)
            assert last(device) == "real fake fakeC kind mine own"
        world.run_for(1)
        assert last(device) == PLAIN
        kind = device.patch("sensors.Sensor.kind", staticmethod(lambda: "sort"))
        local = device.patch("__main__.local", lambda: "yours")
        text = device.patch("__main__.Own.text", lambda self: "patched")
        world.run_for(1)
        assert last(device) == "real real realC sort yours patched"
        for each in (kind, local, text, text):
            each.undo()
        world.run_for(1)
        assert last(device) == PLAIN


def test_it_lasts_over_power_ons_until_it_is_undone(program: Path) -> None:
    with World() as world:
        device = world.add(program)
        patch = device.patch("sensors.read", lambda: "fake")
        with device.patch("__main__.local", lambda: "yours"):
            world.run_for(0.5)
            assert last(device) == "fake fake fakeC kind yours own"
        world.run_for(1)
        assert last(device) == "fake fake fakeC kind mine own"
        device.power_off()
        device.power_on()
        held = device.patch("__main__.local", lambda: "yours")
        for _ in range(2):
            world.run_for(0.5)
            assert last(device) == "fake fake fakeC kind yours own"
            device.power_off()
            device.power_on()
        device.power_off()
        patch.undo()
        held.undo()
        device.power_on()
        world.run_for(0.5)
        assert last(device) == PLAIN


def test_functions_of_the_test_run_with_the_devices_time(program: Path) -> None:
    seen: list[float] = []

    def read() -> str:
        time.sleep(5)
        seen.append(time.monotonic())
        return "late"

    with World() as world:
        device = world.add(program)
        device.patch("sensors.read", read)
        world.run_for(6)
        assert seen == [pytest.approx(5, abs=0.01)]
        assert device.text == ""
        world.run_for(12)
        assert last(device) == "late late lateC kind mine own"


def test_objects_of_a_library_are_put_in_place_as_they_are(program: Path) -> None:
    fake = Mock(return_value="mock")
    with World() as world:
        device = world.add(program)
        device.patch("sensors.read", fake)
        world.run_for(0.5)
        assert device.text == "mock mock mockC kind mine own\n"
    assert fake.call_count == 3


def test_made_modules_builtins_and_whole_modules() -> None:
    class Fake:
        value = 7

    source = (
        "import time, random, os, sensor_chip\n"
        "from random import randint\nfrom datetime import datetime\n"
        "print(random.random(), randint(1, 6), os.getenv('A'), input('? '), sensor_chip.value)\n"
        "print(time.monotonic(), datetime.now().year)\n"
    )
    with World() as world:
        device = world.add(source=source)
        device.patch("random.random", lambda: 0.5)
        device.patch("random.randint", lambda low, high: high)
        device.patch("os.getenv", lambda name: name.lower())
        device.patch("builtins.input", lambda prompt: prompt * 2)
        device.patch("time.monotonic", lambda: 3)
        device.patch("sensor_chip", Fake)
        world.run()
        assert device.text == "0.5 6 a ? ?  7\n3 2025\n"
    assert time.monotonic() != 3


def test_a_moment_can_be_set() -> None:
    source = "from datetime import datetime\nprint(datetime.now().year)\n"
    with World() as world:
        device = world.add(source=source)
        device.patch("datetime.datetime.now", classmethod(lambda cls, tz=None: cls(2030, 1, 1)))
        world.run()
        assert device.text == "2030\n"
    assert datetime.datetime.now().year != 2030


def test_a_package_and_its_parts(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("top = 1\n")
    (tmp_path / "package" / "part.py").write_text("value = 2\n")
    program = tmp_path / "code.py"
    program.write_text("import package.part\nprint(package.top, package.part.value)\n")
    with World() as world:
        device = world.add(program)
        device.patch("package.top", 10)
        device.patch("package.part.value", 20)
        world.run()
        assert device.text == "10 20\n"


def test_what_cannot_be_replaced(program: Path) -> None:
    def function() -> None: ...

    with World() as world:
        device, called = world.add(program), world.add(function)
        with pytest.raises(ModuleNotFoundError, match="no module 'sensrs' to patch"):
            device.patch("sensrs.read", 1)
        with pytest.raises(ValueError, match="monkeypatch, before it starts"):
            called.patch("__main__.x", 1)
        for wrong in ("", "__main__", "sensors.", "sensors read"):
            with pytest.raises(ValueError, match=f"such as 'sensors.read', not {wrong!r}"):
                device.patch(wrong, 1)
        with pytest.raises(TypeError, match="not 3"):
            device.patch(3, 1)  # type: ignore[arg-type]
        world.run_for(0.5)
        with pytest.raises(AttributeError, match="did you mean 'read'"):
            device.patch("sensors.raed", 1)
        with pytest.raises(AttributeError, match="did you mean 'input'"):
            device.patch("builtins.inptu", 1)
        with pytest.raises(ValueError, match="is shared with the test"):
            device.patch("json.dumps", 1)
        world.run_for(1)
        assert last(device) == PLAIN


def test_a_wrong_name_before_the_start_fails_the_program_that_imports_it(program: Path) -> None:
    with World() as world:
        device = world.add(program)
        device.patch("sensors.raed", 1)
        with pytest.raises(DeviceFailed, match="did you mean 'read'"):
            world.run()


# Shared modules


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "shared_one.py").write_text("values = []\ndef read():\n    return 'real'\n")
    (tmp_path / "shared_two").mkdir()
    (tmp_path / "shared_two" / "__init__.py").write_text("values = []\n")
    (tmp_path / "shared_two" / "part.py").write_text("values = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    import shared_one  # type: ignore[import-not-found]
    import shared_two.part  # type: ignore[import-not-found]

    yield shared_one, shared_two
    import sys

    for name in ("shared_one", "shared_two", "shared_two.part"):
        sys.modules.pop(name, None)


def test_a_shared_module_is_the_tests(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = shared
    monkeypatch.setattr(one, "read", lambda: "fake")
    source = (
        "import shared_one, shared_two.part\nfrom shared_two import part\n"
        "from shared_two.part import values\n"
        "shared_one.values.append(1)\nshared_two.values.append(2)\nvalues.append(3)\n"
        "print(shared_one.read(), part is shared_two.part)\n"
    )
    with World() as world:
        own = world.add(source=source)
        both = world.add(source=source, share=["shared_one", "shared_two.part"])
        world.run()
        assert (own.text, both.text) == ("real True\n", "fake True\n")
    assert (one.values, two.values, two.part.values) == ([1], [], [3])


@pytest.mark.parametrize(
    ("share", "error", "message"),
    [
        ("json", TypeError, r"share=\['json'\]"),
        (["no_such_module"], ModuleNotFoundError, "the test itself cannot import it"),
    ],
)
def test_what_cannot_be_shared(share: Any, error: type[Exception], message: str) -> None:
    with World() as world, pytest.raises(error, match=message):
        world.add(source="", share=share)
