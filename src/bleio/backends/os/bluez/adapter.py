"""One adapter of BlueZ that is open: its object, what this bluetoothd can, its going and coming."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bleio.backends.capabilities import BLUEZ, Capability
from bleio.backends.os.bluez.kernel_links import KernelLinks
from bleio.backends.os.bluez.objects import (
    ADAPTER,
    ADVERTISING_MANAGER,
    GATT_MANAGER,
    MONITOR_MANAGER,
    Objects,
)
from bleio.backends.os.bluez.presence import Presence
from bleio.backends.os.bluez.shared_discovery import SharedDiscovery
from bleio.core.address import DeviceAddress, parse_address
from bleio.errors import ControllerLost

OLDEST_WITH_LONG_FIELDS = (5, 78)  # takes a field of more than 31 octets
OLDEST_WITH_CLIENTS = (5, 69)  # has one descriptor for each client that is notified

_FOR_PERIPHERAL = frozenset({GATT_MANAGER, ADVERTISING_MANAGER})
_MODALIAS = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")


class Adapter:
    """See the module. Args: `path`: its object. `lost`: is told once, when it stays away."""

    def __init__(self, objects: Objects, path: str, lost: Callable[[ControllerLost], None]) -> None:
        self.objects, self.path = objects, path
        # bluetoothd may be another machine's where descriptors do not pass.
        is_here = objects.bus.passes_descriptors
        self.kernel_links = KernelLinks(self.kernel_name if is_here else "")
        self.version = version_of(self.properties.get("Modalias", ""))
        self.capabilities = self._abilities()
        needed = _FOR_PERIPHERAL if Capability.PERIPHERAL in self.capabilities else frozenset()
        self.presence = Presence(objects, path, needed, lost)
        self.discovery = SharedDiscovery(objects, path)
        self.presence.watch(self.discovery)

    @property
    def kernel_name(self) -> str:
        """What the kernel calls it, such as `hci0`."""
        return self.path.rpartition("/")[2]

    @property
    def name(self) -> str:
        """What messages call it, such as `os:hci0`."""
        return f"os:{self.kernel_name}"

    @property
    def platform(self) -> str:
        """What sentences about limits call it, such as `BlueZ 5.66`."""
        return "BlueZ" if self.version is None else "BlueZ {}.{}".format(*self.version)

    @property
    def properties(self) -> Mapping[str, Any]:
        """Those of Adapter1; none while it is away."""
        return self.objects.get(self.path, ADAPTER) or {}

    @property
    def has_long_fields(self) -> bool:
        """Whether one field of an advertisement can be longer than a legacy packet."""
        return self.version is not None and self.version >= OLDEST_WITH_LONG_FIELDS

    @property
    def tells_clients_apart(self) -> bool:
        """Whether each client can have a descriptor for what it is notified of."""
        return Capability.SUBSCRIBERS in self.capabilities

    def close(self) -> None:
        """Watch it no longer. Idempotent."""
        self.presence.close()

    async def call(self, interface: str, member: str, signature: str, *body: Any) -> None:
        """Call a method of its object. Raises: BusError."""
        self.presence.require()
        await self.objects.bus.call(self.path, interface, member, signature, *body)

    def _abilities(self) -> frozenset[Capability]:
        lacks = set()
        if any(self.objects.get(self.path, each) is None for each in _FOR_PERIPHERAL):
            lacks |= {Capability.PERIPHERAL}
        if self.objects.get(self.path, MONITOR_MANAGER) is None:
            lacks |= {Capability.PASSIVE_SCANNING}
        manager = self.objects.get(self.path, ADVERTISING_MANAGER) or {}
        # The two are of one age: one takes intervals, the other tells lengths and powers.
        if "SupportedCapabilities" not in manager:
            lacks |= {Capability.ADVERTISING_INTERVAL}
        if "CanSetTxPower" not in manager.get("SupportedFeatures", ()):
            lacks |= {Capability.TRANSMIT_POWER}
        is_extended = "1M" in manager.get("SupportedSecondaryChannels", ())
        if not (is_extended and self.has_long_fields):
            lacks |= {Capability.EXTENDED_ADVERTISING}
        if "CanSetTxPower" not in manager.get("SupportedFeatures", ()):
            lacks |= {Capability.TRANSMIT_POWER}
        has_clients = self.version is not None and self.version >= OLDEST_WITH_CLIENTS
        if not (has_clients and self.objects.bus.passes_descriptors):
            lacks |= {Capability.SUBSCRIBERS}
        return BLUEZ.can - lacks


def version_of(modalias: str) -> tuple[int, int] | None:
    """Return BlueZ's version, which it puts into the identity of its devices; None if its user
    has set another identity there."""
    found = _MODALIAS.match(modalias)
    return (int(found[1], 16), int(found[2], 16)) if found else None


def address_of(properties: Mapping[str, Any]) -> DeviceAddress:
    """Return the address of an Adapter1 or Device1. Raises: ValueError if it has none."""
    is_random = properties.get("AddressType") == "random"
    return DeviceAddress(parse_address(str(properties.get("Address", ""))), random=is_random)
