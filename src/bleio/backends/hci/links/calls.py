"""Waiting, as a coroutine, for what is told by a call.

A bearer is sans-I/O: it runs procedures and indications when their turn comes, and tells their end
by a call; so does the room that senders wait for. Programs await it. A caller that is cancelled
gives up its procedure, since its answer would be nobody's, and what it has not sent yet to one
peer; an indication that is on its way cannot be taken back, nor a value for all (`publish`).

A value that is set for all clients is sent to them side by side (`publish`). Its program goes on
when the first of them has it: one that is slower, or takes nothing, must not hold up the program
and by that the others. It is behind then, and if it stays so it misses values (`links.room`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from bleio.att.codec import TRANSACTION_TIMEOUT_S
from bleio.backends.hci.links.room import Room
from bleio.backends.slots import Slot
from bleio.errors import CallerError, InnerError, LinkLost

if TYPE_CHECKING:
    from bleio.att.client import Procedure
    from bleio.gatt.bearer import Bearer
    from bleio.gatt.model import LocalCharacteristic
    from bleio.gatt.teller import Teller

MTU_EXCHANGE_S = 5.0  # connect returns after this, whatever the peer does

# How long a procedure may take, from its first request on. A table of some hundred attributes is
# found in 20 s where the interval is 30 ms, and a long value is read in one.
WHOLE_LIMIT_S = 120.0

T = TypeVar("T")


class PublishedLink(Protocol):
    """A link whose peer may have subscribed."""

    bearer: Bearer
    room: Room


async def run(
    bearer: Bearer, procedure: Procedure[T], step_limit_s: float = TRANSACTION_TIMEOUT_S
) -> T:
    """Run a client procedure on the bearer; cancelling abandons it.

    Raises: TransactionTimeout if a step takes too long, or all of them together.
    """
    outcome: Slot[T] = Slot()  # to call `Slot[T]` goes through three more calls
    job = bearer.client.att.run(procedure, outcome.fill, step_limit_s, WHOLE_LIMIT_S)
    try:
        return await outcome
    except asyncio.CancelledError:
        bearer.client.att.abandon(job, CallerError("The call was cancelled"))
        raise


async def indicate(
    teller: Teller, room: Room, characteristic: LocalCharacteristic, value: bytes
) -> None:
    """Send an indication and wait for its confirmation; cancelling takes back one that waits.

    Raises: TransactionTimeout or LinkLost if there was none until the end.
    """
    outcome: Slot[None] = Slot()
    waiting = teller.indicate_in_line(characteristic, value, room, outcome.told)
    await _sent(room, outcome, waiting)


async def send(room: Room, send_it: Callable[[], None]) -> None:
    """Send when there is room; cancelling takes it back while there is none.

    Raises: what `send_it` does; TransactionTimeout or LinkLost if there was no room until the end.
    """
    if room.free:
        send_it()
        return
    outcome: Slot[None] = Slot()
    await _sent(room, outcome, room.wait(send_it, outcome.told))


async def _sent(room: Room, outcome: Slot[None], waiting: object) -> None:
    try:
        await outcome
    except asyncio.CancelledError:
        room.give_up(waiting)
        raise


class _Published:
    """A value on its way to all that have subscribed; the first that has it is waited for."""

    __slots__ = ("ended", "fault", "had", "waiter")

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.ended = 0
        self.had = False
        self.waiter: Slot[None] | None = None  # filled with the next that has ended

    def done(self, error: Exception | None) -> None:
        """One client has it, or will not get it."""
        self.ended += 1
        if error is None:
            self.had = True
        elif not isinstance(error, InnerError):
            self.fault = error  # ours; that a client is gone or slow is not the program's trouble
        if self.waiter is not None:
            self.waiter.told(error)


async def publish(
    links: Iterable[PublishedLink], characteristic: LocalCharacteristic, value: bytes
) -> None:
    """Tell a value to all clients that have subscribed; wait for the first of them."""
    published = _Published()
    clients = 0
    for link in links:
        clients += link.bearer.teller.tell(characteristic, value, link.room, published.done)
    while not published.had and published.ended < clients:
        published.waiter = Slot()
        try:
            await published.waiter
        except InnerError:  # see `done`
            continue
    if published.fault is not None:
        raise published.fault


async def exchange_mtu(bearer: Bearer) -> None:
    """Agree on a larger MTU; if the peer does not, it stays as it is. Raises: LinkLost."""
    try:
        await run(bearer, bearer.client.exchange_mtu(), MTU_EXCHANGE_S)
    except LinkLost:
        raise
    except InnerError:
        return
