"""What a program of a world can do to the test that runs it. See docs/security.md."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from threading import Thread
from typing import Any

import _bleio
import pytest

from bleio.testing import DeviceFailed, World

STARTERS = {
    "Thread": "threading.Thread(target=look).start()",
    "daemon": "threading.Thread(target=look, daemon=True).start()",
    "subclass": "Looker().start()",
    "abstract subclass": "AbstractLooker().start()",
    "Timer": "threading.Timer(0, look).start()",
    "from another": "threading.Thread(target=threading.Thread(target=look).start).start()",
    "_thread": "_thread.start_new_thread(look, ())",
    "_thread with arguments": "_thread.start_new_thread(look_at, (), {'module': _bleio})",
    "executor": "ThreadPoolExecutor(1).submit(look)",
    "executor of futures": "concurrent.futures.ThreadPoolExecutor(1).submit(look)",
    "executor's map": "ThreadPoolExecutor(1).map(lambda _: look(), [1])",
    "executor's callback": (
        "gate = threading.Event()\n"
        "ThreadPoolExecutor(1).submit(gate.wait).add_done_callback(lambda _: look())\n"
        "gate.set()"
    ),
    "another library's": "LookingServer.process_request(LookingServer(), 1, 2)",
    "executor's initializer": "ThreadPoolExecutor(1, '', look_at, (_bleio,)).submit(int)",
}
LOOKING = """
import abc, concurrent.futures, concurrent.futures.process, threading, _thread, time
from concurrent.futures import ThreadPoolExecutor
from socketserver import ThreadingMixIn
import _bleio

def look_at(module):
    seen.append((module.adapter, module.Service(module.UUID(0x1234))))
def look():
    look_at(_bleio)
class Looker(threading.Thread):
    def run(self): look()
class AbstractLooker(threading.Thread, abc.ABC):
    def run(self): look()
class LookingServer(ThreadingMixIn):
    def process_request_thread(self, *_): look()

seen = []
{start}
while not seen:
    threading.Event().wait(0.001)  # the thread runs beside the program, in real time
    time.sleep(1)
((adapter, service),) = seen
assert adapter is _bleio.adapter, adapter
assert service._session is adapter._session
adapter.start_advertising(b"\\x02\\x01\\x06")
"""


@pytest.mark.parametrize("how", STARTERS)
def test_a_thread_of_a_program_has_its_devices_adapter(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the process's, which may be a real controller."""
    monkeypatch.setenv("BLEIO_ADAPTER", "hci:tcp-client:127.0.0.1:1")
    with World() as world:
        world.add(source=LOOKING.format(start=STARTERS[how]))
        world.run()


class Worker(threading.Thread):
    """Of a test's file, where classes are made before there is a device."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[object] = []

    def run(self) -> None:
        self.seen.append(_bleio.adapter)


def helper(seen: list[object]) -> None:
    seen.append(_bleio.adapter)


def test_a_thread_of_a_given_program_has_its_devices_adapter() -> None:
    def program() -> None:
        worker = Worker()
        worker.start()
        Thread(target=helper, args=(seen,), daemon=True).start()
        while not (worker.seen and seen):
            threading.Event().wait(0.001)
            time.sleep(1)
        assert worker.seen == seen == [_bleio.adapter]

    seen: list[object] = []
    with World() as world:
        device = world.add(program)
        world.run()
        assert seen == [device.adapter]


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
