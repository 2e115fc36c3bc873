"""A client as adafruit_ble_apple_media is one: the phone connects to it and is its server.

The library itself looks descriptors up in a way that only CircuitPython allows, so its use of
`_bleio` is played here. It has two packet buffers, of 1 and of 8 packets, on encrypted
characteristics that are written and notify. It writes what it wants to hear of, and then polls.
"""

from __future__ import annotations

import _bleio
import pytest
from _bleio import UUID, Attribute, Characteristic, PacketBuffer, Service

from support.pair import Pair, current, make, until

BOTH_WAYS = Characteristic.WRITE | Characteristic.NOTIFY
ENCRYPTED = dict(
    properties=BOTH_WAYS,
    read_perm=Attribute.ENCRYPT_NO_MITM,
    write_perm=Attribute.ENCRYPT_NO_MITM,
    max_length=512,
)
MEDIA_SERVICE = UUID("89d3502b-0f36-433a-8ef4-c502ad55f8dc")
REMOTE_COMMAND = "9b3c81d8-57b1-4a8a-b8df-0e56f7ca51c2"
ENTITY_UPDATE = "2f7cabce-808d-411f-9a0c-bb92ba96cad1"
PLAY, TRACK, TITLE = 0, 2, 2


class Phone:
    """Serves what plays, to one client."""

    def __init__(self, adapter: _bleio.Adapter) -> None:
        with current(adapter):
            service = Service(MEDIA_SERVICE)
            self.command = make(service, REMOTE_COMMAND, **ENCRYPTED)
            self.update = make(service, ENTITY_UPDATE, **ENCRYPTED)
        self._written = {
            each: PacketBuffer(each, buffer_size=4) for each in (self.command, self.update)
        }

    def takes(self, characteristic: Characteristic, expected: bytes) -> None:
        """Wait for what the client writes."""
        assert next_packet(self._written[characteristic]) == expected

    def plays(self, title: str) -> None:
        """Tell of a track. An update: entity, attribute, flags, value."""
        self.update.value = bytes((TRACK, TITLE, 0)) + title.encode()


@pytest.fixture
def phone(central: _bleio.Adapter) -> Phone:
    return Phone(central)


def next_packet(buffer: PacketBuffer) -> bytes:
    """Poll as the library does, at each look at a property."""
    packet = bytearray(128)
    sizes: list[int] = []
    until(lambda: sizes.append(buffer.readinto(packet)) or sizes[-1])
    return bytes(packet[: sizes[-1]])


def test_a_media_client(phone: Phone, link: Pair) -> None:
    connection = link.incoming
    connection.pair()
    (service,) = connection.discover_remote_services((MEDIA_SERVICE,))
    found = {each.uuid: each for each in service.characteristics}
    command = PacketBuffer(found[UUID(REMOTE_COMMAND)], buffer_size=1)
    updates = PacketBuffer(found[UUID(ENTITY_UPDATE)], buffer_size=8)
    assert command.readinto(bytearray(13)) == updates.readinto(bytearray(128)) == 0

    wanted = bytes((TRACK, 0, 1, TITLE, 3))
    assert updates.write(wanted) == len(wanted)
    phone.takes(phone.update, wanted)
    titles = [f"Track {number}" for number in range(8)]
    for title in titles:
        phone.plays(title)
    assert [next_packet(updates)[3:].decode() for _ in titles] == titles
    assert updates.readinto(bytearray(128)) == 0

    supported = bytes((PLAY, 1, 2))
    phone.command.value = supported
    assert next_packet(command) == supported
    assert command.write(bytes((PLAY,))) == 1
    phone.takes(phone.command, bytes((PLAY,)))
