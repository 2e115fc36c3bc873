"""The whole exception tree, and the one map from inner to public errors.

Public errors are what a `_bleio` program catches; they print as `_bleio.NAME`. Inner errors
carry facts (codes, handles) and say whose fault it was: `PeerError` the other device's,
`CallerError` the calling program's, `LinkLost` and `ControllerLost` nobody's in particular.
Inner errors never reach a program: the runtime's portal passes every one through `public_error`.

Two trees, since one cannot serve both. What a program can do about an error is what CircuitPython's
few classes say. What the stack has to do about it depends on the code and on whose fault it was: a
peer's refusal ends a procedure, a lost link all of them, a lost controller the adapter. The map is
in one place so that the same refusal has the same text wherever it comes from.

A public error's text is CircuitPython's, which programs compare. What it does not say is in a note
beneath it: the code by its name in the specification, what was tried with which attribute of which
peer, and what helps (`advice`). The inner error is its attribute `inner`, with code and handle.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TypeVar

from bleio.core.codes import AttErrorCode, HciErrorCode

NOT_CONNECTED = "Not connected"


class BluetoothError(Exception):
    """Base of all public errors of the module."""


class ConnectionError(BluetoothError, builtins.ConnectionError):
    """A link is gone or could not be used; also a builtin ConnectionError, hence an OSError."""


class RoleError(BluetoothError):
    """A local object was used for what only a remote one can do."""


class SecurityError(BluetoothError):
    """Pairing failed, or an attribute needs more security than the link has."""


for _each in (BluetoothError, ConnectionError, RoleError, SecurityError):
    _each.__module__ = "_bleio"  # tracebacks show CircuitPython's name


class InnerError(Exception):
    """Base of the errors that stay inside; see `public_error`."""


class PeerError(InnerError):
    """The peer refused, or broke the protocol."""


_ABOUT_SECURITY = frozenset(
    {
        AttErrorCode.INSUFFICIENT_AUTHENTICATION,
        AttErrorCode.INSUFFICIENT_AUTHORIZATION,
        AttErrorCode.ENCRYPTION_KEY_SIZE_TOO_SHORT,
        AttErrorCode.INSUFFICIENT_ENCRYPTION,
    }
)


class AttError(PeerError):
    """The peer answered a request with ATT_ERROR_RSP. Spec: Vol 3, Part F, 3.4.1.1."""

    def __init__(self, code: int, request_opcode: int = 0, handle: int = 0) -> None:
        super().__init__(f"ATT error 0x{code:02x} to opcode 0x{request_opcode:02x}, 0x{handle:04x}")
        self.code = code
        self.request_opcode = request_opcode
        self.handle = handle

    @property
    def about_security(self) -> bool:
        """Whether more security, or another permission, is what the request needs."""
        return self.code in _ABOUT_SECURITY


class ProtocolViolation(PeerError):
    """The peer sent what the specification forbids, such as a malformed response."""


class TransactionTimeout(PeerError):
    """The peer did not answer within the specification's or the caller's limit."""


class ValueMissed(PeerError):
    """A client missed a value, as it takes them too slowly."""

    def __init__(self) -> None:
        super().__init__("The client missed this value, as it takes them too slowly")


class PairingFailed(PeerError):
    """Pairing or encryption failed. `reason`: the SMP reason octet, or None if there was none."""

    def __init__(self, reason: int | None = None) -> None:
        super().__init__("pairing failed" if reason is None else f"pairing failed: 0x{reason:02x}")
        self.reason = reason


class KeysLost(PeerError):
    """One side has lost the keys of a bond or has others, or is not the one it says it is."""


class LinkLost(InnerError):
    """The link is gone. `reason`: the HCI error code of its end, 0 if unknown."""

    def __init__(self, reason: int = 0) -> None:
        super().__init__(f"link lost, reason 0x{reason:02x}")
        self.reason = reason


class ControllerError(InnerError):
    """The controller refused a command. `status`: its HCI error code."""

    def __init__(self, status: int, command: str = "") -> None:
        super().__init__(f"{command or 'command'} failed with HCI status 0x{status:02x}")
        self.status = status
        self.command = command or "A command"


class ControllerLost(InnerError):
    """The way to the controller is gone or never came up; the text is a sentence for the user."""


class CallerError(InnerError):
    """The program asked for something that cannot be; the text is the public message."""


class InvalidParameter(CallerError):
    """An argument that the stack, not the API's own checks, found out of range."""


class ConnectTimeout(InnerError):
    """No link came up within the time given to connect."""


PAIRING_DECLINED = (
    "Unspecified issue. The pairing request on the other device may have been declined or ignored."
)

_KEY_TOO_SHORT = (
    "The encryption key would be shorter than the setting min_key_octets (Adapter.security) allows."
)

_KEYS_LOST = (
    "The keys of the bond are missing on one of the devices or do not fit, and no pairing as strong"
    " has replaced them; if the other device is the right one, make new ones with pair(), or forget"
    " the bond there and with erase_bonding()."
)


def public_error(error: BaseException, tried: str = "", peer: str = "") -> BaseException:
    """Turn an inner error into what the program is to see; others pass unchanged.

    The texts are those of CircuitPython's nRF port where it has one.

    Args: tried, peer: what the program was doing, for the note, such as `pairing`, `with` a peer.
    """
    if not isinstance(error, InnerError):
        return error
    public = _public(error)
    vars(public)["inner"] = error.with_traceback(None)
    if note := _note(error, tried, peer):
        add_note(public, note)
    return public


