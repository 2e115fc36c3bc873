"""What is done with a link: see `bleio.aio`. It is a Connection, or a BLEConnection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bleio.aio.objects import connection_of
from bleio.api import UUID, Service
from bleio.api._later import putting_off
from bleio.runtime.awaiting import ended, finished, until


async def disconnected(connection: Any) -> int:
    """Wait until the link is gone; at once if it is.

    Returns: why, an HCI error code such as 0x08 (supervision timeout) or 0x13 (the peer's program
        ended it), 0 where nobody tells. Spec: Vol 1, Part F, 2.
    """
    inner = connection_of(connection)
    session, link = inner._session, inner._link
    links = session.gap.connections
    await until(session.engine, links.changed, lambda: not link.connected)
    return link.reason


async def disconnect(connection: Any) -> None:
    """End the link, and wait until it is gone; see `Connection.disconnect`.

    It goes on if the task is cancelled. A BLEConnection's services are given up.
    """
    inner = connection_of(connection)
    await finished(inner._session.engine, inner._disconnect(), keeps_on=True)
    if connection is not inner:
        connection.disconnect()  # of the link nothing is left; adafruit_ble's services go


async def pair(connection: Any, bond: bool = True) -> None:
    """Encrypt the link, pairing if need be; see `Connection.pair`."""
    inner = connection_of(connection)
    await finished(inner._session.engine, inner._pair(bond))


async def set_connection_interval(connection: Any, interval_ms: float) -> None:
    """Ask for a connection interval in ms; see `Connection.connection_interval`."""
    inner = connection_of(connection)
    await finished(inner._session.engine, inner._set_interval(interval_ms))


async def discover(
    connection: Any, service_uuids_whitelist: Iterable[UUID] | None = None
) -> tuple[Service, ...]:
    """Discover the peer's services; see `Connection.discover_remote_services`."""
    inner = connection_of(connection)
    return await finished(inner._session.engine, inner._discover(service_uuids_whitelist))


async def service(connection: Any, kind: Any) -> Any:
    """Discover a service, subscribe to what it is to hear, and return its object of adafruit_ble.

    It is `connection[kind]`, which blocks. Args: connection: a BLEConnection. kind: a class of
    services, such as UARTService. Raises: KeyError if the peer has none; as `discover` and
    `set_cccd`.
    """
    inner = connection_of(connection)
    if inner is connection:
        raise TypeError("connection must be of type BLEConnection, not Connection")
    if (uuid := getattr(kind, "uuid", None)) is None:
        raise TypeError(f"kind must be a class of services with a uuid, not {kind!r}")
    known = connection._discovered_bleio_services
    if uuid not in known:
        found = await discover(inner, [uuid.bleio_uuid])
        known[uuid] = found[0] if found else None
    try:
        with putting_off() as subscriptions:
            made = connection[kind]
    finally:
        if known[uuid] is None:
            del known[uuid]
    try:
        for engine, call in subscriptions:
            await ended(engine, call)
    except BaseException:
        connection._constructed_services.pop(uuid, None)  # half of one is none
        raise
    return made


def mtu(connection: Any) -> int:
    """Return the link's ATT_MTU, octets; never waits. Raises: ConnectionError if it is gone."""
    return connection_of(connection)._live().mtu
