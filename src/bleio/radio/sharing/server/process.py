"""The life of a shared radio's process: take the name, open the addresses, serve, clean up."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence

from bleio.errors import ControllerLost
from bleio.radio.air.propagation import Propagation
from bleio.radio.sharing.place import Place
from bleio.radio.sharing.server.address import ListenAddress
from bleio.radio.sharing.server.connection import MemberConnection, World
from bleio.radio.sharing.server.listen import Listener, open_listener

FIRST_HOST_TIMEOUT_S = 3.0  # whose starter was interrupted; one that is late starts it again
GRACE_S = 1.0  # for a program that is started again at once


class NameTaken(ControllerLost):
    """A radio of that name is running."""


class RadioProcess:
    """A radio with a name.

    Args:
        seed: None takes a random one.
        background: whether to end soon after the last host has left.
    Raises: CallerError if the name is no good.
    """

    def __init__(
        self,
        name: str,
        *,
        listen: Sequence[ListenAddress] = (),
        propagation: Propagation | None = None,
        seed: int | None = None,
        background: bool = False,
    ) -> None:
        self.place = Place(name)
        self.on_ready: Callable[[list[str]], None] = lambda addresses: None
        self.on_hosts: Callable[[str, bool], None] = lambda name, came: None
        self.world: World | None = None
        self._listen = listen
        self._propagation = propagation
        self._seed = secrets.randbits(64) if seed is None else seed
        self._background = background
        self._leaving: asyncio.TimerHandle | None = None
        self._stop: asyncio.Event | None = None

    async def run(self) -> None:
        """Serve until `stop`, a signal to end or, in the background, until nobody is left.

        Raises: NameTaken, or ControllerLost with a sentence.
        """
        with self._holding_name():
            self._stop = asyncio.Event()
            self.world = world = World(self._seed, self._propagation)
            world.on_hosts = self._hosts_changed
            with contextlib.ExitStack() as cleanup:
                cleanup.callback(world.close)
                cleanup.callback(self._stop_leaving)
                await self._serve(world, cleanup)

    async def _serve(self, world: World, cleanup: contextlib.ExitStack) -> None:
        listeners: list[Listener] = []
        for address in self._listen:
            listener = await open_listener(world, address)
            cleanup.callback(listener.close)
            listeners.append(listener)
        cleanup.callback((await self._open_name(world)).close)
        assert self._stop is not None
        with _signals(self.stop):
            if self._background:
                self._leave_in(FIRST_HOST_TIMEOUT_S)
            self.on_ready([text for each in listeners for text in each.addresses])
            await self._stop.wait()

    def stop(self) -> None:
        """End `run`; from the loop's thread."""
        if self._stop is not None:
            self._stop.set()

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
            place.remove()
            place.lock.release()

    async def _open_name(self, world: World) -> asyncio.Server:
        place = self.place
        try:
            listening, secret = place.listen()
        except OSError as error:
            raise self._failed(error) from None
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: MemberConnection(world, place.name, secret), sock=listening
        )

    def _failed(self, error: OSError) -> ControllerLost:
        return ControllerLost(
            f"Cannot run the radio {self.place.name!r} in {self.place.folder}: "
            f"{error.strerror or error}; check that folder."
        )

    def _hosts_changed(self, name: str, came: bool) -> None:
        assert self.world is not None
        self.on_hosts(name, came)
        self._stop_leaving()
        if self._background and self.world.hosts == 0:
            self._leave_in(GRACE_S)

    def _leave_in(self, delay_s: float) -> None:
        self._leaving = asyncio.get_running_loop().call_later(delay_s, self.stop)

    def _stop_leaving(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """End on Ctrl-C and SIGTERM; asyncio has no handlers on Windows, so plain ones call in."""
    loop = asyncio.get_running_loop()
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
