"""Which handles the services of a table have (Vol 3, Part G, 2.5.2).

What is added or removed while nobody is connected leaves handles dense and in creation order, so
that a restarted program has the same table. While clients are connected (the table is in use) no
attribute gets another handle in place: a service that cannot grow where it is moves as a whole to
unused handles, so that a client that has not heard of it yet gets Invalid Handle rather than a
wrong value.

Always appending would be simpler and wrong: a program that makes its services in another order of
calls, or that takes one out and puts it back, would have other handles each time it starts, and
every bonded client would have to discover it anew. Always laying out densely would be wrong too: a
client asks for a handle that it knows, and between its request and our Service Changed that handle
must not have become another value.

May surprise: a descriptor that is added to any but the last characteristic moves the whole service,
if the table is in use. Holes stay until the next change at which nobody is connected; then all is
laid out densely again, not only what changed. `Range` covers where something was and where it
is now, as Service Changed wants it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from bleio.att.codec import MAX_HANDLE
from bleio.att.database import Database
from bleio.errors import CallerError
from bleio.gatt.attributes import ValueAccess, assign_handles, handle_count, service_attributes
from bleio.gatt.model import LocalCharacteristic, LocalService

Range = tuple[int, int]  # the first and the last handle that now mean something else


class Layout:
    """Assigns handles and keeps the database in step. `special`: see `service_attributes`."""

    def __init__(self, special: dict[LocalCharacteristic, ValueAccess]) -> None:
        self.database = Database()
        self.services: list[LocalService] = []  # all, in creation order
        self._special = special
        self._dense = True

    def add(self, service: LocalService, in_use: bool) -> Range:
        """Assign handles to a new service.

        Raises: CallerError if there are not enough.
        """
        count = _service_handle_count(service)
        if in_use:
            self._place(service, self._room_for(count))
            self.services.append(service)
            return service.handle, service.end_handle
        self._check_total(count)
        self.services.append(service)
        return self._lay_out_from(service)

    def extend(
        self,
        service: LocalService,
        count: int,
        place_at_end: Callable[[int], object] | None,
        in_use: bool,
    ) -> Range:
        """Make room for what was added to a service, which has become larger by `count` handles.

        Args: `place_at_end(start)`: assigns handles only to what was added, None if that does not
            come last.
        Raises: CallerError if there are not enough handles; then nothing has changed.
        """
        if not in_use:
            self._check_total()
            return self._lay_out_from(service)
        old_start, old_end = service.handle, service.end_handle
        if place_at_end is not None and self._is_free(old_end + 1, count):
            place_at_end(old_end + 1)
            service.end_handle = old_end + count
            self.install(service)
            return old_start, service.end_handle
        start = self._room_for(_service_handle_count(service))
        self.database.replace(old_start, old_end, ())
        self._dense = False
        self._place(service, start)
        return min(old_start, service.handle), max(old_end, service.end_handle)

    def remove(self, service: LocalService, in_use: bool) -> Range:
        """Take a service out; the others keep their handles if the table is in use."""
        self.services.remove(service)
        removed = service.handle, service.end_handle
        self.database.replace(*removed, ())
        service.handle = service.end_handle = 0
        return self._close_gap(removed, in_use)

    def shrink(self, service: LocalService, in_use: bool) -> Range:
        """Take out the attributes of what is no longer in a service."""
        self.install(service)
        return self._close_gap((service.handle, service.end_handle), in_use)

    def _close_gap(self, changed: Range, in_use: bool) -> Range:
        self._dense = False
        return changed if in_use else self._lay_out_from(self.services[0])

    def install(self, service: LocalService) -> None:
        """Make the attributes of a service that has its handles."""
        new = service_attributes(service, self._special)
        self.database.replace(service.handle, service.end_handle, new)

    def _lay_out_from(self, changed: LocalService) -> Range:
        """Place a service and those after it anew; all of them, if there are unused handles."""
        first = self.services.index(changed) if self._dense else 0
        start = self.services[first - 1].end_handle + 1 if first else 1
        self._dense = True
        self.database.replace(start, MAX_HANDLE, ())
        following = start
        for service in self.services[first:]:
            self._place(service, following)
            following = service.end_handle + 1
        return start, MAX_HANDLE

    def _place(self, service: LocalService, start: int) -> None:
        service.handle = start
        following = start + 1
        for characteristic in service.characteristics:
            following = assign_handles(characteristic, following)
        service.end_handle = following - 1
        self.install(service)

    def _check_total(self, more: int = 0) -> None:
        if more + sum(map(_service_handle_count, self.services)) > MAX_HANDLE:
            raise CallerError(_FULL)

    def _is_free(self, start: int, count: int) -> bool:
        end = start + count - 1
        return end <= MAX_HANDLE and not self.database.in_range(start, end)

    def _room_for(self, count: int) -> int:
        """Find unused handles: after all others, else in the first gap that is large enough."""
        by_handle = sorted(self.services, key=attrgetter("handle"))
        after = by_handle[-1].end_handle + 1
        if self._is_free(after, count):
            return after
        start = 1
        for service in by_handle:
            if service.handle - start >= count:
                self._dense = False
                return start
            start = service.end_handle + 1
        raise CallerError(_FULL)


_FULL = "No attribute handles left"


def _service_handle_count(service: LocalService) -> int:
    return 1 + sum(map(handle_count, service.characteristics))
