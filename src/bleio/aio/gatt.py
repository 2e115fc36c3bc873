"""Reading, writing, subscribing, by either side's objects: see `bleio.aio`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from bleio.api import Characteristic, Descriptor, Service
from bleio.api._arguments import ReadableBuffer, instance
from bleio.api._ends import LocalEnd, RemoteEnd
from bleio.api._listening import listen_local
from bleio.backends.base import Subscriber
from bleio.errors import BluetoothError, RoleError
from bleio.runtime.awaiting import ended, finished, until
from bleio.runtime.bell import Bell

T = TypeVar("T")


async def read(attribute: Characteristic | Descriptor) -> bytearray:
    """Return the value: a peer's is read from it each time; see `Characteristic.value`.

    Raises: as there.
    """
    end = _end_of(attribute)
    return bytearray(await finished(end.session.engine, _operation(end.reading())))


async def write(
    attribute: Characteristic | Descriptor, value: ReadableBuffer, *, response: bool | None = None
) -> None:
    """Set the value; see `Characteristic.value`, which has the rules for local and remote ones.

    Args: response: whether a peer's characteristic is written with response, or without; None is
        what its properties say.
    Raises: as there; RoleError, BluetoothError if a response is asked for where there is none, or
        the other way round.
    """
    end = _end_of(attribute)
    if isinstance(end, (LocalEnd, RemoteEnd)):
        operation = _operation(end.writing(value, response))
    elif response is False:
        raise BluetoothError("A Descriptor is always written with response")
    else:
        operation = _operation(end.writing(value))
    await finished(end.session.engine, operation)


def _end_of(attribute: Characteristic | Descriptor) -> Any:
    """Return what is behind it. Raises: TypeError; ValueError after `deinit`."""
    if isinstance(attribute, Descriptor):
        return attribute._end
    return instance("characteristic", attribute, Characteristic)._alive()


async def _operation(wanted: Awaitable[T]) -> T:
    """Make an operation of one call."""
    return await wanted


async def set_cccd(
    characteristic: Characteristic, *, notify: bool = False, indicate: bool = False
) -> None:
    """Subscribe or unsubscribe at the peer; see `Characteristic.set_cccd`."""
    end = instance("characteristic", characteristic, Characteristic)._alive()
    await ended(end.session.engine, end.subscribing(bool(notify), bool(indicate)))


async def subscribed(characteristic: Characteristic) -> None:
    """Wait until a client has subscribed to a local characteristic; at once if one has.

    Raises: RoleError for a peer's.
    """
    end = local_end(characteristic)
    session, model, bell = end.session, end.model, Bell()

    def has_subscriber() -> bool:
        return any(any(each.subscription(model)) for each in session.life.subscribers)

    listening = listen_local(session, model, _Subscriptions(bell))
    try:
        await ended(session.engine, listening.beginning())
        await until(session.engine, bell, has_subscriber)
    finally:
        listening.end()


class _Subscriptions:
    """Tells that a client has subscribed (engine thread)."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    def written(self, client: Subscriber, value: bytes) -> None:
        """Of no concern here."""

    def subscribed(self, client: Subscriber, notify: bool, indicate: bool) -> None:
        self._bell.ring()

    def link_closed(self, client: Subscriber) -> None:
        """Whoever goes does not subscribe."""


def handle(attribute: Characteristic | Descriptor | Service) -> int:
    """Return the attribute's handle: of a service its first, of a characteristic its value's.

    0 if it has none: the system does not tell, a local one is not served yet, or the peer's table
    has changed. Never waits.
    """
    if isinstance(attribute, Service):
        service = attribute._found or attribute._local
        return 0 if service is None else service.handle
    value_handle: int = _end_of(attribute).model.handle
    return value_handle


def local_end(characteristic: Characteristic) -> LocalEnd:
    """Return what is behind one of ours. Raises: TypeError; RoleError for a peer's."""
    end = instance("characteristic", characteristic, Characteristic)._alive()
    if not isinstance(end, LocalEnd):
        raise RoleError("Clients do this to a local Characteristic, and this is a remote one")
    return end


def remote_end(characteristic: Characteristic) -> RemoteEnd:
    """Return what is behind one of a peer's. Raises: TypeError; RoleError for ours."""
    end = instance("characteristic", characteristic, Characteristic)._alive()
    if not isinstance(end, RemoteEnd):
        raise RoleError("A peer does this with its Characteristic, and this is a local one")
    return end
