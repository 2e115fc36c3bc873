"""Two adapters in one process and loops of asyncio, for tests of `bleio.aio`."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from _bleio import UUID, Adapter, Characteristic, Connection, Service

from bleio import aio
from support.patience import PATIENCE_S

_numbers = itertools.count()

READ, WRITE, NO_RESPONSE = (
    Characteristic.READ,
    Characteristic.WRITE,
    Characteristic.WRITE_NO_RESPONSE,
)
NOTIFY, INDICATE = Characteristic.NOTIFY, Characteristic.INDICATE


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of its own, and see that nothing of it stays."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def patiently() -> None:
            await asyncio.wait_for(test(*args, **kwargs), PATIENCE_S)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(patiently())

    return run


class Link(NamedTuple):
    """One link, as both ends see it."""

    central: Adapter
    peripheral: Adapter
    outgoing: Connection
    incoming: Connection

    async def remote(self, local: Characteristic) -> Characteristic:
        """Discover the counterpart of a local characteristic."""
        for service in await aio.discover(self.outgoing):
            for found in service.characteristics:
                if found.uuid == local.uuid:
                    return found
        raise AssertionError(f"{local} was not discovered")


async def linked(central: Adapter, peripheral: Adapter) -> Link:
    """Advertise and connect."""
    await aio.start_advertising(peripheral, b"\x02\x01\x06", interval=0.02)
    outgoing = await aio.connect(central, await aio.address(peripheral))
    return Link(central, peripheral, outgoing, await aio.connected(peripheral))


def served(properties: int, **options: Any) -> Characteristic:
    """Serve a characteristic on the current adapter."""
    service = Service(UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e"))
    uuid = UUID(0xE000 + next(_numbers))
    return Characteristic.add_to_service(service, uuid, properties=properties, **options)


@asynccontextmanager
async def running(awaitable: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Have something run beside, which has begun to wait when this is entered."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(0.02)  # nothing depends on it but how deep it waits
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for what nobody announces."""
    while not condition():
        await asyncio.sleep(0.005)


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and see it end so."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
