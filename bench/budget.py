"""What things cost without a clock: Python calls, switches, and objects that stay.

    python bench/budget.py             compares with bench/budget.json; fails at 5 % more
    python bench/budget.py --record    records anew, on purpose
    python bench/budget.py --show      prints each function's calls

Counted are calls of functions that stand in the source of bleio, by programs and engine alike, for
one notification, read, look, advertising report and connection: in a world, and on a scripted
controller, whose bytes come to the engine of the process one packet at a time. Switches are, in a
world, calls in another greenlet than the call before; in a process, functions that are handed to
the engine's thread. Objects are those of the garbage collector that are still there afterwards; a
world keeps the last packets on air for its trace.

The figures are the same in each run and on each machine, and for all versions of Python.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import bleio

FILE = Path(__file__).with_name("budget.json")
PACKAGE = str(Path(bleio.__file__).parent) + "/"
TIMES = 50
MORE = 1.05
SLACK = {
    "calls": 0.0,
    "switches": 0.05,
    "objects": 0.25,
}  # what is there once is not there for each
INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>")  # are no calls from Python 3.12 on


class Cost(NamedTuple):
    """Of one of what is counted."""

    calls: float
    switches: float
    objects: float
    functions: dict[str, float]


class Profile:
    """What the interpreter tells of each call, from `begin` to `end`. Each thread counts its own:
    two that count the same would lose calls."""

    def __init__(self, in_world: bool) -> None:
        self._counts: dict[int, Counter[CodeType]] = {}
        self._in_world = in_world
        self._on = False
        self._switches = self._objects = self._last = 0

    def __call__(self, frame: FrameType, event: str, result: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_name == "begin_counting":
            self.begin()
        elif code.co_name == "end_counting":
            self.end()
        elif not self._on:
            return
        elif code.co_filename.startswith(PACKAGE):
            here = threading.get_ident()
            counts = self._counts.get(here)
            if counts is None:
                counts = self._counts.setdefault(here, Counter())
            counts[code] += 1
            if self._in_world:
                self._note_switch()
        elif code.co_name == "call_soon_threadsafe" and not self._in_world:
            assert frame.f_back is not None
            self._switches += frame.f_back.f_code.co_filename.startswith(PACKAGE)

    def _note_switch(self) -> None:
        from greenlet import getcurrent

        here = id(getcurrent())
        self._switches += here != self._last
        self._last = here

    def begin(self) -> None:
        """Count from now on, and forget what was before."""
        self._counts.clear()
        self._switches = 0
        gc.collect()
        self._objects = len(gc.get_objects())
        self._on = True

    def end(self) -> None:
        """Count no more."""
        self._on = False
        gc.collect()
        self._objects = len(gc.get_objects()) - self._objects

    def cost(self, times: int) -> Cost:
        """Return what one took."""
        functions: Counter[str] = Counter()
        for counts in self._counts.values():
            for code, count in counts.items():
                if code.co_name not in INLINED:
                    functions[f"{code.co_filename.removeprefix(PACKAGE)} {code.co_name}"] += count
        by_name = {name: count / times for name, count in sorted(functions.items())}
        total = functions.total() if hasattr(functions, "total") else sum(functions.values())
        objects = max(0, self._objects)
        return Cost(total / times, self._switches / times, round(objects / times, 1), by_name)


@contextmanager
def profiled(in_world: bool) -> Iterator[Profile]:
    """Tell a profile of all calls in threads that start meanwhile, and in this one but for a world,
    whose owner watches it by real time."""
    profile = Profile(in_world)
    threading.setprofile(profile)
    if not in_world:
        sys.setprofile(profile)
    try:
        yield profile
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


# In a world

COUNTING = """
import time
import _bleio
C = _bleio.Characteristic

def begin_counting(): pass
def end_counting(): pass

def count(act):
    for _ in range({times}):  # what is made at the first time is not counted
        act()
    begin_counting()
    for _ in range({times}):
        act()
    end_counting()
"""
SERVER = """
service = _bleio.Service(_bleio.UUID(0xFE10))
value = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.NOTIFY | C.READ, max_length=244,
                         initial_value=bytes(100))
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
"""
SLEEP = "time.sleep(1e6)\n"
FIND = """
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
"""
CLIENT = f"""{FIND}
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
"""
SENDER = f"""{SERVER}
while not _bleio.adapter.connected:
    time.sleep(0.01)
time.sleep(2)
while True:
    value.value = bytes(244)
    time.sleep(0.02)
"""
RECEIVER = f"""{CLIENT}
buffer = _bleio.PacketBuffer(value, buffer_size=8, max_packet_size=244)
packet = bytearray(244)
def receive():
    while not buffer.readinto(packet):
        time.sleep(0.02)
