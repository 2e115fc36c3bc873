"""`_bleio.Connection`.

There is one object for a link, and it dies with the link: a new link to the same peer is another
object, and its services have to be discovered anew. What a program holds of the old one raises. The
properties that say how the link is never wait, since programs spin on them. What waits is an
operation (`bleio.runtime.calls`), that is carried out here and awaited in `bleio.aio`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bleio.api._arguments import described, no_constructor, public, real
from bleio.api.service import Service
from bleio.api.uuid import UUID
from bleio.backends.capabilities import Capability
from bleio.errors import (
    PAIRING_DECLINED,
    BluetoothError,
    ConnectionError,
    SecurityError,
    link_gone,
    told_as,
)
from bleio.runtime.calls import Call
from bleio.runtime.delegate import refuse_in_answer

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.gatt.model import RemoteService
    from bleio.runtime.session import Session

_GONE = "Connection has been disconnected and can no longer be used. Create a new connection."
_UNIT_MS = 1.25
_MIN_INTERVAL_MS, _MAX_INTERVAL_MS = 7.5, 4000.0  # Vol 6, Part B, 4.5.1


@public
class Connection:
    """One link to a peer, in either role; dead for good once the link is gone."""

    _session: Session
    _link: Link

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(Connection)

    @classmethod
    def _create(cls, session: Session, link: Link) -> Connection:
        connection = cls.__new__(cls)
        connection._session = session
        connection._link = link
        return connection

    @described
    def __repr__(self) -> str:
        """The peer, our role, and how secure the link is. Never waits."""
        link = self._link
        role = "central" if link.is_central else "peripheral"
        state = "disconnected"
        if link.connected:
            state = "encrypted" if link.security.encrypted else "not encrypted"
        return f"<Connection as {role} to {link.peer.octets[::-1].hex(':')} {state}>"

    def _live(self) -> Link:
        if not self._link.connected:
            raise link_gone(self._link.reason, "using the link", f"with {self._link.peer}", _GONE)
        return self._link

    @property
    def connected(self) -> bool:
        """Whether the link is up. Never raises, never waits."""
        self._session.engine.look()
        return self._link.connected

    @property
    def paired(self) -> bool:
        """Whether the link is encrypted, and its keys were not erased since. Never raises."""
        self._session.engine.look()
        return self._link.connected and self._link.security.encrypted

    @property
    def connection_interval(self) -> float:
        """The connection interval in ms, a multiple of 1.25; rw.

        Setting it asks for the multiple below the given number; latency and supervision time-out
        stay. A refusal leaves the old value and is silent.
        Raises: ConnectionError; NotImplementedError where the adapter cannot tell or change it;
            when setting TypeError, ValueError outside 7.5 to 4000 ms.
        Thread: any; setting waits for the answer, bounded by a few seconds.
        """
        self._session.engine.look()
        link = self._live()
        self._session.life.require(Capability.CONNECTION_INTERVAL)
        return link.interval_us / 1000

    @connection_interval.setter
    def connection_interval(self, value: float) -> None:
        self._session.engine.finish(self._set_interval, value)

    async def _set_interval(self, value: float) -> None:
        link = self._live()
        interval_ms = real("interval", value)
        if not _MIN_INTERVAL_MS <= interval_ms <= _MAX_INTERVAL_MS:
            raise ValueError("Invalid BLE parameter")
        self._session.life.require(Capability.CONNECTION_INTERVAL)
        units = int(interval_ms / _UNIT_MS)
        try:
            await Call(link.set_interval, int(units * _UNIT_MS * 1000))
        except ConnectionError as error:
            raise told_as(ConnectionError(_GONE), error) from None

    @property
    def max_packet_length(self) -> int:
        """How much one notification or write without response holds: ATT_MTU - 3 octets."""
        self._session.engine.look()
        return self._live().max_value_octets

    def disconnect(self) -> None:
        """End the link with reason 0x13; returns when it is gone, or after a few seconds.

        Never raises; does nothing when it is gone already.
        """
        self._session.engine.finish(self._disconnect)

    async def _disconnect(self) -> None:
        if self._link.connected:
            try:
                await Call(self._link.disconnect)
            except BluetoothError:
                return  # the link or its controller went first: disconnected all the same

    def pair(self, bond: bool = True) -> None:
        """Encrypt the link: with stored keys, else by pairing. Returns at once if it is already.

        Spec: Vol 3, Part H, 2; either role may start it.
        Raises: NotImplementedError for bond=False, or if the adapter cannot pair; ConnectionError;
            SecurityError if pairing failed or the link was lost meanwhile; RuntimeError in a
            pairing delegate's answer.
        Thread: any; waits for the peer, at most SMP's 30 s a step.
        """
        self._session.engine.finish(self._pair, bond)

    async def _pair(self, bond: bool) -> None:
        if not bond:
            raise NotImplementedError("bond=False")
        link = self._live()
        refuse_in_answer("pair()")
        if not link.security.encrypted:
            self._session.life.require(Capability.PAIRING)
            self._session.security_matters()
        try:
            await Call(link.pair)
        except ConnectionError as error:
            raise told_as(SecurityError(PAIRING_DECLINED), error) from None

    def discover_remote_services(
        self, service_uuids_whitelist: Iterable[UUID] | None = None
    ) -> tuple[Service, ...]:
        """Discover the peer's primary services, with their characteristics and descriptors.

        Args: service_uuids_whitelist: None means all; else every instance of each UUID, in this
            order. 16-bit UUIDs and their 128-bit forms match each other.
        Raises: ConnectionError; TypeError; TimeoutError when a step takes more than 20 s, or all of
            it more than 120 s.
        Thread: any; waits for the peer.
        """
        return self._session.engine.finish(self._discover, service_uuids_whitelist)

    async def _discover(self, whitelist: Iterable[UUID] | None) -> tuple[Service, ...]:
        link = self._live()
        uuids = None if whitelist is None else _octets(whitelist)
        call: Call[list[RemoteService]] = Call(link.discover, uuids)
        try:
            found = await call
        except ConnectionError as error:
            raise told_as(ConnectionError(_GONE), error) from None
        return tuple(Service._discovered(self._session, link, service) for service in found)


def _octets(whitelist: Iterable[UUID]) -> list[bytes]:
    uuids = list(whitelist)
    if not all(isinstance(uuid, UUID) for uuid in uuids):
        raise TypeError("non-UUID found in service_uuids_whitelist")
    return [uuid._octets for uuid in uuids]
