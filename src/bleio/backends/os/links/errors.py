"""What bleak and D-Bus raise, as inner errors: the one map.

An operating system says what went wrong in its own words. Where they stand for an ATT error code it
is got back, since programs are told by code whether to pair. BlueZ has names for some codes, texts
for others, and one name, NotPermitted, for several. What has no meaning to the stack becomes
`SystemRefused` with the system's own words, never silence.

None of these errors is trusted to be about the call that raised it: when a link ends, all that
waits on it fails in as many ways as there are systems. So a link looks first whether it is still
there (`links.link`), and only then here.
"""

from __future__ import annotations

import re

from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from bleio.backends.os.bluez.bus import BusError
from bleio.core.codes import AttErrorCode
from bleio.errors import (
    AttError,
    CallerError,
    ConnectTimeout,
    ControllerLost,
    InnerError,
    KeysLost,
    LinkLost,
    PairingFailed,
    TransactionTimeout,
)

NO_CCCD = "No CCCD for this Characteristic"

_IN_USE = "Another program on this computer is using this value; end it there, or try again"

_ATT_TEXT = re.compile(r"ATT error: 0x([0-9a-fA-F]{1,2})")

# BlueZ's names without org.bluez.Error, and texts that tell two meanings of one name apart.
_ATT_BY_TEXT = {
    "read not permitted": AttErrorCode.READ_NOT_PERMITTED,
    "write not permitted": AttErrorCode.WRITE_NOT_PERMITTED,
    "not paired": AttErrorCode.INSUFFICIENT_AUTHENTICATION,
    "invalid offset": AttErrorCode.INVALID_OFFSET,
    "invalid length": AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH,
    "not authorized": AttErrorCode.INSUFFICIENT_AUTHORIZATION,
}
_ATT_BY_NAME = {
    "NotAuthorized": AttErrorCode.INSUFFICIENT_AUTHORIZATION,
    "NotSupported": AttErrorCode.REQUEST_NOT_SUPPORTED,
    "InvalidOffset": AttErrorCode.INVALID_OFFSET,
    "InvalidValueLength": AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH,
    "ImproperlyConfigured": AttErrorCode.CCCD_IMPROPERLY_CONFIGURED,
    # The object of a value that the peer has no longer, or had before bluetoothd was restarted.
    "DoesNotExist": AttErrorCode.INVALID_HANDLE,
    "UnknownObject": AttErrorCode.INVALID_HANDLE,
    "UnknownMethod": AttErrorCode.INVALID_HANDLE,
    "UnknownInterface": AttErrorCode.INVALID_HANDLE,
}
_LINK_GONE = frozenset(
    {
        *("NotConnected", "NotReady", "ConnectionAttemptFailed"),
        *("Disconnected", "NoReply", "ServiceUnknown", "NameHasNoOwner", "Spawn.ChildExited"),
    }
)
_PAIRING = frozenset(
    {
        *("AuthenticationFailed", "AuthenticationCanceled", "AuthenticationRejected"),
        *("AuthenticationTimeout", "Rejected", "Canceled"),
    }
)
_KEY_TEXT = re.compile(r"key.?missing", re.IGNORECASE)
_GONE_TEXT = re.compile(
    r"not connected|disconnected|unreachable|connection (was )?(lost|aborted)", re.IGNORECASE
)
_DENIED_TEXT = re.compile(r"access denied", re.IGNORECASE)


class SystemRefused(InnerError):
    """The operating system refused, for a reason of its own; the text has its words."""


class SystemStuck(SystemRefused):
    """It will go on refusing until somebody does what the text says."""


class AdapterAway(ControllerLost):
    """The same for the moment: the adapter may be back before it counts as lost."""


def inner_error(error: BaseException) -> BaseException:
    """Return the inner error for what a call of bleak or D-Bus raised.

    Inner errors, and what is no error of a system (such as a cancellation), pass unchanged.
    """
    match error:
        case BusError():
            return of_dbus(error.name, error.text)
        case InnerError() | NotImplementedError():
            return error
        case BleakGATTProtocolError():
            return AttError(int(error.code))
        case BleakDBusError():
            return of_dbus(error.dbus_error, str(error.args[1]) if len(error.args) > 1 else "")
        case BleakCharacteristicNotFoundError():
            return AttError(AttErrorCode.INVALID_HANDLE)
        case BleakDeviceNotFoundError():
            return ConnectTimeout()
        case BleakError():
            return _of_words(str(error))
        case TimeoutError():
            return TransactionTimeout()
        case OSError() | EOFError():
            return LinkLost()
        case Exception():
            return _of_other(error)
    return error


def connect_error(error: BaseException) -> BaseException:
    """Return the inner error for why there is no link.

    There, busy is no fault of anyone's, and what would end a link is only one more refusal:
    LinkLost is for a link that was up and fell.
    """
    inner = inner_error(error)
    if isinstance(error, BusError) and isinstance(inner, (CallerError, LinkLost)):
        return SystemRefused(f"BlueZ refused: {error.text or error.name}")
    return inner


def _of_other(error: Exception) -> Exception:
    """asyncio's time-out is a class of its own before Python 3.11; the rest are faults of bleak's,
    such as an assertion about a connection that ended meanwhile."""
    if type(error).__name__ == "TimeoutError":
        return TransactionTimeout()
    return SystemRefused(f"The system's Bluetooth library failed: {error!r}")


def of_dbus(name: str, text: str) -> InnerError:
    """Return the inner error for an error's D-Bus name and text."""
    short = name.removeprefix("org.bluez.Error.").removeprefix("org.freedesktop.DBus.Error.")
    if found := _ATT_TEXT.search(text):
        return AttError(int(found[1], 16))
    code = _ATT_BY_TEXT.get(text.lower().rstrip(".")) or _ATT_BY_NAME.get(short)
    if code is not None:
        return AttError(code)
    if _KEY_TEXT.search(text):
        return KeysLost()
    if short in _PAIRING:
        return PairingFailed()
    if short in _LINK_GONE or _GONE_TEXT.search(text):
        return LinkLost()
    if short in ("InProgress", "NotPermitted"):
        return CallerError(_IN_USE)
    return SystemRefused(f"BlueZ refused: {text or short}")


def _of_words(text: str) -> InnerError:
    """Return the inner error for what bleak says in words, which are those of all platforms."""
    if _GONE_TEXT.search(text):
        return LinkLost()
    if _DENIED_TEXT.search(text):
        return CallerError(
            "The operating system keeps this value to itself, or another program is using it"
        )
    if "pair" in text.lower():
        return PairingFailed()
    return SystemRefused(f"The system's Bluetooth refused: {text}")
