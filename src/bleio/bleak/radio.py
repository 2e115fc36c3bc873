"""What the scanners and clients of one event loop share of an adapter.

An adapter has one scan, and connecting ends it. Programs of bleak have several scanners, which go
on while others connect. So a loop has one scan for all its scanners, which stands still while one
of its clients connects, as BlueZ has it. Clients connect one after the other.

A loop may be closed while tasks of it wait, as at the end of a world. Python collects those then,
and runs what they do at their ends; nothing can be awaited there, so all that is done is to have
links ended.

Scanning and connecting take turns by a lock. The scan is a task that waits for its turn, so nobody
has to wait for it: to begin or end it is done at once, which a cancelled task does not break off
half way.

The adapter is the current one (`_bleio.adapter`), unless the program names one as it does for
BlueZ: `hci0` is the current one, too, `hci1` is the system's of that name, and all else is an
adapter string, such as `virtual:desk`. Named ones are the process's; a simulated device has its own
adapter alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason as Reason,
)

from bleio import aio
from bleio.aio.opening import hears_extended, open_now
from bleio.api import Adapter, Address, Connection, ScanEntry
from bleio.api._current import current_place
from bleio.bleak.errors import as_bleak
from bleio.errors import BluetoothError
from bleio.runtime.engine import has_own_portal

log = logging.getLogger(__name__)

Hear = Callable[[ScanEntry], None]

_BUFFER_OCTETS = 1 << 16  # of a loop that is busy for a while: some thousand advertisements
_RSSI_DBM = -128  # nothing is too weak
_AGAIN_S = 0.1  # after a scan that another part of the program has ended

_named: dict[str, Adapter] = {}
_radios: dict[asyncio.AbstractEventLoop, dict[Adapter, Radio]] = {}
_changing = threading.Lock()  # loops of several threads use both tables


def radio_of(options: Mapping[str, Any], adapter: str | None = None) -> Radio:
    """Return the radio that bleak's options choose, in the running loop.

    Args: options: bleak's `bluez`. adapter: the option of that name before bleak 3.
    Raises: BleakBluetoothNotAvailableError if there is no current adapter; BleakError for a name
        that is none.
    """
    chosen = _adapter(options.get("adapter") or adapter)
    with _changing:
        for closed in [loop for loop in _radios if loop.is_closed()]:
            del _radios[closed]
        radios = _radios.setdefault(asyncio.get_running_loop(), {})
        if chosen not in radios:
            radios[chosen] = Radio(chosen)
        return radios[chosen]


def _adapter(name: str | None) -> Adapter:
    simulated = has_own_portal()
    if name is None or name == "hci0" or (simulated and name == "virtual"):
        current = current_place().adapter
        if not isinstance(current, Adapter):
            raise BleakBluetoothNotAvailableError("No adapter available", Reason.NO_BLUETOOTH)
        return current
    if re.fullmatch(r"hci\d+", name):
        name = f"os:{name}"
    with as_bleak(), _changing:
        if simulated:
            return Adapter(name)  # which tells that a simulated device has no such adapter
        if name not in _named:
            _named[name] = Adapter(name)
        return _named[name]


class Radio:
    """One adapter in one event loop. Thread: the loop's."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[object, tuple[Hear, bool]] = {}
        self._turn = asyncio.Lock()
        self._connecting = 0
        self._scan: asyncio.Task[None] | None = None
        self._begun = asyncio.get_running_loop().create_future()  # what `listen` waits for
        self._begun.set_result(None)
        self._users: dict[Connection, int] = {}  # of links that were made here

    # Scanning

    async def listen(self, owner: object, hear: Hear, *, active: bool) -> None:
        """Call `hear` with all that is heard, until `ignore`.

        While a client connects, this does not wait for the scan. Raises: bleak's errors.
        """
        more = active and not self._is_active()
        self._listeners[owner] = hear, active
        if self._connecting:
            return
        if more or self._scan is None:
            self._end_scan()
            if self._begun.done():
                self._begun = asyncio.get_running_loop().create_future()
                self._begun.add_done_callback(_seen)
            self._begin_scan()
        try:
            with as_bleak():
                await asyncio.shield(self._begun)
        except BaseException:
            await self.ignore(owner)
            self._begin_scan()
            raise

    async def ignore(self, owner: object) -> None:
        """Call it no more; the scan ends with the last one. Idempotent."""
        self._listeners.pop(owner, None)
        if self._loop.is_closed():
            return
        if not self._listeners and (scan := self._end_scan()) is not None:
            await asyncio.wait([scan])

    def _is_active(self) -> bool:
        return any(active for _, active in self._listeners.values())

    def _begin_scan(self) -> None:
        """Begin if somebody listens; does nothing if it has begun."""
        if self._loop.is_closed() or self._connecting:
            return
        if self._listeners and self._scan is None:
            self._scan = asyncio.create_task(self._listening(self._begun))

    def _end_scan(self) -> asyncio.Task[None] | None:
        """Returns: what ends now, to be waited for."""
        scan, self._scan = self._scan, None
        if scan is not None and not self._loop.is_closed():
            scan.cancel()
        return scan

    async def _listening(self, begun: asyncio.Future[None]) -> None:
        """Scan for as long as it takes, anew where something else has ended the scan.

        Args: begun: what tells whoever waits that it has begun, or why it could not.
        """
        told = ""
        while True:
            try:
                async with self._turn:
                    await self._scanning(begun)
                told = ""
            except Exception as error:
                if not begun.done():
                    self._scan = None
                    begun.set_exception(error)
                    return
                if not isinstance(error, BluetoothError):
                    raise
                if told != (told := str(error)):
                    log.warning("The scan has ended, and is tried again: %s", error)
            await asyncio.sleep(_AGAIN_S)

    async def _scanning(self, begun: asyncio.Future[None]) -> None:
        await open_now(self.adapter)
        heard = aio.scan(
            self.adapter,
            buffer_size=_BUFFER_OCTETS,
            extended=hears_extended(self.adapter),
            minimum_rssi=_RSSI_DBM,
            active=self._is_active(),
        )
        async with heard as entries:
            if not begun.done():
                begun.set_result(None)
            async for entry in entries:
                for hear, _ in list(self._listeners.values()):
                    _tell(hear, entry)

    # Connecting

    async def connect(self, address: Address) -> Connection:
        """Return a link to a device: the one that there is, or a new one.

        Raises: errors of ours.
        """
        self._connecting += 1
        self._end_scan()
        try:
            async with self._turn:
                if (connection := self._link_to(address)) is None:
                    connection = await aio.connect(self.adapter, address)
                    self._users = {each: n for each, n in self._users.items() if each.connected}
                    self._users[connection] = 0
        finally:
            self._connecting -= 1
            self._begin_scan()
        if connection in self._users:
            self._users[connection] += 1
        return connection

    async def give_up(self, connection: Connection) -> None:
        """End a link that `connect` returned, unless other parts of the program use it, too."""
        if connection in self._users:
            self._users[connection] -= 1
            if self._users[connection]:
                return
            if self._loop.is_closed():
                let_go(connection)
            else:
                await aio.disconnect(connection)

    def _link_to(self, address: Address) -> Connection | None:
        octets = address.address_bytes
        for each in self.adapter.connections:
            if each.connected and each._link.is_central and each._link.peer.octets == octets:
                return each
        return None


def let_go(connection: Connection) -> None:
    """Have a link ended, and do not wait for that."""
    session = connection._session
    with contextlib.suppress(BluetoothError, RuntimeError):  # the engine has stopped, and the link
        session.engine.post(session.gap.end_link, connection)


def _tell(hear: Hear, entry: ScanEntry) -> None:
    """Tell one listener; the loop reports what its callback raises, and others hear it, too."""
    try:
        hear(entry)
    except Exception as error:
        context = {"message": "Exception in a detection callback", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)


def _seen(begun: asyncio.Future[None]) -> None:
    """Look at its error, also if nobody waits for it any more."""
    if not begun.cancelled():
        begun.exception()
