"""Two simulated ESPHome proxies as one adapter: what it hears, and where its links go."""

from __future__ import annotations

import asyncio
import socket

import pytest

pytest.importorskip("bleak_esphome", reason="the libraries for ESPHome need Python 3.11 or newer")

import bleak

from bleio.backends.capabilities import ESPHOME, Capability
from bleio.backends.os.esphome.heard import HeardTable
from bleio.backends.os.esphome.places import Place
from bleio.core.codes import SecurityMode
from bleio.core.uuid import uuid16
from bleio.errors import AttError, CallerError, ConnectTimeout, ControllerLost, LinkLost
from bleio.gatt.model import LocalDescriptor
from support.esphome.building import (
    BETWEEN,
    KEY,
    NEAR_HALL,
    NEAR_KITCHEN,
    Building,
    OpenFleet,
    links,
    put,
)
from support.esphome.server import ACTIVE, ALL_FEATURES, PASSIVE, Feature
from support.hci.engine import (
    ECHO_SERVICE,
    Heard,
    add_echo,
    asynchronous,
    read_echo,
    until,
)
from support.hci.world import FLAGS

pytestmark = pytest.mark.interop


@asynchronous
async def test_a_scan_hears_what_any_proxy_hears() -> None:
    async with Building() as building:
        left, right = await building.device(NEAR_KITCHEN), await building.device(NEAR_HALL)
        fleet = await building.fleet(*await building.two_proxies())
        await left.advertise(data=FLAGS + b"\x05\x09left")
        await right.advertise(data=FLAGS + b"\x06\x09right", scan_response=b"\x02\x0a\x04")
        await fleet.scan()
        await until(lambda: fleet.heard(left) and fleet.heard(right))
        await until(lambda: any(len(each.data) > 10 for each in fleet.heard(right)))
        await fleet.backend.stop_scan()
        assert {each.data for each in fleet.heard(left)} == {FLAGS + b"\x05\x09left"}
        # A proxy's scan response comes behind the data before it.
        longest = max((each.data for each in fleet.heard(right)), key=len)
        assert longest == FLAGS + b"\x06\x09right" + b"\x02\x0a\x04"
        assert all(each.rssi_dbm < -70 for each in fleet.engine.reports)


@asynchronous
async def test_scans_are_passive_where_all_proxies_can() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise(scan_response=b"\x02\x0a\x04")
        kitchen, hall = await building.two_proxies()
        fleet = await building.fleet(kitchen, hall)
        assert Capability.PASSIVE_SCANNING in fleet.system.capabilities
        await fleet.scan(active=False)
        await until(lambda: kitchen.mode == hall.mode == PASSIVE)
        before = len(fleet.heard(device))
        await until(lambda: len(fleet.heard(device)) > before + 20)
        late = fleet.heard(device)[before + 10 :]
        assert {each.data for each in late} == {b"\x02\x01\x06"}
        await fleet.backend.stop_scan()
        await until(lambda: kitchen.mode == hall.mode == ACTIVE)


@asynchronous
async def test_what_one_proxy_cannot_the_fleet_cannot() -> None:
    async with Building() as building:
        old = ALL_FEATURES & ~Feature.PAIRING & ~Feature.FEATURE_STATE_AND_MODE
        fleet = await building.fleet(
            await building.proxy("kitchen"), await building.proxy("hall", features=old)
        )
        missing = {Capability.PAIRING, Capability.PASSIVE_SCANNING}
        assert fleet.system.capabilities == ESPHOME.can - missing


@asynchronous
async def test_a_link_goes_through_the_proxy_that_hears_best() -> None:
    async with Building() as building:
        device = await building.device(BETWEEN)
        kitchen, hall = await building.two_proxies()
        fleet = await building.fleet(kitchen, hall)
        for metres, better in ((BETWEEN, kitchen), (NEAR_HALL, hall), (NEAR_KITCHEN, kitchen)):
            put(device.backend, metres)
            await device.advertise()
            link = await fleet.link_to(device)
            assert links(better) == 1, metres
            await link.disconnect()
            await until(lambda: not device.engine.links)
            for proxy in fleet.system.proxies:
                proxy.table = HeardTable()  # as after half a minute


