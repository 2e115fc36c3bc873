"""Our peripheral on BlueZ against our central on the radio.

Kernel and bluetoothd are Debian's, in a machine of the tests' own whose controller is the radio's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bleio.backends.base import Link
from bleio.backends.hci import HciBackend
from bleio.backends.os import OsBackend
from bleio.backends.os.bluez.system import BlueZ
from bleio.core.codes import AttErrorCode, Properties as P, SecurityMode as M
from bleio.core.uuid import uuid16
from bleio.errors import AttError, ControllerLost, InnerError
from bleio.gatt.model import (
    LocalCharacteristic,
    LocalDescriptor,
    LocalService,
    RemoteCharacteristic,
)
from support.bluez.loops import in_loop
from support.hci.engine import Heard, until
from support.hci.world import FLAGS, Device
from support.stacks import bluez_image
from support.stacks.kept import kept
from support.stacks.machine import Machine

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SERVICE = uuid16(0xA000)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """The machine, with bluetoothd's experimental parts, and the radio that it is on."""
    if reason := bluez_image.missing():
        pytest.skip(reason)
    of = kept()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(of.folder))
    said = len(of.machine.log)
    try:
        yield of.machine
    finally:
        print(of.machine.log[said:])  # for a test that fails
        asyncio.run(of.reset())


class Bench:
    """A peripheral on BlueZ, and centrals on the radio."""

    def __init__(self) -> None:
        self.peripheral = Device(OsBackend(BlueZ()))
        self.centrals: list[Device] = []

    async def central(self) -> Device:
        device = Device(HciBackend("virtual:kept"))
        await device.open("central")
        self.centrals.append(device)
        return device

    async def advertise(self, **parameters: Any) -> None:
        await self.peripheral.advertise(**parameters)

    async def connect(self, central: Device | None = None) -> tuple[Device, Link]:
        """Connect a central, a new one by default. Returns: it, and its end of the link."""
        await self.advertise()
        central = central or await self.central()
        link, _ = await central.connect(self.peripheral)
        return central, link

    def offer(self, *properties: P, **how: Any) -> list[LocalCharacteristic]:
        """Offer a service with a characteristic for each of the properties."""
        service = LocalService(SERVICE)
        self.peripheral.engine.server.add_service(service)
        made = []
        for number, each in enumerate(properties):
            uuid = uuid16(0xA001 + number)
            characteristic = LocalCharacteristic(uuid, each, max_length=512, **how)
            characteristic.listeners.append(Heard())
            self.peripheral.engine.server.add_characteristic(service, characteristic)
            made.append(characteristic)
        return made

    async def close(self) -> None:
        for device in [*self.centrals, self.peripheral]:
            await device.backend.close()


@asynccontextmanager
async def opened() -> AsyncIterator[Bench]:
    bench = Bench()
    await bench.peripheral.open("peripheral")
    try:
        yield bench
    finally:
        await bench.close()


async def found(link: Link) -> list[RemoteCharacteristic]:
    (service,) = await link.discover([SERVICE])
    return service.characteristics


def heard_by(characteristic: LocalCharacteristic) -> Heard:
    listener = characteristic.listeners[0]
    assert isinstance(listener, Heard)
    return listener


async def subscribed(
    link: Link, remote: RemoteCharacteristic, local: LocalCharacteristic, indicate: bool = False
) -> Heard:
    """Subscribe, and wait until bluetoothd has told it. Returns: what the central hears."""
    heard = Heard()
    link.listen(remote, heard)
    before = len(heard_by(local).subscriptions)
    await link.subscribe(remote, notify=not indicate, indicate=indicate)
    await until(lambda: len(heard_by(local).subscriptions) > before)
    return heard


@in_loop
async def test_values_of_all_lengths_and_kinds(machine: Machine) -> None:
    async with opened() as bench:
        value, command, dynamic = bench.offer(
            P.READ | P.WRITE, P.WRITE_WITHOUT_RESPONSE, P.READ, value=b"at first"
        )
        dynamic.dynamic_value = iter([b"1" * 600, b"2" * 300]).__next__
        note = LocalDescriptor(uuid16(0x2901), value=b"a note" * 20, max_length=200)
        bench.peripheral.engine.server.add_descriptor(value, note)
        _, link = await bench.connect()
        remote, remote_command, remote_dynamic = await found(link)
        assert (remote.handle, remote.uuid) == (value.handle, value.uuid)
        assert await link.read(remote) == b"at first"
        for octets in (0, 20, 300, 500):
            sent = bytes(index & 0xFF for index in range(octets))
            await link.write(remote, sent)
            assert value.value == heard_by(value).values[-1] == sent
            assert await link.read(remote) == sent
        assert await link.read(remote_dynamic) == b"1" * 512
        assert await link.read(remote_dynamic) == b"2" * 300
        (descriptor,) = [each for each in remote.descriptors if each.uuid == uuid16(0x2901)]
        assert await link.read(descriptor) == note.value
        await link.write(descriptor, b"another note")
        assert note.value == b"another note"
        # The kernel drops commands that come faster than bluetoothd takes them.
        for number in range(30):
            await link.write_command(remote_command, bytes([number]))
        await until(lambda: len(heard_by(command).values) == 30)
        assert heard_by(command).values == [bytes([number]) for number in range(30)]
        value.max_length = 3
        with pytest.raises(AttError) as caught:
            await link.write(remote, b"long")
        assert caught.value.code == AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH


