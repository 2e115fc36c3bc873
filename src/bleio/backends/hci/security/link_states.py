"""What can be under way on a link for its security: one class for each, with the data it needs.

    Idle                nothing
    SecurityRequested   a peripheral asked the central to encrypt or pair, and waits for that
    Encrypting          a central started encryption with stored keys
    PairingUnderWay     a pairing is being made, by either side
    Settling            a pairing has succeeded; our keys have not all left the controller
    Silent              the peer did not answer in time: no more SMP on this link, ever

An input is a method. The base class has the answer that most states give; a state overrides what
it takes in another way, and goes on to the next by `SecuredLink.enter`. So what a state holds (a
timer, a session, a bond) ends with it, and no flag of a former one can be left standing.

Three things are no states, since they hold in any of them: encryption that is being started (a
central may do that at any time, see `encryption`), what was found out on this link (`keys_lost`,
`paired`), and those that wait for the outcome. States and waiting meet in `end`: whatever ends
tells all that wait, and only a pairing goes on after that, since its peer does not know.

`tests/unit/backends/link_security_states.txt` is the table of all states and inputs.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.encryption import LinkEncryption
from bleio.backends.hci.security.peer import LinkPeer
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.basis import Ends
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import AuthReq, Reason
from bleio.backends.hci.security.smp.session import PairingSession
from bleio.core.address import DeviceAddress
from bleio.errors import InnerError, KeysLost, PairingFailed

SMP_TIMEOUT_S = 30.0  # Vol 3, Part H, 3.4
# A central that finds that we lost its keys may pair anew by itself; then it does so soon.
PAIR_ANEW_S = 2.0


class SecuredLink(Protocol):
    """The link as its states see it. `own_address`: on the air."""

    is_central: bool
    own_address: DeviceAddress
    peer: LinkPeer
    shared: SharedSecurity
    encryption: LinkEncryption
    keys_lost: bool  # one side did not know the keys of the bond
    paired: bool  # on this link, so another pairing would give nothing better

    def enter(self, state: LinkState) -> None:
        """Leave the present state for another one."""

    def timed_out(self) -> None:
        """The present state's time is up."""

    def tell(self, error: InnerError | None) -> None:
        """Wake all that wait for the outcome."""

    def send(self, octets: bytes) -> None:
        """Send one SMP PDU."""

    def could_be_better(self) -> bool:
        """Whether pairing could authenticate the peer, which has not been done."""

    def can_authenticate(self) -> bool:
        """Whether our agent can do more than agree."""

    def secured(self, bond: Bond) -> None:
        """The link is encrypted with the keys of a bond."""

    async def drained(self) -> None:
        """Wait until all that was sent has left the controller, or the link is gone."""

    def settled(self) -> None:
        """A pairing's keys have left the controller."""


class LinkState:
    """What is under way. Left with `left`, begun with `entered`; in between it takes inputs."""

    def __init__(self, link: SecuredLink) -> None:
        self._link = link
        self._timer: asyncio.TimerHandle | None = None

    def entered(self) -> None:
        """Do what this state is for."""

    def left(self) -> None:
        """Another one follows."""
        self._stop_timer()

    # Asked for by us

    def begin(self) -> None:
        """Start what leads to encryption, unless that is under way. Raises: PairingFailed."""

    # From the peer

    def received(self, octets: bytes) -> None:
        """Take one SMP PDU, whatever it is."""
        opcode = octets[0] if octets else 0
        if pdu.LENGTHS.get(opcode) != len(octets):
            self._stray()
        elif opcode == pdu.PAIRING_REQUEST:
            self._pairing_requested(octets[1:])
        elif opcode == pdu.SECURITY_REQUEST and self._link.is_central:
            self._security_requested(octets[1])
        elif opcode == pdu.PAIRING_FAILED:
            self._refused(octets[1])
        else:
            self._stray()

    def _pairing_requested(self, request: bytes) -> None:
        link = self._link
        if link.is_central:
            link.send(pdu.pairing_failed(Reason.COMMAND_NOT_SUPPORTED))
        elif not link.shared.may_try(link.peer.address):
            link.send(pdu.pairing_failed(Reason.REPEATED_ATTEMPTS))
        else:
            link.enter(PairingUnderWay(link, request))

    def _security_requested(self, auth_req: int) -> None:
        """Encrypt or pair, so that a peripheral's `pair` works."""
        link = self._link
        better = bool(auth_req & AuthReq.MITM) and link.could_be_better()
        enough = link.encryption.link.encrypted and not better
        if not enough and not link.keys_lost and link.shared.may_try(link.peer.address):
            self.begin()

    def _refused(self, reason: int) -> None:
        """Take Pairing Failed."""
        self._stray()

    def _stray(self) -> None:
        self._link.shared.stray += 1

    @property
    def pairing_key(self) -> tuple[Pairing, bytes] | None:
        """The key that encryption must start with now, if a pairing waits for that."""
        return None

    def key_unknown(self) -> None:
        """The central wants to encrypt with a key that we have not."""
        self._link.keys_lost = True
        self._restart_timer(PAIR_ANEW_S)

    # Of encryption

    def encrypted_by_bond(self) -> None:
        """The link is encrypted with stored keys, which is all that anybody waits for."""
        self.end(None)

    def encrypted_by(self, pairing: Pairing) -> None:
        """The link is encrypted with a pairing's key, which may be another one's by now."""

    def encryption_failed(self, pairing: Pairing) -> None:
        """The same, but it is not."""

    def enabling_refused(self, error: InnerError) -> None:
        """The controller did not take the command to encrypt."""
        self.end(error)

    def pair_anew(self) -> None:
        """The peer has lost its keys, and somebody waits: they asked for a pairing, so have one."""
        self._link.enter(PairingUnderWay(self._link))

    # The end

    def timed_out(self) -> None:
        """The time that this state may take is up."""
        self._timer = None
        self.end(KeysLost() if self._link.keys_lost else PairingFailed())

    def end(self, error: InnerError | None) -> None:
        """It is over, well if there is no error."""
        self._link.enter(Idle(self._link))
        self._link.tell(error)

    def closed(self) -> None:
        """The link is gone."""
        self._link.enter(Idle(self._link))

    def _restart_timer(self, limit_s: float = SMP_TIMEOUT_S) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._link.timed_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Idle(LinkState):
    """Nothing is under way."""

    def begin(self) -> None:
        link = self._link
        bond = link.peer.bond
        if not link.is_central:
            link.enter(SecurityRequested(link))
        elif bond is not None and not link.encryption.link.encrypted:
            link.enter(Encrypting(link, bond))
        else:
            link.enter(PairingUnderWay(link))

    def key_unknown(self) -> None:
        self._link.keys_lost = True

    def end(self, error: InnerError | None) -> None:
        self._link.tell(error)


