"""What objects say of themselves, to people who print them; they wait for nothing."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import _bleio
import pytest

from bleio import aio
from bleio.api import use_adapter
from bleio.runtime.engine import use_portal
from bleio.runtime.portal import Portal
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
results = _bleio.adapter.start_scan(timeout=0.5)
print(results)
for entry in results:
    print(entry)
    break
_bleio.adapter.stop_scan()
print(repr(results).partition(",")[0])
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
        assert repr(server) == "<Device server running>"
        world.run()
        assert repr(server) == "<Device server off>"
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
        "<ScanResults running, 0 waiting>",
        f"<ScanEntry advertisement of {own} at -60 dBm: 020106>",
        "<ScanResults ended",
        f"<Connection as central to {own} not encrypted>",
    ]


def test_an_adapter_of_the_environment_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_ADAPTER", "hci:usb:7")
    assert repr(_bleio.Adapter._by_setting()) == "<Adapter hci:usb:7 not open>"
    assert repr(_bleio.Adapter("virtual:desk")) == "<Adapter virtual:desk not open>"


def test_a_device_says_how_it_failed() -> None:
    with World(seed=1) as world:
        broken = world.add(source="1 / 0", name="broken")
        with pytest.raises(Exception, match="broken"):
            world.run()
        assert repr(broken) == "<Device broken failed: ZeroDivisionError>"


def test_the_terminal_is_not_written_to_by_a_name() -> None:
    assert repr(_bleio.Adapter("hci:file:\x1b[31m")) == r"<Adapter 'hci:file:\x1b[31m' not open>"


@pytest.mark.parametrize(
    "make",
    [
        lambda: _bleio.Address("no address"),
        lambda: _bleio.UUID("no UUID"),
        lambda: _bleio.Service(1),
        lambda: _bleio.Adapter("nothing"),
        lambda: _bleio.PacketBuffer(1, buffer_size=1),
        lambda: _bleio.CharacteristicBuffer(1),
        _bleio.Connection,
        _bleio.ScanResults,
        _bleio.ScanEntry,
        _bleio.Characteristic,
        _bleio.Descriptor,
    ],
)
def test_what_was_never_made_has_a_repr(make: Any) -> None:
    """A debugger shows it, as does pytest with --showlocals."""
    with pytest.raises((TypeError, ValueError, _bleio.BluetoothError)) as caught:
        make()
    seen = []
    trace = caught.tb
    while trace is not None:
        it = trace.tb_frame.f_locals.get("self") or trace.tb_frame.f_locals.get("cls")
        seen.append(repr(it))
        trace = trace.tb_next
    assert seen
    kind = make if isinstance(make, type) else None
    if kind is not None:
        assert repr(kind.__new__(kind)) == f"<{kind.__name__} that was not made>"


def _two_linked(portal: Portal) -> tuple[Any, ...]:
    """Return what programs have, of a link between two adapters of one process."""
    with use_portal(portal):
        peripheral, central = _bleio.Adapter("virtual"), _bleio.Adapter("virtual")
        with use_adapter(peripheral):
            service = _bleio.Service(_bleio.UUID(0x180D))
            local = _bleio.Characteristic.add_to_service(
                service,
                _bleio.UUID(0x2A37),
                properties=_bleio.Characteristic.NOTIFY | _bleio.Characteristic.READ,
                max_length=20,
            )
        octets = _bleio.CharacteristicBuffer(local, buffer_size=10)
        peripheral.start_advertising(b"\x02\x01\x06")
        connection = central.connect(peripheral.address, timeout=5)
        (remote_service,) = connection.discover_remote_services([_bleio.UUID(0x180D)])
        (remote,) = remote_service.characteristics
        (descriptor,) = remote.descriptors or (None,)
        heard = _bleio.CharacteristicBuffer(remote, buffer_size=10)
        packets = _bleio.PacketBuffer(remote, buffer_size=1)
    made = (peripheral, central, connection, service, local, octets, remote_service, remote)
    return (*made, heard, packets, descriptor)


def test_all_have_a_repr_when_the_engine_has_stopped() -> None:
    portal = Portal()
    things = _two_linked(portal)
    before = [repr(each) for each in things]
    assert before[5] == "<CharacteristicBuffer of local UUID(0x2a37), 0 of 10 octets>"
    assert before[8] == "<CharacteristicBuffer of remote UUID(0x2a37), 0 of 10 octets>"
    assert before[9] == "<PacketBuffer of remote UUID(0x2a37), a peer>"
    portal.stop()
    after = [repr(each) for each in things]
    assert after[2].endswith(" disconnected>")
    assert after[8] == "<CharacteristicBuffer of remote UUID(0x2a37), 0 of 10 octets, disconnected>"
    assert after[9] == "<PacketBuffer of remote UUID(0x2a37), no peer>"
    assert after[0].startswith("<Adapter virtual ")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX only")
def test_all_have_a_repr_in_a_forked_child() -> None:
    portal = Portal()
    things = _two_linked(portal)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        text = "failed"
        try:
            text = "\n".join(repr(each) for each in things)
        finally:
            os.write(writing, text.encode())
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        told = pipe.read().splitlines()
    os.waitpid(child, 0)
    portal.stop()
    assert len(told) == len(things)
    assert told[0].startswith("<Adapter virtual")


def test_what_is_awaited_says_how_far_it_is() -> None:
    portal = Portal()
    try:
        _, central, _, _, _, octets, _, remote, _, packets, _ = _two_linked(portal)

        async def look() -> None:
            scan = aio.scan(central)
            assert repr(scan) == "<Scan not begun>"
            async with scan:
                assert repr(scan).startswith("<Scan running, ")
            assert repr(scan).startswith("<Scan ended, ")
            values = aio.notifications(remote)
            assert repr(values) == "<Values of remote UUID(0x2a37), not begun>"
            async with values:
                assert repr(values) == "<Values of remote UUID(0x2a37), running, 0 waiting>"
            assert repr(values) == "<Values of remote UUID(0x2a37), ended, 0 waiting>"
            subscription = await aio.subscribe(remote, print)
            assert repr(subscription).startswith("<Subscription to <Values of remote ")
            await subscription.end()
            assert repr(aio.lines(octets)) == f"<lines of {octets!r}>"
            assert repr(aio.packets(packets)) == f"<packets of {packets!r}>"
            assert repr(aio.connections(central)) == f"<connections of {central!r}>"

        asyncio.run(look())
    finally:
        portal.stop()
