"""Who we are: the own address and name of an adapter, where nothing else decides them."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable

from bleio.core.address import AddressType, DeviceAddress, parse_address
from bleio.errors import CallerError

NAME_PREFIX = "CIRCUITPY"
MAX_NAME_OCTETS = 28

_NAME_SETTING = "CIRCUITPY_BLE_NAME"
_ADDRESS_SETTING = "BLEIO_ADDRESS"


def configured_name() -> str | None:
    """Give the name that the environment sets, if it does."""
    name = os.environ.get(_NAME_SETTING)
    return cut_name(name) if name else None


def default_name(address: DeviceAddress) -> str:
    """Give CIRCUITPY and the last four digits of the address."""
    return NAME_PREFIX + address.octets[1::-1].hex()


def cut_name(name: str) -> str:
    """Cut a name to 28 octets of UTF-8, at a character."""
    return name.encode(errors="replace")[:MAX_NAME_OCTETS].decode(errors="ignore")


def configured_address() -> DeviceAddress | None:
    """Give the own address that the environment sets, if it does.

    Raises: CallerError if it is not a random static address. Spec: Vol 6, Part B, 1.3.2.1.
    """
    text = os.environ.get(_ADDRESS_SETTING)
    if not text:
        return None
    try:
        address = DeviceAddress(parse_address(text), random=True)
    except ValueError as error:
        raise CallerError(f"{_ADDRESS_SETTING}: {error}") from None
    if address.type is not AddressType.RANDOM_STATIC:
        rule = "which begins with a digit pair from C0 to FF"
    elif not address.is_static:
        rule = "in which some bits after the first two are 0 and some are 1"
    else:
        return address
    raise CallerError(f"{_ADDRESS_SETTING}: {text} is not a random static address, {rule}")


def derived_addresses(radio: str) -> Callable[[int], DeviceAddress]:
    """Give the static random addresses of this program on one radio, by instance number.

    A program that is started again gets the same ones. Args: radio: the adapter string.
    """
    program = _program_path()

    def address(instance: int) -> DeviceAddress:
        key = "\0".join((radio, program, str(instance)))
        octets = bytearray(hashlib.sha256(key.encode(errors="surrogateescape")).digest()[:6])
        octets[5] |= 0xC0
        return DeviceAddress(bytes(octets), random=True)

    return address


def _program_path() -> str:
    """Give what tells this program from others: its file, or else the interpreter's."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None) or (sys.argv[0] if sys.argv else "")
    return os.path.realpath(path if os.path.isfile(path) else sys.executable)
