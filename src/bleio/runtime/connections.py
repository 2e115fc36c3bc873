"""The links of one adapter and the objects that programs know them by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bleio.backends.base import Link


class Connections:
    """One object per link, for as long as the link lives.

    The two tuples are replaced, never changed, so every thread reads them without a lock; all
    else belongs to the engine thread.
    """

    def __init__(self, make: Callable[[Link], Any]) -> None:
        self.links: tuple[Link, ...] = ()
        self.objects: tuple[Any, ...] = ()
        self._make = make
        self._by_link: dict[Link, Any] = {}

    def of(self, link: Link) -> Any | None:
        """Give the link's object; None if the link is gone. Any thread."""
        return self._by_link.get(link)

    def add(self, link: Link) -> None:
        """A link came up."""
        if link not in self._by_link:
            self._by_link[link] = self._make(link)
            self._publish()

    def remove(self, link: Link) -> None:
        """A link is gone."""
        if self._by_link.pop(link, None) is not None:
            self._publish()

    def clear(self) -> None:
        """All links are gone."""
        self._by_link.clear()
        self._publish()

    def _publish(self) -> None:
        self.objects = tuple(self._by_link.values())
        self.links = tuple(self._by_link)
