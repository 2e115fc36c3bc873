"""How much a world carries: values a second, beside bumble's own two devices on a simulated link.

    python bench/data.py [ROUNDS]

Notifications of 244 octets, reads and writes of 100, one after the other, both ends in one process,
with what arrived checked. Rounds of both follow each other, and medians are printed, by wall clock
and by processor time: on a busy machine only the latter says much.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.gatt import Characteristic, Service
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from bleio.testing import World

COUNT = 1000
OCTETS = 244

SERVER = f"""
import time
import _bleio
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID(0xFE10))
value = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.NOTIFY | C.READ | C.WRITE,
                         max_length={OCTETS}, initial_value=bytes(100))
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while not _bleio.adapter.connected:
    time.sleep(0.01)
time.sleep(2)
"""

CLIENT = """
import _bleio
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
"""

# What the server does, and what the client does.
WORLDS = {
    "notifications": (
        f"for number in range({COUNT}):\n    value.value = number.to_bytes({OCTETS}, 'little')\n"
        "time.sleep(10)\n",
        f"buffer = _bleio.PacketBuffer(value, buffer_size=8, max_packet_size={OCTETS})\n"
        f"packet, count = bytearray({OCTETS}), 0\n"
        f"while count < {COUNT}:\n"
        "    if buffer.readinto(packet):\n"
        "        assert int.from_bytes(packet, 'little') == count\n"
        "        count += 1\n",
    ),
    "reads": (
        "time.sleep(1e6)\n",
        f"for _ in range({COUNT}):\n    assert len(value.value) == 100\n",
    ),
    "writes": ("time.sleep(1e6)\n", f"for _ in range({COUNT}):\n    value.value = bytes(100)\n"),
}


class Took(NamedTuple):
    """Seconds for `COUNT` of them."""

    wall: float
    processor: float


class Watch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def stop(self) -> Took:
        """Return what has passed."""
        return Took(time.perf_counter() - self._wall, time.process_time() - self._processor)


def in_world(what: str) -> Took:
    """Let two devices of a world do it."""
    server, client = WORLDS[what]
    with World(seed=1) as world:
        world.add(source=SERVER + server, name="server")
        reader = world.add(source=CLIENT + client, name="client")
        world.run(until=lambda: "client" in world.devices and reader.adapter.connected)
        watch = Watch()
        world.run(until=lambda: not reader.running)
        return watch.stop()


async def _with_bumble(what: str) -> Took:
    link = LocalLink()
    devices = []
    for number in (1, 2):
        address = Address(f"C{number}:00:00:00:00:0{number}")
        controller = Controller(f"controller {number}", link=link)
        controller.le_acl_data_packet_length = 251  # as ours; by default a value takes ten packets
        devices.append(Device(address=address, host=Host(controller, AsyncPipeSink(controller))))
    server, client = devices
    properties = Characteristic.Properties
    value: Any = Characteristic(
        UUID("FE11"),
        properties.NOTIFY | properties.READ | properties.WRITE,
        Characteristic.READABLE | Characteristic.WRITEABLE,
        bytes(100),
    )
    server.add_service(Service(UUID("FE10"), [value]))
    for device in devices:
        await device.power_on()
    await server.start_advertising()
    connection = await client.connect(server.random_address)
    peer = Peer(connection)
    await peer.request_mtu(OCTETS + 3)
    await peer.discover_services()
    (service,) = peer.get_services_by_uuid(UUID("FE10"))
    await service.discover_characteristics()
    (remote,) = service.get_characteristics_by_uuid(UUID("FE11"))
    return await BUMBLE[what](server, value, remote)


async def _notifications(server: Device, value: Any, remote: Any) -> Took:
    arrived: list[int] = []
    await remote.subscribe(lambda octets: arrived.append(int.from_bytes(octets, "little")))
    watch = Watch()
    for number in range(COUNT):
        await server.notify_subscribers(value, number.to_bytes(OCTETS, "little"))
    while len(arrived) < COUNT:
        await asyncio.sleep(0)
    took = watch.stop()
    assert arrived == list(range(COUNT))
    return took


async def _reads(server: Device, value: Any, remote: Any) -> Took:
    watch = Watch()
    for _ in range(COUNT):
        assert len(await remote.read_value()) == 100
    return watch.stop()


async def _writes(server: Device, value: Any, remote: Any) -> Took:
    watch = Watch()
    for _ in range(COUNT):
        await remote.write_value(bytes(100), with_response=True)
    return watch.stop()


BUMBLE: dict[str, Callable[[Device, Any, Any], Coroutine[Any, Any, Took]]] = {
    "notifications": _notifications,
    "reads": _reads,
    "writes": _writes,
}


def with_bumble(what: str) -> Took:
    """Let two devices of bumble do it."""
    return asyncio.run(_with_bumble(what))


def main(rounds: int) -> None:
    """Print the medians of rounds that follow each other, and ours in terms of bumble's."""
    for what in WORLDS:
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(in_world(what))
            theirs.append(with_bumble(what))
        for clock in range(2):
            one, other = (
                COUNT / statistics.median(took[clock] for took in each) for each in (ours, theirs)
            )
            print(
                f"{what:14} {one:7.0f} a second of {Took._fields[clock]} time,"
                f" bumble {other:7.0f}: {one / other:.2f} x"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
