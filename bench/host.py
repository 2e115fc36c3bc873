"""How much the host does by itself, beside bumble's, with a controller that is a script.

    python bench/host.py [ROUNDS]

The controller is another process, behind a Unix socket, for both hosts in the same way: it answers
commands, is the peer of a link, and says what it has to say as fast as it is taken. Measured are
advertising reports to `ScanEntry`, notifications of 244 octets to `PacketBuffer.readinto` and from
`PacketBuffer.write`, and the discovery of 10 services of 10 characteristics. What arrived is
checked, and rounds of both follow each other. Printed are medians by wall clock and by processor
time of the host's process: on a busy machine only the latter says much.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, NamedTuple

from bleio.att.server import AttServer
from bleio.core.codes import Properties
from bleio.core.security import LinkSecurity
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalService
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable
from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller

COUNTS = {"reports": 20_000, "received": 20_000, "sent": 10_000, "discovery": 10}
OCTETS = 244
HANDLE = 0x40
PEER = bytes.fromhex("0605040302c1")


def value(number: int) -> bytes:
    return number.to_bytes(OCTETS, "little")


# The controller's process


class Client:
    """The peer's server reads and changes nothing that is kept for it."""

    link = None

    def cccd(self, characteristic: LocalCharacteristic) -> int:
        return 0

    def set_cccd(self, characteristic: LocalCharacteristic, bits: int) -> None: ...


