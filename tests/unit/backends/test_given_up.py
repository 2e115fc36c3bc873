"""Calls that are given up at any moment: the same call again succeeds, and nothing is left behind.

What a program asks for takes several commands, and it may give up between any two of them, by a
cancelled task or by Ctrl-C. So each test is a row of runs: in the first, the controller keeps its
answer to the first command back, and the call is cancelled while it does; in the second, that to
the second command, and so on, until the call ends before so many commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any
from unittest import mock

import pytest

from bleio.backends.base import AdvertisingParameters, ScanParameters
from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.gap.identity import any_static_address
from bleio.core.address import DeviceAddress
from bleio.errors import ConnectTimeout, InnerError
from bleio.radio.connection import control
from bleio.runtime.activity import Activity
from bleio.runtime.loop import Tasks
from support.hci.engine import asynchronous, until
from support.hci.held import Held, hold, turns
from support.hci.privacy import CONTROLLERS, set_private
from support.hci.simulated import simulated
from support.hci.world import (
    BumbleWorld,
    Device,
    LegacyWorld,
    ListenWorld,
    MakeWorld,
    SharedWorld,
    VirtualWorld,
    World,
)

NOWHERE = DeviceAddress(b"\x01\x02\x03\x04\x05\xc6", random=True)
LONG = bytes((250, 0xFF)) + bytes(249) + bytes((200, 0xFF)) + bytes(199)  # takes two commands
WORLDS: dict[str, MakeWorld] = {
    "virtual": VirtualWorld,
    "legacy": LegacyWorld,
    "listen": ListenWorld,
    "bumble": BumbleWorld,
    "shared": SharedWorld,
}


class User:
    """What a program does with an adapter, as `runtime.gap` does it."""

    def __init__(self, device: Device, held: Held) -> None:
        self.device, self.backend, self.held = device, device.backend, held
        tasks = Tasks()
        self.scanner = Activity("already scanning", tasks)
        self.advertiser = Activity("already advertising", tasks)

    async def scan(self, **parameters: Any) -> None:
        start = partial(self.backend.start_scan, ScanParameters(**parameters))
        await self.scanner.start(start, self.backend.stop_scan, 0)

    async def advertise(self, data: bytes = b"\x02\x01\x06", **parameters: Any) -> None:
        parameters = {"interval_us": 20_000, **parameters}
        start = partial(self.backend.start_advertising, AdvertisingParameters(data, **parameters))
        await self.advertiser.start(start, self.backend.stop_advertising, 0)

    async def connect_nowhere(self) -> None:
        with pytest.raises(ConnectTimeout):
            await self.backend.connect(NOWHERE, 0.05)

    async def stop_scan(self) -> None:
        await self.scanner.stop()

    async def stop_advertising(self) -> None:
        await self.advertiser.stop()

    async def new_address(self) -> None:
        await self.backend.set_address(any_static_address(0))

    async def quiet(self) -> None:
        """End all, and see that nothing is left."""
        await self.scanner.stop()
        await self.advertiser.stop()
        await until(lambda: not self.held.on_air, "what is on air to end")
        assert not self.held.refused


async def _nothing(user: User) -> None:
    """Nothing is under way."""


# What is under way before, what is given up, and what else is asked for at the same time.
Act = Callable[[User], Awaitable[Any]]
CASES: dict[str, tuple[Act, Act, Act | None]] = {
    "scan": (_nothing, User.scan, None),
    "stop a scan": (User.scan, User.stop_scan, None),
    "advertise": (_nothing, User.advertise, None),
    "advertise much": (_nothing, partial(User.advertise, data=LONG, connectable=False), None),
    "advertise anonymously": (_nothing, partial(User.advertise, anonymous=True), None),
    "advertise to one": (_nothing, partial(User.advertise, data=b"", directed_to=NOWHERE), None),
    "stop advertising": (User.advertise, User.stop_advertising, None),
    "connect": (_nothing, User.connect_nowhere, None),
    "set address": (_nothing, User.new_address, None),
    "scan while advertising": (User.advertise, User.scan, None),
    "advertise while scanning": (User.scan, User.advertise, None),
    "connect while advertising": (User.advertise, User.connect_nowhere, None),
    "scan as advertising begins": (_nothing, User.scan, User.advertise),
    "advertise as a scan begins": (_nothing, User.advertise, User.scan),
    "connect as advertising begins": (_nothing, User.connect_nowhere, User.advertise),
    "stop a scan as advertising begins": (User.scan, User.stop_scan, User.advertise),
    "stop advertising as a scan begins": (User.advertise, User.stop_advertising, User.scan),
}
TURNS = 8  # of the loop, in which what waits for an answer goes on
LONGER_DATA = {"advertise much"}  # than legacy packets hold


async def given_up_everywhere(
    make_user: Callable[[], Awaitable[User]], before: Act, act: Act, beside: Act | None = None
) -> None:
    """Give an act up at each command that it, or what is beside it, takes."""
    command = 1
    while await given_up(await make_user(), before, act, beside, command, late=False):
        assert await given_up(await make_user(), before, act, beside, command, late=True)
        command += 1
    assert command > 1


async def given_up(
    user: User, before: Act, act: Act, beside: Act | None, command: int, late: bool
) -> bool:
    """Give an act up at one command, then do it again. Returns: whether there are so many.

    Args: late: the controller answers only when the act is called again.
    """
    await before(user)
    user.held.refused.clear()
    reached = asyncio.Event()
    user.held.hold_at(command, reached.set)
    others = [] if beside is None else [asyncio.ensure_future(beside(user))]
    task = asyncio.ensure_future(act(user))
    waits = {
        asyncio.ensure_future(reached.wait()),
        asyncio.ensure_future(asyncio.wait({task, *others})),
    }
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()
    if not reached.is_set():
        user.held.release()
        await asyncio.gather(task, *others)
        await user.quiet()
        return False
    was_done = task.done()
    task.cancel()
    await turns(3)
    if late:
        again = asyncio.ensure_future(act(user))
        await turns(3)
        user.held.release()
    else:
        user.held.release()
        await asyncio.wait({task})
        again = asyncio.ensure_future(act(user))
    await asyncio.gather(again, *others)
    assert was_done or task.cancelled()
    await user.quiet()
    return True


async def refused_everywhere(
    make_user: Callable[[], Awaitable[User]], before: Act, act: Act, beside: Act | None = None
) -> None:
    """Have each command of an act refused, and give the act up in each turn of the loop that
    follows. What it raises is nobody's then: there must be no complaint about that."""
    command = 1
    while [
        await refused(await make_user(), before, act, command, after) for after in range(TURNS)
    ] != [False] * TURNS:
        command += 1
    assert command > 1


