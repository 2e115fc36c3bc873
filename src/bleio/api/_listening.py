"""How the buffers hear of a characteristic, local or remote, and stop hearing.

What listens holds nothing of the program's, so a buffer that the program drops can go. That a
buffer is gone is noticed at any moment in any thread, perhaps inside the engine's door with its
lock held. So what listened for it is only put aside, to be ended when something next listens.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from bleio.errors import BluetoothError
from bleio.gatt.model import (
    LocalCharacteristic,
    LocalListener,
    RemoteCharacteristic,
    RemoteListener,
)
from bleio.runtime.calls import Call, PlainCall

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.runtime.session import Session

_dropped: deque[Callable[[], None]] = deque()


class Listening:
    """One listener at a characteristic, from when `beginning` has ended until `end`. `stop` must be
    idempotent. Thread: any.
    """

    def __init__(
        self, session: Session, start: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        self.alive = True
        self._session = session
        self._start = start
        self._stop = stop

    def beginning(self) -> Call[None]:
        """Return the call that begins it."""
        return PlainCall(_start, self._start)

    def owned_by(self, buffer: object) -> None:
        """Let it end with the buffer that it feeds; without `deinit` it would be fed for ever."""
        weakref.finalize(buffer, _dropped.append, self._stop).atexit = False

    def end(self) -> None:
        """Stop listening soon. Idempotent; does not wait."""
        if self.alive:
            self.alive = False
            with suppress(BluetoothError):  # the engine has stopped, and with it the listening
                self._session.engine.post(self._stop)


def listen_local(
    session: Session, model: LocalCharacteristic, listener: LocalListener
) -> Listening:
    """Hear what clients do with a local characteristic."""
    listeners = model.listeners
    return Listening(
        session, partial(listeners.append, listener), partial(_discard, listeners, listener)
    )


def listen_remote(
    session: Session, link: Link, model: RemoteCharacteristic, listener: RemoteListener
) -> Listening:
    """Hear what a peer notifies or indicates."""
    return Listening(
        session, partial(link.listen, model, listener), partial(link.unlisten, model, listener)
    )


def _start(start: Callable[[], None]) -> None:
    while _dropped:
        _dropped.popleft()()
    start()


def _discard(listeners: list[LocalListener], listener: LocalListener) -> None:
    with suppress(ValueError):
        listeners.remove(listener)
