"""Bad proxies: whatever they send, the program goes on, within bounds and without tracebacks."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator

import pytest

pytest.importorskip("bleak_esphome", reason="the libraries for ESPHome need Python 3.11 or newer")

from aioesphomeapi import api_pb2 as pb

from bleio.backends.os.esphome import routes
from bleio.backends.os.esphome.heard import MOST_DEVICES, MOST_REPORTS_A_SECOND
from bleio.backends.os.esphome.places import Place
from bleio.core.address import DeviceAddress
from bleio.errors import ProtocolViolation
from support.esphome.building import NEAR_KITCHEN, Building, OpenFleet, links, place_of
from support.esphome.hostile import BadProxy, Line
from support.hci.engine import Heard, asynchronous, until
from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop

ADDRESS = 0xC00000000001
DEVICE = DeviceAddress(ADDRESS.to_bytes(6, "little"), True)


@pytest.fixture(autouse=True)
def no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What libraries and loop say of bad proxies is kept from a program's output."""
    yield
    loud = [each for each in caplog.records if each.levelno >= logging.WARNING]
    own = ("bleio.backends.os.esphome", "bleio.radio")
    assert not [each for each in loud if not each.name.startswith(own)], loud
    assert not [each for each in loud if each.exc_info], loud


def report(
    address: int = ADDRESS, rssi: int = -50, **fields: object
) -> pb.BluetoothLERawAdvertisement:
    return pb.BluetoothLERawAdvertisement(
        **{"address": address, "rssi": rssi, "address_type": 1, "data": b"\x02\x01\x06", **fields}
    )


def batch(*reports: pb.BluetoothLERawAdvertisement) -> pb.BluetoothLERawAdvertisementsResponse:
    return pb.BluetoothLERawAdvertisementsResponse(advertisements=reports)


async def beside(building: Building, bad: BadProxy) -> OpenFleet:
    """Return a fleet of a good proxy and a bad one, in which the good one is sure to be there."""
    good = await building.proxy("kitchen")
    fleet = OpenFleet([Place("127.0.0.1", bad.port), place_of(good)], {})
    building.at_end(fleet.backend.close)
    await fleet.open()
    return fleet


async def check_good(building: Building, fleet: OpenFleet) -> None:
    """The good proxy can be used as before."""
    device = await building.device(NEAR_KITCHEN)
    await device.advertise()
    await fleet.scan()
    await until(lambda: fleet.heard(device))
    await fleet.backend.stop_scan()
    link = await fleet.link_to(device)
    assert await link.discover(None)
    await link.disconnect()


@asynchronous
async def test_octets_of_all_kinds() -> None:
    noise = random.Random(1)

    async def babble(line: Line) -> None:
        if noise.random() < 0.5:
            await line.introduce()
        line.writer.write(noise.randbytes(noise.randrange(1, 5000)))
        await line.writer.drain()
        await asyncio.sleep(0.05)

    async with BadProxy(babble) as bad, Building() as building:
        fleet = await beside(building, bad)
        await check_good(building, fleet)
        assert bad.clients


@asynchronous
async def test_packets_that_are_no_messages() -> None:
    async def babble(line: Line) -> None:
        await line.introduce()
        await line.send_octets(pb.BluetoothLERawAdvertisementsResponse, b"\x0a\xff\xff\xff")
        await line.reader.read()

    async with BadProxy(babble) as bad, Building() as building:
        fleet = await beside(building, bad)
        await check_good(building, fleet)
        assert bad.clients > 1  # it was cut off, and tried again


@asynchronous
async def test_a_packet_without_an_end() -> None:
    async def go_on(line: Line) -> None:
        await line.introduce()
        line.writer.write(b"\x00\xff\xff\xff\x7f\x5d")
        while True:
            line.writer.write(bytes(60_000))
            await line.writer.drain()
            await asyncio.sleep(0)

    async with BadProxy(go_on) as bad, Building() as building:
        fleet = await beside(building, bad)
        await check_good(building, fleet)
        await until(lambda: bad.clients > 1, "its end")


@asynchronous
async def test_a_flood_of_advertisements_is_cut_off() -> None:
    sent = 0

    async def flood(line: Line) -> None:
        nonlocal sent
        await line.introduce()
        while True:
            await line.send(batch(*(report(ADDRESS + each) for each in range(sent, sent + 100))))
            sent += 100

    async with BadProxy(flood) as bad, Building() as building:
        fleet = await beside(building, bad)
        await fleet.scan()
        await until(lambda: fleet.system.counters()["esphome.floods"])
        # As much as a radio could hear, and not what was in the network.
        assert len(fleet.engine.reports) <= MOST_REPORTS_A_SECOND * 2
        assert all(len(each.table) <= MOST_DEVICES for each in fleet.system.proxies)
        (flooding, _) = fleet.system.proxies
        assert flooding.problem is not None
        assert "it sends more than any radio can hear, so it was cut off" in flooding.problem
        await check_good(building, fleet)


@asynchronous
async def test_pings_whose_answers_are_not_taken_are_cut_off() -> None:
    async def flood(line: Line) -> None:
        await line.introduce()
        while True:
            await line.send(*[pb.PingRequest()] * 100)

    async with BadProxy(flood) as bad, Building() as building:
        fleet = await beside(building, bad)
        await until(lambda: fleet.system.counters()["esphome.floods"])
        await check_good(building, fleet)


