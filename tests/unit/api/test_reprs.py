"""What objects say of themselves, to people who print them; they wait for nothing."""

from __future__ import annotations

import _bleio
import pytest

from bleio.testing import World

SERVER = """
import time, _bleio
print(_bleio.adapter)
service = _bleio.Service(_bleio.UUID(0x180F))
characteristic = _bleio.Characteristic.add_to_service(
    service, _bleio.UUID(0x2A19), properties=_bleio.Characteristic.NOTIFY, max_length=20
)
packets = _bleio.PacketBuffer(characteristic, buffer_size=1)
print(packets)
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06")
print(_bleio.adapter)
while not _bleio.adapter.connected:
    time.sleep(0.1)
print(_bleio.adapter)
(connection,) = _bleio.adapter.connections
print(connection)
connection.disconnect()
print(connection)
packets.deinit()
print(packets)
_bleio.adapter.enabled = False
print(_bleio.adapter)
"""
CLIENT = """
import _bleio
for entry in _bleio.adapter.start_scan():
    print(entry)
    break
connection = _bleio.adapter.connect(entry.address, timeout=5)
print(connection)
while connection.connected:
    pass
"""


def test_objects_say_what_they_are() -> None:
    with World(seed=1) as world:
        server = world.add(source=SERVER, name="server")
        client = world.add(source=CLIENT, name="client")
        assert repr(world) == "<World seed 1 at 0.000000 s: server, client>"
        world.run()
        own, peer = (
            device.adapter.address.address_bytes[::-1].hex(":") for device in (server, client)
        )
    assert server.text.splitlines() == [
        "<Adapter server not open>",
        "<PacketBuffer of local UUID(0x2a19), no peer>",
        f"<Adapter server {own} advertising>",
        f"<Adapter server {own} 1 link>",
        f"<Connection as peripheral to {peer} not encrypted>",
        f"<Connection as peripheral to {peer} disconnected>",
        "<PacketBuffer of local UUID(0x2a19), deinitialized>",
        "<Adapter server off>",
    ]
    assert client.text.splitlines() == [
        f"<ScanEntry advertisement of {own} at -60 dBm: 020106>",
        f"<Connection as central to {own} not encrypted>",
    ]


def test_an_adapter_of_the_environment_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_ADAPTER", "hci:usb:7")
    assert repr(_bleio.Adapter._by_setting()) == "<Adapter hci:usb:7 not open>"
    assert repr(_bleio.Adapter("virtual:desk")) == "<Adapter virtual:desk not open>"
