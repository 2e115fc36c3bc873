"""A host alone, from HCI bytes: ours or bumble's on a scripted controller (controller.py).

    python bench/host.py ours|bumble reports|received|sent|discovery [COUNT]

Prints how many a second as JSON, by wall clock and by processor time of the host's process: on a
busy machine the latter says more. What arrives is compared, octet by octet; what is sent, by the
controller, which ends the link when all has come.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from controller import OCTETS, PEER, VALUE_UUID, Server, advertisement, value

COUNTS = {"reports": 20_000, "received": 20_000, "sent": 10_000, "discovery": 10}
SHAPES = {"discovery": (10, 10)}
SERVICE_UUID = 0xFE10


class Took(NamedTuple):
    """Seconds for all."""

    wall: float
    processor: float


class Watch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def stop(self) -> Took:
        """Return what has passed."""
        return Took(time.perf_counter() - self._wall, time.process_time() - self._processor)


@contextmanager
def scripted(count: int, *shape: int) -> Iterator[str]:
    """Run a controller in a process of its own. Yields: the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder:
        path = f"{folder}/hci"
        script = str(Path(__file__).with_name("controller.py"))
        command = [sys.executable, script, path, *map(str, (count, *shape))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            try:
                yield path
            finally:
                process.terminate()


def table(shape: tuple[int, int]) -> list[tuple[int, int, int]]:
    """Return service, characteristic and handle of all that the peer has."""
    server, found = Server(*shape), []
    for start, end, uuid in server.groups:
        for handle in range(start + 2, end + 1, 3):
            found.append((int.from_bytes(uuid, "little"), server.table[handle - 1][0], handle))
    return found


# Ours


def our_reports(adapter: Any, count: int) -> Took:
    watch = Watch()
    scan = adapter.start_scan(timeout=60, buffer_size=100 * count, minimum_rssi=-100)
    for number, entry in enumerate(scan):
        address, data, dbm = advertisement(number)
        assert entry.address.address_bytes == address
        assert entry.advertisement_bytes == data
        assert entry.rssi == dbm
        if number == count - 1:
            break
    took = watch.stop()
    adapter.stop_scan()
    return took


def our_peer(adapter: Any) -> Any:
    import _bleio

    return adapter.connect(_bleio.Address(PEER, _bleio.Address.RANDOM_STATIC), timeout=10)


def our_received(adapter: Any, count: int) -> Took:
    import _bleio

    connection = our_peer(adapter)
    (service,) = connection.discover_remote_services()
    (characteristic,) = service.characteristics
    watch = Watch()
    buffer = _bleio.PacketBuffer(characteristic, buffer_size=count, max_packet_size=OCTETS)
    packet, number = bytearray(OCTETS), 0
    while number < count:
        if buffer.readinto(packet):
            assert packet == value(number)
            number += 1
        else:
            time.sleep(0.0005)
    return watch.stop()


def our_sent(adapter: Any, count: int) -> Took:
    import _bleio

    c = _bleio.Characteristic
    characteristic = c.add_to_service(
        _bleio.Service(_bleio.UUID(SERVICE_UUID)),
        _bleio.UUID(VALUE_UUID),
        properties=c.NOTIFY | c.READ,
        max_length=OCTETS,
    )
    buffer = _bleio.PacketBuffer(characteristic, buffer_size=1, max_packet_size=OCTETS)
    adapter.start_advertising(b"\x02\x01\x06", interval=0.02)
    while not buffer.write(value(0)):
        time.sleep(0.0005)
    watch = Watch()
    for number in range(1, count):
        buffer.write(value(number))
    while adapter.connected:
        time.sleep(0.0005)
    return watch.stop()


def our_discovery(adapter: Any, count: int) -> Took:
    import _bleio

    connection = our_peer(adapter)
    expected = [
        (_bleio.UUID(service), _bleio.UUID(characteristic))
        for service, characteristic, _ in table(SHAPES["discovery"])
    ]
    watch = Watch()
    for _ in range(count):
        found = [
            (service.uuid, each.uuid)
            for service in connection.discover_remote_services()
            for each in service.characteristics
            if len(each.descriptors) == 1
        ]
        assert found == expected
    return watch.stop()


def ours(what: str, count: int, path: str) -> Took:
    """Measure our host."""
    import _bleio

    adapter = _bleio.Adapter(f"hci:unix:{path}")
    _bleio.set_adapter(adapter)
    assert adapter.address.type == _bleio.Address.PUBLIC  # it is open now, as bumble's is
    took: Took = globals()[f"our_{what}"](adapter, count)
    return took


# bumble's


async def bumble_reports(device: Any, count: int) -> Took:
    done, number = asyncio.get_running_loop().create_future(), 0

    def heard(advertised: Any) -> None:
        nonlocal number
        address, data, dbm = advertisement(number)
        assert bytes(advertised.address) == address
        assert advertised.data_bytes == data
        assert advertised.rssi == dbm
        number += 1
        if number == count:
            done.set_result(None)

    device.on("advertisement", heard)
    watch = Watch()
    await device.start_scanning()
    await done
    return watch.stop()


async def bumble_peer(device: Any) -> Any:
    from bumble.device import Peer
    from bumble.hci import Address

    connection = await device.connect(Address(PEER, Address.RANDOM_DEVICE_ADDRESS))
    peer = Peer(connection)
    await peer.request_mtu(OCTETS + 3)
    return peer


async def bumble_received(device: Any, count: int) -> Took:
    done, number = asyncio.get_running_loop().create_future(), 0

    def notified(octets: bytes) -> None:
        nonlocal number
        assert octets == value(number)
        number += 1
        if number == count:
            done.set_result(None)

    peer = await bumble_peer(device)
    await peer.discover_all()
    (service,) = peer.services
    (characteristic,) = service.characteristics
    watch = Watch()
    await characteristic.subscribe(notified)
    await done
    return watch.stop()


async def bumble_sent(device: Any, count: int) -> Took:
    from bumble.core import UUID
    from bumble.gatt import Characteristic, Service

    subscribed, ended = (asyncio.get_running_loop().create_future() for _ in range(2))
    properties = Characteristic.Properties.NOTIFY | Characteristic.Properties.READ
    characteristic: Any = Characteristic(
        UUID.from_16_bits(VALUE_UUID), properties, Characteristic.READABLE, b""
    )
    device.add_service(Service(UUID.from_16_bits(SERVICE_UUID), [characteristic]))
    characteristic.on("subscription", lambda *_: subscribed.set_result(None))
    device.on("connection", lambda each: each.on("disconnection", ended.set_result))
    await device.start_advertising()
    await subscribed
    await asyncio.sleep(0.1)
    await device.notify_subscribers(characteristic, value(0))
    watch = Watch()
    for number in range(1, count):
        await device.notify_subscribers(characteristic, value(number))
    await ended
    return watch.stop()


async def bumble_discovery(device: Any, count: int) -> Took:
    from bumble.core import UUID

    peer = await bumble_peer(device)
    expected = [
        (UUID.from_16_bits(service), UUID.from_16_bits(characteristic), handle)
        for service, characteristic, handle in table(SHAPES["discovery"])
    ]
    watch = Watch()
    for _ in range(count):
        await peer.discover_all()
        found = [
            (service.uuid, each.uuid, each.handle)
            for service in peer.services
            for each in service.characteristics
            if len(each.descriptors) == 1
        ]
        assert found == expected
    return watch.stop()


async def bumble(what: str, count: int, path: str) -> Took:
    """Measure bumble's host."""
    from bumble.device import Device
    from bumble.hci import Address
    from bumble.transport import open_transport

    async with await open_transport(f"unix:{path}") as transport:
        address = Address("C1:00:00:00:00:01")
        device = Device.with_hci("bench", address, transport.source, transport.sink)
        await device.power_on()
        took: Took = await globals()[f"bumble_{what}"](device, count)
        return took


def main(whose: str, what: str, count: int = 0) -> None:
    """Measure one."""
    count = count or COUNTS[what]
    with scripted(count, *SHAPES.get(what, ())) as path:
        took = (
            ours(what, count, path) if whose == "ours" else asyncio.run(bumble(what, count, path))
        )
    print(json.dumps({"value": count / took.wall, "by_processor": count / took.processor}))


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
