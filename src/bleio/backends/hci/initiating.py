"""Initiating: connecting as central, and taking it back (Vol 4, Part E, 7.8.12, 7.8.13, 7.8.66)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from bleio.backends.hci.bringup import ControllerFacts
from bleio.backends.hci.layer import HciLayer
from bleio.backends.hci.opcodes import Opcode
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.errors import ConnectTimeout, ControllerError, ControllerLost

if TYPE_CHECKING:
    from bleio.backends.hci.link import HciLink

# As CircuitPython has it: scan all the time, 15 to 300 ms, no latency, supervision 4 s.
_SCAN_UNITS = 160  # of 625 us
_INTERVAL_MIN_UNITS = 12  # of 1.25 ms
_INTERVAL_MAX_UNITS = 240
_LATENCY = 0
_SUPERVISION_UNITS = 400  # of 10 ms
_PHY_1M = 0x01

# How long a controller may take to end an initiation that was cancelled.
_CANCEL_S = 1.0

# filter policy, own address type, peer address type, peer address (6), PHYs; for each PHY scan
# interval and window, connection interval min and max, latency, supervision, CE length min and max
_EXTENDED = Struct("<BBB6sBHHHHHHHH")
# scan interval and window, filter policy, peer address type, peer address (6), own address type,
# connection interval min and max, latency, supervision, CE length min and max
_LEGACY = Struct("<HHBB6sBHHHHHH")


class _Attempt:
    """One initiation; `wanted` is False once nobody waits for its link any more."""

    def __init__(self) -> None:
        self.link: asyncio.Future[HciLink] = asyncio.get_running_loop().create_future()
        self.wanted = True


class Initiator:
    """The one initiator of a controller; connects wait for each other."""

    def __init__(
        self,
        layer: HciLayer,
        facts: ControllerFacts,
        own_address_type: Callable[[], int],
        spawn: Callable[..., None],
    ) -> None:
        self._layer = layer
        self._facts = facts
        self._own_address_type = own_address_type
        self._spawn = spawn
        self._lock = asyncio.Lock()
        self._attempt: _Attempt | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the link that comes up; if not, it is to be ended."""
        return self._attempt is not None and self._attempt.wanted

    async def connect(self, address: DeviceAddress, timeout_s: float) -> HciLink:
        """Connect. timeout_s 0: no limit; cancelling the task takes the initiation back.

        Raises: ConnectTimeout, ControllerError, ControllerLost.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s if timeout_s else None
        await self._take_turn(deadline_s)
        attempt = self._attempt = _Attempt()
        try:
            await self._create(address)
            remaining_s = None if deadline_s is None else max(0.0, deadline_s - loop.time())
            await asyncio.wait({attempt.link}, timeout=remaining_s)
            if not attempt.link.done():
                await self._cancel(attempt)
        except asyncio.CancelledError:
            attempt.wanted = False
            self._spawn(self._abandon(attempt))
            raise
        except BaseException:
            self._end(attempt)
            raise
        self._end(attempt)
        return attempt.link.result()

    def link_came_up(self, link: HciLink) -> None:
        """Give the link to who waits for it."""
        if self._attempt is not None and not self._attempt.link.done():
            self._attempt.link.set_result(link)

    def failed(self, status: int) -> None:
        """Take an LE Connection Complete that tells of a failure."""
        if self._attempt is None or self._attempt.link.done():
            return
        error: Exception
        if status == HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER:  # it was cancelled
            error = ConnectTimeout()
        else:
            error = ControllerError(status, "Connecting")
        self._attempt.link.set_exception(error)

    def close(self, error: ControllerLost) -> None:
        """The controller is gone."""
        if self._attempt is not None and not self._attempt.link.done():
            self._attempt.link.set_exception(error)

    async def _take_turn(self, deadline_s: float | None) -> None:
        if deadline_s is None:
            await self._lock.acquire()
            return
        remaining_s = deadline_s - asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(self._lock.acquire(), remaining_s)
        except asyncio.TimeoutError:
            raise ConnectTimeout from None

    async def _create(self, address: DeviceAddress) -> None:
        own = self._own_address_type()
        timing = (_INTERVAL_MIN_UNITS, _INTERVAL_MAX_UNITS, _LATENCY, _SUPERVISION_UNITS, 0, 0)
        scan = (_SCAN_UNITS, _SCAN_UNITS)
        if self._facts.extended_advertising:
            peer = (address.random, address.octets)
            parameters = _EXTENDED.pack(0, own, *peer, _PHY_1M, *scan, *timing)
            await self._layer.request(Opcode.LE_EXTENDED_CREATE_CONNECTION, parameters)
        else:
            parameters = _LEGACY.pack(*scan, 0, address.random, address.octets, own, *timing)
            await self._layer.request(Opcode.LE_CREATE_CONNECTION, parameters)

    async def _cancel(self, attempt: _Attempt) -> None:
        """Take the initiation back; a link that comes up meanwhile stays the attempt's."""
        try:
            await self._layer.request(Opcode.LE_CREATE_CONNECTION_CANCEL)
        except ControllerError as error:
            # Disallowed: the link has come up, and its event is on the way.
            if error.status != HciErrorCode.COMMAND_DISALLOWED:
                raise
        await asyncio.wait({attempt.link}, timeout=_CANCEL_S)
        if not attempt.link.done():
            attempt.wanted = False
            attempt.link.set_exception(ConnectTimeout())

    async def _abandon(self, attempt: _Attempt) -> None:
        """Take the initiation back for a caller who is gone; a link that is up is ended."""
        try:
            if not attempt.link.done():
                await self._cancel(attempt)
        finally:
            self._end(attempt)
        if attempt.link.exception() is None:
            await attempt.link.result().disconnect()

    def _end(self, attempt: _Attempt) -> None:
        attempt.wanted = False
        if attempt.link.done():
            attempt.link.exception()  # which counts as having seen it
        self._attempt = None
        self._lock.release()
