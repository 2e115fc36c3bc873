"""The PDUs of the Security Manager Protocol (Core Specification Vol 3, Part H, 3).

Each has one length, the opcode included, and a PDU of another length is none: nothing that takes
one apart has to look at its length again. Addresses, keys and numbers are little-endian.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from typing import NamedTuple

from bleio.core.pairing import MAX_KEY_OCTETS, MIN_KEY_OCTETS, IoCapability

PAIRING_REQUEST = 0x01
PAIRING_RESPONSE = 0x02
PAIRING_CONFIRM = 0x03
PAIRING_RANDOM = 0x04
PAIRING_FAILED = 0x05
ENCRYPTION_INFORMATION = 0x06
CENTRAL_IDENTIFICATION = 0x07
IDENTITY_INFORMATION = 0x08
IDENTITY_ADDRESS_INFORMATION = 0x09
SIGNING_INFORMATION = 0x0A
SECURITY_REQUEST = 0x0B
PAIRING_PUBLIC_KEY = 0x0C
PAIRING_DHKEY_CHECK = 0x0D
KEYPRESS_NOTIFICATION = 0x0E

# Octets of each, opcode included.
LENGTHS = {
    PAIRING_REQUEST: 7,
    PAIRING_RESPONSE: 7,
    PAIRING_CONFIRM: 17,
    PAIRING_RANDOM: 17,
    PAIRING_FAILED: 2,
    ENCRYPTION_INFORMATION: 17,
    CENTRAL_IDENTIFICATION: 11,
    IDENTITY_INFORMATION: 17,
    IDENTITY_ADDRESS_INFORMATION: 8,
    SIGNING_INFORMATION: 17,
    SECURITY_REQUEST: 2,
    PAIRING_PUBLIC_KEY: 65,
    PAIRING_DHKEY_CHECK: 17,
    KEYPRESS_NOTIFICATION: 2,
}

# What is distributed over an encrypted link.
KEYS = frozenset(
    {
        ENCRYPTION_INFORMATION,
        CENTRAL_IDENTIFICATION,
        IDENTITY_INFORMATION,
        IDENTITY_ADDRESS_INFORMATION,
        SIGNING_INFORMATION,
    }
)

IDENTIFICATION = Struct("<H8s")  # EDIV, Rand
IDENTITY_ADDRESS = Struct("<B6s")  # random, address
PUBLIC_KEY = Struct("<32s32s")  # X, Y
_FEATURES = Struct("<BBBBBB")


class Reason(IntEnum):
    """Why a pairing failed. Spec: Vol 3, Part H, 3.5.5."""

    PASSKEY_ENTRY_FAILED = 0x01
    OOB_NOT_AVAILABLE = 0x02
    AUTHENTICATION_REQUIREMENTS = 0x03
    CONFIRM_VALUE_FAILED = 0x04
    PAIRING_NOT_SUPPORTED = 0x05
    ENCRYPTION_KEY_SIZE = 0x06
    COMMAND_NOT_SUPPORTED = 0x07
    UNSPECIFIED_REASON = 0x08
    REPEATED_ATTEMPTS = 0x09
    INVALID_PARAMETERS = 0x0A
    DHKEY_CHECK_FAILED = 0x0B
    NUMERIC_COMPARISON_FAILED = 0x0C


class AuthReq(IntFlag):
    """Spec: Vol 3, Part H, 3.5.1. Keypress notifications and CT2 are never offered."""

    BONDING = 0x01
    MITM = 0x04
    SECURE_CONNECTIONS = 0x08


class KeyKinds(IntFlag):
    """Keys to distribute. The fourth, for BR/EDR, is never offered nor agreed to."""

    ENCRYPTION = 0x01
    IDENTITY = 0x02
    SIGNING = 0x04


ALL_KEYS = KeyKinds.ENCRYPTION | KeyKinds.IDENTITY | KeyKinds.SIGNING


class Features(NamedTuple):
    """What Pairing Request and Response tell of their sender."""

    io_capability: int
    oob: int
    auth_req: int
    max_key_octets: int
    central_keys: int
    peripheral_keys: int

    @property
    def plausible(self) -> bool:
        """Whether no field has a value that the specification reserves."""
        return (
            self.io_capability <= max(IoCapability)
            and self.oob <= 1
            and MIN_KEY_OCTETS <= self.max_key_octets <= MAX_KEY_OCTETS
        )

    def pack(self, opcode: int) -> bytes:
        """Return the whole PDU."""
        return bytes((opcode,)) + _FEATURES.pack(*self)


def unpack_features(payload: bytes) -> Features:
    """Take what follows the opcode of a Pairing Request or Response."""
    return Features(*_FEATURES.unpack(payload))


def request_security(auth_req: int) -> bytes:
    """Return a Security Request."""
    return bytes((SECURITY_REQUEST, auth_req))


def pairing_failed(reason: int) -> bytes:
    """Return a Pairing Failed."""
    return bytes((PAIRING_FAILED, reason))
