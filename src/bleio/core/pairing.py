"""What pairing is called and asked: methods, input and output, the settings of an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from bleio.core.address import DeviceAddress

MIN_KEY_OCTETS, MAX_KEY_OCTETS = 7, 16  # Vol 3, Part H, 2.3.4


class PairingMethod(Enum):
    """How two devices authenticate each other. Spec: Vol 3, Part H, 2.3.5.1."""

    JUST_WORKS = "Just Works"
    NUMERIC_COMPARISON = "numeric comparison"
    PASSKEY_ENTRY = "passkey entry"
    OUT_OF_BAND = "out of band"


class IoCapability(IntEnum):
    """What a device can show its user and ask of them. Spec: Vol 3, Part H, 2.3.2."""

    DISPLAY_ONLY = 0
    DISPLAY_YES_NO = 1
    KEYBOARD_ONLY = 2
    NO_INPUT_NO_OUTPUT = 3
    KEYBOARD_DISPLAY = 4


_SHOWS = (IoCapability.DISPLAY_ONLY, IoCapability.DISPLAY_YES_NO, IoCapability.KEYBOARD_DISPLAY)


def offered(
    io: IoCapability, method: PairingMethod | None, peer: IoCapability | None = None
) -> IoCapability:
    """Return what to say of ourselves, so that it comes to the one method that is wanted if it can.

    What is said is less than what there is: two devices that can do all always compare numbers.

    Args: io: what there is. peer: what the peer has said of itself, if it has.
    """
    if method is PairingMethod.JUST_WORKS:
        return IoCapability.NO_INPUT_NO_OUTPUT
    if method is not PairingMethod.PASSKEY_ENTRY:
        return io
    if io is IoCapability.KEYBOARD_DISPLAY:
        # All peers that have anything show one, but a keyboard, which needs one shown.
        only_types = peer is IoCapability.KEYBOARD_ONLY
        return IoCapability.DISPLAY_ONLY if only_types else IoCapability.KEYBOARD_ONLY
    return IoCapability.DISPLAY_ONLY if io in _SHOWS else io


@dataclass(frozen=True, slots=True)
class PairingQuestion:
    """One pairing, as the delegate is told of it; `peer` is the identity where it is known."""

    peer: DeviceAddress
    method: PairingMethod
    secure_connections: bool
    is_central: bool  # our role on the link


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """How an adapter pairs and what it demands.

    Args:
        secure_connections_only: refuse LE legacy pairing.
        min_key_octets: 7 to 16; shorter encryption keys are refused in pairing and by the server's
            permissions.
        method: the only pairing method to agree to, None for any.
        debug_keys: accept a peer that uses the specification's published debug key.
        private_address: use resolvable private addresses.
        rotation_s: seconds until the next one, 1 to 41400.
        fail_closed: a value that has passed an encrypted link to or from a bonded peer does not
            pass a plain one any more.

    Raises: ValueError.
    """

    secure_connections_only: bool = False
    min_key_octets: int = MAX_KEY_OCTETS
    method: PairingMethod | None = None
    debug_keys: bool = False
    private_address: bool = False
    rotation_s: int = 900
    fail_closed: bool = True

    def __post_init__(self) -> None:
        """Raises: ValueError with a sentence."""
        if not MIN_KEY_OCTETS <= self.min_key_octets <= MAX_KEY_OCTETS:
            raise ValueError(f"min_key_octets must be {MIN_KEY_OCTETS} to {MAX_KEY_OCTETS}")
        if not 1 <= self.rotation_s <= 41_400:
            raise ValueError("rotation_s must be 1 to 41400 seconds")
