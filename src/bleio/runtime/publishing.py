"""Setting a local characteristic's value: store it, then tell the clients that subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bleio.backends.base import Subscriber
    from bleio.gatt.model import LocalCharacteristic
    from bleio.runtime.session import Session


def publish(session: Session, characteristic: LocalCharacteristic, value: bytes) -> None:
    """Store a value, and notify or indicate it to every client that subscribed.

    Thread: any but the engine's; waits for room to send and for confirmations.
    """
    if subscribers(session):
        session.call(_publish, session, characteristic, value)
    else:
        session.run(_store, characteristic, value)


def subscribers(session: Session) -> Sequence[Subscriber]:
    """Return all clients that may have subscribed to something. Any thread; does not wait."""
    backend = session._backend
    return () if backend is None else backend.subscribers


def _store(characteristic: LocalCharacteristic, value: bytes) -> None:
    characteristic.value = value


async def _publish(session: Session, characteristic: LocalCharacteristic, value: bytes) -> None:
    _store(characteristic, value)
    if (backend := session._backend) is not None:
        await backend.publish(characteristic, value)


async def send_packet(
    client: Subscriber, characteristic: LocalCharacteristic, packet: bytes
) -> None:
    """Send one packet to one client: notified, unless it enabled only indications.

    A client that enabled neither gets nothing. Raises: LinkLost, TransactionTimeout.
    """
    notify, indicate = client.subscription(characteristic)
    if notify:
        await client.notify(characteristic, packet)
    elif indicate:
        await client.indicate(characteristic, packet)
