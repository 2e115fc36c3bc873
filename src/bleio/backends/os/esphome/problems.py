"""Why a proxy cannot be used, as sentences: what was tried, what is wrong, what to do."""

from __future__ import annotations

from aioesphomeapi import DeviceInfo
from aioesphomeapi.core import (
    APIConnectionError,
    EncryptionHelloAPIError,
    EncryptionPlaintextAPIError,
    HandshakeAPIError,
    InvalidAuthAPIError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
    ResolveAPIError,
    TimeoutAPIError,
)
from aioesphomeapi.model import BluetoothProxyFeature as Feature

from bleio.backends.os.esphome.places import KEY_FILE, KEY_SETTING, Place

_LOOK = "see that it is switched on, in this network, and that its configuration has `api:`"
_GIVE_KEY = (
    f"set {KEY_SETTING}, or write a line with host and key into {KEY_FILE} in the state folder"
)


def of_error(place: Place, error: Exception, has_key: bool) -> str:
    """Say why there is no connection to the proxy's API."""
    return _cannot(place, _reason(error, has_key))


def of_silence(place: Place) -> str:
    """Say that nothing was heard of the proxy in the time that there was."""
    return _cannot(place, f"it does not answer; {_LOOK}")


def of_unknown_name(place: Place) -> str:
    """Say that there is no address for the name."""
    return _cannot(place, "its name is not known here; check it, or write its IP address")


def of_features(place: Place, info: DeviceInfo, features: int) -> str | None:
    """Say what the proxy lacks; None if it is good enough."""
    if not features:
        return _cannot(place, "it is no Bluetooth proxy; give it `bluetooth_proxy:` in ESPHome")
    if not features & Feature.RAW_ADVERTISEMENTS:
        version = info.esphome_version[:20]
        return _cannot(
            place,
            f"its ESPHome {version} is too old to pass on what it hears; install 2023.6 or newer",
        )
    return None


def of_no_address(place: Place) -> str:
    """Say that a proxy has no device address."""
    return _cannot(place, "it says that it has no device address; install ESPHome on it anew")


def of_deaf(place: Place) -> str:
    """Say that a proxy passes nothing on."""
    return (
        f"The ESPHome proxy {place} passes nothing on that it hears: another program listens to it"
        " already, such as Home Assistant; end that, or take the proxy out there"
    )


def of_twins(place: Place, other: Place) -> str:
    """Say that two names lead to one proxy."""
    return _cannot(place, f"it is the same device as {other}; name it once")


def of_end(place: Place) -> str:
    """Say that a proxy was there."""
    return _cannot(place, "its connection has ended")


def of_flood(place: Place) -> str:
    """Say that a proxy was cut off."""
    return _cannot(place, "it sends more than any radio can hear, so it was cut off for a while")


def _cannot(place: Place, reason: str) -> str:
    return f"The ESPHome proxy {place} cannot be used: {reason}"


def _reason(error: Exception, has_key: bool) -> str:
    match error:
        case ResolveAPIError():
            return "its name is not known here; check it, or write its IP address"
        case RequiresEncryptionAPIError():
            return f"it wants an encryption key; {_GIVE_KEY}"
        case EncryptionPlaintextAPIError() | EncryptionHelloAPIError():
            return "it has no encryption, but there is a key for it; remove one or add the other"
        case InvalidEncryptionKeyAPIError():
            return f"it has another encryption key; {_GIVE_KEY}"
        case InvalidAuthAPIError():
            return "it wants a password; give it an encryption key in place of that"
        case TimeoutAPIError():
            return f"it does not answer; {_LOOK}"
        case APIConnectionError() if isinstance(error.__cause__, OSError):
            return f"{_of_system(error.__cause__)}; {_LOOK}"
        case HandshakeAPIError() if has_key:
            return f"encryption fails ({error}); check its key"
    return f"what answers there does not speak ESPHome's API as it should ({str(error)[:200]})"


def _of_system(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at its port"
    return (error.strerror or str(error) or type(error).__name__).lower()
