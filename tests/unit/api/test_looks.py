"""Whoever spins on what others change must look by the session, or simulated time stands still."""

from __future__ import annotations

from typing import Any

import pytest

from bleio import api
from bleio.api import (
    UUID,
    Adapter,
    Characteristic,
    CharacteristicBuffer,
    Descriptor,
    PacketBuffer,
    Service,
)
from bleio.core.codes import Properties
from support.api_bench import Bench

# What others can change, and so a program may spin on.
LIVE = {
    "Adapter": {"enabled", "advertising", "connected", "connections"},
    "Characteristic": {"value"},
    "CharacteristicBuffer": {"in_waiting"},
    "Connection": {"connected", "paired", "connection_interval", "max_packet_length"},
    "Descriptor": {"value"},
    "PacketBuffer": {"incoming_packet_length", "outgoing_packet_length", "packet_size"},
}
# What only the program itself changes, or nobody.
STILL = {
    "Adapter": {"address", "name", "pairing_delegate", "security"},
    "Address": {"address_bytes", "type"},
    "Characteristic": {"descriptors", "max_length", "properties", "service", "uuid"},
    "Descriptor": {"characteristic", "uuid"},
    "PairingRequest": set(),
    "ScanEntry": {"address", "advertisement_bytes", "connectable", "rssi", "scan_response"},
    "Service": {"characteristics", "remote", "secondary", "uuid"},
    "UUID": {"size", "uuid128", "uuid16"},
}


def properties_of(name: str) -> set[str]:
    cls = getattr(api, name)
    members = vars(cls).items()
    return {key for key, value in members if isinstance(value, property) and key[0] != "_"}


@pytest.mark.parametrize("name", sorted(set(api.__all__) - {"current_adapter", "set_adapter"}))
def test_every_property_is_either_live_or_not(name: str) -> None:
    assert properties_of(name) == LIVE.get(name, set()) | STILL.get(name, set())


class Looked:
    """A bench whose session counts looks, with an object of every class that has live ones."""

    def __init__(self, bench: Bench, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        monkeypatch.setattr(bench.session.engine, "look", self._look)
        adapter = Adapter("virtual")
        monkeypatch.setitem(adapter._sessions, None, bench.session)
        both = Characteristic.NOTIFY | Characteristic.WRITE
        local = Characteristic.add_to_service(service, UUID(0x2A19), properties=both)
        link = bench.connect()
        remote = bench.remote(link, Properties.NOTIFY | Properties.WRITE)
        self.objects: dict[str, list[Any]] = {
            "Adapter": [adapter],
            "Characteristic": [local],
            "CharacteristicBuffer": [CharacteristicBuffer(local), CharacteristicBuffer(remote)],
            "Connection": [bench.connection(link)],
            "Descriptor": [Descriptor.add_to_characteristic(local, UUID(0x2908))],
            "PacketBuffer": [
                PacketBuffer(local, buffer_size=1),
                PacketBuffer(remote, buffer_size=1),
            ],
        }

    def _look(self) -> None:
        self.looks += 1


@pytest.fixture
def looked(bench: Bench, service: Service, monkeypatch: pytest.MonkeyPatch) -> Looked:
    return Looked(bench, service, monkeypatch)


@pytest.mark.parametrize(
    ("name", "member"), [(name, member) for name in LIVE for member in sorted(LIVE[name])]
)
def test_a_live_property_looks(looked: Looked, name: str, member: str) -> None:
    for each in looked.objects[name]:
        before = looked.looks
        getattr(each, member)
        assert looked.looks > before, each


def test_what_a_packet_buffer_gives_at_once_is_a_look_too(looked: Looked) -> None:
    for buffer in looked.objects["PacketBuffer"]:
        before = looked.looks
        assert buffer.readinto(bytearray(20)) == 0
        assert looked.looks > before
    before = looked.looks
    assert looked.objects["PacketBuffer"][0].write(b"to nobody") == 0
    assert looked.looks > before
