"""What is given up at any moment, awaited or by Ctrl-C, can be done again, and nothing of it stays.

`tests/unit/backends/test_given_up.py` has the same beneath, command by command; here it is from the
program's side, over each way to a controller. A run gives a call up while the controller keeps its
answer to the first packet back, the next run at the second packet, and so on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest
from _bleio import Adapter, Address, BluetoothError

from bleio import aio
from bleio.runtime.clock import Flag
from bleio.runtime.engine import portal
from support.awaiting import NOTIFY, READ, in_loop, served
from support.hci.held import hold_new
from support.listening import listening_radio
from support.pair import current, until
from support.patience import PATIENCE_S

NOWHERE = Address(bytes.fromhex("0102030405c6"), Address.RANDOM_STATIC)
OTHER = Address(bytes.fromhex("a1a2a3a4a5c6"), Address.RANDOM_STATIC)
FLAGS = b"\x02\x01\x06"
# A link that was given up may come up at the peer, and so end its advertising, just after the test
# has seen it advertise. After this time it is told to advertise again.
TRY_S = 5


class Bench:
    """Two adapters, and what is held between the central and its controller."""

    def __init__(self, radio: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.radio = radio
        self.peripheral = Adapter(radio)
        with current(self.peripheral):
            self.local = served(READ | NOTIFY, initial_value=b"value")
        self.peer = self.peripheral.address
        self.held = hold_new(monkeypatch)
        self.central = Adapter(radio)
        self.scan: Any = None
        self.link: Any = None
        self.found: Any = None

    def on_engine(self, function: Callable[..., Any], *args: Any) -> Any:
        """Do something with what is held."""
        return portal().run(function, *args)

    def engine_goes_on(self) -> None:
        """Let the engine come to what it was told, and to what that leads to."""
        for _ in range(5):
            portal().run(int)

    def agrees(self) -> None:
        """See that the program's address comes to be that of what is open."""
        life = self.central._session.life
        until(lambda: life.backend is None or life.backend.address == life.address)

    def quiet(self) -> None:
        """End all, and see that nothing is left."""
        self.central.enabled = True
        self.central.stop_scan()
        self.central.stop_advertising()
        for connection in self.central.connections:
            connection.disconnect()
        self.peripheral.stop_advertising()
        until(lambda: not self.central.connected and not self.peripheral.connected)
        assert self.on_engine(self.held.on_air.copy) == set()

    def close(self) -> None:
        self.central.enabled = self.peripheral.enabled = False


