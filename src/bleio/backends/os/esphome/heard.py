"""What one proxy has heard lately, within bounds.

habluetooth remembers every device for minutes, however many there are. In a station, or where
somebody sends from a new address each time, that is memory without an end. So it is told of a
device only when the program connects to it; until then the last packet of each device is here, in a
table with a bound, from which the device that was silent for longest is dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_DEVICES = 1024
FRESH_S = 30.0  # a device that was silent for longer is waited for
MOST_OCTETS = 255 + 31  # extended advertising data, or a packet of each kind
# A packet takes at least 0.1 ms, and a radio hears one channel; a tenth of this is usual.
MOST_REPORTS_A_SECOND = 6000

_SMOOTHING = 0.25
_RSSI_DBM = range(-127, 21)
_KINDS = range(4)


@dataclass(slots=True)
class Heard:
    """The last packet of one device; `rssi_dbm` is smoothed, as it jumps from packet to packet."""

    kind: int
    rssi_dbm: float
    data: bytes
    first_s: float
    last_s: float


class HeardTable:
    """The devices that one proxy hears, by address."""

    def __init__(self) -> None:
        self._devices: OrderedDict[int, Heard] = OrderedDict()

    def add(self, address: int, kind: int, rssi_dbm: int, data: bytes, now_s: float) -> None:
        """A packet was heard. Args: kind: the address's type, as the API has it."""
        heard = self._devices.get(address)
        if heard is None or now_s - heard.last_s > FRESH_S:
            self._devices[address] = Heard(kind, rssi_dbm, data, now_s, now_s)
            if len(self._devices) > MOST_DEVICES:
                self._devices.popitem(last=False)
        else:
            heard.kind, heard.data, heard.last_s = kind, data, now_s
            heard.rssi_dbm += (rssi_dbm - heard.rssi_dbm) * _SMOOTHING
        self._devices.move_to_end(address)

    def fresh(self, address: int, now_s: float) -> Heard | None:
        """Return what was heard of a device within the last half minute."""
        heard = self._devices.get(address)
        return heard if heard is not None and now_s - heard.last_s <= FRESH_S else None

    def __len__(self) -> int:
        return len(self._devices)


class Pace:
    """Counts what comes, second by second."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since_s = 0.0
        self._count = 0

    def exceeded(self, more: int, now_s: float) -> bool:
        """Count some more. Returns: whether there were too many within a second."""
        if now_s - self._since_s > 1:
            self._since_s, self._count = now_s, 0
        self._count += more
        return self._count > self._most


def is_possible(address: int, kind: int, rssi_dbm: int, data: bytes) -> bool:
    """Whether a radio can have heard that."""
    return (
        address < 1 << 48 and kind in _KINDS and rssi_dbm in _RSSI_DBM and len(data) <= MOST_OCTETS
    )


def is_random(kind: int) -> bool:
    """Whether an address is random; ESP-IDF has two more types for resolved ones."""
    return bool(kind & 1)


def address_in(text: str) -> int:
    """Return an address as the API has it, of a text such as C0:11:22:33:44:55."""
    return int(text.replace(":", ""), 16)


def text_of(address: int) -> str:
    """Return the text of an address."""
    return address.to_bytes(6, "big").hex(":").upper()
