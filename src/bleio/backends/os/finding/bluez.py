"""What BlueZ says of its adapters, without using any.

Unlike a program that opens one, a look does not start bluetoothd by D-Bus, chooses nothing and
waits for nothing to come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from bleio.backends.os.bluez import troubles
from bleio.backends.os.bluez.adapter import version_of
from bleio.backends.os.bluez.bus import NO_REPLY, SERVICE_UNKNOWN, BusError
from bleio.backends.os.bluez.connection import BusUnavailable
from bleio.backends.os.bluez.objects import ADAPTER, Objects

LOOK_S = 8.0


class BluezAdapter(NamedTuple):
    """An adapter of BlueZ's. `trouble`: why it cannot be used, with what to do; "" if it can."""

    name: str
    version: tuple[int, int] | None
    discovering: bool
    trouble: str


async def look_at_bluez() -> tuple[BluezAdapter, ...]:
    """Return the adapters. Raises: ControllerLost with a sentence if there is none."""
    objects = Objects()
    try:
        return await asyncio.wait_for(_look(objects), LOOK_S)
    except (asyncio.TimeoutError, TimeoutError):
        raise troubles.no_daemon(BusError(NO_REPLY, f"no answer in {LOOK_S:g} s")) from None
    except BusUnavailable as error:
        raise troubles.no_bus(error) from error
    except BusError as error:
        raise troubles.no_daemon(error) from error
    finally:
        await objects.close()


async def _look(objects: Objects) -> tuple[BluezAdapter, ...]:
    await objects.bus.open()
    if not objects.bus.daemon:  # a call would start it
        raise BusError(SERVICE_UNKNOWN, "The name org.bluez has no owner")
    await objects.fill()
    paths = objects.paths(ADAPTER)
    if not paths:
        raise troubles.no_adapter(None, [])
    return tuple([await _adapter(objects, path) for path in paths])


async def _adapter(objects: Objects, path: str) -> BluezAdapter:
    name = path.rpartition("/")[2]
    properties: Mapping[str, Any] = objects.get(path, ADAPTER) or {}
    trouble = ""
    if not properties.get("Powered"):
        blocked = "soft" if properties.get("PowerState") == "off-blocked" else None
        if objects.bus.passes_descriptors:
            blocked = await asyncio.to_thread(troubles.blocked_by_rfkill, name) or blocked
        trouble = str(troubles.powered_off(name, blocked))
    version = version_of(str(properties.get("Modalias", "")))
    return BluezAdapter(name, version, bool(properties.get("Discovering")), trouble)