@asynchronous
async def test_what_no_radio_can_hear_is_counted() -> None:
    async def lie(line: Line) -> None:
        await line.introduce()
        await line.send(
            batch(
                report(1 << 48),
                report(rssi=1000),
                report(address_type=99),
                report(data=bytes(500)),
                report(),
            )
        )
        await line.reader.read()

    async with BadProxy(lie) as bad, Building() as building:
        fleet = await beside(building, bad)
        await fleet.scan()
        await until(lambda: fleet.system.counters()["esphome.malformed"] == 4)
        assert len(fleet.system.proxies[0].table) == 1


async def _connect(line: Line) -> None:
    """Hear a device and be connected to it."""
    await line.introduce()
    await line.send(batch(report()))
    await line.wait_for(pb.BluetoothDeviceRequest)
    await line.send(pb.BluetoothDeviceConnectionResponse(address=ADDRESS, connected=True, mtu=100))


@asynchronous
async def test_services_without_an_end_are_cut_off() -> None:
    async def go_on(line: Line) -> None:
        await _connect(line)
        await line.wait_for(pb.BluetoothGATTGetServicesRequest)
        message = pb.BluetoothGATTGetServicesResponse(address=ADDRESS)
        for handle in range(1000):
            message.services.add(uuid=(1, 2), handle=handle)
        while True:
            await line.send(message)

    async with BadProxy(go_on) as bad, Building() as building:
        fleet = await beside(building, bad)
        connecting = asyncio.ensure_future(fleet.backend.connect(DEVICE, 0))
        await until(lambda: fleet.system.counters()["esphome.floods"])
        connecting.cancel()
        await asyncio.wait([connecting])
        await check_good(building, fleet)


@asynchronous
async def test_values_that_are_too_long_are_refused() -> None:
    async def lie(line: Line) -> None:
        await _connect(line)
        await line.wait_for(pb.BluetoothGATTGetServicesRequest)
        message = pb.BluetoothGATTGetServicesResponse(address=ADDRESS)
        service = message.services.add(uuid=(1, 2), handle=1)
        value = service.characteristics.add(uuid=(1, 3), handle=3, properties=0x12)
        value.descriptors.add(short_uuid=0x2902, handle=4)
        await line.send(message, pb.BluetoothGATTGetServicesDoneResponse(address=ADDRESS))
        await line.wait_for(pb.BluetoothGATTReadRequest)
        answer = pb.BluetoothGATTReadResponse(address=ADDRESS, handle=3, data=bytes(513))
        await line.send(answer)
        await line.wait_for(pb.BluetoothGATTNotifyRequest)
        await line.send(pb.BluetoothGATTNotifyResponse(address=ADDRESS, handle=3))
        await line.wait_for(pb.BluetoothGATTWriteDescriptorRequest)
        await line.send(pb.BluetoothGATTWriteResponse(address=ADDRESS, handle=4))
        for size in (513, 512):
            data = bytes(size)
            await line.send(
                pb.BluetoothGATTNotifyDataResponse(address=ADDRESS, handle=3, data=data)
            )
        await line.reader.read()

    async with BadProxy(lie) as bad, Building() as building:
        fleet = await beside(building, bad)
        link = await fleet.backend.connect(DEVICE, PATIENCE_S)
        (service,) = await link.discover(None)
        (value,) = service.characteristics
        with pytest.raises(ProtocolViolation, match="The proxy has sent a value of 513 octets"):
            await link.read(value)
        heard = Heard()
        link.listen(value, heard)
        await link.subscribe(value, True, False)
        await until(lambda: heard.values)
        assert [len(each) for each in heard.values] == [512]
        assert fleet.system.counters()["esphome.malformed"] == 2


@asynchronous
async def test_a_proxy_that_cannot_connect_does_not_stop_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "LINK_TIMEOUT_S", 1.0)

    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise()
        address = int.from_bytes(device.address.octets, "little")

        async def pretend(line: Line) -> None:
            await line.introduce()
            while True:  # it hears it much better, but never has a link
                await line.send(batch(report(address, rssi=-20)))
                await line.wait_for(pb.BluetoothDeviceRequest)
                await line.wait_for(pb.BluetoothDeviceRequest)  # of the end of the attempt
                await line.send(pb.BluetoothDeviceConnectionResponse(address=address))

        async with BadProxy(pretend) as bad:
            good = await building.proxy("kitchen")
            fleet = OpenFleet([Place("127.0.0.1", bad.port), place_of(good)], {})
            building.at_end(fleet.backend.close)
            await fleet.open()
            await fleet.link_to(device)
            assert links(good) == 1


@asynchronous
async def test_a_proxy_that_answers_no_handshake_does_not_hold_the_end_up() -> None:
    async def wait(line: Line) -> None:
        await line.reader.read()

    async with BadProxy(wait) as bad:
        fleet = OpenFleet([Place("127.0.0.1", bad.port)], {})
        opening = asyncio.ensure_future(fleet.open())
        await until(lambda: bad.clients)
        opening.cancel()
        await asyncio.wait([opening])
        await asyncio.wait_for(fleet.backend.close(), 20)
