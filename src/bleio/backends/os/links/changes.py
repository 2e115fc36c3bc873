"""Whether a peer has told that its table of services has changed.

Systems see to Service Changed themselves and do not tell programs of it. Where a program can
subscribe to it beside the system (`Peers.hears_changes`), each link does so from its start, for
whoever uses it must know that what the system has is about to be another table: a value's handle
may be another value's by now.
"""

from __future__ import annotations

from bleio.core.codes import GattUuid
from bleio.core.uuid import shorten, uuid16
from bleio.gatt.model import RemoteCharacteristic, RemoteService

_SERVICE_CHANGED = uuid16(GattUuid.SERVICE_CHANGED)


class Changes:
    """A `RemoteListener` of Service Changed.

    `pending`: the new table was not looked at yet. `mark`: of the table that was, see `Peers.mark`.
    """

    def __init__(self) -> None:
        self.pending = False
        self.mark = b""

    def notified(self, value: bytes) -> None:
        """The peer says so."""
        self.pending = True

    def doubled(self, value: bytes, indicated: bool) -> None:
        """The same."""
        self.pending = True

    def link_closed(self) -> None:
        """There is no table any more."""


def service_changed_in(services: list[RemoteService]) -> RemoteCharacteristic | None:
    """Return the characteristic, None if the peer has none."""
    for service in services:
        for each in service.characteristics:
            if shorten(each.uuid) == _SERVICE_CHANGED:
                return each
    return None
