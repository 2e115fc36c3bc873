"""A program's view: identities in scans and connections, changing addresses on the air."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import _bleio
import pytest

from bleio.api import SecuritySettings
from support.pair import DEADLINE_S, connect, current, make, until

PRIVATE = SecuritySettings(private_address=True, rotation_s=1)


@pytest.fixture
def adapters() -> Iterator[tuple[_bleio.Adapter, _bleio.Adapter]]:
    pair = _bleio.Adapter("virtual"), _bleio.Adapter("virtual")
    yield pair
    for adapter in pair:
        adapter.enabled = False


def heard(adapter: _bleio.Adapter) -> _bleio.Address:
    """The address of the next advertiser that can be connected to."""
    for entry in adapter.start_scan(timeout=DEADLINE_S):
        if entry.connectable:
            adapter.stop_scan()
            return entry.address
    raise AssertionError("nobody was heard")


def test_addresses_in_scans(adapters: tuple[_bleio.Adapter, _bleio.Adapter]) -> None:
    central, peripheral = adapters
    identity = peripheral.address
    for adapter in adapters:
        adapter.security = PRIVATE
    peripheral.start_advertising(b"\x02\x01\x06", interval=0.02)
    address = heard(central)
    assert address.type == address.RANDOM_PRIVATE_RESOLVABLE
    assert peripheral.address == identity
    until(lambda: heard(central) != address, "another address")
    central.connect(heard(central), timeout=DEADLINE_S).pair()
    until(lambda: not peripheral.advertising)
    for connection in central.connections:
        connection.disconnect()
    until(lambda: not peripheral.connected)
    peripheral.start_advertising(b"\x02\x01\x06", interval=0.02)
    assert heard(central) == identity


def test_bonded_programs_and_their_notifications(
    adapters: tuple[_bleio.Adapter, _bleio.Adapter],
) -> None:
    central, peripheral = adapters
    with current(peripheral):
        service = _bleio.Service(_bleio.UUID(0x180F))
        level = make(service, properties=_bleio.Characteristic.NOTIFY, max_length=4)
    for adapter in adapters:
        adapter.security = PRIVATE
    peripheral.start_advertising(b"\x02\x01\x06", interval=0.02)
    central.connect(heard(central), timeout=DEADLINE_S).pair()
    for connection in central.connections:
        connection.disconnect()
    until(lambda: not peripheral.connected)
    for _ in range(2):
        link = connect(central, peripheral)
        until(lambda end=link.incoming: end.paired)
        remote = link.remote(level)
        remote.set_cccd(notify=True)
        packets = _bleio.PacketBuffer(remote, buffer_size=10, max_packet_size=4)
        peripheral.start_advertising(b"", connectable=False, interval=0.02)
        for number in range(30):
            level.value = number.to_bytes(4, "little")
            received = bytearray(4)
            until(partial(packets.readinto, received), "a notification")
            assert int.from_bytes(received, "little") == number
        peripheral.stop_advertising()
        packets.deinit()
        link.outgoing.disconnect()
        until(lambda: not peripheral.connected)
