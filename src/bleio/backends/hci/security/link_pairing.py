"""A pairing as a state of its link, and what follows one that has succeeded.

How a pairing goes is its session's affair; here is what it means for the link: the key that is to
encrypt it, the time it may take, and its end. A pairing has only one timer, from one PDU of ours to
the next, which is how a peer that falls silent is found out. It never goes beyond the time for the
whole: a peer that takes 29 s for each of some fifty PDUs would hold a program for half an hour.
"""

from __future__ import annotations

import asyncio

from bleio.backends.hci.bonds.store import Bond, stored
from bleio.backends.hci.security.link_states import (
    SMP_TIMEOUT_S,
    Idle,
    LinkState,
    SecuredLink,
    Silent,
)
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.basis import Ends
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.session import PairingSession
from bleio.errors import InnerError, KeysLost, PairingFailed

# After ours have left, how long keys may come for the second time; see `Settling`.
TWICE_S = 0.25


# How long a pairing may take. Users have 30 s for each question; the rest is seconds.
WHOLE_LIMIT_S = 120.0


class PairingUnderWay(LinkState):
    """A pairing, which its session drives; this is its host, see `SessionHost`.

    Args: `request`: as peripheral, the Pairing Request without its opcode.
    """

    def __init__(self, link: SecuredLink, request: bytes = b"") -> None:
        super().__init__(link)
        shared, peer = link.shared, link.peer
        agent = shared.own.agent
        ends = Ends(
            link.is_central,
            link.own_address,
            peer.on_air,
            peer.address,
            shared.own.address,
            shared.bonds.irk(),
        )
        self._pairing = Pairing(ends, shared.own.settings, agent, shared.own_oob, shared, self.send)
        self._session = PairingSession(self._pairing, self)
        self._request = request
        self._encrypted = False  # by its key
        self._ends_s = asyncio.get_running_loop().time() + WHOLE_LIMIT_S

    def entered(self) -> None:
        self._restart_timer()
        self._session.start(self._request)

    def received(self, octets: bytes) -> None:
        self._session.received(octets)

    @property
    def pairing_key(self) -> tuple[Pairing, bytes] | None:
        key = self._session.key
        return None if key is None else (self._pairing, key)

    def key_unknown(self) -> None:
        """That says nothing of lost keys: the pairing may not have made its own yet."""

    def encrypted_by_bond(self) -> None:
        """The pairing goes on, and its outcome is what is waited for."""

    def encrypted_by(self, pairing: Pairing, key_octets: int) -> None:
        if pairing is not self._pairing:
            super().encrypted_by(pairing, key_octets)
            return
        self._encrypted = True
        self._link.encryption.on(pairing, key_octets)
        self._session.encrypted()

    def _came_to_nothing(self) -> None:
        """A link that is encrypted by a pairing that failed counts as plain, as `pair` says."""
        self._link.shared.failed(self._link.peer.address)
        if self._encrypted:
            self._link.encryption.off()

    def encryption_failed(self, pairing: Pairing) -> None:
        if pairing is self._pairing:
            self._session.encryption_failed()

    def enabling_refused(self, error: InnerError) -> None:
        self._session.encryption_failed()

    def encrypt_by(self, bond: Bond) -> None:
        """Not while a pairing goes on, whose outcome is what counts."""

    def pair_anew(self) -> None:
        """That is under way."""

    def timed_out(self) -> None:
        """The peer is to go and come back. Spec: Vol 3, Part H, 3.4."""
        link = self._link
        link.enter(Silent(link))
        self._came_to_nothing()
        self._session.close()
        link.tell(KeysLost() if link.keys_lost else PairingFailed())

    def _restart_timer(self, limit_s: float = SMP_TIMEOUT_S) -> None:
        left_s = self._ends_s - asyncio.get_running_loop().time()
        super()._restart_timer(max(0.0, min(limit_s, left_s)))

    def end(self, error: InnerError | None) -> None:
        """Those that wait are told, but the peer does not know of any end, and goes on."""
        self._stop_timer()
        self._link.tell(error)

    @property
    def outlives_link(self) -> bool:
        """A central has its own keys still to send, after the peer's: without them the peer has
        no bond. Spec: Vol 3, Part H, 3.6.1."""
        return self._session.lacks_keys and not self._link.is_central

    def closed(self) -> None:
        super().closed()
        self._session.close()

    # From the session

    def send(self, octets: bytes) -> None:
        """Send one of its PDUs. The time until the next one of ours is bounded.

        Not that until the peer's next, or it could hold a pairing for ever by PDUs that mean
        nothing. Spec: Vol 3, Part H, 3.4.
        """
        self._restart_timer()
        self._link.send(octets)

    def encrypt(self, key: bytes) -> None:
        """It has made its key; as peripheral, the central starts."""
        if self._link.is_central:
            self._link.encryption.start(self._pairing, bytes(8), 0, key)

    def erased(self) -> None:
        """The peer is told that it has failed, and may begin anew."""
        self._session.give_up()

    def pairing_failed(self, reason: int, weaker: bool) -> None:
        """It has failed, and both sides know. `weaker`: than a bond that it would replace."""
        link = self._link
        self._came_to_nothing()
        link.enter(Idle(link))
        link.tell(KeysLost() if weaker or link.keys_lost else PairingFailed(reason))

    def paired(self, bond: Bond | None) -> None:
        """All keys are distributed. The timer goes on: no PDU of ours follows."""
        link = self._link
        link.paired, link.keys_lost = True, False
        link.encryption.keys_fit = True
        link.shared.succeeded(link.peer.address)
        timer, self._timer = self._timer, None
        link.enter(Settling(link, bond, timer, unproven=self.early and link.is_central))


