"""Links: how they come up, end and are counted, in both roles at once."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.capabilities import Capability
from bleio.core.address import AddressType, DeviceAddress
from bleio.errors import CallerError, ConnectTimeout, ControllerLost, InnerError, LinkLost
from support.hci.engine import add_echo, read_echo, until
from support.hci.simulated import in_world_time, simulated
from support.hci.world import Device, MakeWorld, VirtualWorld, connected_pair
from support.patience import PATIENCE_S
from support.records import at

CHOSEN = DeviceAddress(bytes.fromhex("0605040302c1"), random=True)
NOBODY = DeviceAddress(bytes.fromhex("0123456789cb"), random=True)


@in_world_time
async def test_both_ends_see_the_link(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        assert (link.peer, link.is_central, link.connected) == (peripheral.address, True, True)
        assert incoming.peer == central.address
        assert not incoming.is_central
        for end in (link, incoming):
            assert end.mtu == world.mtu_of(end)
            assert end.max_value_octets == end.mtu - 3
        if Capability.CONNECTION_INTERVAL in central.backend.capabilities:
            assert link.interval_us >= 7_500
        assert not link.security.encrypted
        assert central.engine.log == ["link opened"]
        assert peripheral.engine.log == ["advertising ended", "link opened"]


@pytest.mark.parametrize("by_central", [True, False])
@in_world_time
async def test_either_end_can_disconnect(make_world: MakeWorld, by_central: bool) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        await (link if by_central else incoming).disconnect()
        await until(lambda: not central.engine.links and not peripheral.engine.links)
        assert not link.connected
        assert not incoming.connected
        await link.disconnect()
        calls = [link.read(at(3)), link.discover(None), link.write_command(at(3), b"")]
        if Capability.PAIRING in central.backend.capabilities:
            calls.append(link.pair())
        if Capability.CONNECTION_INTERVAL in central.backend.capabilities:
            calls.append(link.set_interval(30_000))
        for call in calls:
            with pytest.raises(LinkLost):
                await call


@in_world_time
async def test_a_new_link_works_after_the_old_one(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, _ = await connected_pair(world)
        add_echo(peripheral.engine.server, value=b"echo")
        await world.settled(peripheral)
        for _ in range(3):
            await link.disconnect()
            await until(lambda: not peripheral.engine.links)
            await peripheral.advertise()
            link, _ = await central.connect(peripheral)
            assert await read_echo(link) == b"echo"


@in_world_time
async def test_connecting_to_nobody_times_out(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral = await world.device(), await world.device()
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        with pytest.raises(ConnectTimeout):
            await central.backend.connect(NOBODY, 0.3)
        assert 0.3 <= loop.time() - start_s < (2.5 if world.simulated else PATIENCE_S)
        await peripheral.advertise()
        link, _ = await central.connect(peripheral)
        assert link.connected
        assert central.engine.log == ["link opened"]


@in_world_time
async def test_cancelling_takes_the_initiation_back(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral = await world.device(), await world.device()
        task = asyncio.ensure_future(central.backend.connect(peripheral.address, 0))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        with pytest.raises(ConnectTimeout):  # which it can only be once the first is out of the way
            await central.backend.connect(NOBODY, 0.3)
        await peripheral.advertise()
        link, _ = await central.connect(peripheral)
        assert link.connected
        assert len(central.engine.links) == len(peripheral.engine.links) == 1


@in_world_time
async def test_no_link_leaks_from_cancelling_at_any_moment(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral = await world.device(), await world.device()
        for delay_ms in range(0, 40, 4):
            await peripheral.advertise()
            task = asyncio.ensure_future(central.backend.connect(peripheral.address, 0))
            await asyncio.sleep(delay_ms / 1000)
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                await task.result().disconnect()
            with pytest.raises(ConnectTimeout):
                await central.backend.connect(NOBODY, 0.1)
            if not world.cancels_links:
                await asyncio.gather(*(link.disconnect() for link in peripheral.engine.links))
            await until(lambda: not central.engine.links and not peripheral.engine.links)
            await peripheral.backend.stop_advertising()


@in_world_time
async def test_connects_wait_for_each_other(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, *peripherals = [await world.device() for _ in range(3)]
        for peripheral in peripherals:
            await peripheral.advertise()
        links = await asyncio.gather(
            *(central.backend.connect(peripheral.address, PATIENCE_S) for peripheral in peripherals)
        )
        assert [link.peer for link in links] == [each.address for each in peripherals]


@in_world_time
async def test_six_centrals_on_one_peripheral(make_world: MakeWorld) -> None:
    """One more than boards have: only the controller sets a limit."""
    async with make_world() as world:
        peripheral, *centrals = [await world.device() for _ in range(7)]
        add_echo(peripheral.engine.server, value=b"echo")
        links = []
        for central in centrals:
            await peripheral.advertise()
            link, _ = await central.connect(peripheral)
            links.append(link)
        assert await asyncio.gather(*map(read_echo, links)) == [b"echo"] * 6
        assert len(peripheral.engine.links) == 6


@in_world_time
async def test_one_central_on_six_peripherals(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, *peripherals = [await world.device() for _ in range(7)]
        links = []
        for number, peripheral in enumerate(peripherals):
            add_echo(peripheral.engine.server, value=bytes((number,)))
            await peripheral.advertise()
            link, _ = await central.connect(peripheral)
            links.append(link)
        values = await asyncio.gather(*map(read_echo, links))
        assert b"".join(values) == bytes(range(6))


@in_world_time
async def test_all_four_roles_at_once(make_world: MakeWorld) -> None:
    async with make_world() as world:
        middle, left, right = devices = [await world.device() for _ in range(3)]
        for device, value in zip(devices, (b"middle", b"left", b"right"), strict=True):
            add_echo(device.engine.server, value=value)
        await left.advertise()
        await middle.scan(extended=True)
        await middle.advertise()
        outgoing, _ = await middle.connect(left)
        link, incoming = await right.connect(middle)
        assert outgoing.is_central
        assert not incoming.is_central
        assert "advertising ended" in middle.engine.log
        values = await asyncio.gather(*map(read_echo, (outgoing, link, incoming)))
        assert values == [b"left", b"middle", b"right"]


@in_world_time
async def test_an_outgoing_link_leaves_advertising_alone(make_world: MakeWorld) -> None:
    async with make_world() as world:
        middle, left, right = [await world.device() for _ in range(3)]
        await left.advertise()
        await middle.advertise()
        await middle.connect(left)
        assert middle.engine.log == ["link opened"]
        link, _ = await right.connect(middle)
        assert link.connected


@pytest.mark.parametrize("by_central", [True, False])
@pytest.mark.needs(Capability.CONNECTION_INTERVAL)
@in_world_time
async def test_either_end_can_set_the_interval(faithful_world: MakeWorld, by_central: bool) -> None:
    async with faithful_world() as world:
        _, _, link, incoming = await connected_pair(world)
        await (link if by_central else incoming).set_interval(47_500)
        await until(lambda: link.interval_us == incoming.interval_us == 47_500)


@pytest.mark.needs(Capability.CONNECTION_INTERVAL)
@in_world_time
async def test_impossible_intervals(make_world: MakeWorld) -> None:
    async with make_world() as world:
        _, _, link, _ = await connected_pair(world)
        before = link.interval_us
        for interval_us in (5_000, 5_000_000):
            with pytest.raises(CallerError):
                await link.set_interval(interval_us)
        await link.set_interval(4_000_000)  # the supervision time-out forbids it
        assert link.interval_us == before


@in_world_time
async def test_a_lost_controller_ends_everything(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, _, link, _ = await connected_pair(world)
        blocked = asyncio.ensure_future(central.backend.connect(NOBODY, 0))
        await asyncio.sleep(0.05)
        await world.unplug(central)
        await until(lambda: central.engine.error)
        assert central.engine.log == ["link opened", "link closed", "lost"]
        assert not link.connected
        with pytest.raises(LinkLost):
            await link.read(at(3))
        with pytest.raises(ControllerLost):
            await blocked
        with pytest.raises(ControllerLost, match=r"is (lost|gone)\b"):
            await central.scan()
        await central.backend.close()
        await central.open()
        await central.scan(extended=True)


@simulated
async def test_a_peer_that_vanishes_ends_what_waits_for_it() -> None:
    async with VirtualWorld() as world:
        central, peripheral, link, _ = await connected_pair(world)
        world.vanish(peripheral)
        calls = [asyncio.ensure_future(call) for call in (link.read(at(3)), link.pair())]
        calls += [asyncio.ensure_future(link.write_command(at(3), bytes(400))) for _ in range(50)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert [error.reason for error in ended[:2]] == [0x08, 0x08]
        assert isinstance(ended[-1], LinkLost)
        assert central.engine.log == ["link opened", "link closed"]


@in_world_time
async def test_closing_ends_everything_on_the_air(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, _, _ = await connected_pair(world)
        scanner = await world.device()
        await peripheral.advertise()
        await peripheral.backend.close()
        assert peripheral.engine.log[-1] == "link closed"
        await until(lambda: not central.engine.links)
        other = await world.device()
        await other.advertise()
        await scanner.scan(extended=True)
        await until(lambda: len(scanner.engine.reports) >= 5)
        assert {report.address for report in scanner.engine.reports} == {other.address}
        await peripheral.backend.close()
        await peripheral.open()
        await peripheral.advertise()
        await central.connect(peripheral)


@in_world_time
async def test_nothing_works_before_open(make_world: MakeWorld) -> None:
    async with make_world() as world:
        device = await world.device(open_it=False)
        await device.backend.close()
        with pytest.raises(InnerError):
            await device.advertise()
        await device.open()
        with pytest.raises(CallerError):
            await device.open()


@in_world_time
async def test_the_own_address(make_world: MakeWorld) -> None:
    async with make_world() as world:
        one, other = await world.device(), await world.device()
        assert one.address.type in (AddressType.RANDOM_STATIC, AddressType.PUBLIC)
        assert one.address != other.address


@pytest.mark.needs(Capability.SETTABLE_ADDRESS)
@in_world_time
async def test_an_address_that_is_set(make_world: MakeWorld) -> None:
    async with make_world() as world:
        one, other = await world.device(), await world.device()
        await one.backend.set_address(CHOSEN)
        assert one.address == CHOSEN
        await one.advertise()
        await other.connect(one)
        for wrong in (DeviceAddress(bytes(6)), DeviceAddress(bytes.fromhex("060504030241"), True)):
            with pytest.raises(CallerError):
                await other.backend.set_address(wrong)


@pytest.mark.needs(Capability.SETTABLE_ADDRESS)
@in_world_time
async def test_a_given_address_is_used(make_world: MakeWorld) -> None:
    async with make_world() as world:
        device = await world.device(address=CHOSEN)
        assert device.address == CHOSEN
        central: Device = await world.device()
        await device.advertise()
        link, _ = await central.connect(device)
        assert link.peer == CHOSEN