@pytest.fixture(params=["virtual", "shared", "hci"])
def radio(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "hci":
        with listening_radio() as adapter:
            yield adapter
    else:
        yield "virtual" if request.param == "virtual" else f"virtual:given-up-{os.getpid()}"


@pytest.fixture
def bench(radio: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(radio, monkeypatch)
    yield bench
    bench.close()


# What there is before


def opened(bench: Bench) -> None:
    assert bench.central.address


def scanning(bench: Bench) -> None:
    bench.central.start_scan()


def advertising(bench: Bench) -> None:
    bench.central.start_advertising(FLAGS)


def peer_advertising(bench: Bench) -> None:
    opened(bench)
    advertised(bench)


def linked(bench: Bench) -> None:
    peer_advertising(bench)
    bench.link = bench.central.connect(bench.peer, timeout=PATIENCE_S)
    until(lambda: bench.peripheral.connected)


def discovered(bench: Bench) -> None:
    linked(bench)
    services = bench.link.discover_remote_services()
    found = (each for service in services for each in service.characteristics)
    (bench.found,) = (each for each in found if each.uuid == bench.local.uuid)


def not_open(bench: Bench) -> None:
    bench.central.enabled = False
    bench.central = Adapter(bench.radio)


def off(bench: Bench) -> None:
    bench.central.enabled = False


# What is given up


def advertised(bench: Bench) -> Bench:
    """Have the peer advertise, which a link may have ended that its caller has given up."""
    if not bench.peripheral.advertising:
        bench.peripheral.start_advertising(FLAGS, interval=0.02)
    return bench


def start_scan(bench: Bench) -> None:
    bench.scan = bench.central.start_scan()


async def aio_scan(bench: Bench) -> None:
    await aio.scan(bench.central).__aenter__()


def connect_in_vain(bench: Bench) -> None:
    with pytest.raises(BluetoothError):
        bench.central.connect(NOWHERE, timeout=0.02)


async def aio_connect_in_vain(bench: Bench) -> None:
    with pytest.raises(BluetoothError):
        await aio.connect(bench.central, NOWHERE, timeout=0.02)


def connect(bench: Bench) -> None:
    while True:
        try:
            advertised(bench).central.connect(bench.peer, timeout=TRY_S)
            return
        except BluetoothError:
            if bench.peripheral.advertising:
                raise


async def aio_connect(bench: Bench) -> None:
    while True:
        try:
            await aio.connect(advertised(bench).central, bench.peer, timeout=TRY_S)
            return
        except BluetoothError:
            if bench.peripheral.advertising:
                raise


class Case(NamedTuple):
    before: Callable[[Bench], Any]
    awaited: Callable[[Bench], Awaitable[Any]]
    blocking: Callable[[Bench], Any]


CASES = {
    "scan": Case(opened, aio_scan, start_scan),
    "stop scan": Case(
        scanning,
        lambda bench: aio.stop_scan(bench.central),
        lambda bench: bench.central.stop_scan(),
    ),
    "advertise": Case(
        opened,
        lambda bench: aio.start_advertising(bench.central, FLAGS),
        lambda bench: bench.central.start_advertising(FLAGS),
    ),
    "stop advertising": Case(
        advertising,
        lambda bench: aio.stop_advertising(bench.central),
        lambda bench: bench.central.stop_advertising(),
    ),
    "connect in vain": Case(opened, aio_connect_in_vain, connect_in_vain),
    "connect": Case(
        peer_advertising,
        aio_connect,
        connect,
    ),
    "disconnect": Case(
        linked,
        lambda bench: aio.disconnect(bench.link),
        lambda bench: bench.link.disconnect(),
    ),
    "discover": Case(
        linked,
        lambda bench: aio.discover(bench.link, [bench.local.service.uuid]),
        lambda bench: bench.link.discover_remote_services((bench.local.service.uuid,)),
    ),
    "pair": Case(linked, lambda bench: aio.pair(bench.link), lambda bench: bench.link.pair()),
    "read": Case(
        discovered,
        lambda bench: aio.read(bench.found),
        lambda bench: bench.found.value,
    ),
    "subscribe": Case(
        discovered,
        lambda bench: aio.set_cccd(bench.found, notify=True),
        lambda bench: bench.found.set_cccd(notify=True),
    ),
    "interval": Case(
        linked,
        lambda bench: aio.set_connection_interval(bench.link, 30),
        lambda bench: setattr(bench.link, "connection_interval", 30),
    ),
    "set address": Case(
        opened,
        lambda bench: aio.set_address(bench.central, OTHER),
        lambda bench: setattr(bench.central, "address", OTHER),
    ),
    "open": Case(
        not_open,
        lambda bench: aio.address(bench.central),
        lambda bench: bench.central.address,
    ),
    "enable": Case(
        off,
        lambda bench: aio.enable(bench.central),
        lambda bench: setattr(bench.central, "enabled", True),
    ),
    "disable": Case(
        opened,
        lambda bench: aio.enable(bench.central, False),
        lambda bench: setattr(bench.central, "enabled", False),
    ),
    "address while off": Case(
        lambda bench: (not_open(bench), setattr(bench.central, "enabled", False)),
        lambda bench: aio.address(bench.central),
        lambda bench: bench.central.address,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cancelled_at_each_packet(bench: Bench, name: str) -> None:
    case = CASES[name]

    async def given_up_at(packet: int) -> bool:
        """Returns: whether it takes so many packets."""
        case.before(bench)
        loop, reached = asyncio.get_running_loop(), asyncio.Event()
        bench.on_engine(bench.held.hold_at, packet, lambda: loop.call_soon_threadsafe(reached.set))
        task = asyncio.ensure_future(_awaited(case, bench))
        waiting = asyncio.ensure_future(reached.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        gives_up = not task.done()
        if gives_up:
            task.cancel()
            await asyncio.sleep(0)
            bench.engine_goes_on()
        bench.on_engine(bench.held.release)
        await asyncio.wait({task})
        assert task.cancelled() or not gives_up
        bench.agrees()
        if gives_up and again_makes_sense(bench):
            await case.awaited(bench)
        bench.quiet()
        return gives_up

    @in_loop
    async def run() -> None:
        packet = 1
        while await given_up_at(packet):
            packet += 1

    run()


async def _awaited(case: Case, bench: Bench) -> None:
    await case.awaited(bench)


def again_makes_sense(bench: Bench) -> bool:
    """Whether what was given up can be done again: on a link that has ended meanwhile it cannot."""
    return bench.link is None or bench.link.connected


@pytest.mark.parametrize("name", CASES)
def test_ctrl_c_at_each_packet(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    clock = portal().clock
    wait_for_flag = clock.wait_for_flag
    reached = False

    def interrupted(flag: Flag, timeout_s: float | None = None) -> bool:
        """Wait, but not any more once the packet is held: Ctrl-C was pressed."""
        nonlocal reached
        while not flag.done:
            if reached:
                reached = False
                raise KeyboardInterrupt
            wait_for_flag(flag, 0.005)
        return True

    def hold(packet: int) -> None:
        def when_held() -> None:
            nonlocal reached
            reached = True

        bench.held.hold_at(packet, when_held)

    def given_up_at(packet: int) -> bool:
        case.before(bench)
        bench.on_engine(hold, packet)
        with monkeypatch.context() as patched:
            patched.setattr(clock, "wait_for_flag", interrupted)
            try:
                case.blocking(bench)
                gives_up = False
            except KeyboardInterrupt:
                gives_up = True
        bench.on_engine(bench.held.release)
        bench.agrees()
        if gives_up and again_makes_sense(bench):
            case.blocking(bench)
        bench.quiet()
        return gives_up

    packet = 1
    while given_up_at(packet):
        packet += 1
