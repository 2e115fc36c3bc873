"""`_bleio.Service`.

A local one is in the adapter's table from its constructor on, so it needs no method to publish it,
and stays there when the program drops the object: clients go on using it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.api._arguments import described, instance, public
from bleio.api._current import current_session
from bleio.api._ends import RemoteEnd
from bleio.api.characteristic import Characteristic
from bleio.api.uuid import UUID
from bleio.gatt.model import LocalService, RemoteService

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.runtime.session import Session


@public
class Service:
    """A GATT service: a local one that this program offers, or one discovered on a peer.

    Calling the class makes a local service of the current adapter, visible to clients at once.
    The adapter keeps it even if the program drops it. Spec: Vol 3, Part G, 3.1.
    """

    def __init__(self, uuid: UUID, *, secondary: bool = False) -> None:
        self._uuid = instance("uuid", uuid, UUID)
        self._local: LocalService | None = LocalService(uuid._octets, bool(secondary))
        self._found: RemoteService | None = None
        self._session: Session = current_session()
        self._characteristics: list[Characteristic] = []
        self._session.engine.run(self._session.server.add_service, self._local)

    @classmethod
    def _discovered(cls, session: Session, link: Link, found: RemoteService) -> Service:
        service = cls.__new__(cls)
        service._uuid = UUID._on_air(found.uuid)
        service._local = None
        service._found = found
        service._session = session
        service._characteristics = [
            Characteristic._discovered(service, RemoteEnd(session, link, each))
            for each in found.characteristics
        ]
        return service

    def deinit(self) -> None:
        """Take a local service out of the table. Idempotent; nothing for a remote one."""
        if self._published():
            self._session.engine.run(self._session.server.remove_service, self._local)

    def _published(self) -> bool:
        """Whether it is a local one that clients can see."""
        return self._local in self._session.server.services

    @property
    def characteristics(self) -> tuple[Characteristic, ...]:
        """The characteristics in order of creation, or of the peer's handles."""
        return tuple(self._characteristics)

    @property
    def remote(self) -> bool:
        """Whether it is a peer's."""
        return self._local is None

    @property
    def secondary(self) -> bool:
        """Whether it is a secondary service; False for every remote one."""
        return self._local is not None and self._local.secondary

    @property
    def uuid(self) -> UUID:
        """The service's UUID, in the size that is used over the air."""
        return self._uuid

    @described
    def __repr__(self) -> str:
        return f"Service({self._uuid!r})"
