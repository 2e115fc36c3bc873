"""GATT over a link: every operation of `Link` in both roles."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.core.codes import AttErrorCode, Properties
from bleio.core.uuid import uuid16
from bleio.errors import AttError, CallerError, LinkLost
from bleio.gatt.model import LocalCharacteristic, LocalService, RemoteCharacteristic
from support.hci.engine import ECHO, ECHO_SERVICE, Heard, add_echo, read_echo, until
from support.hci.simulated import in_world_time
from support.hci.world import Device, MakeWorld, World, connected_pair
from support.records import at

OTHERS = uuid16(0xA010)


class Echo:
    """One link with the echo service on the peripheral, seen from both ends."""

    peripheral: Device
    link: Link
    incoming: Link
    local: LocalCharacteristic
    remote: RemoteCharacteristic

    def __init__(self) -> None:
        self.local_heard, self.remote_heard = Heard(), Heard()


async def echo_pair(world: World) -> Echo:
    echo = Echo()
    _, echo.peripheral, echo.link, echo.incoming = await connected_pair(world)
    echo.local = add_echo(echo.peripheral.engine.server)
    echo.local.listeners.append(echo.local_heard)
    await world.settled(echo.peripheral)
    (service,) = await echo.link.discover([ECHO_SERVICE])
    (echo.remote,) = service.characteristics
    return echo


async def another(world: World, echo: Echo) -> Link:
    """One more client."""
    central = await world.device()
    await echo.peripheral.advertise()
    link, _ = await central.connect(echo.peripheral)
    return link


async def add_others(world: World, echo: Echo) -> None:
    """Characteristics that can be read, written, and written with 2 octets at most."""
    server = echo.peripheral.engine.server
    service = LocalService(OTHERS)
    server.add_service(service)
    for number, properties in enumerate((Properties.READ, Properties.WRITE, Properties.WRITE)):
        uuid = uuid16(0xA011 + number)
        server.add_characteristic(
            service, LocalCharacteristic(uuid, properties, max_length=20 if number < 2 else 2)
        )
    await world.settled(echo.peripheral)


@in_world_time
async def test_discovery(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        assert echo.remote.uuid == ECHO
        assert echo.remote.properties == echo.local.properties
        services = await echo.link.discover(None)
        assert [service.uuid for service in services][-1] == ECHO_SERVICE
        assert await echo.link.discover([]) == []


@pytest.mark.parametrize("octets", [0, 20, 300, 509, 510, 512])
@in_world_time
async def test_values_of_any_length(make_world: MakeWorld, octets: int) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        value = bytes(i & 0xFF for i in range(octets))
        if octets > world.longest_write:
            with pytest.raises(AttError) as caught:
                await echo.link.write(echo.remote, value)
            assert caught.value.code == AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
            echo.local.value = value
        else:
            await echo.link.write(echo.remote, value)
            await world.told(lambda: echo.local_heard.values == [value])
        assert echo.local.value == value
        assert await echo.link.read(echo.remote) == value


@pytest.mark.needs(Capability.HANDLES)
@in_world_time
async def test_errors_of_the_peer(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        with pytest.raises(AttError) as caught:
            await echo.link.read(at(0x0FFF))
        assert caught.value.code == AttErrorCode.INVALID_HANDLE


@in_world_time
async def test_what_the_properties_do_not_name_is_refused(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        await add_others(world, echo)
        (service,) = await echo.link.discover([OTHERS])
        read_only, write_only, short = service.characteristics
        with pytest.raises(AttError) as caught:
            await echo.link.write(read_only, b"x")
        assert caught.value.code == AttErrorCode.WRITE_NOT_PERMITTED
        with pytest.raises(AttError) as caught:
            await echo.link.read(write_only)
        assert caught.value.code == AttErrorCode.READ_NOT_PERMITTED
        with pytest.raises(AttError) as caught:
            await echo.link.write(short, bytes(3))
        assert caught.value.code == AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
        with pytest.raises(CallerError):
            await echo.link.subscribe(read_only, notify=True, indicate=False)


@in_world_time
async def test_what_is_offered_no_longer_is_not_there(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        server = echo.peripheral.engine.server
        server.remove_characteristic(server.services[0], echo.local)
        await world.settled(echo.peripheral)
        with pytest.raises(AttError) as caught:
            await echo.link.read(echo.remote)
        assert caught.value.code == AttErrorCode.INVALID_HANDLE
        assert (await echo.link.discover([ECHO_SERVICE]))[0].characteristics == []


@in_world_time
async def test_write_commands_keep_their_order(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        values = [i.to_bytes(2, "little") * 90 for i in range(150)]
        await asyncio.gather(*(echo.link.write_command(echo.remote, value) for value in values))
        await until(lambda: len(echo.local_heard.values) == len(values))
        assert echo.local_heard.values == values
        with pytest.raises(CallerError):
            await echo.link.write_command(echo.remote, bytes(echo.link.max_value_octets + 1))


@in_world_time
async def test_published_values_reach_each_client_that_subscribed(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        heard = [echo.remote_heard, Heard(), Heard()]
        links = [echo.link, await another(world, echo), await another(world, echo)]
        for link, listener in zip(links, heard, strict=True):
            (service,) = await link.discover([ECHO_SERVICE])
            link.listen(service.characteristics[0], listener)
            if link is not links[-1]:
                await link.subscribe(service.characteristics[0], notify=True, indicate=False)
        await world.told(lambda: echo.local_heard.subscriptions)
        values = [number.to_bytes(2, "little") for number in range(50)]
        for value in values:
            await echo.peripheral.backend.publish(echo.local, value)
        await until(lambda: len(heard[1].values) == len(heard[0].values) == len(values))
        assert [each.values for each in heard] == [values, values, []]
        await echo.peripheral.backend.publish(echo.local, bytes(600))
        await until(lambda: len(heard[0].values) > len(values))
        assert len(heard[0].values[-1]) == echo.link.max_value_octets


@in_world_time
async def test_publishing_waits_until_it_is_confirmed(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=False, indicate=True)
        await world.told(lambda: any(echo.local_heard.subscriptions[-1:]))
        for value in (b"one", b"two"):
            await echo.peripheral.backend.publish(echo.local, value)
            await world.told(lambda: echo.remote_heard.values)
            assert echo.remote_heard.values.pop() == value
        await echo.link.subscribe(echo.remote, notify=False, indicate=False)
        await world.told(lambda: not any(echo.local_heard.subscriptions[-1]))
        await echo.peripheral.backend.publish(echo.local, b"three")
        assert echo.remote_heard.values == []


@in_world_time
async def test_whoever_subscribed_can_be_sent_to(make_world: MakeWorld) -> None:
    """A link, or one object for all clients: what a listener hears of is what takes packets."""
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=True, indicate=False)
        await echo.link.write(echo.remote, b"packet")
        await world.told(lambda: len(echo.local_heard.clients) == 2)
        subscriber, writer = echo.local_heard.clients
        assert subscriber is writer
        assert subscriber in echo.peripheral.backend.subscribers
        assert subscriber.connected
        assert subscriber.max_value_octets == echo.link.max_value_octets
        assert subscriber.subscription(echo.local) == (True, False)
        await subscriber.notify(echo.local, b"answer")
        await until(lambda: echo.remote_heard.values == [b"answer"])


@in_world_time
async def test_what_cannot_be_told_is_refused(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        if Capability.SUBSCRIBERS not in echo.peripheral.backend.capabilities:
            with pytest.raises(NotImplementedError, match=echo.peripheral.backend.platform):
                echo.incoming.subscription(echo.local)


@pytest.mark.needs(Capability.SUBSCRIBERS)
@in_world_time
async def test_notifications_keep_their_order(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=True, indicate=False)
        assert echo.incoming.subscription(echo.local) == (True, False)
        values = [i.to_bytes(2, "little") * 100 for i in range(150)]
        for value in values:
            await echo.incoming.notify(echo.local, value)
        await until(lambda: len(echo.remote_heard.values) == len(values))
        assert echo.remote_heard.values == values
        await echo.incoming.notify(echo.local, bytes(600))
        await until(lambda: len(echo.remote_heard.values) > len(values))
        assert len(echo.remote_heard.values[-1]) == echo.link.max_value_octets


@pytest.mark.needs(Capability.SUBSCRIBERS)
@in_world_time
async def test_indications_wait_for_their_confirmation(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=False, indicate=True)
        for value in (b"one", b"two"):
            await echo.incoming.indicate(echo.local, value)
            await world.told(lambda: echo.remote_heard.values)
            assert echo.remote_heard.values.pop() == value
        echo.link.unlisten(echo.remote, echo.remote_heard)
        await echo.incoming.indicate(echo.local, b"three")
        assert echo.remote_heard.values == []


@in_world_time
async def test_the_end_of_the_link_reaches_all_listeners_first(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=True, indicate=False)
        await echo.link.disconnect()
        await until(lambda: echo.local_heard.closed and echo.remote_heard.closed)
        first, last = echo.local_heard.subscriptions
        assert any(first)
        assert not any(last)
        assert (echo.local_heard.closed, echo.remote_heard.closed) == (1, 1)


@in_world_time
async def test_what_waits_for_the_peer_fails_when_the_link_ends(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        world.silence(echo.incoming)
        waiting = [
            asyncio.ensure_future(call)
            for call in (
                echo.link.read(echo.remote),
                echo.link.write(echo.remote, b"x"),
                echo.link.discover(None),
            )
        ]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        await echo.incoming.disconnect()
        for task in waiting:
            with pytest.raises(LinkLost):
                await task


@in_world_time
async def test_a_cancelled_call_leaves_the_bearer_usable(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.local.value = b"echo"
        task = asyncio.ensure_future(echo.link.read(echo.remote))
        await asyncio.sleep(0)
        task.cancel()
        assert await echo.link.read(echo.remote) == b"echo"


@in_world_time
async def test_both_ends_are_client_and_server_at_once(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        own = add_echo(central.engine.server)
        await world.settled(central)
        (service,) = await incoming.discover([ECHO_SERVICE])
        (remote,) = service.characteristics
        add_echo(peripheral.engine.server, value=b"of peripheral")
        await world.settled(peripheral)
        await asyncio.gather(incoming.write(remote, b"from peripheral"), read_echo(link))
        await world.told(lambda: own.value == b"from peripheral")


@in_world_time
async def test_one_waiting_peer_does_not_hold_up_another(make_world: MakeWorld) -> None:
    async with make_world() as world:
        hub, one, other = [await world.device() for _ in range(3)]
        for device in (one, other):
            add_echo(device.engine.server)
            await device.advertise()
        links = [(await hub.connect(device))[0] for device in (one, other)]
        found = [(await link.discover([ECHO_SERVICE]))[0] for link in links]
        values = [service.characteristics[0] for service in found]
        flood = [
            asyncio.ensure_future(links[0].write_command(values[0], bytes(150))) for _ in range(100)
        ]
        await links[1].write(values[1], b"in between")
        await asyncio.gather(*flood)