@in_loop
async def test_values_for_several_clients(machine: Machine) -> None:
    async with opened() as bench:
        notified, indicated = bench.offer(P.READ | P.NOTIFY, P.INDICATE)
        links = [(await bench.connect())[1] for _ in range(3)]
        remotes = [await found(link) for link in links]
        heard = [Heard() for _ in links]
        for link, (remote, _), each in zip(links, remotes, heard, strict=True):
            link.listen(remote, each)
        for link, (remote, _) in zip(links[:2], remotes[:2], strict=True):
            await link.subscribe(remote, notify=True, indicate=False)
        await until(lambda: heard_by(notified).subscriptions == [(True, False)])
        values = [bytes([number]) * 20 for number in range(50)]
        for value in values:
            await bench.peripheral.backend.publish(notified, value)
        await until(lambda: [len(each.values) for each in heard] == [50, 50, 0])
        assert heard[0].values == heard[1].values == values
        confirmed = await subscribed(links[2], remotes[2][1], indicated, indicate=True)
        for value in values[:5]:
            await bench.peripheral.backend.publish(indicated, value)
            assert confirmed.values[-1] == value
        for link in links:
            await link.disconnect()
        await until(lambda: heard_by(notified).closed)
        assert heard_by(notified).subscriptions == [(True, False), (False, False)]


@in_loop
async def test_ten_thousand_notifications(machine: Machine) -> None:
    async with opened() as bench:
        (characteristic,) = bench.offer(P.NOTIFY)
        _, link = await bench.connect()
        (remote,) = await found(link)
        heard = await subscribed(link, remote, characteristic)
        values = [number.to_bytes(4, "little") * 5 for number in range(10_000)]
        for value in values:
            await bench.peripheral.backend.publish(characteristic, value)
        await until(lambda: len(heard.values) == len(values))
        assert heard.values == values


@in_loop
async def test_permissions_and_a_bond(machine: Machine) -> None:
    async with opened() as bench:
        secret, closed = bench.offer(P.READ | P.NOTIFY, P.READ, read_perm=M.ENCRYPT_NO_MITM)
        closed.read_perm = M.NO_ACCESS
        central, link = await bench.connect()
        remote, remote_closed = await found(link)
        for each, code in (
            (remote, AttErrorCode.INSUFFICIENT_ENCRYPTION),
            (remote_closed, AttErrorCode.READ_NOT_PERMITTED),
        ):
            with pytest.raises(AttError) as caught:
                await link.read(each)
            assert caught.value.code == code
        await link.pair()
        assert await link.read(remote) == b""
        await subscribed(link, remote, secret)
        await link.disconnect()
        await until(lambda: heard_by(secret).subscriptions == [(True, False), (False, False)])
        # BlueZ has kept what the bonded client wanted, and says nothing of it.
        _, link = await bench.connect(central)
        await link.pair()
        (remote, _), heard = await found(link), Heard()
        link.listen(remote, heard)
        await until(lambda: heard_by(secret).subscriptions[-1] == (True, False))
        await bench.peripheral.backend.publish(secret, b"again")
        await until(lambda: heard.values == [b"again"])
        await bench.peripheral.backend.erase_bonds()
        await until(lambda: not link.connected)


@in_loop
async def test_the_table_changes_while_a_client_is_there(machine: Machine) -> None:
    async with opened() as bench:
        (characteristic,) = bench.offer(P.READ | P.NOTIFY)
        _, link = await bench.connect()
        (remote,) = await found(link)
        heard = await subscribed(link, remote, characteristic)
        server = bench.peripheral.engine.server
        other = LocalService(uuid16(0xB000))
        server.add_service(other)
        added = LocalCharacteristic(uuid16(0xB001), P.READ, value=b"new")
        server.add_characteristic(other, added)
        await until(lambda: added.handle)
        (service,) = await link.discover([other.uuid])
        assert await link.read(service.characteristics[0]) == b"new"
        await bench.peripheral.backend.publish(characteristic, b"still told")
        await until(lambda: heard.values == [b"still told"])
        server.remove_service(other)
        while await link.discover([other.uuid]):
            await asyncio.sleep(0.05)
        assert await link.read(remote) == b"still told"


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
@in_loop
async def test_bluetoothd_ends_and_is_started_again(machine: Machine, signal: str) -> None:
    async with opened() as bench:
        (characteristic,) = bench.offer(P.READ | P.NOTIFY, value=b"here")
        central, link = await bench.connect()
        (remote,) = await found(link)
        await subscribed(link, remote, characteristic)
        await bench.advertise()
        await asyncio.to_thread(machine.stop_bluetoothd, signal)
        engine = bench.peripheral.engine
        await until(lambda: engine.log == ["advertising ended", "link opened", "link closed"])
        assert heard_by(characteristic).subscriptions == [(True, False), (False, False)]
        # One that has time to say goodbye takes its adapters away before it goes.
        while "sudo systemctl start bluetooth" not in await _refusal(bench):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(machine.start_bluetoothd, "--experimental")
        await asyncio.to_thread(machine.powered)
        await _advertised(bench, central)
        if link.connected:
            await link.disconnect()
        link, _ = await central.connect(bench.peripheral)
        (remote,) = await found(link)
        assert await link.read(remote) == b"here"
        heard = await subscribed(link, remote, characteristic)
        await bench.peripheral.backend.publish(characteristic, b"told")
        await until(lambda: heard.values == [b"told"])
        assert engine.error is None


