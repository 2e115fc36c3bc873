"""Links that have ended, for as long as data of theirs may be behind the event.

Events and data come by different ways (see `early`), so what a peer sent last may be here after the
event that its link has ended: the last value that it wrote, or the keys with which a pairing is
complete. Thrown away, the value would be lost, and one of the two would have a bond that the other
has not.

The obvious way is to hold the event back for a while. But then every program on every controller
learns late that its peer has gone, for the sake of those that have two pipes, and which these are
cannot be told from outside: a serial line may lead to a board that has them. So the link ends at
once for all who use it: it is not connected, what waits on it fails, another can be made. Only what
takes data stays: what the peer wrote and told is passed on, and a pairing that lacks nothing but
the peer's keys waits for them. Nothing is answered, and nothing is asked.

That ends after `HELD_S`, or when the controller gives the handle to a new link: from then on
nothing tells whose the data is, and a new link that waits for its peer's first request in vain
would be dead, while one that hears a stray PDU of another counts or refuses it. In the moment
before that, data of such a new link that is here before its event would be taken for the old one's:
a stranger's write for one of a peer that was authenticated. So nothing of a link that was encrypted
or is still pairing is taken once a new link may come, which is from the command that advertises or
initiates to the end of that, or from the link's end if that was under way. A pairing is waited for
before such a command; the last value of an encrypted link may be lost by one. What is left of a
plain link goes on: all that it takes could have come from anybody. Of data of the new link that is
here before its event, the part that goes to an old one is lost.

Links that are on their way to their end are noted here too. A peer cannot have two, so a connect
that follows waits for that: its caller may know nothing of the link, if a connect was given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.links.acl import Reassembler
from bleio.backends.hci.links.early import HELD_S
from bleio.backends.hci.links.l2cap import ATT_CHANNEL, SMP_CHANNEL
from bleio.core.address import DeviceAddress

if TYPE_CHECKING:
    from bleio.backends.hci.security.link_security import Security
    from bleio.gatt.bearer import Bearer

MAX_CLOSING = 64  # links; the oldest goes first
ENDING_S = 5.0  # for a controller to tell of an end: longer than the supervision time-out


class Remains(NamedTuple):
    """What is left of a link that has ended: the parts that take data."""

    reassembler: Reassembler
    bearer: Bearer
    security: Security

    def received(self, continues: bool, fragment: bytes) -> bool:
        """Take one ACL packet. Returns: False if nothing could come of it any more."""
        whole = self.reassembler.feed(continues, fragment)
        if whole is None:
            return True
        channel, payload = whole
        if channel == ATT_CHANNEL:
            return self.bearer.received_late(payload)
        state = self.security.state
        if channel != SMP_CHANNEL or not state.outlives_link:
            return False
        state.received(payload)
        return True

    @property
    def is_secured(self) -> bool:
        """Whether data of others must not be taken for data of this link."""
        return self.security.link.encrypted or self.security.state.outlives_link

    def finished(self) -> None:
        """Nothing more is taken."""
        self.security.finished()
        self.bearer.finished()


class ClosingLinks:
    """What is left of links by connection handle; see `FormerLinks`. Thread: the engine's.

    Args: `late_pairings`: returns what to wait for until no pairing waits for keys.
    """

    def __init__(
        self,
        counters: HciCounters,
        late_pairings: Callable[[], tuple[asyncio.Future[None], ...]] = tuple,
    ) -> None:
        self._counters = counters
        self._late_pairings = late_pairings
        self._closing: dict[int, tuple[Remains | None, asyncio.TimerHandle]] = {}
        # By connection handle; the controller will tell of the end.
        self._ending: dict[int, DeviceAddress] = {}
        self._next_end: asyncio.Future[None] | None = None  # where one is waited for

    def ending(self, conn_handle: int, peer: DeviceAddress) -> None:
        """The controller is asked to end a link."""
        self._ending[conn_handle] = peer

    async def gone(self, peer: DeviceAddress) -> None:
        """See `FormerLinks`."""
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + ENDING_S
        while peer in self._ending.values():
            if self._next_end is None:
                self._next_end = loop.create_future()
            await asyncio.wait({self._next_end}, timeout=max(0.0, limit_s - loop.time()))
            if loop.time() >= limit_s:  # the controller will not tell any more
                self._ending = {each: it for each, it in self._ending.items() if it != peer}

    def add(self, conn_handle: int, remains: Remains | None) -> None:
        """A link has ended. `remains`: None for one that nobody waited for."""
        self.finish(conn_handle)
        if len(self._closing) >= MAX_CLOSING:
            self.finish(next(iter(self._closing)))
        timer = asyncio.get_running_loop().call_later(HELD_S, self.finish, conn_handle)
        self._closing[conn_handle] = remains, timer

    def received(self, conn_handle: int, continues: bool, fragment: bytes) -> bool:
        """Take one ACL packet that is for no link. Returns: whether it was for one of these."""
        if conn_handle not in self._closing:
            return False
        remains, _ = self._closing[conn_handle]
        if remains is not None and remains.received(continues, fragment):
            self._counters.late_data += 1
        else:
            self._counters.unknown_handles += 1
        return True

    def finish(self, conn_handle: int) -> None:
        """What is left of a link ends: its time is up, or its handle is another's."""
        if self._ending.pop(conn_handle, None) is not None and self._next_end is not None:
            self._next_end.set_result(None)
            self._next_end = None
        closing = self._closing.pop(conn_handle, None)
        if closing is None:
            return
        remains, timer = closing
        timer.cancel()
        if remains is not None:
            remains.finished()

    async def pairings_ended(self) -> None:
        """See `FormerLinks`. Each takes `HELD_S` at most."""
        late = self._late_pairings()
        if late:
            await asyncio.wait(late)

    def new_may_come(self) -> None:
        """See `FormerLinks`. What is late for them is dropped, and not held for a new link."""
        for conn_handle, (remains, timer) in tuple(self._closing.items()):
            if remains is not None and remains.is_secured:
                self._closing[conn_handle] = None, timer
                remains.finished()

    def close(self) -> None:
        """The controller is gone."""
        for conn_handle in (*self._closing, *self._ending):
            self.finish(conn_handle)
