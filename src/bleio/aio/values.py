"""Values that come by themselves: a peer's notifications, what clients write: see `bleio.aio`.

The engine puts them into a ring of packets, and the task takes them out. So a value costs no task
and no future while others wait before it; a loop is woken only where it waits for the next one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from inspect import iscoroutinefunction
from types import TracebackType
from weakref import WeakKeyDictionary

from bleio.aio.gatt import local_end, remote_end
from bleio.api import UUID, Characteristic
from bleio.api._arguments import at_least
from bleio.api._ends import LocalEnd, RemoteEnd
from bleio.api._listening import Listening, listen_local, listen_remote
from bleio.backends.base import Link, Subscriber
from bleio.core.codes import Properties
from bleio.runtime.awaiting import ended, until
from bleio.runtime.buffers import PACKET_OVERHEAD_OCTETS, PacketRing

# Of subscriptions that end by themselves, the last one to end unsubscribes.
_counts: WeakKeyDictionary[Link, Counter[tuple[int, bytes]]] = WeakKeyDictionary()
_counting = threading.Lock()


class _Feed:
    """Puts what a peer or client sends into the ring (engine thread)."""

    def __init__(self, ring: PacketRing) -> None:
        self._ring = ring
        self.notified = ring.put

    def doubled(self, value: bytes, indicated: bool) -> None:
        self._ring.put(value)

    def written(self, client: Subscriber, value: bytes) -> None:
        self._ring.put(value)

    def subscribed(self, client: Subscriber, notify: bool, indicate: bool) -> None:
        """Of no concern here."""

    def link_closed(self, client: Subscriber | None = None) -> None:
        self._ring.arrived.ring()


class Values:
    """What comes for one characteristic while in an `async with` block; iterate over it.

    Values that are not taken wait, `buffer_size` of the largest. When there is no room, the oldest
    is dropped and counted.
    """

    def __init__(
        self, characteristic: Characteristic, end: LocalEnd | RemoteEnd, buffer_size: int
    ) -> None:
        self._end = end
        self._buffer_size = at_least("buffer_size", buffer_size, 1)
        self._ring = PacketRing(self._capacity_octets, end.session.counted)
        self._listening: Listening | None = None

    def __repr__(self) -> str:
        """The characteristic, at which side, and what waits to be taken. Never waits."""
        side = "local" if isinstance(self._end, LocalEnd) else "remote"
        uuid = UUID._on_air(self._end.model.uuid)
        if self._listening is None:
            now = "not begun"
        else:
            now = "ended" if self._is_over() else "running"
            now += f", {len(self._ring.packets)} waiting"
        return f"<Values of {side} {uuid!r}, {now}>"

    @property
    def dropped(self) -> int:
        """How many values found no room so far."""
        return self._ring.dropped

    def _capacity_octets(self) -> int:
        largest = self._end.max_length
        if isinstance(self._end, RemoteEnd):
            largest = max(largest, self._end.link.max_value_octets)
        return self._buffer_size * (PACKET_OVERHEAD_OCTETS + largest)

    async def __aenter__(self) -> Values:
        await self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _begin(self) -> None:
        if self._listening is not None:
            raise RuntimeError("This is made for one block; make another one")
        end, feed = self._end, _Feed(self._ring)
        if isinstance(end, LocalEnd):
            self._listening = listen_local(end.session, end.model, feed)
        else:
            self._listening = listen_remote(end.session, end.live_link(), end.model, feed)
        try:
            await ended(end.session.engine, self._listening.beginning())
        except BaseException:  # cancelled, it may have begun
            self._listening.end()
            raise

    async def _stop(self) -> None:
        if self._listening is not None:
            self._listening.end()
            self._ring.arrived.ring()

    def __aiter__(self) -> Values:
        return self

    async def __anext__(self) -> bytes:
        """Return the oldest value not taken yet; it ends once a peer's link is gone."""
        if self._listening is None:
            raise RuntimeError("This has not begun; write: async with ... as values:")
        while (value := self._ring.take()) is None:
            if self._is_over():
                raise StopAsyncIteration
            await until(self._end.session.engine, self._ring.arrived, self._is_ready)
        return value

    def _is_ready(self) -> bool:
        return bool(self._ring.packets) or self._is_over()

    def _is_over(self) -> bool:
        assert self._listening is not None
        return not self._listening.alive or self._end.link_gone


