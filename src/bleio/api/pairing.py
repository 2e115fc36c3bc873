"""What a program may say in pairing; ours, beyond CircuitPython's `_bleio`.

CircuitPython's boards pair by Just Works only, which an eavesdropper in the middle can take part
in. With a delegate on `Adapter.pairing_delegate` a person, or the program, authenticates the peer.
"""

from __future__ import annotations

from contextvars import Context
from dataclasses import dataclass

from bleio.api._arguments import in_range, instance, instance_or_none
from bleio.api.address import Address
from bleio.backends.base import OobData
from bleio.core.address import DeviceAddress
from bleio.core.pairing import (
    IoCapability,
    PairingMethod,
    PairingQuestion,
    SecuritySettings,
)

__all__ = [
    "IoCapability",
    "OobData",
    "PairingDelegate",
    "PairingMethod",
    "PairingRequest",
    "SecuritySettings",
]


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """One pairing as a delegate is told of it.

    Attributes:
        peer: its identity where that is known.
        method: how the two devices authenticate each other.
        secure_connections: whether it is LE Secure Connections, not LE legacy pairing.
        is_central: our role on the link.
    """

    peer: Address
    method: PairingMethod
    secure_connections: bool
    is_central: bool


class PairingDelegate:
    """Answers for an adapter in pairing; to be subclassed.

    Override what `io_capability` says you can do: `display_passkey` for a display, `enter_passkey`
    for a keyboard, `compare` for a display with yes and no. Overriding `out_of_band` announces
    out-of-band data. An exception refuses the pairing and is shown as an uncaught one.

    Args: io_capability: what can be shown to and asked of the user; a class attribute does as well.
    Raises: ValueError if there is no such capability.
    Thread: each call comes on a thread of its own, with the adapter as `_bleio.adapter`. It may
        block; an answer is no longer wanted once `ended` was called, 30 s later at most. It must
        not wait for the same pairing: `Connection.pair` raises RuntimeError in an answer.
    """

    io_capability: IoCapability = IoCapability.NO_INPUT_NO_OUTPUT

    def __init__(self, io_capability: IoCapability | None = None) -> None:
        if io_capability is not None:
            self.io_capability = IoCapability(io_capability)

    def accept(self, request: PairingRequest) -> bool:
        """Whether to pair at all; asked first, with every method. By default True."""
        return True

    def display_passkey(self, request: PairingRequest, passkey: int) -> None:
        """Show six digits, zeros in front, which the peer's user types."""
        raise self._missing("display_passkey")

    def enter_passkey(self, request: PairingRequest) -> int | None:
        """Ask for the six digits that the peer shows, 0 to 999999; None refuses."""
        raise self._missing("enter_passkey")

    def compare(self, request: PairingRequest, number: int) -> bool:
        """Ask whether the peer shows the same six digits as we do; zeros in front."""
        raise self._missing("compare")

    def out_of_band(self, peer: Address) -> OobData | None:
        """Return what was received of the peer out of band; None if nothing was."""
        return None

    def ended(self, request: PairingRequest, reason: str | None) -> None:
        """A pairing is over: `reason` None if it succeeded. By default nothing is done."""

    def bond_used(self, peer: Address, authenticated: bool) -> None:
        """A link is encrypted by the bond that there is with a peer, so nobody was asked.

        By default nothing is done. On the operating system's Bluetooth it is not called.

        Args: authenticated: whether the peer was, when the bond was made.
        """

    def _missing(self, method: str) -> NotImplementedError:
        kind, capability = type(self).__name__, IoCapability(self.io_capability).name
        return NotImplementedError(f"{kind} has the capability {capability} but no {method}()")


class Answers:
    """A delegate as the runtime asks it: what goes in and comes out is translated and checked.

    Args: context: the context variables that hold in the delegate's methods.
    """

    def __init__(self, delegate: PairingDelegate, context: Context) -> None:
        self.delegate = delegate
        self.context = context
        IoCapability(delegate.io_capability)  # better a ValueError here than in the pairing

    @property
    def io_capability(self) -> IoCapability:
        return IoCapability(self.delegate.io_capability)

    @property
    def has_oob(self) -> bool:
        return type(self.delegate).out_of_band is not PairingDelegate.out_of_band

    def accept(self, request: PairingQuestion) -> bool:
        return instance("answer of accept", self.delegate.accept(_public(request)), bool)

    def display_passkey(self, request: PairingQuestion, passkey: int) -> None:
        self.delegate.display_passkey(_public(request), passkey)

    def enter_passkey(self, request: PairingQuestion) -> int | None:
        passkey = self.delegate.enter_passkey(_public(request))
        return None if passkey is None else in_range("passkey", passkey, 0, 999_999)

    def compare(self, request: PairingQuestion, number: int) -> bool:
        return instance("answer of compare", self.delegate.compare(_public(request), number), bool)

    def peer_oob(self, peer: DeviceAddress) -> OobData | None:
        data = self.delegate.out_of_band(Address._on_air(peer))
        return instance_or_none("out-of-band data", data, OobData)

    def ended(self, request: PairingQuestion, reason: str | None) -> None:
        self.delegate.ended(_public(request), reason)

    @property
    def hears_of_bonds(self) -> bool:
        return type(self.delegate).bond_used is not PairingDelegate.bond_used

    def bond_used(self, peer: DeviceAddress, authenticated: bool) -> None:
        self.delegate.bond_used(Address._on_air(peer), authenticated)


def _public(request: PairingQuestion) -> PairingRequest:
    return PairingRequest(
        Address._on_air(request.peer),
        request.method,
        request.secure_connections,
        request.is_central,
    )