class Script:
    """A controller with one peer. `said`: what it has to say."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.said: deque[bytes] = deque()
        # Its answers to commands are those of a virtual controller that is alone on its radio.
        self._commands = Controller(Radio(1), self.said.append)
        self.arrived = 0
        server = LocalServer()
        services, each = (10, 10) if what == "discovery" else (1, 1)
        for number in range(services):
            service = LocalService(uuid16(0xFE10 + 0x100 * -number))
            server.add_service(service)
            for index in range(each):
                notify = Properties.NOTIFY | Properties.READ
                characteristic = LocalCharacteristic(uuid16(0xFE11 + index), notify)
                server.add_characteristic(service, characteristic)
        self._server = AttServer(AttributeTable.of(server).database, Client(), LinkSecurity())
        self._value_handle = characteristic.handle
        self._cccd_handle = characteristic.cccd_handle
        self._answer = cache(self._server.answer)

    def received(self, packet: bytes) -> None:
        if packet[0] == 0x02:
            self._pdu_received(packet[9:])
            self.said.append(struct.pack("<BBBBHH", 4, 0x13, 5, 1, HANDLE, 1))
            return
        (opcode,) = struct.unpack_from("<H", packet, 1)
        self._commands.receive(packet)
        if opcode == 0x2042 and packet[4]:  # extended scan enable
            if self.what == "reports":
                self.said.extend(map(self._report, range(COUNTS["reports"])))
            else:
                self.said.append(self._report(0))
        elif opcode == 0x2043:  # extended create connection
            self._connected(role=0)
        elif opcode == 0x2039 and packet[4]:  # extended advertising enable
            self._connected(role=1)
            self.said.append(struct.pack("<BBBBBBHB", 4, 0x3E, 6, 0x12, 0, packet[6], HANDLE, 1))
            self._send(b"\x02\xf7\x00")  # ATT_MTU 247

    def _report(self, number: int) -> bytes:
        address = bytes((number % 50,)) + PEER[1:]
        data = b"\x02\x01\x06\x1a\xff" + number.to_bytes(25, "little")
        fields = (1, 0x10, 1, address, 1, 0, 0xFF, 127, -40, 0, 0, bytes(6), len(data))
        report = struct.pack("<BHB6sBBBbbHB6sB", *fields) + data
        return struct.pack("<BBBB", 4, 0x3E, 1 + len(report), 0x0D) + report

    def _connected(self, role: int) -> None:
        timing = struct.pack("<HHHB", 24, 0, 400, 0)
        event = struct.pack("<BHBB6s12s", 0, HANDLE, role, 1, PEER, bytes(12)) + timing
        self.said.append(struct.pack("<BBBB", 4, 0x3E, 1 + len(event), 0x0A) + event)

    def _send(self, pdu: bytes) -> None:
        head = struct.pack("<BHHHH", 2, HANDLE | 0x2000, len(pdu) + 4, len(pdu), 4)
        self.said.append(head + pdu)

    def _pdu_received(self, pdu: bytes) -> None:
        opcode = pdu[0]
        if opcode == 0x03 and self.what == "sent":  # MTU response: look for the characteristic
            self._send(struct.pack("<BHHH", 0x08, 1, 0xFFFF, 0x2803))
        elif opcode == 0x09:
            self._declarations_received(pdu)
        elif opcode == 0x1B:
            assert pdu[3:] == value(self.arrived), "a value is missing, or is another one"
            self.arrived += 1
            if self.arrived == COUNTS["sent"]:
                self._send(struct.pack("<BH", 0x52, self._value_handle) + b"end")
        elif not opcode & 1:
            answer = self._server.answer(pdu) if opcode == 0x02 else self._answer(pdu)
            assert answer is not None
            self._send(answer)
            if pdu[:3] == struct.pack("<BH", 0x12, self._cccd_handle) and self.what == "received":
                for number in range(COUNTS["received"]):
                    self._send(struct.pack("<BH", 0x1B, self._value_handle) + value(number))

    def _declarations_received(self, pdu: bytes) -> None:
        size = pdu[1]
        for at in range(2, len(pdu), size):
            handle, _, value_handle, uuid = struct.unpack_from("<HBHH", pdu, at)
            if size == 7 and uuid == 0xFE11:
                self._value_handle = value_handle
                self._send(struct.pack("<BHH", 0x12, value_handle + 1, 1))
                return
        self._send(struct.pack("<BHHH", 0x08, handle + 1, 0xFFFF, 0x2803))


def play(what: str, listening: socket.socket) -> None:
    """Be the controller of one host. Process: its own."""
    connection, _ = listening.accept()
    script, line = Script(what), bytearray()
    while octets := connection.recv(65536):
        line += octets
        while len(line) >= 5 or (len(line) == 4 and line[0] == 1):
            size = 4 + line[3] if line[0] == 1 else 5 + (line[3] | line[4] << 8)
            if len(line) < size:
                break
            script.received(bytes(line[:size]))
            del line[:size]
        connection.sendall(b"".join(script.said))
        script.said.clear()


# The hosts


class Took(NamedTuple):
    """Seconds for all of them."""

    wall: float
    processor: float


class Watch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def stop(self) -> Took:
        """Return what has passed."""
        return Took(time.perf_counter() - self._wall, time.process_time() - self._processor)


def ours(what: str, path: str) -> Took:
    """Let our host do it."""
    import _bleio

    adapter = _bleio.Adapter(f"hci:unix:{path}")
    _bleio.set_adapter(adapter)
    adapter.enabled = True
    took: Took = globals()[f"_{what}"](_bleio, adapter)
    adapter.enabled = False
    return took


def _reports(_bleio: Any, adapter: Any) -> Took:
    count = COUNTS["reports"]
    watch = Watch()
    entries = adapter.start_scan(buffer_size=1 << 24, timeout=60)
    for number in range(count):
        assert int.from_bytes(next(entries).advertisement_bytes[5:], "little") == number
    took = watch.stop()
    adapter.stop_scan()
    return took


def _connected(_bleio: Any, adapter: Any) -> Any:
    return adapter.connect(_bleio.Address(PEER, _bleio.Address.RANDOM_STATIC), timeout=10)


def _received(_bleio: Any, adapter: Any) -> Took:
    connection = _connected(_bleio, adapter)
    (service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
    (remote,) = service.characteristics
    watch = Watch()
    count = COUNTS["received"]
    buffer = _bleio.PacketBuffer(remote, buffer_size=count, max_packet_size=OCTETS)
    packet = bytearray(OCTETS)
    number = 0
    while number < count:
        if buffer.readinto(packet):
            assert int.from_bytes(packet, "little") == number
            number += 1
        else:
            time.sleep(0.001)
    return watch.stop()


def _sent(_bleio: Any, adapter: Any) -> Took:
    service = _bleio.Service(_bleio.UUID(0xFE10))
    kinds = _bleio.Characteristic
    local = kinds.add_to_service(
        service,
        _bleio.UUID(0xFE11),
        properties=kinds.NOTIFY | kinds.WRITE_NO_RESPONSE,
        max_length=OCTETS,
    )
    buffer = _bleio.PacketBuffer(local, buffer_size=2, max_packet_size=OCTETS)
    adapter.start_advertising(b"\x02\x01\x06")
    while not buffer.write(value(0)):
        time.sleep(0.01)
    watch = Watch()
    for number in range(1, COUNTS["sent"]):
        assert buffer.write(value(number)) == OCTETS
    packet = bytearray(OCTETS)
    while not buffer.readinto(packet):
        time.sleep(0.0001)
    return watch.stop()


def _discovery(_bleio: Any, adapter: Any) -> Took:
    connection = _connected(_bleio, adapter)
    watch = Watch()
    for _ in range(COUNTS["discovery"]):
        services = connection.discover_remote_services()
        found = [len(service.characteristics) for service in services]
        assert found[-10:] == [10] * 10, found
    return watch.stop()


def bumbles(what: str, path: str) -> Took:
    """Let bumble do it."""
    return asyncio.run(_with_bumble(what, path))


async def _with_bumble(what: str, path: str) -> Took:
    from bumble.device import Device
    from bumble.transport import open_transport

    async with await open_transport(f"unix:{path}") as (source, sink):
        device = Device.with_hci("bench", "C1:00:00:00:00:01", source, sink)
        await device.power_on()
        return await BUMBLE[what](device)


async def _bumble_reports(device: Any) -> Took:
    count, arrived, done = COUNTS["reports"], [0], asyncio.Event()

    def advertisement(each: Any) -> None:
        assert int.from_bytes(each.data_bytes[5:], "little") == arrived[0]
        arrived[0] += 1
        if arrived[0] == count:
            done.set()

    device.on("advertisement", advertisement)
    watch = Watch()
    await device.start_scanning()
    await done.wait()
    return watch.stop()


async def _bumble_peer(device: Any) -> Any:
    from bumble.device import Peer
    from bumble.hci import Address

    connection = await device.connect(Address(PEER, Address.RANDOM_DEVICE_ADDRESS))
    peer = Peer(connection)
    await peer.request_mtu(OCTETS + 3)
    return peer


async def _bumble_received(device: Any) -> Took:
    from bumble.core import UUID

    peer = await _bumble_peer(device)
    await peer.discover_services()
    (service,) = peer.get_services_by_uuid(UUID("FE10"))
    await service.discover_characteristics()
    (remote,) = service.get_characteristics_by_uuid(UUID("FE11"))
    count, arrived, done = COUNTS["received"], [0], asyncio.Event()

    def notified(octets: bytes) -> None:
        assert int.from_bytes(octets, "little") == arrived[0]
        arrived[0] += 1
        if arrived[0] == count:
            done.set()

    watch = Watch()
    await remote.subscribe(notified)
    await done.wait()
    return watch.stop()


async def _bumble_sent(device: Any) -> Took:
    from bumble.core import UUID
    from bumble.gatt import Characteristic, CharacteristicValue, Service

    done, subscribed = asyncio.Event(), asyncio.Event()
    properties = Characteristic.Properties
    local: Any = Characteristic(
        UUID("FE11"),
        properties.NOTIFY | properties.WRITE_WITHOUT_RESPONSE,
        Characteristic.WRITEABLE,
        CharacteristicValue(write=lambda connection, octets: done.set()),
    )
    local.on("subscription", lambda *args: subscribed.set())
    device.add_service(Service(UUID("FE10"), [local]))
    await device.start_advertising()
    await subscribed.wait()
    (connection,) = device.connections.values()
    await device.notify_subscriber(connection, local, value(0))
    watch = Watch()
    for number in range(1, COUNTS["sent"]):
        await device.notify_subscriber(connection, local, value(number))
    await done.wait()
    return watch.stop()


async def _bumble_discovery(device: Any) -> Took:
    peer = await _bumble_peer(device)
    watch = Watch()
    for _ in range(COUNTS["discovery"]):
        await peer.discover_all()
        found = [len(service.characteristics) for service in peer.services]
        assert found[-10:] == [10] * 10, found
    return watch.stop()


BUMBLE: dict[str, Callable[[Any], Coroutine[Any, Any, Took]]] = {
    "reports": _bumble_reports,
    "received": _bumble_received,
    "sent": _bumble_sent,
    "discovery": _bumble_discovery,
}


def measured(host: Callable[[str, str], Took], what: str) -> Took:
    """Return what one host took with a controller of its own."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = os.path.join(folder, "hci")
        listening.bind(path)
        listening.listen()
        controller = multiprocessing.get_context("fork").Process(
            target=play, args=(what, listening), daemon=True
        )
        controller.start()
        try:
            return host(what, path)
        finally:
            controller.terminate()
            controller.join()


def main(rounds: int) -> None:
    """Print the medians of rounds that follow each other, and ours in terms of bumble's."""
    os.environ.setdefault("BLEIO_STATE_DIR", tempfile.mkdtemp())
    for what, count in COUNTS.items():
        took: tuple[list[Took], list[Took]] = [], []
        for _ in range(rounds):
            for host, each in zip((ours, bumbles), took, strict=True):
                each.append(measured(host, what))
        for clock in range(2):
            one, other = (count / statistics.median(each[clock] for each in one) for one in took)
            print(
                f"{what:14} {one:8.0f} a second of {Took._fields[clock]} time,"
                f" bumble {other:8.0f}: {one / other:.2f} x"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
