"""What bleak keeps to itself of BlueZ and we need: its table of objects, and its end.

bleak has one manager for each event loop: a connection to D-Bus and a table of all of BlueZ's
objects. It was made to live as long as the program, and to be told of changes by bluetoothd. So it
has no way to be closed, which leaves a task to a loop that ends; it does not hear when bluetoothd
is killed, after which its table is of things that were; and what it has of a peer's values can only
be asked for as a whole.

This is the only module that uses what bleak does not document. `tests/unit` has a test for each
name used here, so that a new bleak that has others is seen before programs do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

# bleak would load its parts for BlueZ at their first use: on the engine's thread, and perhaps at
# the end of a program, which then has not the status of one that Ctrl-C has ended.
import bleak.backends.bluezdbus.scanner  # noqa: F401
from bleak.backends.bluezdbus import client as bleak_client, manager as bleak_manager
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak.backends.bluezdbus.version import BlueZFeatures
from dbus_fast import Message

from bleio.backends.os.bluez.connection import PatientBus

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.bluezdbus.manager import BlueZManager
    from bleak.backends.service import BleakGATTServiceCollection

_GATT = (
    "org.bluez.GattService1",
    "org.bluez.GattCharacteristic1",
    "org.bluez.GattDescriptor1",
)

_users: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()

CATCH_UP_S = 2.0

Found = tuple[str, str]  # object path and UUID


def enter() -> None:
    """This loop's manager has one user more.

    bleak need not look for BlueZ's version, for which it starts a program that may not be there.
    Its connections to D-Bus outlive bursts of writes, as ours does.
    """
    for module in (bleak_manager, bleak_client):
        module.MessageBus = PatientBus  # type: ignore[attr-defined]
    BlueZFeatures.checked_bluez_version = True
    loop = asyncio.get_running_loop()
    _users[loop] = _users.get(loop, 0) + 1


async def leave() -> None:
    """It has one user less; the last one ends it."""
    loop = asyncio.get_running_loop()
    _users[loop] = _users.get(loop, 1) - 1
    if _users[loop] > 0:
        return
    manager = bleak_manager._global_instances.pop(loop, None)
    if manager is not None:
        watcher = manager._bus_watcher_task
        if watcher is not None:  # first, or it would warn of a loss
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        if manager._bus is not None:
            manager._bus.disconnect()


def renew() -> None:
    """Have the manager connect anew when it is needed next: what it has in its table is gone.

    It tells all its clients that their links have ended.
    """
    manager = _this_loops()
    if manager is not None and manager._bus is not None:
        manager._bus.disconnect()


def _this_loops() -> BlueZManager | None:
    return bleak_manager._global_instances.get(asyncio.get_running_loop())


async def be_ready() -> None:
    """Have the manager's table complete before anything happens that it is to hear of.

    What comes while it takes its first look at BlueZ's objects may be lost to it.

    Raises: BleakError.
    """
    await get_global_bluez_manager()


async def has_seen_connected(device: str, patience_s: float) -> bool:
    """Wait until bleak knows, by its own connection, that a device is connected."""
    manager = await get_global_bluez_manager()
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + patience_s
    while not manager.is_connected(device):
        if clock() > deadline_s:
            return False
        await asyncio.sleep(0.005)
    return True


async def services(device: str) -> BleakGATTServiceCollection:
    """Return what a connected device has now. Raises: BleakError.

    bleak 3.1 stumbles over values that have gone while their service has stayed; they are taken
    out first.
    """
    manager = await get_global_bluez_manager()
    for held in (manager._characteristic_map, manager._descriptor_map):
        for owner, paths in held.items():
            if owner.startswith(device + "/"):
                paths.intersection_update(tuple(manager._properties))
    return await manager.get_services(device, False, None)


def uuid_at(path: str) -> str | None:
    """Return the UUID of the characteristic or descriptor that has this path now."""
    manager = _this_loops()
    if manager is None:
        return None
    for _, uuid in _gatt_of(manager, path):
        return uuid
    return None


def values_below(device: str) -> frozenset[Found]:
    """Return path and UUID of all that a device has now: services, their values, descriptors."""
    manager = _this_loops()
    if manager is None:
        return frozenset()
    below = device + "/"
    paths = [path for path in manager._properties if path.startswith(below)]
    return frozenset(each for path in paths for each in _gatt_of(manager, path))


def _gatt_of(manager: BlueZManager, path: str) -> Iterator[Found]:
    interfaces: dict[str, Any] = manager._properties.get(path, {})
    for interface in _GATT:
        if interface in interfaces:
            yield path, str(interfaces[interface].get("UUID", ""))


async def catch_up() -> None:
    """Wait until bleak has heard all that BlueZ has told until now."""
    manager = _this_loops()
    if manager is None or manager._bus is None:
        return
    ping = Message(
        destination="org.bluez",
        path="/org/bluez",
        interface="org.freedesktop.DBus.Peer",
        member="Ping",
    )
    with suppress(Exception):  # the connection is gone, which is told elsewhere
        await asyncio.wait_for(manager._bus.call(ping), CATCH_UP_S)


async def release(client: BleakClient) -> None:
    """Give a client's connection to D-Bus back without ending the link."""
    backend: Any = client._backend
    backend._on_disconnected()
    await backend._release_bus()