def link_gone(reason: int, tried: str, peer: str, text: str = NOT_CONNECTED) -> ConnectionError:
    """Return what a program sees that uses a link which is gone, with why it ended.

    Args: reason: the HCI error code of its end, 0 if unknown.
    """
    return told_as(ConnectionError(text), public_error(LinkLost(reason), tried, peer))


PublicError = TypeVar("PublicError", bound=BaseException)


def told_as(error: PublicError, other: BaseException) -> PublicError:
    """Return an exception with what else another one of the same cause tells."""
    vars(error)["inner"] = getattr(other, "inner", None)
    for note in notes_of(other):
        add_note(error, note)
    return error


def add_note(error: BaseException, note: str) -> None:
    """Add a line beneath an exception; on Python 3.10 for those alone that look for notes."""
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        vars(error).setdefault("__notes__", []).append(note)


def notes_of(error: BaseException) -> list[str]:
    """Return the lines beneath an exception."""
    notes = vars(error).get("__notes__")  # not by its class, which may be a program's
    return list(notes) if isinstance(notes, list | tuple) else []


def notes_not_printed(error: BaseException) -> list[str]:
    """Return the notes that Python's tracebacks leave out: all before 3.11, none since."""
    return [] if hasattr(error, "add_note") else notes_of(error)


def _public(error: InnerError) -> Exception:
    match error:
        case AttError(code=AttErrorCode.INSUFFICIENT_AUTHENTICATION):
            return SecurityError("Insufficient authentication")
        case AttError(code=AttErrorCode.INSUFFICIENT_ENCRYPTION):
            return SecurityError("Insufficient encryption")
        case AttError(code=code):
            return BluetoothError(f"Unknown gatt error: 0x{0x0100 + code:04x}")
        case TransactionTimeout():
            return TimeoutError(str(error) or "The peer did not answer in time")
        case PairingFailed(reason=0x06):  # Vol 3, Part H, 3.5.5: Encryption Key Size
            return SecurityError(_KEY_TOO_SHORT)
        case PairingFailed():
            return SecurityError(PAIRING_DECLINED)
        case KeysLost():
            return SecurityError(_KEYS_LOST)
        case LinkLost():
            return ConnectionError(NOT_CONNECTED)
        case ConnectTimeout():
            return BluetoothError("Failed to connect: timeout")
        case InvalidParameter():
            return ValueError(str(error) or "Invalid BLE parameter")
        case ControllerError():
            return _of_controller(error)
    return BluetoothError(str(error))


def _of_controller(error: ControllerError) -> Exception:
    """Return what CircuitPython makes of its own stack's error codes, by HCI's for the same."""
    match error.status:
        case HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER:
            return ConnectionError(NOT_CONNECTED)
        case HciErrorCode.MEMORY_CAPACITY_EXCEEDED:
            return MemoryError(str(error))
        case HciErrorCode.COMMAND_DISALLOWED:
            return BluetoothError("Invalid state")
        case HciErrorCode.INVALID_PARAMETERS:
            return ValueError("Invalid BLE parameter")
    return BluetoothError(
        f"{error.command} failed: Unknown system firmware error: {error.status:04x}"
    )


def _note(error: InnerError, tried: str, peer: str) -> str:
    """Say what CircuitPython's text leaves out."""
    from bleio import advice
    from bleio.core import words

    tried = f"{tried} {peer}".strip()
    doing = f" while {tried}" if tried else ""
    match error:
        case AttError(code=code):
            where = doing or (f" at handle 0x{error.handle:04x}" if error.handle else "")
            what, helps = f"ATT error {_named(code, words.att_error)}{where}", _help_with_att(code)
        case PairingFailed(reason=None):
            what, helps = f"Pairing or encryption failed{doing}", advice.SMP_SILENT
        case PairingFailed(reason=int(reason)):
            what = f"SMP error {_named(reason, words.pairing_reason)}{doing}"
            helps = advice.SMP.get(reason, "")
        case LinkLost(reason=reason):
            why = f": {_named(reason, words.hci_error)}" if reason else ""
            what = f"There was no link any more{doing}; it ended{why}"
            helps = advice.LINK_END.get(reason, "")
        case ControllerError(status=status):
            what = f"HCI error {_named(status, words.hci_error)} to {error.command}{doing}"
            helps = advice.HCI.get(status, "")
        case ConnectTimeout():
            what, helps = f"No link came up{doing}", advice.CONNECT_TIMEOUT
        case TransactionTimeout():
            what, helps = f"No answer came{doing}", advice.TRANSACTION_TIMEOUT
        case _:
            return f"This came while {tried}." if peer else ""  # else its text has said all
    return f"{what}. {helps}".rstrip()


def _named(code: int, words: Callable[[int], str]) -> str:
    """Return a code's name with the code, which names of ranges have in them."""
    name = words(code)
    return name if "0x" in name else f"{name} (0x{code:02x})"


def _help_with_att(code: int) -> str:
    from bleio import advice

    of_application = advice.ATT_OF_APPLICATION if 0x80 <= code < 0xA0 else ""
    return advice.ATT.get(code, of_application)
