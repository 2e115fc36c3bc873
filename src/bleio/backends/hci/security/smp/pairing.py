"""One pairing, from the features to the keys, in either role (Core Specification Vol 3, Part H).

`Pairing.run` is a generator, and where it stands is the pairing's state. It sends PDUs by calling
`send` and yields what it waits for: a PDU (`Receive`), the agent's answer (`Ask`), or that the link
is encrypted with the key that it has made (`Encrypt`). A session drives it and gives it that and
nothing else: whatever comes that is not waited for ends the pairing. It knows no timers, tasks or
HCI, so it is read from top to bottom as the specification's figures are.

The obvious alternative is a table of states by PDUs. A pairing has two roles, two kinds and four
methods, passkey entry goes round twenty times, users answer in between, and each side distributes
up to three keys: such a table has hundreds of fields, most of which mean "fail". One that is
forgotten is an attack, and hosts were broken in that way: by keys taken before the link was
encrypted, by PDUs that came out of turn (SweynTooth). Here what is not written down cannot happen.

What may surprise:

- PDUs may come early: the peer's user may be faster than ours. While the agent is asked, the
  session keeps a few of them; but none may be left when encryption starts, as keys would have come
  in the clear.
- `_agree` refuses what the settings, our out-of-band data or an old bond do not allow, before
  anything secret is sent and before the user is troubled. The agent is asked last, when the method
  is known.
- An old bond of either role counts: a weaker one would say the same of the peer, on less proof. It
  is checked again for the identity that the peer distributes, which may be another's.
- There is no bond with an address that changes: another device may have it next.
- Keys that are no keys (zeros) are refused or ignored: everybody knows them.
- A `Failure` that is raised is told to the peer. Keys and values are little-endian, as on air.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from bleio.backends.base import PairingAgent
from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.store import Bond, SigningKey
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.basis import (
    Ask,
    Encrypt,
    Ends,
    Failure,
    OwnOob,
    PairingBasis,
    Receive,
    Step,
    Steps,
)
from bleio.backends.hci.security.smp.methods import choose
from bleio.backends.hci.security.smp.pdu import ALL_KEYS, AuthReq, Features, KeyKinds, Reason
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.pairing import (
    MAX_KEY_OCTETS,
    IoCapability,
    PairingMethod,
    SecuritySettings,
    offered,
)

_IDENTITIES = (AddressType.PUBLIC, AddressType.RANDOM_STATIC)


class KnownBonds(Protocol):
    """The bonds that there are, which a new one must not be weaker than."""

    def bonds_with(self, peer: DeviceAddress) -> list[Bond]:
        """Return those with a peer, whatever their role."""


class Pairing(PairingBasis):
    """One pairing.

    Args: `agent`: None is Just Works, and everybody is accepted. `own_oob`: what the peer may have
        received of us out of band.
    """

    def __init__(
        self,
        ends: Ends,
        settings: SecuritySettings,
        agent: PairingAgent | None,
        own_oob: OwnOob,
        bonds: KnownBonds,
        send: Callable[[bytes], None],
    ) -> None:
        super().__init__(ends, settings, agent, send)
        self._own_oob = own_oob
        self._bonds = bonds
        self._own = self._peer = Features(0, 0, 0, 0, 0, 0)
        self._ltk = b""

    @property
    def peer_has_oob(self) -> bool:
        """Whether the peer says that it got our out-of-band data."""
        return bool(self._peer.oob)

    def run(self, request: bytes = b"") -> Generator[Step, Any, Bond | None]:
        """Pair. Args: `request`: as peripheral, what follows the opcode of the Pairing Request.

        Returns: the bond, None if one side did not want any. Raises: Failure.
        """
        yield from self._learn_peer_oob()
        if self.ends.is_central:
            yield from self._features_as_central()
        else:
            yield from self._features_as_peripheral(request)
        short_term_key, secure_connections_key = phase_2()
        if self.secure_connections:
            key = self._ltk = shortened((yield from secure_connections_key(self)), self.key_octets)
        else:
            key = shortened((yield from short_term_key(self)), self.key_octets)
        self._own_oob.used(self.own_secret)
        yield Encrypt(key)
        bond = yield from self._distribute_keys()
        return bond if self._is_to_keep(bond) else None

    def _is_to_keep(self, bond: Bond) -> bool:
        """Whether both want the bond, and the peer can be known by it when it comes again."""
        bonding = self._own.auth_req & self._peer.auth_req & AuthReq.BONDING
        return bool(bonding and bond.ltk) and bond.identity.type in _IDENTITIES

    # Phase 1

    def _learn_peer_oob(self) -> Steps:
        if self.agent is not None and self.agent.has_oob:
            self.peer_oob = yield Ask(partial(self.agent.peer_oob, self.ends.peer))

    def _offer(self, peer: IoCapability | None = None) -> Features:
        """Return what we say of ourselves.

        MITM protection is asked for where our user can help with it, and where the settings name a
        method that gives it; otherwise most features lead to Just Works.

        Args: peer: what it has said of itself.
        """
        agent, method = self.agent, self.settings.method
        io = IoCapability.NO_INPUT_NO_OUTPUT if agent is None else agent.io_capability
        io = offered(io, method, peer)
        auth_req = AuthReq.BONDING | AuthReq.SECURE_CONNECTIONS
        if io is not IoCapability.NO_INPUT_NO_OUTPUT or (
            method is not None and method is not PairingMethod.JUST_WORKS
        ):
            auth_req |= AuthReq.MITM
        oob = int(self.peer_oob is not None)
        return Features(io, oob, auth_req, MAX_KEY_OCTETS, ALL_KEYS, ALL_KEYS)

    def _features_as_central(self) -> Steps:
        self._own = self._offer()
        self.request = self._own.pack(pdu.PAIRING_REQUEST)
        self.send(self.request)
        payload = yield Receive(pdu.PAIRING_RESPONSE)
        self.response = bytes((pdu.PAIRING_RESPONSE,)) + payload
        self._peer = pdu.unpack_features(payload)
        yield from self._agree(self._own, self._peer)

    def _features_as_peripheral(self, payload: bytes) -> Steps:
        self.request = bytes((pdu.PAIRING_REQUEST,)) + payload
        self._peer = pdu.unpack_features(payload)
        offer = self._offer(_known(self._peer.io_capability))
        self._own = offer._replace(
            central_keys=self._peer.central_keys & ALL_KEYS,
            peripheral_keys=self._peer.peripheral_keys & ALL_KEYS,
        )
        yield from self._agree(self._peer, self._own)
        self.response = self._own.pack(pdu.PAIRING_RESPONSE)
        self.send(self.response)

    def _agree(self, central: Features, peripheral: Features) -> Steps:
        """Settle method and key size, or refuse what the settings and an old bond do not allow."""
        if not self._peer.plausible:
            raise Failure(Reason.INVALID_PARAMETERS)
        if (
            peripheral.central_keys | central.central_keys != central.central_keys
            or peripheral.peripheral_keys | central.peripheral_keys != central.peripheral_keys
        ):
            raise Failure(Reason.INVALID_PARAMETERS)  # more keys than were asked for
        self.choice, self.agreed = choose(central, peripheral), True
        both = central.auth_req & peripheral.auth_req
        self.secure_connections = bool(both & AuthReq.SECURE_CONNECTIONS)
        self.key_octets = min(central.max_key_octets, peripheral.max_key_octets)
        self._check_settings()
        self._check_own_oob()
        self._check_old_bonds(self.ends.peer)
        if self.agent is not None and not (yield Ask(partial(self.agent.accept, self.described))):
            raise Failure(Reason.PAIRING_NOT_SUPPORTED)

    def _check_settings(self) -> None:
        settings = self.settings
        if self.key_octets < settings.min_key_octets:
            raise Failure(Reason.ENCRYPTION_KEY_SIZE)
        if settings.secure_connections_only and not self.secure_connections:
            raise Failure(Reason.AUTHENTICATION_REQUIREMENTS)
        if settings.method is not None and self.choice.method is not settings.method:
            raise Failure(Reason.AUTHENTICATION_REQUIREMENTS)

    def _check_own_oob(self) -> None:
        """Settle what a peer that says it has our data must prove to know.

        If none of ours is out, nobody has it: what the peer then knew, an r of 0, everybody knows.
        """
        if self.choice.method is PairingMethod.OUT_OF_BAND and self.peer_has_oob:
            self.own_secret = self._own_oob.secret
            if self.secure_connections and self.own_secret is None:
                raise Failure(Reason.OOB_NOT_AVAILABLE)

    def _check_old_bonds(self, identity: DeviceAddress) -> None:
        """Refuse a bond that is weaker than one there is: the peer may be somebody else.

        In the other role too, for both say the same of the peer.
        """
        for old in self._bonds.bonds_with(identity):
            if (
                old.authenticated > self.authenticated
                or old.secure_connections > self.secure_connections
                or old.key_octets > self.key_octets
            ):
                raise Failure(Reason.AUTHENTICATION_REQUIREMENTS, weaker=True)

    # Phase 3; Spec: 2.4.3. The peripheral's keys come first.

    def _distribute_keys(self) -> Generator[Step, Any, Bond]:
        own, peer = self._own, self._peer
        peripheral = peer if self.ends.is_central else own
        to_peripheral, to_central = (
            KeyKinds(peripheral.central_keys & ALL_KEYS),
            KeyKinds(peripheral.peripheral_keys & ALL_KEYS),
        )
        bond = Bond(
            self.ends.peer,
            self._ltk,
            authenticated=self.authenticated,
            secure_connections=self.secure_connections,
            key_octets=self.key_octets,
        )
        if self.ends.is_central:
            bond = yield from self._receive_keys(bond, to_central)
            return self._send_keys(bond, to_peripheral)
        bond = self._send_keys(bond, to_central)
        return (yield from self._receive_keys(bond, to_peripheral))

    def _send_keys(self, bond: Bond, kinds: KeyKinds) -> Bond:
        ends = self.ends
        if kinds & KeyKinds.ENCRYPTION and not self.secure_connections:
            ltk = shortened(entropy.token_bytes(16), self.key_octets)
            ediv, rand = entropy.randbelow(0x10000), entropy.token_bytes(8)
            self.send_pdu(pdu.ENCRYPTION_INFORMATION, ltk)
            self.send_pdu(pdu.CENTRAL_IDENTIFICATION, pdu.IDENTIFICATION.pack(ediv, rand))
            if not ends.is_central:  # encryption always uses the peripheral's
                bond = replace(bond, ltk=ltk, ediv=ediv, rand=rand)
        if kinds & KeyKinds.IDENTITY:
            self.send_pdu(pdu.IDENTITY_INFORMATION, ends.irk)
            address = pdu.IDENTITY_ADDRESS.pack(ends.identity.random, ends.identity.octets)
            self.send_pdu(pdu.IDENTITY_ADDRESS_INFORMATION, address)
        if kinds & KeyKinds.SIGNING:
            csrk = entropy.token_bytes(16)
            self.send_pdu(pdu.SIGNING_INFORMATION, csrk)
            bond = replace(bond, own_signing=SigningKey(csrk, 0, self.authenticated))
        return bond

    def _receive_keys(self, bond: Bond, kinds: KeyKinds) -> Generator[Step, Any, Bond]:
        if kinds & KeyKinds.ENCRYPTION and not self.secure_connections:
            ltk = yield Receive(pdu.ENCRYPTION_INFORMATION)
            ediv, rand = pdu.IDENTIFICATION.unpack((yield Receive(pdu.CENTRAL_IDENTIFICATION)))
            if not any(ltk):
                raise Failure(Reason.INVALID_PARAMETERS)  # no key at all
            if self.ends.is_central:
                bond = replace(bond, ltk=ltk, ediv=ediv, rand=rand)
        if kinds & KeyKinds.IDENTITY:
            irk = yield Receive(pdu.IDENTITY_INFORMATION)
            payload = yield Receive(pdu.IDENTITY_ADDRESS_INFORMATION)
            identity = self._checked_identity(payload)
            bond = replace(bond, identity=identity, irk=irk if any(irk) else None)
        if kinds & KeyKinds.SIGNING:
            csrk = yield Receive(pdu.SIGNING_INFORMATION)
            if any(csrk):  # zeros are no key: everybody knows them
                bond = replace(bond, peer_signing=SigningKey(csrk, 0, self.authenticated))
        return bond

    def _checked_identity(self, payload: bytes) -> DeviceAddress:
        """Take an identity that can be one, and that nobody stronger has."""
        random, octets = pdu.IDENTITY_ADDRESS.unpack(payload)
        identity = DeviceAddress(octets, bool(random))
        if random > 1 or identity.type not in _IDENTITIES:
            raise Failure(Reason.INVALID_PARAMETERS)
        self._check_old_bonds(identity)
        return identity


def shortened(key: bytes, octets: int) -> bytes:
    """Cut a key's entropy: its most significant octets become 0. Spec: Vol 3, Part H, 2.3.4."""
    return key[:octets] + bytes(16 - octets)


def phase_2() -> tuple[Callable[[PairingBasis], Steps], Callable[[PairingBasis], Steps]]:
    """Return both kinds of phase 2, and load the cryptography that they rest on."""
    from bleio.backends.hci.security.smp.legacy import short_term_key
    from bleio.backends.hci.security.smp.secure_connections import secure_connections_key

    return short_term_key, secure_connections_key


def _known(io: int) -> IoCapability | None:
    """Return what a peer has said; None if it is nothing, which is refused later."""
    return IoCapability(io) if io in tuple(IoCapability) else None
