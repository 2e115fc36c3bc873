"""Own addresses change in time; what is under way goes on."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.errors import ConnectTimeout, LinkLost
from support.hci.engine import ECHO_SERVICE, Heard, add_echo, until
from support.hci.privacy import (
    CONTROLLERS,
    ROTATION_S,
    PrivateWorld,
    bond,
    is_private,
    on_air,
    part,
    set_private,
)
from support.hci.simulated import simulated

any_controller = pytest.mark.parametrize("controller", CONTROLLERS)
CCCD = uuid16(0x2902)
LONGEST_INTERVAL_US = 20_000 + 10_000  # with the random delay


@pytest.mark.parametrize("connectable", [True, False])
@any_controller
@simulated
async def test_advertising_goes_on_without_a_gap(controller: str, connectable: bool) -> None:
    async with PrivateWorld() as world:
        device = await world.make(controller)
        await device.advertise(connectable=connectable)
        await asyncio.sleep(3.5 * ROTATION_S)
        times = [time_us for time_us, _ in world.advertised]
        addresses = list(dict.fromkeys(address for _, address in world.advertised))
        assert len(addresses) == 4
        assert all(is_private(address) for address in addresses)
        assert max(b - a for a, b in pairwise(times)) <= LONGEST_INTERVAL_US + 2_000
        await device.backend.stop_advertising()
        count = len(world.advertised)
        await asyncio.sleep(2 * ROTATION_S)
        assert len(world.advertised) == count


@any_controller
@simulated
async def test_all_roles_at_once_change_together(controller: str) -> None:
    async with PrivateWorld() as world:
        device = await world.make(controller)
        loud = await world.make(private_address=False)
        await loud.advertise(connectable=False, scan_response=b"\x02\x0a\x00")
        await device.advertise(connectable=False)
        await device.scan()
        nobody = DeviceAddress(bytes((9, 9, 9, 9, 9, 0xC9)), random=True)
        connecting = asyncio.ensure_future(device.backend.connect(nobody, 0))
        await asyncio.sleep(2.5 * ROTATION_S)
        reports = device.engine.reports
        before = len(reports)
        await until(lambda: any(each.scan_response for each in reports[before:]))
        shown = {address for _, address in world.advertised} - {loud.address}
        assert len(shown) == 3
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting


@any_controller
@simulated
async def test_the_setting_may_change_at_any_time(controller: str) -> None:
    async with PrivateWorld() as world:
        device = await world.make(controller, private_address=False)
        await device.advertise()

        async def shown() -> DeviceAddress:
            await asyncio.sleep(0.1)
            return world.advertised[-1][1]

        assert await shown() == device.address
        set_private(device)
        first = await shown()
        assert is_private(first)
        set_private(device, private_address=False)
        assert await shown() == device.address
        set_private(device)
        second = await shown()
        assert is_private(second)
        assert second != first
        set_private(device, rotation_s=1)
        await asyncio.sleep(3)
        assert len({address for _, address in world.advertised}) >= 5
        assert device.backend.address not in {a for _, a in world.advertised[-10:]}


@any_controller
@simulated
async def test_anonymous_advertising_needs_no_setting(controller: str) -> None:
    async with PrivateWorld() as world:
        device = await world.make(controller, private_address=False)
        for _ in range(2):
            await device.advertise(anonymous=True)
            await asyncio.sleep(0.1)
            assert is_private(world.advertised[-1][1])
            await device.backend.stop_advertising()
        await device.advertise()
        await asyncio.sleep(0.1)
        assert world.advertised[-1][1] == device.address
        assert len({address for _, address in world.advertised}) == 3


@any_controller
@simulated
async def test_a_connection_at_the_moment_of_a_change(controller: str) -> None:
    """Whichever comes first: there is a link, advertising has ended, and addresses are right."""
    async with PrivateWorld() as world:
        central = await world.make(private_address=False)
        device = await world.make(controller)
        opened: Any = device.backend._open
        met = 0
        for number in range(30):
            await device.advertise()
            await asyncio.sleep(0.1)
            connecting = asyncio.ensure_future(central.backend.connect(world.advertised[-1][1], 1))
            await asyncio.sleep(number * 0.001)
            await opened.privacy.renew()
            try:
                link = await connecting
            except (ConnectTimeout, LinkLost):
                # Too late: nobody asked, or the advertiser did not hear it any more.
                assert opened.advertiser.active
                await device.backend.stop_advertising()
                continue
            met += 1
            (incoming,) = await until(lambda: list(device.engine.links))
            assert not opened.advertiser.active
            assert on_air(link) == on_air(incoming)[::-1]
            count = len(world.advertised)
            await asyncio.sleep(0.2)
            assert len(world.advertised) == count
            await link.pair()  # which binds the addresses
            await link.disconnect()
            await until(lambda: not device.engine.links)
            for each in (central, device):
                await each.backend.erase_bonds()
        assert 0 < met < 30


@pytest.mark.parametrize("links", [1, 3])
@pytest.mark.parametrize("controller", ["complete", "oldest"])
@simulated
async def test_an_hour_of_notifications(controller: str, links: int) -> None:
    """Two bonded devices, both with changing addresses, both on the air for others all the time.

    On one link that lasts, or on several: then they part and meet again by their identities.
    """
    async with PrivateWorld() as world:
        central, peripheral = await world.make(controller), await world.make(controller)
        mode = SecurityMode.ENCRYPT_NO_MITM
        echo = add_echo(peripheral.engine.server, read_perm=mode, value=b"")
        assert echo.properties & Properties.NOTIFY
        link, incoming = await bond(central, peripheral)
        heard = Heard()
        sent: list[bytes] = []
        loop = asyncio.get_running_loop()
        for closed in range(links):
            assert link.security.encrypted
            (service,) = await link.discover([ECHO_SERVICE])
            remote = service.characteristics[0]
            link.listen(remote, heard)
            cccd = next(d for d in remote.descriptors if d.uuid == CCCD)
            await link.write(cccd, b"\x01\x00")
            await peripheral.advertise(interval_us=1_000_000, connectable=False)
            await central.advertise(interval_us=1_000_000)
            until_s = loop.time() + 3600 / links - 0.5
            while loop.time() < until_s:
                value = len(sent).to_bytes(4, "little")
                sent.append(value)
                await incoming.notify(echo, value)
                await asyncio.sleep(1)
            assert link.connected and incoming.connected
            assert link.security.encrypted and incoming.security.encrypted
            assert central.engine.log.count("link closed") == closed
            assert [each for each in heard.values if each] == sent
            for device in (central, peripheral):
                await device.backend.stop_advertising()
            await part(link, central, peripheral)
            await peripheral.advertise()
            link, incoming = await central.connect(peripheral)
            await until(lambda ends=(link, incoming): all(e.security.encrypted for e in ends))
        assert central.engine.log.count("link closed") == links
        assert len(sent) == 3600
        # More than one of them alone can have had.
        shown = {address for _, address in world.advertised}
        assert len(shown) > 1.9 * 3600 / ROTATION_S
        assert all(is_private(address) for address in shown)
