"""Why a transport cannot be opened, in one sentence.

bumble knows a dozen ways to a controller, each with errors of its own: of asyncio, pyserial,
libusb, the operating system. Most are lost on a user, who typed a device's name and reads `[Errno
13]` or an assertion of a parser. So each failure becomes one sentence, which says what is wrong and
what to do. The cause is found by, in this order: the type of the error, the operating system's
number (also of an error wrapped in others), words of libraries that have no numbers, and what the
name should look like. Adapter strings in it are whole, so that they can be typed as they stand.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import stat
from pathlib import Path

from bleio.backends import meant
from bleio.backends.hci.controller.device import NoControllerError


def sentence(name: str, error: Exception) -> str:
    """Return the whole sentence. Args: `name`: of the transport, with its parameters."""
    scheme, _, parameters = name.partition(":")
    text = f"Cannot open the adapter {f'hci:{name}'!r}: {why(scheme, error, parameters)}"
    if text.endswith("?"):
        return text
    return f"{text}; `bleio doctor` shows what there is, and BLEIO_ADAPTER chooses another."


def why(scheme: str, error: Exception, parameters: str = "") -> str:
    """Say what is wrong and what to do about it.

    From what is certain to what is guessed: an error's own type and number before words in its
    text, which other versions of a library may put differently, and those before the name's form.
    """
    if isinstance(error, ModuleNotFoundError):
        package = _PACKAGES.get(error.name or "", error.name)
        return f"the Python package {package} is missing; install it with: pip install {package}"
    if isinstance(error, NoControllerError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "no host of that name is known; correct the name or use its IP address"
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return "it did not open in time; check that the device is there and awake"
    text = str(error)
    if (known := _known(error, text)) is not None:
        return _forbidden(scheme, parameters) if known == _FORBIDDEN else known
    if scheme not in _SCHEMES:
        return (
            f"{scheme!r} is no transport; use for example hci:usb:0, "
            "hci:serial:/dev/ttyACM0,1000000, hci:hci-socket:0, hci:tcp-client:HOST:PORT "
            f"or hci:unix:PATH{meant.suggestion(f'hci:{scheme}:{parameters}'.rstrip(':'))}"
        )
    if isinstance(error, (AssertionError, ValueError, OverflowError)) or type(
        error
    ).__name__.endswith("TransportSpecError"):
        form, example = _SCHEMES[scheme]
        return (
            f"the part after {scheme!r} is incomplete or wrong; write hci:{form}, such as"
            f" hci:{example}"
        )
    return f"{text.rstrip('.') or type(error).__name__}; check the device and its name"


def _known(error: Exception, text: str) -> str | None:
    """Return what is said of an error by its number or its words; None if it is unknown."""
    number = _errno_of(error)
    if number in _BY_ERRNO:
        return _BY_ERRNO[number]
    said = f"{type(error).__name__} {text}"
    return next((why for words, why in _BY_WORDS.items() if words in said), None)


def _forbidden(scheme: str, parameters: str) -> str:
    """Say what gives this user the permission."""
    if scheme in ("usb", "pyusb"):
        return f"{_NOT_ALLOWED}; give permission by the udev rule that `bleio doctor` prints"
    if scheme == "hci-socket":
        own = f"os:hci{parameters or '0'}"
        return f"{_NOT_ALLOWED}; run the program as root (CAP_NET_ADMIN), or use {own}"
    if scheme in ("serial", "file") and (group := _group_of(parameters.partition(",")[0])):
        return (
            f"{_NOT_ALLOWED}; add the user to its group with `sudo usermod -aG {group} $USER`, then"
            " log in again"
        )
    return _FORBIDDEN


def _group_of(path: str) -> str:
    """Return the group that may use a device; "" if there is none but root's."""
    with contextlib.suppress(OSError, KeyError, NotImplementedError, ValueError):
        device = Path(path)
        may = stat.S_IRGRP | stat.S_IWGRP
        if device.stat().st_mode & may == may and (group := device.group()) != "root":
            return group
    return ""


def _errno_of(error: BaseException | None) -> int | None:
    """Find the operating system's error number, also in an error that wraps another."""
    for _ in range(4):
        if error is None:
            return None
        number = getattr(error, "errno", None)
        if isinstance(number, int):
            return number
        error = error.__cause__ or error.__context__
    return None