@asynchronous
async def test_a_full_proxy_leaves_devices_to_another() -> None:
    async with Building() as building:
        devices = [await building.device(BETWEEN) for _ in range(4)]
        for device in devices:
            await device.advertise()
        kitchen, hall = await building.two_proxies(slots=2)
        fleet = await building.fleet(kitchen, hall)
        made = [await fleet.link_to(device) for device in devices]
        assert (links(kitchen), links(hall)) == (2, 2)
        more = await building.device(BETWEEN)
        await more.advertise()
        with pytest.raises(CallerError, match="All connection slots of the ESPHome proxies") as one:
            await fleet.link_to(more)
        assert f"127.0.0.1:{kitchen.port} has 2" in str(one.value)
        assert "`connection_slots`" in str(one.value)
        await made[0].disconnect()
        await fleet.link_to(more)
        assert (links(kitchen), links(hall)) == (2, 2)


@asynchronous
async def test_proxies_that_only_listen_make_no_links() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise()
        passive = ALL_FEATURES & ~Feature.ACTIVE_CONNECTIONS
        fleet = await building.fleet(await building.proxy("kitchen", features=passive))
        await fleet.scan()
        await until(lambda: fleet.heard(device))
        with pytest.raises(CallerError, match=r"proxies that cannot connect hear .*`active: true`"):
            await fleet.link_to(device)


@asynchronous
async def test_one_proxy_ends_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async with Building() as building:
        device = await building.device(BETWEEN)
        add_echo(device.engine.server, value=b"echo")
        await device.advertise()
        kitchen, hall = await building.two_proxies()
        fleet = await building.fleet(kitchen, hall)
        await fleet.scan()
        link = await fleet.link_to(device)
        assert links(kitchen) == 1
        await kitchen.vanish()
        await until(lambda: not link.connected)
        assert not fleet.engine.links
        with pytest.raises(LinkLost):
            await link.discover(None)
        await fleet.has(hall)

        # The program goes on with the other one, its scan too.
        before = len(fleet.heard(device))
        await device.advertise()
        await until(lambda: len(fleet.heard(device)) > before)
        link = await fleet.link_to(device)
        assert links(hall) == 1
        assert await read_echo(link) == b"echo"
        await link.disconnect()

        await kitchen.listen()
        await fleet.has(kitchen, hall)
        await device.advertise()
        await until(lambda: kitchen.subscriber is not None)
        link = await fleet.link_to(device)
        assert await read_echo(link) == b"echo"
        assert "lost" not in fleet.engine.log
        said = [each for each in caplog.messages if "The ESPHome proxy" in each]
        assert f"127.0.0.1:{kitchen.port} cannot be used: its connection has ended" in said[0]
        assert said[-1] == f"The ESPHome proxy 127.0.0.1:{kitchen.port} is there again"


@asynchronous
async def test_without_any_proxy_what_needs_one_says_why() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        kitchen = await building.proxy("kitchen")
        fleet = await building.fleet(kitchen)
        await kitchen.vanish()
        await fleet.has()
        with pytest.raises(ControllerLost, match=r"The ESPHome proxy .* cannot be used: "):
            await fleet.scan()
        with pytest.raises(ControllerLost, match=r"The ESPHome proxy .* cannot be used: "):
            await fleet.link_to(device)
        await kitchen.listen()
        await fleet.has(kitchen)
        await device.advertise()
        await fleet.link_to(device)


@asynchronous
async def test_a_device_is_waited_for() -> None:
    async with Building() as building:
        device = await building.device(NEAR_HALL)
        fleet = await building.fleet(*await building.two_proxies())
        with pytest.raises(ConnectTimeout):
            await fleet.backend.connect(device.address, 0.2)
        connecting = asyncio.ensure_future(fleet.link_to(device))
        await asyncio.sleep(0.1)
        assert not connecting.done()
        await device.advertise()
        await connecting
        assert device.engine.links


@pytest.mark.parametrize("by", ["cancelling", "time"])
@asynchronous
async def test_a_connect_that_is_given_up_takes_no_slot(by: str) -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        kitchen = await building.proxy("kitchen")
        fleet = await building.fleet(kitchen)
        await device.advertise()
        await until(lambda: len(fleet.system.proxies[0].table))
        await device.backend.stop_advertising()  # heard lately, but it does not answer any more
        timeout_s = 2.0 if by == "time" else 0
        connecting = asyncio.ensure_future(fleet.backend.connect(device.address, timeout_s))
        await until(lambda: kitchen.taken, "the attempt")
        if by == "cancelling":
            connecting.cancel()
        await asyncio.wait([connecting])
        assert connecting.cancelled() or isinstance(connecting.exception(), ConnectTimeout)
        await until(lambda: not kitchen.taken, "a free slot")
        await device.advertise()
        await fleet.link_to(device)


