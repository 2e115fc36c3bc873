"""What programs see of inner errors: kinds and texts are those of CircuitPython's nRF port."""

from __future__ import annotations

import builtins

import pytest

from bleio import advice, errors
from bleio.core.codes import AttErrorCode, HciErrorCode
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
    notes_of,
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


NOTES: list[tuple[InnerError, str]] = [
    (
        AttError(0x05),
        "ATT error Insufficient Authentication (0x05) while pairing with X. The peer wants",
    ),
    (
        AttError(0x90),
        "ATT error Application Error 0x90 while pairing with X. What that means is in",
    ),
    (AttError(0x50), "ATT error Reserved Error 0x50 while pairing with X."),
    (
        TransactionTimeout(),
        "No answer came while pairing with X. The peer's stack or program hangs",
    ),
    (ProtocolViolation("the peer lies"), "This came while pairing with X."),
    (PairingFailed(), "Pairing or encryption failed while pairing with X. No reason was given."),
    (
        PairingFailed(0x05),
        "SMP error Pairing Not Supported (0x05) while pairing with X. The other device",
    ),
    (PairingFailed(0x99), "SMP error Reserved Reason 0x99 while pairing with X."),
    (KeysLost(), "This came while pairing with X."),
    (
        LinkLost(0x08),
        "There was no link any more while pairing with X; it ended: Connection Timeout (0x08). N",
    ),
    (
        LinkLost(),
        "There was no link any more while pairing with X; it ended. The system does not tell why.",
    ),
    (
        ConnectTimeout(),
        "No link came up while pairing with X. It has to be near, on, and advertising",
    ),
    (CallerError("Do it otherwise"), "This came while pairing with X."),
    (
        ControllerError(0x0C, "LE Set PHY"),
        "HCI error Command Disallowed (0x0c) to LE Set PHY while pairing with X. It",
    ),
]


@pytest.mark.parametrize(("inner", "begin"), NOTES, ids=lambda each: repr(each)[:50])
def test_a_note_says_what_the_text_leaves_out(inner: InnerError, begin: str) -> None:
    public = public_error(inner, "pairing", "with X")
    (note,) = notes_of(public)
    assert note.startswith(begin)
    assert public.inner is inner  # type: ignore[attr-defined]
    assert note not in str(public)


def test_without_what_was_tried_only_codes_have_a_note() -> None:
    assert notes_of(public_error(CallerError("Do it otherwise"))) == []
    (note,) = notes_of(public_error(AttError(0x02, 0x0A, 0x12)))
    assert note.startswith("ATT error Read Not Permitted (0x02) at handle 0x0012. The peer lets")


def test_there_is_advice_for_the_codes_that_are_met() -> None:
    assert advice.ATT.keys() == {int(code) for code in AttErrorCode} - {
        AttErrorCode.UNSUPPORTED_GROUP_TYPE  # of requests that programs do not make
    }
    assert advice.SMP.keys() <= set(range(1, 0x11))
    assert advice.HCI.keys() | advice.LINK_END.keys() <= {int(code) for code in HciErrorCode}


def test_notes_are_kept_where_exceptions_have_no_add_note() -> None:
    class Old(Exception):
        add_note = property(lambda self: self.none)  # as on Python 3.10, where there is none

    error = Old()
    assert not hasattr(error, "add_note")
    errors.add_note(error, "one")
    errors.add_note(error, "two")
    assert notes_of(error) == ["one", "two"]


def test_a_reworded_error_tells_what_the_first_one_did() -> None:
    gone = errors.link_gone(0x13, "reading", "", "It is gone")
    assert type(gone) is errors.ConnectionError
    assert str(gone) == "It is gone"
    assert gone.inner.reason == 0x13  # type: ignore[attr-defined]
    assert "Remote User Terminated Connection (0x13)" in notes_of(gone)[0]
