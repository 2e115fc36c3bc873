"""The security of one link: encryption, pairing in both roles, and bonds.

Spec: Vol 3, Part H, 2.4; Vol 3, Part C, 10.3. How a pairing goes is in `smp`; here is when one
begins, what its keys or those of a bond are used for, and what its end means.

Three act on one link, in any order: the program (`pair`), the peer (SMP PDUs), and the controller,
which reports encryption and asks for keys. What each does depends on what is under way. So what is
under way is one object (`link_states`, `link_pairing`), and each input is passed to it.

The obvious way is a flag or a timer for each thing that may be under way. It takes nine, and then
nobody can say which of their combinations can be, nor what a late event meets: the timer of a
pairing that is over, keys of one that failed. A generator, which says best what one pairing waits
for, says badly what a link does: at each of its steps everything else may happen too, and each step
would have to say what then.

What may surprise:

- A bond is replaced only by a pairing that has succeeded and is at least as strong, in method, kind
  and key size. The peer that asks to pair anew may be another device with the bonded one's address:
  the old keys are the only proof that it is not, so they stay until the new ones are complete.
- A peer with other keys than ours, one that was reset or restored, ends the link when encryption
  starts. Which reason that gives is no matter of choice: the controller that finds the first wrong
  MIC reports 0x3D and says nothing on the air, so the other hears silence and reports 0x08, or 0x22
  (Vol 6, Part B, 5.1.3.1); hosts that are asked for a key that they lack say 0x06, and some end the
  link with 0x05. So any end in the middle of encryption with stored keys counts as one of the keys,
  unless it was somebody's wish (`_ended_by_keys`). `Connecting` then connects once more without
  trying them (`encryption.keys_fit`), so that the program has a link to pair on. The next connect
  tries them again: a link that was disturbed once must not cost a good bond its use. If silence
  took all the time of the first, it is the next one that does not try them, if it begins soon.
- A peer that lost its keys looks the same as an impostor that never had them. A central of ours
  pairs anew only if the program asked for it (`pair`), and the program gets KeysLost if that fails;
  on its own, on a new link or because the peer wishes it, it lets the link be plain.
- An impostor may refuse encryption and serve values in the clear (BLESA, CVE-2020-9770). Whether a
  value may pass a plain link is decided in `trust`. While encryption is being started with stored
  keys, values wait (`encryption`).
- A peripheral cannot start encryption, it can only ask. So its `pair` waits for what the central
  does, which may be nothing at all, a pairing, or encryption by a bond.
- The peer's identity may become known in the middle of it: `peer.address` changes with the bond.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.encryption import Keys, LinkEncryption
from bleio.backends.hci.security.held import smp_waits
from bleio.backends.hci.security.link_pairing import PairingUnderWay
from bleio.backends.hci.security.link_states import Idle, LinkState
from bleio.backends.hci.security.peer import LinkPeer
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.backends.hci.security.signing import BondSigner
from bleio.backends.hci.security.trust import LinkTrust
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, HciErrorCode
from bleio.core.pairing import IoCapability, PairingMethod
from bleio.errors import AttError, InnerError, KeysLost, LinkLost, PairingFailed

# Ends of a link that do not come of different keys: its controller or we ended it, or it never was.
_NOT_OF_KEYS = frozenset(
    {
        HciErrorCode.SUCCESS,
        HciErrorCode.LOCAL_HOST_TERMINATED,
        HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED,
    }
)
# The peer's host ended it, which it does in the middle of encryption for reasons of its own; with
# other keys it does not come to that, its controller is faster.
_BY_PEER = frozenset(
    {
        HciErrorCode.REMOTE_USER_TERMINATED,
        HciErrorCode.REMOTE_LOW_RESOURCES,
        HciErrorCode.REMOTE_POWER_OFF,
    }
)
_OF_SECURITY = frozenset(
    {AttErrorCode.INSUFFICIENT_AUTHENTICATION, AttErrorCode.INSUFFICIENT_ENCRYPTION}
)


class SmpChannel(Protocol):
    """The link's channel for SMP."""

    def send(self, pdu: bytes) -> None: ...

    async def drained(self) -> None:
        """Wait until all that was sent has left the controller, or the link is gone."""


class SecurityOwner(Protocol):
    """The link whose security it is."""

    def secured(self, bond: Bond) -> None:
        """The link is encrypted with the keys of a bond; called each time."""


