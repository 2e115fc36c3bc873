"""Initiating: connecting as central, and taking it back (Vol 4, Part E, 7.8.12, 7.8.13, 7.8.66).

A controller initiates to one peer at a time, so connects wait for each other. Each is an attempt
that is judged by what the controller tells last, since a link may come up while it is being taken
back: the answer to Create Connection Cancel and the link's event may cross. A link that nobody
wants any more by then is ended, and one that the caller still waits for is its link.

A bonded peer may use private addresses. A controller with the peer in its resolving list finds it
by its identity. For others we scan for the address it has at present and connect to that, for a few
seconds, then look again: meanwhile it may have changed its address.

A caller may be cancelled at any await. Then the attempt lives on in the background until the
controller is free again, and the next connect waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from struct import Struct
from typing import Any, Generic, TypeVar

from bleio.backends.base import Link
from bleio.backends.hci.controller.bringup import ControllerFacts
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.former import FormerLinks
from bleio.backends.hci.gap.privacy import Peers, Privacy
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.tasks import abandon
from bleio.backends.time_limit import time_limit
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.errors import ConnectTimeout, ControllerError, ControllerLost

# Scan all the time, no latency, supervision 4 s, as CircuitPython has it. An interval of 15 to 30
# ms, which boards end up with: they allow 300 ms too, but other controllers than theirs take the
# most that is allowed, and discovery then takes ten times as long.
_SCAN_UNITS = 160  # of 625 us
_INTERVAL_MIN_UNITS = 12  # of 1.25 ms
_INTERVAL_MAX_UNITS = 24
_LATENCY = 0
SUPERVISION_S = 4.0
_SUPERVISION_UNITS = int(SUPERVISION_S * 100)
_PHY_1M = 0x01

# How long a controller may take to end an initiation that was cancelled.
_CANCEL_S = 1.0

# How long an address that a private peer was heard with is tried before it is looked for again.
_HEARD_S = 5.0

# filter policy, own address type, peer address type, peer address (6), PHYs; for each PHY scan
# interval and window, connection interval min and max, latency, supervision, CE length min and max
_EXTENDED = Struct("<BBB6sBHHHHHHHH")
# scan interval and window, filter policy, peer address type, peer address (6), own address type,
# connection interval min and max, latency, supervision, CE length min and max
_LEGACY = Struct("<HHBB6sBHHHHHH")

Find = Callable[[DeviceAddress], Coroutine[Any, Any, DeviceAddress]]
T = TypeVar("T")
L = TypeVar("L", bound=Link)


class _Attempt(Generic[L]):
    """One call of connect; `wanted` is False once nobody waits for its link any more."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.link: asyncio.Future[L] = loop.create_future()
        self.wanted = True
        self.target: DeviceAddress | None = None  # on the air; None: not initiating
        self.paused = False
        # While it is taken back: the controller's word that it is.
        self.taken_back: asyncio.Future[None] | None = None


