"""What programs see of inner errors: kinds and texts are those of CircuitPython's nRF port."""

from __future__ import annotations

import builtins

import pytest

from bleio import errors
from bleio.errors import (
    AttError,
    CallerError,
    ConnectTimeout,
    ControllerError,
    ControllerLost,
    InnerError,
    InvalidParameter,
    KeysLost,
    LinkLost,
    PairingFailed,
    ProtocolViolation,
    TransactionTimeout,
    ValueMissed,
    public_error,
)

DECLINED = (
    "Unspecified issue. The pairing request on the other device may have been declined or ignored."
)
SYSTEM_ERROR = "Unknown system firmware error"

PUBLIC: list[tuple[InnerError, type[Exception], str]] = [
    (AttError(0x05), errors.SecurityError, "Insufficient authentication"),
    (AttError(0x0F), errors.SecurityError, "Insufficient encryption"),
    (AttError(0x01), errors.BluetoothError, "Unknown gatt error: 0x0101"),
    (AttError(0xFF), errors.BluetoothError, "Unknown gatt error: 0x01ff"),
    (TransactionTimeout(), TimeoutError, "The peer did not answer in time"),
    (TransactionTimeout("too slow"), TimeoutError, "too slow"),
    (ProtocolViolation("the peer lies"), errors.BluetoothError, "the peer lies"),
    (PairingFailed(), errors.SecurityError, DECLINED),
    (PairingFailed(0x05), errors.SecurityError, DECLINED),
    (KeysLost(), errors.SecurityError, errors._KEYS_LOST),
    (PairingFailed(0x06), errors.SecurityError, errors._KEY_TOO_SHORT),
    (LinkLost(0x08), errors.ConnectionError, "Not connected"),
    (
        ValueMissed(),
        errors.BluetoothError,
        "The client missed this value, as it takes them too slowly",
    ),
    (ConnectTimeout(), errors.BluetoothError, "Failed to connect: timeout"),
    (ControllerLost("It is gone."), errors.BluetoothError, "It is gone."),
    (CallerError("Do it otherwise"), errors.BluetoothError, "Do it otherwise"),
    (InvalidParameter(), ValueError, "Invalid BLE parameter"),
    (InvalidParameter("Too many"), ValueError, "Too many"),
    (ControllerError(0x02, "LE Set PHY"), errors.ConnectionError, "Not connected"),
    (ControllerError(0x07, "Reset"), MemoryError, "Reset failed with HCI status 0x07"),
    (ControllerError(0x0C, "Reset"), errors.BluetoothError, "Invalid state"),
    (ControllerError(0x12, "Reset"), ValueError, "Invalid BLE parameter"),
    (
        ControllerError(0x11, "LE Set PHY"),
        errors.BluetoothError,
        f"LE Set PHY failed: {SYSTEM_ERROR}: 0011",
    ),
    (ControllerError(0x3E), errors.BluetoothError, f"A command failed: {SYSTEM_ERROR}: 003e"),
]


@pytest.mark.parametrize(("inner", "kind", "text"), PUBLIC, ids=lambda each: repr(each)[:50])
def test_what_a_program_sees(inner: InnerError, kind: type[Exception], text: str) -> None:
    public = public_error(inner)
    assert type(public) is kind
    assert str(public) == text


def test_every_inner_error_has_a_row() -> None:
    def below(kind: type[InnerError]) -> set[type[InnerError]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    own = {kind for kind in below(InnerError) if kind.__module__ == errors.__name__}
    bases = {InnerError, errors.PeerError}
    assert own - bases == {type(inner) for inner, _, _ in PUBLIC}


def test_other_errors_pass_unchanged() -> None:
    for error in (ValueError("x"), KeyboardInterrupt(), errors.RoleError("y")):
        assert public_error(error) is error


def test_a_connection_error_is_caught_by_all_its_names() -> None:
    assert issubclass(errors.ConnectionError, (errors.BluetoothError,))
    assert issubclass(errors.ConnectionError, builtins.ConnectionError)
