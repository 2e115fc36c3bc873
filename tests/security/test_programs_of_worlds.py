"""What a program of a world can do to the test that runs it. See docs/security.md."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from bleio.testing import DeviceFailed, World

MUTE = """
class Mute(Exception):
    def __str__(self):
        raise {raises}

    __notes__ = property(lambda self: 1 / 0)

import sys, time
time.sleep(2)
{end}
"""


@pytest.mark.parametrize("raises", ["ValueError('no words')", "SystemExit(0)", "KeyboardInterrupt"])
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("raise Mute()", "Mute: "),
        ("raise Mute() from Mute()", "Mute: "),
        ("sys.exit(Mute())", r"exit code 1 \(SystemExit: "),
    ],
)
def test_an_error_without_words(end: str, kind: str, raises: str) -> None:
    with World() as world:
        device = world.add(source=MUTE.format(raises=raises, end=end), name="mute")
        with pytest.raises(
            DeviceFailed, match=rf"^mute failed at 2\.0+ s: {kind}<exception str\(\) failed>"
        ):
            world.run()
        assert device.text.splitlines()[-1].endswith("str() failed>")
        world.run_for(1)
        assert not device.running


LIBRARIES = """
import random, sys, time
import adafruit_ble.services.nordic
random.random()
time.sleep(1)
for module in sys.modules.values():
    left.append(weakref(module))
    for value in vars(module).values():  # which may outlive the module, with its names
        if getattr(value, "__globals__", None) is vars(module):
            left.append(weakref(value))
"""


def names_of(left: list[weakref.ref[Any]]) -> set[str]:
    return {value.__name__ for each in left if (value := each()) is not None}


def test_a_device_leaves_nothing_in_the_process() -> None:
    """Nothing that it has for itself; that was once all that its modules are."""
    left: list[weakref.ref[Any]] = []

    def program() -> None:
        exec(LIBRARIES, {"__builtins__": __builtins__, "left": left, "weakref": weakref.ref})

    with World() as world:
        world.add(program)
        world.run()
    assert {"adafruit_ble", "random", "sys", "time"} <= names_of(left)
    del world, program
    gc.collect()
    assert names_of(left) == set()


def test_a_program_that_prints_without_newlines() -> None:
    """Each character once cost as much as all before it: this would take a minute."""
    with World() as world:
        device = world.add(source="for _ in range(100_000): print('four', end='')")
        world.run()
        assert device.text == "four" * 100_000 + "\n"
