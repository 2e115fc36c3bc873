"""The program of the host's target: it calls the backend at any time, and gives up at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.core.address import DeviceAddress
from bleio.core.pairing import IoCapability, PairingMethod, SecuritySettings
from bleio.errors import InnerError
from bleio.gatt.model import LocalCharacteristic, RemoteCharacteristic
from fuzz.decisions import Decisions
from fuzz.wire import OWN, WiredBackend
from support.hci.engine import Engine
from support.records import at
from support.victim import Asked

MAX_CALLS = 12  # under way at a time
OTHER = DeviceAddress(b"\1\2\3\4\5\xc1", random=True)

Call = Coroutine[Any, Any, Any]


class Program:
    """What it has called and what came of it: a result, or an error that it may have."""

    def __init__(
        self,
        random: Decisions,
        backend: WiredBackend,
        engine: Engine,
        own: LocalCharacteristic,
        peers: list[DeviceAddress],
    ) -> None:
        self.random = random
        self.backend = backend
        self.engine = engine
        self.own = own
        self.peers = peers
        self.found: list[RemoteCharacteristic] = [at(3), at(9)]
        self.surprises: list[Exception] = []
        self.calls: set[asyncio.Task[Any]] = set()

    def acts(self) -> None:
        """Call something, or cancel a call."""
        if len(self.calls) >= MAX_CALLS or (self.calls and self.random.random() < 0.1):
            self.random.choice(sorted(self.calls, key=_name)).cancel()
            return
        actions = LINK if self.engine.links and self.random.random() < 0.6 else ADAPTER
        task = asyncio.ensure_future(self._may_fail(self.random.choice(actions)(self)))
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)

    async def _may_fail(self, call: Call) -> None:
        try:
            result = await call
        except InnerError:
            return
        except Exception as error:
            self.surprises.append(error)
            return
        if isinstance(result, list):
            self.found += [each for service in result for each in service.characteristics]
            del self.found[:-20]

    async def ends(self) -> None:
        """The adapter is closed: nothing goes on without it."""
        if self.calls:
            _, pending = await asyncio.wait(self.calls, timeout=60)
            assert not pending, f"these go on without an adapter: {pending}"
        if self.surprises:
            raise self.surprises[0]

    # The adapter

    def advertise(self) -> Call:
        random = self.random
        parameters = AdvertisingParameters(
            data=self.octets(31),
            scan_response=self.octets(31) if random.random() < 0.3 else b"",
            connectable=random.random() < 0.7,
            directed_to=random.choice((None, None, *self.peers)),
        )
        return self.backend.start_advertising(parameters)

    def stop_advertising(self) -> Call:
        return self.backend.stop_advertising()

    def scan(self) -> Call:
        extended, active = self.random.random() < 0.5, self.random.random() < 0.5
        return self.backend.start_scan(ScanParameters(extended=extended, active=active))

    def stop_scan(self) -> Call:
        return self.backend.stop_scan()

    def connect(self) -> Call:
        return self.backend.connect(self.random.choice(self.peers), self.random.choice((1, 5, 30)))

    def publish(self) -> Call:
        return self.backend.publish(self.own, self.octets(30))

    def change_address(self) -> Call:
        return self.backend.set_address(self.random.choice((OWN, OTHER)))

    def erase_bonds(self) -> Call:
        return self.backend.erase_bonds()

    def local_oob(self) -> Call:
        return self.backend.local_oob()

    def change_settings(self) -> Call:
        random = self.random
        settings = SecuritySettings(
            secure_connections_only=random.random() < 0.2,
            method=random.choice((None, PairingMethod.PASSKEY_ENTRY)),
            private_address=random.random() < 0.5,
        )
        agent = random.choice((None, Asked(IoCapability.KEYBOARD_DISPLAY)))
        return self._set(settings, agent)

    async def _set(self, settings: SecuritySettings, agent: Asked | None) -> None:
        self.backend.settings, self.backend.agent = settings, agent

    # A link

    @property
    def link(self) -> Any:
        return self.random.choice(self.engine.links)

    def discover(self) -> Call:
        return self.link.discover(self.random.choice((None, [b"\x0d\x18"])))

    def read(self) -> Call:
        return self.link.read(self.random.choice(self.found))

    def write(self) -> Call:
        return self.link.write(self.random.choice(self.found), self.octets(40))

    def write_command(self) -> Call:
        signed = self.random.random() < 0.5
        return self.link.write_command(self.random.choice(self.found), self.octets(20), signed)

    def subscribe(self) -> Call:
        return self.link.subscribe(self.random.choice(self.found), True, False)

    def notify(self) -> Call:
        return self.link.notify(self.own, self.octets(30))

    def indicate(self) -> Call:
        return self.link.indicate(self.own, self.octets(30))

    def pair(self) -> Call:
        return self.link.pair()

    def set_interval(self) -> Call:
        return self.link.set_interval(self.random.choice((15_000, 7_500, 4_000_000, 1)))

    def disconnect(self) -> Call:
        return self.link.disconnect()

    def octets(self, most: int) -> bytes:
        return self.random.randbytes(self.random.randrange(most + 1))


def _name(task: asyncio.Task[Any]) -> tuple[int, str]:
    return len(task.get_name()), task.get_name()  # Task-9 before Task-10


ADAPTER = (
    *(Program.advertise, Program.stop_advertising, Program.scan, Program.stop_scan),
    *(Program.connect, Program.connect, Program.publish, Program.change_address),
    *(Program.erase_bonds, Program.local_oob, Program.change_settings),
)
LINK = (
    *(Program.discover, Program.read, Program.write, Program.write_command, Program.subscribe),
    *(Program.notify, Program.indicate, Program.pair, Program.set_interval, Program.disconnect),
)
