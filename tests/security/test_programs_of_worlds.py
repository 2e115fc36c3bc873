"""What a program of a world can do to the test that runs it. See docs/security.md."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import _bleio
import pytest

from bleio.testing import DeviceFailed, World
from bleio.testing.errors import ForkedChild

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
import abc, concurrent.futures, concurrent.futures.process, select, threading, _thread, time
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
    select.select([], [], [], 0.001)  # threads of shared libraries need real time
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


CHILDREN = {
    "sleeps": ("time.sleep(1)", 1),
    "looks": ("while not _bleio.adapter.connected: pass", 1),
    "looks at the time": ("while True: time.monotonic()", 1),
    "advertises": ("_bleio.adapter.start_advertising(b'\\x02\\x01\\x06')", 1),
    "waits for a peer": ("list(_bleio.adapter.start_scan())", 1),
    "has its own adapter": ("_bleio.Adapter('virtual').start_scan()", 1),
    "tries for ever": (
        "while True:\n        try: time.sleep(1)\n        except Exception: pass",
        1,
    ),
    "leaves": ("sys.exit(3)", 3),
    "fails": ("1 / 0", 1),
    "leaves with words": ("sys.exit('no')", 1),
    "only ends": ("pass", 0),
}
FORKING = """
import os, sys, time
import _bleio
time.sleep(1)
child = os.fork()
if child == 0:
    {child}
else:
    time.sleep(1)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", timeout=1)
    time.sleep(2)
"""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="of forks")
with_threads = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@needs_fork
@with_threads
@pytest.mark.parametrize("case", CHILDREN)
def test_a_program_that_forks(case: str) -> None:
    """Its child once waited for threads that are its parent's, for ever."""
    child, exit_code = CHILDREN[case]
    with World() as world:
        device = world.add(source=FORKING.format(child=child))
        world.run()
        assert device.text == f"{exit_code}\n"
        assert world.packet_count > 0


@needs_fork
@with_threads
@pytest.mark.parametrize("where", ["in the program", "in a thread of it", "in the test"])
def test_a_fork_of_multiprocessing(where: str) -> None:
    def ends_world() -> None:
        world.run_for(1)

    def program() -> None:
        target = ends_world if where == "in the test" else partial(time.sleep, 1)
        process = get_context("fork").Process(target=target)
        process.start()
        process.join()
        codes.append(process.exitcode)

    def starts_thread() -> None:
        thread = Thread(target=program)
        thread.start()
        thread.join()

    codes: list[int | None] = []
    with World() as world:
        if where == "in the test":
            world.run_for(1)
            program()
        else:
            world.add(program if where == "in the program" else starts_thread)
        world.run()
        assert codes == [1]


@needs_fork
@with_threads
def test_a_forked_test_leaves_the_worlds_files_to_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "air.pcapng"
    with World(capture=path) as world:
        world.add(source=ADVERTISES)
        world.run()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                world.close()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        written = path.read_bytes()
    assert path.read_bytes().startswith(written)
    assert len(path.read_bytes()) > len(written)


@needs_fork
@with_threads
def test_a_fork_while_a_thread_calls_the_engine() -> None:
    """The thread is not there in the child, which waited for it to let go of the engine's door."""
    with World() as world:
        world.add(source=ADVERTISES)
        world.run_for(0.5)
        portal = world.portal
        with portal._lock:  # as the other thread
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(10)
                try:
                    portal.run(print)
                except ForkedChild:
                    os._exit(0)
                finally:
                    os._exit(1)
        assert os.waitpid(child, 0)[1] == 0


ADVERTISES = """
import _bleio, time
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
time.sleep(1)
"""
MUTE = """
class Mute(Exception):
    def __str__(self):
        raise {raises}

    def __eq__(self, other):
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
