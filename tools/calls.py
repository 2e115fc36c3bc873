"""Counts the Python calls that a notification takes in a world, and lists who makes them.

    python tools/calls.py

Two devices, in simulated time: one assigns 244 octets to `Characteristic.value` and sleeps for
10 ms, the other calls `PacketBuffer.readinto` and sleeps for 10 ms. Counted are calls of functions
that stand in the source of bleio, by programs and engine alike, during 1,000 notifications, divided
by these: asyncio's own are not. A switch is a call in another greenlet than the call before.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter, defaultdict
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from greenlet import getcurrent

import bleio
from bleio.testing import World

NOTIFICATIONS = 1000
PACKAGE = str(Path(bleio.__file__).parent)

SENDER = r"""
import time
import _bleio
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID(0xFE10))
value = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.NOTIFY, max_length=244)
_bleio.adapter.start_advertising(b"\x02\x01\x06", interval=0.02)
while not _bleio.adapter.connected:
    time.sleep(0.01)
time.sleep(2)
while True:
    value.value = bytes(244)
    time.sleep(0.01)
"""

RECEIVER = r"""
import time
import _bleio
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
buffer = _bleio.PacketBuffer(value, buffer_size=8, max_packet_size=244)
packet = bytearray(244)
while True:
    buffer.readinto(packet)
    time.sleep(0.01)
"""


class Calls(NamedTuple):
    """How often each function called each, switches and notifications meanwhile."""

    edges: Counter[tuple[CodeType | None, CodeType]]
    switches: int
    notifications: int

    def by_function(self) -> Counter[CodeType]:
        """Return how often each function of bleio was called."""
        total: Counter[CodeType] = Counter()
        for (_, called), count in self.edges.items():
            if called.co_filename.startswith(PACKAGE):
                total[called] += count
        return total

    def per_notification(self) -> float:
        """Return the calls of bleio's functions."""
        return sum(self.by_function().values()) / self.notifications

    def modules(self) -> int:
        """Return how many modules take part in at least every tenth notification."""
        total: Counter[str] = Counter()
        for code, count in self.by_function().items():
            total[code.co_filename] += count
        return sum(count * 10 >= self.notifications for count in total.values())


class Profile:
    """What the interpreter tells of each call in a world."""

    def __init__(self) -> None:
        self.edges: Counter[tuple[CodeType | None, CodeType]] = Counter()
        self.switches = 0
        self.notifications = 0
        self._last = 0

    def __call__(self, frame: FrameType, event: str, result: object) -> None:
        if event == "call":
            caller = frame.f_back.f_code if frame.f_back else None
            self.edges[caller, frame.f_code] += 1
            here = id(getcurrent())
            self.switches += here != self._last
            self._last = here
        elif event == "return" and frame.f_code.co_name == "readinto" and result:
            self.notifications += 1

    def begin(self) -> None:
        """Forget what was before."""
        self.edges.clear()
        self.switches = self.notifications = 0

    def is_enough(self) -> bool:
        return self.notifications >= NOTIFICATIONS


def measure() -> Calls:
    """Run the world and return what was called while it notified."""
    profile = Profile()
    with World(seed=1) as world:
        threading.setprofile(profile)
        try:
            world.add(source=SENDER, name="sender")
            world.add(source=RECEIVER, name="receiver")
            world.run(until=5)
            profile.begin()
            sys.setprofile(profile)
            world.run(until=profile.is_enough)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        return Calls(Counter(profile.edges), profile.switches, profile.notifications)


def summary(calls: Calls) -> str:
    """Say in one line what a notification takes."""
    return (
        f"{calls.per_notification():.0f} calls in {calls.modules()} modules,"
        f" {calls.switches / calls.notifications:.1f} switches"
    )


def main() -> None:
    """Print calls per notification by module, function and caller, the most first."""
    calls = measure()
    print(summary(calls))
    callers: dict[CodeType, Counter[CodeType | None]] = defaultdict(Counter)
    for (caller, called), count in calls.edges.items():
        callers[called][caller] += count
    by_module: dict[str, Counter[CodeType]] = defaultdict(Counter)
    for code, count in calls.by_function().items():
        by_module[code.co_filename][code] += count
    for functions in sorted(by_module.values(), key=lambda each: -each.total()):
        module = place(next(iter(functions)))
        print(f"\n{functions.total() / calls.notifications:6.1f}  {module}")
        for code, count in functions.most_common():
            each = count / calls.notifications
            if each >= 0.05:
                by = ", ".join(
                    f"{place(caller)} {name(caller)} {number / calls.notifications:.1f}"
                    for caller, number in callers[code].most_common(4)
                )
                print(f"{each:8.1f}  {name(code)}  <- {by}")


def place(code: CodeType | None) -> str:
    """Return where a function stands, below the package or in short."""
    if code is None:
        return "-"
    return code.co_filename.removeprefix(PACKAGE + "/").rpartition("python3")[2]


def name(code: CodeType | None) -> str:
    """Return a function's name, with its class from Python 3.11 on."""
    return "" if code is None else getattr(code, "co_qualname", code.co_name)


if __name__ == "__main__":
    main()
