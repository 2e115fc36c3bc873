"""What bleak and D-Bus raise, as inner errors, by table."""

from __future__ import annotations

import asyncio

import pytest
from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.links.errors import SystemRefused, inner_error
from bleio.core.codes import AttErrorCode
from bleio.errors import (
    AttError,
    CallerError,
    ConnectTimeout,
    KeysLost,
    LinkLost,
    PairingFailed,
    SecurityError,
    TransactionTimeout,
    public_error,
)

BLUEZ = "org.bluez.Error."
FREEDESKTOP = "org.freedesktop.DBus.Error."

CODES = {
    ("NotPermitted", "Not paired"): AttErrorCode.INSUFFICIENT_AUTHENTICATION,
    ("NotPermitted", "Read not permitted"): AttErrorCode.READ_NOT_PERMITTED,
    ("NotPermitted", "Write not permitted"): AttErrorCode.WRITE_NOT_PERMITTED,
    ("NotAuthorized", "Operation Not Authorized"): AttErrorCode.INSUFFICIENT_AUTHORIZATION,
    ("NotSupported", "Operation is not supported"): AttErrorCode.REQUEST_NOT_SUPPORTED,
    ("InvalidArguments", "Invalid offset"): AttErrorCode.INVALID_OFFSET,
    ("InvalidArguments", "Invalid Length"): AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH,
    ("ImproperlyConfigured", ""): AttErrorCode.CCCD_IMPROPERLY_CONFIGURED,
    ("Failed", "Operation failed with ATT error: 0x0e"): AttErrorCode.UNLIKELY_ERROR,
    ("Failed", "Operation failed with ATT error: 0x12"): AttErrorCode.DATABASE_OUT_OF_SYNC,
    ("Failed", "Operation failed with ATT error: 0x80 (unknown)"): 0x80,
    ("DoesNotExist", "Does Not Exist"): AttErrorCode.INVALID_HANDLE,
}
KINDS = {
    ("InProgress", "In Progress"): CallerError,
    ("NotPermitted", "Notify acquired"): CallerError,
    ("NotReady", "Resource Not Ready"): LinkLost,
    ("NotConnected", "Not Connected"): LinkLost,
    ("Failed", "Not connected"): LinkLost,
    ("ConnectionAttemptFailed", "Page Timeout"): LinkLost,
    ("AuthenticationFailed", "Authentication Failed"): PairingFailed,
    ("AuthenticationCanceled", "Authentication Canceled"): PairingFailed,
    ("AuthenticationRejected", "Authentication Rejected"): PairingFailed,
    ("AuthenticationTimeout", "Authentication Timeout"): PairingFailed,
    ("Failed", "br-connection-key-missing"): KeysLost,
    ("Failed", "le-connection-abort-by-local"): SystemRefused,
    ("Failed", ""): SystemRefused,
}


def errors_of(name: str, text: str) -> list[Exception]:
    """Return what our connection to D-Bus and bleak's raise for the same answer."""
    return [BusError(name, text), BleakDBusError(name, [text] if text else [])]


@pytest.mark.parametrize(("name", "text"), CODES)
def test_codes_are_got_back(name: str, text: str) -> None:
    for error in errors_of(BLUEZ + name, text):
        inner = inner_error(error)
        assert isinstance(inner, AttError)
        assert inner.code == CODES[name, text]


@pytest.mark.parametrize(("name", "text"), KINDS)
def test_kinds(name: str, text: str) -> None:
    for error in errors_of(BLUEZ + name, text):
        assert type(inner_error(error)) is KINDS[name, text]


@pytest.mark.parametrize("name", ["UnknownObject", "UnknownMethod"])
def test_an_object_that_is_gone(name: str) -> None:
    for error in errors_of(FREEDESKTOP + name, 'Method "ReadValue" does not exist'):
        inner = inner_error(error)
        assert isinstance(inner, AttError)
        assert inner.code == AttErrorCode.INVALID_HANDLE


@pytest.mark.parametrize("name", ["ServiceUnknown", "NoReply", "Disconnected", "NameHasNoOwner"])
def test_a_daemon_that_is_gone(name: str) -> None:
    for error in errors_of(FREEDESKTOP + name, "gone"):
        assert isinstance(inner_error(error), LinkLost)


def test_what_bleak_raises_on_all_platforms() -> None:
    inner = inner_error(BleakGATTProtocolError(0x0F))
    assert isinstance(inner, AttError)
    assert isinstance(public_error(inner), SecurityError)
    assert isinstance(inner_error(BleakCharacteristicNotFoundError("2a00")), AttError)
    assert isinstance(inner_error(BleakDeviceNotFoundError("C0:11:22:33:44:55")), ConnectTimeout)
    for text in ("Not connected", "disconnected", "Could not read: Unreachable"):
        assert isinstance(inner_error(BleakError(text)), LinkLost)
    assert isinstance(inner_error(BleakError("Could not write value: Access Denied")), CallerError)
    for text in ("Could not pair with device: FAILED", "Device does not support pairing"):
        assert isinstance(inner_error(BleakError(text)), PairingFailed)
    assert isinstance(inner_error(BleakError("Something new")), SystemRefused)


def test_time_outs_and_faults() -> None:
    for error in (TimeoutError(), asyncio.TimeoutError()):
        assert isinstance(inner_error(error), TransactionTimeout)
    for error in (OSError("bus"), EOFError()):
        assert isinstance(inner_error(error), LinkLost)
    assert isinstance(inner_error(AssertionError()), SystemRefused)


def test_what_passes_unchanged() -> None:
    for error in (LinkLost(), NotImplementedError("no"), asyncio.CancelledError()):
        assert inner_error(error) is error


def test_a_refusal_keeps_the_systems_words() -> None:
    error = public_error(inner_error(BusError(BLUEZ + "Failed", "le-connection-unknown")))
    assert str(error) == "BlueZ refused: le-connection-unknown"