receive()
count(receive)
"""
READER = f"{CLIENT}\ncount(lambda: value.value)\n"
LOOKER = "count(lambda: _bleio.adapter.connected)\n"
SCANNER = """
entries = iter(_bleio.adapter.start_scan(timeout=60))
def hear():
    entry = next(entries)
    return entry.address, entry.advertisement_bytes, entry.rssi
count(hear)
"""
AGAIN = f"""{SERVER}
while True:
    if not (_bleio.adapter.connected or _bleio.adapter.advertising):
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1)
    time.sleep(0.05)
"""
CONNECTOR = f"""{FIND}
def connect():
    _bleio.adapter.connect(entry.address, timeout=10).disconnect()
    time.sleep(0.2)
count(connect)
"""

WORLDS = {
    "notification": (SENDER, RECEIVER),
    "read": (SERVER + SLEEP, READER),
    "look": (SERVER + SLEEP, LOOKER),
    "report": (SERVER + SLEEP, SCANNER),
    "connection": (AGAIN, CONNECTOR),
}


def in_world(what: str) -> Cost:
    """Count in a world of two devices."""
    from bleio.testing import World

    with profiled(in_world=True) as profile, World(seed=1) as world:
        counting = COUNTING.format(times=TIMES)
        server, client = (counting + source for source in WORLDS[what])
        world.add(source=server, name="server")
        counter = world.add(source=client, name="client")
        world.run(until=lambda: not counter.running)
    return profile.cost(TIMES)


# On a scripted controller


class Script:
    """A process's adapter on a controller that says what it is told, on the engine's loop.

    Args: count: how many notifications the peer expects, if it is a central.
    """

    def __init__(self, count: int = 0) -> None:
        import _bleio

        from bleio.backends.hci import HciBackend
        from bleio.core.address import DeviceAddress

        self.count = count
        self.loop: Any = None
        self.say: Any = None
        script = self

        class Backend(HciBackend):
            async def _open_port(self, on_packet: Any, on_lost: Any) -> Any:
                return ScriptedPort(script, on_packet)

        own = DeviceAddress(bytes.fromhex("0100000000c1"), random=True)
        self.adapter = _bleio.Adapter.__new__(_bleio.Adapter)
        self.adapter._set_up(lambda former: Backend("script", own), "hci:script")
        _bleio.set_adapter(self.adapter)
        assert self.adapter.address.address_bytes == own.octets  # it is open

    def settle(self, *packets: bytes) -> None:
        """Have the controller say something, and wait until the engine has nothing to do."""
        done = threading.Event()

        def later(turns: int) -> None:
            if turns:
                self.loop.call_soon(later, turns - 1)
            else:
                done.set()

        for packet in packets:
            self.loop.call_soon_threadsafe(self.say, packet)
        self.loop.call_soon_threadsafe(later, 10)
        done.wait()


class ScriptedPort:
    """The way to the controller of bench/controller.py, which is in this process here."""

    def __init__(self, script: Script, on_packet: Callable[[bytes], None]) -> None:
        import asyncio

        from controller import Controller, Server

        from bleio.backends.hci.controller.h4 import H4Parser
        from bleio.backends.hci.counters import HciCounters

        self.metadata: dict[str, Any] = {}
        self.on_packet = on_packet
        self._loop = asyncio.get_running_loop()
        self._parser = H4Parser(self, HciCounters())
        line: Any = self
        self._controller = Controller(line, script.count, Server(1, 1), sys.stderr)
        script.loop, script.say = self._loop, self._parser.feed_data

    def send(self, packet: bytes) -> None:
        self._controller.take(packet)

    def sendall(self, octets: bytes) -> None:
        """The controller says something."""
        if octets:
            self._loop.call_soon(self._parser.feed_data, octets)

    def on_noise(self, why: str) -> None:
        raise AssertionError(why)

    async def close(self) -> None:
        self._parser.close()


def connected() -> tuple[Script, Any, Any]:
    """Return a script, a connection to its peer and the peer's characteristic."""
    import _bleio
    from controller import PEER

    script = Script()
    address = _bleio.Address(PEER, _bleio.Address.RANDOM_STATIC)
    connection = script.adapter.connect(address, timeout=10)
    (service,) = connection.discover_remote_services()
    return script, connection, service.characteristics[0]


def scripted_received() -> tuple[Script, Callable[[], object]]:
    import _bleio
    from controller import acl, value

    script, _, characteristic = connected()
    buffer = _bleio.PacketBuffer(characteristic, buffer_size=8, max_packet_size=244)
    packet = bytearray(244)

    def receive() -> None:
        script.settle(acl(b"\x1b\x03\x00" + value(1)))
        assert buffer.readinto(packet) == 244

    return script, receive


