"""What is counted on a scripted controller; see budget.py."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from profile_calls import Cost, Profile

ENOUGH = 1_000  # notifications


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

    script = Script(count=ENOUGH)
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
    numbers = iter(range(ENOUGH))
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


def on_script(what: str, profile: Profile, times: int) -> Cost:
    """Count on a scripted controller."""
    script, act = SCRIPTS[what]()
    now_s = script.loop.time()
    script.loop.time = lambda: now_s  # no timer ends between two
    for counting in (False, True):
        if counting:
            profile.begin()
        for _ in range(times):
            act()
            script.settle()
    profile.end()
    del script.loop.time
    script.adapter.enabled = False
    return profile.cost(times)
