"""GATT over a link: every operation of `Link` in both roles."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.base import Link
from bleio.core.codes import AttErrorCode
from bleio.errors import AttError, CallerError, LinkLost
from bleio.gatt.model import LocalCharacteristic, RemoteCharacteristic
from support.hci.engine import ECHO, ECHO_SERVICE, Heard, add_echo, asynchronous, until
from support.hci.world import MakeWorld, World, connected_pair
from support.records import at


class Echo:
    """One link with the echo service on the peripheral, seen from both ends."""

    link: Link
    incoming: Link
    local: LocalCharacteristic
    remote: RemoteCharacteristic

    def __init__(self) -> None:
        self.local_heard, self.remote_heard = Heard(), Heard()


async def echo_pair(world: World) -> Echo:
    echo = Echo()
    _, peripheral, echo.link, echo.incoming = await connected_pair(world)
    echo.local = add_echo(peripheral.engine.server)
    echo.local.listeners.append(echo.local_heard)
    (service,) = await echo.link.discover([ECHO_SERVICE])
    (echo.remote,) = service.characteristics
    return echo


@asynchronous
async def test_discovery(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        assert echo.remote.uuid == ECHO
        assert echo.remote.properties == echo.local.properties
        services = await echo.link.discover(None)
        assert [service.uuid for service in services][-1] == ECHO_SERVICE
        assert await echo.link.discover([]) == []


@pytest.mark.parametrize("octets", [0, 20, 300, 509, 510, 512])
@asynchronous
async def test_values_of_any_length(make_world: MakeWorld, octets: int) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        value = bytes(i & 0xFF for i in range(octets))
        await echo.link.write(echo.remote, value)
        assert echo.local.value == value
        assert echo.local_heard.values == [value]
        assert await echo.link.read(echo.remote) == value


@asynchronous
async def test_errors_of_the_peer(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        with pytest.raises(AttError) as caught:
            await echo.link.read(at(0x0FFF))
        assert caught.value.code == AttErrorCode.INVALID_HANDLE
        with pytest.raises(AttError) as caught:
            await echo.link.write(at(3), b"")
        assert caught.value.code == AttErrorCode.WRITE_NOT_PERMITTED


@asynchronous
async def test_write_commands_keep_their_order(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        values = [i.to_bytes(2, "little") * 100 for i in range(150)]
        await asyncio.gather(*(echo.link.write_command(echo.remote, value) for value in values))
        await until(lambda: len(echo.local_heard.values) == len(values))
        assert echo.local_heard.values == values
        with pytest.raises(CallerError):
            await echo.link.write_command(echo.remote, bytes(echo.link.max_value_octets + 1))


@asynchronous
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


@asynchronous
async def test_indications_wait_for_their_confirmation(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=False, indicate=True)
        for value in (b"one", b"two"):
            await echo.incoming.indicate(echo.local, value)
            assert echo.remote_heard.values[-1] == value
        echo.link.unlisten(echo.remote, echo.remote_heard)
        await echo.incoming.indicate(echo.local, b"three")
        assert echo.remote_heard.values == [b"one", b"two"]


@asynchronous
async def test_the_end_of_the_link_reaches_all_listeners_first(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.link.listen(echo.remote, echo.remote_heard)
        await echo.link.subscribe(echo.remote, notify=True, indicate=True)
        await echo.link.disconnect()
        await until(lambda: echo.local_heard.closed and echo.remote_heard.closed)
        assert echo.local_heard.subscriptions == [(True, True), (False, False)]
        assert (echo.local_heard.closed, echo.remote_heard.closed) == (1, 1)


@asynchronous
async def test_what_waits_for_the_peer_fails_when_the_link_ends(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        echo.incoming.bearer.received = lambda pdu: None  # type: ignore[attr-defined]
        waiting = [
            asyncio.ensure_future(call)
            for call in (
                echo.link.read(at(3)),
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


@asynchronous
async def test_a_cancelled_call_leaves_the_bearer_usable(make_world: MakeWorld) -> None:
    async with make_world() as world:
        echo = await echo_pair(world)
        task = asyncio.ensure_future(echo.link.read(at(3)))
        await asyncio.sleep(0)
        task.cancel()
        assert await echo.link.read(at(3)) == b"device"


@asynchronous
async def test_both_ends_are_client_and_server_at_once(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, _, link, incoming = await connected_pair(world)
        own = add_echo(central.engine.server)
        (service,) = await incoming.discover([ECHO_SERVICE])
        (remote,) = service.characteristics
        await asyncio.gather(incoming.write(remote, b"from peripheral"), link.read(at(3)))
        assert own.value == b"from peripheral"


@asynchronous
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
            asyncio.ensure_future(links[0].write_command(values[0], bytes(500))) for _ in range(100)
        ]
        await links[1].write(values[1], b"in between")
        await asyncio.gather(*flood)
