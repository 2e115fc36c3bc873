"""How much a world carries, beside bumble's own two devices on a simulated link.

    python bench/data.py ours|bumble notifications|reads|writes [COUNT]

Notifications of 244 octets, reads and writes of 100, one after the other, both ends in one process.
Prints how many a second as JSON. What arrives is compared, octet by octet.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

COUNT = 2000
OCTETS = 244

BOTH = """
import time
import _bleio

def numbered(number, octets):
    return number.to_bytes(4, "little") * (octets // 4)
"""

SERVER = f"""{BOTH}
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID(0xFE10))
value = C.add_to_service(service, _bleio.UUID(0xFE11), properties=C.NOTIFY | C.READ | C.WRITE,
                         max_length={OCTETS}, initial_value=numbered(7, 100))
incoming = _bleio.PacketBuffer(value, buffer_size=8)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
while not _bleio.adapter.connected:
    time.sleep(0.01)
"""

CLIENT = f"""{BOTH}
entry = next(iter(_bleio.adapter.start_scan(timeout=10)))
_bleio.adapter.stop_scan()
connection = _bleio.adapter.connect(entry.address, timeout=10)
(service,) = connection.discover_remote_services((_bleio.UUID(0xFE10),))
(value,) = service.characteristics
"""

# What the server does, and what the client does, COUNT times.
WORLDS = {
    "notifications": (
        "time.sleep(2)\n"
        f"for number in range(COUNT):\n    value.value = numbered(number, {OCTETS})\n"
        "time.sleep(10)\n",
        f"buffer = _bleio.PacketBuffer(value, buffer_size=8, max_packet_size={OCTETS})\n"
        f"packet, number = bytearray({OCTETS}), 0\n"
        "while number < COUNT:\n"
        "    if buffer.readinto(packet):\n"
        f"        assert packet == numbered(number, {OCTETS})\n"
        "        number += 1\n",
    ),
    "reads": (
        "time.sleep(1e6)\n",
        "expected = numbered(7, 100)\nfor _ in range(COUNT):\n    assert value.value == expected\n",
    ),
    "writes": (
        "packet, number = bytearray(100), 0\n"
        "while True:\n"
        "    if incoming.readinto(packet):\n"
        "        assert packet == numbered(number, 100)\n"
        "        number += 1\n"
        "    else:\n"
        "        time.sleep(0.01)\n",
        "for number in range(COUNT):\n    value.value = numbered(number, 100)\n",
    ),
}


def numbered(number: int, octets: int) -> bytes:
    """Return other octets for each number."""
    return number.to_bytes(4, "little") * (octets // 4)


def ours(what: str, count: int) -> float:
    """Let two devices of a world do it. Returns: seconds from the connection to the last one."""
    from bleio.testing import World

    server, client = WORLDS[what]
    with World(seed=1) as world:
        world.add(source=f"COUNT = {count}\n{SERVER}{server}", name="server")
        reader = world.add(source=f"COUNT = {count}\n{CLIENT}{client}", name="client")
        world.run(until=lambda: "client" in world.devices and reader.adapter.connected)
        begin = time.perf_counter()
        world.run(until=lambda: not reader.running)
        return time.perf_counter() - begin


async def bumble(what: str, count: int) -> float:
    """Let two devices of bumble do it. Returns: seconds."""
    from bumble.controller import Controller
    from bumble.core import UUID
    from bumble.device import Device, Peer
    from bumble.gatt import Characteristic, Service
    from bumble.hci import Address
    from bumble.host import Host
    from bumble.link import LocalLink
    from bumble.transport.common import AsyncPipeSink

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
        numbered(7, 100),
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
    return float(await globals()[f"bumble_{what}"](server, value, remote, count))


async def bumble_notifications(server: Any, value: Any, remote: Any, count: int) -> float:
    arrived: list[bytes] = []
    await remote.subscribe(arrived.append)
    begin = time.perf_counter()
    for number in range(count):
        await server.notify_subscribers(value, numbered(number, OCTETS))
    while len(arrived) < count:
        await asyncio.sleep(0)
    took = time.perf_counter() - begin
    assert arrived == [numbered(number, OCTETS) for number in range(count)]
    return took


async def bumble_reads(server: Any, value: Any, remote: Any, count: int) -> float:
    expected = numbered(7, 100)
    begin = time.perf_counter()
    for _ in range(count):
        assert await remote.read_value() == expected
    return time.perf_counter() - begin


async def bumble_writes(server: Any, value: Any, remote: Any, count: int) -> float:
    begin = time.perf_counter()
    for number in range(count):
        await remote.write_value(numbered(number, 100), with_response=True)
        assert value.value == numbered(number, 100)
    return time.perf_counter() - begin


def main(whose: str, what: str, count: int = COUNT) -> None:
    """Measure one."""
    took = ours(what, count) if whose == "ours" else asyncio.run(bumble(what, count))
    print(json.dumps({"value": count / took}))


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
