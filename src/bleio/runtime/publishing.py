"""Setting a local characteristic's value: store it, then tell whoever subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.errors import LinkLost, TransactionTimeout

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.gatt.model import LocalCharacteristic
    from bleio.runtime.session import Session


def publish(session: Session, characteristic: LocalCharacteristic, value: bytes) -> None:
    """Store a value, and notify or indicate it on every link that subscribed.

    Thread: any but the engine's; waits for room to send and for confirmations.
    """
    if session.links:
        session.call(_publish, session, characteristic, value)
    else:
        session.run(_store, characteristic, value)


def _store(characteristic: LocalCharacteristic, value: bytes) -> None:
    characteristic.value = value


async def _publish(session: Session, characteristic: LocalCharacteristic, value: bytes) -> None:
    _store(characteristic, value)
    for link in session.links:
        notify, indicate = link.subscription(characteristic)
        try:
            if notify:
                await link.notify(characteristic, value)
            if indicate:
                await link.indicate(characteristic, value)
        except (LinkLost, TransactionTimeout):
            continue  # that a subscriber is gone is not the setter's trouble


async def send_packet(link: Link, characteristic: LocalCharacteristic, packet: bytes) -> None:
    """Send one packet to one client: notified, unless it enabled only indications.

    A client that enabled neither gets nothing. Raises: LinkLost, TransactionTimeout.
    """
    notify, indicate = link.subscription(characteristic)
    if notify:
        await link.notify(characteristic, packet)
    elif indicate:
        await link.indicate(characteristic, packet)