async def refused(user: User, before: Act, act: Act, command: int, after_turns: int) -> bool:
    """Have one command of an act refused. Returns: whether there are so many."""
    await before(user)
    reached = asyncio.Event()
    user.held.hold_at(command, reached.set)
    task = asyncio.ensure_future(act(user))
    waits = {asyncio.ensure_future(reached.wait()), asyncio.ensure_future(asyncio.wait({task}))}
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()
    user.held.release(refused=True)
    if reached.is_set():
        await turns(after_turns)
        task.cancel()
    with suppress(asyncio.CancelledError, InnerError):
        await task
    return reached.is_set()


Everywhere = Callable[..., Awaitable[None]]


def _run(
    make_world: MakeWorld,
    case: str,
    make_user: Callable[[Any], Awaitable[User]],
    everywhere: Everywhere = given_up_everywhere,
) -> None:
    async def run() -> None:
        async with make_world() as world:

            async def user() -> User:
                for former in world.devices:
                    await world.finish(former)
                return await make_user(world)

            await everywhere(user, *CASES[case])

    (simulated if make_world.simulated else asynchronous)(run)()


async def _user(world: World) -> User:
    device = await world.device(open_it=False)
    held = hold(device.backend)
    await device.open()
    return User(device, held)


async def _private_user(world: World) -> User:
    user = await _user(world)
    user.backend._open.bonds.save(Bond(NOWHERE, bytes(16), irk=bytes(range(16))), True)
    set_private(user.device)
    return user


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", WORLDS)
def test_given_up_at_each_command(name: str, case: str) -> None:
    if case in LONGER_DATA and name in ("legacy", "bumble"):
        pytest.skip("these controllers cannot advertise so much")
    _run(WORLDS[name], case, _user)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_given_up_with_a_private_address(controller: str, case: str) -> None:
    """The peer that is connected to has one as well: it is looked for, or in the controller."""
    if case in LONGER_DATA and controller in ("legacy advertising", "oldest"):
        pytest.skip("this controller cannot advertise so much")

    with mock.patch.object(control, "LL_FEATURES", control.LL_FEATURES & ~CONTROLLERS[controller]):
        _run(VirtualWorld, case, _private_user)


@pytest.mark.parametrize("case", [case for case, (*_, beside) in CASES.items() if beside is None])
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_given_up_as_the_controller_refuses(controller: str, case: str) -> None:
    if case in LONGER_DATA and controller in ("legacy advertising", "oldest"):
        pytest.skip("this controller cannot advertise so much")
    with mock.patch.object(control, "LL_FEATURES", control.LL_FEATURES & ~CONTROLLERS[controller]):
        _run(VirtualWorld, case, _private_user, refused_everywhere)