_BUSY = "another program is using it; close that one first"
_NOT_ALLOWED = "this user may not use it"
_FORBIDDEN = f"{_NOT_ALLOWED}; ask for permission on the device or run as another user"
_MISSING = "there is no such device; plug it in or correct the name"
_NO_SERIAL_PORT = "that is no serial port; correct the name"

_NO_SOCKETS = (
    "this system has no Bluetooth sockets; use hci:usb:0 or hci:serial:/dev/ttyACM0,1000000"
)

_BY_ERRNO = {
    errno.ECONNREFUSED: "nothing answers there; start the controller or correct the address",
    errno.EHOSTUNREACH: "that host cannot be reached; check the network or correct the address",
    errno.ENETUNREACH: "that host cannot be reached; check the network or correct the address",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOENT: _MISSING,
    errno.ENODEV: _MISSING,
    errno.ENXIO: _MISSING,
    errno.EBUSY: _BUSY,
    errno.EISDIR: "that is a folder; name the device in it",
    errno.ENOTTY: _NO_SERIAL_PORT,
    errno.EEXIST: "there is something of that name already; remove it or use another name",
    errno.EADDRINUSE: "that address is in use already; choose another one",
    errno.EAFNOSUPPORT: _NO_SOCKETS,
}

# Of libusb's, pyusb's and bumble's errors, which have no number
_BY_WORDS = {
    "USBErrorAccess": _FORBIDDEN,
    "LIBUSB_ERROR_ACCESS": _FORBIDDEN,
    "USBErrorBusy": _BUSY,
    "LIBUSB_ERROR_BUSY": _BUSY,
    "device already in use": _BUSY,
    "device not found": _MISSING,
    "USBErrorNoDevice": _MISSING,
    "NoBackendError": "the library libusb is missing; install it, or use hci:usb:0",
    "Could not configure port": _NO_SERIAL_PORT,
    "LIBUSB_ERROR_OTHER": "this system gives no access to USB; check that it has USB ports",
    "sockets not supported": _NO_SOCKETS,
}

_PACKAGES = {
    "serial": "pyserial",
    "serial_asyncio": "pyserial-asyncio",
    "usb": "pyusb",
    "usb1": "libusb1",
    "grpc": "grpcio",
}

# The form of what follows `hci:`, and one that can be typed.
_SCHEMES = {
    "serial": ("serial:PORT[,SPEED][,rtscts]", "serial:/dev/ttyACM0,1000000"),
    "udp": ("udp:LOCAL_HOST:LOCAL_PORT,REMOTE_HOST:REMOTE_PORT", "udp:0.0.0.0:9001,127.0.0.1:9002"),
    "tcp-client": ("tcp-client:HOST:PORT", "tcp-client:127.0.0.1:6402"),
    "tcp-server": ("tcp-server:HOST:PORT", "tcp-server:127.0.0.1:6402"),
    "ws-client": ("ws-client:URL", "ws-client:ws://127.0.0.1:7681"),
    "ws-server": ("ws-server:HOST:PORT", "ws-server:127.0.0.1:7681"),
    "pty": ("pty[:LINK]", "pty:/tmp/hci"),
    "file": ("file:PATH", "file:/dev/ttyACM0"),
    "vhci": ("vhci[:PATH]", "vhci:/dev/vhci"),
    "hci-socket": ("hci-socket[:NUMBER]", "hci-socket:0"),
    "usb": ("usb:NUMBER or hci:usb:VENDOR:PRODUCT", "usb:0"),
    "pyusb": ("pyusb:NUMBER or hci:pyusb:VENDOR:PRODUCT", "pyusb:0"),
    "android-emulator": ("android-emulator[:HOST:PORT]", "android-emulator:127.0.0.1:8554"),
    "android-netsim": ("android-netsim[:HOST:PORT]", "android-netsim:127.0.0.1:8877"),
    "unix": ("unix:PATH", "unix:/tmp/hci"),
    "unix-client": ("unix-client:PATH", "unix-client:/tmp/hci"),
    "unix-server": ("unix-server:PATH", "unix-server:/tmp/hci"),
}