class SecurityRequested(LinkState):
    """A peripheral cannot begin. It asks; the central encrypts, pairs, refuses or does nothing."""

    def entered(self) -> None:
        link = self._link
        # A central whose keys we lost was told so when it came; it need not try again.
        self._restart_timer(PAIR_ANEW_S if link.keys_lost else SMP_TIMEOUT_S)
        auth_req = AuthReq.BONDING | AuthReq.SECURE_CONNECTIONS
        if link.can_authenticate():
            auth_req |= AuthReq.MITM
        link.send(pdu.request_security(auth_req))

    def _refused(self, reason: int) -> None:
        self.end(PairingFailed(reason))


class Encrypting(LinkState):
    """A central has stored keys and waits for the peer to prove that it has them too."""

    def __init__(self, link: SecuredLink, bond: Bond) -> None:
        super().__init__(link)
        self._bond = bond

    def entered(self) -> None:
        bond = self._bond
        self._restart_timer()
        self._link.encryption.start(bond, bond.rand, bond.ediv, bond.ltk)


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
        """It says nothing about lost keys: the central may have begun before it had the new one."""

    def encrypted_by_bond(self) -> None:
        """The pairing goes on, and its outcome is what is waited for."""

    def encrypted_by(self, pairing: Pairing) -> None:
        if pairing is self._pairing:
            self._session.encrypted()

    def encryption_failed(self, pairing: Pairing) -> None:
        if pairing is self._pairing:
            self._session.encryption_failed()

    def enabling_refused(self, error: InnerError) -> None:
        self._session.encryption_failed()

    def pair_anew(self) -> None:
        """That is under way."""

    def timed_out(self) -> None:
        """The peer is to go and come back. Spec: Vol 3, Part H, 3.4."""
        link = self._link
        link.enter(Silent(link))
        link.shared.failed(link.peer.address)
        self._session.close()
        link.tell(KeysLost() if link.keys_lost else PairingFailed())

    def end(self, error: InnerError | None) -> None:
        """Those that wait are told, but the peer does not know of any end, and goes on."""
        self._stop_timer()
        self._link.tell(error)

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

    def pairing_failed(self, reason: int, weaker: bool) -> None:
        """It has failed, and both sides know. `weaker`: than a bond that it would replace."""
        link = self._link
        link.shared.failed(link.peer.address)
        link.enter(Idle(link))
        link.tell(KeysLost() if weaker or link.keys_lost else PairingFailed(reason))

    def paired(self, bond: Bond | None) -> None:
        """All keys are distributed. The timer goes on: no PDU of ours follows."""
        link = self._link
        link.paired, link.keys_lost = True, False
        link.shared.succeeded(link.peer.address)
        link.encryption.link.has_keys = bond is not None
        if bond is not None:
            link.peer.bonded(bond)
        timer, self._timer = self._timer, None
        link.enter(Settling(link, bond, timer))


class Settling(LinkState):
    """A pairing has succeeded, but a program that ended now would take our keys with it."""

    def __init__(
        self, link: SecuredLink, bond: Bond | None, timer: asyncio.TimerHandle | None
    ) -> None:
        super().__init__(link)
        self._bond = bond
        self._timer = timer

    def entered(self) -> None:
        self._link.shared.spawn(self._settle())

    async def _settle(self) -> None:
        """Ends the state that is there by then, which may be another one."""
        await self._link.drained()
        if self._bond is not None:
            self._link.secured(self._bond)
        self._link.settled()

    def _refused(self, reason: int) -> None:
        if self._link.is_central:
            self._stray()
        else:
            self.end(PairingFailed(reason))


class Silent(Idle):
    """The peer did not answer in time. Encryption with stored keys is not SMP and goes on."""

    def begin(self) -> None:
        raise PairingFailed

    def received(self, octets: bytes) -> None:
        self._stray()

    def closed(self) -> None:
        """It stays."""
