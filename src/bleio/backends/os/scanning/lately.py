"""Which devices the kernel has told of lately, so that bluetoothd need not tell of them again.

Both tell the same packets, the kernel sooner and octet for octet. But one device is heard of by
bluetoothd alone: a bonded peer with a private address, which the kernel resolves for bluetoothd and
shows as it was on air to all that listen. Under its identity it is what the program looks for. So
private addresses are not noted here where the adapter has bonds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from bleio.core.address import DeviceAddress

LATELY_S = 3.0  # bluetoothd's signals are late by far less
MOST_ADDRESSES = 2048


class HeardLately:
    """The devices of the last `LATELY_S`. Args: `clock`: any clock, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times_s: OrderedDict[DeviceAddress, float] = OrderedDict()

    def add(self, address: DeviceAddress) -> None:
        """Note that a device was heard just now; the longest unheard gives way."""
        self._times_s[address] = self._clock()
        self._times_s.move_to_end(address)
        if len(self._times_s) > MOST_ADDRESSES:
            self._times_s.popitem(last=False)

    def __contains__(self, address: DeviceAddress) -> bool:
        time_s = self._times_s.get(address)
        return time_s is not None and self._clock() - time_s <= LATELY_S
