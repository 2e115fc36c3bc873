"""What the scans of a program have found, so that connecting finds it again.

Systems other than BlueZ connect to an object that a scan gave them, not to an address. macOS does
not even tell addresses: it has a UUID for each device, the same as long as neither forgets the
other. There a `DeviceAddress` is made of the UUID, always the same one, and of the one sub-type
that the specification has reserved (the two top bits are 10), which no device can have on air.
It is an address to look up here, nothing that can be computed back.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from bleio.core.address import DeviceAddress

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

MOST_DEVICES = 1024  # what advertises is for others to choose; the longest unheard gives way

_RESERVED_SUB_TYPE = 0b10


class SeenDevices:
    """bleak's objects of the devices that were heard last, by address."""

    def __init__(self) -> None:
        self._devices: OrderedDict[DeviceAddress, BLEDevice] = OrderedDict()

    def remember(self, address: DeviceAddress, device: BLEDevice) -> None:
        """Keep a device that was heard just now."""
        self._devices[address] = device
        self._devices.move_to_end(address)
        if len(self._devices) > MOST_DEVICES:
            self._devices.popitem(last=False)

    def device(self, address: DeviceAddress) -> BLEDevice | None:
        """Return what bleak's client takes for an address; None if no scan has heard it."""
        return self._devices.get(address)


def address_of_uuid(text: str) -> DeviceAddress:
    """Return what stands for a device that the system knows by a UUID.

    Raises: ValueError if the text is no UUID.
    """
    digest = sha256(UUID(text).bytes).digest()[:6]
    top = digest[5] & 0x3F | _RESERVED_SUB_TYPE << 6
    return DeviceAddress(digest[:5] + bytes((top,)), random=True)


def is_stand_in(address: DeviceAddress) -> bool:
    """Whether an address stands for a UUID and can only be looked up."""
    return address.random and address.octets[5] >> 6 == _RESERVED_SUB_TYPE