class Settling(LinkState):
    """A pairing has succeeded, but a program that ended now would take our keys with it.

    Args: `unproven`: keys of a peripheral were here before the report of encryption, so that they
        may have come in the clear, from somebody else. Then the peer's own come too, encrypted,
        and that is waited for: keys that come twice are nobody's, and the bond is not kept.
    """

    def __init__(
        self,
        link: SecuredLink,
        bond: Bond | None,
        timer: asyncio.TimerHandle | None,
        unproven: bool,
    ) -> None:
        super().__init__(link)
        self._bond = bond
        self._timer = timer
        self._unproven = unproven
        self._over = False

    def entered(self) -> None:
        if not self._unproven:
            self._keep()
        self._link.shared.spawn(self._settle())

    def left(self) -> None:
        super().left()
        self._unproven, self._over = False, True

    def received(self, octets: bytes) -> None:
        if self._unproven and octets and octets[0] in pdu.KEYS:
            self._void()
        else:
            super().received(octets)

    def erased(self) -> None:
        self._bond = None
        self.end(PairingFailed())

    def _void(self) -> None:
        """There were two senders of keys. What the link is encrypted with proves nothing."""
        link = self._link
        link.paired = False
        link.encryption.off()
        link.shared.failed(link.peer.address)
        self.end(PairingFailed())

    def _keep(self) -> None:
        self._link.encryption.link.has_keys = self._bond is not None
        if self._bond is not None:
            self._link.peer.bonded(self._bond)

    async def _settle(self) -> None:
        """Ends this state, unless another one is there by then."""
        await self._link.drained()
        if self._unproven:
            await asyncio.sleep(TWICE_S)
            if not self._unproven:
                return  # the link or the pairing has ended
            self._keep()
        if self._bond is not None:
            await stored(self._link.shared.bonds)
            self._link.secured(self._bond)
        if not self._over:
            self._link.settled()

    def _refused(self, reason: int) -> None:
        if self._link.is_central:
            self._stray()
        else:
            self.end(PairingFailed(reason))
