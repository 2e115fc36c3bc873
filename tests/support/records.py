"""Records of remote values that were not discovered."""

from __future__ import annotations

from bleio.core.codes import Properties
from bleio.gatt.model import RemoteCharacteristic


def at(handle: int) -> RemoteCharacteristic:
    """Name a peer's value by its handle alone."""
    return RemoteCharacteristic(b"", Properties(0), 0, handle)