class InitiationControl(Generic[L]):
    """The one initiator of a controller; connects wait for each other.

    Links, of type `L`, are made above; here they are what a connect waits for.

    `find` waits for a private peer and returns its address on the air. See `User` for being paused.
    """

    def __init__(
        self,
        layer: HciLayer,
        facts: ControllerFacts,
        own: OwnDevice,
        privacy: Privacy,
        peers: Peers,
        former: FormerLinks,
        find: Find,
        spawn: Callable[..., object],
    ) -> None:
        self.own_address = privacy.own_address  # of the initiation under way, or the last
        self._layer = layer
        self._facts = facts
        self._own = own
        self._privacy = privacy
        self._peers = peers
        self._former = former
        self._find = find
        self._spawn = spawn
        self._turn = asyncio.Lock()
        self._attempt: _Attempt[L] | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the link that comes up; if not, it is to be ended."""
        return self._attempt is not None and self._attempt.wanted

    async def connect(self, address: DeviceAddress, timeout_s: float) -> L:
        """Connect. timeout_s 0: no limit; cancelling the task takes the initiation back.

        Raises: ConnectTimeout, ControllerError, ControllerLost.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s if timeout_s else None
        await _within(deadline_s, self._turn.acquire())
        attempt = self._attempt = _Attempt[L]()
        try:
            identity = self._peers.resolver.identity_of(address)
            if self._peers.resolver.put_first(identity):  # this one is asked for, of several
                await self._peers.update()
            await _within(deadline_s, self._former.gone(identity))
            await self._reach(attempt, identity, deadline_s)
        except asyncio.CancelledError:
            attempt.wanted = False
            self._spawn(self._abandon(attempt))
            raise
        except BaseException:
            self._end(attempt)
            raise
        self._end(attempt)
        return attempt.link.result()

    def link_came_up(self, link: L) -> None:
        """Hand the link to the connect that waits for it."""
        if self._attempt is not None and not self._attempt.link.done():
            self._attempt.link.set_result(link)

    def failed(self, status: int) -> None:
        """Take an LE Connection Complete that tells of a failure."""
        attempt = self._attempt
        if attempt is None or attempt.link.done():
            return
        if status != HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER:
            attempt.link.set_exception(ControllerError(status, "Connecting"))
        elif attempt.taken_back is None:
            attempt.link.set_exception(ConnectTimeout())  # nobody asked the controller for it
        elif not attempt.taken_back.done():
            attempt.taken_back.set_result(None)

    def close(self, error: ControllerLost) -> None:
        """The controller is gone."""
        if self._attempt is not None and not self._attempt.link.done():
            self._attempt.link.set_exception(error)

    # Part of `User`

    @property
    def on_air(self) -> bool:
        attempt = self._attempt
        return attempt is not None and attempt.target is not None

    async def pause(self) -> None:
        attempt = self._attempt
        if attempt is not None and attempt.target is not None and not attempt.link.done():
            attempt.paused = True
            await self._take_back(attempt)

    async def resume(self) -> None:
        attempt = self._attempt
        if attempt is None or not attempt.paused:
            return
        attempt.paused = False
        if attempt.link.done() or not attempt.wanted or attempt.target is None:
            return
        try:
            await self._create(attempt.target)
        except ControllerError as error:
            if not attempt.link.done():  # its event may have come before the refusal
                attempt.link.set_exception(error)

    # One attempt

    async def _reach(
        self, attempt: _Attempt[L], identity: DeviceAddress, deadline_s: float | None
    ) -> None:
        """Try until the link is there or the time is over."""
        loop = asyncio.get_running_loop()
        while not attempt.link.done():
            target, limit_s = identity, deadline_s
            if self._must_be_found(identity):
                target = await self._found(identity, deadline_s)
                limit_s = loop.time() + _HEARD_S
                if deadline_s is not None:
                    limit_s = min(limit_s, deadline_s)
            await self._try(attempt, target, limit_s)
            # Else only the address that it was heard with was tried for long enough.
            if limit_s == deadline_s and not attempt.link.done():
                raise ConnectTimeout

    async def _found(self, identity: DeviceAddress, deadline_s: float | None) -> DeviceAddress:
        """Return the address that a peer is heard with. Raises: ConnectTimeout.

        The time is for listening. Were ending that within it as well, Python 3.10 would take a
        caller that gives up then for a time that is over.
        """
        finding = asyncio.ensure_future(self._find(identity))
        left_s = None
        if deadline_s is not None:
            left_s = max(0.0, deadline_s - asyncio.get_running_loop().time())
        try:
            await asyncio.wait({finding}, timeout=left_s)
        finally:
            abandon(finding)
            if not finding.done():
                await asyncio.wait({finding})
        if finding.cancelled():
            raise ConnectTimeout
        return finding.result()

    def _must_be_found(self, identity: DeviceAddress) -> bool:
        """Whether a peer has a key, so may use private addresses, and the controller has not."""
        known = identity in self._peers.resolver.keys
        return known and not self._peers.in_controller.holds(identity)

    async def _try(
        self, attempt: _Attempt[L], target: DeviceAddress, limit_s: float | None
    ) -> None:
        """Initiate until the time is over."""
        await self._privacy.undivided(partial(self._begin, attempt, target))
        remaining_s = None
        if limit_s is not None:
            remaining_s = max(0.0, limit_s - asyncio.get_running_loop().time())
        # Not `wait_for`, which would cancel the future that the link's event is to find.
        await asyncio.wait({attempt.link}, timeout=remaining_s)
        if not attempt.link.done():
            await self._stop(attempt)

    async def _begin(self, attempt: _Attempt[L], target: DeviceAddress) -> None:
        await self._former.pairings_ended()
        await self._privacy.prepare()
        if attempt.wanted:
            attempt.target = target
            await self._create(target)

    async def _stop(self, attempt: _Attempt[L]) -> None:
        """End the initiation; a link that comes up meanwhile stays the attempt's."""
        await self._privacy.undivided(partial(self._ended, attempt))

    async def _ended(self, attempt: _Attempt[L]) -> None:
        if attempt.target is not None and not attempt.link.done():
            await self._take_back(attempt)
        attempt.target = None

    async def _create(self, address: DeviceAddress) -> None:
        self.own_address = self._privacy.own_address
        own = self.own_address.random
        self._former.new_may_come()
        interval = self._own.limits.interval_units or (_INTERVAL_MIN_UNITS, _INTERVAL_MAX_UNITS)
        timing = (*interval, _LATENCY, _SUPERVISION_UNITS, 0, 0)
        scan = (_SCAN_UNITS, _SCAN_UNITS)
        if self._facts.extended_advertising:
            peer = (address.random, address.octets)
            parameters = _EXTENDED.pack(0, own, *peer, _PHY_1M, *scan, *timing)
            await self._layer.request(Opcode.LE_EXTENDED_CREATE_CONNECTION, parameters)
        else:
            parameters = _LEGACY.pack(*scan, 0, address.random, address.octets, own, *timing)
            await self._layer.request(Opcode.LE_CREATE_CONNECTION, parameters)

    async def _take_back(self, attempt: _Attempt[L]) -> None:
        """Cancel what the controller is at, and wait until it is not any more."""
        # Made before asking: the event that answers may come before the command's own answer.
        attempt.taken_back = asyncio.get_running_loop().create_future()
        try:
            await self._layer.request(Opcode.LE_CREATE_CONNECTION_CANCEL)
        except ControllerError as error:
            # Disallowed: the link has come up, and its event is on the way.
            if error.status != HciErrorCode.COMMAND_DISALLOWED:
                raise
        ends: set[asyncio.Future[Any]] = {attempt.link, attempt.taken_back}
        await asyncio.wait(ends, timeout=_CANCEL_S, return_when=asyncio.FIRST_COMPLETED)
        attempt.taken_back = None

    async def _abandon(self, attempt: _Attempt[L]) -> None:
        """Take the initiation back for a caller that is gone; a link that is up is ended."""
        try:
            await self._stop(attempt)
        finally:
            self._end(attempt)
        if attempt.link.done() and attempt.link.exception() is None:
            await attempt.link.result().disconnect()

    def _end(self, attempt: _Attempt[L]) -> None:
        attempt.wanted = False
        # Seen, or asyncio would complain of an exception that was never retrieved.
        if attempt.link.done():
            attempt.link.exception()
        self._attempt = None
        self._turn.release()


async def _within(deadline_s: float | None, work: Coroutine[Any, Any, T]) -> T:
    """Wait for something until the time is over. Raises: ConnectTimeout."""
    if deadline_s is None:
        return await work
    try:
        async with time_limit(deadline_s - asyncio.get_running_loop().time()):
            return await work
    except asyncio.TimeoutError:
        raise ConnectTimeout from None
