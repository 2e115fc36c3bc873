"""What `import _bleio` finds: the names of CircuitPython's module and nothing else.

The finder in `bleio/__init__.py` runs this file as the module `_bleio`. Importing it opens no
device and starts no thread.
"""

from __future__ import annotations

from bleio.api import (
    UUID,
    Adapter,
    Address,
    Attribute,
    Characteristic,
    CharacteristicBuffer,
    Connection,
    Descriptor,
    PacketBuffer,
    ScanEntry,
    ScanResults,
    Service,
    current_adapter,
    set_adapter,
)
from bleio.errors import BluetoothError, ConnectionError, RoleError, SecurityError

adapter: Adapter  # the current one; see __getattr__

__all__ = [
    "UUID",
    "Adapter",
    "Address",
    "Attribute",
    "BluetoothError",
    "Characteristic",
    "CharacteristicBuffer",
    "Connection",
    "ConnectionError",
    "Descriptor",
    "PacketBuffer",
    "RoleError",
    "ScanEntry",
    "ScanResults",
    "SecurityError",
    "Service",
    "adapter",
    "set_adapter",
]


def __getattr__(name: str) -> Adapter | None:
    """Return `adapter`, which is looked up anew each time: it differs by context."""
    if name == "adapter":
        return current_adapter()
    raise AttributeError(f"module '_bleio' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