async def _refusal(bench: Bench) -> str:
    with pytest.raises(InnerError) as caught:
        await bench.advertise()
    return str(caught.value)


async def _advertised(bench: Bench, central: Device) -> None:
    """Wait until the peripheral is heard."""
    central.engine.reports.clear()
    await central.scan()
    address = bench.peripheral.address
    await until(lambda: any(each.address == address for each in central.engine.reports))
    await central.backend.stop_scan()


@pytest.mark.parametrize("how", ["powered off", "blocked"])
@in_loop
async def test_an_adapter_that_is_switched_off_and_on(machine: Machine, how: str) -> None:
    async with opened() as bench:
        bench.offer(P.READ, value=b"here")
        await bench.connect()
        await bench.advertise()
        switch: Callable[[bool], None] = (
            (lambda on: machine.power(0, on)) if how == "powered off" else _blocked(machine)
        )
        await asyncio.to_thread(switch, False)
        await until(lambda: bench.peripheral.engine.log[-1] == "link closed")
        with pytest.raises(InnerError, match="bluetoothctl power on"):
            await bench.advertise()
        with pytest.raises(ControllerLost, match=r"rfkill|power on"):
            await Device(OsBackend(BlueZ())).open()
        await asyncio.to_thread(switch, True)
        # A blocked controller is not told to end its links, so this central may have one still.
        central = await bench.central()
        await _advertised(bench, central)
        link, _ = await central.connect(bench.peripheral)
        (remote,) = await found(link)
        assert await link.read(remote) == b"here"
        assert bench.peripheral.engine.error is None


def _blocked(machine: Machine) -> Callable[[bool], None]:
    def switch(on: bool) -> None:
        machine.block(not on)
        if on:
            machine.power(0, True)

    return switch


@in_loop
async def test_two_programs_on_one_adapter(machine: Machine) -> None:
    async with opened() as one, opened() as other:
        one.offer(P.READ, value=b"one")
        manufacturer = b"\x05\xff\x22\x08\x01\x02"
        await other.advertise(data=FLAGS + manufacturer)
        central, link = await one.connect()
        (remote,) = await found(link)
        assert await link.read(remote) == b"one"
        assert one.peripheral.engine.log == ["advertising ended", "link opened"]
        # Whose central it is nothing tells: it is the adapter's, and both programs see it.
        assert other.peripheral.engine.log == ["advertising ended", "link opened"]
        await central.backend.close()
        await until(lambda: one.peripheral.engine.log[-1] == "link closed")


@pytest.mark.parametrize(
    ("data", "scan_response"),
    [
        ("020106", ""),
        ("020106 11069ecadc240ee5a9e093f3a3b50100406e", "05096e616d65 020a00"),
        ("020106 0303 0d18 05ff 2208 0102 0416 0f18 64", "05096e616d65"),
        ("020105 0319 c103 0324 1678", ""),
    ],
)
@in_loop
async def test_what_is_on_the_air(machine: Machine, data: str, scan_response: str) -> None:
    async with opened() as bench:
        central = await bench.central()
        first, second = bytes.fromhex(data), bytes.fromhex(scan_response)
        await bench.advertise(data=first, scan_response=second)
        await central.scan()
        address = bench.peripheral.address
        reports = central.engine.reports
        await until(lambda: len({r.scan_response for r in reports if r.address == address}) == 2)
        heard = {r.data for r in reports if r.address == address}
        assert _structures(b"".join(heard)) == _structures(
            (first + second).replace(b"\x11\x06", b"\x11\x07")
        )


def _structures(data: bytes) -> list[bytes]:
    found, position = [], 0
    while position < len(data):
        following = position + 1 + data[position]
        found.append(data[position:following])
        position = following
    return sorted(found)


@in_loop
async def test_an_adapter_that_is_unplugged(machine: Machine) -> None:
    async with opened() as bench:
        await bench.connect()
        await asyncio.to_thread(machine.detach, 0)
        engine = bench.peripheral.engine
        await until(lambda: engine.log[-1] == "lost")
        assert engine.log == ["advertising ended", "link opened", "link closed", "lost"]
        assert "unplugged" in str(engine.error)
        with pytest.raises(ControllerLost, match="unplugged"):
            await bench.advertise()
    await asyncio.to_thread(lambda: machine.powered(machine.attach(0)))
