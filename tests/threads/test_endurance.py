"""What a long-running program does: nothing piles up, and five streams lose nothing."""

from __future__ import annotations

import gc

import _bleio
import pytest

from support.pair import connect, current, make, until

READ_NOTIFY = _bleio.Characteristic.READ | _bleio.Characteristic.NOTIFY
SPARE_OBJECTS = 200  # caches that fill at their own time; a leak of one link alone is more


@pytest.fixture
def served():
    """A peripheral and the characteristic that it notifies."""
    peripheral = _bleio.Adapter("virtual")
    with current(peripheral):
        service = _bleio.Service(_bleio.UUID(0x180F))
    yield peripheral, make(service, properties=READ_NOTIFY, max_length=200)
    peripheral.enabled = False


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def test_links_and_scans_leave_nothing_behind(served) -> None:
    peripheral, local = served
    central = _bleio.Adapter("virtual")

    def use_a_link() -> None:
        pair = connect(central, peripheral)
        remote = pair.remote(local)
        heard = _bleio.CharacteristicBuffer(remote, timeout=10)
        remote.set_cccd(notify=True)
        local.value = b"value"
        assert heard.read(5) == b"value"
        pair.outgoing.disconnect()
        until(lambda: not peripheral.connected and not central.connected)

    def advertise_and_scan() -> None:
        peripheral.start_advertising(b"\x02\x01\x06")
        central.start_scan()
        central.stop_scan()
        peripheral.stop_advertising()

    for act, times in ((use_a_link, 8), (advertise_and_scan, 100)):
        act()
        act()
        before = objects()
        for _ in range(times):
            act()
        assert objects() - before < SPARE_OBJECTS
    central.enabled = False


def test_five_streams_at_once_lose_nothing(served) -> None:
    peripheral, local = served
    centrals = [_bleio.Adapter("virtual") for _ in range(5)]
    buffers = []
    for central in centrals:
        remote = connect(central, peripheral).remote(local)
        buffers.append(_bleio.CharacteristicBuffer(remote, buffer_size=100_000, timeout=10))
        remote.set_cccd(notify=True)
    packets = [number.to_bytes(2, "big") + bytes(98) for number in range(200)]
    for packet in packets:
        local.value = packet
    for buffer in buffers:
        assert buffer.read(100 * len(packets)) == b"".join(packets)
    for central in centrals:
        central.enabled = False
