"""What is known of the peer's table: what discovery found, and what listens to its values.

Records of what was found belong to programs, which may hold them for as long as they like. The peer
may change its table at any time, tell us by Service Changed or not, and put another value at a
handle that a program holds. So each record that was found is remembered weakly, and one whose range
has changed gets handle 0: reading it is refused here, rather than answered by whatever lies there
now. The same happens if discovery finds something else at a handle than before, for a peer that
does not tell.

To hear of changes we subscribe to Service Changed before the first discovery; after it, a change
in between would be missed. A change during discovery starts it anew, at most a few times.

Values have names that do not depend on handles (`name`), a digest of the UUIDs on the way to them.
By these the backend remembers what has passed an encrypted link; by handles, a peer could move a
secret to where another value was, and be asked for it in the clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2s

from bleio.att.client import Procedure
from bleio.att.codec import HANDLE_PAIR, U16
from bleio.att.counters import Counters
from bleio.core.uuid import expand
from bleio.errors import AttError, ProtocolViolation
from bleio.gatt import discovery, procedures
from bleio.gatt.attributes import INDICATE_BIT, NOTIFY_BIT
from bleio.gatt.found import FoundServices, Names
from bleio.gatt.model import RemoteListener, RemoteService, cccd_of
from bleio.gatt.procedures import HasMtu

# A peer whose table changes again and again while we look at it has no table to be known.
MAX_DISCOVERY_ATTEMPTS = 4

_NAME_OCTETS = 8
_BOTH = NOTIFY_BIT | INDICATE_BIT


class RemoteTable:
    """The client's view of one peer, for the life of one bearer."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._listeners: dict[int, list[RemoteListener]] = {}
        self._found = FoundServices()
        self._names = Names()
        self._value_of_cccd: dict[int, int] = {}  # handles
        self._doubled: set[int] = set()  # handles of values that are notified and indicated
        self._service_changed_handle = 0
        self._watching = False  # the peer will tell of changes, or never can
        self._changes = 0

    def listen(self, value_handle: int, listener: RemoteListener) -> None:
        """Add a listener to a handle, once."""
        listeners = self._listeners.setdefault(value_handle, [])
        if listener not in listeners:
            listeners.append(listener)

    def unlisten(self, value_handle: int, listener: RemoteListener) -> None:
        """Remove it, if it is there."""
        listeners = self._listeners.get(value_handle, [])
        if listener in listeners:
            listeners.remove(listener)

    def written(self, handle: int, value: bytes) -> None:
        """We write this to the peer: how it sends a value changes, if that is a CCCD."""
        value_handle = self._value_of_cccd.get(handle, 0)
        if value[:1] and value[0] & _BOTH == _BOTH and value_handle:
            self._doubled.add(value_handle)
        else:
            self._doubled.discard(value_handle)

    def deliver(self, handle: int, value: bytes, indicated: bool = False) -> None:
        """Pass a notified or indicated value on.

        Handle 0 is none: what listens to it belongs to a record that is no longer valid.
        """
        if handle == 0:
            self._counters.malformed += 1
            return
        listeners = self._listeners.get(handle)
        if handle == self._service_changed_handle:
            self._service_changed(value)
        elif not listeners:
            self._counters.unheard_values += 1
        doubled = handle in self._doubled
        for listener in tuple(listeners or ()):
            if doubled:
                listener.doubled(value, indicated)
            else:
                listener.notified(value)

    def name(self, handle: int) -> bytes:
        """Return a name for a value that does not depend on where in the table it lies: a digest of
        the UUIDs of service, characteristic and descriptor. One never discovered has its handle."""
        return self._names.get(handle) or U16.pack(handle)

    def closed(self) -> None:
        """Tell each listener once that the link is gone; it still hears what is late."""
        listeners = {id(one): one for group in self._listeners.values() for one in group}
        for listener in listeners.values():
            listener.link_closed()

    def finished(self) -> None:
        """Nothing more will come."""
        self._listeners.clear()

    def discover(
        self, uuids: Sequence[bytes] | None, bearer: HasMtu
    ) -> Procedure[list[RemoteService]]:
        """Find services; anew if the table changed meanwhile, a bounded number of times."""
        if uuids is None or uuids:
            yield from self._watch_changes(bearer)
        for _ in range(MAX_DISCOVERY_ATTEMPTS):
            changes = self._changes
            services = yield from discovery.discover(uuids)
            if changes == self._changes:
                self._name_values(services)
                self._find_cccds(services)
                self._found.add(services)
                return services
        raise ProtocolViolation("the peer's services changed each time they were looked at")

    def _name_values(self, services: list[RemoteService]) -> None:
        """Take the names of what was found.

        A handle with another meaning tells of a change as Service Changed does. Otherwise what was
        found there before would pass for what is there now, in reading and in `name`.
        """
        names = dict(pair for service in services for pair in _names(service))
        for handle in self._names.add(names):
            self._changed(handle, handle)
            self._forget(handle)

    def _find_cccds(self, services: list[RemoteService]) -> None:
        for characteristic in [each for service in services for each in service.characteristics]:
            if (cccd := cccd_of(characteristic)) is not None:
                self._value_of_cccd[cccd.handle] = characteristic.handle

    def _watch_changes(self, bearer: HasMtu) -> Procedure[None]:
        """Subscribe to the peer's Service Changed, if that was not done yet.

        A peer that refuses may have it all the same, so the next discovery asks again.
        """
        if self._watching:
            return
        try:
            characteristic = yield from discovery.find_service_changed()
            if characteristic is not None:
                self._service_changed_handle = characteristic.handle
                cccd = cccd_of(characteristic)
                if cccd is not None:
                    yield from procedures.subscribe(cccd.handle, False, True, bearer)
        except AttError:
            return  # it does not tell us of changes; all else works
        self._watching = True

    def _service_changed(self, value: bytes) -> None:
        """Make what was found in the range invalid; its listeners hear no more."""
        if len(value) != 4:
            self._counters.malformed += 1
            return
        start, end = HANDLE_PAIR.unpack(value)
        self._changed(start, end)
        for handle in self._names.take(start, end):
            self._forget(handle)

    def _changed(self, start: int, end: int) -> None:
        """What was found in a range is there no more; its name may be another by now."""
        self._changes += 1
        if start <= self._service_changed_handle <= end:
            self._watching = False  # it may lie elsewhere now
        for service in self._found.take(start, end):
            self._invalidate(service)

    def _forget(self, handle: int) -> None:
        self._value_of_cccd.pop(handle, None)
        self._doubled.discard(handle)

    def _invalidate(self, service: RemoteService) -> None:
        for characteristic in service.characteristics:
            self._listeners.pop(characteristic.handle, None)
            characteristic.declaration_handle = characteristic.handle = 0
            characteristic.end_handle = 0
            for descriptor in characteristic.descriptors:
                descriptor.handle = 0
        service.handle = service.end_handle = 0


def _names(service: RemoteService) -> Iterator[tuple[int, bytes]]:
    """Return the handles of a service's values, with a name for each."""
    for characteristic in service.characteristics:
        uuids = expand(service.uuid) + expand(characteristic.uuid)
        yield characteristic.handle, _digest(uuids)
        for descriptor in characteristic.descriptors:
            yield descriptor.handle, _digest(uuids + expand(descriptor.uuid))


def _digest(uuids: bytes) -> bytes:
    return blake2s(uuids, digest_size=_NAME_OCTETS).digest()