def scripted_sent() -> tuple[Script, Callable[[], object]]:
    import _bleio
    from controller import VALUE_UUID, value

    script = Script(count=3 * TIMES)
    kinds = _bleio.Characteristic
    service = _bleio.Service(_bleio.UUID(0xFE10))
    characteristic = kinds.add_to_service(
        service,
        _bleio.UUID(VALUE_UUID),
        properties=kinds.NOTIFY | kinds.READ,
        max_length=244,
    )
    buffer = _bleio.PacketBuffer(characteristic, buffer_size=1)
    script.adapter.start_advertising(b"\x02\x01\x06")
    for _ in range(10):
        script.settle()
    numbers = iter(range(3 * TIMES))
    return script, lambda: buffer.write(value(next(numbers)))


def scripted_read() -> tuple[Script, Callable[[], object]]:
    script, _, characteristic = connected()
    return script, lambda: characteristic.value


def scripted_look() -> tuple[Script, Callable[[], object]]:
    script, _, _ = connected()
    return script, lambda: script.adapter.connected


def scripted_report() -> tuple[Script, Callable[[], object]]:
    from controller import report

    script = Script()
    entries = script.adapter.start_scan(timeout=600)

    def hear() -> object:
        script.settle(report(1))
        entry = next(entries)
        return entry.address, entry.advertisement_bytes, entry.rssi

    return script, hear


def scripted_connection() -> tuple[Script, Callable[[], object]]:
    import _bleio
    from controller import PEER

    script = Script()
    address = _bleio.Address(PEER, _bleio.Address.RANDOM_STATIC)
    return script, lambda: script.adapter.connect(address, timeout=10).disconnect()


SCRIPTS: dict[str, Callable[[], tuple[Script, Callable[[], object]]]] = {
    "notification received": scripted_received,
    "notification sent": scripted_sent,
    "read": scripted_read,
    "look": scripted_look,
    "report": scripted_report,
    "connection": scripted_connection,
}


def on_script(what: str, profile: Profile) -> Cost:
    """Count on a scripted controller."""
    script, act = SCRIPTS[what]()
    now_s = script.loop.time()
    script.loop.time = lambda: now_s  # no timer ends between two
    for counting in (False, True):
        if counting:
            profile.begin()
        for _ in range(TIMES):
            act()
            script.settle()
    profile.end()
    del script.loop.time
    script.adapter.enabled = False
    return profile.cost(TIMES)


# The budget


def measure() -> dict[str, Cost]:
    """Count everything."""
    costs = {}
    with profiled(in_world=False) as profile:
        for what in SCRIPTS:
            costs[f"scripted controller: {what}"] = on_script(what, profile)
    for what in WORLDS:
        costs[f"world: {what}"] = in_world(what)
    return costs


def complaints(found: Cost, recorded: Cost) -> Iterator[str]:
    """Say what costs more than was recorded, and which functions came to it."""
    for name in ("calls", "switches", "objects"):
        now, before = getattr(found, name), getattr(recorded, name)
        if now > before * MORE + SLACK[name]:
            yield f"{now:g} {name}, {before:g} were recorded"
            if name == "calls":
                more = Counter(found.functions)
                more.subtract(recorded.functions)
                for function, count in more.most_common(15):
                    if count >= 0.05:
                        yield f"    {count:+8.2f}  {function}"


def recorded() -> dict[str, Cost]:
    """Read the budget."""
    return {name: Cost(**cost) for name, cost in json.loads(FILE.read_text()).items()}


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true", help="write what things cost now")
    parser.add_argument("--show", action="store_true", help="print each function's calls")
    options = parser.parse_args()
    costs = measure()
    before = recorded() if FILE.exists() else {}
    failed = False
    for name, cost in costs.items():
        counted = f"{cost.calls:8.2f} calls{cost.switches:7.2f} switches{cost.objects:7.2f} objects"
        print(f"{name:44}{counted}")
        if options.show:
            for function, count in sorted(cost.functions.items(), key=lambda each: -each[1]):
                print(f"    {count:8.2f}  {function}")
        if not options.record:
            for complaint in complaints(cost, before[name]):
                failed = True
                print(f"    {complaint}")
    if options.record:
        as_json = {name: cost._asdict() for name, cost in costs.items()}
        FILE.write_text(json.dumps(as_json, indent=1, sort_keys=True) + "\n")
    elif failed:
        sys.exit(f"More than {FILE.name} allows. If it has to be: python bench/budget.py --record")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bleio-") as state:
        os.environ["BLEIO_STATE_DIR"] = state
        main()