class Security:
    """The security of one link; `link` is what its bearer goes by.

    Args: `own_address`: on the air. What states may do with it is in `SecuredLink`.
    """

    def __init__(
        self,
        shared: SharedSecurity,
        conn_handle: int,
        is_central: bool,
        own_address: DeviceAddress,
        peer: LinkPeer,
        channel: SmpChannel,
        owner: SecurityOwner,
    ) -> None:
        self.shared = shared
        self.conn_handle = conn_handle
        self.is_central = is_central
        self.own_address = own_address
        self.peer = peer
        self.encryption = LinkEncryption(shared, conn_handle, self)
        self.link = self.encryption.link
        self._look_for_keys()
        self.trust = LinkTrust(shared.encrypted_values, shared.own, self.link, peer)
        self.signer = BondSigner(peer, shared.own_counts, shared.peers_counts)
        self.keys_lost = False
        self.paired = False
        self.state: LinkState = Idle(self)
        self._tried: set[DeviceAddress] = set()  # whose keys the peer has not
        self._ended_by: InnerError | None = None  # what those that wait get for the link's end
        self._channel = channel
        self._owner = owner
        self._waiters: set[asyncio.Future[None]] = set()

    # Asked for by us

    async def pair(self) -> None:
        """Get the link encrypted: by stored keys, else by pairing. See `Link.pair`.

        A link that is encrypted but not authenticated is paired anew if our agent could do better.
        Raises: PairingFailed, KeysLost, LinkLost.
        """
        if self.link.encrypted and not self.could_be_better():
            return
        self.state.begin()
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(outcome)
        try:
            await outcome
        finally:
            self._waiters.discard(outcome)

    def encrypt_if_bonded(self) -> None:
        """Start encryption with stored keys, as a central does on a new link; nobody waits.

        At once, for a bonded peer may serve nothing, or something else, on a plain link. Not if it
        has just been found to have other keys: they would end the link, with none to pair on.
        """
        if not self.is_central:
            return
        if self.peer.address in self.shared.without_keys:
            self.keys_lost, self.encryption.keys_fit = True, False
        elif self.peer.bond is not None and not self.link.encrypted:
            self.state.begin()

    def could_be_better(self) -> bool:
        """Whether pairing could authenticate the peer, which has not been done."""
        return not self.paired and not self.link.authenticated and self.can_authenticate()

    def can_authenticate(self) -> bool:
        """Whether our agent can do more than agree, and is to."""
        agent, method = self.shared.own.agent, self.shared.own.settings.method
        if agent is None or method is PairingMethod.JUST_WORKS:
            return False
        return agent.has_oob or agent.io_capability is not IoCapability.NO_INPUT_NO_OUTPUT

    def refusal(self, error: AttError) -> InnerError:
        """Return what to raise for it: where security is asked for, why there is none, if known."""
        return error if self.encryption.keys_fit or error.code not in _OF_SECURITY else KeysLost()

    # From the peer

    def received(self, octets: bytes) -> None:
        """Take one SMP PDU, whatever it is."""
        if self.encryption.held.waits and smp_waits(octets, self.is_central):
            self.encryption.held.hold(self._received_early, octets)
        else:
            self.state.received(octets)

    def _received_early(self, octets: bytes) -> None:
        """Take one that was here before encryption was reported, or would have been."""
        self.state.early = True
        self.state.received(octets)

    def long_term_key(self, rand: bytes, ediv: int) -> bytes | None:
        """Return the key for encryption that the central starts, None if there is none.

        Rand and EDIV name a key; for one of LE Secure Connections, and for the one that a pairing
        has just made, both are 0. A pairing's comes first: that of the bond is to be replaced.
        """
        made = self.state.pairing_key
        if made is not None and (rand, ediv) == (bytes(8), 0):
            pairing, key = made
            self.encryption.key_given(pairing)
            return key
        bond = self.peer.named(rand, ediv)
        self._look_for_keys()
        if bond is not None:
            self.encryption.key_given(bond)
            return bond.ltk
        self.state.key_unknown()
        return None

    # Of encryption: see `EncryptionOwner`

    def encrypted(self, keys: Keys, key_octets: int) -> None:
        """The link is encrypted, which proves what these keys prove."""
        if not isinstance(keys, Bond):
            self.state.encrypted_by(keys, key_octets)
        elif self.peer.bond is None:
            self.state.end(KeysLost())  # erased meanwhile: it proves nothing any more
        else:
            self.encryption.on(keys, key_octets)
            self._look_for_keys()
            self.keys_lost = False
            self.shared.same_key.proved(keys.identity)
            self.secured(keys)
            if (agent := self.shared.own.agent) is not None:
                agent.bond_used(self.peer.address, keys.authenticated)
            self.state.encrypted_by_bond()

    def encryption_refused(self, keys: Keys | None, status: int) -> None:
        """It failed; if the peer has lost its keys, pairing anew may help.

        The peer's word is all there is for that, and no harm comes of believing it: the bond stays.
        """
        if keys is not None and not isinstance(keys, Bond):
            self.state.encryption_failed(keys)
            return
        self.keys_lost = status == HciErrorCode.PIN_OR_KEY_MISSING
        if self.keys_lost and self.is_central and keys is not None:
            other = self.peer.try_other(self._tried)
            self._look_for_keys()
            if other is not None:
                self.state.encrypt_by(other)
                return
        if self.keys_lost and self.is_central and self._waiters:
            self.state.pair_anew()
        else:
            self.state.end(KeysLost() if self.keys_lost else PairingFailed())

    def enabling_refused(self, error: InnerError) -> None:
        """The controller did not take the command to encrypt."""
        self.state.enabling_refused(error)

    # The end

    def erased(self) -> None:
        """The bonds with this peer were erased: the link counts as unpaired from now on."""
        self.encryption.off()
        self.paired = self.keys_lost = self.link.has_keys = False
        self.state.erased()

    def closed(self, reason: int) -> None:
        """The link is gone. `reason`: the HCI error code. Keys of a pairing may be late."""
        if _ended_by_keys(self, reason):
            self.keys_lost, self.encryption.keys_fit = True, False
            self.shared.same_key.disproved(self.peer.address)
        self._ended_by = LinkLost(reason) if self.encryption.keys_fit else KeysLost()
        self.encryption.held.drop()
        if self.state.outlives_link:
            self.shared.pairing_is_late(self)
        else:
            self._end_all()
        self.encryption.given_up()

    def finished(self) -> None:
        """Nothing is late any more."""
        if self.state.outlives_link:
            self._end_all()
        else:
            self.tell(None)  # a pairing that has succeeded is all that may be waited for by now
        self.signer.settle()
        self.link.encrypted = False

    def _end_all(self) -> None:
        self.state.closed()
        self.tell(self._ended_by)

    def _look_for_keys(self) -> None:
        """The bond with the peer, or what is known of its identity, may have changed."""
        self.link.has_keys = self.peer.bond is not None

    # For the states: see `SecuredLink`

    def enter(self, state: LinkState) -> None:
        """Leave the present state for another one."""
        self.state.left()
        self.state = state
        state.entered()
        self.shared.pairing_ended(self)  # if it was late; by now its bond is kept

    def start_pairing(self, request: bytes = b"") -> None:
        """Go on to a pairing. `request`: the peer's, without its opcode; else one is sent."""
        self.enter(PairingUnderWay(self, request))

    def timed_out(self) -> None:
        """The present state's time is up."""
        self.state.timed_out()

    def settled(self) -> None:
        """A pairing's keys have left the controller; that ends what is under way."""
        self.state.end(None)

    def tell(self, error: InnerError | None) -> None:
        """Wake all that wait for the outcome."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def send(self, octets: bytes) -> None:
        """Send one SMP PDU."""
        self._channel.send(octets)

    def secured(self, bond: Bond) -> None:
        """The link is encrypted with the keys of a bond."""
        self._owner.secured(bond)

    async def drained(self) -> None:
        """Wait until all that was sent has left the controller, or the link is gone."""
        await self._channel.drained()


def _ended_by_keys(link: Security, reason: int) -> bool:
    """Whether it has ended because the two sides have different keys, or one has none."""
    if reason in _NOT_OF_KEYS:
        return False
    if link.encryption.by_bond:
        return reason not in _BY_PEER
    # The peer has refused, and then went without waiting for what we would do.
    refused = link.keys_lost and link.peer.bond is not None and not link.link.encrypted
    return refused and link.is_central and isinstance(link.state, Idle)
