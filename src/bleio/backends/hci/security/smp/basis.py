"""What every pairing rests on: its two ends, what it may wait for, and what has been agreed.

A pairing is a generator (see `pairing`) that yields steps: `Receive`, `Ask` or `Encrypt`. Both
kinds of phase 2, `legacy` and `secure_connections`, go by `PairingBasis` and know nothing of the
phases before and after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bleio.backends.base import OobData, PairingAgent
from bleio.backends.hci import entropy
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.methods import Choice
from bleio.backends.hci.security.smp.pdu import Reason
from bleio.core.address import DeviceAddress
from bleio.core.pairing import MAX_KEY_OCTETS, PairingMethod, PairingQuestion, SecuritySettings

if TYPE_CHECKING:
    from bumble.crypto.cryptography import EccKey


class Failure(Exception):
    """This pairing cannot go on; the peer is told why. `reason`: the SMP reason octet."""

    def __init__(self, reason: Reason, weaker: bool = False) -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.weaker = weaker  # than the bond that it would have replaced


class Receive(NamedTuple):
    """Wait for a PDU; its octets after the opcode are sent in."""

    opcode: int


class Ask(NamedTuple):
    """Wait for the agent's answer, which is sent in. `waits` False: None is sent in at once."""

    question: Callable[[], Awaitable[Any]]
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Encrypt:
    """Wait until the link is encrypted with this key, which the central starts."""

    key: bytes = field(repr=False)


Step = Receive | Ask | Encrypt
Steps = Generator[Step, Any, Any]


@dataclass(frozen=True, slots=True)
class Ends:
    """The two that pair. The addresses are those on the air; `peer` is the peer's identity as far
    as it is known, `identity` and `irk` are ours, which the peer is told."""

    is_central: bool
    own_on_air: DeviceAddress
    peer_on_air: DeviceAddress
    peer: DeviceAddress
    identity: DeviceAddress
    irk: bytes = field(repr=False)


_random_key = partial(entropy.token_bytes, 16)


@dataclass(frozen=True, slots=True, eq=False)
class OobSecret:
    """What a peer that has our data proves to know, and the key pair that the data commits to."""

    key: EccKey = field(default_factory=entropy.make_key, repr=False)
    random: bytes = field(default_factory=_random_key, repr=False)
    temporary_key: bytes = field(default_factory=_random_key, repr=False)


class OwnOob:
    """Our own out-of-band data (2.3.5.6.4): made when it is asked for, and used up by one pairing.

    `secret`: None while no data is out, so that no peer can have it.
    """

    def __init__(self) -> None:
        self.secret: OobSecret | None = None

    def data(self) -> OobData:
        """Return what to pass to the peer; the same until a pairing succeeded with it."""
        from bumble.crypto import f4

        secret = self.secret = self.secret or OobSecret()
        x = secret.key.x[::-1]
        return OobData(f4(x, x, secret.random, b"\0"), secret.random, secret.temporary_key)

    def used(self, secret: OobSecret | None) -> None:
        """A pairing has succeeded with it; what another one may still use stays that one's."""
        if secret is self.secret:
            self.secret = None


class PairingBasis:
    """What phase 2 goes by, and the steps that both its kinds need.

    `choice`, `secure_connections` and `key_octets` hold once `agreed`; `request` and `response` are
    the whole PDUs, which phase 2 signs. `own_secret`: what a peer that says it has our out-of-band
    data must know; `peer_oob`: the peer's data, if our agent has any.
    """

    def __init__(
        self,
        ends: Ends,
        settings: SecuritySettings,
        agent: PairingAgent | None,
        send: Callable[[bytes], None],
    ) -> None:
        self.ends = ends
        self.settings = settings
        self.agent = agent
        self.send = send
        self.choice = Choice(PairingMethod.JUST_WORKS)
        self.secure_connections = False
        self.key_octets = MAX_KEY_OCTETS
        self.own_secret: OobSecret | None = None
        self.peer_oob: OobData | None = None
        self.request = self.response = b""
        self.agreed = False

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
    def shows_passkey(self) -> bool:
        """Whether we show the passkey, rather than ask for it."""
        choice = self.choice
        return choice.central_shows if self.ends.is_central else choice.peripheral_shows

    def send_pdu(self, opcode: int, payload: bytes) -> None:
        """Send one PDU."""
        self.send(bytes((opcode,)) + payload)

    def passkey(self) -> Steps:
        """Show a new passkey or ask for the peer's. Returns: 0 to 999999."""
        assert self.agent is not None  # without one, only Just Works is offered
        if self.shows_passkey:
            shown = entropy.randbelow(1_000_000)
            # The peer's user types it, so the peer tells when that is done.
            yield Ask(partial(self.agent.display_passkey, self.described, shown), waits=False)
            return shown
        typed = yield Ask(partial(self.agent.enter_passkey, self.described))
        if typed is None or not 0 <= typed <= 999_999:
            raise Failure(Reason.PASSKEY_ENTRY_FAILED)
        return typed

    def compare(self, number: int) -> Steps:
        """Ask whether both devices show the same number."""
        assert self.agent is not None
        if not (yield Ask(partial(self.agent.compare, self.described, number))):
            raise Failure(Reason.NUMERIC_COMPARISON_FAILED)

    def exchange_nonces(
        self, nonce: bytes, confirm: bytes, expected: Callable[[bytes], bytes]
    ) -> Steps:
        """Show our nonce for the peer's, after both have committed themselves by a confirm value.

        The peripheral checks before it shows its own, so that a guess tells its peer nothing. One
        that sends our own confirm value or nonce back would pass without knowing what goes into
        them (CVE-2020-26558), so that fails. Args: `confirm`: ours; `expected`: makes the peer's
        of its nonce. Returns: the peer's nonce.
        """
        central = self.ends.is_central
        if central:
            self.send_pdu(pdu.PAIRING_CONFIRM, confirm)
        peer_confirm = yield Receive(pdu.PAIRING_CONFIRM)
        if central:
            self.send_pdu(pdu.PAIRING_RANDOM, nonce)
        else:
            self.send_pdu(pdu.PAIRING_CONFIRM, confirm)
        peer_nonce = yield Receive(pdu.PAIRING_RANDOM)
        if peer_confirm == confirm or peer_nonce == nonce:
            raise Failure(Reason.CONFIRM_VALUE_FAILED)
        self.check(peer_confirm, expected(peer_nonce), Reason.CONFIRM_VALUE_FAILED)
        if not central:
            self.send_pdu(pdu.PAIRING_RANDOM, nonce)
        return peer_nonce

    def check(self, value: bytes, expected: bytes, reason: Reason) -> None:
        """Fail unless the peer's value is the expected one."""
        if not secrets.compare_digest(value, expected):
            raise Failure(reason)
