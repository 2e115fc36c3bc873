"""Tries the adapter that the user has named, as far as it goes without another device.

It is opened, which for a dongle means that the kernel gives it away, advertises for a moment,
listens for a moment, and is closed. Each step has a time limit; what the adapter's platform cannot
do is left out, with its sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bleio import aio
from bleio.api import Adapter
from bleio.cli.diagnosis.bounded import TimedOut, bounded
from bleio.cli.diagnosis.findings import NOTE, OK, PROBLEM, TIMED_OUT, Step
from bleio.cli.shared.fields import ADDRESS_TYPES
from bleio.errors import BluetoothError, notes_of

OPEN_S, STEP_S, LISTEN_S = 75.0, 10.0, 3.0
_CLOSE_S = 10.0


def try_adapter(adapter: Adapter) -> list[Step]:
    """Try it, within the sum of all limits."""
    steps: list[Step] = []
    try:
        bounded(OPEN_S + 4 * STEP_S + LISTEN_S + _CLOSE_S, asyncio.run, _try(adapter, steps))
    except TimedOut as error:
        steps.append(Step("end", TIMED_OUT, str(error)))
    return steps


async def _try(adapter: Adapter, steps: list[Step]) -> None:
    async def step(name: str, what: Callable[[], Awaitable[str]], within_s: float) -> bool:
        steps.append(await _step(name, what, within_s))
        return steps[-1].state in (OK, NOTE)

    if not await step("open", lambda: _open(adapter), OPEN_S):
        return
    await step("address", lambda: _address(adapter), STEP_S)
    await step("advertise", lambda: _advertise(adapter), STEP_S)
    await step("scan", lambda: _scan(adapter), STEP_S + LISTEN_S)
    await step("close", lambda: _close(adapter), _CLOSE_S)


async def _step(name: str, what: Callable[[], Awaitable[str]], within_s: float) -> Step:
    try:
        return Step(name, OK, await asyncio.wait_for(what(), within_s))
    except (asyncio.TimeoutError, TimeoutError):
        return Step(name, TIMED_OUT, f"no answer within {within_s:g} s")
    except NotImplementedError as error:
        return Step(name, NOTE, str(error))
    except (BluetoothError, ValueError, MemoryError, OSError) as error:
        return Step(name, PROBLEM, "\n".join([str(error), *notes_of(error)]))


async def _open(adapter: Adapter) -> str:
    await aio.name(adapter)  # may be set by the environment; then nothing has opened it
    await aio.enable(adapter, False)
    await aio.enable(adapter, True)
    backend = adapter._session.life.backend
    return backend.platform if backend is not None else ""


async def _address(adapter: Adapter) -> str:
    return f"one of type {ADDRESS_TYPES[(await aio.address(adapter)).type]}"


async def _advertise(adapter: Adapter) -> str:
    await aio.start_advertising(adapter, b"\x02\x01\x06")
    await asyncio.sleep(0.2)
    await aio.stop_advertising(adapter)
    return "started and stopped"


async def _scan(adapter: Adapter) -> str:
    heard = set()
    async with aio.scan(adapter, timeout=LISTEN_S, minimum_rssi=-127, buffer_size=65536) as entries:
        async for entry in entries:
            heard.add(entry.address)
    count = len(heard)
    return f"{count or 'no'} device{'s' * (count != 1)} heard in {LISTEN_S:g} s"


async def _close(adapter: Adapter) -> str:
    await aio.enable(adapter, False)
    return ""
