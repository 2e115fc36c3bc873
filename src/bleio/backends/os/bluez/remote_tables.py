"""What peers have, as BlueZ knows it.

Stale tables. BlueZ keeps a peer's services for the next time. When it connects again it compares
the Database Hash, and looks at all of it again where there is none, before it says
ServicesResolved. So what is there then is right (tried with 5.66, bonded and not, with hash and
without), and nothing has to be forgotten first. While the link is up, changes come a moment after
the peer's Service Changed, which links hear as well; so `settled` knows that there is something to
wait for. What has been told may still be on its way, so a value that has no meaning here is read
first, and the answer comes behind it. It must not be the hash: BlueZ would take what was read for
what it knew before, and see no change. BlueZ itself reads the hash when it has looked at the new
table, which is how the end of that is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bleio.backends.os.bluez import bleak_table
from bleio.backends.os.bluez.bus import Bus, BusError
from bleio.backends.os.bluez.objects import PROPERTIES
from bleio.backends.os.links.changes import Changes
from bleio.backends.os.links.errors import inner_error
from bleio.backends.os.links.plain import ATT_OVERHEAD_OCTETS
from bleio.core.codes import AttErrorCode, GattUuid
from bleio.core.uuid import expand, to_text, uuid16
from bleio.errors import AttError

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.service import BleakGATTServiceCollection

SETTLE_S = 4.0
QUIET_S = 0.25  # BlueZ tells a new table in one go
LOOK_S = 0.05
DEFAULT_MTU = 23

_CHARACTERISTIC = "org.bluez.GattCharacteristic1"
_HASH = to_text(expand(uuid16(GattUuid.DATABASE_HASH)))
_HARMLESS = tuple(
    to_text(expand(uuid16(each)))
    for each in (GattUuid.SERVER_SUPPORTED_FEATURES, GattUuid.CLIENT_SUPPORTED_FEATURES)
)


class BlueZTables:
    """See `Tables` and the module. Args: `bus`: returns our connection to D-Bus."""

    chooses = False
    echoes = True
    hears_changes = True
    declared = 1

    def __init__(self, bus: Callable[[], Bus]) -> None:
        self._bus = bus

    async def services(self, client: BleakClient) -> BleakGATTServiceCollection:
        device = _device_of(client.services)
        return client.services if device is None else await bleak_table.services(device)

    def is_valid(self, value: Any) -> bool:
        return bool(bleak_table.uuid_at(value.obj[0]) == value.uuid)

    async def mtu(self, client: BleakClient) -> int:
        """What bleak has is of when the characteristic came, which may be before the exchange."""
        largest = 0
        for each in client.services.characteristics.values():
            now = await self._property(each.obj[0], "MTU")
            if isinstance(now, int):
                return now
            largest = max(largest, each.max_write_without_response_size)
        return largest + ATT_OVERHEAD_OCTETS if largest else DEFAULT_MTU

    async def _property(self, path: str, name: str) -> Any:
        """Return a characteristic's property as it is now, None if it has none."""
        with suppress(BusError, IndexError):
            asked = (path, PROPERTIES, "Get", "ss", _CHARACTERISTIC, name)
            return (await self._bus().call(*asked))[0]
        return None

    # Changes

    async def mark(self, client: BleakClient) -> bytes:
        for each in client.services.characteristics.values():
            if each.uuid == _HASH:
                value = await self._property(each.obj[0], "Value")
                return value if isinstance(value, bytes) else b""
        return b""

    async def settled(
        self, client: BleakClient, known: BleakGATTServiceCollection, changes: Changes
    ) -> bool:
        if not changes.pending and not await self._is_out_of_sync(client, known):
            await bleak_table.catch_up()
            if not changes.pending:
                return False
        clock = asyncio.get_running_loop().time
        deadline_s, mark = clock() + SETTLE_S, changes.mark
        while mark and clock() < deadline_s and changes.mark == mark:
            await asyncio.sleep(LOOK_S)
            changes.mark = await self.mark(client)
        if not mark:
            await self._until_quiet(known, deadline_s)
        await bleak_table.catch_up()
        changes.pending = False
        return True

    async def _until_quiet(self, known: BleakGATTServiceCollection, deadline_s: float) -> None:
        """Wait until there are other values than were known, and then no others for a moment."""
        device, clock = _device_of(known), asyncio.get_running_loop().time
        if device is None:
            return
        last = before = frozenset(
            (each.obj[0], each.uuid)
            for kind in (known.services, known.characteristics, known.descriptors)
            for each in kind.values()
        )
        now = bleak_table.values_below(device)
        while clock() < deadline_s and (now == before or now != last):
            await asyncio.sleep(QUIET_S)
            last, now = now, bleak_table.values_below(device)

    async def _is_out_of_sync(self, client: BleakClient, known: BleakGATTServiceCollection) -> bool:
        """Ask the peer anything, so that what it has told before has come; or it says so itself."""
        for each in known.characteristics.values():
            if each.uuid in _HARMLESS and "read" in each.properties:
                try:
                    await client.read_gatt_char(each)
                except Exception as error:
                    inner = inner_error(error)
                    if not isinstance(inner, AttError):
                        raise
                    return inner.code == AttErrorCode.DATABASE_OUT_OF_SYNC
                return False
        return False


def _device_of(services: BleakGATTServiceCollection) -> str | None:
    """Return the object path of the device whose services these are; None if it has none."""
    for service in services.services.values():
        return str(service.obj[0]).rpartition("/")[0]
    return None
