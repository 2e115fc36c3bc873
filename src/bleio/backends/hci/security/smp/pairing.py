"""One pairing, from the features to the keys, in either role (Core Specification Vol 3, Part H).

`Pairing.run` is a generator: it sends PDUs by calling `send` and yields what it waits for, one of
`Receive`, `Ask` and `Encrypt`. Whoever drives it gives it that and nothing else. A `Failure` that
it raises is told to the peer. Keys and values are little-endian, as they are on air.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from bumble.crypto import c1, s1

from bleio.backends.base import OobData, PairingAgent
from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.store import Bond, SigningKey
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.methods import Choice, choose
from bleio.backends.hci.security.smp.oob import OobSecret, OwnOob
from bleio.backends.hci.security.smp.pdu import ALL_KEYS, AuthReq, Features, KeyKinds, Reason
from bleio.backends.hci.security.smp.secure_connections import secure_connections_key
from bleio.backends.hci.security.smp.steps import Ask, Encrypt, Ends, Failure, Receive, Step, Steps
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.pairing import (
    MAX_KEY_OCTETS,
    IoCapability,
    PairingMethod,
    PairingQuestion,
    SecuritySettings,
)

_IDENTITIES = (AddressType.PUBLIC, AddressType.RANDOM_STATIC)


class Pairing:
    """One pairing.

    Args: `agent`: None is Just Works, and everybody is accepted. `own_oob`: what the peer may have
        received of us out of band. `bonds_with`: gives the bonds with a peer, whatever their role,
        which a new one must not be weaker than.
    """

    def __init__(
        self,
        ends: Ends,
        settings: SecuritySettings,
        agent: PairingAgent | None,
        own_oob: OwnOob,
        bonds_with: Callable[[DeviceAddress], list[Bond]],
        send: Callable[[bytes], None],
    ) -> None:
        self.ends = ends
        self.settings = settings
        self.send = send
        self.choice = Choice(PairingMethod.JUST_WORKS)
        self.secure_connections = False
        self.key_octets = MAX_KEY_OCTETS
        self.own_secret: OobSecret | None = None  # what a peer with our out-of-band data knows
        self.peer_oob: OobData | None = None
        self.request = self.response = b""  # the whole PDUs
        self.agreed = False  # the method is known
        self._agent = agent
        self._own_oob = own_oob
        self._bonds_with = bonds_with
        self._own = self._peer = Features(0, 0, 0, 0, 0, 0)
        self._ltk = b""

    @property
    def authenticated(self) -> bool:
        """Whether the method protects against a man in the middle."""
        return self.choice.method is not PairingMethod.JUST_WORKS

    @property
    def described(self) -> PairingQuestion:
        """What the agent is told."""
        ends = self.ends
        return PairingQuestion(
            ends.peer, self.choice.method, self.secure_connections, ends.is_central
        )

    @property
    def peer_has_oob(self) -> bool:
        """Whether the peer says that it got our out-of-band data."""
        return bool(self._peer.oob)

    @property
    def shows_passkey(self) -> bool:
        """Whether we show the passkey, rather than ask for it."""
        choice = self.choice
        return choice.central_shows if self.ends.is_central else choice.peripheral_shows

    def run(self, request: bytes = b"") -> Generator[Step, Any, Bond | None]:
        """Pair. Args: `request`: as peripheral, what follows the opcode of the Pairing Request.

        Returns: the bond, None if one side did not want any. Raises: Failure.
        """
        yield from self._learn_peer_oob()
        if self.ends.is_central:
            yield from self._features_as_central()
        else:
            yield from self._features_as_peripheral(request)
        if self.secure_connections:
            key = self._ltk = shortened((yield from secure_connections_key(self)), self.key_octets)
        else:
            key = shortened((yield from self._short_term_key()), self.key_octets)
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
        if self._agent is not None and self._agent.has_oob:
            peer = self.ends.peer
            self.peer_oob = yield Ask(lambda agent: agent.peer_oob(peer))

    def _offer(self) -> Features:
        """Give what we say of ourselves."""
        agent, method = self._agent, self.settings.method
        io = IoCapability.NO_INPUT_NO_OUTPUT if agent is None else agent.io_capability
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
        offer = self._offer()
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
        if self._agent is not None:
            described = self.described
            if not (yield Ask(lambda agent: agent.accept(described))):
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

        In the other role too, for the new one says as much of who the peer is.
        """
        for old in self._bonds_with(identity):
            if (
                old.authenticated > self.authenticated
                or old.secure_connections > self.secure_connections
                or old.key_octets > self.key_octets
            ):
                raise Failure(Reason.AUTHENTICATION_REQUIREMENTS, weaker=True)

    # Phase 2, LE legacy pairing

    def _short_term_key(self) -> Steps:
        """Spec: 2.3.5.5. A confirm value that is ours come back would prove nothing."""
        key = yield from self._temporary_key()
        own_nonce = entropy.token_bytes(16)
        own_confirm = self._confirm_value(key, own_nonce)
        if self.ends.is_central:
            self._send(pdu.PAIRING_CONFIRM, own_confirm)
            peer_confirm = yield Receive(pdu.PAIRING_CONFIRM)
            self._send(pdu.PAIRING_RANDOM, own_nonce)
            peer_nonce = yield Receive(pdu.PAIRING_RANDOM)
        else:
            peer_confirm = yield Receive(pdu.PAIRING_CONFIRM)
            self._send(pdu.PAIRING_CONFIRM, own_confirm)
            peer_nonce = yield Receive(pdu.PAIRING_RANDOM)
        if peer_confirm == own_confirm or peer_nonce == own_nonce:
            raise Failure(Reason.CONFIRM_VALUE_FAILED)
        self.check(peer_confirm, self._confirm_value(key, peer_nonce), Reason.CONFIRM_VALUE_FAILED)
        if self.ends.is_central:
            return s1(key, peer_nonce, own_nonce)
        self._send(pdu.PAIRING_RANDOM, own_nonce)
        return s1(key, own_nonce, peer_nonce)

    def _temporary_key(self) -> Steps:
        method = self.choice.method
        if method is PairingMethod.OUT_OF_BAND:
            key = self.peer_oob.temporary_key if self.peer_oob is not None else b""
            if len(key) != 16:
                raise Failure(Reason.OOB_NOT_AVAILABLE)
            return key
        passkey = 0
        if method is PairingMethod.PASSKEY_ENTRY:
            passkey = yield from self.passkey()
        return passkey.to_bytes(16, "little")

    def _confirm_value(self, key: bytes, nonce: bytes) -> bytes:
        own, peer = self.ends.own_on_air, self.ends.peer_on_air
        central, peripheral = (own, peer) if self.ends.is_central else (peer, own)
        return c1(
            key,
            nonce,
            self.request,
            self.response,
            int(central.random),
            int(peripheral.random),
            central.octets,
            peripheral.octets,
        )

    # What both kinds of phase 2 use

    def passkey(self) -> Steps:
        """Show a new passkey or ask for the peer's. Returns: 0 to 999999."""
        described = self.described
        if self.shows_passkey:
            shown = entropy.randbelow(1_000_000)
            yield Ask(lambda agent: agent.display_passkey(described, shown), waits=False)
            return shown
        typed = yield Ask(lambda agent: agent.enter_passkey(described))
        if typed is None or not 0 <= typed <= 999_999:
            raise Failure(Reason.PASSKEY_ENTRY_FAILED)
        return typed

    def compare(self, number: int) -> Steps:
        """Ask whether both devices show the same number."""
        described = self.described
        if not (yield Ask(lambda agent: agent.compare(described, number))):
            raise Failure(Reason.NUMERIC_COMPARISON_FAILED)

    def check(self, value: bytes, expected: bytes, reason: Reason) -> None:
        """Fail unless the peer's value is the expected one."""
        if not secrets.compare_digest(value, expected):
            raise Failure(reason)

    def _send(self, opcode: int, payload: bytes) -> None:
        self.send(bytes((opcode,)) + payload)

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
            self._send(pdu.ENCRYPTION_INFORMATION, ltk)
            self._send(pdu.CENTRAL_IDENTIFICATION, pdu.IDENTIFICATION.pack(ediv, rand))
            if not ends.is_central:  # encryption always uses the peripheral's
                bond = replace(bond, ltk=ltk, ediv=ediv, rand=rand)
        if kinds & KeyKinds.IDENTITY:
            self._send(pdu.IDENTITY_INFORMATION, ends.irk)
            address = pdu.IDENTITY_ADDRESS.pack(ends.identity.random, ends.identity.octets)
            self._send(pdu.IDENTITY_ADDRESS_INFORMATION, address)
        if kinds & KeyKinds.SIGNING:
            csrk = entropy.token_bytes(16)
            self._send(pdu.SIGNING_INFORMATION, csrk)
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