@asynchronous
async def test_every_gatt_operation_of_a_proxy() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        echo = add_echo(device.engine.server, value=bytes(range(250)) * 2)
        label = LocalDescriptor(uuid16(0x2901), max_length=100, value=b"a label")
        device.engine.server.add_descriptor(echo, label)
        await device.advertise()
        fleet = await building.fleet(await building.proxy("kitchen", key=KEY))
        link = await fleet.link_to(device)
        assert link.mtu == 512
        (service,) = await link.discover([ECHO_SERVICE])
        (value,) = service.characteristics
        assert value.handle == echo.handle
        assert await link.read(value) == bytes(range(250)) * 2
        await link.write(value, b"w" * 500)
        assert echo.value == b"w" * 500
        await link.write_command(value, b"c" * 200)
        await until(lambda: echo.value == b"c" * 200)
        (described,) = [each for each in value.descriptors if each.handle == label.handle]
        assert await link.read(described) == b"a label"
        await link.write(described, b"another")
        assert label.value == b"another"

        (incoming,) = device.engine.links
        heard = Heard()
        link.listen(value, heard)
        for notify, indicate in ((True, False), (False, True)):
            await link.subscribe(value, notify, indicate)
            assert incoming.subscription(echo) == (notify, indicate)
            for number in range(100):
                await device.backend.publish(echo, b"%d" % number)
            await until(lambda: len(heard.values) == 100)
            assert heard.values == [b"%d" % number for number in range(100)]
            heard.values.clear()
            await link.subscribe(value, False, False)
            assert incoming.subscription(echo) == (False, False)

        await link.pair()
        assert link.security.encrypted
        assert incoming.security.encrypted
        await incoming.disconnect()
        await until(lambda: not link.connected)
        assert heard.closed == 1


@asynchronous
async def test_what_a_device_refuses_has_its_code() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        shut = add_echo(
            device.engine.server,
            read_perm=SecurityMode.ENCRYPT_NO_MITM,
            write_perm=SecurityMode.NO_ACCESS,
        )
        await device.advertise()
        fleet = await building.fleet(await building.proxy("kitchen"))
        link = await fleet.link_to(device)
        (service,) = await link.discover([ECHO_SERVICE])
        (value,) = service.characteristics
        with pytest.raises(AttError) as no_write:
            await link.write(value, b"x")
        assert (no_write.value.code, no_write.value.handle) == (0x03, shut.handle)
        with pytest.raises(AttError) as no_read:
            await link.read(value)
        assert no_read.value.about_security
        await link.pair()
        assert await link.read(value) == b""


@asynchronous
async def test_services_that_have_changed_are_found_on_the_next_link() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise()
        fleet = await building.fleet(await building.proxy("kitchen"))
        link = await fleet.link_to(device)
        assert not await link.discover([ECHO_SERVICE])
        await link.disconnect()
        add_echo(device.engine.server, value=b"new")
        await until(lambda: not device.engine.links)
        await device.advertise()
        assert await read_echo(await fleet.link_to(device)) == b"new"


@asynchronous
async def test_two_fleets_know_nothing_of_each_other() -> None:
    async with Building() as building:
        device = await building.device(BETWEEN)
        await device.advertise()
        kitchen, hall = await building.two_proxies()
        await building.fleet(kitchen)
        of_hall = await building.fleet(hall)
        await of_hall.link_to(device)
        assert (links(kitchen), links(hall)) == (0, 1)


@asynchronous
async def test_bleak_is_as_it_was() -> None:
    before = (bleak.BleakScanner, bleak.BleakClient)
    async with Building() as building:
        await building.fleet(await building.proxy("kitchen"))
        assert (bleak.BleakScanner, bleak.BleakClient) == before


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
@asynchronous
async def test_a_proxy_with_an_ipv6_address() -> None:
    async with Building() as building:
        proxy = await building.proxy("kitchen", host="::1")
        fleet = OpenFleet([Place("::1", proxy.port)], {})
        building.at_end(fleet.backend.close)
        await fleet.open()
        assert fleet.backend.name == f"esphome:[::1]:{proxy.port}"
