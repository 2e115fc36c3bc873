"""What the scanners and clients of one event loop share of an adapter.

An adapter has one scan, and connecting ends it. Programs of bleak have several scanners, which go
on while others connect. So a loop has one scan for all its scanners, which stands still while one
of its clients connects, as BlueZ has it. Clients connect one after the other.

The adapter is the current one (`_bleio.adapter`), unless the program names one as it does for
BlueZ: `hci0` is the current one, too, `hci1` is the system's of that name, and all else is an
adapter string, such as `virtual:desk`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason as Reason,
)

from bleio import aio
from bleio.api import Adapter, Address, Connection, ScanEntry
from bleio.api._current import current_place
from bleio.bleak.errors import as_bleak
from bleio.errors import BluetoothError

log = logging.getLogger(__name__)

Hear = Callable[[ScanEntry], None]

_BUFFER_OCTETS = 1 << 16  # of a loop that is busy for a while: some thousand advertisements
_RSSI_DBM = -128  # nothing is too weak
_AGAIN_S = 0.1  # after a scan that another part of the program has ended

_named: dict[str, Adapter] = {}
_radios: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Radio]] = WeakKeyDictionary()


def radio_of(options: Mapping[str, Any], adapter: str | None = None) -> Radio:
    """Return the radio that bleak's options choose, in the running loop.

    Args: options: bleak's `bluez`. adapter: the option of that name before bleak 3.
    Raises: BleakBluetoothNotAvailableError if there is no current adapter; BleakError for a name
        that is none.
    """
    chosen = _adapter(options.get("adapter") or adapter)
    radios = _radios.setdefault(asyncio.get_running_loop(), {})
    return radios.setdefault(id(chosen), Radio(chosen))


def _adapter(name: str | None) -> Adapter:
    if name is None or name == "hci0":
        current = current_place().adapter
        if not isinstance(current, Adapter):
            raise BleakBluetoothNotAvailableError("No adapter available", Reason.NO_BLUETOOTH)
        return current
    if re.fullmatch(r"hci\d+", name):
        name = f"os:{name}"
    if name not in _named:
        with as_bleak():
            _named[name] = Adapter(name)
    return _named[name]


class Radio:
    """One adapter in one event loop. Thread: the loop's."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._listeners: dict[object, tuple[Hear, bool]] = {}
        self._changing = asyncio.Lock()
        self._scan: asyncio.Task[None] | None = None

    # Scanning

    async def listen(self, owner: object, hear: Hear, *, active: bool) -> None:
        """Call `hear` with all that is heard, until `ignore`. Raises: bleak's errors."""
        async with self._changing:
            restart = self._scan is None or (active and not self._is_active())
            self._listeners[owner] = hear, active
            try:
                if restart:
                    await self._stop()
                    await self._start()
            except BaseException:
                del self._listeners[owner]
                raise

    async def ignore(self, owner: object) -> None:
        """Call it no more; the scan ends with the last one. Idempotent."""
        if self._listeners.pop(owner, None) is not None:
            async with self._changing:
                if not self._listeners:
                    await self._stop()

    def _is_active(self) -> bool:
        return any(active for _, active in self._listeners.values())

    async def _start(self) -> None:
        """Begin to scan, in a task of its own. Raises: why it could not."""
        begun = asyncio.get_running_loop().create_future()
        self._scan = asyncio.create_task(self._listening(begun))
        try:
            with as_bleak():
                await begun
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        scan, self._scan = self._scan, None
        if scan is not None:
            scan.cancel()
            await asyncio.wait([scan])

    async def _listening(self, begun: asyncio.Future[None]) -> None:
        """Scan for as long as it takes, anew where something else has ended the scan."""
        while True:
            try:
                await self._scanning(begun)
            except Exception as error:
                if not begun.done():
                    begun.set_exception(error)
                    return
                log.warning("The scan has ended: %s", error)
                if not isinstance(error, BluetoothError):
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def _scanning(self, begun: asyncio.Future[None]) -> None:
        heard = aio.scan(
            self.adapter,
            buffer_size=_BUFFER_OCTETS,
            extended=True,
            minimum_rssi=_RSSI_DBM,
            active=self._is_active(),
        )
        async with heard as entries:
            if not begun.done():
                begun.set_result(None)
            async for entry in entries:
                for hear, _ in list(self._listeners.values()):
                    hear(entry)

    # Connecting

    async def connect(self, address: Address) -> Connection:
        """Return a link to a device: the one that there is, or a new one.

        Raises: errors of ours.
        """
        async with self._changing:
            if (link := self._link_to(address)) is not None:
                return link
            await self._stop()
            try:
                connection: Connection = await aio.connect(self.adapter, address)
                return connection
            finally:
                if self._listeners:
                    await self._start()

    def _link_to(self, address: Address) -> Connection | None:
        octets = address.address_bytes
        for each in self.adapter.connections:
            if each.connected and each._link.is_central and each._link.peer.octets == octets:
                return each
        return None
