"""What discoveries have found of a peer's table, by handle, as long as programs hold it.

A peer may say as often as it likes that a part of its table has changed, and each time what was
found there must be taken from the programs that hold it. To look through all of it each time would
let a peer with a large table keep the engine busy by packets of a few octets. So it is looked up by
handle, and what has been taken out is not met again: the cost of a change is that of what it hits.

Services of one discovery lie one behind the other, so they are a sorted list. Those of another
discovery may end elsewhere, and are another list: a program holds a few at a time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import attrgetter
from weakref import ref

from bleio.gatt.model import RemoteService

_handle_of = attrgetter("handle")


class _Discovery:
    """The services that one discovery has found, with the first and last handle of each."""

    __slots__ = ("ends", "services", "starts")

    def __init__(self, services: Iterable[RemoteService]) -> None:
        by_handle = sorted(services, key=_handle_of)
        self.starts = [service.handle for service in by_handle]
        self.ends = [service.end_handle for service in by_handle]
        self.services = [ref(service) for service in by_handle]

    def alive(self) -> bool:
        """Whether a program holds one of them. Those that none holds are dropped from the end."""
        while self.services and self.services[-1]() is None:
            del self.starts[-1], self.ends[-1], self.services[-1]
        return bool(self.services)

    def take(self, start: int, end: int) -> list[RemoteService]:
        """Take out the services that reach into a range."""
        hit = slice(bisect_left(self.ends, start), bisect_right(self.starts, end))
        taken = [service for each in self.services[hit] if (service := each()) is not None]
        del self.starts[hit], self.ends[hit], self.services[hit]
        return taken


class FoundServices:
    """Services that are still valid, held weakly."""

    def __init__(self) -> None:
        self._discoveries: list[_Discovery] = []

    def __len__(self) -> int:
        """How many a program still holds."""
        held = [each() for discovery in self._discoveries for each in discovery.services]
        return len(held) - held.count(None)

    def add(self, services: Iterable[RemoteService]) -> None:
        """Remember what one discovery has found; its services do not overlap."""
        self._discoveries = [each for each in self._discoveries if each.alive()]
        self._discoveries.append(_Discovery(services))

    def take(self, start: int, end: int) -> list[RemoteService]:
        """Take out all services that reach into a range of handles."""
        return [service for each in self._discoveries for service in each.take(start, end)]


class Names:
    """A name for each value that was found, by handle."""

    def __init__(self) -> None:
        self._names: dict[int, bytes] = {}
        self._handles: list[int] = []  # sorted
        self.get = self._names.get  # data plane

    def add(self, names: dict[int, bytes]) -> list[int]:
        """Take names, in place of former ones. Returns: the handles of which those were others."""
        others = [handle for handle, name in names.items() if self.get(handle, name) != name]
        self._names.update(names)
        self._handles = sorted(self._names)
        return others

    def take(self, start: int, end: int) -> list[int]:
        """Forget the names in a range. Returns: their handles."""
        hit = slice(bisect_left(self._handles, start), bisect_right(self._handles, end))
        taken = self._handles[hit]
        del self._handles[hit]
        for handle in taken:
            del self._names[handle]
        return taken
