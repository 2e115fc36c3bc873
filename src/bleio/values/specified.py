"""bluetooth-sig: it knows how the values of the specification are made, some 500 of them.

It is an extra, since it is large (14 MB, 0.2 s to import and as much for its first value), and is
loaded when a value is to be decoded. `load` may be called before, by another thread, while a
command waits for the radio.

Two things of it are set right. It reports each value that it rejects in the log, though it raises
as well; values of strangers must not fill the terminal. And up to 0.6 it takes the exponents of
medical floats for biased, where they are two's complements: a body temperature of 36.6 °C becomes
3.66e+129. All its decoders get those numbers from two functions, so where a number that is known
comes out wrong these two are replaced by ours.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from functools import cache, lru_cache
from typing import Any

from bleio.core.uuid import shorten, to_text
from bleio.values.formats import medical_float

HINT = 'Values of the specification are decoded with: pip install "bleio[values]"'

_KNOWN_NUMBER, _KNOWN_OCTETS = 36.6, bytes.fromhex("6e0100ff")
_loading = threading.Lock()


def is_installed() -> bool:
    """Whether values can be decoded. It loads nothing."""
    return importlib.util.find_spec("bluetooth_sig") is not None


def load() -> bool:
    """Load the library with its tables. Returns: whether it is there. Thread: any."""
    characteristic(b"\x37\x2a")
    return is_installed()


@lru_cache(1_024)
def characteristic(uuid: bytes) -> Any | None:
    """Return the library's object for a characteristic, None if it has none."""
    registries = _registries()
    return None if registries is None else registries[0].get_characteristic(_text(uuid))


@lru_cache(64)
def descriptor(uuid: bytes) -> Any | None:
    """Return the library's object for a descriptor, None if it has none."""
    registries = _registries()
    return None if registries is None else registries[1].create_descriptor(_text(uuid))


def _text(uuid: bytes) -> str:
    return to_text(shorten(uuid)).upper()


def _registries() -> tuple[Any, Any] | None:
    """Return the registries of characteristics and of descriptors; None without the library."""
    with _loading:
        return _loaded()


@cache
def _loaded() -> tuple[Any, Any] | None:
    if not is_installed():
        return None
    logging.getLogger("bluetooth_sig").setLevel(logging.CRITICAL + 1)
    from bluetooth_sig.gatt.characteristics.registry import CharacteristicRegistry
    from bluetooth_sig.gatt.characteristics.utils import IEEE11073Parser
    from bluetooth_sig.gatt.descriptors import DescriptorRegistry

    if IEEE11073Parser.parse_float32(_KNOWN_OCTETS, 0) != _KNOWN_NUMBER:
        IEEE11073Parser.parse_sfloat = staticmethod(_sfloat)  # type: ignore[method-assign]
        IEEE11073Parser.parse_float32 = staticmethod(_float)  # type: ignore[method-assign]
    return CharacteristicRegistry, DescriptorRegistry


def _sfloat(data: bytes | bytearray, offset: int = 0) -> float:
    return medical_float(_part(data, offset, 2))


def _float(data: bytes | bytearray, offset: int = 0) -> float:
    return medical_float(_part(data, offset, 4))


def _part(data: bytes | bytearray, offset: int, octets: int) -> bytes:
    part = bytes(data[offset : offset + octets])
    if len(part) != octets:
        raise ValueError(f"a number of {octets} octets is cut short at octet {offset}")
    return part
