"""Devices on the radio of this process: one that is looked for, one that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from _bleio import UUID, Adapter, Attribute, Characteristic, Descriptor, Service

from support.awaiting import INDICATE, NO_RESPONSE, NOTIFY, READ, WRITE
from support.two_adapters import central, peripheral, radio

__all__ = ["central", "peripheral", "radio"]

VENDOR = UUID("6e400000-b5a3-f393-e0a9-e50e24dcca00")


def named(name: str) -> bytes:
    """Return advertising data with a complete name."""
    octets = name.encode()
    return b"\x02\x01\x06" + bytes([len(octets) + 1, 9]) + octets


@pytest.fixture
def advertiser() -> Iterator[Callable[..., Adapter]]:
    """Make devices that advertise a name."""
    adapters: list[Adapter] = []

    def make(name: str, **options: object) -> Adapter:
        adapter = Adapter("virtual")
        adapters.append(adapter)
        adapter.start_advertising(named(name), **options)
        return adapter

    yield make
    for each in adapters:
        each.enabled = False


class Strap:
    """A heart-rate strap with values of all kinds, which advertises whenever nobody is there."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        heart, battery, own = Service(UUID(0x180D)), Service(UUID(0x180F)), Service(VENDOR)
        add = Characteristic.add_to_service
        self.pulse = add(heart, UUID(0x2A37), properties=NOTIFY, max_length=20)
        add(heart, UUID(0x2A38), properties=READ, initial_value=b"\x01")
        self.level = add(battery, UUID(0x2A19), properties=READ | NOTIFY, initial_value=b"\x57")
        secret = Attribute.ENCRYPT_NO_MITM
        add(own, vendor(1), properties=READ, initial_value=b"secret", read_perm=secret)
        self.both = add(own, vendor(2), properties=WRITE | NO_RESPONSE, max_length=512)
        self.command = add(own, vendor(3), properties=NO_RESPONSE, max_length=512)
        add(own, vendor(4), properties=READ, initial_value=b"shut", read_perm=Attribute.NO_ACCESS)
        self.indicated = add(own, vendor(5), properties=INDICATE, user_description="Alarms\x1b[31m")
        scaled = add(own, vendor(6), properties=READ, initial_value=b"\x10\x27")
        form = bytes.fromhex("06feaf27010000")
        Descriptor.add_to_characteristic(scaled, UUID(0x2904), initial_value=form)
        add(own, vendor(7), properties=READ, initial_value=b"one")
        add(own, vendor(7), properties=READ, initial_value=b"two")
        self.advertise()

    def advertise(self) -> None:
        self.adapter.start_advertising(named("Strap"), interval=0.02)


def vendor(number: int) -> UUID:
    return UUID(f"6e40{number:04x}-b5a3-f393-e0a9-e50e24dcca00")


@pytest.fixture
def strap(peripheral: Adapter) -> Strap:
    return Strap(peripheral)
