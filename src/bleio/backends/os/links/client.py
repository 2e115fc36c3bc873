"""GATT procedures by bleak's client, on records of ours.

One of these belongs to one link and runs one procedure at a time; `links.link` sees to that, to the
link's end and to time limits. What bleak raises comes out as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from bleio.backends.os.links.changes import Changes, service_changed_in
from bleio.backends.os.links.errors import NO_CCCD, inner_error
from bleio.backends.os.links.subscriptions import Feed, Key, Subscriptions, key_of
from bleio.backends.os.links.values import MOST_VALUES, Values
from bleio.backends.os.system import Tables
from bleio.core.codes import AttErrorCode, GattUuid, Properties
from bleio.core.uuid import shorten, uuid16
from bleio.errors import AttError, CallerError
from bleio.gatt.model import (
    MAX_VALUE_OCTETS,
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteService,
    RemoteValue,
)

if TYPE_CHECKING:
    from bleak import BleakClient

T = TypeVar("T")

_CCCD = uuid16(GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION)
_SENT = Properties.NOTIFY | Properties.INDICATE


class RemoteClient:
    """See the module. It can do nothing before `begin`."""

    def __init__(self, tables: Tables) -> None:
        self.client: BleakClient | None = None
        self.subscriptions = Subscriptions()
        self._tables = tables
        self._values: Values | None = None
        self._changes = Changes()
        self._gone: dict[Key, RemoteCharacteristic] = {}  # what the peer has no longer

    async def begin(self, client: BleakClient) -> None:
        """Use a connected client from now on."""
        self.client, self._values = client, Values(client.services, self._tables.declared)
        told = (
            service_changed_in(self._values.records(None)) if self._tables.hears_changes else None
        )
        if told is not None:
            feed = self.subscriptions.of(told)
            feed.listeners.append(self._changes)
            with suppress(Exception):  # another program has it to itself
                await self._start(told, feed, indicate=True)
                feed.started, feed.is_kept = (False, True), True
        self._changes.mark = await self._tables.mark(client)

    @property
    def _connected(self) -> BleakClient:
        assert self.client is not None
        return self.client

    @property
    def _known(self) -> Values:
        assert self._values is not None
        return self._values

    async def _settle(self) -> None:
        """Have the services as the peer has them now."""
        known = self._known.found
        has_changed = await self._tables.settled(self._connected, known, self._changes)
        self._values = Values(await self._tables.services(self._connected), self._tables.declared)
        for key, record in tuple(self._gone.items()) if has_changed else ():
            if not await self._is_gone(record):
                del self._gone[key]

    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        """See `Link.discover`."""
        await self._settle()
        services = self._known.records(uuids)
        for service in services:
            held = service.characteristics
            service.characteristics = [each for each in held if key_of(each) not in self._gone]
        return services

    async def read(self, record: RemoteValue) -> bytes:
        """See `Link.read`."""
        feed = self.subscriptions.started(record) if self._tables.echoes else None
        if feed is None:
            return await self._asked(record, self._read)
        feed.reading()
        value = None
        try:
            value = await self._asked(record, self._read)
            return value
        finally:
            feed.was_read(value)

    async def _read(self, record: RemoteValue) -> bytes:
        client = self._connected
        try:
            if isinstance(record, RemoteDescriptor):
                return bytes(await client.read_gatt_descriptor(self._known.descriptor(record)))
            return bytes(await client.read_gatt_char(self._known.characteristic(record)))
        except Exception as error:
            raise _refused(
                error, record, Properties.READ, AttErrorCode.READ_NOT_PERMITTED
            ) from None

    async def write(self, record: RemoteValue, octets: bytes) -> None:
        """See `Link.write`."""
        if len(octets) > MAX_VALUE_OCTETS:
            raise AttError(AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH)
        if isinstance(record, RemoteDescriptor) and shorten(record.uuid) == _CCCD:
            await self._write_cccd(record, octets)
        else:
            await self._asked(record, self._write, octets)

    async def _write(self, record: RemoteValue, octets: bytes) -> None:
        client = self._connected
        try:
            if isinstance(record, RemoteDescriptor):
                await client.write_gatt_descriptor(self._known.descriptor(record), octets)
            else:
                found = self._known.characteristic(record)
                await client.write_gatt_char(found, octets, response=True)
        except Exception as error:
            code = AttErrorCode.WRITE_NOT_PERMITTED
            raise _refused(error, record, Properties.WRITE, code) from None

    async def write_command(self, record: RemoteCharacteristic, octets: bytes) -> None:
        """See `Link.write_command`."""
        found = self._known.characteristic(record)
        if not self._tables.is_valid(found):
            raise AttError(AttErrorCode.INVALID_HANDLE, 0, record.handle)
        await self._connected.write_gatt_char(found, octets, response=False)

    # Subscriptions

    async def subscribe(self, record: RemoteCharacteristic, notify: bool, indicate: bool) -> None:
        """See `Link.subscribe`."""
        if not record.properties & _SENT:
            raise CallerError(NO_CCCD)
        feed = self.subscriptions.of(record)
        if feed.is_kept:
            return
        asked = (notify, indicate) if notify or indicate else None
        if asked == feed.started or (asked and feed.started and not self._tables.chooses):
            feed.started = asked
            return
        found = self._known.characteristic(record)
        if feed.started is not None:
            feed.started = None
            await self._connected.stop_notify(found)
        if asked is not None:
            await self._start(record, feed, indicate and not notify)
            feed.started = asked

    async def _start(self, record: RemoteCharacteristic, feed: Feed, indicate: bool) -> None:
        more: dict[str, Any] = {"force_indicate": indicate} if self._tables.chooses else {}
        found = self._known.characteristic(record)
        if not self._tables.is_valid(found):
            raise AttError(AttErrorCode.INVALID_HANDLE, 0, record.handle)
        await self._connected.start_notify(found, feed.came, **more)

    async def _write_cccd(self, record: RemoteDescriptor, octets: bytes) -> None:
        """Subscribe, as no system lets programs write this descriptor themselves."""
        if len(octets) != 2:
            raise AttError(AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH)
        for service in self._known.records(None):
            for one in service.characteristics:
                if any(each.handle == record.handle for each in one.descriptors):
                    await self.subscribe(one, bool(octets[0] & 1), bool(octets[0] & 2))
                    return
        raise AttError(AttErrorCode.INVALID_HANDLE, 0, record.handle)

    async def resume(self, wanted: Mapping[Key, tuple[bool, bool]]) -> None:
        """Subscribe to what was subscribed to on a former link to the same bonded peer.

        The peer remembers it, and sends; but systems pass on only what was asked for on this link.
        """
        for service in self._known.records(None) if wanted else ():
            for one in service.characteristics:
                if key_of(one) in wanted:
                    with suppress(Exception):  # it is no promise, and the program may ask again
                        await self.subscribe(one, *wanted[key_of(one)])

    # A table that changes

    async def _asked(self, record: RemoteValue, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Make a request of a value that is still there; once more if the table was changing."""
        try:
            if not self._changes.pending:
                try:
                    self._check(record)
                    return await call(record, *args)
                except AttError as error:
                    if error.code != AttErrorCode.DATABASE_OUT_OF_SYNC:
                        raise
                self._changes.pending = True
            await self._settle()
            self._check(record)
            return await call(record, *args)
        except AttError as error:
            if error.code == AttErrorCode.INVALID_HANDLE:
                self._note_gone(record)
            raise

    def _note_gone(self, record: RemoteValue) -> None:
        """The peer has a value no longer, whatever the system thinks: BlueZ 5.66 does not look
        into a service again that has kept its place."""
        if isinstance(record, RemoteCharacteristic) and len(self._gone) < MOST_VALUES:
            self._gone[key_of(record)] = record

    async def _is_gone(self, record: RemoteCharacteristic) -> bool:
        """Ask a peer whose table has changed for a value that it had no longer."""
        try:
            await self._read(record)
        except AttError as error:
            return error.code == AttErrorCode.INVALID_HANDLE
        return False

    def _check(self, record: RemoteValue) -> None:
        """Raises: AttError if the place of a value is another's now."""
        found: Any
        if isinstance(record, RemoteDescriptor):
            found = self._known.descriptor(record)
        else:
            found = self._known.characteristic(record)
        if not self._tables.is_valid(found):
            raise AttError(AttErrorCode.INVALID_HANDLE, 0, record.handle)


def _refused(error: Exception, record: RemoteValue, kind: Properties, code: int) -> BaseException:
    """Return the inner error of a request, in the peer's words where the system refused it first:
    BlueZ does not ask for what a characteristic does not say that it does."""
    inner = inner_error(error)
    if not isinstance(inner, AttError):
        return inner
    declared = record.properties if isinstance(record, RemoteCharacteristic) else kind
    if inner.code == AttErrorCode.REQUEST_NOT_SUPPORTED and not declared & kind:
        return AttError(code, 0, record.handle)
    return AttError(inner.code, 0, record.handle)
