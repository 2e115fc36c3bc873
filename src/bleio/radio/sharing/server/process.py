"""The life of a shared radio's process: take the name, open the addresses, serve, clean up.

The name is a lock, held from before the first socket is opened until after the last file is
removed; so there is one radio of a name, and no socket of a dead one is taken for alive. A radio
in the background ends by itself when its last host has left, after a moment: a program that is
started again at once finds its radio, with the other devices on it, still there.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

from bleio.errors import ControllerLost
from bleio.radio.air.propagation import Propagation
from bleio.radio.sharing.place import RadioPlace
from bleio.radio.sharing.server.address import ListenAddress
from bleio.radio.sharing.server.connection import HostWatcher, MemberConnection, ServedRadio
from bleio.radio.sharing.server.listen import OpenAddress, open_address
from bleio.radio.sharing.server.status import status_line

FIRST_HOST_TIMEOUT_S = 3.0  # whose starter was interrupted; one that is late starts it again
GRACE_S = 1.0  # for a program that is started again at once


class NameTaken(ControllerLost):
    """A radio of that name is running."""


class ProcessWatcher(HostWatcher, Protocol):
    """What is told of a radio's process."""

    def ready(self, process: RadioProcess, addresses: list[str]) -> None:
        """The name and the addresses are open; `addresses` have the ports that were taken."""

    def ended(self, process: RadioProcess) -> None:
        """All is closed and nothing went wrong; the name is still held, for the last time."""


class RadioProcess:
    """A radio with a name.

    Args:
        watcher: is told when all is open, and when a host comes or goes.
        seed: None takes a random one.
        background: whether to end soon after the last host has left.
    Raises: CallerError if the name is no good.
    """

    def __init__(
        self,
        name: str,
        watcher: ProcessWatcher,
        *,
        listen: Sequence[ListenAddress] = (),
        propagation: Propagation | None = None,
        seed: int | None = None,
        background: bool = False,
    ) -> None:
        self.place = RadioPlace(name)
        self.served: ServedRadio | None = None
        self._watcher = watcher
        self._listen = listen
        self._propagation = propagation
        self._seed = secrets.randbits(64) if seed is None else seed
        self._background = background
        self._leaving: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._since_s = 0.0
        self._addresses: list[str] = []

    async def run(self) -> None:
        """Serve until `stop` or, in the background, until no host is left.

        Raises: NameTaken, or ControllerLost with a sentence.
        """
        with self._holding_name():
            self._since_s = time.time()
            self.served = served = ServedRadio(self._seed, self, self._propagation)
            served.reporter = self
            with contextlib.ExitStack() as cleanup:
                cleanup.callback(served.close)
                cleanup.callback(self._stop_leaving)
                await self._serve(served, cleanup)
            self._watcher.ended(self)

    async def _serve(self, served: ServedRadio, cleanup: contextlib.ExitStack) -> None:
        listeners: list[OpenAddress] = []
        for number, address in enumerate(self._listen, 1):
            listener = await open_address(served, address, number)
            cleanup.callback(listener.close)
            listeners.append(listener)
        # The name comes last, so that a program which finds it finds the addresses open, too.
        cleanup.callback((await self._open_name(served)).close)
        cleanup.callback(self.place.remove)  # before the socket is closed
        if self._background:
            self._leave_in(FIRST_HOST_TIMEOUT_S)
        self._addresses = [text for each in listeners for text in each.addresses]
        self._watcher.ready(self, self._addresses)
        await self._stopped.wait()

    def status(self) -> bytes:
        """Return what it says of itself when it is asked; see `status`."""
        assert self.served is not None
        return status_line(self.served, self._since_s, self._addresses, background=self._background)

    def stop(self) -> None:
        """End `run`, also one that has not begun; from the loop's thread."""
        self._stopped.set()

    @contextlib.contextmanager
    def _holding_name(self) -> Iterator[None]:
        place = self.place
        try:
            if not place.lock.try_acquire():
                raise NameTaken(
                    f"A radio named {place.name!r} is running already "
                    f"(process {place.lock.holder() or 'unknown'}); join it with "
                    f"BLEIO_ADAPTER=virtual:{place.name}, end it, or use another name."
                )
        except OSError as error:
            raise self._failed(error) from None
        try:
            yield
        finally:
            try:
                place.remove()
            finally:
                place.lock.release()

    async def _open_name(self, served: ServedRadio) -> asyncio.Server:
        place = self.place
        try:
            listening, secret = place.listen()
        except OSError as error:
            raise self._failed(error) from None
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            partial(MemberConnection, served, place.name, secret), sock=listening
        )

    def _failed(self, error: OSError) -> ControllerLost:
        return ControllerLost(
            f"Cannot run the radio {self.place.name!r} in {self.place.folder}: "
            f"{error.strerror or error}; check that folder."
        )

    def host_came(self, name: str) -> None:
        """A host has a controller: the process stays."""
        self._watcher.host_came(name)
        self._stop_leaving()

    def host_left(self, name: str) -> None:
        """A host has gone; in the background the last one takes the process with it."""
        assert self.served is not None
        self._watcher.host_left(name)
        self._stop_leaving()
        # Not at once: a program that is started again would find its radio gone.
        if self._background and self.served.users == 0:
            self._leave_in(GRACE_S)

    def _leave_in(self, delay_s: float) -> None:
        self._leaving = asyncio.get_running_loop().call_later(delay_s, self.stop)

    def _stop_leaving(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