class _Notifications(Values):
    """The same of a peer's, which has to be asked for them."""

    def __init__(self, characteristic: Characteristic, buffer_size: int, indicate: bool) -> None:
        end = remote_end(characteristic)
        super().__init__(characteristic, end, buffer_size)
        self._remote = end
        notifies = bool(end.model.properties & Properties.NOTIFY)
        self._notify = notifies and not indicate
        self._counts = False

    async def _begin(self) -> None:
        await super()._begin()
        engine, end = self._end.session.engine, self._remote
        _count(end, 1)  # before the peer is asked: no other one may unsubscribe meanwhile
        self._counts = True
        try:
            await ended(engine, end.subscribing(self._notify, not self._notify))
        except BaseException as error:
            await super()._stop()
            if self._was_last() and isinstance(error, asyncio.CancelledError):
                engine.portal.hand_over(end.subscribing(False, False))  # it may have been heard
            raise

    async def _stop(self) -> None:
        """Stop, and have the peer stop, unless another one of this characteristic goes on."""
        await super()._stop()
        if self._was_last():
            end = self._remote
            await ended(end.session.engine, end.subscribing(False, False), keeps_on=True)

    def _was_last(self) -> bool:
        """Count no more. Returns: whether the peer has to be told that nobody listens."""
        if not self._counts:
            return False
        self._counts = False
        return not _count(self._remote, -1) and not self._remote.link_gone


def _count(end: RemoteEnd, step: int) -> int:
    """Return how many subscriptions there are to a value, by whichever discovery's objects."""
    with _counting:
        counts = _counts.setdefault(end.link, Counter())
        counts[end.model.handle, end.model.uuid] += step
        return counts[end.model.handle, end.model.uuid]


def notifications(
    characteristic: Characteristic, *, indicate: bool = False, buffer_size: int = 64
) -> Values:
    """Subscribe to a peer's characteristic while in an `async with` block.

    It is notified, or indicated where there are no notifications or `indicate` is set. The end of
    the link ends the iteration, after what came before.

        async with aio.notifications(characteristic) as values:
            async for value in values:
                print(value)

    Raises: RoleError for a local one; on entering, and leaving, as `set_cccd`.
    """
    return _Notifications(characteristic, buffer_size, bool(indicate))


def writes(characteristic: Characteristic, *, buffer_size: int = 64) -> Values:
    """Hear what clients write to a local characteristic, while in an `async with` block; see
    `notifications`. It does not end with any link. Raises: RoleError for a peer's."""
    return Values(characteristic, local_end(characteristic), buffer_size)


async def written(characteristic: Characteristic) -> bytes:
    """Wait until a client writes a local characteristic, and return what it wrote.

    What is written before the call or between two of them is not heard: `writes` hears all.
    """
    async with writes(characteristic, buffer_size=1) as values:
        async for value in values:
            return value
    raise AssertionError("ended by nobody")


class Subscription:
    """Values of a peer's characteristic, handed to a callback until `end`; see `subscribe`."""

    def __init__(self, values: Values, callback: Callable[[bytes], object]) -> None:
        self._values = values
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._ended = False
        self._loop.call_soon(self._deliver)  # what has come since the peer was asked

    def __repr__(self) -> str:
        return f"<Subscription to {self._values!r}>"

    @property
    def dropped(self) -> int:
        """How many values found no room so far."""
        return self._values.dropped

    async def end(self) -> None:
        """Call it no more, and unsubscribe. Idempotent. It goes on if the task is cancelled."""
        self._ended = True
        self._values._ring.arrived.discard(self._wake)
        await self._values._stop()

    def _wake(self) -> None:
        """Thread: any."""
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # it is closed, and with it all that could be called
            return

    def _deliver(self) -> None:
        """Hand over all that is there. Thread: the loop's."""
        values = self._values
        if not self._ended:
            values._ring.arrived.add(self._wake)
        while not self._ended and (value := values._ring.take()) is not None:
            try:
                self._callback(value)
            except Exception as error:
                message = f"Exception in the callback of {values._end.model.uuid[::-1].hex()}"
                self._loop.call_exception_handler({"message": message, "exception": error})


async def subscribe(
    characteristic: Characteristic,
    callback: Callable[[bytes], object],
    *,
    indicate: bool = False,
    buffer_size: int = 64,
) -> Subscription:
    """Subscribe, and have each value handed to a plain function, in this task's loop.

    Otherwise like `notifications`. A callback that raises is reported by the loop, and called
    again. Returns: what ends it; the end of the link does, too.
    """
    if iscoroutinefunction(callback):
        raise TypeError("callback must be a plain function; a task can use aio.notifications")
    values = notifications(characteristic, indicate=indicate, buffer_size=buffer_size)
    await values._begin()
    return Subscription(values, callback)
