"""Which device a program is: an adapter's own address and name, and where its bonds are kept.

It is the same device when it is started again, so its peers still know it, and another than other
programs on this machine, so that no two share bonds by accident.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from bleio.core.address import AddressType, DeviceAddress, parse_address
from bleio.errors import CallerError

if TYPE_CHECKING:
    from pathlib import Path

NAME_PREFIX = "CIRCUITPY"
MAX_NAME_OCTETS = 31  # what the nRF port sets its stack to

STATE_SETTING = "BLEIO_STATE_DIR"
_NAME_SETTING = "CIRCUITPY_BLE_NAME"
_ADDRESS_SETTING = "BLEIO_ADDRESS"


def configured_name() -> str | None:
    """Return the name that the environment sets, if it does."""
    name = os.environ.get(_NAME_SETTING)
    return cut_name(name) if name else None


def default_name(address: DeviceAddress) -> str:
    """Return CIRCUITPY and the last four digits of the address."""
    return NAME_PREFIX + address.octets[1::-1].hex()


def cut_name(name: str) -> str:
    """Cut a name to 31 octets of UTF-8, at a character."""
    return name.encode(errors="replace")[:MAX_NAME_OCTETS].decode(errors="ignore")


def configured_address() -> DeviceAddress | None:
    """Return the own address that the environment sets, if it does.

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
    """Return what makes this program's static random addresses on one radio, by instance number.

    A program that is started again gets the same ones. Args: radio: the adapter string.
    """
    return partial(_derived_address, radio, _program_path())


def _derived_address(radio: str, program: str, instance: int) -> DeviceAddress:
    key = "\0".join((radio, program, str(instance)))
    import hashlib  # real adapters mostly have an address, and `import _bleio` must be quick

    octets = bytearray(hashlib.sha256(key.encode(errors="surrogateescape")).digest()[:6])
    octets[5] |= 0xC0
    return DeviceAddress(bytes(octets), random=True)


def _program_path() -> str:
    """Return what tells this program from others: its file, or else the interpreter's."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None) or (sys.argv[0] if sys.argv else "")
    return os.path.realpath(path if os.path.isfile(path) else sys.executable)


def state_folder() -> Path:
    """Return the folder that the environment sets, or else the operating system's for such things.

    It need not exist. The path is absolute, as the program may change its folder.
    """
    from pathlib import Path

    chosen = os.environ.get(STATE_SETTING)
    if chosen:
        return Path(os.path.abspath(chosen))
    import platformdirs  # a program that sets the folder does not need it

    return platformdirs.user_state_path("bleio", appauthor=False)


def bond_folder() -> Path:
    """Return the folder for bonds, which is for this user alone."""
    return state_folder() / "bonds"
