"""GATT where packets get lost: all arrives, in order, once, or the link drops and says so."""

from __future__ import annotations

import pytest

from bleio.testing import World

COUNT = 12
SERVICE, WRITTEN, NOTIFIED, INDICATED = 0xFE10, 0xFE11, 0xFE12, 0xFE13

SERVER = f"""
import _bleio
C = _bleio.Characteristic
service = _bleio.Service(_bleio.UUID({SERVICE}))
def add(uuid, properties):
    return C.add_to_service(service, _bleio.UUID(uuid), properties=properties, max_length=20)
written = add({WRITTEN}, C.WRITE)
notified = add({NOTIFIED}, C.NOTIFY)
indicated = add({INDICATED}, C.INDICATE)
incoming = _bleio.PacketBuffer(written, buffer_size={COUNT})
packet = bytearray(20)
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.02)
    length = incoming.readinto(packet)
    if length:
        print(packet[:length].decode())
        notified.value = packet[:length]
        indicated.value = packet[:length]
"""

CLIENT = f"""
import time
import _bleio
def connect():
    for entry in _bleio.adapter.start_scan(timeout=20):
        if entry.connectable:
            break
    _bleio.adapter.stop_scan()
    return _bleio.adapter.connect(entry.address, timeout=10)
def talk(connection):
    (service,) = connection.discover_remote_services((_bleio.UUID({SERVICE}),))
    by_uuid = {{each.uuid: each for each in service.characteristics}}
    buffers = {{}}
    for uuid in ({NOTIFIED}, {INDICATED}):
        buffers[uuid] = _bleio.PacketBuffer(by_uuid[_bleio.UUID(uuid)], buffer_size={COUNT})
    for index in range({COUNT}):
        by_uuid[_bleio.UUID({WRITTEN})].value = b"%d" % index
        print("written", index)
    end = time.monotonic() + 20
    counts = dict.fromkeys(buffers, 0)
    packet = bytearray(20)
    while min(counts.values()) < {COUNT} and time.monotonic() < end:
        for uuid, buffer in buffers.items():
            length = buffer.readinto(packet)
            if length:
                counts[uuid] += 1
                print(uuid, packet[:length].decode())
try:
    connection = connect()
    talk(connection)
    print("all", connection.connected)
except (ConnectionError, _bleio.BluetoothError) as error:
    print("lost", type(error).__name__, error)
"""


def numbers(text: str, begin: str) -> list[int]:
    """What follows `begin` in the lines that have it."""
    lines = [line.removeprefix(begin) for line in text.splitlines() if line.startswith(begin)]
    return [int(line) for line in lines]


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.35])
@pytest.mark.parametrize("seed", range(6))
def test_all_arrives_in_order_once_or_the_link_drops(seed: int, loss: float) -> None:
    with World(seed=seed, loss=loss) as world:
        server, client = world.add(source=SERVER), world.add(source=CLIENT)
        world.run(until=lambda: not client.running, within_s=200)
        text, served = client.text, [int(line) for line in server.text.splitlines()]
        written = numbers(text, "written ")
        notified, indicated = numbers(text, f"{NOTIFIED} "), numbers(text, f"{INDICATED} ")
        for arrived in (written, served, notified, indicated):
            assert arrived == list(range(len(arrived)))
        assert len(served) >= len(written)
        if "lost" not in text:
            assert text.endswith("all True\n")
            assert len(written) == len(served) == len(notified) == len(indicated) == COUNT


def test_with_a_fifth_lost_all_of_it_arrives() -> None:
    with World(seed=4, loss=0.2) as world:
        world.add(source=SERVER)
        client = world.add(source=CLIENT)
        world.run(until=lambda: not client.running, within_s=200)
        assert client.text.endswith("all True\n"), client.text
