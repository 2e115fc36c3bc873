"""The whole exception tree, and the one map from inner to public errors.

Public errors are what a `_bleio` program catches; they print as `_bleio.NAME`. Inner errors
carry facts (codes, handles) and say whose fault it was: `PeerError` the other device's,
`CallerError` the calling program's, `LinkLost` and `ControllerLost` nobody's in particular.
Inner errors never reach a program: the runtime's portal passes every one through `public_error`.

Two trees, since one cannot serve both. What a program can do about an error is what CircuitPython's
few classes say. What the stack has to do about it depends on the code and on whose fault it was: a
peer's refusal ends a procedure, a lost link all of them, a lost controller the adapter. The map is
in one place so that the same refusal has the same text wherever it comes from.
"""

from __future__ import annotations

import builtins

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


for _public in (BluetoothError, ConnectionError, RoleError, SecurityError):
    _public.__module__ = "_bleio"  # tracebacks show CircuitPython's name


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


_PAIRING_DECLINED = (
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


def public_error(error: BaseException) -> BaseException:
    """Turn an inner error into what the program is to see; others pass unchanged.

    The texts are those of CircuitPython's nRF port where it has one.
    """
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
            return SecurityError(_PAIRING_DECLINED)
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
        case InnerError():
            return BluetoothError(str(error))
    return error


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
