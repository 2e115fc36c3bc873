"""How the buffers hear of a characteristic, local or remote, and stop hearing.

The functions that end it may be called on any thread, by a finaliser too: they do not wait, and
they hold nothing of the program's, so a buffer that the program drops can go.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from bleio.errors import BluetoothError
from bleio.gatt.model import (
    LocalCharacteristic,
    LocalListener,
    RemoteCharacteristic,
    RemoteListener,
)

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.runtime.session import Session


def listen_local(
    session: Session, model: LocalCharacteristic, listener: LocalListener
) -> Callable[[], None]:
    """Hear what clients do with a local characteristic; gives what ends that."""
    session.run(model.listeners.append, listener)
    return _quietly(session.post, _discard, model.listeners, listener)


def listen_remote(
    session: Session, link: Link, model: RemoteCharacteristic, listener: RemoteListener
) -> Callable[[], None]:
    """Hear what a peer notifies or indicates; gives what ends that."""
    session.run(link.listen, model.handle, listener)
    return _quietly(session.post, link.unlisten, model.handle, listener)


def _discard(listeners: list[LocalListener], listener: LocalListener) -> None:
    with suppress(ValueError):
        listeners.remove(listener)


def _quietly(function: Callable[..., object], *args: object) -> Callable[[], None]:
    def run() -> None:
        with suppress(BluetoothError):  # the engine has stopped, and with it the listening
            function(*args)

    return run
