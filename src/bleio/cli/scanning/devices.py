"""All devices that a scan hears, and which of them are new, have changed, or are gone.

Anybody can send from as many addresses as there are. So at most `most` devices are kept; when one
more comes, the one that was not heard for the longest time leaves, and is counted (`dropped`). A
real device sends again within a second or so, and stays; addresses that were used once go first.

A device is told (`Change.NEW`) a moment after it was first heard, when its scan response has come,
or else each device with a name would be a new one and then a changed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from bleio.api import Address, ScanEntry
from bleio.cli.scanning.device import Device
from bleio.core.advertising_fields import AdvertisingFields

MOST_DEVICES = 4_096
SETTLE_S = 0.5  # for a scan response
GONE_S = 10.0  # of silence; the longest usual interval of advertising
_CHANGES_S = 1.0  # between two changes that are told of one device


class Change(Enum):
    """What has become of a device. The value is what a line begins with."""

    NEW = "+"
    CHANGED = "~"
    GONE = "-"


@dataclass
class Devices:
    """The devices that were heard and fit.

    Attributes: packets: all that were heard. shown: those of devices that fit. dropped: devices
        that were forgotten for others. found: how many addresses have been told as new.
    """

    fit: Callable[[Device], bool]
    most: int = MOST_DEVICES
    packets: int = 0
    shown: int = 0
    dropped: int = 0
    found: int = 0
    _all: dict[Address, Device] = field(default_factory=dict)  # the last heard at the end
    _fitting: dict[Address, Device] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Device]:
        """Yield the devices that fit, in the order in which they first did."""
        return iter(self._fitting.values())

    def __len__(self) -> int:
        """How many devices fit."""
        return len(self._fitting)

    @property
    def others(self) -> int:
        """How many devices are known that do not fit."""
        return len(self._all) - len(self._fitting)

    def add(self, entry: ScanEntry, now_s: float) -> tuple[Device, AdvertisingFields, bool]:
        """Take a packet. Returns: its device, what it says, and whether the device fits."""
        self.packets += 1
        address = entry.address
        device = self._all.pop(address, None)
        if device is None:
            device = Device(address, now_s)
            self._make_room()
        self._all[address] = device
        fields = device.add(entry, now_s)
        if fits := self.fit(device):
            self.shown += 1
            self._fitting.setdefault(address, device)
        return device, fields, fits

    def changes(self, now_s: float, *, settled: bool = False) -> Iterator[tuple[Change, Device]]:
        """Yield what has become of devices since this was last asked.

        Args: settled: nothing more is waited for, as the scan is over.
        """
        for device in self._fitting.values():
            if (change := self._change(device, now_s, settled)) is not None:
                self.found += device.told_s < 0
                device.told_s = now_s
                device.told = None if change is Change.GONE else device.says
                device.gone = change is Change.GONE
                yield change, device

    def _change(self, device: Device, now_s: float, settled: bool) -> Change | None:
        if device.gone:
            return None
        if device.told is None:
            waited = settled or device.answers or now_s - device.first_s >= SETTLE_S
            return Change.NEW if waited else None
        if now_s - device.last_s >= GONE_S:
            return Change.GONE
        if device.told != device.says and (settled or now_s - device.told_s >= _CHANGES_S):
            return Change.CHANGED
        return None

    def _make_room(self) -> None:
        if len(self._all) >= self.most:
            address = next(iter(self._all))
            del self._all[address]
            self._fitting.pop(address, None)
            self.dropped += 1
