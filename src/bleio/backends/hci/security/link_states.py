"""What can be under way on a link for its security: one class for each, with the data it needs.

    Idle                nothing
    SecurityRequested   a peripheral asked the central to encrypt or pair, and waits for that
    Encrypting          a central started encryption with stored keys
    PairingUnderWay     a pairing is being made, by either side (`link_pairing`)
    Settling            it has succeeded; our keys have not all left the controller (there too)
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
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import AuthReq, Reason
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

    def start_pairing(self, request: bytes = b"") -> None:
        """Go on to a pairing. `request`: the peer's, without its opcode; else one is sent."""

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
        self.early = False  # it was passed a PDU that had been held, see `held`

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
            link.start_pairing(request)

    def _security_requested(self, auth_req: int) -> None:
        """Encrypt or pair, so that a peripheral's `pair` works.

        Not if the keys are lost: what asks may be another device with the bonded one's address, and
        nobody here wants a new bond with that. A flood of requests waits as failed pairings do.
        """
        link = self._link
        better = bool(auth_req & AuthReq.MITM) and link.could_be_better()
        enough = link.encryption.link.encrypted and not better
        if not enough and not link.keys_lost and link.shared.may_try(link.peer.address):
            self.begin()

    def _refused(self, reason: int) -> None:
        """Take Pairing Failed."""
        self._stray()

    def _stray(self) -> None:
        self._link.shared.layer.counters.smp_stray += 1

    @property
    def pairing_key(self) -> tuple[Pairing, bytes] | None:
        """The key that encryption must start with now, if a pairing waits for that."""
        return None

    def key_unknown(self) -> None:
        """The central wants to encrypt with a key that we have not.

        It is told so, and may pair anew. If it does not, what waits here waits for nothing.
        """
        self._link.keys_lost = True
        self._restart_timer(PAIR_ANEW_S)

    # Of encryption

    @property
    def outlives_link(self) -> bool:
        """Whether it lacks nothing but what the peer has sent by now."""
        return False

    def encrypted_by_bond(self) -> None:
        """The link is encrypted with stored keys, which is all that anybody waits for."""
        self.end(None)

    def encrypted_by(self, pairing: Pairing, key_octets: int) -> None:
        """The link is encrypted with a pairing's key.

        Unless that pairing is under way it has failed, and its key proves nothing.
        """
        self._link.encryption.off()

    def encryption_failed(self, pairing: Pairing) -> None:
        """The same, but it is not."""

    def enabling_refused(self, error: InnerError) -> None:
        """The controller did not take the command to encrypt."""
        self.end(error)

    def encrypt_by(self, bond: Bond) -> None:
        """The peer has not the keys of one bond; it may be the device of another."""
        self._link.enter(Encrypting(self._link, bond))

    def pair_anew(self) -> None:
        """The peer has lost its keys, and somebody waits: they asked for a pairing, so have one."""
        self._link.start_pairing()

    # The end

    def erased(self) -> None:
        """All bonds were erased, and none is to come of what was under way before."""

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
        elif bond is not None and link.encryption.keys_fit and not link.encryption.link.encrypted:
            link.enter(Encrypting(link, bond))
        else:
            link.start_pairing()

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


class Silent(Idle):
    """The peer did not answer in time. Encryption with stored keys is not SMP and goes on."""

    def begin(self) -> None:
        raise PairingFailed

    def received(self, octets: bytes) -> None:
        self._stray()

    def closed(self) -> None:
        """It stays."""
