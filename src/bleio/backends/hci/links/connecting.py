"""Connecting, from the program's call to a link that it can use.

A link that is up is not yet of use: the MTU is to be agreed on, and with a bonded peer encryption
is being started, which ends the link if the two ends have different keys. A peer that was reset, or
restored from elsewhere, has. Then the program would never get a link to pair on, so it is connected
to once more, without its keys, and the link says that they were the reason (`encryption.keys_fit`).
Nothing is given away by that: what is asked for over the plain link is decided as on any other, and
the bond stays until a pairing replaces it that is as strong. Before that, where other bonds have
the same Identity Resolving Key, the peer may be one of those (`security.same_key`).

A controller may learn only from silence that the keys differ, after the supervision time-out, and
by then the time of a connect may be up. Then KeysLost is all that it gives, and the next one begins
without keys, or it would go like that for ever. Only for a while, though: a peer that was out of
range is as silent, and when it is back its keys are to be used.

A link counts once the peer has sent something on it. The packet that asks for a link may be lost on
air; our controller takes the link as made, hears nothing for six intervals, and has it end as never
established (0x3E). That is no answer of the peer, so it is tried again while there is time.
Spec: Vol 6, Part B, 4.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from bleio.backends.hci.gap.initiating import SUPERVISION_S, InitiationControl
from bleio.backends.hci.links.calls import exchange_mtu
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.errors import ConnectTimeout, ControllerError, KeysLost, LinkLost

if TYPE_CHECKING:
    from bleio.backends.hci.links.link import HciLink

# How long a peer whose keys did not fit is connected to once more, where connect has no limit.
WITHOUT_KEYS_S = 10.0

# How long the next connect begins without keys, where only silence told that they did not fit.
SILENCE_COUNTS_S = 30.0

# How long to wait for encryption by a bond. It takes some connection events, and if the link ends
# of it, that is better known before the program has the link: after the supervision time-out, if
# the peer falls silent.
ENCRYPTION_STARTS_S = SUPERVISION_S + 1.0
_SILENCE = frozenset({HciErrorCode.CONNECTION_TIMEOUT, HciErrorCode.LL_RESPONSE_TIMEOUT})


class Connecting:
    """What makes links for the program as central."""

    def __init__(
        self,
        initiator: InitiationControl[HciLink],
        security: SharedSecurity,
        own: OwnDevice,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
    ) -> None:
        self._initiator = initiator
        self._security = security
        self._own = own
        self._spawn = spawn
        self._forgetting: dict[DeviceAddress, asyncio.TimerHandle] = {}  # of `without_keys`

    async def connect(self, address: DeviceAddress, timeout_s: float) -> HciLink:
        """Connect; see `Backend.connect`. Raises: KeysLost if a peer with other keys went away."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        link, ready = await self._establish(address, timeout_s)
        if not timeout_s:
            deadline_s = loop.time() + WITHOUT_KEYS_S
        tried: set[DeviceAddress] = set()
        while not ready:
            tried.add(link.peer)
            other = self._other(link, tried)
            if other is None:
                return await self._connect_without_keys(link, deadline_s - loop.time())
            tried.add(other)  # the link may go on to keys that were tried before
            link, ready = await self._again(other, deadline_s - loop.time())
        return link

    def _other(self, link: HciLink, tried: set[DeviceAddress]) -> DeviceAddress | None:
        """Return which other bonded device it may have been, if its address told only the key."""
        if link.peer_on_air == link.peer:
            return None
        for peer in reversed(self._security.same_key.sharing(link.peer)):
            if peer not in tried and self._security.may_stand_for(peer, link.peer):
                return peer
        return None

    async def _again(self, peer: DeviceAddress, limit_s: float) -> tuple[HciLink, bool]:
        if limit_s <= 0:
            raise KeysLost
        try:
            return await self._establish(peer, limit_s)
        except ConnectTimeout:
            raise KeysLost from None

    async def _connect_without_keys(self, former: HciLink, limit_s: float) -> HciLink:
        """Connect once more to the peer of a link that its keys have ended."""
        without_keys = self._security.without_keys
        without_keys.add(former.peer)
        self._remember(former.peer)
        try:
            link, ready = await self._again(former.peer, limit_s)
        except BaseException:
            if former.reason in _SILENCE:
                self._forget_later(former.peer)
            else:
                without_keys.discard(former.peer)
            raise
        if not ready:
            raise KeysLost
        return link

    def _remember(self, peer: DeviceAddress) -> None:
        """Not to be forgotten by a timer of a former connect."""
        timer = self._forgetting.pop(peer, None)
        if timer is not None:
            timer.cancel()

    def _forget_later(self, peer: DeviceAddress) -> None:
        """Have its keys tried again by connects that begin after a while."""
        self._remember(peer)
        loop = asyncio.get_running_loop()
        self._forgetting[peer] = loop.call_later(SILENCE_COUNTS_S, self._forget, peer)

    def _forget(self, peer: DeviceAddress) -> None:
        del self._forgetting[peer]
        self._security.without_keys.discard(peer)

    async def _establish(self, address: DeviceAddress, limit_s: float) -> tuple[HciLink, bool]:
        """Connect until a link is established. limit_s 0: no limit.

        Returns: the link, and whether it is ready for its program (`_ready`).
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + limit_s
        remaining_s = limit_s
        while True:
            try:
                link = await self._initiator.connect(address, remaining_s)
                ready = await self._ready(link)
                self._security.without_keys.discard(link.peer)
                return link, ready
            except LinkLost as error:
                if error.reason != HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED:
                    raise
            except ControllerError as error:  # some controllers tell it instead of the link
                if error.status != HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED:
                    raise
            if limit_s:
                remaining_s = deadline_s - loop.time()
                if remaining_s <= 0:
                    raise ConnectTimeout

    async def _ready(self, link: HciLink) -> bool:
        """Get a new link ready for its program. Returns: False if its keys have ended it.

        Raises: LinkLost if it ended otherwise.
        """
        try:
            if self._own.limits.requests_mtu:
                await exchange_mtu(link.bearer)
            await link.encryption.under_way(ENCRYPTION_STARTS_S)
        except asyncio.CancelledError:
            self._spawn(link.disconnect())
            raise
        except LinkLost as error:
            never = error.reason == HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED
            if link.encryption.keys_fit or never:
                raise
        if not link.connected and link.encryption.keys_fit:
            raise LinkLost(link.reason)
        return link.connected
