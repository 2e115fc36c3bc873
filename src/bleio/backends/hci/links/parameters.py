"""The connection parameters of one link: those in force, and how they are changed.

A central has its controller change them. A peripheral asks the central over the signaling channel
and is told whether it will; either way LE Connection Update Complete tells of new ones. A change
may be refused without a word, so an outcome is waited for no longer than `UPDATE_S`.

A link has one change at a time. A wish that comes while another is pending takes its turn: a
program's wishes in order, of a peer's one. Further ones of the peer's are rejected, for it can ask
faster than a controller can change anything, and what was accepted has to be done. A controller
may be at a change that it did not have from us, and then refuses ours as disallowed; it is asked
again once that has ended, since a wish dropped there would leave what nobody asked for.
Spec: Vol 3, Part A, 4.20 and 4.21; Vol 4, Part E, 7.8.18 and 7.7.65.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from struct import Struct
from typing import Any

from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.links.acl import AclChannel
from bleio.backends.hci.links.l2cap import ConnectionParameters, Signaling, plausible
from bleio.core.codes import HciErrorCode
from bleio.errors import ControllerError, InvalidParameter

UPDATE_S = 3.0  # how long a change is waited for
_ASK_AGAIN_S = 0.25  # of a controller that is at another change, unless it tells the end before
_BUSY = frozenset({HciErrorCode.COMMAND_DISALLOWED, HciErrorCode.CONTROLLER_BUSY})
_US_PER_UNIT = 1250
_UPDATE = Struct("<HHHHHHH")  # handle, interval min, max, latency, supervision, CE min, max


class LinkParameters:
    """See the module. Thread: the engine's, but `interval_us` may be read by any."""

    def __init__(
        self,
        layer: HciLayer,
        conn_handle: int,
        is_central: bool,
        channel: AclChannel,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
    ) -> None:
        self.signaling = Signaling(is_central, channel.send, self, layer.counters)
        self.interval_us = 0
        self._latency = 0
        self._supervision_units = 0
        self._layer = layer
        self._conn_handle = conn_handle
        self._is_central = is_central
        self._spawn = spawn
        self._outcome: asyncio.Future[None] | None = None
        self._changing = asyncio.Lock()
        self._peer_waits = False  # a wish of the peer's is accepted and waits for its turn
        self._closed = False

    def now_in_force(self, interval_units: int, latency: int, supervision_units: int) -> None:
        """Take those in force, of 1.25 ms, events, 10 ms."""
        self.interval_us = interval_units * _US_PER_UNIT
        self._latency = latency
        self._supervision_units = supervision_units
        self.change_ended()

    def change_ended(self) -> None:
        """A change has ended, with new parameters or without."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(None)

    def closed(self) -> None:
        """The link is gone; its handle may be another's next."""
        self._closed = True
        self.change_ended()

    async def set_interval(self, interval_us: int, check_connected: Callable[[], None]) -> None:
        """Ask for an interval, the rest as it is. Returns when it is in force or refused, at the
        latest after its turn and `UPDATE_S`.

        Raises: InvalidParameter; what `check_connected` raises once it is this one's turn.
        """
        units = interval_us // _US_PER_UNIT
        if not 6 <= units <= 3200:
            raise InvalidParameter("Invalid BLE parameter")
        # A link has one update at a time. A program may call this from several threads, and the
        # link may be gone when a turn comes.
        async with self._changing:
            check_connected()
            await self._change((units, units, self._latency, self._supervision_units))

    async def _change(self, parameters: ConnectionParameters) -> None:
        """Ask for other parameters and wait for the outcome."""
        if not plausible(parameters):
            return  # the controller would refuse it: supervision is too short for it
        if self._is_central:
            await self._update(parameters, for_peer=False)
        else:
            outcome = self._outcome = asyncio.get_running_loop().create_future()
            self.signaling.request_update(parameters)
            await asyncio.wait({outcome}, timeout=UPDATE_S)

    async def _update(self, parameters: ConnectionParameters, *, for_peer: bool) -> None:
        """Have the controller change the parameters, and wait for the outcome.

        While the controller is at another change, this waits for the end of that.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + UPDATE_S
        packed = _UPDATE.pack(self._conn_handle, *parameters, 0, 0)
        while not self._closed:
            # Made before asking: an event may come right behind the command's answer.
            outcome = self._outcome = loop.create_future()
            wait_s = UPDATE_S
            try:
                await self._layer.request(Opcode.LE_CONNECTION_UPDATE, packed, for_peer=for_peer)
            except ControllerError as error:
                if error.status not in _BUSY or loop.time() >= deadline_s:
                    return
                wait_s = _ASK_AGAIN_S
            await asyncio.wait({outcome}, timeout=wait_s)
            if wait_s == UPDATE_S:
                return

    async def _follow_peer(self, parameters: ConnectionParameters) -> None:
        async with self._changing:
            self._peer_waits = False
            await self._update(parameters, for_peer=True)

    # Part of `SignalingOwner`

    def may_accept_update(self) -> bool:
        """As central: whether a wish of the peer's can be followed soon."""
        return not self._peer_waits

    def update_accepted(self, parameters: ConnectionParameters) -> None:
        """As central: the peer has asked, and its wish is a plausible one."""
        self._peer_waits = True
        self._spawn(self._follow_peer(parameters))

    def update_answered(self, accepted: bool) -> None:
        """As peripheral: the central has decided."""
        if not accepted:
            self.change_ended()
